"""What clients give: read exactly, refused in words that say what was expected, never sent on unbounded."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import strawberry

from clients.search import protocol as search
from clients.values import GeoBox, GeoPoint, LocationKind
from resolvers.geo import AddressInput, GeoBoxInput, GeoPointInput, read_address, read_box, read_point
from resolvers.listing import FacetRangeInput, ProductFilter, ask_listing, read_filter
from resolvers.node import Kind, expected_key, given_key, global_id, key_of, read_id
from resolvers.paging import chosen, cursor, page_size
from resolvers.product import ordered_quantity
from resolvers.recommendations import RecommendationContextInput, read_context
from resolvers.refusals import BadInput
from resolvers.texts import bounded, named, searched, shown

UNSET: Any = strawberry.UNSET


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("key", ["1042", "a_b", "ключ", "x" * 200])
def test_an_id_is_read_back(kind: Kind, key: str) -> None:
    """The kind and the owner's key survive the way to a client and back."""
    assert read_id(global_id(kind, key)) == (kind, key)
    assert key_of(kind, global_id(kind, key)) == key


@pytest.mark.parametrize("given", ["", "_", "prd", "prd_", "xyz_1", "PRD_1", "1042", " prd_1", "prd_" + "x" * 201])
def test_an_id_that_we_never_made_names_nothing(given: str) -> None:
    """Malformed, empty and endless ids have no kind and no key."""
    assert read_id(given) is None


def test_an_id_of_another_kind_names_nothing() -> None:
    """A category's id is no product's."""
    assert key_of(Kind.PRODUCT, global_id(Kind.CATEGORY, "1")) is None


def test_a_refused_id_says_what_was_expected() -> None:
    """The message names the argument, an example and what was given, shortened if it is long."""
    with pytest.raises(BadInput, match=r"Expected `locality` to be an id like `cty_\.\.\.`, got 'msk'\."):
        expected_key(Kind.LOCALITY, "msk", "locality")
    with pytest.raises(BadInput) as refused:
        expected_key(Kind.LOCALITY, "m" * 10_000, "locality")
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("given", [None, UNSET])
def test_an_optional_id_may_be_left_out(given: Any) -> None:
    """Left out and null are the same for an id; an empty one is neither."""
    assert given_key(Kind.CART, given, "cartId") is None
    with pytest.raises(BadInput):
        given_key(Kind.CART, "", "cartId")


@pytest.mark.parametrize(("first", "at_most"), [(1, 100), (100, 100), (500, 500)])
def test_page_sizes_within_what_is_promised_pass(first: int, at_most: int) -> None:
    """From one to the field's own limit."""
    assert page_size(first, at_most) == first


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
def test_other_page_sizes_are_refused(first: int) -> None:
    """A page is never silently cut to the limit."""
    with pytest.raises(BadInput, match=f"between 1 and 100, got {first}"):
        page_size(first)


@pytest.mark.parametrize("after", [None, "c", "c" * 2048])
def test_cursors_pass_unread(after: str | None) -> None:
    """Whether a cursor is one, its owner knows."""
    assert cursor(after) == after


@pytest.mark.parametrize("after", ["", "c" * 2049])
def test_what_cannot_be_a_cursor_is_refused(after: str) -> None:
    """Neither empty nor endless texts are sent on; the text itself is not repeated."""
    with pytest.raises(BadInput, match=f"got a text of {len(after)} characters"):
        cursor(after)


def test_kinds_are_asked_for_once_and_in_one_order() -> None:
    """Equal questions have equal keys, whatever the order in which a client says them."""
    store, locker = LocationKind.STORE, LocationKind.PARCEL_LOCKER
    assert chosen([store, locker, store]) == chosen([locker, store]) == (locker, store)
    assert chosen(None) == chosen([]) == ()


@pytest.mark.parametrize("quantity", [0, -1, 10_000])
def test_a_quantity_that_nobody_orders_is_refused(quantity: int) -> None:
    """Prices and points are for 1 to 9999 units."""
    with pytest.raises(BadInput, match="between 1 and 9999"):
        ordered_quantity(quantity)


def test_texts_are_bounded() -> None:
    """Names hold 200 characters and are not empty, texts to search 500 and are stripped."""
    assert named("home_personal", "placement") == "home_personal"
    assert searched("  red shoes ") == "red shoes"
    assert searched("") == ""
    assert bounded("x" * 500, "note", 500) == "x" * 500
    assert shown("x" * 41).endswith("and 1 characters more")


@pytest.mark.parametrize(("read", "given"), [(named, ""), (named, "x" * 201), (searched, "x" * 501)])
def test_texts_beyond_their_bounds_are_refused(read: Callable[[str, str], str], given: str) -> None:
    """What names nothing and what nobody types is refused, by its length and not by its text."""
    with pytest.raises(BadInput, match="Expected `query`"):
        read(given, "query")


def filter_of(**given: Any) -> ProductFilter:
    return ProductFilter(**given)


NOTHING_SAID = filter_of()
ALL_NULL = filter_of(
    facets=None,
    ranges=None,
    in_stock_only=None,
    available_at=None,
    receivable_by=None,
    promotion_id=None,
    on_sale_only=None,
)


