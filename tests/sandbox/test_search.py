"""Listings: facets count truly, filters filter, orders order, cursors are checked."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.driving import BOOTS, CONTEXT, Driver

WOMEN_SHOES = "c-11"


def facet(listing: Any, code: str) -> Any:
    return next(it for it in listing["facets"] if it["code"] == code)


def all_ids(driver: Driver, **query: Any) -> list[str]:
    """All pages of a listing."""
    return [hit["productId"] for page in pages(driver, **query) for hit in page["hits"]]


def pages(driver: Driver, **query: Any) -> Iterator[Any]:
    after = None
    while True:
        page = driver.listing(**query, after=after)
        yield page
        if not page["page"]["hasNextPage"]:
            return
        after = page["page"]["endCursor"]


def lowest(driver: Driver, ids: list[str], **context: Any) -> list[Decimal]:
    """Current price of the cheapest variant, in the order of the ids."""
    products = [{"id": it["id"], "skus": [v["sku"] for v in it["variants"]]} for it in driver.products(*ids)]
    answer = driver.ask("pricing", "/v1/products/batch", **CONTEXT | context, products=products)
    by_id = {it["id"]: Decimal(it["lowest"]["current"]["amount"]) for it in answer["products"]}
    return [by_id[key] for key in ids]


def test_every_facet_value_counts_truly(driver: Driver) -> None:
    """Ticking a value leaves exactly as many products as its count said."""
    listing = driver.listing(categoryId="c-1")
    for code in ("brand", "color", "size", "material"):
        for value in facet(listing, code)["values"]:
            narrowed = driver.listing(categoryId="c-1", filter={"facets": [value["token"]]})
            assert narrowed["totalCount"] == value["count"] > 0, value["token"]


def test_values_of_one_facet_are_alternatives(driver: Driver) -> None:
    """Two brands add up, and ticking one does not change the counts of the others."""
    brands = facet(driver.listing(categoryId="c-1"), "brand")["values"]
    one, other = brands[:2]
    both = driver.listing(categoryId="c-1", filter={"facets": [one["token"], other["token"]]})
    assert both["totalCount"] == one["count"] + other["count"]
    again = facet(both, "brand")["values"]
    assert [value["count"] for value in again] == [value["count"] for value in brands]
    assert [value["token"] for value in again if value["isSelected"]] == [one["token"], other["token"]]


def test_facets_must_all_hold(driver: Driver) -> None:
    """Products found by a colour and a size have both."""
    tokens = ["color:black", "size:38"]
    found = all_ids(driver, categoryId=WOMEN_SHOES, filter={"facets": tokens})
    assert found
    for product in driver.products(*found):
        values = {value["value"] for option in product["options"] for value in option["values"]}
        assert {"black", "38"} <= values


def test_pages_make_up_the_whole(driver: Driver) -> None:
    """Following cursors gives every product once, and as many as the total says."""
    found = all_ids(driver, categoryId="c-1", first=17)
    assert len(found) == len(set(found)) == driver.listing(categoryId="c-1")["totalCount"]


def test_page_knows_its_place(driver: Driver) -> None:
    """The first page has nothing before it, the next one has."""
    first = driver.listing(categoryId="c-1", first=5)
    second = driver.listing(categoryId="c-1", first=5, after=first["page"]["endCursor"])
    assert (first["page"]["hasPreviousPage"], second["page"]["hasPreviousPage"]) == (False, True)
    assert first["page"]["startCursor"] == first["hits"][0]["cursor"]


@pytest.mark.parametrize(
    "other",
    [{"categoryId": "c-2"}, {"categoryId": "c-1", "sort": "NEWEST"}, {"text": "сапоги"}, {"promotionId": "promo-app"}],
)
def test_cursor_of_another_query(driver: Driver, other: dict[str, Any]) -> None:
    """A cursor is good for the query that gave it and for no other."""
    cursor = driver.listing(categoryId="c-1", first=5)["page"]["endCursor"]
    assert driver.listing(**other, after=cursor) == {"problem": {"code": "BAD_CURSOR"}}


@pytest.mark.parametrize("cursor", ["", "?", "MTI", "я", "MS4wMDAwMDAwMA", "=" * 9])
def test_invented_cursor(driver: Driver, cursor: str) -> None:
    """A cursor that nobody gave is a problem of that query alone."""
    body = {
        **CONTEXT,
        "queries": [{"categoryId": "c-1", "first": 2, "after": cursor}, {"categoryId": "c-1", "first": 2}],
    }
    bad, good = driver.ask("search", "/v1/listings/batch", **body)["listings"]
    assert bad == {"problem": {"code": "BAD_CURSOR"}}
    assert len(good["hits"]) == 2


@pytest.mark.parametrize(
    "asked",
    [
        {"facets": ["color:plaid"]},
        {"facets": ["nonsense"]},
        {"ranges": [{"code": "heel", "from": "1"}]},
        {"ranges": [{"code": "price", "from": "cheap"}]},
        {"ranges": [{"code": "price", "to": "Infinity"}]},
    ],
)
def test_bad_filter(driver: Driver, asked: dict[str, Any]) -> None:
    """Tokens, ranges and bounds that search never offered are a problem of that query."""
    assert driver.listing(categoryId="c-1", filter=asked) == {"problem": {"code": "BAD_FILTER"}}


@pytest.mark.parametrize("query", [{"categoryId": "c-99"}, {"promotionId": "promo-none"}])
def test_not_found(driver: Driver, query: dict[str, Any]) -> None:
    """A listing of what does not exist says so."""
    assert driver.listing(**query) == {"problem": {"code": "NOT_FOUND"}}


@pytest.mark.parametrize(
    "context", [{}, {"channel": "IOS"}, {"localityId": "vvo"}, {"currency": "KZT"}, {"currency": "BYN"}]
)
@pytest.mark.parametrize("sort", ["PRICE_ASC", "PRICE_DESC"])
def test_price_order(driver: Driver, sort: str, context: dict[str, Any]) -> None:
    """Listings sorted by price agree with what pricing says, in every place, channel and currency."""
    body = {**CONTEXT, **context, "queries": [{"categoryId": "c-3", "first": 60, "sort": sort}]}
    (listing,) = driver.ask("search", "/v1/listings/batch", **body)["listings"]
    prices = lowest(driver, [hit["productId"] for hit in listing["hits"]], **context)
    assert prices == sorted(prices, reverse=sort == "PRICE_DESC")


def test_price_range(driver: Driver) -> None:
    """A price range is inclusive, and the facet's bounds are the true ones."""
    whole = facet(driver.listing(categoryId="c-1"), "price")
    prices = lowest(driver, all_ids(driver, categoryId="c-1", first=100))
    assert (Decimal(whole["minimum"]), Decimal(whole["maximum"])) == (min(prices), max(prices))
    low, high = sorted(prices)[10], sorted(prices)[-10]
    asked = {"ranges": [{"code": "price", "from": str(low), "to": str(high)}]}
    assert driver.listing(categoryId="c-1", filter=asked)["totalCount"] == sum(low <= price <= high for price in prices)


