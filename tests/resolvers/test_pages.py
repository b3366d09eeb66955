"""Whole pages over fake sources, on plain graphql-core: how often each dataset is asked, and what fails alone."""

from typing import Any

import pytest

from clients.delivery.protocol import LocationEntry, LocationsFound
from clients.errors import RequestRefused, SourceTimeout, SourceUnavailable
from clients.scope import Asker
from clients.values import LAST_PAGE, DataSource, Problem
from gateway.graphiql import read_page_operations
from resolvers.loaders.loaders import Sources
from tests.resolvers.fakes import ANNA, BORIS, FakeSource, ask, asked, codes
from tests.resolvers.goods import bundle_of, catalogue_of, listing, place, product, refused_listing, shop_of

PAGES = {page.name: page.query for page in read_page_operations()}
CATEGORY = next(query for name, query in PAGES.items() if "category" in name.lower())
DOWN = SourceUnavailable(DataSource.CATALOGUE)


def late(sources: Sources) -> Sources:
    """The same shop where everything must be waited for."""
    for name in Sources.__dataclass_fields__:
        getattr(sources, name).is_late = True
    return sources


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("tiles", [1, 48])
async def test_a_listing_asks_each_dataset_once(tiles: int, is_late: bool) -> None:
    """Whatever the number of tiles, and however slowly they answer, no dataset is asked once per tile."""
    sources = late(shop_of(tiles)) if is_late else shop_of(tiles)
    result = await ask(sources, CATEGORY, handle="boots", first=48)
    assert result.errors is None
    assert result.data is not None
    assert len(result.data["category"]["products"]["edges"]) == tiles
    assert asked(sources) == {
        "category_tree": 1,
        "listings": 1,
        "products": 1,
        "product_prices": 1,
        "product_availability": 1,
        "estimates": 1,
    }
    assert len(sources.estimates.asked[0]) == tiles  # type: ignore[attr-defined]


async def test_what_cannot_be_hydrated_is_left_out() -> None:
    """A hit that the catalogue does not sell any more costs its own place, not the page."""
    sources = shop_of(3, products=catalogue_of(product(1), product(3)))
    result = await ask(sources, '{ search(query: "shoe") { totalCount edges { cursor node { id } } nodes { id } } }')
    assert result.errors is None
    assert result.data == {
        "search": {
            "totalCount": 3,
            "edges": [{"cursor": "c1", "node": {"id": "prd_p1"}}, {"cursor": "c3", "node": {"id": "prd_p3"}}],
            "nodes": [{"id": "prd_p1"}, {"id": "prd_p3"}],
        }
    }


TILE = '{ product(by: {id: "prd_p1"}) { id %s } }'
SEAMS = [
    ("price { isSingle }", "product_prices", "PRICING", "price"),
    ("promotions { id }", "product_prices", "PRICING", "promotions"),
    ("availability { status }", "product_availability", "STOCK", "availability"),
    ('recommendations(placement: "similar") { title }', "blocks", "RECOMMENDATIONS", "recommendations"),
    ("variant { price { isPersonal } }", "prices", "PRICING", "variant.price"),
    ("variant { availability { status } }", "availability", "STOCK", "variant.availability"),
    ("variant { pointsToEarn { isPersonal } }", "estimates", "LOYALTY", "variant.pointsToEarn"),
    ("variant { deliveryPromise { failures { code } } }", "promises", "DELIVERY", "variant.deliveryPromise"),
]


@pytest.mark.parametrize(("field", "dataset", "source", "path"), SEAMS)
async def test_a_failing_source_costs_its_own_seam(field: str, dataset: str, source: str, path: str) -> None:
    """The seam is null with one typed error at its path; the rest of the product stands."""
    failing = FakeSource(lambda _key, _asker: SourceTimeout(DataSource[source], detail="vendor said: secret"))
    result = await ask(shop_of(1, **{dataset: failing}), TILE % field)
    assert codes(result) == [("TIMEOUT", source, f"product.{path}")]
    assert result.data is not None
    assert result.data["product"]["id"] == "prd_p1"
    assert "secret" not in str(result.formatted)


@pytest.mark.parametrize(("field", "dataset", "source", "path"), SEAMS)
async def test_an_absence_at_a_seam_is_the_sources_broken_promise(
    field: str, dataset: str, source: str, path: str
) -> None:
    """Null means "it failed" and nothing else, so a source that leaves a key out has failed."""
    result = await ask(shop_of(1, **{dataset: FakeSource()}), TILE % field)
    assert codes(result) == [("INVALID_RESPONSE", source, f"product.{path}")]


async def test_a_listing_whose_products_failed_fails_with_them() -> None:
    """When no product at all could be had, an empty list would lie: the seam of the listing is null instead."""
    sources = shop_of(2, products=FakeSource(lambda _key, _asker: DOWN))
    result = await ask(sources, '{ search(query: "shoe") { totalCount nodes { id } } }')
    assert result.data == {"search": None}
    assert codes(result) == [("UNAVAILABLE", "CATALOGUE", "search.nodes")]


