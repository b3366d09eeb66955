"""Talon.One as the one who prices: its contract, and what a naive adapter gets wrong."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from clients.errors import InvalidSourceResponse, SourceError, SourceThrottled, SourceTimeout
from clients.http import CallTerms, call_terms
from clients.pricing.protocol import CURRENT, MultiBuyMechanic, Price, PriceComponentKind, PriceKey
from clients.pricing.talon_one import TalonOnePricing
from clients.values import Money, SalesChannel
from sandbox.vendors.talon_one import BASKET_CAMPAIGN, PRICE_TAG, TalonOne
from sandbox.world.shop import Shop
from tests.vendors.contracts import Judge, Tally, published, slim
from tests.vendors.pricing_adapters import NOW, Recorder, shopper, talon_one_settings, upstream, whole

ANYBODY, ANNA, DARIA = shopper(), shopper("cust-anna"), shopper("cust-daria", channel=SalesChannel.IOS)
FILE = "talon-one-integration-api-openapi.yml"
UPDATED = "2026-03-01T09:00:00Z"


@pytest.fixture
def simulator(shop: Shop) -> TalonOne:
    return TalonOne(shop)


@pytest.fixture
def wire(simulator: TalonOne) -> Recorder:
    return Recorder(simulator.app())


@pytest.fixture
def pricing(wire: Recorder) -> TalonOnePricing:
    return TalonOnePricing(upstream(wire), talon_one_settings(), lambda: NOW)


def campaign(key: int = 1, *tags: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "name": f"Campaign {key}", "tags": tags or (PRICE_TAG,), "features": [], **more}


def per_item(value: Any, position: float = 0, key: int = 1, **more: Any) -> dict[str, Any]:
    props = {"name": f"off #{position}", "value": value, "position": position, **more}
    return {"campaignId": key, "effectType": "setDiscountPerItem", "props": props}


def session(*items: dict[str, Any], effects: Any = ()) -> dict[str, Any]:
    total = sum(item["price"] for item in items)
    return {"customerSession": {"cartItems": items, "cartItemTotal": total, "updated": UPDATED}, "effects": effects}


def answering(answer: Callable[[dict[str, Any]], Any], *campaigns: dict[str, Any], **options: Any) -> TalonOnePricing:
    """An adapter over scripted sessions: JSON for a 200, or a whole response."""

    def reply(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"hasMore": False, "data": campaigns or [campaign()]})
        said = answer(json.loads(request.content)["customerSession"])
        return said if isinstance(said, httpx.Response) else httpx.Response(200, json=said)

    return TalonOnePricing(upstream(httpx.MockTransport(reply)), talon_one_settings(**options), lambda: NOW)


def saying(answer: Any, _: dict[str, Any]) -> Any:
    return answer


def only(outcomes: Any) -> Any:
    (one,) = outcomes.values()
    return one


async def price_of(pricing: TalonOnePricing, sku: str = "a", quantity: int = 1, scope: Any = ANYBODY) -> Any:
    return only(await pricing.fetch_prices([PriceKey(sku=sku, quantity=quantity)], scope))


@pytest.mark.parametrize("is_published", [False, True], ids=["slim", "published"])
async def test_both_sides_fit_the_contract(
    simulator: TalonOne, shop: Shop, tally: Tally, *, is_published: bool
) -> None:
    """Every request and every answer, good or refused, validates against Talon.One's document and against ours."""
    contract = published("talon-one", FILE) if is_published else slim("talon-one")
    products = whole(shop, 1, 2, 5, 11)
    for switch in ({}, {"isNew": True}, {"isBusy": True}, {"isKeyBad": True}):
        simulator.reset()
        simulator.switch(switch)
        judge = Judge(httpx.ASGITransport(simulator.app()), [contract], tally)
        pricing = TalonOnePricing(upstream(judge), talon_one_settings(), lambda: NOW)
        for scope in (ANYBODY, ANNA, DARIA):
            await pricing.fetch_product_prices(products, scope)
            await pricing.fetch_prices([PriceKey(sku="none"), PriceKey(sku=products[1].skus[0], quantity=3)], scope)
            await pricing.fetch_current_promotions([CURRENT], scope)

    assert sum(tally.requests.values()) > 25
    assert sum(tally.answers.values()) > 25


