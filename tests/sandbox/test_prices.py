"""Prices are exact and explained; promotions do what they say."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.world import people, prices
from sandbox.world.prices import RATES, ZONE_PERCENT
from sandbox.world.shop import Shop, terms_for
from tests.sandbox.driving import BOOTS_SKU, CONTEXT, Driver
from tests.sandbox.requests import PEOPLE

LIPSTICK_SKU = "MIR-000002-01"


def price(driver: Driver, sku: str, quantity: int = 1, **context: Any) -> Any:
    body = {**CONTEXT, **context, "items": [{"sku": sku, "quantity": quantity}]}
    return driver.ask("pricing", "/v1/prices/batch", **body)["prices"][0]["price"]


def amount(money: Any) -> Decimal:
    return Decimal(money["amount"])


@pytest.mark.parametrize("currency", RATES)
@pytest.mark.parametrize("customer", [*PEOPLE, None])
def test_explanation_sums_exactly(driver: Driver, customer: str | None, currency: str) -> None:
    """Steps begin with BASE, each running total is the sum so far, and the last one is the price."""
    skus = [
        v["sku"] for it in driver.products(*(f"p-{number:06d}" for number in range(1, 90))) for v in it["variants"][:1]
    ]
    items = [{"sku": sku, "quantity": quantity} for sku in skus for quantity in (1, 2, 3, 7)]
    context = {**CONTEXT, "customerId": customer, "currency": currency, "channel": "ANDROID"}
    for answered in driver.ask("pricing", "/v1/prices/batch", **context, items=items)["prices"]:
        assert_explained(answered["price"], currency)


def assert_explained(told: Any, currency: str) -> None:
    total = Decimal(0)
    for step in told["explanation"]:
        total += amount(step["amount"])
        assert amount(step["runningTotal"]) == total
        assert step["amount"]["currencyCode"] == currency
    assert told["explanation"][0]["kind"] == "BASE"
    assert amount(told["current"]) == total > 0


@given(
    number=st.integers(1, 400),
    city=st.sampled_from(("msk", "ekb", "nsk", "vvo")),
    channel=st.sampled_from(("WEB", "IOS", "IN_STORE")),
    currency=st.sampled_from(tuple(RATES)),
    customer=st.sampled_from((None, *people.KNOWN)),
    quantity=st.integers(1, 2_147_483_647),
)
def test_any_price_adds_up(
    shop: Shop, number: int, city: str, channel: str, currency: str, customer: str | None, quantity: int
) -> None:
    """Whatever is bought, wherever, by whomever and however much: the steps sum to a positive price in whole grains."""
    product = shop.goods.products[number - 1]
    made = prices.unit_price(product, product.price, terms_for(city, channel, currency, customer), quantity)
    assert sum(step.amount for step in made.steps) == made.current
    assert 0 < made.current <= made.listed
    assert made.current % RATES[currency][1] == 0


def test_reduction_is_told(driver: Driver) -> None:
    """A reduced price has a crossed-out one, whole percent rounded down, and an end; a full price has none of these."""
    reduced, full = price(driver, BOOTS_SKU), price(driver, "TES-000010-01")
    assert amount(reduced["regular"]) == Decimal("12990.00")
    assert amount(reduced["current"]) == Decimal("9742.00")
    assert reduced["discountPercent"] == 25
    assert reduced["explanation"][1]["promotionId"] == "promo-spring-sale"
    assert "validUntil" in reduced
    assert not {"regular", "discountPercent", "lowestRecent", "validUntil"} & set(full)


def test_quantity_promotion(driver: Driver) -> None:
    """Three for the price of two begins with the third, and the reduction is told as one that needs the cart."""
    one, three = price(driver, LIPSTICK_SKU), price(driver, LIPSTICK_SKU, 3)
    assert amount(price(driver, LIPSTICK_SKU, 2)["current"]) == amount(one["current"])
    assert abs(amount(three["current"]) * 3 - amount(one["current"]) * 2) <= 3
    assert "CART_PROMOTION" in [step["kind"] for step in three["explanation"]]


def test_prices_of_others_are_never_seen(driver: Driver) -> None:
    """Tier, contract and nobody's price differ, and only what depends on the customer is personal."""
    told = {who: price(driver, BOOTS_SKU, customerId=who) for who in (None, "cust-boris", "cust-anna", "cust-daria")}
    assert [told[who]["isPersonal"] for who in told] == [False, False, True, True]
    currents = [amount(told[who]["current"]) for who in told]
    assert currents[0] == currents[1] > currents[2] > currents[3]
    assert [step["kind"] for step in told["cust-daria"]["explanation"]][-3:] == ["LOYALTY_TIER", "PERSONAL", "ROUNDING"]


