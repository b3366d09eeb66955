"""What all contracts share: operations, the shopper's context, limits, pages and cursors."""

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

Channel = Literal["WEB", "IOS", "ANDROID", "IN_STORE"]
LocationKind = Literal["STORE", "WAREHOUSE", "PICKUP_POINT", "PARCEL_LOCKER"]

Json = dict[str, Any]


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """A request's body or a part of it. Fields that the contract does not have are ignored."""


class Context(Request, frozen=True, kw_only=True):
    """Where, through which channel, in which currency and language one shops."""

    locality_id: str
    channel: Channel
    currency: str
    language: str


class PersonalContext(Context, frozen=True, kw_only=True):
    """The same, and who asks."""

    customer_id: str | None = None


class Point(Request, frozen=True):
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]


Q = TypeVar("Q", bound=Request)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operation(Generic[Q]):
    """One endpoint. `limit` is the most keys that one request may have, over all of its `keys` fields."""

    name: str
    path: str
    request: type[Q]
    answer: Callable[[Q], Json]
    keys: tuple[str, ...] = ()
    limit: int = 0
    method: str = "POST"

    def count(self, request: Q) -> int:
        """How many keys a request has."""
        return sum(len(getattr(request, name) or ()) for name in self.keys)


class Refusal(Exception):
    """The request cannot be answered; becomes problem+json."""

    def __init__(self, status: int, title: str, detail: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail
        self.retry_after_s = retry_after_s


class BadCursor(Exception):
    """A cursor that was not given for this very query."""


def cursor(subject: str, offset: int) -> str:
    """An opaque place in the list that `subject` describes: `offset` items come before the end of it."""
    return base64.urlsafe_b64encode(f"{offset}.{_mark(subject, offset)}".encode()).decode().rstrip("=")


def read_cursor(subject: str, text: str | None) -> int:
    """How many items to skip; raises BadCursor for anything that `cursor` did not make for this subject."""
    if text is None:
        return 0
    try:
        offset, _, mark = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(".")
    except (binascii.Error, ValueError):
        raise BadCursor from None
    if not offset.isdigit() or mark != _mark(subject, int(offset)) or cursor(subject, int(offset)) != text:
        raise BadCursor
    return int(offset)


def _mark(subject: str, offset: int) -> str:
    return f"{zlib.crc32(f'{subject}/{offset}'.encode()):08x}"


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """A page of a longer list: its items with their cursors."""

    items: list[tuple[T, str]]
    page: Json


def cut(items: Sequence[T], subject: str, first: int, after: str | None) -> Slice[T]:
    """The page after a cursor; raises BadCursor."""
    start = read_cursor(subject, after)
    found = [(item, cursor(subject, start + place)) for place, item in enumerate(items[start : start + first], 1)]
    return Slice(
        found,
        {
            "hasNextPage": start + len(found) < len(items),
            "hasPreviousPage": start > 0 and bool(items),
            "startCursor": found[0][1] if found else None,
            "endCursor": found[-1][1] if found else None,
        },
    )


def problem(code: str) -> Json:
    """The failure of one query in a batch."""
    return {"problem": {"code": code}}


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Refuse a number out of bounds, with both named."""
    if not low <= value <= high:
        raise Refusal(400, "Bad Request", f"{name}: expected {low} to {high}, got {value}")
