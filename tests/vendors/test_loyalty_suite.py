"""One suite over all adapters of loyalty: the same promises, the same errors, whosever programme it is."""

import datetime as dt
from collections.abc import Callable, Mapping
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
from clients.loyalty.protocol import (
    ACCOUNT,
    EstimateKey,
    HistoryEntry,
    HistoryKey,
    LoyaltyAccount,
    LoyaltyMembership,
    PointsHistory,
    PointsMovementKind,
)
from clients.scope import ForCustomer, OfCustomer
from clients.values import DataSource, Problem, SalesChannel
from sandbox.world import people, points
from tests.vendors.contracts import Tally
from tests.vendors.loyalty_programmes import NOON, PROGRAMMES, Programme
from tests.vendors.meddling import VENDOR_TEXT, garbage, page_of_html, rude

SKU = "LUM-000001-01"
LAST_SECOND = dt.timedelta(seconds=1)
"""A day ends at 23:59:59 or at midnight, as the programme likes."""

MEMBERS = ("cust-anna", "cust-daria", "cust-oleg", "cust-nina", "cust-00017")


@pytest.fixture(params=PROGRAMMES, ids=str)
def programme(request: pytest.FixtureRequest, tally: Tally) -> Programme:
    return PROGRAMMES[request.param](tally)


def of(customer_id: str) -> OfCustomer:
    return OfCustomer(customer_id=customer_id, language="ru")


async def account_of(programme: Programme, customer_id: str) -> LoyaltyAccount:
    account = (await programme.loyalty.fetch_accounts([ACCOUNT], of(customer_id)))[ACCOUNT]
    assert isinstance(account, LoyaltyAccount), account.detail
    return account


async def history_of(programme: Programme, customer_id: str, **key: Any) -> PointsHistory:
    asked = HistoryKey(**{"first": 100, **key})
    page = (await programme.loyalty.fetch_history([asked], of(customer_id)))[asked]
    assert isinstance(page, PointsHistory), page.detail
    return page


async def everything_of(programme: Programme, customer_id: str, first: int, **key: Any) -> list[HistoryEntry]:
    """All entries, page by page; no page is longer than asked for."""
    entries: list[HistoryEntry] = []
    page = await history_of(programme, customer_id, first=first, **key)
    for _ in range(200):
        assert len(page.entries) <= first
        entries += page.entries
        if not page.page.has_next_page:
            return entries
        page = await history_of(programme, customer_id, first=first, after=page.page.end_cursor, **key)
        assert page.page.has_previous_page
    raise AssertionError("expected the history to end, got more than 200 pages")


@pytest.mark.parametrize("customer_id", MEMBERS)
async def test_member_s_account_is_what_the_shop_says(programme: Programme, customer_id: str) -> None:
    """Points to the last one, what expires and when, coupons with their ends, the card's code."""
    person = people.find(customer_id)
    assert person is not None

    account = await account_of(programme, customer_id)

    assert (account.customer_id, account.membership) == (customer_id, LoyaltyMembership.ACTIVE)
    assert account.balance.available.points == person.points
    assert account.balance.pending.points == points.pending(person)
    assert account.balance.next_activation_at == points.next_activation(NOON)
    expected_points = points.expirations(person, NOON)
    assert [one.amount.points for one in account.expirations] == [some for some, _ in expected_points]
    for one, (_, at) in zip(account.expirations, expected_points, strict=True):
        assert abs(one.expires_at - at) <= LAST_SECOND
    expected = [(one.code, one.ends_at) for one in points.coupons(person, NOON)]
    assert [one.code for one in account.coupons] == [code for code, _ in expected]
    for coupon, (_, ends_at) in zip(account.coupons, expected, strict=True):
        assert coupon.expires_at is not None
        assert abs(coupon.expires_at - ends_at) <= LAST_SECOND
    assert account.card is not None
    assert account.card.barcode == programme.card_code(person)
    assert account.tier is not None


async def test_points_say_what_they_are_worth(programme: Programme) -> None:
    """Exactly, in money with its currency."""
    available = (await account_of(programme, "cust-anna")).balance.available

    assert available.worth is not None
    assert (available.worth.amount, available.worth.currency_code) == (Decimal(1240), "RUB")


