"""What only Loymax does, and what an adapter of it gets wrong if it does not know."""

import asyncio
import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest

from clients.errors import (
    ConfirmationRequired,
    InvalidSourceResponse,
    NotOffered,
    SourceError,
    SourceThrottled,
    SourceUnavailable,
)
from clients.http import Upstream, shopper_address
from clients.loyalty.loymax import LoymaxLoyalty
from clients.loyalty.protocol import (
    ACCOUNT,
    EstimateKey,
    HistoryKey,
    LoyaltyAccount,
    PointsEstimate,
    PointsHistory,
    PointsMovementKind,
)
from clients.scope import OfCustomer
from clients.values import DataSource, Problem
from gateway.resilience.breaker import BreakerState
from gateway.resilience.policy import default_policy
from gateway.resilience.stack import GuardedUpstream
from gateway.vendors import VENDORS
from sandbox.vendors import loymax_answers
from sandbox.world import people
from tests.vendors.contracts import Tally
from tests.vendors.loyalty_programmes import LoymaxProgramme, loymax, loymax_options
from tests.vendors.pricing_adapters import shopper

Json = Any


@pytest.fixture
def programme(tally: Tally) -> LoymaxProgramme:
    return loymax(tally)


def of(customer_id: str) -> OfCustomer:
    return OfCustomer(customer_id=customer_id, language="ru")


async def outcome_of(programme: LoymaxProgramme, customer_id: str = "cust-anna") -> LoyaltyAccount | SourceError:
    return (await programme.loyalty.fetch_accounts([ACCOUNT], of(customer_id)))[ACCOUNT]


async def account_of(programme: LoymaxProgramme, customer_id: str = "cust-anna") -> LoyaltyAccount:
    account = await outcome_of(programme, customer_id)
    assert isinstance(account, LoyaltyAccount), account.detail
    return account


async def history_of(programme: LoymaxProgramme, **key: Any) -> PointsHistory:
    asked = HistoryKey(**{"first": 100, **key})
    page = (await programme.loyalty.fetch_history([asked], of("cust-anna")))[asked]
    assert isinstance(page, PointsHistory), page.detail
    return page


def rewriting(programme: LoymaxProgramme, ending: str, change: Callable[[Json], None]) -> None:
    """Let the simulator answer, and change the data of what ends with this path."""

    class Rewriting(httpx.AsyncBaseTransport):
        def __init__(self, beneath: httpx.AsyncBaseTransport) -> None:
            self.beneath = beneath

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await self.beneath.handle_async_request(request)
            if not request.url.path.endswith(ending):
                return answer
            body = orjson.loads(await answer.aread())
            change(body["data"])
            return httpx.Response(200, json=body)

    programme.meddler.beneath = Rewriting(programme.meddler.beneath)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Error", InvalidSourceResponse),
        ("ValidationError", InvalidSourceResponse),
        ("Fail", SourceUnavailable),
        ("Rejoiced", InvalidSourceResponse),
    ],
)
async def test_loymax_result_state_is_a_failure_inside_200(
    programme: LoymaxProgramme, state: str, expected: type[SourceError]
) -> None:
    """HTTP says success and `result.state` does not: an error, without the vendor's message."""
    programme.simulator.switch({"failState": state})

    outcome = await outcome_of(programme)

    assert type(outcome) is expected
    assert "ORA" not in f"{outcome} {outcome.detail}"
    assert state in outcome.detail


async def test_loymax_money_is_exact_however_many_currencies(programme: LoymaxProgramme) -> None:
    """0.1 of one bonus currency and 0.2 of another are 0.3 points; a currency that is not named does not count."""

    def change(balances: Json) -> None:
        balances[0]["balance"], balances[1]["balance"] = 0.1, 0.2

    rewriting(programme, "/User/Balance", change)
    upstream = Upstream(DataSource.LOYALTY, "https://loymax.example", programme.meddler)
    both = loymax_options(programme.simulator, currencies=["Currency1", loymax_answers.WELCOME["uid"]])
    adapter = LoymaxLoyalty(upstream, both, programme.watch.now)
    account = (await adapter.fetch_accounts([ACCOUNT], of("cust-anna")))[ACCOUNT]

    assert isinstance(account, LoyaltyAccount)
    assert str(account.balance.available.points) == "0.3"
    assert (await account_of(programme)).balance.available.points == Decimal("0.1")


