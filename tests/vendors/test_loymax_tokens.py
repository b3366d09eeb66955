"""Shoppers' tokens: one renewal at a time, a minute early, nothing lost, and never anybody else's."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace

import httpx
import pytest

from clients.errors import ConfirmationRequired, InvalidSourceResponse, SourceError, SourceUnavailable
from clients.http import Upstream
from clients.values import DataSource
from clients.vendors.loymax import AuthorizationService
from clients.vendors.loymax_desk import HttpDesk
from clients.vendors.loymax_tokens import NotEnrolled, ShopperTokens, Tokens, TokensRefused

START = 1_772_355_600.0
LIFETIME_S = 3600.0
SOURCE = DataSource.LOYALTY


def pair(customer_id: str, number: int, expires_at: float = START + LIFETIME_S) -> Tokens:
    return Tokens(
        access=f"access of {customer_id} #{number}",
        refresh=f"refresh of {customer_id} #{number}",
        expires_at=expires_at,
        version=str(number),
    )


@dataclass
class World:
    """A desk and a service that keep to their rules: a refresh token works once, a version is replaced once."""

    now: float = START
    desk: dict[str, Tokens] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    failing: dict[str, Exception] = field(default_factory=dict)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.go.set()

    async def _step(self, name: str) -> None:
        self.calls[name] += 1
        if name in self.failing:
            raise self.failing[name]
        for _ in range(self.dice.randrange(6)):
            await asyncio.sleep(0)

    async def take(self, customer_id: str) -> Tokens:
        await self._step("take")
        return self.desk.setdefault(customer_id, pair(customer_id, 1))

    async def hand_in(self, customer_id: str, fresh: Tokens) -> Tokens:
        await self._step("hand_in")
        if self.desk[customer_id].version == fresh.version:
            self.desk[customer_id] = replace(fresh, version=str(int(fresh.version) + 1), is_saved=True)
        return self.desk[customer_id]

    async def renew(self, old: Tokens) -> Tokens:
        await self._step("renew")
        await self.go.wait()
        if old.refresh in self.spent:
            raise TokensRefused
        self.spent.add(old.refresh)
        self.calls["renewed"] += 1
        owner = old.access.removeprefix("access of ").partition(" #")[0]
        fresh = pair(owner, int(old.version) + 1, self.now + LIFETIME_S)
        return replace(fresh, version=old.version)

    def tokens(self, kept: int = 100) -> ShopperTokens:
        return ShopperTokens(SOURCE, self, self, lambda: self.now, kept)


async def test_pair_is_asked_for_once() -> None:
    """While it is good it is in memory, and nobody is asked."""
    world = World()
    tokens = world.tokens()

    assert [await tokens.of("anna") for _ in range(3)] == [pair("anna", 1)] * 3
    assert world.calls == {"take": 1}


@pytest.mark.parametrize(("left_s", "renewed"), [(61.0, 0), (60.0, 1), (1.0, 1), (-5.0, 1)])
async def test_token_is_renewed_a_minute_early(left_s: float, renewed: int) -> None:
    """One that would expire during the calls that begin now is not used for them."""
    world = World(desk={"anna": pair("anna", 1, START + left_s)})

    await world.tokens().of("anna")

    assert world.calls["renewed"] == renewed


async def test_hundred_calls_renew_once() -> None:
    """Whoever comes while a renewal is under way waits for that one."""
    world = World(desk={"anna": pair("anna", 1, START)})
    tokens = world.tokens()

    found = await asyncio.gather(*(tokens.of("anna") for _ in range(100)))

    assert {one.access for one in found} == {"access of anna #2"}
    assert (world.calls["renew"], world.calls["hand_in"]) == (1, 1)
    assert world.desk["anna"] == found[0]


async def test_renewal_that_was_begun_is_ended() -> None:
    """Whoever gives up waiting does not lose the pair for the others: the old refresh token is spent by then."""
    world = World(desk={"anna": pair("anna", 1, START)})
    tokens = world.tokens()
    world.go.clear()
    asking = asyncio.ensure_future(tokens.of("anna"))
    while not world.calls["renew"]:
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    world.go.set()

    assert (await tokens.of("anna")).access == "access of anna #2"
    assert world.desk["anna"].access == "access of anna #2"
    assert world.calls["renew"] == 1


async def test_pair_that_the_desk_did_not_take_is_handed_in_later() -> None:
    """A renewed pair serves from memory meanwhile, and is not renewed a second time to be saved."""
    world = World(desk={"anna": pair("anna", 1, START)}, failing={"hand_in": SourceUnavailable(SOURCE)})
    tokens = world.tokens()
    assert (await tokens.of("anna")).access == "access of anna #2"
    assert (await tokens.of("anna")).access == "access of anna #2"
    assert world.desk["anna"].access == "access of anna #1"
    world.failing.clear()

    assert (await tokens.of("anna")).is_saved
    assert world.desk["anna"].access == "access of anna #2"
    assert world.calls["renewed"] == 1


@pytest.mark.looptime
@pytest.mark.parametrize("seed", range(20))
async def test_processes_that_renew_at_once_end_with_one_pair(seed: int) -> None:
    """One of them is given the new pair; the others find it at the desk."""
    world = World(desk={"anna": pair("anna", 1, START)}, dice=random.Random(seed))
    processes = [world.tokens() for _ in range(4)]

    found = await asyncio.gather(*(process.of("anna") for process in processes))

    assert {one.access for one in found} == {"access of anna #2"}
    assert world.calls["renewed"] == 1


async def test_newer_pair_at_the_desk_is_used_instead() -> None:
    """Whoever signed in again meanwhile has a pair that is newer than the one we renewed."""
    world = World(desk={"anna": pair("anna", 1, START)})
    tokens = world.tokens()
    world.go.clear()
    asking = asyncio.ensure_future(tokens.of("anna"))
    while not world.calls["renew"]:
        await asyncio.sleep(0)
    world.desk["anna"] = pair("anna", 9)
    world.go.set()

    assert await asking == pair("anna", 9)
    assert world.desk["anna"] == pair("anna", 9)


@pytest.mark.looptime
async def test_spent_pair_is_the_customer_s_turn_and_asked_for_once() -> None:
    """A refresh token that nobody takes any more: the customer signs in again; Loymax is not asked with it twice."""
    world = World(desk={"anna": pair("anna", 1, START)}, spent={"refresh of anna #1"})
    tokens = world.tokens()
    for _ in range(3):
        with pytest.raises(ConfirmationRequired):
            await tokens.of("anna")
    assert world.calls["renew"] == 1
    world.desk["anna"] = pair("anna", 5)

    assert await tokens.of("anna") == pair("anna", 5)


async def test_code_that_is_wanted_is_the_customer_s_turn_and_no_alarm() -> None:
    """Typed, not retryable, with a code of its own for the page; nobody is asked again with the same token."""
    world = World(desk={"anna": pair("anna", 1, START)}, failing={"renew": ConfirmationRequired(SOURCE)})
    tokens = world.tokens()
    with pytest.raises(ConfirmationRequired):
        await tokens.of("anna")
    with pytest.raises(ConfirmationRequired) as caught:
        await tokens.of("anna")

    assert caught.value.extensions == {
        "code": "CONFIRMATION_REQUIRED",
        "source": "LOYALTY",
        "retryable": False,
        "retryAfterSeconds": None,
    }
    assert world.calls["renew"] == 1


async def test_token_that_still_lives_outlives_an_outage() -> None:
    """In its last minute a pair serves while neither the desk nor Loymax answers; after that it does not."""
    world = World(desk={"anna": pair("anna", 1)})
    tokens = world.tokens()
    await tokens.of("anna")
    world.failing = {"take": SourceUnavailable(SOURCE)}
    world.now = START + LIFETIME_S - 30
    assert await tokens.of("anna") == pair("anna", 1)

    world.now = START + LIFETIME_S
    with pytest.raises(SourceUnavailable):
        await tokens.of("anna")


async def test_refused_token_is_replaced_once_for_all() -> None:
    """Six calls whose token was taken back renew it once."""
    world = World()
    tokens = world.tokens()
    refused = await tokens.of("anna")

    found = await asyncio.gather(*(tokens.instead_of(refused, "anna") for _ in range(6)))

    assert {one.access for one in found} == {"access of anna #2"}
    assert world.calls["renew"] == 1


@pytest.mark.parametrize("kept", [4, 100])
async def test_64_customers_at_once_have_each_their_own(kept: int) -> None:
    """Expired, taken back, pushed out of memory, in any order: the pair is always the customer's who was asked for."""
    world = World(dice=random.Random(3))
    tokens = world.tokens(kept)
    customers = [f"cust-{number}" for number in range(64)]

    async def ask(customer_id: str) -> None:
        found = await tokens.of(customer_id)
        if world.dice.random() < 0.3:
            found = await tokens.instead_of(found, customer_id)
        assert found.access.startswith(f"access of {customer_id} #")
        assert found.refresh.startswith(f"refresh of {customer_id} #")

    for _ in range(8):
        crowd = customers * 3
        world.dice.shuffle(crowd)
        await asyncio.gather(*(ask(customer_id) for customer_id in crowd))
        world.now += LIFETIME_S * world.dice.random()
    assert len(tokens._kept) <= kept
    assert tokens._flights == {}
    assert all(kept_pair.access.startswith(f"access of {one} #") for one, kept_pair in tokens._kept.items())


