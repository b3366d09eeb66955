"""Searching a list of places: rectangles, distances and cursors."""

import random
from typing import NamedTuple

import pytest

from clients.delivery.places import BadCursor, PlaceList, metres
from clients.delivery.protocol import LocationQuery
from clients.values import GeoBox, GeoPoint, LocationKind


class Spot(NamedTuple):
    id: str
    latitude: float
    longitude: float
    kind: LocationKind = LocationKind.PICKUP_POINT


def box(south: float, west: float, north: float, east: float) -> GeoBox:
    return GeoBox(
        south_west=GeoPoint(latitude=south, longitude=west), north_east=GeoPoint(latitude=north, longitude=east)
    )


def ids(spots: list[Spot], query: LocationQuery) -> list[str]:
    return [spots[hit.at].id for hit in PlaceList(spots).search(query).hits]


def test_a_rectangle_may_lie_across_the_date_line() -> None:
    """Anadyr is in one from Kamchatka to Alaska, and London is not."""
    spots = [Spot("anadyr", 64.7, 177.5), Spot("nome", 64.5, -165.4), Spot("london", 51.5, -0.1)]

    assert ids(spots, LocationQuery(first=9, within=box(50, 155, 70, -150))) == ["anadyr", "nome"]
    assert ids(spots, LocationQuery(first=9, within=box(50, -10, 70, 10))) == ["london"]


def test_distance_is_along_the_globe() -> None:
    """From Moscow to Saint Petersburg, and across the date line."""
    moscow = GeoPoint(latitude=55.7558, longitude=37.6173)
    assert metres(moscow, Spot("spb", 59.9343, 30.3351)) == pytest.approx(634_000, rel=0.01)
    assert metres(GeoPoint(latitude=0, longitude=179.5), Spot("x", 0, -179.5)) == pytest.approx(111_195, rel=0.001)


def test_nearest_first_is_by_the_distance_that_is_told() -> None:
    """The quick order and the told metres agree, all over the globe."""
    dice = random.Random(7)
    spots = [Spot(f"p{number}", dice.uniform(-90, 90), dice.uniform(-180, 180)) for number in range(400)]
    for _ in range(20):
        near = GeoPoint(latitude=dice.uniform(-90, 90), longitude=dice.uniform(-180, 180))
        distances = [hit.distance or 0 for hit in PlaceList(spots).search(LocationQuery(first=400, near=near)).hits]
        assert distances == sorted(distances)


def test_a_list_that_changed_neither_repeats_nor_skips() -> None:
    """A cursor says after which place: new ones before it and lost ones do not move the next page."""
    spots = [Spot(f"p{number}", 55, 37 + number / 100) for number in range(6)]
    near = GeoPoint(latitude=55, longitude=37)
    for query in (LocationQuery(first=3), LocationQuery(first=3, near=near)):
        end = PlaceList(spots).search(query).page.end_cursor
        changed = [Spot("p00", 55, 37.001), *spots[:1], *spots[3:]]

        assert ids(changed, LocationQuery(first=3, near=query.near, after=end)) == ["p3", "p4", "p5"]


def test_places_at_one_distance_have_an_order() -> None:
    """Lockers of one building come page by page too."""
    spots = [Spot(name, 55, 37) for name in "dbca"]
    near = GeoPoint(latitude=55.1, longitude=37)
    first = PlaceList(spots).search(LocationQuery(first=2, near=near))

    assert [spots[hit.at].id for hit in first.hits] == ["a", "b"]
    assert ids(spots, LocationQuery(first=9, near=near, after=first.page.end_cursor)) == ["c", "d"]
    assert first.total_count == 4


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "bnVsbA", "WzEsMl0", "\x00", "=" * 5])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    """Whatever somebody writes there."""
    with pytest.raises(BadCursor):
        PlaceList([Spot("a", 1, 1)]).search(LocationQuery(first=1, after=cursor))
