"""Voucherify as the one who prices: its contract, and what a naive adapter gets wrong."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from clients.errors import InvalidSourceResponse, SourceError, SourceThrottled, SourceUnavailable
from clients.pricing.protocol import (
    CURRENT,
    BundleMechanic,
    DeliveryMechanic,
    GiftMechanic,
    MultiBuyMechanic,
    OtherMechanic,
    Price,
    PriceComponentKind,
    PriceKey,
    PriceOffMechanic,
    Promotion,
)
from clients.pricing.voucherify import VoucherifyPricing
from clients.pricing.voucherify_promotions import promotion_of
from clients.pricing.voucherify_wire import Discount, Redeemable, Result, Target, Targets
from clients.values import Money, SalesChannel
from sandbox.vendors.voucherify import Voucherify
from sandbox.world.shop import Shop
from tests.vendors.contracts import Contract, Judge, Tally, published, slim
from tests.vendors.pricing_adapters import NOW, Recorder, shopper, upstream, voucherify_settings, whole

ANYBODY, ANNA, DARIA = shopper(), shopper("cust-anna"), shopper("cust-daria", channel=SalesChannel.IOS)
PERCENT = Discount(type="PERCENT", effect="APPLY_TO_ITEMS")
FILE = "voucherify-readOnly-openAPI.json"


@pytest.fixture
def simulator(shop: Shop) -> Voucherify:
    return Voucherify(shop)


@pytest.fixture
def wire(simulator: Voucherify) -> Recorder:
    return Recorder(simulator.app())


@pytest.fixture
def pricing(wire: Recorder) -> VoucherifyPricing:
    return VoucherifyPricing(upstream(wire), voucherify_settings(), lambda: NOW)


def answering(answer: Callable[[httpx.Request], Any], **options: Any) -> VoucherifyPricing:
    """An adapter over scripted answers: JSON for a 200, or a whole response."""

    def reply(request: httpx.Request) -> httpx.Response:
        said = answer(request)
        return said if isinstance(said, httpx.Response) else httpx.Response(200, json=said)

    return VoucherifyPricing(upstream(httpx.MockTransport(reply)), voucherify_settings(**options), lambda: NOW)


def qualified(*items: dict[str, Any], data: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    return {"redeemables": {"data": list(data), "has_more": False, **more}, "order": {"items": list(items)}}


def only(outcomes: Any) -> Any:
    (one,) = outcomes.values()
    return one


async def everything(pricing: VoucherifyPricing, shop: Shop) -> None:
    """All that the adapter can ask, for several shoppers."""
    products = whole(shop, 1, 2, 5, 11)
    for scope in (ANYBODY, ANNA, DARIA):
        await pricing.fetch_product_prices(products, scope)
        await pricing.fetch_prices([PriceKey(sku="none", quantity=2), PriceKey(sku=products[1].skus[0])], scope)
        await pricing.fetch_promotions(["promo-app", "promo-none"], scope)
        await pricing.fetch_current_promotions([CURRENT], scope)
    await pricing.ping()


def contracts(*, is_published: bool) -> list[Contract]:
    return [published("voucherify", FILE)] if is_published else [slim("voucherify")]


@pytest.mark.parametrize("is_published", [False, True], ids=["slim", "published"])
async def test_both_sides_fit_the_contract(
    simulator: Voucherify, shop: Shop, tally: Tally, *, is_published: bool
) -> None:
    """Every request and every answer, good or refused, validates against Voucherify's document and against ours."""
    judge = Judge(httpx.ASGITransport(simulator.app()), contracts(is_published=is_published), tally)
    pricing = VoucherifyPricing(upstream(judge), voucherify_settings(), lambda: NOW)

    await everything(pricing, shop)
    for switch in ({"usedUp": "promo-app"}, {"usedUp": "promo-app", "appliesAll": False}, {"applicableLimit": 1}):
        simulator.reset()
        simulator.switch(switch)
        await everything(pricing, shop)
    for refusal in ({"areKeysBad": True}, {"callsPerMinute": 0}, {"isLocked": True}):
        simulator.reset()
        simulator.switch(refusal)
        assert isinstance(only(await pricing.fetch_current_promotions([CURRENT], ANNA)), SourceError)

    (requests,), (answers,) = tally.requests.values(), tally.answers.values()
    assert requests > 50
    assert answers > 50


