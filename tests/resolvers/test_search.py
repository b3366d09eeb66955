"""What is found while one types: suggestions, localities and addresses."""

from typing import Any

from clients.errors import SourceUnavailable
from clients.geo.protocol import AddressesFound, AddressQuery, LocalitiesFound, Locality, LocalityQuery
from clients.search.protocol import SuggestionKey, Suggestions
from clients.values import Address, Brand, Dataset, DataSource
from tests.resolvers.fakes import FakeSource, ask, asked, codes
from tests.resolvers.goods import fresh, shop_of

SUGGESTED = Suggestions(
    queries=("shoes", "shoe laces"),
    category_ids=("boots", "lost"),
    brands=(Brand(id="b1", handle="brand", name="Brand"),),
    product_ids=("p2", "gone", "p1"),
    freshness=fresh(DataSource.SEARCH, Dataset.SUGGESTION),
)
SUGGEST = '{ searchSuggestions(query: " sho ") { queries categories { handle } brands { id name } products { id } } }'


async def test_suggestions_are_hydrated_from_their_owners() -> None:
    """Categories and products come from the catalogue in the index's order, without what it has lost."""
    sources = shop_of(2, suggestions=FakeSource({SuggestionKey(text="sho", first=5): SUGGESTED}))
    result = await ask(sources, SUGGEST)
    assert result.formatted == {
        "data": {
            "searchSuggestions": {
                "queries": ["shoes", "shoe laces"],
                "categories": [{"handle": "boots"}],
                "brands": [{"id": "brd_b1", "name": "Brand"}],
                "products": [{"id": "prd_p2"}, {"id": "prd_p1"}],
            }
        }
    }
    assert asked(sources) == {"suggestions": 1, "category_tree": 1, "products": 1}


async def test_places_and_addresses_are_found_by_text() -> None:
    """The gazetteer gets the text stripped, once per field; nothing found is an empty list."""
    moscow = Locality(id="msk", name="Moscow", country_code="RU")
    street = Address(country_code="RU", city="Moscow", formatted="Tverskaya 1")
    sources: Any = shop_of(
        0,
        locality_search=FakeSource({LocalityQuery(text="Mos", first=10): LocalitiesFound(localities=(moscow,))}),
        address_search=FakeSource({AddressQuery(text="", first=3): AddressesFound(addresses=(street,))}),
    )
    query = '{ localities(query: " Mos ") { id name } addressSuggestions(query: " ", first: 3) { id formatted } }'
    result = await ask(sources, query)
    assert result.formatted == {
        "data": {
            "localities": [{"id": "cty_msk", "name": "Moscow"}],
            "addressSuggestions": [{"id": None, "formatted": "Tverskaya 1"}],
        }
    }


async def test_a_failing_gazetteer_is_a_null_with_its_error() -> None:
    """The shopper may type an address by hand."""
    down = FakeSource(lambda _key, _asker: SourceUnavailable(DataSource.GEO))
    result = await ask(shop_of(0, address_search=down), '{ addressSuggestions(query: "T") { city } }')
    assert codes(result) == [("UNAVAILABLE", "GEO", "addressSuggestions")]


async def test_a_block_tells_why_each_product_is_there() -> None:
    """Items and the products they are based on come from the catalogue, each dataset asked once per level."""
    sources = shop_of(3)
    query = """query ($page: RecommendationContextInput) {
        recommendations(placement: "home", context: $page, first: 2) {
            trackingToken items { trackingToken product { id } reason { text basedOn { id } } } } }"""
    result = await ask(sources, query, page={"query": " red ", "productId": None})
    assert result.errors is None
    assert result.data is not None
    assert result.data["recommendations"]["items"][1] == {
        "trackingToken": "r2",
        "product": {"id": "prd_p2"},
        "reason": {"text": "You saw", "basedOn": {"id": "prd_p1"}},
    }
    [[key]] = sources.blocks.asked  # type: ignore[attr-defined]
    assert (key.placement, key.first, key.query, key.product_id) == ("home", 2, "red", None)
    assert asked(sources) == {"blocks": 1, "products": 1}