@pytest.mark.parametrize(
    ("problem", "query"),
    [
        (Problem.BAD_CURSOR, '{ search(query: "a", after: "x") { totalCount } }'),
        (Problem.BAD_FILTER, '{ search(query: "a", filter: {facets: ["x"]}) { totalCount } }'),
        (Problem.NOT_FOUND, '{ category(by: {handle: "boots"}) { products { totalCount } } }'),
    ],
)
async def test_a_question_that_the_index_refuses_is_the_clients_error(problem: Problem, query: str) -> None:
    """Bad cursors and filters are no failure of the source: the error says what was expected."""
    sources = shop_of(1, listings=FakeSource(lambda _key, _asker: refused_listing(problem)))
    result = await ask(sources, query)
    assert [type(error.original_error) for error in result.errors or ()] == [RequestRefused]
    assert [(error.extensions or {})["code"] for error in result.errors or ()] == ["BAD_USER_INPUT"]


async def test_a_missing_part_of_a_set_is_the_catalogues_error() -> None:
    """A part that is never null and is not there is a broken answer of the catalogue, not a fault of ours."""
    sources = shop_of(1, products=catalogue_of(product(1), bundle_of(9, "s1-40", "gone")))
    query = '{ product(by: {id: "prd_p9"}) { id variants { components { quantity variant { sku } } } } }'
    assert [(code, source) for code, source, _ in codes(await ask(sources, query))] == [
        ("INVALID_RESPONSE", "CATALOGUE")
    ]


async def test_the_parts_of_a_set_come_in_one_load() -> None:
    """Components are variants like any other, found by sku."""
    sources = shop_of(1, products=catalogue_of(product(1), product(2), bundle_of(9, "s1-40", "s2-41")))
    query = '{ product(by: {id: "prd_p9"}) { variants { components { variant { id product { id } } } } } }'
    result = await ask(sources, query)
    assert result.data is not None
    assert result.data["product"]["variants"][0]["components"] == [
        {"variant": {"id": "var_s1-40", "product": {"id": "prd_p1"}}},
        {"variant": {"id": "var_s2-41", "product": {"id": "prd_p2"}}},
    ]
    assert asked(sources) == {"products": 2}


PERSONAL = """{ product(by: {id: "prd_p1"}) { price { lowest { current { amount } isPersonal } }
    variants { price { current { amount } } pointsToEarn { amount { points } isPersonal } } } }"""


async def test_customers_over_the_same_goods_never_see_each_others_prices() -> None:
    """Each request asks for its own viewer: two customers and a visitor get three prices of one product."""
    sources = late(shop_of(1))
    seen: dict[Any, set[str]] = {}
    for viewer in (ANNA, None, BORIS, ANNA, None):
        result = await (ask(sources, PERSONAL, viewer=viewer) if viewer else ask(sources, PERSONAL))
        assert result.data is not None
        found = result.data["product"]
        amounts = {v["price"]["current"]["amount"] for v in found["variants"]}
        amounts.add(found["price"]["lowest"]["current"]["amount"])
        seen.setdefault(viewer and viewer.customer_id, set()).update(amounts)
    assert seen == {None: {"1990.00"}, "anna": {"1500.00"}, "boris": {"1700.00"}}


async def test_a_request_knows_its_products_by_id_however_they_were_named() -> None:
    """A product named by its handle is not asked for again where another system mentions it by id."""
    sources = shop_of(1)
    query = '{ product(by: {handle: "shoe-1"}) { variants { product { title } } } }'
    result = await ask(sources, query)
    assert result.errors is None
    assert asked(sources) == {"products": 1}


async def test_a_breadcrumb_that_the_tree_has_lost_is_left_out() -> None:
    """Categories and breadcrumbs come from one load of the tree."""
    sources = shop_of(1, products=catalogue_of(product(1, category_path=("shoes", "lost", "boots"))))
    query = """{ product(by: {id: "prd_p1"}) { breadcrumbs { handle parent { handle } children { handle } } }
        categories { id } }"""
    result = await ask(sources, query)
    assert result.data == {
        "product": {
            "breadcrumbs": [
                {"handle": "shoes", "parent": None, "children": [{"handle": "boots"}]},
                {"handle": "boots", "parent": {"handle": "shoes"}, "children": []},
            ]
        },
        "categories": [{"id": "cat_shoes"}],
    }
    assert asked(sources)["category_tree"] == 1


async def test_places_come_with_their_edges() -> None:
    """Entries whose place is missing are left out; paging and distance are the owner's."""

    def find(_key: Any, _asker: Asker) -> LocationsFound:
        entries = tuple(LocationEntry(location_id=key, cursor=f"c{key}", distance=7) for key in ("1", "lost", "2"))
        return LocationsFound(entries=entries, locations=(place("1"), place("2")), total_count=3, page=LAST_PAGE)

    query = (
        "{ locations(first: 300, kinds: [STORE]) { totalCount nodes { id } edges { cursor distance node { title } } } }"
    )
    result = await ask(shop_of(0, location_search=FakeSource(find)), query)
    assert result.data == {
        "locations": {
            "totalCount": 3,
            "nodes": [{"id": "loc_1"}, {"id": "loc_2"}],
            "edges": [
                {"cursor": "c1", "distance": 7, "node": {"title": "1"}},
                {"cursor": "c2", "distance": 7, "node": {"title": "2"}},
            ],
        }
    }