@pytest.mark.parametrize("given", [NOTHING_SAID, ALL_NULL])
def test_a_filter_of_nothing_restricts_nothing(given: ProductFilter) -> None:
    """Leaving everything out and giving null for everything are both the unrestricted listing, one cache key."""
    assert read_filter(given) == search.EVERYTHING


def test_a_filter_is_read_whole() -> None:
    """Every restriction reaches the index under its owner's keys."""
    given = filter_of(
        facets=["b", "a", "b"],
        ranges=[FacetRangeInput(code="price", from_=Decimal(5), to=None), FacetRangeInput(code="weight")],  # type: ignore[call-arg]
        in_stock_only=True,
        available_at=["loc_2", "loc_1"],
        receivable_by=dt.date(2026, 3, 2),
        promotion_id="pro_spring",
        on_sale_only=True,
    )
    assert read_filter(given) == search.ProductFilter(
        facets=("a", "b"),
        ranges=(search.FacetRange(code="price", from_=Decimal(5)), search.FacetRange(code="weight")),
        in_stock_only=True,
        available_at=("1", "2"),
        receivable_by=dt.date(2026, 3, 2),
        promotion_id="spring",
        on_sale_only=True,
    )


@pytest.mark.parametrize(
    "given",
    [
        {"available_at": ["prd_1"]},
        {"promotion_id": ""},
        {"promotion_id": "spring"},
        {"facets": [""]},
        {"facets": ["x" * 201]},
        {"facets": ["x"] * 101},
        {"ranges": [FacetRangeInput(code="", from_=None, to=None)]},
    ],
)
def test_a_filter_that_means_nothing_is_refused(given: dict[str, Any]) -> None:
    """A restriction that cannot hold is not dropped in silence: the listing would show what was to be left out."""
    with pytest.raises(BadInput, match="Expected"):
        read_filter(filter_of(**given))


def test_a_listing_is_asked_by_one_key() -> None:
    """Paging, filter and order are read once for all parents of a field."""
    asked = ask_listing(24, "c1", None, search.ProductSort.NEWEST)
    assert asked(category_id="7") == search.ListingKey(
        first=24, category_id="7", after="c1", sort=search.ProductSort.NEWEST
    )


def point(latitude: float, longitude: float) -> GeoPointInput:
    return GeoPointInput(latitude=latitude, longitude=longitude)


def test_points_and_boxes_are_read() -> None:
    """A box may lie across the date line."""
    assert read_point(None) is None
    assert read_box(None) is None
    assert read_box(GeoBoxInput(south_west=point(-10, 170), north_east=point(10, -170))) == GeoBox(
        south_west=GeoPoint(latitude=-10, longitude=170), north_east=GeoPoint(latitude=10, longitude=-170)
    )


@pytest.mark.parametrize(("latitude", "longitude"), [(90.1, 0), (-91, 0), (0, 180.5), (0, -1e300), (float("nan"), 0)])
def test_a_point_beyond_the_globe_is_refused(latitude: float, longitude: float) -> None:
    """An upstream would refuse it and be blamed for it."""
    with pytest.raises(BadInput, match="degrees north"):
        read_point(point(latitude, longitude))


def test_a_box_upside_down_is_refused() -> None:
    """North is above south."""
    with pytest.raises(BadInput, match="southWest"):
        read_box(GeoBoxInput(south_west=point(10, 0), north_east=point(-10, 0)))


ADDRESS: dict[str, Any] = {"city": " Moscow ", "street": None, "house": "", "locality_id": "cty_msk"}


def test_an_address_is_read_without_what_was_left_out() -> None:
    """Left out, null and empty lines are all absent; the city is stripped."""
    read = read_address(AddressInput(**ADDRESS))
    assert (read.city, read.street, read.house, read.region, read.locality_id) == ("Moscow", None, None, None, "msk")


@pytest.mark.parametrize(
    "given",
    [
        {"city": ""},
        {"city": "  "},
        {"city": "x" * 201},
        {"city": "M", "note": "x" * 501},
        {"city": "M", "flat": "x" * 201},
    ],
)
def test_an_address_that_fits_no_envelope_is_refused(given: dict[str, Any]) -> None:
    """A city is needed, and no line is endless."""
    with pytest.raises(BadInput, match="Expected `"):
        read_address(AddressInput(**given))


def test_the_recommender_is_told_what_the_page_shows() -> None:
    """Keys of the owners, and nothing for what was left out, null or an empty query."""
    given: dict[str, Any] = {"product_id": "prd_1", "category_id": None, "query": ""}
    assert read_context(RecommendationContextInput(**given)) == {"product_id": "1"}
    assert read_context(None) == {}


@pytest.mark.parametrize(
    "given", [{"product_id": "1"}, {"cart_id": ""}, {"category_id": "prd_1"}, {"query": "x" * 501}]
)
def test_a_page_that_shows_nothing_known_is_refused(given: dict[str, Any]) -> None:
    """Ids of another kind and endless queries are not sent to the recommender."""
    with pytest.raises(BadInput, match="Expected `"):
        read_context(RecommendationContextInput(**given))
