"""What stands in for an answer that did not come, and when nothing does."""

import datetime as dt
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from clients.catalogue.protocol import TREE
from clients.delivery.protocol import DeliveryPromise, MethodPromise
from clients.errors import CircuitOpen, InvalidSourceResponse, SourceTimeout, SourceUnavailable
from clients.search.protocol import ListingKey, ProductFilter, ProductSort
from clients.values import Dataset, DataSource, DeliveryMethod, Problem
from resolvers.context import ShopperAsker, ShopperScopes
from tests.resolvers.fakes import ANNA, NOW_S, FakeSource, ask, codes, make_context
from tests.resolvers.goods import block, fresh, listing, price_for, product_price, roubles, shop_of

SHELF = "title strategy trackingToken freshness { state source } items { trackingToken reason { text } product { id } }"
ON_PRODUCT = f'{{ product(by: {{id: "prd_p1"}}) {{ recommendations(placement: "similar", first: 2) {{ {SHELF} }} }} }}'
ON_HOME = f'{{ recommendations(placement: "home_personal", first: 3) {{ {SHELF} }} }}'
PRICES = """{ product(by: {id: "prd_p1"}) {
  price { isSingle lowest { current { amount } isPersonal freshness { state } } freshness { state } }
  variant { price { current { amount } isPersonal explanation { amount { amount } } freshness { state } } }
} }"""
PROMISE = '{ product(by: {id: "prd_p1"}) { variant { deliveryPromise { methods { method } freshness { state } } } } }'
ERRORS = [
    SourceTimeout(DataSource.RECOMMENDATIONS),
    SourceUnavailable(DataSource.RECOMMENDATIONS),
    InvalidSourceResponse(DataSource.RECOMMENDATIONS),
    CircuitOpen(DataSource.RECOMMENDATIONS, "recommendations.blocks", retry_after_s=3),
]


class Remembered:
    """A memory that makes each value anew, and tells for whom it was asked."""

    def __init__(self, **values: Callable[[Any, ShopperAsker], Any]) -> None:
        self.values = values
        self.askers: list[ShopperAsker] = []

    def recall(self, dataset: Dataset, keys: Sequence[Hashable], asker: ShopperAsker, /) -> list[Any]:
        self.askers.append(asker)
        recall = self.values.get(dataset.value)
        return [recall and recall(key, asker) for key in keys]


def failing(error: Exception) -> FakeSource:
    return FakeSource(lambda _key, _asker: error)


def late_prices() -> dict[str, FakeSource]:
    late = SourceTimeout(DataSource.PRICING)
    return {"prices": failing(late), "product_prices": failing(late)}


# ---- recommendations ------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ERRORS, ids=[type(error).__name__ for error in ERRORS])
async def test_best_sellers_of_its_category_stand_beside_a_product(error: Exception) -> None:
    """However the recommender failed: a block that says so, without the product itself, and no error."""
    sources = shop_of(4, blocks=failing(error))
    result = await ask(sources, ON_PRODUCT)
    assert result.errors is None
    assert result.data == {
        "product": {
            "recommendations": {
                "title": "Популярное",
                "strategy": "POPULAR",
                "trackingToken": "",
                "freshness": {"state": "FALLBACK", "source": "SEARCH"},
                "items": [
                    {"trackingToken": "t2", "reason": None, "product": {"id": "prd_p2"}},
                    {"trackingToken": "t3", "reason": None, "product": {"id": "prd_p3"}},
                ],
            }
        }
    }
    assert sources.listings.asked == [  # type: ignore[attr-defined]
        [ListingKey(first=3, category_id="boots", sort=ProductSort.POPULAR, filter=ProductFilter(in_stock_only=True))]
    ]


async def test_a_page_of_no_category_gets_the_best_sellers_of_the_shop() -> None:
    """On the home page they come from each root of the tree."""
    sources = shop_of(4, blocks=failing(SourceTimeout(DataSource.RECOMMENDATIONS)))
    result = await ask(sources, ON_HOME)
    assert result.errors is None
    assert result.data is not None
    items = result.data["recommendations"]["items"]
    assert [item["product"]["id"] for item in items] == ["prd_p1", "prd_p2", "prd_p3"]
    assert [key.category_id for key in sources.listings.asked[0]] == ["shoes"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "also",
    [
        {"listings": failing(SourceUnavailable(DataSource.SEARCH))},
        {"listings": FakeSource(lambda _key, _asker: listing(()))},
        {"category_tree": failing(SourceUnavailable(DataSource.CATALOGUE))},
        {"category_tree": FakeSource({TREE: None})},
    ],
    ids=["search is down", "search finds nothing", "no tree", "an absent tree"],
)
async def test_without_best_sellers_the_block_fails_as_it_did(also: dict[str, FakeSource]) -> None:
    """A stand-in that cannot be had never hides whose fault it was."""
    sources = shop_of(2, blocks=failing(SourceTimeout(DataSource.RECOMMENDATIONS)), **also)
    assert codes(await ask(sources, ON_HOME)) == [("TIMEOUT", "RECOMMENDATIONS", "recommendations")]


async def test_an_unknown_placement_stays_a_mistake_of_the_client() -> None:
    """Nothing stands in for what was asked wrongly."""
    refuses = FakeSource(lambda key, _asker: block(key, (), problem=Problem.UNKNOWN_PLACEMENT))
    sources = shop_of(2, blocks=refuses)
    assert codes(await ask(sources, ON_HOME)) == [("BAD_USER_INPUT", None, "recommendations")]
    assert sources.listings.asked == []  # type: ignore[attr-defined]