@pytest.mark.looptime
async def test_failure_of_one_customer_is_not_another_s() -> None:
    """A customer who is not enrolled, and one whose pair is spent, keep nobody else from theirs."""
    world = World(desk={"boris": pair("boris", 1, START)}, spent={"refresh of boris #1"})
    tokens = world.tokens()

    outcomes = await asyncio.gather(*(tokens.of(one) for one in ("anna", "boris", "vera")), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Tokens, ConfirmationRequired, Tokens]


def test_pair_does_not_show_itself() -> None:
    """Neither token is in a repr, so neither is in a log or a traceback."""
    shown = repr(pair("anna", 1))

    assert "access of" not in shown
    assert "refresh of" not in shown


def answering(answer: httpx.Response) -> Upstream:
    return Upstream(SOURCE, "https://desk.example", httpx.MockTransport(lambda _: answer))


READY = {
    "customerId": "anna",
    "status": "READY",
    "version": "1",
    "pair": {"accessToken": "a", "refreshToken": "r", "expiresAt": "2026-03-01T12:00:00Z"},
}


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (200, {**READY, "customerId": "boris"}, InvalidSourceResponse),
        (409, {**READY, "customerId": "boris"}, InvalidSourceResponse),
        (200, {**READY, "pair": None}, InvalidSourceResponse),
        (200, {**READY, "version": None}, InvalidSourceResponse),
        (200, {**READY, "status": "PERHAPS"}, InvalidSourceResponse),
        (200, {**READY, "pair": {**READY["pair"], "expiresAt": "2026-03-01T12:00:00"}}, InvalidSourceResponse),  # type: ignore[dict-item]
        (200, {"customerId": "anna", "status": "NOT_ENROLLED"}, NotEnrolled),
        (200, {"customerId": "anna", "status": "CONFIRMATION_REQUIRED"}, ConfirmationRequired),
        (401, {"title": "no"}, InvalidSourceResponse),
        (503, {"title": "down"}, SourceUnavailable),
    ],
)
async def test_desk_s_word_is_checked(status: int, said: object, expected: type[Exception]) -> None:
    """Above all that it speaks of the customer who was asked for."""
    with pytest.raises(expected) as caught:
        await HttpDesk(answering(httpx.Response(status, json=said))).take("anna")

    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (400, {"error": "TwoFactorAuthenticationCodeRequired", "error_description": "SMS"}, ConfirmationRequired),
        (400, {"error": "invalid_grant"}, TokensRefused),
        (401, {"error": "invalid_token"}, TokensRefused),
        (401, {}, TokensRefused),
        (400, {"error": "unsupported_grant_type"}, InvalidSourceResponse),
        (400, {}, InvalidSourceResponse),
        (200, {"access_token": "a"}, InvalidSourceResponse),
        (200, {"access_token": "a", "refresh_token": "r", "expires_in": "soon"}, InvalidSourceResponse),
        (429, {}, SourceError),
        (502, {}, SourceUnavailable),
    ],
)
async def test_loymax_2fa_400_is_no_error_of_the_source(status: int, said: object, expected: type[Exception]) -> None:
    """What a renewal is refused with: a wish for a code, a spent token, or a question that was wrong."""
    service = AuthorizationService(answering(httpx.Response(status, json=said)), lambda: START)
    with pytest.raises(expected):
        await service.renew(pair("anna", 1))
