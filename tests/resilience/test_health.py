"""What operators and shoppers' applications are told of a source."""

import asyncio
import datetime as dt

import httpx
import pytest

from clients.values import DataSource
from gateway.resilience.breaker import BreakerState
from gateway.resilience.health import Health, decide_health
from gateway.resilience.outcome import Outcome
from gateway.resilience.policy import RetryPolicy, UpstreamPolicy
from gateway.resilience.stack import GuardedUpstream, Surroundings
from tests.resilience.scripted import Scripted, answer, call, fail, guarded, outcome

CLOSED, OPEN, PROBING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.PROBING
UP, DEGRADED, DOWN = Health.OPERATIONAL, Health.DEGRADED, Health.DOWN


@pytest.mark.parametrize(
    ("asked", "faults", "states", "before", "expected"),
    [
        (0, 0, [], UP, UP),
        (100, 9, [CLOSED], UP, UP),
        (100, 10, [CLOSED], UP, DEGRADED),
        (100, 89, [CLOSED], UP, DEGRADED),
        (100, 90, [CLOSED], UP, DOWN),
        (100, 0, [CLOSED, OPEN], UP, DEGRADED),
        (100, 0, [OPEN, BreakerState.HELD_OPEN], UP, DOWN),
        (0, 0, [PROBING], DOWN, DEGRADED),
        (4, 4, [CLOSED], UP, UP),
        (4, 4, [CLOSED], DEGRADED, DEGRADED),
        (4, 0, [CLOSED], DOWN, UP),
        (0, 0, [CLOSED], DOWN, UP),
    ],
)
def test_the_state_follows_calls_and_breakers(
    asked: int, faults: int, states: list[BreakerState], before: Health, expected: Health
) -> None:
    """Shares of failures, refusing breakers, and too few calls to tell."""
    assert decide_health(asked, faults, states, before) is expected


@pytest.mark.looptime
async def test_since_is_when_the_state_changed() -> None:
    """`since` stays put while a state lasts, and is at most a second late while calls come in."""
    loop = asyncio.get_running_loop()
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    upstream = Scripted()
    around = Surroundings(wall=lambda: start + dt.timedelta(seconds=loop.time()), dice=lambda: 0.5)
    guard = GuardedUpstream(UpstreamPolicy(DataSource.STOCK, retry=RetryPolicy(attempts=1)), upstream, None, around)

    async def load(seconds: int) -> None:
        for _ in range(seconds * 10):
            await outcome(guard, call())
            await asyncio.sleep(0.1)

    await load(60)
    assert guard.health().since == start
    upstream.always = answer(500)
    await load(20)
    down = guard.health()
    assert down.health is DOWN
    assert 60 <= (down.since - start).total_seconds() <= 63
    upstream.always = answer()
    await load(60)
    up = guard.health()
    assert (up.source, up.health) == (DataSource.STOCK, UP)
    assert 80 <= (up.since - start).total_seconds() <= 125


@pytest.mark.looptime
async def test_every_call_is_counted_once_under_its_outcome() -> None:
    """Asked, sent, retried, latency and what is in flight add up."""
    upstream = Scripted(
        [answer(), answer(404), answer(500), answer(), answer(429, headers={"retry-after": "50"}), answer(after_s=99)]
    )
    guard = guarded(UpstreamPolicy(DataSource.STOCK), upstream)
    guard.retry_budget.left = 1.0
    for _ in range(4):
        await outcome(guard, call())
    assert await outcome(guard, call()) == "SourceThrottled"
    await asyncio.sleep(60)
    hanging = asyncio.create_task(outcome(guard, call()))
    await asyncio.sleep(0.1)
    assert (guard.snapshot().in_flight, guard.snapshot().running) == (1, 1)
    await hanging
    upstream.acts = [fail(httpx.DecodingError("gzip"))]
    await outcome(guard, call())
    guard.hold("pricing.prices", BreakerState.HELD_OPEN)
    await outcome(guard, call())
    cancelled = asyncio.create_task(outcome(guard, call(operation="pricing.products")))
    upstream.always = answer(after_s=9)
    await asyncio.sleep(0.1)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)

    prices = {how: count for (operation, how), count in guard.meter.asked.items() if operation == "pricing.prices"}
    assert prices == {
        Outcome.ANSWERED: 3,
        Outcome.THROTTLED: 2,
        Outcome.TIMEOUT: 1,
        Outcome.INVALID: 1,
        Outcome.CIRCUIT_OPEN: 1,
    }
    assert guard.meter.asked["pricing.products", Outcome.CANCELLED] == 1
    assert guard.meter.sent == {"pricing.prices": 7, "pricing.products": 1}
    assert guard.meter.retried == {"pricing.prices": 1}
    assert guard.meter.latency["pricing.prices"].total == 8
    shot = guard.snapshot()
    assert (shot.in_flight, shot.running, shot.waiting_for_place, shot.waiting_for_turn) == (0, 0, 0, 0)
    assert shot.breakers == {"pricing.prices": BreakerState.HELD_OPEN, "pricing.products": BreakerState.CLOSED}
