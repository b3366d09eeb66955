"""Texts that clients give: how long they may be before they reach another system."""

from resolvers.refusals import BadInput

LONGEST_NAME = 200
"""Ids, handles, stock-keeping units, placements, tokens: nobody makes longer ones."""

LONGEST_TEXT = 500
"""What people type into a search box or a comment."""

_SHOWN = 40


def shown(given: str) -> str:
    """The beginning of a client's text, to quote it in a refusal."""
    return repr(given) if len(given) <= _SHOWN else f"{given[:_SHOWN]!r} and {len(given) - _SHOWN} characters more"


def bounded(given: str, argument: str, at_most: int = LONGEST_NAME) -> str:
    """`given`, when it is not longer than anybody means; else a BadInput."""
    if len(given) > at_most:
        raise BadInput(f"Expected `{argument}` of at most {at_most} characters, got {len(given)}.")
    return given


def named(given: str, argument: str) -> str:
    """`given`, when it can name something: not empty and not too long; else a BadInput."""
    if not given:
        raise BadInput(f"Expected `{argument}` to name something, got an empty text.")
    return bounded(given, argument)


def searched(text: str, argument: str = "query") -> str:
    """A text to look for, when it is one that people type; else a BadInput."""
    return bounded(text, argument, LONGEST_TEXT).strip()