@pytest.mark.parametrize("absurd", ["NaN", "1E+999999", 1e300, "Infinity"])
async def test_absurd_amount_is_a_broken_answer(programme: LoymaxProgramme, absurd: object) -> None:
    """A number that nobody means becomes our error and never a megabyte of zeros."""
    rewriting(programme, "/User/Balance", lambda balances: balances[0].update(balance=absurd))

    assert isinstance(await outcome_of(programme), InvalidSourceResponse)


async def test_points_of_a_currency_that_is_not_there_are_no_zero(tally: Tally) -> None:
    """A slip in the settings is not shown to a member as an empty account."""
    programme = loymax(tally)
    upstream = Upstream(DataSource.LOYALTY, "https://loymax.example", programme.meddler)
    adapter = LoymaxLoyalty(upstream, loymax_options(programme.simulator, currencies="Curency1"), programme.watch.now)

    (outcome,) = (await adapter.fetch_accounts([ACCOUNT], of("cust-anna"))).values()

    assert isinstance(outcome, InvalidSourceResponse)
    assert "bonus currencies" in outcome.detail


async def test_dates_without_an_offset_are_the_programme_s_own(programme: LoymaxProgramme) -> None:
    """The zone is a setting; with it a date without an offset is the same moment as one with it."""
    account, history = await account_of(programme), await history_of(programme, first=20)
    programme.simulator.switch({"leavesOutOffsets": True})
    again, history_again = await account_of(programme), await history_of(programme, first=20)

    assert again == account
    assert [one.movement for one in history_again.entries] == [one.movement for one in history.entries]


async def test_unknown_fields_states_and_types_survive(programme: LoymaxProgramme) -> None:
    """What Loymax adds next year costs nothing: a coupon in a new state is left out, an operation of a new type too."""
    account, history = await account_of(programme), await history_of(programme)
    programme.simulator.switch({"hasNews": True})

    assert await account_of(programme) == account
    assert [one.movement.id for one in (await history_of(programme)).entries][: len(history.entries)] == [
        one.movement.id for one in history.entries
    ]


async def test_renamed_field_is_a_broken_answer(programme: LoymaxProgramme) -> None:
    """A balance under another name is not a balance of zero."""
    rewriting(programme, "/User/Balance", lambda balances: balances[0].update(saldo=balances[0].pop("balance")))

    assert isinstance(await outcome_of(programme), InvalidSourceResponse)


async def test_card_shows_its_last_digits_only(programme: LoymaxProgramme) -> None:
    """The whole number is what is drawn at the till."""
    card = (await account_of(programme)).card

    assert card is not None
    assert (card.number, len(card.barcode)) == (f"•••• {card.barcode[-4:]}", 13)


async def test_account_whose_coupons_failed_is_no_account(programme: LoymaxProgramme) -> None:
    """It would say that there are none; the other calls are stopped, and the error is the one of the coupons."""
    programme.meddler.instead = lambda request: httpx.Response(503) if "Coupons" in request.url.path else None

    outcome = await outcome_of(programme)

    assert isinstance(outcome, SourceUnavailable)
    assert "coupons" in outcome.detail


async def test_offset_pages_skip_nothing_when_operations_come_in_between(programme: LoymaxProgramme) -> None:
    """Loymax counts pages from the newest operation; ours go on behind the last one that was shown."""
    whole = [one.movement.id for one in (await history_of(programme)).entries]
    first = await history_of(programme, first=7)

    def come(data: Json) -> None:
        newest = {**data["rows"][0], "dateTime": "2026-03-01T11:59:59+03:00"}
        data["rows"] = [{**newest, "id": f"00000000-0000-0000-0000-00000000000{n}"} for n in range(5)] + data["rows"]
        data["allCount"] += 5

    rewriting(programme, "/History", come)
    second = await history_of(programme, first=7, after=first.page.end_cursor)

    assert [one.movement.id for one in (*first.entries, *second.entries)] == whole[:14]


async def test_history_goes_on_where_an_operation_has_vanished(programme: LoymaxProgramme) -> None:
    """The operation that a cursor names may be merged away: the list goes on with what is older."""
    whole = [one.movement.id for one in (await history_of(programme)).entries]
    first = await history_of(programme, first=3)
    gone = first.entries[-1].movement.id.partition(":")[0]
    rewriting(programme, "/History", lambda data: data.update(rows=[row for row in data["rows"] if row["id"] != gone]))

    second = await history_of(programme, first=3, after=first.page.end_cursor)

    assert [one.movement.id for one in second.entries] == whole[3:6]