async def test_a_recommender_that_answers_is_not_doubled() -> None:
    """While blocks come nobody asks for best sellers."""
    sources = shop_of(3)
    result = await ask(sources, ON_HOME)
    assert result.data is not None
    assert result.data["recommendations"]["freshness"]["state"] == "LIVE"
    assert sources.listings.asked == []  # type: ignore[attr-defined]


# ---- list prices ----------------------------------------------------------------------------------


async def test_a_customer_gets_the_list_price_when_their_own_fails() -> None:
    """The visitor's exact amount, not personal, marked at every level; asked of the memory for nobody in particular."""
    memory = Remembered(price=lambda _key, asker: price_for(asker), product_price=product_price)
    sources = shop_of(1, **late_prices())
    result = await ask(sources, PRICES, context=replace(make_context(sources, ANNA), memory=memory))
    assert result.errors is None
    marked = {"current": {"amount": "1990.00"}, "isPersonal": False, "freshness": {"state": "FALLBACK"}}
    assert result.data == {
        "product": {
            "price": {"isSingle": True, "lowest": marked, "freshness": {"state": "FALLBACK"}},
            "variant": {"price": {**marked, "explanation": [{"amount": {"amount": "1990.00"}}]}},
        }
    }
    assert {asker.for_customer.customer_id for asker in memory.askers} == {None}


async def test_what_is_somebodys_own_never_stands_in() -> None:
    """A memory that gives personal prices for a visitor is wrong, and is not believed."""
    memory = Remembered(
        price=lambda _key, _asker: price_for(ShopperAsker(ShopperScopes(ANNA, make_context(shop_of(1)).shopper))),
        product_price=lambda key, _: product_price(
            key, ShopperAsker(ShopperScopes(ANNA, make_context(shop_of(1)).shopper))
        ),
    )
    sources = shop_of(1, **late_prices())
    result = await ask(sources, PRICES, context=replace(make_context(sources, ANNA), memory=memory))
    assert codes(result) == [
        ("TIMEOUT", "PRICING", "product.price"),
        ("TIMEOUT", "PRICING", "product.variant.price"),
    ]


async def test_without_a_memory_of_the_list_price_the_price_fails() -> None:
    """Nothing is made up, and pricing is not asked a second time."""
    sources = shop_of(1, **late_prices())
    result = await ask(sources, PRICES, context=replace(make_context(sources, ANNA), memory=Remembered()))
    assert len(codes(result)) == 2
    assert [len(sources.prices.asked), len(sources.product_prices.asked)] == [1, 1]  # type: ignore[attr-defined]


async def test_a_visitors_price_has_no_stand_in() -> None:
    """It would be the very price that failed: how long that may be served is the cache's to say."""
    memory = Remembered(price=lambda _key, asker: price_for(asker), product_price=product_price)
    sources = shop_of(1, **late_prices())
    result = await ask(sources, PRICES, context=replace(make_context(sources), memory=memory))
    assert len(codes(result)) == 2
    assert memory.askers == []


# ---- promises of delivery -------------------------------------------------------------------------


def promised(age_s: float, *order_before_in_s: float | None) -> FakeSource:
    """A promise of that age, with one method per moment until which one must order."""
    methods = tuple(
        MethodPromise(
            method=method,
            earliest=dt.date(2026, 3, 3),
            cost_from=roubles("299.00"),
            order_before=None if in_s is None else dt.datetime.fromtimestamp(NOW_S + in_s, dt.UTC),
        )
        for method, in_s in zip(DeliveryMethod, order_before_in_s, strict=False)
    )
    freshness = fresh(DataSource.DELIVERY, Dataset.DELIVERY_PROMISE, received_at=NOW_S - age_s)
    made = DeliveryPromise(sku="s1-40", methods=methods, failures=(), freshness=freshness)
    return FakeSource(lambda _key, _asker: made)


async def test_an_old_promise_keeps_only_what_can_be_kept() -> None:
    """Past the agreed age, methods whose hour has passed are left out, and the rest is marked."""
    result = await ask(shop_of(1, promises=promised(300, -1, 3600, None)), PROMISE)
    assert result.errors is None
    assert result.data is not None
    assert result.data["product"]["variant"]["deliveryPromise"] == {
        "methods": [{"method": "EXPRESS"}, {"method": "PICKUP_POINT"}],
        "freshness": {"state": "FALLBACK"},
    }


async def test_a_promise_of_which_nothing_is_left_has_failed() -> None:
    """An empty list would say that it cannot be delivered at all."""
    result = await ask(shop_of(1, promises=promised(300, -1, -2)), PROMISE)
    assert codes(result) == [("UNAVAILABLE", "DELIVERY", "product.variant.deliveryPromise")]


async def test_a_promise_within_its_age_is_left_alone() -> None:
    """What delivery said a moment ago is its own word, order-before and all."""
    result = await ask(shop_of(1, promises=promised(30, -1, 3600)), PROMISE)
    assert result.data is not None
    promise = result.data["product"]["variant"]["deliveryPromise"]
    assert [len(promise["methods"]), promise["freshness"]["state"]] == [2, "CACHED"]