BAD_INPUT = [
    '{ search(query: "a", first: 101) { totalCount } }',
    '{ search(query: "a", first: 0) { totalCount } }',
    '{ search(query: "a", after: "") { totalCount } }',
    f'{{ search(query: "{"a" * 501}") {{ totalCount }} }}',
    '{ search(query: "a", filter: {promotionId: "spring"}) { totalCount } }',
    '{ searchSuggestions(query: "a", first: 51) { queries } }',
    '{ recommendations(placement: "") { title } }',
    '{ recommendations(placement: "home", context: {productId: "1"}) { title } }',
    "{ locations(first: 501) { totalCount } }",
    "{ locations(near: {latitude: 91, longitude: 0}) { totalCount } }",
    '{ localities(query: "m", first: -1) { id } }',
    '{ addressSuggestions(query: "m", first: 101) { city } }',
    '{ product(by: {id: "prd_p1"}) { variants { price(quantity: 0) { isPersonal } } } }',
    '{ product(by: {id: "prd_p1"}) { variants { pointsToEarn(quantity: -1) { isPersonal } } } }',
    '{ product(by: {id: "prd_p1"}) { variants { deliveryPromise(to: {localityId: "msk"}) { failures { code } } } } }',
    '{ product(by: {id: "prd_p1"}) { variants { deliveryPromise(to: {addressId: "adr_1"}) { failures { code } } } } }',
    '{ product(by: {id: "prd_p1"}) { variants { deliveryPromise(to: {address: {city: ""}}) { failures { code } } } } }',
]


@pytest.mark.parametrize("query", BAD_INPUT)
async def test_input_that_no_answer_fits_is_refused_before_anybody_is_asked(query: str) -> None:
    """The error is the client's own, says what was expected, and no system behind the gateway hears of it."""
    sources = shop_of(1)
    result = await ask(sources, query)
    assert {code for code, _, _ in codes(result)} == {"BAD_USER_INPUT"}
    assert all(error.message.startswith("Expected ") for error in result.errors or ())
    assert set(asked(sources)) <= {"products"}


UNKNOWN = [
    ('{ found: product(by: {handle: "nothing"}) { id } }', 1),
    ('{ found: product(by: {handle: ""}) { id } }', 0),
    (f'{{ found: product(by: {{handle: "{"x" * 201}"}}) {{ id }} }}', 0),
    ('{ found: product(by: {id: "cat_boots"}) { id } }', 0),
    ('{ found: product(by: {sku: "nothing"}) { id } }', 1),
    ('{ found: variant(by: {sku: "nothing"}) { id } }', 1),
    ('{ found: variant(by: {id: "s1-40"}) { id } }', 0),
    ('{ found: category(by: {handle: "nothing"}) { id } }', 1),
    ('{ found: category(by: {id: "boots"}) { id } }', 0),
    ('{ found: promotion(id: "pro_nothing") { id } }', 1),
    ('{ found: promotion(id: "nothing") { id } }', 0),
    ('{ found: node(id: "prd_nothing") { id } }', 1),
    ('{ found: node(id: "nothing") { id } }', 0),
    ('{ found: node(id: "brd_1") { id } }', 0),
    ("{ found: me { id } }", 0),
]


@pytest.mark.parametrize(("query", "questions"), UNKNOWN)
async def test_what_is_not_there_is_null_without_an_error(query: str, questions: int) -> None:
    """An unknown key is an ordinary absence, and a text that cannot be a key is not even asked about."""
    sources = shop_of(1)
    result = await ask(sources, query)
    assert result.errors is None
    assert result.data == {"found": None}
    assert sum(asked(sources).values()) == questions


async def test_null_in_place_of_an_optional_argument_is_as_if_it_were_left_out() -> None:
    """Clients with variables send nulls for what they leave out."""
    sources = shop_of(1)
    query = """query ($after: String, $filter: ProductFilter, $sort: ProductSort) {
        search(query: "a", after: $after, filter: $filter, sort: $sort) { totalCount }
        other: search(query: "a", after: null, filter: {facets: null, ranges: [], inStockOnly: null}, sort: null) {
            totalCount }
    }"""
    result = await ask(sources, query)
    assert result.errors is None
    assert asked(sources)["listings"] == 1


async def test_an_empty_listing_is_a_value() -> None:
    """Nothing found is an empty list without an error, with the facets that the index still gives."""
    sources = shop_of(1, listings=FakeSource(lambda _key, _asker: listing(())))
    query = '{ search(query: "") { totalCount edges { cursor } facets { __typename code } } }'
    result = await ask(sources, query)
    assert result.data == {
        "search": {
            "totalCount": 0,
            "edges": [],
            "facets": [{"__typename": "ListFacet", "code": "color"}, {"__typename": "RangeFacet", "code": "price"}],
        }
    }