async def test_13_1_money_is_a_number_in_major_units_and_exact() -> None:
    """0.1 and 0.2 off are 0.3 off: numbers are read as they are written."""
    off = [per_item(0.1), per_item(0.2)]
    pricing = answering(lambda _: session({"sku": "a", "price": 1.1}, effects=off))
    assert (await price_of(pricing)).current == Money(amount=Decimal("0.80"), currency_code="RUB")


async def test_13_1_units_of_an_item_have_effects_of_their_own(pricing: TalonOnePricing, shop: Shop) -> None:
    """The third of three is free: each costs two thirds, and the steps still sum to it."""
    price = await price_of(pricing, whole(shop, 2)[0].skus[0], quantity=3)

    assert [(one.kind, one.amount.amount) for one in price.explanation] == [
        (PriceComponentKind.BASE, Decimal("790.00")),
        (PriceComponentKind.PROMOTION, Decimal("-263.33")),
    ]
    assert price.current.amount == Decimal("526.67")


async def test_13_3_409_is_throttling_and_not_a_broken_answer(simulator: TalonOne, pricing: TalonOnePricing) -> None:
    """Another request had the same profile; asking again helps."""
    await pricing.ping()
    simulator.switch({"isBusy": True})
    error = await price_of(pricing)
    assert isinstance(error, SourceThrottled)
    assert error.retryable


async def test_13_3_a_profile_is_asked_about_one_question_after_the_other(
    simulator: TalonOne, pricing: TalonOnePricing, wire: Recorder, shop: Shop
) -> None:
    """Twenty at once for one customer meet no 409, and the anonymous do not wait for each other."""
    simulator.switch({"slowMillis": 1})
    keys = [[PriceKey(sku=one.skus[0])] for one in whole(shop, *range(1, 21))]
    answers = await asyncio.gather(*(pricing.fetch_prices(key, ANNA) for key in keys))
    assert all(isinstance(only(answer), Price) for answer in answers)

    simulator.switch({"slowMillis": 0})
    answers = await asyncio.gather(*(pricing.fetch_prices(key, ANYBODY) for key in keys))
    assert all(isinstance(only(answer), Price) for answer in answers)
    paths = [request.url.path for request in wire.requests if request.method == "PUT"]
    assert len(paths) == len(set(paths)) == 40


async def test_the_simulator_refuses_parallel_requests_for_a_profile(simulator: TalonOne) -> None:
    """The one that comes while another is under way gets 409, as from Talon.One itself; other profiles do not."""
    one, two = (
        TalonOnePricing(upstream(httpx.ASGITransport(simulator.app())), talon_one_settings(), lambda: NOW)
        for _ in range(2)
    )
    await one.fetch_current_promotions([CURRENT], ANNA)
    await two.fetch_current_promotions([CURRENT], ANNA)
    simulator.switch({"slowMillis": 3_600_000})
    first = asyncio.create_task(price_of(one, "LUM-000001-01", scope=ANNA))
    while not simulator._under_way:
        await asyncio.sleep(0)

    assert isinstance(await price_of(two, "LUM-000001-01", scope=ANNA), SourceThrottled)
    simulator.switch({"slowMillis": 0})
    assert isinstance(await price_of(two, "LUM-000001-01", scope=DARIA), Price)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert isinstance(await price_of(two, "LUM-000001-01", scope=ANNA), Price)