@pytest.mark.parametrize(
    ("customer_id", "membership"),
    [
        ("cust-boris", LoyaltyMembership.NOT_ENROLLED),
        ("cust-gleb", LoyaltyMembership.PENDING),
        ("cust-vera", LoyaltyMembership.BLOCKED),
    ],
)
async def test_whoever_is_no_active_member_has_an_account_without_points(
    programme: Programme, customer_id: str, membership: LoyaltyMembership
) -> None:
    """Not joined, not finished joining, blocked: an account says so, and there is nothing to spend."""
    account = await account_of(programme, customer_id)

    if membership is LoyaltyMembership.PENDING and not programme.tells_pending:
        membership = LoyaltyMembership.NOT_ENROLLED
    assert account.membership is membership
    assert account.balance.available.points == account.balance.pending.points == 0
    assert (account.expirations, account.coupons) == ((), ())


async def test_way_to_the_next_tier_adds_up(programme: Programme) -> None:
    """What is spent and what remains are the next tier's threshold; at the top there is no way further."""
    way = (await account_of(programme, "cust-anna")).next_tier

    assert (way is not None) is programme.tells_next_tier
    assert way is None or (way.spent.amount, way.remaining.amount) == (Decimal(48_200), Decimal(31_800))
    assert (await account_of(programme, "cust-oleg")).next_tier is None


async def test_values_say_where_they_are_from(programme: Programme) -> None:
    """The source by its role, its moment with a zone, and ours."""
    for value in (await account_of(programme, "cust-anna"), await history_of(programme, "cust-anna")):
        assert value.freshness.source is DataSource.LOYALTY
        assert value.freshness.observed_at == NOON
        assert value.freshness.received_at == NOON.timestamp()


@pytest.mark.parametrize(("first", "kinds"), [(1, (PointsMovementKind.EARNED,)), (7, ()), (50, ()), (100, ())])
async def test_history_is_whole_whatever_the_page(
    programme: Programme, first: int, kinds: tuple[PointsMovementKind, ...]
) -> None:
    """Newest first, nothing twice, nothing left out: pages of any size make the same list."""
    entries = await everything_of(programme, "cust-anna", first, kinds=kinds)

    assert entries == await everything_of(programme, "cust-anna", 33, kinds=kinds)
    assert len({entry.movement.id for entry in entries}) == len(entries) > 15
    moments = [entry.movement.occurred_at for entry in entries]
    assert moments == sorted(moments, reverse=True)


async def test_movements_are_those_of_the_shop(programme: Programme) -> None:
    """Each kind that the programme can tell has the shop's points, to the last one and with its sign."""
    anna = people.find("cust-anna")
    assert anna is not None
    entries = await everything_of(programme, "cust-anna", 100)
    purchases = {PointsMovementKind.EARNED, PointsMovementKind.REDEEMED, PointsMovementKind.REVERSED}

    for kind in purchases & programme.can_tell:
        told = {(one.movement.order_id, int(one.movement.points)) for one in entries if one.movement.kind is kind}
        assert told == {(one.order_id, one.points) for one in points.movements(anna) if one.kind == kind.value}


@pytest.mark.parametrize("kind", PointsMovementKind)
async def test_only_kinds_that_were_asked_for(programme: Programme, kind: PointsMovementKind) -> None:
    """A kind that the programme cannot tell is an empty list, and no error."""
    entries = await everything_of(programme, "cust-anna", 100, kinds=(kind,))

    assert {entry.movement.kind for entry in entries} == ({kind} if kind in programme.can_tell else set())


@pytest.mark.parametrize("after", ["no cursor", "", "0000", "ёж", "MQ", "e30", "WzEsMiwzLDRd" * 20])
async def test_bad_cursor_is_the_question_s_fault(programme: Programme, after: str) -> None:
    """Whatever a client sends there, the answer is a page with the problem and nothing else."""
    page = await history_of(programme, "cust-anna", first=5, after=after)

    assert page.problem is Problem.BAD_CURSOR
    assert page.entries == ()


async def test_cursor_of_another_customer_is_a_bad_one(programme: Programme) -> None:
    """It is no place in this list, and says nothing of the other."""
    cursor = (await history_of(programme, "cust-daria", first=5)).page.end_cursor

    assert (await history_of(programme, "cust-anna", first=5, after=cursor)).problem is Problem.BAD_CURSOR


async def test_customers_see_their_own(programme: Programme) -> None:
    """Asked at once and in turn, each scope gets its own customer's account and movements."""
    first = {customer_id: (await history_of(programme, customer_id)).entries[0].movement.id for customer_id in MEMBERS}
    again = {customer_id: (await history_of(programme, customer_id)).entries[0].movement.id for customer_id in MEMBERS}

    assert first == again
    assert len(set(first.values())) == len(MEMBERS)


