"""Loymax Processing: previews and calculations, whose token asks, and money of lines and units."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest

from clients.errors import ConfirmationRequired, InvalidSourceResponse, SourceError, SourceUnavailable
from clients.http import Upstream
from clients.pricing.loymax import LoymaxPricing
from clients.pricing.protocol import Price, PriceComponentKind, PriceKey, ProductPrice
from clients.scope import ForCustomer
from clients.values import DataSource, ProductSkus
from gateway.resilience.policy import RetryPolicy, default_policy
from gateway.resilience.stack import GuardedUpstream
from sandbox.vendors.loymax import Loymax
from sandbox.vendors.loymax_processing import MERCHANTS
from sandbox.world import prices
from sandbox.world.shop import Shop, terms_for
from tests.vendors.cdek_asked import settle
from tests.vendors.contracts import Judge, Tally, slim
from tests.vendors.loyalty_programmes import Watch
from tests.vendors.meddling import ByHost, Meddler, page_of_html
from tests.vendors.pricing_adapters import loymax_settings, shopper, whole

Json = Any
ANYBODY, DARIA, BORIS = shopper(), shopper("cust-daria"), shopper("cust-boris")
BOOTS = PriceKey(sku="LUM-000001-01")


class Rig:
    """An adapter over the simulator, both held against our schemas."""

    def __init__(self, tally: Tally, **options: Any) -> None:
        self.watch = Watch()
        self.shop = Shop(1, 400, "http://pictures.test", lambda: self.watch.at)
        self.simulator = Loymax(self.shop)
        app = httpx.ASGITransport(self.simulator.app())
        judges = ByHost(loymax=Judge(app, [slim("loymax")], tally), desk=Judge(app, [slim("loymax-tokens")], tally))
        self.meddler = Meddler(judges)
        self.pricing = self.over(self.meddler, **options)

    def over(self, transport: httpx.AsyncBaseTransport, **options: Any) -> LoymaxPricing:
        upstream = Upstream(DataSource.PRICING, "https://loymax.example", transport)
        written = loymax_settings(tokens_url="https://desk.example", **options)
        return LoymaxPricing(upstream, written, self.watch.now)

    async def ask(self, key: PriceKey = BOOTS, scope: ForCustomer = ANYBODY) -> Price | SourceError | None:
        return (await self.pricing.fetch_prices([key], scope)).get(key)

    async def price(self, key: PriceKey = BOOTS, scope: ForCustomer = ANYBODY) -> Price:
        price = await self.ask(key, scope)
        assert isinstance(price, Price), getattr(price, "detail", price)
        return price

    def rewrite(self, ending: str, change: Callable[[Json], None]) -> None:
        """Let the simulator answer, and change the data of what ends with this path."""
        beneath = self.meddler.beneath

        class Rewriting(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                answer = await beneath.handle_async_request(request)
                if not request.url.path.endswith(ending):
                    return answer
                body = orjson.loads(await answer.aread())
                change(body["data"])
                return httpx.Response(200, json=body)

        self.meddler.beneath = Rewriting()


@pytest.fixture
def rig(tally: Tally) -> Rig:
    return Rig(tally)


@pytest.mark.parametrize("quantity", [1, 3])
@pytest.mark.parametrize("scope", [ANYBODY, DARIA], ids=["anybody", "daria"])
async def test_prices_are_those_of_the_shop(rig: Rig, tally: Tally, quantity: int, scope: ForCustomer) -> None:
    """To the kopeck, by preview or by calculation, with both sides within our schemas."""
    keys = [PriceKey(sku=sku, quantity=quantity) for one in whole(rig.shop, *range(1, 13)) for sku in one.skus]
    found = await rig.pricing.fetch_prices(keys, scope)

    assert set(found) == set(keys)
    for key in keys:
        at = rig.shop.goods.by_sku(key.sku)
        assert at is not None
        made = prices.unit_price(
            at[0], at[0].roubles(at[1]), terms_for("msk", "WEB", "RUB", scope.customer_id), quantity
        )
        price = found[key]
        assert isinstance(price, Price)
        assert price.current.amount * 100 == made.current
        assert price.is_personal is (scope is DARIA)
    assert tally.requests["loymax, slim"]
    assert tally.answers["loymax, slim"]


async def test_tiles_cost_a_call_for_two_hundred_variants_whoever_asks(rig: Rig) -> None:
    """A page of products is previews only, also for a customer with prices of their own."""
    products = whole(rig.shop, *range(1, 61))
    found = await rig.pricing.fetch_product_prices(products, DARIA)

    assert len(found) == len(products)
    variants = sum(len(one.skus) for one in products)
    goods = [path for path in rig.meddler.paths() if path.endswith("Goods")]
    assert len(goods) == -(-variants // 200)
    assert len(rig.meddler.requests) == len(goods) + 1
    assert not any(one.lowest.is_personal for one in found.values() if isinstance(one, ProductPrice))


async def test_offers_of_goods_are_their_promotions(rig: Rig) -> None:
    """With the shop's own keys and names, and the step of the price that they made."""
    (boots,) = whole(rig.shop, 1)
    found = (await rig.pricing.fetch_product_prices([boots], ANYBODY))[boots]

    assert isinstance(found, ProductPrice)
    assert found.promotion_ids == ("promo-spring-sale",)
    assert found.promotions[0].title == "Большая распродажа"
    assert [step.promotion_id for step in found.lowest.explanation[:2]] == [None, "promo-spring-sale"]


