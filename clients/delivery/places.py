"""Searching a list of places that is held whole: for carriers whose own API cannot search a map.

A cursor says after which place a page begins, not at which number: a list that changed meanwhile
neither repeats nor skips any other place.
"""

import base64
import binascii
import math
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from clients.delivery.protocol import LocationQuery
from clients.values import GeoBox, GeoPoint, LocationKind, Page

EARTH_M = 6_371_000.0


class Spot(Protocol):
    """What a search has to know of a place."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> LocationKind: ...
    @property
    def latitude(self) -> float: ...
    @property
    def longitude(self) -> float: ...


class Hit(NamedTuple):
    """A place found: its position in what was searched, its distance in metres, and its cursor."""

    at: int
    distance: int | None
    cursor: str


class Hits(NamedTuple):
    """A page of hits."""

    hits: tuple[Hit, ...]
    total_count: int
    page: Page


class BadCursor(ValueError):
    """A cursor of another list, or none at all."""


class _After(msgspec.Struct, frozen=True, array_like=True):
    subject: int
    distance: int
    id: str


_AFTER = msgspec.json.Decoder(_After)


def search(spots: Sequence[Spot], query: LocationQuery) -> Hits:
    """A page of the places that fit, nearest first when a point is given, else by id; raises BadCursor."""
    near, within, kinds = query.near, query.within, frozenset(query.kinds)
    found = sorted(
        (0 if near is None else metres(near, spot), spot.id, at)
        for at, spot in enumerate(spots)
        if (not kinds or spot.kind in kinds) and (within is None or is_within(spot, within))
    )
    subject = _subject(query)
    start = 0 if query.after is None else _start(found, query.after, subject)
    cut = found[start : start + query.first]
    hits = tuple(
        Hit(at, None if near is None else distance, _cursor(_After(subject, distance, key)))
        for distance, key, at in cut
    )
    page = Page(
        has_next_page=start + len(cut) < len(found),
        has_previous_page=start > 0,
        start_cursor=hits[0].cursor if hits else None,
        end_cursor=hits[-1].cursor if hits else None,
    )
    return Hits(hits, len(found), page)


def metres(point: GeoPoint, spot: Spot) -> int:
    """Great-circle distance on a sphere of 6,371 km (haversine)."""
    north, south = math.radians(point.latitude), math.radians(spot.latitude)
    chord = (
        math.sin((south - north) / 2) ** 2
        + math.cos(north) * math.cos(south) * math.sin(math.radians(spot.longitude - point.longitude) / 2) ** 2
    )
    return round(2 * EARTH_M * math.asin(min(1.0, math.sqrt(chord))))


def is_within(spot: Spot, box: GeoBox) -> bool:
    """Whether a place lies in a rectangle, which may lie across the date line."""
    if not box.south_west.latitude <= spot.latitude <= box.north_east.latitude:
        return False
    west, east = box.south_west.longitude, box.north_east.longitude
    return west <= spot.longitude <= east if west <= east else not east < spot.longitude < west


def _subject(query: LocationQuery) -> int:
    """What a cursor belongs to: everything that is asked except which page."""
    return zlib.crc32(
        msgspec.json.encode((query.near, query.within, sorted(k.value for k in query.kinds), query.locality_id))
    )


def _cursor(after: _After) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).decode().rstrip("=")


def _start(found: Sequence[tuple[int, str, int]], cursor: str, subject: int) -> int:
    try:
        after = _AFTER.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise BadCursor from None
    if after.subject != subject:
        raise BadCursor
    return bisect_right(found, (after.distance, after.id, len(found)))
