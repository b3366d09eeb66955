"""Searching a list of places that is held whole: for carriers whose own API cannot search a map.

A cursor says after which place a page begins, not at which number: a list that changed meanwhile
neither repeats nor skips any other place.
"""

import base64
import binascii
import heapq
import math
import zlib
from collections.abc import Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

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


S = TypeVar("S", bound=Spot)


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
    rank: float
    id: str


_AFTER = msgspec.json.Decoder(_After)


Vector = tuple[float, float, float]
"""A point on a sphere of radius 1: the angle between two of them costs three multiplications."""


class PlaceList(Generic[S]):
    """Places that are searched again and again; making one costs more than searching it."""

    def __init__(self, spots: Iterable[S]) -> None:
        self.spots = tuple(spots)
        self._vectors = [to_vector(spot.latitude, spot.longitude) for spot in self.spots]

    def search(self, query: LocationQuery) -> Hits:
        """A page of the places that fit, nearest first when a point is given, else by id; raises BadCursor."""
        subject = _subject(query)
        after = None if query.after is None else _read(query.after, subject)
        found = self._keys(query)
        left = found if after is None else [key for key in found if key[:2] > after]
        cut = heapq.nsmallest(query.first, left)
        hits = tuple(self._hit(key, query.near, subject) for key in cut)
        page = Page(
            has_next_page=len(cut) < len(left),
            has_previous_page=len(left) < len(found),
            start_cursor=hits[0].cursor if hits else None,
            end_cursor=hits[-1].cursor if hits else None,
        )
        return Hits(hits, len(found), page)

    def _keys(self, query: LocationQuery) -> list[tuple[float, str, int]]:
        """What fits, as sortable rows: how far away (not in metres), id, position."""
        kinds, within = frozenset(query.kinds), query.within
        fitting = [
            at
            for at, spot in enumerate(self.spots)
            if (not kinds or spot.kind in kinds) and (within is None or is_within(spot, within))
        ]
        if query.near is None:
            return [(0.0, self.spots[at].id, at) for at in fitting]
        east, north, up = to_vector(query.near.latitude, query.near.longitude)
        vectors, spots = self._vectors, self.spots
        return [
            (-(vector[0] * east + vector[1] * north + vector[2] * up), spots[at].id, at)
            for at in fitting
            for vector in (vectors[at],)
        ]

    def _hit(self, key: tuple[float, str, int], near: GeoPoint | None, subject: int) -> Hit:
        rank, own, at = key
        distance = None if near is None else metres(near, self.spots[at])
        return Hit(at, distance, _cursor(_After(subject, rank, own)))


def to_vector(latitude: float, longitude: float) -> Vector:
    """The point on the sphere."""
    north, east = math.radians(latitude), math.radians(longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


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


def _read(cursor: str, subject: int) -> tuple[float, str]:
    """After which row a page begins; raises BadCursor."""
    try:
        after = _AFTER.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise BadCursor from None
    if after.subject != subject:
        raise BadCursor
    return after.rank, after.id