async def test_loymax_cheque_amounts_are_of_the_line_and_prices_of_a_unit(rig: Rig) -> None:
    """100 roubles off three units do not divide evenly: the price is rounded, and its steps sum to it all the same."""

    def change(operations: Json) -> None:
        operations[0]["cheque"]["lines"][0] |= {"discount": 100.0, "appliedOffers": []}

    rig.rewrite("/Calculate", change)
    listed = (await rig.price()).explanation[0].amount.amount
    price = await rig.price(PriceKey(sku=BOOTS.sku, quantity=3))

    assert price.current.amount == listed - Decimal("33.33")
    assert sum(step.amount.amount for step in price.explanation) == price.current.amount
    assert price.explanation[1].title == "Скидка"


async def test_loymax_money_is_exact(rig: Rig) -> None:
    """0.1 off 0.3 roubles is 0.2: no sum goes through a binary fraction."""

    def change(data: Json) -> None:
        discount = {"offerInfo": {"id": 1, "name": "x", "externalId": None}, "amount": 0.1}
        result = {"goodsCalculationDiscountResult": [discount], "sumDiscount": 0.1, "resultAmount": 0.2}
        data["goods"][0] |= {"originalAmount": 0.3, "calculationResults": [{"keys": [], "discount": result}]}

    rig.rewrite("/Goods", change)

    price = await rig.price()
    assert (str(price.current.amount), len(price.explanation)) == ("0.20", 2)


@pytest.mark.parametrize(("result", "kinds"), [(7306.0, ["BASE", "PROMOTION", "ROUNDING"]), (7000.0, None)])
async def test_rest_that_no_offer_explains_is_rounding_or_a_broken_answer(
    rig: Rig, result: float, kinds: list[str] | None
) -> None:
    """Less than a rouble is a step of its own; more would be a discount that nobody can name."""

    def change(data: Json) -> None:
        discount = {"offerInfo": {"id": 1, "name": "x", "externalId": None}, "amount": 2435.5}
        told = {"goodsCalculationDiscountResult": [discount], "sumDiscount": 1.0, "resultAmount": result}
        data["goods"][0] |= {"originalAmount": 9742.0, "calculationResults": [{"keys": [], "discount": told}]}

    rig.rewrite("/Goods", change)
    outcome = await rig.ask()

    if kinds is None:
        assert isinstance(outcome, InvalidSourceResponse)
    else:
        assert isinstance(outcome, Price)
        assert [step.kind.value for step in outcome.explanation] == kinds
        assert outcome.current.amount == 7306


