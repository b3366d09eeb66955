"""One suite over all delivery adapters: the same promises, the same errors, whoever brings the goods."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from clients.delivery.protocol import (
    DeliveryPromise,
    Destination,
    DestinationAddress,
    Location,
    LocationQuery,
    LocationsFound,
    PromiseKey,
)
from clients.errors import SourceError, SourceThrottled, SourceUnavailable
from clients.scope import InContext, Public
from clients.values import (
    Dataset,
    DataSource,
    DeliveryMethod,
    GeoBox,
    GeoPoint,
    LocationKind,
    Problem,
    SalesChannel,
)
from tests.vendors.carriers import CARRIERS, Rig, Time
from tests.vendors.faults import FAULTS, VENDOR_TEXT

CONTEXT = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
PUBLIC = Public(language="ru")
BOOTS = "LUM-000001-01"
TO_KAZAN = Destination(locality_id="kzn")
KREMLIN = GeoPoint(latitude=55.75, longitude=37.61)
PICKED_UP = {DeliveryMethod.PICKUP_POINT, DeliveryMethod.PARCEL_LOCKER}
POINTS = (LocationKind.PICKUP_POINT, LocationKind.PARCEL_LOCKER)


@pytest.fixture(params=sorted(CARRIERS))
def rig(request: pytest.FixtureRequest) -> Rig:
    made: Rig = CARRIERS[request.param](Time())
    return made


async def promise(rig: Rig, to: Destination = TO_KAZAN, sku: str = BOOTS) -> DeliveryPromise:
    key = PromiseKey(sku=sku, to=to)
    outcome = (await rig.adapter.fetch_promises([key], CONTEXT))[key]
    assert isinstance(outcome, DeliveryPromise), outcome.detail
    return outcome


async def found(rig: Rig, **query: Any) -> LocationsFound:
    key = LocationQuery(first=query.pop("first", 7), **query)
    outcome = (await rig.adapter.search_locations([key], PUBLIC))[key]
    assert isinstance(outcome, LocationsFound), outcome.detail
    return outcome


async def test_a_promise_tells_methods_soonest_first(rig: Rig) -> None:
    """Each with a date from today on and a cost in the currency of the context."""
    told = await promise(rig)

    dates = [method.earliest for method in told.methods]
    assert dates == sorted(dates)
    assert dates[0] >= rig.time.at.date()
    assert {DeliveryMethod.COURIER, *PICKED_UP} <= {method.method for method in told.methods}
    assert len({method.method for method in told.methods}) == len(told.methods)
    assert all(method.cost_from.amount >= 0 and method.cost_from.currency_code == "RUB" for method in told.methods)
    assert all(method.order_before is None or method.order_before > rig.time.at for method in told.methods)
    assert (told.sku, told.failures) == (BOOTS, ())


async def test_a_promise_says_where_it_is_from(rig: Rig) -> None:
    """The role of the source, never the vendor; the moment at which it was computed."""
    freshness = (await promise(rig)).freshness

    assert (freshness.source, freshness.dataset) == (DataSource.DELIVERY, Dataset.DELIVERY_PROMISE)
    assert freshness.observed_at == rig.time.at
    assert freshness.received_at == rig.time()


async def test_a_city_can_be_named_in_three_ways(rig: Rig) -> None:
    """Its id, an address in it and a point in it come to the same promise."""
    by_id = await promise(rig)
    by_address = await promise(rig, Destination(address=DestinationAddress(city="Казань", street="Баумана")))
    by_point = await promise(rig, Destination(point=GeoPoint(latitude=55.796, longitude=49.106)))

    assert by_id.methods[0].cost_from == by_address.methods[0].cost_from == by_point.methods[0].cost_from
    assert {m.method for m in by_id.methods} == {m.method for m in by_address.methods}


async def test_an_unknown_place_has_no_methods(rig: Rig) -> None:
    """It is an answer, and not a failure of the source."""
    assert (await promise(rig, Destination(locality_id="atlantis"))).methods == ()
    assert (await promise(rig, Destination(point=GeoPoint(latitude=-40.0, longitude=-120.0)))).methods == ()


async def test_nothing_asked_is_nothing_sent(rig: Rig) -> None:
    """No keys, no call, not even for a token."""
    assert await rig.adapter.fetch_promises([], CONTEXT) == {}
    assert await rig.adapter.fetch_locations([], PUBLIC) == {}
    assert await rig.adapter.search_locations([], PUBLIC) == {}
    assert rig.wire.requests == []


async def test_pages_of_places_neither_repeat_nor_skip(rig: Rig) -> None:
    """Cursor by cursor the whole list comes, and the last page says that it is the last."""
    seen: list[str] = []
    after, number = None, 0
    while True:
        page = await found(rig, locality_id="msk", kinds=POINTS, after=after)
        assert page.page.has_previous_page is bool(number)
        seen += [entry.location_id for entry in page.entries]
        if not page.page.has_next_page:
            break
        after, number = page.page.end_cursor, number + 1

    assert len(seen) == len(set(seen)) == page.total_count > 7
    assert number > 0


async def test_places_are_nearest_first(rig: Rig) -> None:
    """When a point is given; every entry says how far it is and has its place."""
    page = await found(rig, near=KREMLIN, kinds=POINTS)

    distances = [entry.distance or 0 for entry in page.entries]
    assert distances == sorted(distances)
    assert distances[-1] > 0
    assert all(page.by_id[entry.location_id].address.locality_id == "msk" for entry in page.entries)


@pytest.mark.parametrize("kind", POINTS)
async def test_places_can_be_narrowed(rig: Rig, kind: LocationKind) -> None:
    """By kind, by a map's rectangle and by locality."""
    box = GeoBox(
        south_west=GeoPoint(latitude=59, longitude=29), north_east=GeoPoint(latitude=61, longitude=31)
    )  # fmt: skip
    on_map = await found(rig, within=box, kinds=(kind,))
    in_town = await found(rig, locality_id="spb", kinds=(kind,))

    assert on_map.total_count == in_town.total_count > 0
    assert {place.kind for place in on_map.locations} == {kind}
    assert (await found(rig, locality_id="atlantis", kinds=(kind,))).total_count == 0


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "!!!", "WzEsMiwiYSJd", "ы" * 9])
async def test_a_bad_cursor_is_a_problem_of_the_query(rig: Rig, cursor: str) -> None:
    """The client is told; the source is well."""
    page = await found(rig, after=cursor, kinds=POINTS)

    assert page.problem is Problem.BAD_CURSOR


