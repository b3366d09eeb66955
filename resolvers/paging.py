"""Pages of longer lists, Relay style; cursors are the owner's, passed through unread."""

import enum
from collections.abc import Iterable
from typing import Annotated, TypeVar

from clients import values
from resolvers.fields import Argument, describes, plain
from resolvers.refusals import BadInput

First = Annotated[int, Argument(description="Page size, at most 100.")]
After = Annotated[str | None, Argument(description="Cursor to continue after.")]
LONGEST_CURSOR = 2048
E = TypeVar("E", bound=enum.Enum)


def page_size(first: int, at_most: int = 100) -> int:
    """`first`, when it is a page size that the field promises; else a BadInput."""
    if not 1 <= first <= at_most:
        raise BadInput(f"Expected `first` between 1 and {at_most}, got {first}.")
    return first


def cursor(after: str | None) -> str | None:
    """`after`, when it can be a cursor at all; whether it is one, its owner knows."""
    if after is not None and not 1 <= len(after) <= LONGEST_CURSOR:
        raise BadInput(f"Expected `after` to be a cursor of this list, got a text of {len(after)} characters.")
    return after


def chosen(kinds: Iterable[E] | None) -> tuple[E, ...]:
    """The kinds that a client asks for, each once and in one order, so that equal questions have equal keys."""
    return tuple(sorted(set(kinds or ()), key=lambda kind: str(kind.value)))


@describes(values.Page)
class PageInfo:
    """Relay page information."""

    has_next_page: bool = plain("Whether more follow.")
    has_previous_page: bool = plain("Whether more precede.")
    start_cursor: str | None = plain("Cursor of the first edge.")
    end_cursor: str | None = plain("Cursor of the last edge.")