def test_on_sale_only(driver: Driver) -> None:
    """Only what has a crossed-out price, sorted by how much is off."""
    found = all_ids(driver, categoryId="c-1", sort="DISCOUNT", filter={"onSaleOnly": True})
    products = [{"id": it["id"], "skus": [it["variants"][0]["sku"]]} for it in driver.products(*found)]
    answer = driver.ask("pricing", "/v1/products/batch", **CONTEXT, products=products)
    off = {it["id"]: it["lowest"]["discountPercent"] for it in answer["products"]}
    assert [off[key] for key in found] == sorted(off.values(), reverse=True)
    assert min(off.values()) > 0


def test_in_stock_only(driver: Driver) -> None:
    """What is left can be bought here, what went away cannot."""
    everything = set(all_ids(driver, categoryId="c-1", first=100))
    left = set(all_ids(driver, categoryId="c-1", first=100, filter={"inStockOnly": True}))
    products = [{"id": it["id"], "skus": [v["sku"] for v in it["variants"]]} for it in driver.products(*everything)]
    answer = driver.ask("stock", "/v1/products/batch", **CONTEXT, products=products)
    assert left == {it["id"] for it in answer["products"] if it["status"] != "OUT_OF_STOCK"}
    assert "p-000007" in everything - left


def test_available_at(driver: Driver) -> None:
    """What is said to be at a store is there by the stock system's own word."""
    found = all_ids(driver, categoryId="c-11011", filter={"availableAt": ["store-05"]})
    assert found
    for product in driver.products(*found):
        queries = [{"sku": it["sku"], "first": 100, "inStockOnly": True} for it in product["variants"]][:20]
        answer = driver.ask("stock", "/v1/locations/batch", **CONTEXT, queries=queries)
        places = {entry["locationId"] for result in answer["results"] for entry in result["entries"]}
        assert "store-05" in places