async def test_a_cursor_of_another_list_is_bad(rig: Rig) -> None:
    """A page of one city does not begin where one of another ended."""
    cursor = (await found(rig, locality_id="msk", kinds=POINTS)).page.end_cursor

    assert (await found(rig, locality_id="spb", kinds=POINTS, after=cursor)).problem is Problem.BAD_CURSOR


async def test_a_place_found_is_found_again_by_its_id(rig: Rig) -> None:
    """And it is the same place; an id that nobody has is absent."""
    place = (await found(rig, near=KREMLIN, kinds=POINTS)).locations[0]

    outcomes = await rig.adapter.fetch_locations([place.id, "nowhere", "cdek-", "cdek-NOWHERE9"], PUBLIC)

    assert outcomes == {place.id: place}


async def test_a_place_can_be_gone_to(rig: Rig) -> None:
    """It has a title, an address, a time zone, seven days with hours in that zone, and a telephone."""
    place = (await found(rig, near=KREMLIN, kinds=(LocationKind.PICKUP_POINT,))).locations[0]

    assert isinstance(place, Location)
    assert place.title
    assert place.address.formatted
    assert place.time_zone == "Europe/Moscow"
    assert [day.date.isoweekday() for day in place.opening_hours] == [1, 2, 3, 4, 5, 6, 7]
    opens = place.opening_hours[0].opens_at
    assert opens is not None
    assert (opens.hour, opens.utcoffset()) == (9, rig.time.at.astimezone(opens.tzinfo).utcoffset())
    assert place.opening_hours[6].opens_at is None
    assert place.phone is not None
    assert place.phone.startswith("+7")


async def test_ping_asks_the_system(rig: Rig) -> None:
    """It passes when the system is well, and raises when it is not."""
    await rig.adapter.ping()
    rig.wire.fault = lambda _: httpx.Response(503, text=VENDOR_TEXT)

    with pytest.raises(SourceUnavailable):
        await rig.adapter.ping()


def only_answers(fault: Callable[[httpx.Request], httpx.Response]) -> Callable[[httpx.Request], httpx.Response | None]:
    """The fault everywhere but where tokens are given out: those have tests of their own."""
    return lambda request: None if "oauth" in request.url.path else fault(request)


@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=[f"{n}-{kind.__name__}" for n, (_, kind) in enumerate(FAULTS)])
async def test_a_failure_is_the_value_of_its_keys(
    rig: Rig, fault: Callable[[httpx.Request], httpx.Response], kind: type[SourceError]
) -> None:
    """The same fault is the same error, in our words: no method raises, and no text of a vendor gets out."""
    rig.wire.fault = only_answers(fault)
    key, query, place = PromiseKey(sku=BOOTS, to=TO_KAZAN), LocationQuery(first=5), "cdek-MSK1"

    outcomes = [
        (await rig.adapter.fetch_promises([key], CONTEXT))[key],
        (await rig.adapter.search_locations([query], PUBLIC))[query],
        (await rig.adapter.fetch_locations([place], PUBLIC))[place],
    ]

    for outcome in outcomes:
        assert isinstance(outcome, kind)
        assert VENDOR_TEXT not in f"{outcome} {outcome.extensions}"
        if kind is SourceThrottled:
            assert outcome.retry_after_s == 7
