"""Where a variant is: places with what lies there."""

from typing import Any

from clients.errors import SourceUnavailable
from clients.scope import Asker
from clients.stock.protocol import AvailabilityStatus, StockAtLocation, StockAtLocations, StockQuery
from clients.values import (
    LAST_PAGE,
    Dataset,
    DataSource,
    GeoPoint,
    LocationKind,
    Problem,
)
from resolvers.stock import StockEdges, pair_places
from tests.resolvers.fakes import FakeSource, ask, asked, codes
from tests.resolvers.goods import fresh, place, shop_of

STAMPED = fresh(DataSource.STOCK, Dataset.STOCK_AT_LOCATIONS)


def at(key: str) -> StockAtLocation:
    return StockAtLocation(
        location_id=key,
        cursor=f"c{key}",
        status=AvailabilityStatus.LOW_STOCK,
        is_quantity_capped=False,
        quantity=2,
        distance=150,
        freshness=STAMPED,
    )


def pages(key: StockQuery, _asker: Asker) -> StockAtLocations:
    if key.after:
        return StockAtLocations(entries=(), page=LAST_PAGE, problem=Problem.BAD_CURSOR, freshness=STAMPED)
    return StockAtLocations(entries=(at("1"), at("lost"), at("2")), page=LAST_PAGE, freshness=STAMPED)


def shop(**changes: FakeSource) -> Any:
    fakes = {"stock_at_locations": FakeSource(pages), "locations": FakeSource({key: place(key) for key in ("1", "2")})}
    return shop_of(1, **fakes | changes)


STORES = """query ($after: String, $near: GeoPointInput) { product(by: {id: "prd_p1"}) { variants { availability {
    quantity isQuantityCapped
    locations(after: $after, near: $near, kinds: [STORE, STORE]) {
        nodes { status } pageInfo { hasNextPage }
        edges { cursor distance node { status quantity location { id address { formatted } } freshness { state } } }
    } } } } }"""


async def test_stock_comes_with_its_places() -> None:
    """Entries whose place is not known are left out; all variants' places come in one load each way."""
    sources = shop()
    result = await ask(sources, STORES)
    assert result.errors is None
    assert result.data is not None
    first, second = result.data["product"]["variants"]
    assert first == second
    assert first["availability"]["locations"] == {
        "nodes": [{"status": "LOW_STOCK"}, {"status": "LOW_STOCK"}],
        "pageInfo": {"hasNextPage": False},
        "edges": [
            {
                "cursor": f"c{key}",
                "distance": 150,
                "node": {
                    "status": "LOW_STOCK",
                    "quantity": 2,
                    "location": {"id": f"loc_{key}", "address": {"formatted": f"Street {key}"}},
                    "freshness": {"state": "LIVE"},
                },
            }
            for key in ("1", "2")
        ],
    }
    assert asked(sources) == {"products": 1, "availability": 1, "stock_at_locations": 1, "locations": 1}


async def test_the_question_is_the_clients() -> None:
    """What is left out or null is left out of the key, and repeated kinds are one."""
    sources = shop()
    await ask(sources, STORES, near=None)
    store = (LocationKind.STORE,)
    assert sources.stock_at_locations.asked == [
        [StockQuery(sku=sku, first=20, in_stock_only=True, kinds=store) for sku in ("s1-40", "s1-41")]
    ]
    sources = shop()
    await ask(sources, STORES, near={"latitude": 55.7, "longitude": 37.6})
    assert sources.stock_at_locations.asked[0][0].near == GeoPoint(latitude=55.7, longitude=37.6)


async def test_a_bad_cursor_is_the_clients_error() -> None:
    """The availability itself stands."""
    result = await ask(shop(), STORES, after="old")
    assert {code for code, _, _ in codes(result)} == {"BAD_USER_INPUT"}
    assert result.data is not None
    assert result.data["product"]["variants"][0]["availability"] == {
        "quantity": 10,
        "isQuantityCapped": True,
        "locations": None,
    }


async def test_failing_places_fail_the_list_of_places() -> None:
    """When no place could be had, the seam says which system failed instead of showing none."""
    down = SourceUnavailable(DataSource.DELIVERY)
    result = await ask(shop(locations=FakeSource(lambda _key, _asker: down)), STORES)
    assert {(code, source) for code, source, _ in codes(result)} == {("UNAVAILABLE", "DELIVERY")}


def test_a_page_is_paired_once_with_the_same_places() -> None:
    """A page that is read again gets the very same entries, and others as soon as a place or the page is another."""
    page = StockAtLocations(entries=(at("1"), at("2")), page=LAST_PAGE, freshness=STAMPED)
    twin = StockAtLocations(entries=(at("1"), at("2")), page=LAST_PAGE, freshness=STAMPED)
    first = pair_places(page, [place("1"), place("2")])
    assert isinstance(first, StockEdges)
    assert [edge.node.location.id for edge in first.edges] == ["1", "2"]
    assert pair_places(page, [place("1"), place("2")]) is first
    assert pair_places(twin, [place("1"), place("2")]) is not first
    moved = pair_places(page, [place("1"), place("3")])
    assert isinstance(moved, StockEdges)
    assert [node.location.id for node in moved.nodes] == ["1", "3"]


def test_a_page_with_a_place_that_failed_is_paired_anew() -> None:
    """One place that is missing costs itself; that it was missing is forgotten."""
    down = SourceUnavailable(DataSource.DELIVERY)
    page = StockAtLocations(entries=(at("1"), at("2")), page=LAST_PAGE, freshness=STAMPED)
    for missing in (None, down):
        some = pair_places(page, [missing, place("2")])
        assert isinstance(some, StockEdges)
        assert [node.location.id for node in some.nodes] == ["2"]
    assert pair_places(page, [down, down]) is down
    whole = pair_places(page, [place("1"), place("2")])
    assert isinstance(whole, StockEdges)
    assert len(whole.nodes) == 2


async def test_a_variant_that_may_be_bought_is_named_by_its_id() -> None:
    """The ids in a product's summary are those of its variants, for drawing a size grid."""
    query = '{ product(by: {id: "prd_p1"}) { availability { availableVariantIds } variants { id } } }'
    result = await ask(shop(), query)
    assert result.data is not None
    found = result.data["product"]
    assert found["availability"]["availableVariantIds"] == [found["variants"][1]["id"]]
