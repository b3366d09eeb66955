"""Voucherify as the one who keeps the points: its contract, and what a naive adapter gets wrong."""

import asyncio
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import ValidationError

from clients.errors import (
    InvalidSourceResponse,
    NotOffered,
    SourceError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from clients.http import Upstream
from clients.loyalty.protocol import (
    ACCOUNT,
    EstimateKey,
    HistoryKey,
    LoyaltyAccount,
    LoyaltyMembership,
    PointsHistory,
    PointsMovementKind,
)
from clients.loyalty.voucherify import VoucherifyLoyalty, VoucherifyLoyaltySettings
from clients.scope import OfCustomer
from clients.values import DataSource, Money, Problem
from sandbox.vendors.voucherify import APP_ID, SECRET_KEY, Voucherify
from sandbox.vendors.voucherify_points import PROGRAMME
from sandbox.world.shop import Shop
from tests.vendors.contracts import Judge, Tally, published, slim
from tests.vendors.pricing_adapters import NOW, Recorder, shopper

MOSCOW = ZoneInfo("Europe/Moscow")
EARNED, REDEEMED = PointsMovementKind.EARNED, PointsMovementKind.REDEEMED


def settings(**options: Any) -> VoucherifyLoyaltySettings:
    usual = {"application_id": APP_ID, "secret_key": SECRET_KEY, "currency": "RUB"}
    return VoucherifyLoyaltySettings(**{**usual, "programme": PROGRAMME, "zone": "Europe/Moscow", **options})


def adapter(transport: httpx.AsyncBaseTransport, **options: Any) -> VoucherifyLoyalty:
    return VoucherifyLoyalty(
        Upstream(DataSource.LOYALTY, "https://loyalty.example", transport), settings(**options), lambda: NOW
    )


def of(customer_id: str, language: str = "ru") -> OfCustomer:
    return OfCustomer(customer_id=customer_id, language=language)


@pytest.fixture
def simulator(shop: Shop) -> Voucherify:
    return Voucherify(shop)


@pytest.fixture
def wire(simulator: Voucherify) -> Recorder:
    return Recorder(simulator.app())


@pytest.fixture
def loyalty(wire: Recorder) -> VoucherifyLoyalty:
    return adapter(wire)


async def account(loyalty: VoucherifyLoyalty, customer_id: str) -> LoyaltyAccount:
    one = (await loyalty.fetch_accounts([ACCOUNT], of(customer_id)))[ACCOUNT]
    assert isinstance(one, LoyaltyAccount), one
    return one


async def history(loyalty: VoucherifyLoyalty, customer_id: str, key: HistoryKey) -> PointsHistory:
    one = (await loyalty.fetch_history([key], of(customer_id)))[key]
    assert isinstance(one, PointsHistory), one
    return one


@pytest.mark.parametrize("is_published", [False, True], ids=["slim", "published"])
async def test_both_sides_fit_the_contract(simulator: Voucherify, tally: Tally, *, is_published: bool) -> None:
    """Every request and every answer, for members and strangers, validates against Voucherify's document and ours."""
    contract = published("voucherify", "voucherify-readOnly-openAPI.json") if is_published else slim("voucherify")
    loyalty = adapter(Judge(httpx.ASGITransport(simulator.app()), [contract], tally))

    for customer in ("cust-anna", "cust-boris", "cust-vera", "cust-oleg", "cust-00007", "stranger"):
        await account(loyalty, customer)
        keys = [HistoryKey(first=10), HistoryKey(first=3, kinds=(EARNED,)), HistoryKey(first=10, after="vtx_none")]
        await loyalty.fetch_history(keys, of(customer))
    await loyalty.ping()

    assert sum(tally.requests.values()) > 30
    assert sum(tally.answers.values()) > 25


async def test_what_can_be_spent_is_the_balance_not_the_points(loyalty: VoucherifyLoyalty) -> None:
    """`points` are all that were ever added to the card."""
    anna = await account(loyalty, "cust-anna")

    assert anna.balance.available.points == Decimal(1240)
    assert anna.balance.pending.points == Decimal(320)
    assert anna.membership is LoyaltyMembership.ACTIVE


async def test_13_5_days_begin_in_the_project_s_zone(loyalty: VoucherifyLoyalty) -> None:
    """Expiration and activation come as days without a zone; there is no zone to fall back to."""
    anna = await account(loyalty, "cust-anna")

    assert [one.expires_at for one in anna.expirations] == [
        dt.datetime(2026, month, 1, tzinfo=MOSCOW) for month in (4, 6, 9)
    ]
    assert [one.amount.points for one in anna.expirations] == [248, 124, 124]
    assert anna.balance.next_activation_at == dt.datetime(2026, 3, 4, tzinfo=MOSCOW)
    with pytest.raises(ValidationError, match="zone"):
        VoucherifyLoyaltySettings.model_validate({**settings().model_dump(), "zone": None})


async def test_the_account_has_all_that_voucherify_keeps(loyalty: VoucherifyLoyalty) -> None:
    """Card, tier out of its metadata, coupons with their titles; what it does not keep is not made up."""
    anna = await account(loyalty, "cust-anna")

    assert anna.card is not None
    assert (anna.card.number, anna.card.barcode) == ("•••• ANNA", "CLUB-ANNA")
    assert anna.tier is not None
    assert (anna.tier.code, anna.tier.earn_percent, anna.tier.valid_until) == (
        "silver", Decimal(5), dt.date(2026, 12, 31),
    )  # fmt: skip
    assert anna.tier.benefits == ("Скидка 2%", "Бесплатная примерка")
    assert {one.code for one in anna.coupons} == {"ANNA-500", "ANNA-MASK"}
    assert {one.title for one in anna.coupons} == {"500 ₽ на обувь", "Маска в подарок"}
    assert anna.next_tier is None
    assert anna.freshness.source is DataSource.LOYALTY


@pytest.mark.parametrize(
    ("customer", "membership"),
    [
        ("cust-boris", LoyaltyMembership.NOT_ENROLLED),
        ("stranger", LoyaltyMembership.NOT_ENROLLED),
        ("cust-vera", LoyaltyMembership.BLOCKED),
        ("cust-oleg", LoyaltyMembership.ACTIVE),
    ],
)
async def test_everybody_has_an_account(
    loyalty: VoucherifyLoyalty, customer: str, membership: LoyaltyMembership
) -> None:
    """Whoever has no card, or was never heard of, has not joined; a card that is switched off is blocked."""
    one = await account(loyalty, customer)
    assert one.membership is membership
    assert one.customer_id == customer
    if membership is LoyaltyMembership.NOT_ENROLLED:
        assert one.balance.available.points == 0
        assert one.card is None
        assert one.tier is None


async def test_points_are_worth_what_the_programme_publishes(wire: Recorder) -> None:
    """Exactly, where a rate is set, else nothing is said."""
    rich = await account(adapter(wire, point_worth="0.5"), "cust-anna")
    assert rich.balance.available.worth == Money(amount=Decimal("620.0"), currency_code="RUB")
    assert (await account(adapter(wire), "cust-anna")).balance.available.worth is None


async def test_customers_do_not_mix(loyalty: VoucherifyLoyalty, wire: Recorder) -> None:
    """Asked for at the same time, each gets their own account and history, and only their own is asked for."""
    customers = ["cust-anna", "cust-oleg", "cust-daria"] * 4
    accounts = await asyncio.gather(*(account(loyalty, one) for one in customers))
    assert [one.customer_id for one in accounts] == customers
    assert len({one.card.barcode for one in accounts if one.card}) == 3

    wire.requests.clear()
    own = await history(loyalty, "cust-oleg", HistoryKey(first=5))
    assert {"oleg" in str(request.url).lower() for request in wire.requests} == {True}
    assert all("oleg" in one.movement.id for one in own.entries)


async def test_a_cursor_of_another_customer_is_refused(loyalty: VoucherifyLoyalty) -> None:
    """Continuing after somebody else's movement shows nothing of theirs."""
    annas = await history(loyalty, "cust-anna", HistoryKey(first=2))
    stolen = await history(loyalty, "cust-oleg", HistoryKey(first=2, after=annas.page.end_cursor))

    assert (stolen.entries, stolen.problem) == ((), Problem.BAD_CURSOR)


async def test_an_answer_about_several_customers_is_nobody_s() -> None:
    """A list that holds somebody else's card is an error, and not a choice."""
    rows = [
        {"id": f"rh_{owner}", "customer_id": owner, "voucher_type": "LOYALTY_CARD", "campaign_id": PROGRAMME,
         "redeemable": {"voucher": {"code": owner, "loyalty_card": {"balance": 5}}}}
        for owner in ("cust_a", "cust_b")
    ]  # fmt: skip
    loyalty = adapter(httpx.MockTransport(lambda _: httpx.Response(200, json={"data": rows, "has_more": False})))
    assert isinstance((await loyalty.fetch_accounts([ACCOUNT], of("a")))[ACCOUNT], InvalidSourceResponse)


@pytest.mark.parametrize("customer", ["a/../../b", "a?limit=1", "..", ".", "", "ключ", "a#b", "%2e%2e"])
async def test_a_customer_s_id_stays_one_step_of_the_path(customer: str) -> None:
    """Whatever an id holds, no other customer's list is asked for."""
    paths: list[bytes] = []

    def reply(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path)
        return httpx.Response(404, json={"code": 404, "key": "not_found"})

    outcome = (await adapter(httpx.MockTransport(reply)).fetch_accounts([ACCOUNT], of(customer)))[ACCOUNT]
    if customer in ("..", ".", ""):
        assert isinstance(outcome, InvalidSourceResponse)
        assert paths == []
    else:
        assert isinstance(outcome, LoyaltyAccount)
        (path,) = paths
        assert path.count(b"/") == 4
        assert path.endswith(b"/redeemables?limit=100")


async def test_history_is_paged_to_its_end(loyalty: VoucherifyLoyalty) -> None:
    """Newest first, each movement once, until there is no next page."""
    seen: list[str] = []
    page = await history(loyalty, "cust-anna", HistoryKey(first=50))
    assert not page.page.has_previous_page
    moments = [one.movement.occurred_at for one in page.entries]
    assert moments == sorted(moments, reverse=True)
    while True:
        seen += [one.movement.id for one in page.entries]
        if not page.page.has_next_page:
            break
        page = await history(loyalty, "cust-anna", HistoryKey(first=50, after=page.page.end_cursor))
        assert page.page.has_previous_page
    assert len(seen) == len(set(seen)) == 120


async def test_kinds_are_chosen_here_because_voucherify_does_not(loyalty: VoucherifyLoyalty) -> None:
    """Pages hold what was asked for and nothing is skipped between them."""
    wanted: list[str] = []
    after = None
    while True:
        page = await history(loyalty, "cust-anna", HistoryKey(first=7, kinds=(EARNED, REDEEMED), after=after))
        assert {one.movement.kind for one in page.entries} <= {EARNED, REDEEMED}
        wanted += [one.movement.id for one in page.entries]
        after = page.page.end_cursor
        if not page.page.has_next_page:
            break
    whole = await history(loyalty, "cust-anna", HistoryKey(first=100))
    rest = await history(loyalty, "cust-anna", HistoryKey(first=100, after=whole.page.end_cursor))
    movements = [one.movement for one in (*whole.entries, *rest.entries)]
    assert wanted == [one.id for one in movements if one.kind in (EARNED, REDEEMED)]
    assert {one.kind: one.points > 0 for one in movements}[REDEEMED] is False
    assert any(one.order_id for one in movements)


async def test_13_11_new_kinds_of_transactions_are_adjustments(
    simulator: Voucherify, loyalty: VoucherifyLoyalty
) -> None:
    """They keep their points and title."""
    simulator.switch({"isNew": True})
    page = await history(loyalty, "cust-anna", HistoryKey(first=3))
    assert [one.movement.kind for one in page.entries] == [PointsMovementKind.ADJUSTED] * 3
    assert all(one.movement.points and one.movement.title for one in page.entries)


@pytest.mark.parametrize("cursor", ["vtx_none", "x" * 200, "a&limit=9", "../b", ""])
async def test_a_bad_cursor_is_the_client_s_problem(loyalty: VoucherifyLoyalty, cursor: str) -> None:
    """A cursor that is unknown or cannot be one gets a page that says so, and no error."""
    page = await history(loyalty, "cust-anna", HistoryKey(first=3, after=cursor))
    assert (page.entries, page.problem) == ((), Problem.BAD_CURSOR)


async def test_there_are_no_estimates(loyalty: VoucherifyLoyalty, wire: Recorder) -> None:
    """Voucherify has no such operation: nothing is asked and nothing is made up."""
    key = EstimateKey(sku="a")
    outcomes = await loyalty.fetch_estimates([key], shopper("cust-anna"))
    assert isinstance(outcomes[key], NotOffered)
    assert wire.requests == []


def told(balance: Any) -> Callable[[httpx.Request], httpx.Response]:
    row = {"id": "rh", "customer_id": "c", "voucher_type": "LOYALTY_CARD", "campaign_id": PROGRAMME,
           "redeemable": {"voucher": {"code": "CARD", "loyalty_card": {"points": 9, "balance": balance}}}}  # fmt: skip

    def reply(request: httpx.Request) -> httpx.Response:
        is_list = request.url.path.endswith("redeemables")
        return httpx.Response(200, json={"data": [row] if is_list else [], "has_more": False})

    return reply


@pytest.mark.parametrize("balance", [None, "12", 1.5, 10**18])
async def test_a_balance_that_is_none_is_an_error_and_never_zero(balance: Any) -> None:
    """A card whose balance cannot be read is not an empty card."""
    outcome = await adapter(httpx.MockTransport(told(balance))).fetch_accounts([ACCOUNT], of("c"))
    assert isinstance(outcome[ACCOUNT], InvalidSourceResponse)


async def test_a_negative_balance_is_shown_as_it_is() -> None:
    """Points that were taken back after they were spent are owed."""
    one = await account(adapter(httpx.MockTransport(told(-40))), "c")
    assert one.balance.available.points == Decimal(-40)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpx.Response(500, text="Traceback of the vendor"), SourceUnavailable),
        (httpx.Response(429, headers={"retry-after": "7"}), SourceThrottled),
        (httpx.Response(401, json={"code": 401, "key": "unauthorized"}), InvalidSourceResponse),
        (httpx.Response(404, text="<html>no such page</html>"), InvalidSourceResponse),
        (httpx.Response(404, json={"code": 500}), InvalidSourceResponse),
        (httpx.Response(200, html="<html>Traceback of the vendor</html>"), InvalidSourceResponse),
        (httpx.Response(200, json={}), InvalidSourceResponse),
        (httpx.ReadTimeout("slow"), SourceTimeout),
    ],
    ids=lambda one: repr(one)[:40],
)
async def test_failures_are_errors_and_never_a_stranger(simulator: Voucherify, failure: Any, expected: Any) -> None:
    """A proxy's 404 does not make a member one who never joined."""
    loyalty = adapter(Recorder(simulator.app(), failure))
    outcomes: list[Any] = [
        *(await loyalty.fetch_accounts([ACCOUNT], of("cust-anna"))).values(),
        *(await loyalty.fetch_history([HistoryKey(first=1)], of("cust-anna"))).values(),
    ]
    assert [type(one) for one in outcomes] == [expected] * 2
    assert not any("vendor" in f"{one} {one.extensions}" for one in outcomes)
    with pytest.raises(SourceError):
        await loyalty.ping()


async def test_an_account_costs_few_calls(loyalty: VoucherifyLoyalty, wire: Recorder) -> None:
    """One to find the card with its balance, and what the balance says there is more of."""
    await account(loyalty, "cust-anna")
    assert len(wire.requests) == 4
    wire.requests.clear()
    await account(loyalty, "cust-vera")
    assert len(wire.requests) == 2
