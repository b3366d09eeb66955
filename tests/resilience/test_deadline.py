"""What a call gets of a page's time."""

import asyncio

import httpx
import pytest

from clients.errors import SourceTimeout
from clients.values import DataSource
from gateway.resilience.deadline import DeadlineGuard, call_deadline
from gateway.resilience.policy import DeadlinePolicy, UpstreamPolicy
from tests.resilience.scripted import Scripted, answer, call, guarded, outcome

POLICY = DeadlinePolicy(total_s=1.0, reserve_s=0.1)


@pytest.mark.parametrize(
    ("page_deadline", "expected"),
    [
        (None, 101.0),
        (110.0, 101.0),
        (100.8, 100.7),
        (100.2, 100.15),
        (100.0, 100.0),
    ],
)
def test_a_call_gets_its_own_limit_or_what_the_page_can_spare(page_deadline: float | None, expected: float) -> None:
    """The own limit, or the page's rest less 100 ms, of a short rest at least three quarters."""
    assert call_deadline(100.0, page_deadline, POLICY) == pytest.approx(expected)


@pytest.mark.looptime
async def test_a_page_without_time_sends_nothing() -> None:
    """A deadline that has passed is a timeout, and the upstream is not asked."""
    now = asyncio.get_running_loop().time()
    upstream = Scripted()
    with pytest.raises(SourceTimeout):
        await DeadlineGuard(upstream, POLICY, asyncio.get_running_loop().time).handle_async_request(call(deadline=now))
    assert upstream.sent == []


@pytest.mark.looptime
@pytest.mark.parametrize(("page_s", "waited_s"), [(None, 0.5), (10.0, 0.5), (0.3, 0.225)])
async def test_a_hanging_upstream_is_cut_at_the_deadline(page_s: float | None, waited_s: float) -> None:
    """Whoever hangs costs the page what was agreed and not a moment more."""
    loop = asyncio.get_running_loop()
    upstream = guarded(
        UpstreamPolicy(DataSource.STOCK, deadline=DeadlinePolicy(total_s=0.5)), Scripted(always=answer(after_s=3600))
    )
    started = loop.time()
    request = call(deadline=None if page_s is None else started + page_s)
    with pytest.raises(httpx.ReadTimeout):
        await upstream.handle_async_request(request)
    assert loop.time() - started == pytest.approx(waited_s)


@pytest.mark.looptime
async def test_waiting_for_a_place_is_part_of_the_deadline() -> None:
    """No guard makes a call wait beyond the deadline, however long its own patience is."""
    loop = asyncio.get_running_loop()
    policy = UpstreamPolicy(DataSource.STOCK, deadline=DeadlinePolicy(total_s=0.03))
    upstream = guarded(policy, Scripted(always=answer(after_s=3600)))
    upstream.gate.resize(0)
    started = loop.time()
    assert await outcome(upstream, call()) == "Crowded"
    assert loop.time() - started == pytest.approx(0.03)