class Held(httpx.AsyncBaseTransport):
    """Answers sessions only when it is let go."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"hasMore": False, "data": [campaign()]})
        self.has_begun.set()
        await self.may_end.wait()
        return httpx.Response(200, json=session({"sku": "a", "price": 10}))


async def test_nobody_waits_for_a_profile_beyond_the_deadline() -> None:
    """Who is late gets a timeout, and the one who was first its price."""
    held = Held()
    pricing = TalonOnePricing(upstream(held), talon_one_settings(), lambda: NOW)
    first = asyncio.create_task(price_of(pricing, scope=ANNA))
    await held.has_begun.wait()
    call_terms.set(CallTerms(deadline=asyncio.get_running_loop().time() + 0.01))

    assert isinstance(await price_of(pricing, scope=ANNA), SourceTimeout)
    held.may_end.set()
    assert isinstance(await first, Price)


async def test_13_4_a_session_has_at_most_1000_items_and_10000_units(
    pricing: TalonOnePricing, wire: Recorder, shop: Shop
) -> None:
    """More go out as several sessions; high quantities make the sessions smaller."""
    skus = [sku for one in whole(shop, *range(1, 241)) for sku in one.skus]
    assert len(skus) > 1000
    await pricing.fetch_prices([PriceKey(sku=sku) for sku in skus], ANYBODY)
    await pricing.fetch_prices([PriceKey(sku=sku, quantity=3000) for sku in skus[:7]], ANYBODY)

    sent = [json.loads(one.content)["customerSession"]["cartItems"] for one in wire.requests if one.method == "PUT"]
    assert sorted(map(len, sent)) == sorted([1000] * (len(skus) // 1000) + [len(skus) % 1000, 3, 3, 1])


async def test_13_10_only_dry_sessions_are_sent(pricing: TalonOnePricing, wire: Recorder, shop: Shop) -> None:
    """Nothing is kept, nothing is used up: every session is dry and open."""
    await pricing.fetch_product_prices(whole(shop, 1, 2), DARIA)

    (asked,) = [request for request in wire.requests if request.method == "PUT"]
    assert asked.url.query == b"dry=true"
    assert json.loads(asked.content)["customerSession"]["state"] == "open"


async def test_13_11_effects_that_are_new_are_passed_over(
    simulator: TalonOne, pricing: TalonOnePricing, shop: Shop
) -> None:
    """They change no price and fail nothing."""
    keys = whole(shop, 1, 2, 3)
    before = await pricing.fetch_product_prices(keys, DARIA)
    simulator.switch({"isNew": True})
    assert await pricing.fetch_product_prices(keys, DARIA) == before


@pytest.mark.parametrize(
    "effect",
    [
        {"campaignId": 1, "effectType": "setDiscount", "props": {"name": "x", "value": 5, "scope": "sessionTotal"}},
        {"campaignId": 1, "effectType": "rejectCoupon", "props": {"value": "CODE", "rejectionReason": "CouponExpired"}},
        {"campaignId": 1, "effectType": "addFreeItem", "props": {"sku": "b", "name": "gift"}},
        {"campaignId": 1, "effectType": "rollbackDiscount", "props": {"name": "x", "value": 5}},
        {"campaignId": 1, "effectType": "addLoyaltyPoints", "props": {"name": "x", "value": 5}},
        per_item(5, bundleName="Look", bundleIndex=1),
        per_item(5, totalDiscount=9),
        per_item(5, scope="additionalCosts"),
        per_item(5, key=2),
    ],
    ids=["order", "coupon", "gift", "rollback", "points", "bundle", "pro rata", "costs", "another campaign"],
)
async def test_only_effects_on_one_item_s_price_count(effect: dict[str, Any]) -> None:
    """What needs a basket, costs of delivery, and campaigns that do not price items are for the cart."""
    pricing = answering(
        lambda _: session({"sku": "a", "price": 10}, effects=[effect]), campaign(1), campaign(2, "basket")
    )
    assert (await price_of(pricing)).current.amount == Decimal("10.00")


async def test_campaigns_that_look_at_the_basket_are_not_evaluated(
    pricing: TalonOnePricing, wire: Recorder, shop: Shop
) -> None:
    """Only those that run now and have the tag are named; a page is no basket of its own."""
    await pricing.fetch_product_prices(whole(shop, *range(1, 25)), ANYBODY)
    (asked,) = [json.loads(request.content) for request in wire.requests if request.method == "PUT"]

    assert BASKET_CAMPAIGN not in asked["customerSession"]["evaluableCampaignIds"]
    assert len(asked["customerSession"]["evaluableCampaignIds"]) > 5


async def test_items_that_the_catalog_lacks_do_not_spoil_the_session(
    pricing: TalonOnePricing, wire: Recorder, shop: Shop
) -> None:
    """A 400 that points at items is asked again without them; they are absent, the others have prices."""
    known = whole(shop, 1)[0].skus[0]
    keys = [PriceKey(sku=sku) for sku in ("none-1", known, "none-2")]
    prices = await pricing.fetch_prices(keys, ANYBODY)
    assert list(prices) == [PriceKey(sku=known)]
    assert isinstance(only(prices), Price)

    assert await pricing.fetch_prices([PriceKey(sku="none-1")], ANYBODY) == {}


async def test_a_400_that_points_nowhere_is_an_error() -> None:
    """And so is one that goes on pointing at items."""
    for pointer in ("", "/customerSession", "/customerSession/cartItems/99/price"):
        refusal = httpx.Response(400, json={"message": "no", "errors": [{"source": {"pointer": pointer}}]})
        assert isinstance(await price_of(answering(partial(saying, refusal))), InvalidSourceResponse)

    first = {"message": "no", "errors": [{"source": {"pointer": "/customerSession/cartItems/0/price"}}]}
    pricing = answering(lambda _: httpx.Response(400, json=first))
    outcomes = await pricing.fetch_prices([PriceKey(sku=f"{n}") for n in range(5)], ANYBODY)
    assert {type(one) for one in outcomes.values()} == {InvalidSourceResponse}


async def test_a_session_with_other_items_is_not_believed() -> None:
    """Effects name items by their place, so places must be what was sent."""
    pricing = answering(lambda _: session({"sku": "b", "price": 1}, {"sku": "a", "price": 2}))
    outcomes = await pricing.fetch_prices([PriceKey(sku="a"), PriceKey(sku="b")], ANYBODY)
    assert {type(one) for one in outcomes.values()} == {InvalidSourceResponse}


@pytest.mark.parametrize(
    "effect",
    [
        per_item("12"),
        per_item(None),
        per_item(1, position=7),
        per_item(1, position=0.5),
        {"campaignId": 1, "effectType": "setDiscountPerItem", "props": {"worth": 5, "position": 0}},
        {"campaignId": 1, "effectType": "setDiscountPerItem", "props": []},
    ],
    ids=["text", "null", "no such item", "half an item", "renamed", "list"],
)
async def test_a_discount_that_cannot_be_read_is_an_error(effect: dict[str, Any]) -> None:
    """Nothing is priced around an effect that is understood and broken."""
    pricing = answering(lambda _: session({"sku": "a", "price": 10}, effects=[effect]))
    assert isinstance(await price_of(pricing), InvalidSourceResponse)


async def test_a_price_that_was_renamed_is_an_error_and_not_a_lack() -> None:
    """The session's total tells that there are prices."""
    told = session({"sku": "a", "price": 10})
    told["customerSession"]["cartItems"] = [{"sku": "a", "amount": 10}]
    assert isinstance(await price_of(answering(lambda _: told)), InvalidSourceResponse)
    told["customerSession"]["cartItemTotal"] = 0
    assert await answering(lambda _: told).fetch_prices([PriceKey(sku="a")], ANYBODY) == {}


