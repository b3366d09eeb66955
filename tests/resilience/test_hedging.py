"""A second read when the first is late."""

import asyncio

import httpx
import pytest

from clients.values import DataSource
from gateway.resilience.policy import BreakerPolicy, HedgePolicy, RetryPolicy, UpstreamPolicy
from gateway.resilience.stack import GuardedUpstream
from tests.resilience.scripted import Scripted, answer, call, fail, guarded, outcome

pytestmark = pytest.mark.looptime

QUIET = {"retry": RetryPolicy(attempts=1), "breaker": BreakerPolicy(min_calls=10**9, in_a_row=10**9)}
HEDGED = UpstreamPolicy(DataSource.STOCK, hedge=HedgePolicy(budget=0.05), **QUIET)  # type: ignore[arg-type]


def now() -> float:
    return asyncio.get_running_loop().time()


async def warmed(upstream: Scripted, policy: UpstreamPolicy = HEDGED) -> GuardedUpstream:
    """A stack that has seen 100 answers of 8 ms, so that 10 ms is late."""
    guard = guarded(policy, upstream)
    upstream.always = answer(after_s=0.008)
    for _ in range(100):
        await guard.handle_async_request(call())
    upstream.sent.clear()
    return guard


async def test_the_faster_of_two_reads_wins_and_the_other_stops() -> None:
    """A read that hangs is answered by its twin; the hanging one is cancelled."""
    upstream = Scripted()
    guard = await warmed(upstream)
    upstream.acts = [answer(after_s=0.9)]
    started = now()
    assert await outcome(guard, call()) == 200
    assert now() - started == pytest.approx(0.018, abs=0.001)
    assert (len(upstream.sent), upstream.cancelled, upstream.running) == (2, 1, 0)
    assert guard.meter.hedged["pricing.prices"] == 1


async def test_hedges_stay_within_their_budget() -> None:
    """Of 500 reads 20 are late, and the budget of one in a hundred pays for 5 twins."""
    upstream = Scripted()
    policy = UpstreamPolicy(DataSource.STOCK, hedge=HedgePolicy(budget=0.01), **QUIET)  # type: ignore[arg-type]
    guard = await warmed(upstream, policy)
    guard.hedge_budget.left = 0.0
    for number in range(1, 501):
        upstream.acts = [answer(after_s=0.1)] if number % 25 == 0 else []
        assert await outcome(guard, call()) == 200
    assert len(upstream.sent) == 505


@pytest.mark.parametrize("policy", [UpstreamPolicy(DataSource.STOCK, **QUIET)], ids=["off by default"])  # type: ignore[arg-type]
async def test_without_a_policy_nothing_is_hedged(policy: UpstreamPolicy) -> None:
    """Hedging is off by default."""
    upstream = Scripted()
    guard = await warmed(upstream, policy)
    upstream.acts = [answer(after_s=0.9)]
    await outcome(guard, call())
    assert len(upstream.sent) == 1


async def test_writes_are_never_hedged() -> None:
    """A call that is not idempotent goes out once, however late."""
    upstream = Scripted()
    guard = await warmed(upstream)
    upstream.acts = [answer(after_s=0.9)]
    assert await outcome(guard, call(idempotent=False)) == 200
    assert len(upstream.sent) == 1


async def test_if_both_fail_the_first_failure_is_told() -> None:
    """Two failures are one error, the one of the original call."""
    upstream = Scripted()
    guard = await warmed(upstream)
    upstream.acts = [fail(httpx.ReadError("first"), after_s=0.1), fail(httpx.ConnectError("second"))]
    assert await outcome(guard, call()) == "ReadError"
    assert len(upstream.sent) == 2


async def test_a_caller_that_goes_away_stops_both() -> None:
    """Cancelling the page cancels the read and its twin."""
    upstream = Scripted()
    guard = await warmed(upstream)
    upstream.always = answer(after_s=0.9)
    page = asyncio.create_task(outcome(guard, call()))
    await asyncio.sleep(0.05)
    page.cancel()
    await asyncio.gather(page, return_exceptions=True)
    assert (upstream.cancelled, upstream.running, len(upstream.sent)) == (2, 0, 2)
