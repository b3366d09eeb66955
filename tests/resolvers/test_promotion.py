"""Promotions: how they work, and the goods that they mention."""

from decimal import Decimal
from typing import Any

import pytest

from clients.errors import SourceUnavailable
from clients.pricing.protocol import (
    CURRENT,
    BundleGroup,
    BundleMechanic,
    CurrentPromotions,
    DeliveryMechanic,
    GiftMechanic,
    GiftSelection,
    MultiBuyMechanic,
    PointsMechanic,
    PriceOffMechanic,
    Promotion,
)
from clients.search.protocol import ListingKey, ProductFilter, ProductSort
from clients.values import DataSource, DeliveryMethod
from tests.resolvers.fakes import FakeSource, ask, asked, codes
from tests.resolvers.goods import PROMOTION, roubles, shop_of

DOWN = SourceUnavailable(DataSource.PRICING)


def promotion(key: str, mechanic: Any) -> Promotion:
    return Promotion(id=key, title=key, channels=(), requires_promo_code=False, mechanic=mechanic)


def shop_with(*promotions: Promotion) -> Any:
    current = FakeSource({CURRENT: CurrentPromotions(promotions=promotions)})
    return shop_of(3, current_promotions=current, promotions=FakeSource({p.id: p for p in promotions}))


MECHANICS = [
    (PriceOffMechanic(percent=Decimal("12.5")), "... on PriceOffMechanic { percent }", {"percent": "12.5"}),
    (
        MultiBuyMechanic(buy_quantity=3, discounted_quantity=1, set_price=roubles("999")),
        "... on MultiBuyMechanic { buyQuantity discountedQuantity percent setPrice { amount } }",
        {"buyQuantity": 3, "discountedQuantity": 1, "percent": None, "setPrice": {"amount": "999"}},
    ),
    (
        BundleMechanic(groups=(BundleGroup(title="Any shoe", quantity=1, product_ids=("p1", "gone", "p2")),)),
        "... on BundleMechanic { groups { title samples { id } } }",
        {"groups": [{"title": "Any shoe", "samples": [{"id": "prd_p1"}, {"id": "prd_p2"}]}]},
    ),
    (
        GiftMechanic(selection=GiftSelection.CHOICE, max_gifts=1, gift_skus=("s2-41", "gone", "s1-40")),
        "... on GiftMechanic { selection maxGifts gifts { sku } }",
        {"selection": "CHOICE", "maxGifts": 1, "gifts": [{"sku": "s2-41"}, {"sku": "s1-40"}]},
    ),
    (
        DeliveryMechanic(methods=(DeliveryMethod.POST,), in_stock_only=False, percent=Decimal(100)),
        "... on DeliveryMechanic { methods percent inStockOnly }",
        {"methods": ["POST"], "percent": "100", "inStockOnly": False},
    ),
    (PointsMechanic(multiplier=Decimal(2)), "... on PointsMechanic { multiplier }", {"multiplier": "2"}),
    (PROMOTION.mechanic, "... on OtherMechanic { code }", {"code": "odd"}),
]


@pytest.mark.parametrize(("mechanic", "fragment", "shown"), MECHANICS)
async def test_every_mechanic_has_its_type(mechanic: Any, fragment: str, shown: dict[str, Any]) -> None:
    """A member of the union is told by the class of the value; goods that the catalogue lost are left out."""
    query = f'{{ promotion(id: "pro_x") {{ id mechanic {{ __typename {fragment} }} }} }}'
    result = await ask(shop_with(promotion("x", mechanic)), query)
    assert result.errors is None
    assert result.data == {"promotion": {"id": "pro_x", "mechanic": {"__typename": type(mechanic).__name__, **shown}}}


async def test_gifts_of_all_promotions_come_in_one_load() -> None:
    """Two promotions that give gifts ask the catalogue once."""
    gifts = [
        GiftMechanic(selection=GiftSelection.AUTOMATIC, max_gifts=1, gift_skus=(sku,)) for sku in ("s1-40", "s2-40")
    ]
    sources = shop_with(*(promotion(f"g{number}", gift) for number, gift in enumerate(gifts)))
    result = await ask(sources, "{ promotions { mechanic { ... on GiftMechanic { gifts { sku } } } } }")
    assert result.errors is None
    assert asked(sources) == {"current_promotions": 1, "products": 1}


async def test_current_promotions_keep_the_merchandisers_order() -> None:
    """They come as the pricing system lists them; when it fails the seam is null with its error."""
    sources = shop_with(promotion("b", PROMOTION.mechanic), promotion("a", PROMOTION.mechanic))
    result = await ask(sources, "{ promotions { id } }")
    assert result.data == {"promotions": [{"id": "pro_b"}, {"id": "pro_a"}]}
    failing = shop_of(1, current_promotions=FakeSource({CURRENT: DOWN}))
    assert codes(await ask(failing, "{ promotions { id } }")) == [("UNAVAILABLE", "PRICING", "promotions")]


async def test_participating_products_are_a_listing_of_the_promotion() -> None:
    """Its key names the promotion; the other ways of listing are not in it."""
    sources = shop_with(PROMOTION)
    query = """{ promotion(id: "pro_spring") {
        products(first: 2, sort: DISCOUNT, filter: {onSaleOnly: true}) { totalCount } } }"""
    result = await ask(sources, query)
    assert result.errors is None
    assert sources.listings.asked == [
        [ListingKey(first=2, promotion_id="spring", sort=ProductSort.DISCOUNT, filter=ProductFilter(on_sale_only=True))]
    ]


async def test_a_prices_steps_name_their_promotions_in_one_load() -> None:
    """Each component mentions its promotion by id; a step without one is null without an error."""
    sources = shop_of(3)
    query = '{ search(query: "a") { nodes { variant { price { explanation { kind promotion { id } } } } } } }'
    result = await ask(sources, query)
    assert result.errors is None
    assert sources.promotions.asked == [["spring"]]  # type: ignore[attr-defined]
    sources = shop_of(1, promotions=FakeSource())
    result = await ask(sources, query)
    assert result.errors is None
    assert result.data is not None
    [node] = result.data["search"]["nodes"]
    assert node["variant"]["price"]["explanation"] == [{"kind": "BASE", "promotion": None}]
