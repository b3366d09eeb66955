"""Which variant a product shows first, and how its pictures name their variants."""

from typing import Any

import pytest

from clients.catalogue.protocol import Media, MediaKind, SelectedOption
from clients.errors import SourceUnavailable
from clients.values import DataSource, Image
from resolvers.product import first_in_stock, media_by_sku, promotions_of, select_variant
from tests.resolvers.fakes import FakeSource, ask, asked, make_context
from tests.resolvers.goods import PROMOTION, catalogue_of, product, product_price, product_stock, shop_of, variant

DOWN = SourceUnavailable(DataSource.STOCK)
SHOE = product(1)


@pytest.mark.parametrize(
    ("chosen", "sku"),
    [
        ({}, None),
        ({"size": "41"}, "s1-41"),
        ({"size": "99"}, None),
        ({"colour": "red"}, None),
        ({"size": "40", "colour": "red"}, "s1-40"),
    ],
)
def test_a_choice_decides_when_the_product_knows_it(chosen: dict[str, str], sku: str | None) -> None:
    """Unknown options and values are ignored; without a known one the choice decides nothing."""
    found = select_variant(SHOE, chosen)
    assert (found and found.sku) == sku


def test_a_product_of_one_variant_needs_no_choice() -> None:
    """Nobody is asked about stock for it."""
    found = select_variant(product(1, ("one",)), {})
    assert found is not None
    assert found.sku == "s1-one"


def test_a_combination_that_is_not_made_decides_nothing() -> None:
    """Known values of which no variant has all are as good as no choice."""
    both = (SelectedOption(code="size", value="40", title="40"), SelectedOption(code="size", value="41", title="41"))
    impossible = product(1, variants=(variant(1, "40", selected_options=both[:1]),))
    assert select_variant(impossible, {"size": "41"}) is None


@pytest.mark.parametrize(
    ("found", "sku"),
    [
        (product_stock(SHOE.skus, ("s1-41",)), "s1-41"),
        (product_stock(SHOE.skus, ("s1-41", "s1-40")), "s1-40"),
        (product_stock(SHOE.skus, ()), "s1-40"),
        (product_stock(SHOE.skus, ("other",)), "s1-40"),
        (DOWN, "s1-40"),
        (None, "s1-40"),
    ],
)
def test_the_first_in_stock_is_shown_else_the_first(found: Any, sku: str) -> None:
    """The product's own order counts, not that of the stock system, whose failure costs no variant."""
    assert first_in_stock(SHOE, found).sku == sku


async def test_stock_is_asked_only_about_products_that_the_choice_does_not_decide() -> None:
    """One question for all undecided products of the page; the answers find their own products."""
    products = catalogue_of(product(1), product(2, ("one",)), product(3))
    sources = shop_of(3, products=products)
    result = await ask(sources, '{ search(query: "a") { nodes { variant { sku } } } }')
    assert result.data is not None
    assert [node["variant"]["sku"] for node in result.data["search"]["nodes"]] == ["s1-41", "s2-one", "s3-41"]
    assert sources.product_availability.asked == [[product(1).skus, product(3).skus]]  # type: ignore[attr-defined]


async def test_a_choice_asks_nobody() -> None:
    """A selected variant is shown whether or not it can be bought; the last value said of an option counts."""
    sources = shop_of(1)
    query = """query ($options: [SelectedOptionInput!]) {
        product(by: {id: "prd_p1"}) { variant(selectedOptions: $options) { sku } } }"""
    options = [{"code": "size", "value": "99"}, {"code": "size", "value": "40"}, {"code": "x", "value": "y"}]
    result = await ask(sources, query, options=options)
    assert result.data == {"product": {"variant": {"sku": "s1-40"}}}
    assert "product_availability" not in asked(sources)


async def test_a_failing_stock_does_not_cost_the_variant() -> None:
    """The variant itself is the catalogue's: without stock the first one is shown, and no error."""
    sources = shop_of(1, product_availability=FakeSource(lambda _key, _asker: DOWN))
    result = await ask(sources, '{ product(by: {id: "prd_p1"}) { variant { sku } } }')
    assert result.errors is None
    assert result.data == {"product": {"variant": {"sku": "s1-40"}}}


def test_promotions_come_with_the_prices() -> None:
    """A product's promotions are those that its price answer brought; failures and absences stay what they are."""
    asker = make_context(shop_of(1)).asker
    assert promotions_of(product_price(SHOE.skus, asker)) == (PROMOTION,)
    assert promotions_of(DOWN) is DOWN
    assert promotions_of(None) is None


def picture(variant_id: str | None) -> Media:
    return Media(kind=MediaKind.IMAGE, image=Image(url="https://cdn.example/a.svg"), variant_id=variant_id)


def test_a_picture_names_its_variant_as_the_variant_is_named() -> None:
    """`Media.variantId` equals `ProductVariant.id`, which is made of the sku and not of the catalogue's id."""
    shown = media_by_sku(product(1, media=(picture("v1-41"), picture(None), picture("gone"))))
    assert [media.variant_id for media in shown] == ["s1-41", None, None]


def test_pictures_of_the_whole_product_are_passed_on_as_they_are() -> None:
    """The common case copies nothing."""
    plain = product(1, media=(picture(None),))
    assert media_by_sku(plain) is plain.media


IMAGE = '{ product(by: {id: "prd_p1"}) { media { variantId image { url%s alt } } variants { id } } }'


@pytest.mark.parametrize(
    ("width", "natural", "url"),
    [("(width: 96)", 2000, "96"), ("", 2000, "2000"), ("", None, "640"), ("(width: null)", None, "640")],
)
async def test_images_come_in_the_wanted_width(width: str, natural: int | None, url: str) -> None:
    """The CDN is asked for the width that a client wants, else the natural one, else a usual one."""
    image = Image(url="https://cdn.example/a-{width}.svg", width=natural)
    media = (Media(kind=MediaKind.IMAGE, image=image, variant_id="v1-40"),)
    result = await ask(shop_of(1, products=catalogue_of(product(1, media=media))), IMAGE % width)
    assert result.data is not None
    found = result.data["product"]
    assert found["media"][0]["image"]["url"] == f"https://cdn.example/a-{url}.svg"
    assert found["media"][0]["variantId"] == found["variants"][0]["id"]


@pytest.mark.parametrize("width", [0, -1, 4097])
async def test_a_width_that_no_screen_has_is_refused(width: int) -> None:
    """A derivative of any size would fill the CDN; the refusal costs the image and nothing else."""
    sources = shop_of(1, products=catalogue_of(product(1, image=Image(url="https://cdn.example/a.svg"))))
    result = await ask(sources, f'{{ product(by: {{id: "prd_p1"}}) {{ id image {{ url(width: {width}) }} }} }}')
    assert result.data == {"product": {"id": "prd_p1", "image": None}}
    assert [error.message for error in result.errors or ()] == [f"Expected `width` between 1 and 4096, got {width}."]