@pytest.mark.parametrize(
    "wrong",
    [
        {"originalAmount": "NaN"},
        {"originalAmount": 1e300},
        {"calculationResults": [{"keys": [{"name": "card", "value": "gold"}], "discount": None}]},
        {"calculationResults": [{"keys": [], "discount": {"resultAmount": -1.0, "sumDiscount": 0.0}}]},
    ],
    ids=["not a number", "absurd", "only for a card", "negative"],
)
async def test_broken_price_costs_its_own_variant_only(rig: Rig, wrong: Json) -> None:
    """The others of the answer are priced."""
    other = PriceKey(sku=whole(rig.shop, 2)[0].skus[0])
    rig.rewrite("/Goods", lambda data: data["goods"][0].update(wrong))
    found = await rig.pricing.fetch_prices([BOOTS, other], ANYBODY)

    assert isinstance(found[BOOTS], InvalidSourceResponse)
    assert isinstance(found[other], Price)


async def test_goods_without_a_price_are_absent(rig: Rig) -> None:
    """Nothing is given away for nothing because an attribute was not filled in."""
    rig.rewrite("/Goods", lambda data: data["goods"][0].update(originalAmount=0.0))

    assert await rig.ask() is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("SystemError", SourceUnavailable),
        ("BusinessError", InvalidSourceResponse),
        ("NotUniqueOperationID", InvalidSourceResponse),
        ("InventedIn2027", InvalidSourceResponse),
    ],
)
async def test_loymax_operation_code_is_a_failure_inside_200(rig: Rig, code: str, expected: type[SourceError]) -> None:
    """HTTP and `result.state` say success, the operation in the list does not."""
    rig.simulator.switch({"operationCode": code})

    outcome = await rig.ask(PriceKey(sku=BOOTS.sku, quantity=2))

    assert type(outcome) is expected
    assert "ORA" not in f"{outcome} {outcome.detail}"


async def test_not_unique_operation_after_a_lost_answer_is_no_alarm(rig: Rig) -> None:
    """The answer was lost and the same bytes were sent again: Loymax knows the id, and is asked anew with another."""
    policy = default_policy(DataSource.PRICING)
    always = RetryPolicy(budget=1.0)
    guarded = GuardedUpstream(type(policy)(DataSource.PRICING, retry=always), rig.meddler)
    rig.pricing = rig.over(guarded)
    await rig.price()
    rig.simulator.switch({"losesAnswers": 1})

    price = await rig.price(PriceKey(sku=BOOTS.sku, quantity=3))

    bodies = [orjson.loads(one.content) for one in rig.meddler.requests if one.url.path.endswith("Calculate")]
    ids = [body["operationId"] for body in bodies]
    assert (len(ids), len(set(ids))) == (3, 2)
    assert price.explanation[-1].kind is not PriceComponentKind.BASE


async def test_calculation_of_another_amount_is_refused(rig: Rig) -> None:
    """A line that is not about what was asked gives no price."""
    rig.rewrite("/Calculate", lambda operations: operations[0]["cheque"]["lines"][0].update(amount=1.0))

    assert isinstance(await rig.ask(PriceKey(sku=BOOTS.sku, quantity=2)), InvalidSourceResponse)


async def test_till_s_token_is_fetched_once_for_all_and_renewed_early(rig: Rig) -> None:
    """Twenty questions at once sign in once; in the last minute, and when the token was taken back, again once."""
    skus = [sku for one in whole(rig.shop, 1, 2, 3, 4) for sku in one.skus[:5]]

    async def ask_all() -> int:
        await asyncio.gather(*(rig.price(PriceKey(sku=sku)) for sku in skus))
        await settle()
        return rig.simulator.renewals["till"]

    assert await ask_all() == 1
    rig.watch.pass_by(3600 - 30)
    assert await ask_all() == 2
    rig.simulator.switch({"takesBackTokens": True})
    assert await ask_all() == 3


async def test_wrong_password_of_the_till_is_not_tried_again_and_again(tally: Tally) -> None:
    """Loymax may lock an account that goes on trying: for half a minute nobody asks."""
    rig = Rig(tally, password="slip")
    for _ in range(5):
        outcome = await rig.ask()
        assert isinstance(outcome, InvalidSourceResponse)
        assert "the account is refused" in outcome.detail

    assert rig.meddler.paths() == ["/authorizationService/token"]
    assert "slip" not in repr(rig.pricing._options)