async def test_13_1_money_is_hundredths_in_every_currency() -> None:
    """¥1500 comes as 150000, though a yen has no hundredths; nothing is a float on the way."""
    pricing = answering(lambda _: qualified({"source_id": "a", "quantity": 1, "price": 150_000}), currency="JPY")
    price = only(await pricing.fetch_prices([PriceKey(sku="a")], ANYBODY))

    assert price.current == Money(amount=Decimal("1500.00"), currency_code="JPY")


async def test_13_1_amounts_are_of_the_line_and_prices_of_one_unit(pricing: VoucherifyPricing, shop: Shop) -> None:
    """The third of three is free: each costs two thirds, and the steps still sum to it."""
    key = PriceKey(sku=whole(shop, 2)[0].skus[0], quantity=3)
    price = only(await pricing.fetch_prices([key], ANYBODY))

    assert [(one.kind, one.amount.amount) for one in price.explanation] == [
        (PriceComponentKind.BASE, Decimal("790.00")),
        (PriceComponentKind.PROMOTION, Decimal("-263.33")),
    ]
    assert (price.current.amount, price.regular.amount) == (Decimal("526.67"), Decimal("790.00"))
    assert price.discount_percent == 33


async def test_13_2_valid_false_is_a_refusal_though_the_status_is_200(
    simulator: Voucherify, pricing: VoucherifyPricing, wire: Recorder, shop: Shop
) -> None:
    """A promotion that was used up meanwhile is left out, and the others count; nothing is priced without them."""
    key = PriceKey(sku=whole(shop, 1)[0].skus[0])
    before = only(await pricing.fetch_prices([key], DARIA))
    simulator.switch({"usedUp": "promo-app"})
    wire.requests.clear()
    after = only(await pricing.fetch_prices([key], DARIA))

    assert [one.promotion_id for one in before.explanation if one.promotion_id != "promo-app"] == [
        one.promotion_id for one in after.explanation
    ]
    assert before.current.amount < after.current.amount < after.regular.amount
    assert [request.url.path for request in wire.requests] == ["/v1/qualifications", *["/v1/validations"] * 2]


async def test_13_2_valid_false_twice_is_an_error_and_no_price(shop: Shop) -> None:
    """An engine that refuses its own word is not priced around."""
    line = {"source_id": "a", "quantity": 1, "price": 1000}
    off = {"object": "promotion_tier", "result": {"discount": {"type": "PERCENT", "effect": "APPLY_TO_ITEMS"}}}
    reduced = {"order": {"items": [line | {"discount_amount": 100}]}}
    two = ({"id": "x", **off, **reduced}, {"id": "y", **off, **reduced})

    def answer(request: httpx.Request) -> Any:
        refused = {"valid": False, "redeemables": [{"id": "y", "status": "INAPPLICABLE"}]}
        return qualified(line, data=two) if request.url.path.endswith("qualifications") else refused

    error = only(await answering(answer).fetch_prices([PriceKey(sku="a")], ANYBODY))
    assert isinstance(error, InvalidSourceResponse)


async def test_steps_that_do_not_sum_are_an_error() -> None:
    """A validation whose parts contradict its total is not shown to anybody."""
    line = {"source_id": "a", "quantity": 1, "price": 1000}
    result = {"discount": {"type": "PERCENT", "effect": "APPLY_TO_ITEMS"}}
    data = tuple(
        {"id": key, "object": "promotion_tier", "result": result, "order": {"items": [line | {"discount_amount": 100}]}}
        for key in ("x", "y")
    )
    step = {"status": "APPLICABLE", "order": {"items": [line | {"applied_discount_amount": 100}]}}
    applied = {
        "valid": True,
        "redeemables": [{"id": "x", **step}, {"id": "y", **step}],
        "order": {"items": [line | {"discount_amount": 150}]},
    }
    pricing = answering(
        lambda request: qualified(line, data=data) if request.url.path.endswith("qualifications") else applied
    )
    assert isinstance(only(await pricing.fetch_prices([PriceKey(sku="a")], ANYBODY)), InvalidSourceResponse)


