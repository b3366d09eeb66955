"""All guards together."""

import asyncio
import random

import httpx
import msgspec
import pytest

from clients.errors import SourceFailureCode, SourceUnavailable
from clients.http import CallTerms, Priority, Upstream, call_terms
from clients.values import DataSource
from gateway.resilience.outcome import Crowded
from gateway.resilience.policy import BulkheadPolicy, DeadlinePolicy, Quota, UpstreamPolicy, default_policy
from tests.resilience.scripted import Scripted, answer, call, fail, guarded, outcome

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_hanging_upstream_costs_the_others_nothing() -> None:
    """With 500 calls parked on one upstream, 100 calls to another take exactly as long as alone."""
    hanging = guarded(default_policy(DataSource.DELIVERY), Scripted(always=answer(after_s=3600)))
    healthy = guarded(default_policy(DataSource.STOCK), Scripted(always=answer(after_s=0.02)))
    parked = [asyncio.create_task(outcome(hanging, call(source=DataSource.DELIVERY))) for _ in range(500)]
    await asyncio.sleep(0.01)
    took = []
    for _ in range(100):
        started = now()
        assert await outcome(healthy, call(source=DataSource.STOCK)) == 200
        took.append(now() - started)
    assert max(took) == pytest.approx(0.02, abs=0.0001)
    outcomes = await asyncio.gather(*parked)
    assert set(outcomes) == {"ReadTimeout", "Crowded"}
    assert outcomes.count("ReadTimeout") == BulkheadPolicy().running


async def test_the_client_sees_its_own_errors_and_terms() -> None:
    """Through `clients.http.Upstream`: deadline and priority arrive, and guards' errors come out as they are."""
    scripted = Scripted([fail(httpx.ReadError("reset"))])
    guard = guarded(UpstreamPolicy(DataSource.STOCK, bulkhead=BulkheadPolicy(running=1, waiting=0)), scripted)
    upstream = Upstream(DataSource.STOCK, "http://upstream.test", guard)
    decoder = msgspec.json.Decoder(dict)
    token = call_terms.set(CallTerms(deadline=now() + 0.2, priority=Priority.CHECKOUT))
    with pytest.raises(SourceUnavailable):
        await upstream.post("/v1/products/batch", {}, decoder, operation="stock.products")
    scripted.always = answer(after_s=0.1)
    first = asyncio.create_task(upstream.post("/v1/products/batch", {}, decoder, operation="stock.products"))
    await asyncio.sleep(0)
    with pytest.raises(Crowded) as caught:
        await upstream.post("/v1/products/batch", {}, decoder, operation="stock.products")
    assert await first == {}
    call_terms.reset(token)
    assert caught.value.extensions == {
        "code": SourceFailureCode.UNAVAILABLE.value,
        "source": "STOCK",
        "retryable": True,
        "retryAfterSeconds": 1,
    }
    assert scripted.priorities == [Priority.CHECKOUT, Priority.CHECKOUT]


async def test_nothing_is_held_after_calls_cut_at_any_moment() -> None:
    """2,000 calls of all kinds cancelled at random moments in every layer: no place, turn or probe stays taken."""
    dice = random.Random(5)
    scripted = Scripted(always=answer(after_s=0.05))
    policy = UpstreamPolicy(
        DataSource.PRICING,
        bulkhead=BulkheadPolicy(running=5, waiting=20),
        quota=Quota(calls=50, period_s=1.0),
        deadline=DeadlinePolicy(total_s=0.3),
    )
    guard = guarded(policy, scripted)
    acts = [answer(500), answer(after_s=9), answer(429, headers={"retry-after": "0.1"}), fail(httpx.ReadError("cut"))]
    for _ in range(100):
        scripted.acts = [dice.choice(acts) for _ in range(10)]
        calls = [asyncio.create_task(outcome(guard, call(priority=dice.choice(list(Priority))))) for _ in range(20)]
        await asyncio.sleep(dice.uniform(0, 0.4))
        for running in calls:
            running.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    scripted.acts = []
    await asyncio.sleep(30)
    shot = guard.snapshot()
    assert (shot.in_flight, shot.running, shot.waiting_for_place, shot.waiting_for_turn) == (0, 0, 0, 0)
    assert [await outcome(guard, call()) for _ in range(20)] == [200] * 20
    assert sum(guard.meter.asked.values()) == 2020
    await guard.aclose()
    assert scripted.is_closed
