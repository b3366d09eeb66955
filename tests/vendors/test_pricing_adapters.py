"""One suite over all adapters of pricing: the same promises, the same errors, whoever the vendor is."""

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest

from clients.errors import (
    InvalidSourceResponse,
    NotOffered,
    SourceError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from clients.pricing.protocol import CURRENT, Price, PriceComponentKind, PriceKey, Pricing, ProductPrice
from clients.values import DataSource, ProductSkus, SalesChannel
from sandbox.world.shop import Shop
from tests.vendors.pricing_adapters import ADAPTERS, NOW, Recorder, shopper, whole

PAGE = tuple(range(1, 25))
ANYBODY, ANNA, DARIA = shopper(), shopper("cust-anna"), shopper("cust-daria")
VENDOR_TEXT = "Traceback of the vendor"


@pytest.fixture(params=list(ADAPTERS))
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def wire(vendor: str, shop: Shop) -> Recorder:
    return Recorder(ADAPTERS[vendor].simulate(shop))


@pytest.fixture
def pricing(vendor: str, wire: Recorder) -> Pricing:
    return ADAPTERS[vendor].make(wire)


def all_prices(outcomes: Any) -> list[Price]:
    """Lowest and highest of products, or the prices of variants."""
    found: list[Price] = []
    for one in outcomes.values():
        assert not isinstance(one, SourceError), one.detail
        found += [one.lowest, one.highest] if isinstance(one, ProductPrice) else [one]
    return found


@pytest.mark.parametrize("scope", [ANYBODY, ANNA, DARIA, shopper("cust-daria", channel=SalesChannel.IOS)], ids=str)
@pytest.mark.parametrize("quantity", [1, 3])
async def test_the_explanation_sums_to_the_price(pricing: Pricing, shop: Shop, scope: Any, quantity: int) -> None:
    """To the kopeck, step by step, from the list price on; a quantity that does not divide evenly too."""
    keys = [PriceKey(sku=sku, quantity=quantity) for one in whole(shop, *PAGE) for sku in one.skus]
    prices = all_prices(await pricing.fetch_prices(keys, scope))

    assert len(prices) == len(keys)
    for price in prices:
        total = Decimal(0)
        for step in price.explanation:
            total += step.amount.amount
            assert step.running_total.amount == total
        assert total == price.current.amount >= 0
        assert price.explanation[0].kind is PriceComponentKind.BASE
        assert {step.amount.currency_code for step in price.explanation} == {price.current.currency_code} == {"RUB"}
    assert any(len(price.explanation) > 1 for price in prices)


async def test_a_price_does_not_depend_on_what_else_is_on_the_page(pricing: Pricing, shop: Shop) -> None:
    """A variant costs alone what it costs among many others, whatever promotions the others take part in."""
    products = whole(shop, *PAGE)
    together = await pricing.fetch_product_prices(products, DARIA)

    for product in products[:8]:
        alone = await pricing.fetch_product_prices([product], DARIA)
        assert alone[product].lowest == together[product].lowest  # type: ignore[union-attr]
        assert alone[product].highest == together[product].highest  # type: ignore[union-attr]


async def test_customers_do_not_mix(pricing: Pricing, shop: Shop) -> None:
    """Asked for at the same time, each gets their own prices, and the anonymous visitor nobody's."""
    keys = [PriceKey(sku=one.skus[0]) for one in whole(shop, *PAGE)]
    scopes = [ANYBODY, ANNA, DARIA] * 3
    answers = await asyncio.gather(*(pricing.fetch_prices(keys, scope) for scope in scopes))

    for scope, answer in zip(scopes, answers, strict=True):
        assert answer == await pricing.fetch_prices(keys, scope)
    assert not any(price.is_personal for price in all_prices(answers[0]))
    assert all(price.is_personal for price in all_prices(answers[2]))
    assert sum(one.current.amount for one in all_prices(answers[2])) < sum(
        one.current.amount for one in all_prices(answers[1])
    )


async def test_what_is_unknown_is_absent(pricing: Pricing, vendor: str, shop: Shop) -> None:
    """A variant, a product or a promotion that the vendor does not know is no error and no price of zero."""
    (known,) = whole(shop, 1)
    unknown = ProductSkus(id="p-none", skus=("none-1",))

    assert list(await pricing.fetch_prices([PriceKey(sku="none-1")], ANYBODY)) == []
    assert list(await pricing.fetch_product_prices([unknown, known], ANYBODY)) == [known]
    promotions = await pricing.fetch_promotions(["promo-none"], ANYBODY)
    assert promotions == {} if ADAPTERS[vendor].lists_promotions else isinstance(promotions["promo-none"], NotOffered)


async def test_a_range_is_of_the_product_s_variants(pricing: Pricing, shop: Shop) -> None:
    """Lowest and highest are what the variants cost, and single is said when they are the same."""
    products = whole(shop, *PAGE)
    ranges = await pricing.fetch_product_prices(products, ANYBODY)
    prices = await pricing.fetch_prices([PriceKey(sku=sku) for one in products for sku in one.skus], ANYBODY)

    for product in products:
        told = ranges[product]
        assert isinstance(told, ProductPrice)
        costs = [one.current.amount for one in all_prices({sku: prices[PriceKey(sku=sku)] for sku in product.skus})]
        assert (told.lowest.current.amount, told.highest.current.amount) == (min(costs), max(costs))
        assert told.is_single is (min(costs) == max(costs))
        assert told.id == product.id


async def test_promotions_are_known_by_their_id(pricing: Pricing, vendor: str, shop: Shop) -> None:
    """What is current can be asked for by id, and what a product takes part in is among it."""
    current = (await pricing.fetch_current_promotions([CURRENT], ANYBODY))[CURRENT]
    if not ADAPTERS[vendor].lists_promotions:
        assert isinstance(current, NotOffered)
        return
    assert not isinstance(current, SourceError)
    by_id = {one.id: one for one in current.promotions}
    again = await pricing.fetch_promotions(list(by_id), ANYBODY)
    products = (await pricing.fetch_product_prices(whole(shop, 1, 2, 3), ANYBODY)).values()

    assert again == by_id
    assert len(by_id) > 5
    for product in products:
        assert isinstance(product, ProductPrice)
        assert {one.id for one in product.promotions} == set(product.promotion_ids) <= set(by_id)
        assert [by_id[one.id].title for one in product.promotions] == [one.title for one in product.promotions]


async def test_every_value_says_where_it_is_from(pricing: Pricing, shop: Shop) -> None:
    """The source, its own moment, and ours."""
    (price,) = all_prices(await pricing.fetch_prices([PriceKey(sku=whole(shop, 1)[0].skus[0])], ANYBODY))

    assert price.freshness.source is DataSource.PRICING
    assert price.freshness.received_at == NOW
    assert price.freshness.observed_at == shop.now()


async def test_nothing_asked_is_nothing_sent_and_a_key_is_asked_once(
    pricing: Pricing, wire: Recorder, shop: Shop
) -> None:
    """No keys, no call; the same key twice costs no more than once."""
    assert await pricing.fetch_prices([], ANYBODY) == {}
    assert await pricing.fetch_product_prices([], ANYBODY) == {}
    assert await pricing.fetch_promotions([], ANYBODY) == {}
    assert wire.requests == []

    key = PriceKey(sku=whole(shop, 2)[0].skus[0])
    await pricing.fetch_prices([key], ANYBODY)  # and a token, where the vendor wants one
    wire.requests.clear()
    await pricing.fetch_prices([key], ANYBODY)
    once = [request.content for request in wire.requests if request.content]
    wire.requests.clear()
    await pricing.fetch_prices([key, key], ANYBODY)
    assert [request.content for request in wire.requests if request.content] == once


async def test_a_page_costs_few_calls(pricing: Pricing, wire: Recorder, shop: Shop) -> None:
    """48 products with all their variants are not asked for one by one."""
    await pricing.fetch_product_prices(whole(shop, *range(1, 49)), DARIA)

    assert len(wire.requests) <= 10


async def test_calls_say_what_they_are(pricing: Pricing, wire: Recorder, shop: Shop) -> None:
    """Guards see the source, an operation of the domain, and that asking twice does no harm."""
    await pricing.fetch_product_prices(whole(shop, 1), ANNA)
    await pricing.fetch_current_promotions([CURRENT], ANNA)
    await pricing.ping()  # type: ignore[attr-defined]

    for request in wire.requests:
        assert request.extensions["source"] is DataSource.PRICING
        assert request.extensions["operation"].partition(".")[0] in ("pricing", "health")
        assert request.extensions["idempotent"] is True


FAILURES: list[tuple[httpx.Response | Exception, type[SourceError]]] = [
    (httpx.Response(500, text=VENDOR_TEXT), SourceUnavailable),
    (httpx.Response(503, json={"message": VENDOR_TEXT}), SourceUnavailable),
    (httpx.Response(429, headers={"retry-after": "7"}, json={"message": VENDOR_TEXT}), SourceThrottled),
    (httpx.Response(401, json={"message": VENDOR_TEXT}), InvalidSourceResponse),
    (httpx.Response(400, json={"message": VENDOR_TEXT}), InvalidSourceResponse),
    (httpx.Response(302, headers={"location": "https://elsewhere.example"}), InvalidSourceResponse),
    (httpx.Response(404, text=f"<html>{VENDOR_TEXT}</html>"), InvalidSourceResponse),
    (httpx.Response(200, html=f"<html>{VENDOR_TEXT}</html>"), InvalidSourceResponse),
    (httpx.Response(200, json={}), InvalidSourceResponse),
    (httpx.Response(200, json=[]), InvalidSourceResponse),
    (httpx.Response(200, json=None), InvalidSourceResponse),
    (httpx.Response(200, content=b'{"cut":', headers={"content-type": "application/json"}), InvalidSourceResponse),
    (httpx.Response(200, content=b"[" * 100_000, headers={"content-type": "application/json"}), InvalidSourceResponse),
    (httpx.ReadTimeout("slow"), SourceTimeout),
    (httpx.ConnectError("refused"), SourceUnavailable),
]


@pytest.mark.parametrize(("failure", "expected"), FAILURES, ids=lambda one: repr(one)[:40])
async def test_failures_are_the_same_errors_for_every_vendor(
    vendor: str, shop: Shop, failure: Any, expected: type[SourceError]
) -> None:
    """Every key gets the error; no method raises, and nothing of the vendor's text gets into a message."""
    pricing = ADAPTERS[vendor].make(Recorder(ADAPTERS[vendor].simulate(shop), failure))
    (product,) = whole(shop, 1)
    outcomes: list[Any] = [
        *(await pricing.fetch_prices([PriceKey(sku=product.skus[0])], ANNA)).values(),
        *(await pricing.fetch_product_prices([product], ANNA)).values(),
    ]
    if ADAPTERS[vendor].lists_promotions:
        outcomes += (await pricing.fetch_promotions(["promo-app"], ANNA)).values()
        outcomes += (await pricing.fetch_current_promotions([CURRENT], ANNA)).values()

    assert len(outcomes) == (4 if ADAPTERS[vendor].lists_promotions else 2)
    for error in outcomes:
        assert isinstance(error, expected), error
        assert VENDOR_TEXT not in f"{error} {error.extensions} {error.detail}"
        if isinstance(error, SourceThrottled):
            assert error.retry_after_s == 7
    if not (isinstance(failure, httpx.Response) and failure.status_code == 200):
        with pytest.raises(expected):
            await pricing.ping()  # type: ignore[attr-defined]
