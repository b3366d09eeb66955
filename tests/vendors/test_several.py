"""Two carriers in one domain: one list, and a failure that is named instead of spread."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from clients.delivery.protocol import (
    DeliveryPromise,
    Destination,
    LocationQuery,
    LocationsFound,
    PromiseKey,
)
from clients.errors import SourceError, SourceFailureCode, SourceUnavailable
from clients.http import CallTerms, call_terms
from clients.scope import InContext, Public
from clients.values import DeliveryMethod, GeoPoint, LocationKind, SalesChannel
from tests.vendors.carriers import Rig, Time, cdek, generic, several

CONTEXT = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
PUBLIC = Public(language="ru")
TO_KAZAN = PromiseKey(sku="LUM-000001-01", to=Destination(locality_id="kzn"))
KREMLIN = GeoPoint(latitude=55.75, longitude=37.61)


@pytest.fixture
def rig() -> Rig:
    return several(Time())


async def promised(rig: Rig, key: PromiseKey = TO_KAZAN) -> DeliveryPromise:
    outcome = (await rig.adapter.fetch_promises([key], CONTEXT))[key]
    assert isinstance(outcome, DeliveryPromise), outcome.detail
    return outcome


async def found(rig: Rig, query: LocationQuery) -> LocationsFound:
    outcome = (await rig.adapter.search_locations([query], PUBLIC))[query]
    assert isinstance(outcome, LocationsFound), outcome.detail
    return outcome


def down(*hosts: str) -> Callable[[httpx.Request], httpx.Response | None]:
    """These systems answer with 503 and a minute to wait."""
    return lambda request: (
        httpx.Response(503, headers={"retry-after": "60"}) if any(host in request.url.host for host in hosts) else None
    )


async def test_each_method_is_promised_by_whoever_is_soonest_and_cheapest(rig: Rig) -> None:
    """Of all carriers that have it; what only one of them has is there too."""
    both = {method.method: method for method in (await promised(rig)).methods}
    alone = [
        {method.method: method for method in (await promised(one(Time()))).methods} for one in (generic, cdek)
    ]  # fmt: skip

    assert set(both) == set(alone[0]) | set(alone[1])
    for method, promise in both.items():
        having = [one[method] for one in alone if method in one]
        assert promise.earliest == min(one.earliest for one in having)
        assert promise.cost_from.amount == min(one.cost_from.amount for one in having)
    assert {DeliveryMethod.STORE_PICKUP, DeliveryMethod.POST} <= set(both)


@pytest.mark.parametrize(("host", "title", "left"), [("cdek", "СДЭК", generic), ("generic", "Галерея", cdek)])
async def test_one_carrier_down_leaves_the_other_s_promises(
    rig: Rig, host: str, title: str, left: Callable[[Time], Rig]
) -> None:
    """And is named in `failures`, with why and when to ask again."""
    rig.wire.fault = down(host)

    promise = await promised(rig)

    assert promise.methods == (await promised(left(Time()))).methods
    (failure,) = promise.failures
    assert (failure.provider, failure.code) == (title, SourceFailureCode.UNAVAILABLE)
    assert failure.retry_after_seconds == 60


async def test_a_carrier_that_hangs_costs_the_others_nothing(rig: Rig) -> None:
    """It is given up on a little before the load is, whatever it hangs in."""
    beneath = rig.wire.beneath

    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "cdek" in request.url.host:
                await asyncio.Event().wait()
            return await beneath.handle_async_request(request)

    rig.wire.beneath = Hanging()
    call_terms.set(CallTerms(deadline=asyncio.get_running_loop().time() + 0.2))
    async with asyncio.timeout(0.2):
        promise = await promised(rig)

    assert [(failure.provider, failure.code) for failure in promise.failures] == [("СДЭК", SourceFailureCode.TIMEOUT)]
    assert promise.methods


async def test_all_carriers_down_is_an_error(rig: Rig) -> None:
    """There is no promise without anybody who makes it."""
    rig.wire.fault = down("cdek", "generic")

    assert isinstance((await rig.adapter.fetch_promises([TO_KAZAN], CONTEXT))[TO_KAZAN], SourceUnavailable)


async def test_a_place_of_a_carrier_that_is_down_is_not_absent(rig: Rig) -> None:
    """Nobody knows whether it exists; places of the other carrier are there."""
    rig.wire.fault = down("cdek")

    outcomes = await rig.adapter.fetch_locations(["store-01", "cdek-MSK1", "nowhere"], PUBLIC)

    assert set(outcomes) == {"store-01", "cdek-MSK1"}
    assert isinstance(outcomes["cdek-MSK1"], SourceError)
    assert outcomes["store-01"].kind is LocationKind.STORE


async def test_a_map_shows_what_the_others_have(rig: Rig) -> None:
    """A page of places has no room for failures; when the carrier is back, the list has all of it again."""
    query = LocationQuery(first=500, locality_id="msk")
    whole = await found(rig, query)
    other = several(Time())
    other.wire.fault = down("cdek")

    part = await found(other, query)

    assert part.total_count == (await found(generic(Time()), query)).total_count
    assert whole.total_count == part.total_count + (await found(cdek(Time()), query)).total_count


async def test_pages_of_several_lists_are_one_list(rig: Rig) -> None:
    """Nearest first over both, nothing twice, nothing left out, however long a page is."""
    expected = [entry.location_id for entry in (await found(rig, LocationQuery(first=500, near=KREMLIN))).entries]
    for first in (1, 7, 50):
        seen: list[str] = []
        after = None
        while len(seen) < 60:
            page = await found(rig, LocationQuery(first=first, near=KREMLIN, after=after))
            seen += [entry.location_id for entry in page.entries]
            assert page.page.has_next_page
            after = page.page.end_cursor
        assert seen == expected[: len(seen)]


async def test_one_carrier_well_is_well_enough(rig: Rig) -> None:
    """A ping fails when nobody answers."""
    rig.wire.fault = down("cdek")
    await rig.adapter.ping()
    rig.wire.fault = down("cdek", "generic")

    with pytest.raises(SourceUnavailable):
        await rig.adapter.ping()


async def test_costs_in_two_currencies_are_not_compared(rig: Rig) -> None:
    """The context's own is shown where somebody has it: a smaller number of another currency is not less money."""
    som = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="KGS", language="ru")

    promise = (await rig.adapter.fetch_promises([TO_KAZAN], som))[TO_KAZAN]

    assert isinstance(promise, DeliveryPromise)
    costs = {method.method: method.cost_from for method in promise.methods}
    assert costs[DeliveryMethod.STORE_PICKUP].currency_code == "RUB"
    theirs = {
        m.method: m.cost_from for m in (await cdek(Time()).adapter.fetch_promises([TO_KAZAN], som))[TO_KAZAN].methods
    }
    assert {method: costs[method] for method in theirs} == theirs
    assert {cost.currency_code for cost in theirs.values()} == {"KGS"}