@pytest.mark.parametrize(
    "renamed",
    [
        {"source_id": "a", "quantity": 1, "amount": 1000, "unit_price": 1000},
        {"source_id": "a", "quantity": 1, "amount": 1000, "price": 1000},
    ],
    ids=["price", "discount"],
)
async def test_an_amount_that_was_renamed_is_an_error_and_not_a_lack(renamed: dict[str, Any]) -> None:
    """A line has an amount, so it has a price; an order has a discount, so its lines have."""
    one = {
        "id": "x",
        "object": "promotion_tier",
        "result": {"discount": {"type": "PERCENT", "effect": "APPLY_TO_ITEMS"}},
        "order": {"items": [renamed | {"reduced_by": 100}], "items_discount_amount": 100},
    }
    pricing = answering(lambda _: qualified(renamed, data=(one,)))
    assert isinstance(only(await pricing.fetch_prices([PriceKey(sku="a")], ANYBODY)), InvalidSourceResponse)


async def test_13_3_a_wait_may_be_a_moment_in_epoch_seconds(shop: Shop) -> None:
    """`Retry-After` is seconds and goes first; `X-Rate-Limit-Retry` alone is a moment."""
    moment = {"x-rate-limit-retry": str(int(NOW) + 30)}
    for headers, wait_s in ((moment, 30.0), (moment | {"retry-after": "5"}, 5.0), ({"x-rate-limit-retry": "x"}, None)):
        refusal = httpx.Response(429, headers=headers)
        pricing = VoucherifyPricing(
            upstream(Recorder(Voucherify(shop).app(), refusal)), voucherify_settings(), lambda: NOW
        )
        error = only(await pricing.fetch_prices([PriceKey(sku="a")], ANYBODY))
        assert isinstance(error, SourceThrottled)
        assert error.retry_after_s == wait_s


async def test_13_3_the_published_limit_is_enforced(simulator: Voucherify, pricing: VoucherifyPricing) -> None:
    """The simulator lets through 100 calls a minute, as the plan Business does, and says when to come again."""
    for _ in range(100):
        await pricing.ping()
    with pytest.raises(SourceThrottled) as refused:
        await pricing.ping()
    assert refused.value.retry_after_s == 61


async def test_an_order_locked_by_a_session_can_be_asked_again(
    simulator: Voucherify, pricing: VoucherifyPricing
) -> None:
    """423 is nobody's broken contract."""
    simulator.switch({"isLocked": True})
    error = only(await pricing.fetch_prices([PriceKey(sku="a")], ANYBODY))
    assert isinstance(error, SourceUnavailable)
    assert error.retryable


async def test_wrong_keys_are_named_for_operators_only(simulator: Voucherify, pricing: VoucherifyPricing) -> None:
    """The log reads 401 and Voucherify's short key; the client reads neither."""
    simulator.switch({"areKeysBad": True})
    with pytest.raises(InvalidSourceResponse) as refused:
        await pricing.ping()
    assert refused.value.detail == "HTTP 401 unauthorized"
    assert "401" not in str(refused.value)