async def test_sign_in_that_was_answered_by_a_proxy_is_tried_again(rig: Rig) -> None:
    """A page of HTML says nothing about the account: whoever comes next asks anew."""
    rig.meddler.always(page_of_html)
    assert isinstance(await rig.ask(), InvalidSourceResponse)
    rig.meddler.instead = lambda _: None

    assert isinstance(await rig.ask(), Price)


async def test_till_may_have_a_token_that_lasts(tally: Tally) -> None:
    """Then nobody signs in; Loymax takes whatever it was given out as."""
    rig = Rig(tally, token="lasting", username=None, password=None)
    rig.simulator._tills.add("lasting")

    await rig.price()

    assert [path.rpartition("/")[2] for path in rig.meddler.paths()] == ["Goods"]


async def test_place_of_sale_follows_the_locality(tally: Tally) -> None:
    """Where the operator names a place for a locality its prices hold there; anywhere else the usual ones."""
    rig = Rig(tally, merchants=orjson.dumps({"vvo": MERCHANTS["east"]}).decode())

    far, near, unknown = [
        (await rig.price(BOOTS, shopper(locality_id=one))).current.amount for one in ("vvo", "msk", "x")
    ]

    assert far > near == unknown


async def test_shopper_who_has_to_confirm_sees_an_error_of_their_own(rig: Rig) -> None:
    """While everybody else, and anonymous visitors, see prices."""
    await rig.price(BOOTS, DARIA)
    rig.watch.pass_by(3600)
    await rig.price()
    rig.simulator.switch({"wantsCode": True})

    assert isinstance(await rig.ask(BOOTS, DARIA), ConfirmationRequired)
    assert isinstance(await rig.ask(BOOTS, ANYBODY), Price)


@pytest.mark.parametrize("quantity", [1, 2])
async def test_customer_without_an_account_pays_what_everybody_pays(rig: Rig, quantity: int) -> None:
    """Not being in the programme is no failure of pricing."""
    key = PriceKey(sku=BOOTS.sku, quantity=quantity)

    price = await rig.price(key, BORIS)

    assert not price.is_personal
    assert price.current == (await rig.price(key)).current


async def test_prices_of_everybody_ask_no_desk(tally: Tally) -> None:
    """With prices calculated for the till a customer costs no call more than a visitor."""
    rig = Rig(tally, calculated_for="till")

    assert (await rig.price(BOOTS, DARIA)).current == (await rig.price()).current
    assert not any("tokens" in path for path in rig.meddler.paths())


async def test_unknown_fields_survive(rig: Rig) -> None:
    """What Processing adds next year costs nothing."""
    before = await rig.price(PriceKey(sku=BOOTS.sku, quantity=3))
    rig.simulator.switch({"hasNews": True})

    assert await rig.price(PriceKey(sku=BOOTS.sku, quantity=3)) == before


async def test_what_was_not_asked_for_is_left_out(rig: Rig) -> None:
    """Goods that nobody named are nobody's price."""
    rig.rewrite("/Goods", lambda data: data["goods"][0].update(goodsId="OTHER-01"))
    (boots,) = whole(rig.shop, 1)

    assert await rig.pricing.fetch_product_prices([ProductSkus(id=boots.id, skus=boots.skus[:1])], ANYBODY) == {}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"token": "t"}, "either token, or username and password"),
        ({"username": None}, "either token, or username and password"),
        ({"merchants": "spb"}, "expected a JSON object"),
        ({"money": "roubles"}, "pattern"),
        ({"tokens_key": None}, "expected tokens_url and tokens_key"),
        ({"amount_attribute_id": "price"}, "valid integer"),
        ({"api_key": "x"}, "Extra inputs"),
    ],
)
def test_wrong_option_is_refused_with_what_was_expected(wrong: dict[str, Any], said: str) -> None:
    """At start, not at the first page."""
    with pytest.raises(ValueError, match=said):
        loymax_settings(**wrong)