async def test_cursor_of_other_kinds_is_a_bad_one(programme: LoymaxProgramme) -> None:
    """It stands behind operations that the other list does not have."""
    cursor = (await history_of(programme, first=5)).page.end_cursor

    page = await history_of(programme, first=5, after=cursor, kinds=(PointsMovementKind.EARNED,))
    assert page.problem is Problem.BAD_CURSOR


async def test_estimates_are_previews_of_processing(programme: LoymaxProgramme) -> None:
    """What one unit brings a basic member, times how many, in one call; `NotOffered` where it is not set up."""
    skus = ["LUM-000001-01", *(f"{number}" for number in range(3))]
    keys = [EstimateKey(sku=sku, quantity=quantity) for sku in skus for quantity in (1, 3)]
    found = await programme.loyalty.fetch_estimates(keys, shopper("cust-anna"))

    assert set(found) == set(keys[:2])
    one, three = found.values()
    assert isinstance(one, PointsEstimate)
    assert isinstance(three, PointsEstimate)
    assert (one.amount.points * 3, one.is_personal) == (three.amount.points, False)
    assert [path.rpartition("/")[2] for path in programme.meddler.paths()] == ["token", "Goods"]

    upstream = Upstream(DataSource.LOYALTY, "https://loymax.example", programme.meddler)
    without = LoymaxLoyalty(upstream, loymax_options(programme.simulator, processing=None), programme.watch.now)
    assert isinstance((await without.fetch_estimates(keys, shopper()))[keys[0]], NotOffered)


async def test_absurd_cashback_is_a_broken_estimate(programme: LoymaxProgramme) -> None:
    """Its own variant's alone."""
    rewriting(
        programme,
        "/Goods",
        lambda data: data["goods"][0]["calculationResults"][0]["cashback"].update(amount="NaN"),
    )
    key = EstimateKey(sku="LUM-000001-01")

    (outcome,) = (await programme.loyalty.fetch_estimates([key], shopper())).values()

    assert isinstance(outcome, InvalidSourceResponse)


async def test_operations_in_another_order_are_a_broken_answer(programme: LoymaxProgramme) -> None:
    """Pages would lose some of them in silence."""
    rewriting(programme, "/History", lambda data: data["rows"].reverse())
    key = HistoryKey(first=3)

    (outcome,) = (await programme.loyalty.fetch_history([key], of("cust-anna"))).values()

    assert isinstance(outcome, InvalidSourceResponse)


async def test_page_that_would_take_too_many_rows_ends_early_and_says_where_to_go_on(
    programme: LoymaxProgramme,
) -> None:
    """A kind that hardly occurs in a long history costs a bounded number of calls, and nothing is lost."""

    def endless(data: Json) -> None:
        """Ten thousand operations of a kind that was not asked for."""
        day, nothing = dt.datetime(2026, 2, 1, tzinfo=dt.UTC).isoformat(), {"amount": {"amount": 1}}
        data["rows"] = [{"id": f"row-{n}", "dateTime": day, "type": "RewardData", "data": nothing} for n in range(50)]
        data["allCount"] = 10_000

    rewriting(programme, "/History", endless)
    page = await history_of(programme, first=5, kinds=(PointsMovementKind.ADJUSTED,))

    assert page.entries == ()
    assert page.page.has_next_page
    assert page.page.end_cursor is not None
    assert programme.meddler.paths().count("/publicapi/v1.2/History") == 4


async def test_token_that_is_refused_is_renewed_and_the_call_made_once_more(programme: LoymaxProgramme) -> None:
    """Six calls meet a token that was taken back: one renewal, and the account is there."""
    before = await account_of(programme)
    programme.simulator.switch({"takesBackTokens": True})

    assert await account_of(programme) == before
    assert programme.simulator.renewals == {"cust-anna": 1}