async def test_13_4_an_order_has_at_most_500_lines(pricing: VoucherifyPricing, wire: Recorder, shop: Shop) -> None:
    """More variants go out as several orders, and nothing is lost between them."""
    keys = [PriceKey(sku=sku) for one in whole(shop, *range(1, 121)) for sku in one.skus]
    prices = await pricing.fetch_prices(keys, ANYBODY)

    asked = [json.loads(one.content) for one in wire.requests if one.url.path == "/v1/qualifications"]
    assert [len(one["order"]["items"]) for one in asked] == [500] * (len(keys) // 500) + [len(keys) % 500]
    assert len(keys) > 500
    assert all(isinstance(prices[key], Price) for key in keys)


async def test_13_4_qualifications_are_read_to_their_end() -> None:
    """The next page begins after `more_starting_after`; more pages than a shop means are an error."""
    line = {"source_id": "a", "quantity": 1, "price": 1000}
    late = {"id": "late", "object": "promotion_tier", "order": {"items": [line | {"discount_amount": 10}]}}
    pages: list[Any] = [
        qualified(line, has_more=True, more_starting_after="2026-01-02T00:00:00Z"),
        qualified(line, data=(late | {"result": {"discount": {"type": "PERCENT", "percent_off": 1}}},)),
    ]
    asked: list[Any] = []

    def answer(request: httpx.Request) -> Any:
        asked.append(json.loads(request.content)["options"].get("starting_after"))
        return pages.pop(0) if len(pages) > 1 else pages[0]

    price = only(await answering(answer).fetch_prices([PriceKey(sku="a")], ANYBODY))
    assert asked == [None, "2026-01-02T00:00:00Z"]
    assert price.current.amount == Decimal("9.90")

    pages[:] = [qualified(line, has_more=True, more_starting_after="2026-01-02T00:00:00Z")]
    assert isinstance(only(await answering(answer).fetch_prices([PriceKey(sku="a")], ANYBODY)), InvalidSourceResponse)
    assert len(asked) == 6


async def test_tiers_are_read_to_their_end() -> None:
    """Promotions beyond the first page are known, and a list without an end is an error."""
    total = [150]

    def answer(request: httpx.Request) -> Any:
        start = 100 * (int(request.url.params["page"]) - 1)
        tiers = [{"id": f"p{number}", "name": "x"} for number in range(start, min(start + 100, total[0]))]
        return {"tiers": tiers, "has_more": start + 100 < total[0]}

    pricing = answering(answer)
    assert list(await pricing.fetch_promotions(["p7", "p149", "p150"], ANYBODY)) == ["p7", "p149"]
    total[0] = 10_000
    assert isinstance(only(await pricing.fetch_promotions(["p7"], ANYBODY)), InvalidSourceResponse)


async def test_13_10_a_preview_redeems_and_locks_nothing(
    pricing: VoucherifyPricing, wire: Recorder, shop: Shop
) -> None:
    """Only qualifications, validations without a session, and reads."""
    await everything(pricing, shop)

    assert {(one.method, one.url.path) for one in wire.requests} == {
        ("POST", "/v1/qualifications"),
        ("POST", "/v1/validations"),
        ("GET", "/v1/promotions/tiers"),
    }
    assert not any(b"session" in one.content for one in wire.requests)


async def test_vouchers_are_never_asked_for(pricing: VoucherifyPricing, wire: Recorder, shop: Shop) -> None:
    """A voucher's code is somebody's; and if one comes all the same it is neither counted nor shown."""
    await everything(pricing, shop)
    for request in wire.requests:
        if request.url.path == "/v1/qualifications":
            filters = json.loads(request.content)["options"]["filters"]
            assert filters == {"resource_type": {"conditions": {"$in": ["promotion_tier"]}}}

    line = {"source_id": "a", "quantity": 1, "price": 1000}
    voucher = {"id": "ANNA-500", "object": "voucher", "order": {"items": [line | {"discount_amount": 500}]}}
    price = only(await answering(lambda _: qualified(line, data=(voucher,))).fetch_prices([PriceKey(sku="a")], ANYBODY))
    assert price.current.amount == Decimal("10.00")


def test_13_11_what_is_new_survives_as_other() -> None:
    """A kind of discount that nobody has heard of is shown under its own name."""
    told = promotion_of(
        Redeemable(id="x", name="Karma", result=Result(discount=Discount(type="KARMA", effect="APPLY_TO_SOUL"))),
        "ru",
        lambda minor: Money(amount=minor, currency_code="RUB"),
    )
    assert told.mechanic == OtherMechanic(code="KARMA APPLY_TO_SOUL")


async def test_13_11_unknown_fields_and_kinds_change_no_price(
    simulator: Voucherify, pricing: VoucherifyPricing, shop: Shop
) -> None:
    """Prices are the same, promotions keep what their metadata say."""
    keys = whole(shop, 1, 2, 3)
    before = await pricing.fetch_product_prices(keys, DARIA)
    simulator.switch({"isNew": True})

    assert await pricing.fetch_product_prices(keys, DARIA) == before
    current = only(await pricing.fetch_current_promotions([CURRENT], DARIA))
    assert {type(one.mechanic) for one in current.promotions} >= {OtherMechanic, MultiBuyMechanic, DeliveryMechanic}


@pytest.mark.parametrize(
    ("discount", "targets", "is_independent"),
    [
        (PERCENT, Target(effect="APPLY_TO_EVERY"), True),
        (PERCENT, Target(effect="APPLY_TO_EVERY", target="UNIT", repeat=3), True),
        (PERCENT, Target(effect="APPLY_TO_EVERY", target="ITEM", repeat=2), False),
        (PERCENT, Target(effect="APPLY_TO_CHEAPEST"), False),
        (PERCENT, Target(aggregated_quantity_limit=1), False),
        (Discount(type="PERCENT", effect="APPLY_TO_ITEMS", aggregated_amount_limit=Decimal(1)), Target(), False),
        (Discount(type="PERCENT", effect="APPLY_TO_ORDER"), Target(), False),
        (Discount(type="AMOUNT", effect="APPLY_TO_ITEMS_PROPORTIONALLY"), Target(), False),
        (Discount(type="AMOUNT", effect="APPLY_TO_ITEMS_BY_QUANTITY"), Target(), True),
        (Discount(type="UNIT", effect="ADD_NEW_ITEMS"), Target(), False),
        (Discount(type="FIXED", effect="APPLY_TO_ITEMS"), Target(), True),
        (Discount(type="PERCENT", effect="APPLY_BY_MOON"), Target(), False),
        (None, Target(), False),
    ],
)  # fmt: skip
def test_only_promotions_that_reduce_each_line_for_itself_count(
    discount: Discount | None, targets: Target, *, is_independent: bool
) -> None:
    """What needs other lines, or shares a limit with them, must not be part of a price on a page."""
    one = Redeemable(id="x", result=Result(discount=discount), applicable_to=Targets(data=(targets,)))
    assert one.is_independent() is is_independent


def test_a_bundle_is_not_part_of_a_price() -> None:
    """It needs all of its parts in the cart."""
    result = Result(discount=Discount(type="PERCENT", effect="APPLY_TO_ITEMS"), bundle={"quantity": 0})
    assert not Redeemable(id="x", result=result).is_independent()


async def test_promotions_are_shown_as_their_metadata_say(pricing: VoucherifyPricing) -> None:
    """Titles in the shopper's language, badges, periods, and mechanics that a discount alone does not tell."""
    told = only(await pricing.fetch_current_promotions([CURRENT], shopper(language="en"))).promotions
    by_id: dict[str, Promotion] = {one.id: one for one in told}

    sale = by_id["promo-spring-sale"]
    assert (sale.title, sale.handle, sale.mechanic) == (
        "Big sale", "bolshaya-rasprodazha", PriceOffMechanic(percent=Decimal(25)),
    )  # fmt: skip
    assert sale.badge is not None
    assert (sale.badge.title, sale.badge.color) == ("−25%", "#d6336c")
    assert sale.ends_at is not None
    assert sale.starts_at is not None
    assert sale.starts_at < sale.ends_at
    assert by_id["promo-3-for-2"].mechanic == MultiBuyMechanic(
        buy_quantity=3, discounted_quantity=1, percent=Decimal(100)
    )
    assert isinstance(by_id["promo-look"].mechanic, BundleMechanic)
    assert isinstance(by_id["promo-gift-choice"].mechanic, GiftMechanic)
    assert "promo-app" not in by_id
    assert "promo-app" in {one.id for one in only(await pricing.fetch_current_promotions([CURRENT], DARIA)).promotions}


async def test_personal_discounts_are_steps_and_no_promotions(pricing: VoucherifyPricing, shop: Shop) -> None:
    """A tier's discount explains the price of whoever has it, and is in nobody's list of promotions."""
    (product,) = whole(shop, 1)
    told = only(await pricing.fetch_product_prices([product], DARIA))
    current = only(await pricing.fetch_current_promotions([CURRENT], DARIA))

    assert [one.kind for one in told.lowest.explanation][-2:] == [
        PriceComponentKind.LOYALTY_TIER, PriceComponentKind.PERSONAL,
    ]  # fmt: skip
    shown = {*told.promotion_ids, *(one.id for one in current.promotions)}
    assert not any(key.startswith(("promo-tier", "promo-contract")) for key in shown)


async def test_a_personal_price_for_nobody_is_refused(shop: Shop) -> None:
    """An engine that gives an anonymous visitor somebody's price is not believed."""
    line = {"source_id": "a", "quantity": 1, "price": 1000}
    one = {
        "id": "x",
        "object": "promotion_tier",
        "metadata": {"component": "PERSONAL"},
        "result": {"discount": {"type": "PERCENT"}},
        "order": {"items": [line | {"discount_amount": 100}]},
    }
    pricing = answering(lambda _: qualified(line, data=(one,)))
    assert isinstance(only(await pricing.fetch_prices([PriceKey(sku="a")], ANYBODY)), InvalidSourceResponse)


@pytest.mark.parametrize(
    "line",
    [
        {"price": -5},
        {"price": 1000, "discount": 2000},
        {"price": 10**30},
        {"price": 1e400},
    ],
    ids=["negative", "more off than it costs", "absurd", "endless"],
)
async def test_an_amount_that_no_shop_means_costs_its_own_line_only(line: dict[str, Any]) -> None:
    """That variant is an error; the others have their price."""
    off = line.pop("discount", 0)
    items = [{"source_id": "a", "quantity": 1, **line}, {"source_id": "b", "quantity": 1, "price": 1000}]
    one = {"id": "x", "object": "promotion_tier", "result": {"discount": {"type": "PERCENT"}},
           "order": {"items": [items[0] | {"discount_amount": off}]}}  # fmt: skip
    text = json.dumps(qualified(*items, data=(one,))).replace("Infinity", "1e400")
    pricing = answering(lambda _: httpx.Response(200, content=text, headers={"content-type": "application/json"}))
    outcomes = await pricing.fetch_prices([PriceKey(sku="a"), PriceKey(sku="b")], ANYBODY)

    assert isinstance(outcomes[PriceKey(sku="a")], InvalidSourceResponse)
    assert isinstance(outcomes[PriceKey(sku="b")], Price)


async def test_another_currency_is_answered_in_the_project_s(pricing: VoucherifyPricing, shop: Shop) -> None:
    """The rule of the page: one currency per project, and it is what the money says."""
    key = PriceKey(sku=whole(shop, 1)[0].skus[0])
    price = only(await pricing.fetch_prices([key], shopper(currency="KZT")))
    assert price.current == Money(amount=Decimal("9742.50"), currency_code="RUB")


async def test_products_can_be_what_is_priced(wire: Recorder, shop: Shop) -> None:
    """Where a shop has no SKUs in Voucherify, its products are asked for by the same key."""
    pricing = VoucherifyPricing(upstream(wire), voucherify_settings(items_are="product"), lambda: NOW)
    price = only(await pricing.fetch_prices([PriceKey(sku="p-000001")], ANYBODY))
    assert price.current.amount == Decimal("9742.50")


@pytest.mark.parametrize(
    ("options", "name"),
    [({"currency": "rub"}, "currency"), ({"secret_key": ""}, "secret_key"), ({"items_are": "things"}, "items_are"),
     ({"colour": "red"}, "colour")],
)  # fmt: skip
def test_wrong_settings_are_named(options: dict[str, Any], name: str) -> None:
    """Which one, and never a secret."""
    with pytest.raises(ValidationError) as refused:
        voucherify_settings(**options)
    assert name in str(refused.value)
    assert "sandbox-secret" not in str(refused.value)
