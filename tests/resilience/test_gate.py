"""Places, lines, and who goes first."""

import asyncio

import pytest

from clients.errors import SourceFailureCode
from clients.http import Priority
from clients.values import DataSource
from gateway.resilience.bulkhead import BulkheadGuard, bulkhead_gate
from gateway.resilience.gate import Gate, Turn
from gateway.resilience.outcome import Crowded
from gateway.resilience.policy import BulkheadPolicy
from tests.resilience.scripted import Scripted, answer, call, outcome

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_no_more_than_the_limit_run_at_once() -> None:
    """Twenty calls through a bulkhead of five: five at a time, and all are answered."""
    upstream = Scripted(always=answer(after_s=0.01))
    guard = BulkheadGuard(upstream, bulkhead_gate(BulkheadPolicy(running=5, waiting=20), 50), 1.0, now)
    outcomes = await asyncio.gather(*(outcome(guard, call()) for _ in range(20)))
    assert outcomes == [200] * 20
    assert upstream.most_running == 5


async def test_no_more_run_than_the_pool_has_connections() -> None:
    """A pool smaller than the bulkhead narrows it, so nobody waits where it looks like the upstream's fault."""
    assert bulkhead_gate(BulkheadPolicy(running=50), 20).limit == 20
    assert bulkhead_gate(BulkheadPolicy(running=50), 80).limit == 50


async def test_who_waits_too_long_is_told_so_and_costs_no_place() -> None:
    """A hung upstream fills its own bulkhead; others wait 50 ms, and the places come back."""
    upstream = Scripted(always=answer(after_s=1.0))
    gate = bulkhead_gate(BulkheadPolicy(running=1), 50)
    guard = BulkheadGuard(upstream, gate, 0.05, now)
    first = asyncio.create_task(outcome(guard, call()))
    await asyncio.sleep(0)
    started = now()
    with pytest.raises(Crowded) as caught:
        await guard.handle_async_request(call())
    assert now() - started == pytest.approx(0.05)
    assert caught.value.code is SourceFailureCode.UNAVAILABLE
    assert await first == 200
    assert (gate.inside, len(gate.line)) == (0, 0)


async def test_the_more_important_overtake() -> None:
    """Those who wait are called by importance and then by arrival."""
    gate = Gate(limit=1, room=10, ranks=4)
    assert gate.try_enter()
    called: list[str] = []

    async def visit(name: str, rank: Priority) -> None:
        assert await gate.enter(rank, now() + 1) is Turn.CALLED
        called.append(name)
        gate.leave()

    visits = [
        asyncio.create_task(visit(name, rank))
        for name, rank in [
            ("refresh", Priority.REFRESH),
            ("page 1", Priority.PAGE),
            ("page 2", Priority.PAGE),
            ("checkout", Priority.CHECKOUT),
        ]
    ]
    await asyncio.sleep(0)
    gate.leave()
    await asyncio.gather(*visits)
    assert called == ["checkout", "page 1", "page 2", "refresh"]


async def test_a_full_line_gives_up_the_least_important() -> None:
    """A newcomer displaces the last of the least important, never one as important as itself."""
    gate = Gate(limit=0, room=2, ranks=4)
    refresh = asyncio.create_task(gate.enter(Priority.REFRESH, now() + 1))
    page = asyncio.create_task(gate.enter(Priority.PAGE, now() + 1))
    await asyncio.sleep(0)
    checkout = asyncio.create_task(gate.enter(Priority.CHECKOUT, now() + 1))
    assert await refresh is Turn.DISPLACED
    assert await gate.enter(Priority.PAGE, now() + 1) is Turn.NO_ROOM
    assert (await page, await checkout) == (Turn.LATE, Turn.LATE)


async def test_a_waiter_cancelled_at_the_moment_it_is_called_gives_its_place_on() -> None:
    """Being called and being cancelled in one turn of the loop loses no place."""
    gate = Gate(limit=1, room=10, ranks=4)
    assert gate.try_enter()
    unlucky = asyncio.create_task(gate.enter(Priority.PAGE, now() + 1))
    lucky = asyncio.create_task(gate.enter(Priority.PAGE, now() + 1))
    await asyncio.sleep(0)
    gate.leave()
    unlucky.cancel()
    await asyncio.gather(unlucky, return_exceptions=True)
    assert unlucky.cancelled()
    assert await lucky is Turn.CALLED
    gate.leave()
    assert gate.inside == 0


async def test_places_survive_cancellation_at_any_moment() -> None:
    """After 1,000 calls cancelled at spread moments nothing is held and nobody is in line."""
    upstream = Scripted(always=answer(after_s=0.02))
    gate = bulkhead_gate(BulkheadPolicy(running=7, waiting=500), 50)
    guard = BulkheadGuard(upstream, gate, 1.0, now)
    for batch in range(20):
        calls = [asyncio.create_task(outcome(guard, call())) for _ in range(50)]
        await asyncio.sleep(0.003 * batch)
        for running in calls:
            running.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    assert (gate.inside, len(gate.line), upstream.running) == (0, 0, 0)
    assert await outcome(guard, call(source=DataSource.STOCK)) == 200


async def test_a_raised_limit_is_used_at_once() -> None:
    """Those who wait come in when the limit is raised; a lowered one lets the inside run empty."""
    gate = Gate(limit=1, room=10, ranks=4)
    assert gate.try_enter()
    waiters = [asyncio.create_task(gate.enter(Priority.PAGE, now() + 1)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.resize(4)
    assert await asyncio.gather(*waiters) == [Turn.CALLED] * 3
    gate.resize(1)
    assert (gate.inside, gate.try_enter()) == (4, False)