@pytest.mark.parametrize("price", [-1, 10**20], ids=["negative", "absurd"])
async def test_an_amount_that_no_shop_means_costs_its_own_line_only(price: Any) -> None:
    """That variant is an error; the others have their price."""
    pricing = answering(lambda _: session({"sku": "a", "price": price}, {"sku": "b", "price": 2}))
    outcomes = await pricing.fetch_prices([PriceKey(sku="a"), PriceKey(sku="b")], ANYBODY)
    assert isinstance(outcomes[PriceKey(sku="a")], InvalidSourceResponse)
    assert isinstance(outcomes[PriceKey(sku="b")], Price)


async def test_a_personal_price_for_nobody_is_refused() -> None:
    """An engine that gives an anonymous visitor somebody's price is not believed."""
    pricing = answering(
        lambda _: session({"sku": "a", "price": 10}, effects=[per_item(1)]),
        campaign(1, attributes={"component": "PERSONAL"}),
    )
    assert isinstance(await price_of(pricing), InvalidSourceResponse)
    assert (await price_of(pricing, scope=ANNA)).is_personal


async def test_campaigns_are_kept_for_a_while_and_read_to_their_end(shop: Shop) -> None:
    """Fifty pages of the shop read them once; pages beyond the first count, a list without an end is an error."""
    asked: list[str] = []
    total = [1500]

    def reply(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            return httpx.Response(200, json=session({"sku": "a", "price": 10}, effects=[per_item(1, key=1499)]))
        asked.append(request.url.params["skip"])
        skip = int(request.url.params["skip"])
        some = [campaign(key) for key in range(skip, min(skip + 1000, total[0]))]
        return httpx.Response(200, json={"hasMore": skip + 1000 < total[0], "data": some})

    now = [NOW]
    pricing = TalonOnePricing(upstream(httpx.MockTransport(reply)), talon_one_settings(), lambda: now[0])
    for _ in range(50):
        assert (await price_of(pricing)).current.amount == Decimal("9.00")
    assert asked == ["0", "1000"]
    total[0] = 100_000
    other = TalonOnePricing(upstream(httpx.MockTransport(reply)), talon_one_settings(), lambda: now[0])
    assert isinstance(await price_of(other), InvalidSourceResponse)


async def test_promotions_are_shown_as_their_attributes_say(pricing: TalonOnePricing) -> None:
    """By the campaign's number; without attributes by what its rules show; with a coupon it says so."""
    told = only(await pricing.fetch_current_promotions([CURRENT], shopper(language="en"))).promotions
    by_title = {one.title: one for one in told}
    assert isinstance(by_title["3 for 2"].mechanic, MultiBuyMechanic)
    assert by_title["Big sale"].id == "1"
    assert "Big basket" not in by_title

    plain = campaign(5, "x", features=["coupons"], rules=[{"title": "internal", "displayName": "Spring"}])
    (one,) = only(await answering(session, plain).fetch_current_promotions([CURRENT], ANYBODY)).promotions
    assert (one.title, one.requires_promo_code, one.description) == ("Spring", True, None)


@pytest.mark.parametrize(
    "options", [{"currency": "rub"}, {"api_key": ""}, {"price_tag": ""}, {"colour": "red"}], ids=str
)
def test_wrong_settings_are_named(options: dict[str, Any]) -> None:
    """Which one, and never the key."""
    with pytest.raises(ValidationError) as refused:
        talon_one_settings(**options)
    assert next(iter(options)) in str(refused.value)
    assert "sandbox-integration-key" not in str(refused.value)


async def test_failures_reach_every_key(simulator: TalonOne, pricing: TalonOnePricing) -> None:
    """When campaigns cannot be read there are no prices: which campaigns count is not guessed."""
    simulator.switch({"isKeyBad": True})
    outcomes = await pricing.fetch_prices([PriceKey(sku="a"), PriceKey(sku="b")], ANYBODY)
    assert [type(one) for one in outcomes.values()] == [InvalidSourceResponse] * 2
    assert all(isinstance(one, SourceError) and one.detail == "HTTP 401" for one in outcomes.values())
