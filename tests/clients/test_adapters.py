"""What single domains promise beyond the contract's form: whose answer it is, and what it must not say."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from clients.catalogue.protocol import CategoryTree, Product, ProductKey
from clients.delivery.protocol import DeliveryPromise
from clients.errors import InvalidSourceResponse
from clients.loyalty.protocol import HistoryKey
from clients.pricing.protocol import PriceKey, ProductPrice
from clients.search.protocol import Listing, ListingKey
from clients.values import Problem, ProductSkus
from tests.clients.cases import ANYBODY, case
from tests.clients.published import Json, Publisher, document, lost, operation, sample


async def test_product_answers_to_all_its_names() -> None:
    """By id, by handle and by the sku of any variant it is the same object, asked for in one call."""
    answer = operation("catalogue.products").example
    other = {**answer["products"][0]["variants"][0], "id": "v-2", "sku": "TRV-000001-37"}
    answer["products"][0]["variants"].append(other)
    publisher = Publisher(operation("catalogue.products"), answer)
    keys = [
        ProductKey(kind="id", key="p-000001"),
        ProductKey(kind="handle", key="sapogi-lumera-000001"),
        ProductKey(kind="sku", key="TRV-000001-36"),
        ProductKey(kind="sku", key="TRV-000001-37"),
        ProductKey(kind="handle", key="p-000001"),
    ]

    outcomes = await case("fetch_products").ask(publisher, keys)

    assert list(outcomes) == keys[:4]
    assert len({id(product) for product in outcomes.values()}) == 1
    assert publisher.asked() == {
        "language": "ru",
        "ids": ["p-000001"],
        "handles": ["sapogi-lumera-000001", "p-000001"],
        "skus": ["TRV-000001-36", "TRV-000001-37"],
    }


async def test_variant_knows_its_product() -> None:
    """A variant that is reached by itself leads back to its product."""
    product = await case("fetch_products").ask_for(operation("catalogue.products").example)

    assert isinstance(product, Product)
    assert {variant.product_id for variant in product.variants} == {"p-000001"}
    assert product.skus == ProductSkus(id="p-000001", skus=("TRV-000001-36",))
    assert product.by_sku["TRV-000001-36"] is product.variants[0]


def _category(key: str, parent: str | None, *children: str) -> Json:
    return {"id": key, "handle": key, "title": key, "parentId": parent, "childIds": list(children), "seo": {}}


async def _ask_for_tree(*categories: Json) -> Any:
    answer = {"observedAt": "2026-03-01T12:00:00+03:00", "categories": list(categories)}
    return await case("fetch_category_tree").ask_for(answer)


async def test_tree_is_found_from_all_sides() -> None:
    """Roots in display order, categories by id and by handle."""
    tree = await _ask_for_tree(_category("a", None, "b"), _category("b", "a"), _category("c", None))

    assert isinstance(tree, CategoryTree)
    assert [root.id for root in tree.roots] == ["a", "c"]
    assert tree.by_id["b"].parent_id == "a"
    assert tree.by_handle["b"] is tree.by_id["b"]


@pytest.mark.parametrize(
    "categories",
    [
        [_category("a", "a", "a")],
        [_category("a", "b", "b"), _category("b", "a", "a")],
        [_category("a", None, "b")],
        [_category("a", None, "b"), _category("b", None)],
        [_category("a", None), _category("b", "a")],
        [_category("b", "a"), _category("a", None, "b")],
        [_category("a", None), _category("a", None)],
        [_category("a", None, "b", "b"), _category("b", "a"), _category("b", "a")],
    ],
    ids=[
        "its own parent",
        "a circle",
        "a child that is not there",
        "a child that denies it",
        "a child that is not named",
        "a child before its parent",
        "twice the same",
        "twice the same child",
    ],
)
async def test_what_is_not_a_tree_is_refused(categories: list[Json]) -> None:
    """A walk up or down the tree must end and must arrive."""
    assert isinstance(await _ask_for_tree(*categories), InvalidSourceResponse)


async def test_page_has_no_more_than_was_asked_for() -> None:
    """A listing of a thousand for a page of two is refused: its cost was never agreed to."""
    listings = operation("search.listings").example
    listings["listings"][0]["hits"] *= 3

    assert isinstance(await case("fetch_listings").ask_for(listings), InvalidSourceResponse)


async def test_refused_query_is_told_apart_from_its_neighbours() -> None:
    """A problem is the outcome of its own query only."""
    answer = operation("search.listings").example
    answer["listings"].append({"problem": {"code": "BAD_CURSOR"}})
    keys = [ListingKey(text="сапоги", first=2), ListingKey(text="сапоги", first=2, after="no cursor")]

    found, refused = (await case("fetch_listings").ask(Publisher(operation("search.listings"), answer), keys)).values()

    assert isinstance(found, Listing)
    assert found.problem is None
    assert refused.problem is Problem.BAD_CURSOR
    assert refused.hits == refused.facets == ()
    assert refused.freshness == found.freshness


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        ("fetch_listings", Problem.BAD_FILTER),
        ("fetch_listings", Problem.NOT_FOUND),
        ("fetch_stock_at_locations", Problem.BAD_CURSOR),
        ("fetch_history", Problem.BAD_CURSOR),
        ("fetch_history", Problem.NOT_FOUND),
        ("fetch_blocks", Problem.UNKNOWN_PLACEMENT),
        ("search_locations", Problem.BAD_CURSOR),
    ],
)
async def test_every_problem_of_the_contract_is_understood(method: str, problem: Problem) -> None:
    """A question that the source refuses is data, for the field to say to its client."""
    asked = case(method)
    answer = {**asked.operation.example, asked.items: [{"problem": {"code": problem.value}}]}

    assert (await asked.ask_for(answer)).problem is problem


@pytest.mark.parametrize("problem", [{"code": "NEW_PROBLEM"}, {}, "BAD_CURSOR"])
async def test_unknown_problem_is_a_broken_answer(problem: Json) -> None:
    """What the contract does not know is nobody's input error."""
    answer = {**operation("search.listings").example, "listings": [{"problem": problem}]}

    assert isinstance(await case("fetch_listings").ask_for(answer), InvalidSourceResponse)


