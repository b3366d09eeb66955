"""One suite over all stock adapters: the same promises of the same shop, whoever counts its goods."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clients.errors import SourceError
from clients.scope import InContext
from clients.stock.protocol import Availability, AvailabilityStatus, StockAtLocation, StockAtLocations, StockQuery
from clients.values import Dataset, DataSource, GeoPoint, LocationKind, Problem, ProductSkus, SalesChannel
from tests.vendors.carriers import Time
from tests.vendors.stocks import STOCKS, Rig

CONTEXT = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
KREMLIN = GeoPoint(latitude=55.75, longitude=37.61)
AHEAD = {AvailabilityStatus.BACKORDER, AvailabilityStatus.PREORDER}
"""What only our own contract can say; a warehouse system says that there is none."""

BOOTS = "LUM-000001-01"


@pytest.fixture(params=sorted(STOCKS))
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with STOCKS[request.param](tmp_path, Time()) as made:
        yield made


def skus(rig: Rig) -> list[str]:
    return [product.sku(position) for product, position in rig.books.variants()]


async def known(rig: Rig, wanted: list[str]) -> Mapping[str, Any]:
    told: Mapping[str, Any] = await rig.adapter.fetch_availability(wanted, CONTEXT)
    return told


async def page(rig: Rig, **query: Any) -> StockAtLocations:
    key = StockQuery(**{"sku": BOOTS, "first": 100, "in_stock_only": True, **query})
    told = (await rig.adapter.fetch_stock_at_locations([key], CONTEXT))[key]
    assert isinstance(told, StockAtLocations), told
    return told


async def test_every_variant_of_the_shop_is_promised_as_the_books_say(rig: Rig) -> None:
    """Online is what lies in warehouses, capped; a variant that lies in stores of the city only is STORE_ONLY."""
    told = await known(rig, skus(rig))
    seen = set()
    for product, position in rig.books.variants():
        lying = rig.books.lying(product, position)
        online = sum(one.pieces for one in lying if one.place.kind == "WAREHOUSE")
        near = [one for one in lying if one.place.kind == "STORE" and one.place.city.id == "msk"]
        promise = told[product.sku(position)]
        assert isinstance(promise, Availability)
        seen.add(promise.status)
        if promise.status in AHEAD:
            continue
        assert promise.quantity == min(online, 10)
        assert promise.is_quantity_capped == (online > 10)
        assert promise.store_count == len(near) or (promise.store_count is None and not near)
        expected = "IN_STOCK" if online > 3 else "LOW_STOCK" if online else "STORE_ONLY" if near else "OUT_OF_STOCK"
        assert promise.status.value == expected
        assert (promise.max_order_quantity == 0) == (expected == "OUT_OF_STOCK")
    assert seen - AHEAD == set(AvailabilityStatus) - AHEAD


async def test_unknown_variants_are_absent(rig: Rig) -> None:
    """Whatever the string is, and without harm to its neighbours."""
    told = await known(rig, ["NO-SUCH-SKU", "", "'; DROP TABLE levels; --", BOOTS])
    assert list(told) == [BOOTS]


async def test_nothing_asked_is_nothing_answered(rig: Rig) -> None:
    """No keys, no call."""
    assert await rig.adapter.fetch_availability([], CONTEXT) == {}
    assert await rig.adapter.fetch_product_availability([], CONTEXT) == {}
    assert await rig.adapter.fetch_stock_at_locations([], CONTEXT) == {}
    assert rig.wire is None or rig.wire.requests == []


async def test_many_keys_with_repeats_are_answered_once_each(rig: Rig) -> None:
    """More than fit into one call of any vendor."""
    wanted = [f"NO-{number}" for number in range(1500)] + [BOOTS, BOOTS]
    assert list(await known(rig, wanted)) == [BOOTS]


async def test_values_say_where_they_are_from(rig: Rig) -> None:
    """Source, dataset, the source's own moment with its zone, and ours."""
    product = ProductSkus(id=product_of(rig), skus=(BOOTS,))
    outcomes = {
        Dataset.AVAILABILITY: (await known(rig, [BOOTS]))[BOOTS],
        Dataset.PRODUCT_AVAILABILITY: (await rig.adapter.fetch_product_availability([product], CONTEXT))[product],
        Dataset.STOCK_AT_LOCATIONS: (await page(rig)).entries[0],
    }
    for dataset, value in outcomes.items():
        assert (value.freshness.source, value.freshness.dataset) == (DataSource.STOCK, dataset)
        assert value.freshness.observed_at.utcoffset() is not None
        assert value.freshness.observed_at <= rig.time.moment() + dt.timedelta(seconds=1)
        assert value.freshness.received_at == pytest.approx(rig.time(), abs=1)