def test_zone_and_channel(driver: Driver) -> None:
    """The Far East has a dearer price list, the app a further reduction."""
    here = amount(price(driver, BOOTS_SKU)["current"])
    assert amount(price(driver, BOOTS_SKU, localityId="vvo")["current"]) > here
    assert amount(price(driver, BOOTS_SKU, channel="IOS")["current"]) < here
    assert set(ZONE_PERCENT) == {"west", "ural", "siberia", "east"}


def test_price_range(driver: Driver) -> None:
    """Volumes cost differently, sizes do not; a measure's price is told for volumes."""
    perfume, boots = driver.products("p-000005", "p-000001")
    products = [{"id": it["id"], "skus": [v["sku"] for v in it["variants"]]} for it in (perfume, boots)]
    wide, single = driver.ask("pricing", "/v1/products/batch", **CONTEXT, products=products)["products"]
    assert (wide["isSingle"], single["isSingle"]) == (False, True)
    assert amount(wide["lowest"]["current"]) < amount(wide["highest"]["current"])
    assert wide["lowest"]["perMeasure"]["measure"] == "100 мл"


def test_every_mechanic_is_there(driver: Driver) -> None:
    """Current promotions show every mechanic and every variety of it; apps see those of their channel."""
    told = driver.ask("pricing", "/v1/promotions/batch", **CONTEXT | {"channel": "IOS"}, ids=None)["promotions"]
    kinds = {it["mechanic"]["kind"] for it in told}
    assert kinds == {"PRICE_OFF", "MULTI_BUY", "BUNDLE", "GIFT", "DELIVERY", "POINTS", "OTHER"}
    assert {it["mechanic"]["selection"] for it in told if it["mechanic"]["kind"] == "GIFT"} == {"AUTOMATIC", "CHOICE"}
    assert any(it["requiresPromoCode"] for it in told)
    web = driver.ask("pricing", "/v1/promotions/batch", **CONTEXT, ids=None)["promotions"]
    assert {it["id"] for it in told} - {it["id"] for it in web} == {"promo-app"}


def test_promotions_mention_real_goods(driver: Driver) -> None:
    """Gifts and samples of sets are products that the catalogue has."""
    told = driver.ask("pricing", "/v1/promotions/batch", **CONTEXT, ids=None)["promotions"]
    skus = [sku for it in told for sku in it["mechanic"].get("giftSkus", ())]
    ids = [key for it in told for group in it["mechanic"].get("groups", ()) for key in group["productIds"]]
    answer = driver.ask("catalogue", "/v1/products/batch", language="ru", skus=skus, ids=ids)
    found = {it["id"] for it in answer["products"]}
    assert skus
    assert set(ids) <= found


def test_estimates_are_personal(driver: Driver) -> None:
    """Points follow the tier; a guest gets a basic member's, a blocked member none."""
    points = {}
    for who in (None, "cust-anna", "cust-oleg", "cust-vera"):
        body = {**CONTEXT, "customerId": who, "items": [{"sku": "NOR-000004-01", "quantity": 1}]}
        (told,) = driver.ask("loyalty", "/v1/estimates/batch", **body)["estimates"]
        assert told["isPersonal"] is (who is not None)
        points[who] = Decimal(told["amount"]["points"])
    assert points["cust-oleg"] > points["cust-anna"] > points[None] > points["cust-vera"] == 0
