"""Which media types a client sends and takes (GraphQL over HTTP, sections 5 and 6; RFC 9110, 12.5.1)."""

import enum
from dataclasses import dataclass
from functools import lru_cache

from gateway.http.errors import Code, Refused


class Media(enum.Enum):
    """What we write; the value is the `content-type` of the answer."""

    GRAPHQL = b"application/graphql-response+json; charset=utf-8"
    JSON = b"application/json; charset=utf-8"
    MULTIPART = b'multipart/mixed; boundary="-"'
    EVENTS = b"text/event-stream; charset=utf-8"


class Increments(enum.Enum):
    """How a client reads `@defer` and `@stream` in a multipart answer."""

    BY_PATH = "deferSpec=20220824"
    BY_ID = "incrementalSpec=v0.2"


@dataclass(frozen=True, slots=True)
class Accepts:
    """`single` for one whole answer (None: the client takes streams only), and the streams it reads."""

    single: Media | None
    increments: Increments | None = None
    events: bool = False
    prefers_events: bool = False
    subscriptions: bool = False


@dataclass(frozen=True, slots=True)
class _Range:
    media: str
    parameters: frozenset[str]
    quality: float


@lru_cache(maxsize=512)
def read_accept(header: bytes) -> Accepts:
    """Read `Accept`; an absent header is read as `*/*`. Refuses when there is nothing that we could write."""
    ranges = _ranges(header.decode("latin-1")) or [_Range("*/*", frozenset(), 1.0)]
    graphql = _quality(ranges, "application/graphql-response+json")
    plain = _quality(ranges, "application/json")
    named = any(item.media == "application/graphql-response+json" for item in ranges)
    events = _explicit(ranges, "text/event-stream")
    accepts = Accepts(
        single=_single(graphql if named else min(graphql, plain / 2), plain),
        increments=_increments(ranges),
        events=events > 0,
        prefers_events=events > max(graphql, plain),
        subscriptions=any("subscriptionspec=1.0" in item.parameters for item in ranges),
    )
    if accepts.single is None and not (accepts.increments or accepts.events):
        raise Refused(
            Code.NOT_ACCEPTABLE,
            "Expected to be allowed to answer with application/graphql-response+json or application/json; "
            "the Accept header allows neither.",
        )
    return accepts


def _single(graphql: float, plain: float) -> Media | None:
    if max(graphql, plain) <= 0:
        return None
    return Media.GRAPHQL if graphql >= plain else Media.JSON


def _increments(ranges: list[_Range]) -> Increments | None:
    for item in ranges:
        if item.media == "multipart/mixed" and item.quality > 0:
            return Increments.BY_ID if "incrementalspec=v0.2" in item.parameters else Increments.BY_PATH
    return None


def _explicit(ranges: list[_Range], media: str) -> float:
    return max((item.quality for item in ranges if item.media == media), default=0.0)


def _quality(ranges: list[_Range], media: str) -> float:
    """Quality by the most specific range that matches."""
    for pattern in (media, media.split("/", 1)[0] + "/*", "*/*"):
        found = [item.quality for item in ranges if item.media == pattern]
        if found:
            return max(found)
    return 0.0


def _ranges(header: str) -> list[_Range]:
    return [_range(part) for part in header.lower().split(",") if part.strip()]


def _range(part: str) -> _Range:
    media, *parameters = (piece.strip() for piece in part.split(";"))
    quality = 1.0
    rest = set()
    for parameter in parameters:
        if parameter.startswith("q="):
            quality = _number(parameter[2:])
        else:
            rest.add(parameter.replace('"', ""))
    return _Range(media, frozenset(rest), quality)


def _number(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


@lru_cache(maxsize=128)
def is_json(content_type: bytes) -> bool:
    """Whether a body is `application/json` in UTF-8: exactly that, since a browser preflights nothing else of ours."""
    media, *parameters = (piece.strip() for piece in content_type.decode("latin-1").lower().split(";"))
    if media != "application/json":
        return False
    charsets = [piece[8:].strip('"') for piece in parameters if piece.startswith("charset=")]
    return all(charset in ("utf-8", "utf8") for charset in charsets)
