"""Global ids: opaque to clients, a kind and the owner's key to us.

An id is `<kind>_<key>`, for example `prd_1042`. Kinds are short, stable and never reused.
"""

import enum
from collections.abc import Sequence
from typing import Any

import strawberry

from resolvers.fields import interface, plain, pure
from resolvers.refusals import BadInput
from resolvers.texts import LONGEST_NAME, shown


class Kind(enum.StrEnum):
    """What a global id stands for."""

    PRODUCT = "prd"
    VARIANT = "var"
    BRAND = "brd"
    CATEGORY = "cat"
    PROMOTION = "pro"
    LOCATION = "loc"
    LOCALITY = "cty"
    CUSTOMER = "cus"
    COMPANY = "com"
    ADDRESS = "adr"
    LOYALTY_ACCOUNT = "lty"
    POINTS_MOVEMENT = "mov"
    CART = "crt"


KINDS = {kind.value: kind for kind in Kind}


def global_id(kind: Kind, key: str) -> strawberry.ID:
    """Make the id that clients see."""
    return strawberry.ID(f"{kind.value}_{key}")


def read_id(given: str) -> tuple[Kind, str] | None:
    """The kind and key of an id, or None when we never made such an id."""
    kind, _, key = given.partition("_")
    known = KINDS.get(kind)
    return (known, key) if known and 0 < len(key) <= LONGEST_NAME else None


def key_of(kind: Kind, given: str) -> str | None:
    """The key of an id of this kind; None for any other string, which then names nothing."""
    known = read_id(given)
    return known[1] if known and known[0] is kind else None


def expected_key(kind: Kind, given: str, argument: str) -> str:
    """The key of an id that must be of this kind; a BadInput tells the client what was expected."""
    key = key_of(kind, given)
    if key is None:
        raise BadInput(f"Expected `{argument}` to be an id like `{kind.value}_...`, got {shown(given)}.")
    return key


def given_key(kind: Kind, given: str | None, argument: str) -> str | None:
    """The key of an id that may be left out or null; an empty one is not left out, it is refused."""
    return None if given is None or given is strawberry.UNSET else expected_key(kind, given, argument)


def identity(kind: Kind, attribute: str = "id", description: str = "Global id.") -> Any:
    """Declare the `id` of a type from the owner's key."""

    def make_id(value: Any, _context: Any, /) -> strawberry.ID:
        return global_id(kind, getattr(value, attribute))

    make_id.__doc__ = description
    return pure(strawberry.ID)(make_id)


def reference(kind: Kind, attribute: str, description: str) -> Any:
    """Declare a nullable id of something that another value mentions by its key."""

    def make_id(value: Any, _context: Any, /) -> strawberry.ID | None:
        key = getattr(value, attribute)
        return None if key is None else global_id(kind, key)

    make_id.__doc__ = description
    return pure(strawberry.ID | None)(make_id)


def ids(kind: Kind, keys: Sequence[str]) -> list[strawberry.ID]:
    """Global ids of many keys."""
    return [global_id(kind, key) for key in keys]


@interface
class Node:
    """An object that can be fetched again by a global opaque id."""

    id: strawberry.ID = plain("Global, opaque and stable id.")