async def test_token_is_renewed_before_it_expires(programme: LoymaxProgramme) -> None:
    """A minute before its end: no call ever meets a 401."""
    await account_of(programme)
    programme.watch.pass_by(3600 - 59)
    statuses: list[int] = []
    beneath = programme.meddler.beneath

    class Watching(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await beneath.handle_async_request(request)
            statuses.append(answer.status_code)
            return answer

    programme.meddler.beneath = Watching()
    await account_of(programme)

    assert programme.simulator.renewals == {"cust-anna": 1}
    assert set(statuses) == {200}


async def test_refused_tokens_of_many_customers_open_no_breaker(programme: LoymaxProgramme) -> None:
    """Through all guards: forty tokens that were taken back are forty renewals, and no fault of Loymax's."""
    policy = VENDORS["loyalty"]["loymax"].limits(default_policy(DataSource.LOYALTY))
    guarded = GuardedUpstream(policy, programme.meddler)
    upstream = Upstream(DataSource.LOYALTY, "https://loymax.example", guarded)
    adapter = LoymaxLoyalty(upstream, loymax_options(programme.simulator), programme.watch.now)
    key, customers = HistoryKey(first=1), [f"cust-{number:05d}" for number in range(1, 41)]
    for turn in range(2):
        programme.simulator.switch({"takesBackTokens": turn > 0})
        for customer_id in customers:
            (outcome,) = (await adapter.fetch_history([key], of(customer_id))).values()
            assert isinstance(outcome, PointsHistory)

    assert sum(programme.simulator.renewals.values()) == len(customers)
    assert set(guarded.snapshot().breakers.values()) == {BreakerState.CLOSED}
    assert guarded.health().health.name == "OPERATIONAL"


async def test_workers_that_renew_at_once_all_show_the_account(programme: LoymaxProgramme) -> None:
    """Four processes, one desk: Loymax takes one renewal, and whoever came too late finds the new pair at the desk."""
    await account_of(programme)
    programme.watch.pass_by(3600)
    upstream = Upstream(DataSource.LOYALTY, "https://loymax.example", Jittery(programme.meddler))
    shopper_address.set("198.51.100.1")
    workers = [LoymaxLoyalty(upstream, loymax_options(programme.simulator), programme.watch.now) for _ in range(4)]

    found = await asyncio.gather(*(worker.fetch_accounts([ACCOUNT], of("cust-anna")) for worker in workers))

    assert all(isinstance(outcomes[ACCOUNT], LoyaltyAccount) for outcomes in found)
    assert programme.simulator.renewals["cust-anna"] == 1


@pytest.mark.looptime
@pytest.mark.parametrize("switch", ["wantsCode", "refusesRenewal"])
async def test_customer_who_has_to_confirm_is_told_so(programme: LoymaxProgramme, switch: str) -> None:
    """A typed error of this customer's alone, while others see their points."""
    await account_of(programme)
    programme.watch.pass_by(3600)
    await account_of(programme, "cust-daria")
    programme.simulator.switch({switch: True})

    outcome = await outcome_of(programme)

    assert isinstance(outcome, ConfirmationRequired)
    assert outcome.extensions["code"] == "CONFIRMATION_REQUIRED"
    assert not isinstance(await outcome_of(programme, "cust-daria"), SourceError)


async def test_desk_that_gives_another_person_s_token_is_found_out(programme: LoymaxProgramme) -> None:
    """The pair says whose it should be in Loymax, and Loymax says whose it is."""
    programme.simulator.switch({"mixesUp": True})

    outcome = await outcome_of(programme)

    assert isinstance(outcome, InvalidSourceResponse)
    assert "another person" in outcome.detail


async def test_desk_that_is_down_is_an_outage_for_newcomers_only(programme: LoymaxProgramme) -> None:
    """Whose pair is known goes on."""
    await account_of(programme)
    programme.simulator.switch({"isDeskDown": True})

    assert isinstance(await outcome_of(programme), LoyaltyAccount)
    assert isinstance(await outcome_of(programme, "cust-daria"), SourceUnavailable)


async def test_shopper_s_address_is_forwarded(programme: LoymaxProgramme) -> None:
    """Loymax counts calls by address: with all shoppers at ours it would shut all of them out."""
    programme.simulator.switch({"callsPerAddress": 8})
    for number, customer_id in enumerate(("cust-anna", "cust-daria", "cust-oleg")):
        shopper_address.set(f"198.51.100.{number}")
        assert isinstance(await outcome_of(programme, customer_id), LoyaltyAccount)
    shopper_address.set(None)
    await outcome_of(programme)

    assert isinstance(await outcome_of(programme), SourceThrottled)


@pytest.mark.parametrize("address", ["", "testclient", "1.2.3.4, 5.6.7.8", "1.2.3.4\r\nx: y", "unix:"])
async def test_what_is_no_address_is_not_forwarded(programme: LoymaxProgramme, address: str) -> None:
    """A peer without an address, or with something else in its place, adds no header."""
    shopper_address.set(address)
    await account_of(programme)

    assert all("x-forwarded-for" not in request.headers for request in programme.meddler.requests)


class Jittery(httpx.AsyncBaseTransport):
    """Answers come in any order, and each call's address and token are noted together."""

    def __init__(self, beneath: httpx.AsyncBaseTransport) -> None:
        self.beneath = beneath
        self.dice = random.Random(11)
        self.seen: list[tuple[str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.startswith("loymax"):
            self.seen.append((request.headers["x-forwarded-for"], request.headers["authorization"]))
        for _ in range(self.dice.randrange(8)):
            await asyncio.sleep(0)
        answer = await self.beneath.handle_async_request(request)
        for _ in range(self.dice.randrange(8)):
            await asyncio.sleep(0)
        return answer


async def test_64_customers_at_once_never_share_a_token(tally: Tally) -> None:
    """While tokens expire and are taken back, each sees their own points, asked with their own token and address."""
    programme = loymax(tally, is_judged=False)
    programme.simulator.switch({"expiresInSeconds": 100})
    jittery = programme.meddler.beneath = Jittery(programme.meddler.beneath)
    customers = [f"cust-{number:05d}" for number in range(1, 65)]
    address = {customer_id: f"198.51.100.{number}" for number, customer_id in enumerate(customers)}

    async def visit(customer_id: str) -> None:
        shopper_address.set(address[customer_id])
        person = people.find(customer_id)
        assert person is not None
        account = await account_of(programme, customer_id)
        assert (account.customer_id, int(account.balance.available.points)) == (customer_id, person.points)

    for turn in range(3):  # twice at once, alone, twice at once
        await asyncio.gather(*(asyncio.create_task(visit(customer_id)) for customer_id in customers * (2 - turn % 2)))
        programme.watch.pass_by(50)
        programme.simulator.switch({"takesBackTokens": turn == 1})

    by_token: dict[str, set[str]] = {}
    for seen_at, bearer in jittery.seen:
        by_token.setdefault(bearer, set()).add(seen_at)
    assert all(len(addresses) == 1 for addresses in by_token.values())
    assert set.union(*by_token.values()) == set(address.values())
    assert set(programme.simulator.renewals) == set(customers)
    assert max(programme.simulator.renewals.values()) <= 3


async def test_key_and_tokens_are_in_no_error(programme: LoymaxProgramme) -> None:
    """Whatever fails, its detail for the logs has neither the desk's key nor a shopper's token."""
    await account_of(programme)
    tokens = {request.headers["authorization"].removeprefix("Bearer ") for request in programme.meddler.requests}
    programme.meddler.always(lambda: httpx.Response(500, text=" ".join(tokens)))

    outcome = await outcome_of(programme)

    assert isinstance(outcome, SourceError)
    assert not [token for token in tokens if token in f"{outcome!r} {outcome} {outcome.detail}"]


async def test_ping_with_a_customer_of_the_shop_s_own_goes_the_whole_way(programme: LoymaxProgramme) -> None:
    """The desk, the token and a balance; a customer without an account is no such proof."""
    upstream = Upstream(DataSource.LOYALTY, "https://loymax.example", programme.meddler)

    def adapter(customer_id: str) -> LoymaxLoyalty:
        options = loymax_options(programme.simulator, ping_customer_id=customer_id)
        return LoymaxLoyalty(upstream, options, programme.watch.now)

    await adapter("cust-anna").ping()
    assert programme.meddler.paths() == ["/v1/tokens/take", "/publicapi/v1.2/User/Balance"]
    with pytest.raises(InvalidSourceResponse):
        await adapter("cust-boris").ping()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"zone": "MSK-3"}, "expected a time zone"),
        ({"currencies": " , "}, "at least 1 item"),
        ({"money": "rub"}, "pattern"),
        ({"point_worth": "0"}, "greater than 0"),
        ({"tokens_url": "desk"}, "valid URL"),
        ({"password": "x"}, "Extra inputs"),
    ],
)
def test_wrong_option_is_refused_with_what_was_expected(
    programme: LoymaxProgramme, wrong: dict[str, Any], said: str
) -> None:
    """At start, not at the first shopper."""
    with pytest.raises(ValueError, match=said):
        loymax_options(programme.simulator, **wrong)


def test_switch_that_there_is_not_changes_nothing(programme: LoymaxProgramme) -> None:
    """A slip in a test's own words is told at once."""
    before = programme.simulator.switches()
    for wrong in ({"isDeskdown": True}, {"isDeskDown": "yes"}):
        with pytest.raises(ValueError, match=r"[dD]esk"):
            programme.simulator.switch(wrong)
    assert programme.simulator.switches() == before