def test_receivable_by(driver: Driver) -> None:
    """Nothing can be received in the past; far ahead everything in a warehouse or a store of the city can."""
    assert driver.listing(categoryId="c-1", filter={"receivableBy": "2020-01-01"})["totalCount"] == 0
    far = driver.listing(categoryId="c-1", filter={"receivableBy": "2099-01-01"})["totalCount"]
    assert 0 < far < driver.listing(categoryId="c-1")["totalCount"]


def test_promotion_filter(driver: Driver) -> None:
    """A promotion's own listing and the filter by it agree with what pricing says of each product."""
    sale = "promo-spring-sale"
    of_promotion = set(all_ids(driver, promotionId=sale, first=100))
    filtered = set(all_ids(driver, categoryId="c-1", first=100, filter={"promotionId": sale}))
    assert filtered <= of_promotion
    products = [
        {"id": it["id"], "skus": [it["variants"][0]["sku"]]} for it in driver.products(*list(of_promotion)[:50])
    ]
    answer = driver.ask("pricing", "/v1/products/batch", **CONTEXT, products=products)
    assert all(sale in it["promotionIds"] for it in answer["products"])


@pytest.mark.parametrize(
    ("typed", "corrected"),
    [
        ("сапоги", None),
        ("САПОГИ", None),
        ("boots", None),
        ("сопоги", "сапоги"),
        ("сапгои", "сапоги"),
        ("cfgjub", "сапоги"),
        ("люмера", "lumera"),
        ("sneekers", "sneakers"),
    ],
)
def test_spelling(driver: Driver, typed: str, corrected: str | None) -> None:
    """Right words are left alone in both languages; near misses, wrong layout and wrong alphabet are corrected."""
    found = driver.listing(text=typed)
    assert found["correctedQuery"] == corrected
    assert found["totalCount"] > 0


def test_words_must_all_hold(driver: Driver) -> None:
    """More words find fewer products; what nobody can read is left out."""
    boots = driver.listing(text="сапоги")["totalCount"]
    black = driver.listing(text="чёрные сапоги")["totalCount"]
    assert 0 < black < boots
    assert driver.listing(text="сапоги щщщщ")["totalCount"] == boots


@pytest.mark.parametrize("text", ["щщщщ", "", "   ", "!!!", "\u0000"])
def test_nothing_found(driver: Driver, text: str) -> None:
    """What means nothing finds nothing, without an error."""
    found = driver.listing(text=text)
    assert (found["totalCount"], found["hits"], found["facets"], found["page"]["endCursor"]) == (0, [], [], None)


def test_brand_redirect(driver: Driver) -> None:
    """The exact name of a brand leads to the brand's page; a longer text does not."""
    assert driver.listing(text=" Lumera ")["redirectUrl"] == "https://shop.example/brands/lumera"
    assert driver.listing(text="lumera сапоги")["redirectUrl"] is None


def test_sku_is_found(driver: Driver) -> None:
    """A stock-keeping unit finds its product."""
    assert [hit["productId"] for hit in driver.listing(text="lum-000001-02")["hits"]] == [BOOTS]


def test_suggestions(driver: Driver) -> None:
    """A beginning of a word suggests something of each kind, at most as many as asked for."""
    body = {**CONTEXT, "queries": [{"text": "сап", "first": 3}, {"text": "", "first": 3}]}
    found, nothing = driver.ask("search", "/v1/suggestions/batch", **body)["suggestions"]
    assert all(0 < len(found[kind]) <= 3 for kind in ("queries", "categoryIds", "brands", "productIds"))
    assert found["queries"][0] == "сапоги"
    assert nothing == {"queries": [], "categoryIds": [], "brands": [], "productIds": []}