async def test_nothing_asked_is_nothing_sent(programme: Programme) -> None:
    """No keys, no call."""
    assert await programme.loyalty.fetch_accounts([], of("cust-anna")) == {}
    assert await programme.loyalty.fetch_history([], of("cust-anna")) == {}
    assert await programme.loyalty.fetch_estimates([], shopping("cust-anna")) == {}
    assert programme.meddler.requests == []


def shopping(customer_id: str | None) -> ForCustomer:
    return ForCustomer(
        customer_id=customer_id, locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru"
    )


@pytest.mark.parametrize("customer_id", [None, "cust-anna"])
async def test_estimates_are_personal_for_whoever_asks_by_name(programme: Programme, customer_id: str | None) -> None:
    """A programme that can say what a purchase brings says for whom; one that cannot says that."""
    key, unknown = EstimateKey(sku=SKU), EstimateKey(sku="NONE")

    found = await programme.loyalty.fetch_estimates([key, unknown], shopping(customer_id))

    if programme.estimates != "none":
        assert unknown not in found
        estimate = found[key]
        assert not isinstance(estimate, SourceError)
        assert estimate.is_personal is (customer_id is not None and programme.estimates == "personal")
        assert estimate.amount.points > 0
    else:
        assert [type(found[one]) for one in (key, unknown)] == [NotOffered] * 2


ERRORS: Mapping[str, tuple[Callable[[], httpx.Response | Exception], type[SourceError]]] = {
    "429": (rude(429, **{"retry-after": "3"}), SourceThrottled),
    "500": (rude(500), SourceUnavailable),
    "502": (rude(502), SourceUnavailable),
    "503": (rude(503), SourceUnavailable),
    "403": (rude(403), InvalidSourceResponse),
    "404": (rude(404), InvalidSourceResponse),
    "301": (rude(301, location="http://evil.example"), InvalidSourceResponse),
    "refused": (lambda: httpx.ConnectError(VENDOR_TEXT), SourceUnavailable),
    "cut off": (lambda: httpx.RemoteProtocolError(VENDOR_TEXT), SourceUnavailable),
    "late": (lambda: httpx.ReadTimeout(VENDOR_TEXT), SourceTimeout),
    "a page of html": (page_of_html, InvalidSourceResponse),
    "garbage": (garbage, InvalidSourceResponse),
    "null": (lambda: httpx.Response(200, json=None), InvalidSourceResponse),
    "an empty object": (lambda: httpx.Response(200, json={}), InvalidSourceResponse),
    "a list": (lambda: httpx.Response(200, json=[]), InvalidSourceResponse),
    "nested": (lambda: httpx.Response(200, content=b"[" * 100_000), InvalidSourceResponse),
}


@pytest.mark.parametrize("wrong", ERRORS)
async def test_what_goes_wrong_has_the_same_name_everywhere(programme: Programme, wrong: str) -> None:
    """From the first call and from a later one: one of our errors, as the value, without the vendor's text."""
    answer, expected = ERRORS[wrong]
    for is_known in (False, True):
        if is_known:
            programme.meddler.instead = lambda _: None
            await account_of(programme, "cust-anna")
        programme.meddler.always(answer)
        key = HistoryKey(first=3)
        for outcome in (
            *(await programme.loyalty.fetch_accounts([ACCOUNT], of("cust-anna"))).values(),
            *(await programme.loyalty.fetch_history([key], of("cust-anna"))).values(),
        ):
            assert type(outcome) is expected
            assert isinstance(outcome, SourceError)
            assert "ORA" not in f"{outcome} {outcome.extensions}"


async def test_waiting_time_that_was_said_is_kept(programme: Programme) -> None:
    """Whoever throttles says how long, and the error knows."""
    programme.meddler.always(rude(429, **{"retry-after": "7"}))

    (error,) = (await programme.loyalty.fetch_accounts([ACCOUNT], of("cust-anna"))).values()

    assert isinstance(error, SourceThrottled)
    assert error.retry_after_s == 7


async def test_ping_tells_well_from_ill(programme: Programme) -> None:
    """A programme that is well answers quietly; one that is not raises one of our errors."""
    await programme.adapter.ping()

    programme.meddler.always(rude(503))
    with pytest.raises(SourceUnavailable):
        await programme.adapter.ping()