async def test_promotions_are_shared_and_in_the_product_s_order() -> None:
    """Two products in one promotion have the same object; one that was only mentioned is left out."""
    answer = operation("pricing.products").example
    spring = answer["promotions"][0]
    answer["promotions"] = [spring, {**spring, "id": "promo-gift"}]
    one = answer["products"][0]
    answer["products"] = [
        {**one, "promotionIds": ["promo-gift", "promo-spring", "promo-lost"]},
        {**one, "id": "p-2", "promotionIds": ["promo-spring"]},
    ]
    keys = [ProductSkus(id="p-000001", skus=()), ProductSkus(id="p-2", skus=())]

    first, second = (
        await case("fetch_product_prices").ask(Publisher(operation("pricing.products"), answer), keys)
    ).values()

    assert isinstance(first, ProductPrice)
    assert [promotion.id for promotion in first.promotions] == ["promo-gift", "promo-spring"]
    assert first.promotions[1] is second.promotions[0]
    assert first.lowest.freshness is first.freshness is second.highest.freshness


def _mechanics() -> list[Json]:
    """One complete mechanic of each kind that the contract knows."""
    described = document("pricing")["components"]["schemas"]["Promotion"]["properties"]["mechanic"]
    return [sample("pricing", option) for option in described["oneOf"]]


@pytest.mark.parametrize("mechanic", _mechanics(), ids=lambda mechanic: mechanic["kind"])
async def test_every_mechanic_is_kept_whole(mechanic: Json) -> None:
    """Each kind of promotion arrives as its own type, with all that the contract says of it."""
    answer = operation("pricing.promotions").example
    answer["promotions"][0]["mechanic"] = mechanic

    promotion = await case("fetch_promotions").ask_for(answer)

    assert lost(mechanic, json.loads(msgspec.json.encode(promotion.mechanic))) == []


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("fetch_prices", lambda answer: answer["prices"][0]["price"].update(isPersonal=True)),
        ("fetch_product_prices", lambda answer: answer["products"][0]["highest"].update(isPersonal=True)),
        ("fetch_estimates", lambda answer: answer["estimates"][0].update(isPersonal=True)),
    ],
)
async def test_personal_answer_for_nobody_is_refused(method: str, change: Callable[[Json], None]) -> None:
    """What is somebody's own must not become what every anonymous visitor sees."""
    for_nobody = replace(case(method), scope=ANYBODY)
    answer = for_nobody.operation.example
    change(answer)

    assert isinstance(await for_nobody.ask_for(answer), InvalidSourceResponse)


async def test_price_is_found_by_sku_and_quantity() -> None:
    """The price of two is not the price of one."""
    outcomes = await case("fetch_prices").ask(
        Publisher(operation("pricing.prices")), [PriceKey(sku="TRV-000001-36", quantity=2)]
    )

    assert outcomes == {}


@pytest.mark.parametrize(
    ("method", "items", "name"), [("fetch_accounts", "accounts", "customerId"), ("fetch_customers", "customers", "id")]
)
async def test_another_customer_s_answer_is_nobody_s(method: str, items: str, name: str) -> None:
    """An account or a profile of somebody else is not shown to the one who asked."""
    answer = case(method).operation.example
    answer[items][0][name] = "cust-boris"

    assert await case(method).ask_for(answer) is None


async def test_history_is_asked_for_the_scope_s_customer() -> None:
    """Keys know no customer: the one of the scope is put into every query."""
    publisher = Publisher(operation("loyalty.history"), {"observedAt": "2026-03-01T12:00:00Z", "results": []})

    await case("fetch_history").ask(publisher, [HistoryKey(first=1), HistoryKey(first=2, after="x")])

    assert publisher.asked()["queries"] == [
        {"customerId": "cust-anna", "first": 1},
        {"customerId": "cust-anna", "first": 2, "after": "x"},
    ]


async def test_promise_for_another_variant_is_refused() -> None:
    """Promises come in order; one that says it is for something else shows that the order is broken."""
    answer = operation("delivery.promises").example
    assert isinstance(await case("fetch_promises").ask_for(answer), DeliveryPromise)
    answer["promises"][0]["sku"] = "TRV-000002-36"

    assert isinstance(await case("fetch_promises").ask_for(answer), InvalidSourceResponse)


async def test_block_for_another_placement_is_refused() -> None:
    """The same for blocks."""
    answer = operation("recommendations.blocks").example
    answer["blocks"][0]["placement"] = "home_personal"

    assert isinstance(await case("fetch_blocks").ask_for(answer), InvalidSourceResponse)


async def test_place_that_is_found_is_there() -> None:
    """An entry without its location cannot be shown."""
    answer = operation("delivery.locationSearch").example
    answer["results"][0]["locations"] = []

    assert isinstance(await case("search_locations").ask_for(answer), InvalidSourceResponse)