def product_of(rig: Rig) -> str:
    found = rig.shop.goods.by_sku(BOOTS)
    assert found is not None
    return found[0].id


async def test_product_is_as_good_as_its_best_variant(rig: Rig) -> None:
    """And names all that can be bought; a product nobody knows is absent."""
    keys = [
        ProductSkus(id=product.id, skus=tuple(product.sku(position) for position in range(product.size)))
        for product in rig.shop.goods.products[:20]
    ]
    stranger = ProductSkus(id="p-999999", skus=("NO-1", "NO-2"))
    told = await rig.adapter.fetch_product_availability([*keys, stranger], CONTEXT)
    assert list(told) == keys
    single = await known(rig, [sku for key in keys for sku in key.skus])
    for key in keys:
        statuses = {sku: single[sku].status for sku in key.skus}
        assert told[key].status == min(statuses.values(), key=list(AvailabilityStatus).index)
        assert told[key].available_skus == tuple(
            sku for sku, status in statuses.items() if status is not AvailabilityStatus.OUT_OF_STOCK
        )


async def test_places_are_paged_without_gap_or_repeat(rig: Rig) -> None:
    """Pages of three give the same as one of a hundred."""
    whole = await page(rig, in_stock_only=False)
    found: list[StockAtLocation] = []
    after = None
    while True:
        part = await page(rig, in_stock_only=False, first=3, after=after)
        assert part.page.has_previous_page == (after is not None)
        found += part.entries
        after = part.page.end_cursor
        if not part.page.has_next_page:
            break
    assert [entry.location_id for entry in found] == [entry.location_id for entry in whole.entries]
    assert len({entry.location_id for entry in found}) == len(found)


async def test_places_hold_what_the_books_say(rig: Rig) -> None:
    """Each place with its own pieces; those in stock come first."""
    product = rig.shop.goods.by_sku(BOOTS)
    assert product is not None
    lying = {one.place.id: one.pieces for one in rig.books.lying(*product)}
    whole = await page(rig, in_stock_only=True)
    assert {entry.location_id: entry.quantity for entry in whole.entries} == {
        key: min(pieces, 10) for key, pieces in lying.items()
    }


async def test_nearest_place_comes_first(rig: Rig) -> None:
    """Distances in metres from the point asked about, rising among the places in stock."""
    distances = [entry.distance for entry in (await page(rig, near=KREMLIN)).entries]
    assert None not in distances
    assert distances == sorted(distances, key=lambda metres: metres or 0)


async def test_only_places_of_a_kind(rig: Rig) -> None:
    """Stores, or warehouses, or none of kinds that hold no stock."""
    stores = await page(rig, kinds=(LocationKind.STORE,))
    warehouses = await page(rig, kinds=(LocationKind.WAREHOUSE,))
    assert {entry.location_id.partition("-")[0] for entry in stores.entries} == {"store"}
    assert {entry.location_id.partition("-")[0] for entry in warehouses.entries} == {"wh"}
    assert (await page(rig, kinds=(LocationKind.PARCEL_LOCKER,))).entries == ()


async def test_unknown_variant_lies_nowhere(rig: Rig) -> None:
    """An empty page, and no problem."""
    nowhere = await page(rig, sku="NO-SUCH-SKU")
    assert (nowhere.entries, nowhere.problem, nowhere.page.has_next_page) == ((), None, False)


async def test_cursor_of_nobody_is_a_problem_of_its_query_only(rig: Rig) -> None:
    """The neighbour in the same call is answered."""
    bad = StockQuery(sku=BOOTS, first=5, in_stock_only=True, after="gibberish")
    good = StockQuery(sku=BOOTS, first=5, in_stock_only=True)
    told = await rig.adapter.fetch_stock_at_locations([bad, good], CONTEXT)
    assert told[bad].problem is Problem.BAD_CURSOR
    assert told[good].problem is None
    assert len(told[good].entries) == 5


async def test_failing_system_is_an_error_of_every_key(rig: Rig) -> None:
    """No method raises; the error says whose fault it is and nothing of the vendor's."""
    rig.break_down()
    product = ProductSkus(id=product_of(rig), skus=(BOOTS,))
    query = StockQuery(sku=BOOTS, first=5, in_stock_only=True)
    outcomes = [
        await rig.adapter.fetch_availability([BOOTS, "NO-1"], CONTEXT),
        await rig.adapter.fetch_product_availability([product], CONTEXT),
        await rig.adapter.fetch_stock_at_locations([query], CONTEXT),
    ]
    for told in outcomes:
        for error in told.values():
            assert isinstance(error, SourceError)
            assert error.extensions["code"] == "UNAVAILABLE"
            assert "Traceback" not in f"{error} {error.extensions}"
    assert len(outcomes[0]) == 2
    with pytest.raises(SourceError):
        await rig.adapter.ping()
