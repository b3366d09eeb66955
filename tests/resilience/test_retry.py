"""Second tries: which calls, how many, when."""

import asyncio

import httpx
import pytest

from clients.errors import InvalidSourceResponse, SourceTimeout, SourceUnavailable
from clients.values import DataSource
from gateway.resilience.outcome import Crowded
from gateway.resilience.policy import BreakerPolicy, RetryPolicy, UpstreamPolicy
from gateway.resilience.retry import Budget, may_retry, retry_pause_s
from tests.resilience.scripted import Act, Scripted, answer, call, fail, guarded, outcome

PRICING = DataSource.PRICING
NEVER_OPENS = BreakerPolicy(min_calls=10**9, in_a_row=10**9)
POLICY = UpstreamPolicy(PRICING, breaker=NEVER_OPENS)


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(("tries", "bound_s"), [(1, 0.05), (2, 0.1), (3, 0.2), (4, 0.25), (50, 0.25)])
def test_the_pause_is_anywhere_below_a_doubling_bound(tries: int, bound_s: float) -> None:
    """Full jitter: the dice choose the whole range, and the bound stops at the cap."""
    policy = RetryPolicy(base_s=0.025, cap_s=0.25)
    assert retry_pause_s(tries, policy, 0.0) == 0.0
    assert retry_pause_s(tries, policy, 0.5) == pytest.approx(bound_s / 2)
    assert retry_pause_s(tries, policy, 0.999999) == pytest.approx(bound_s, rel=0.001)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (SourceUnavailable(PRICING), True),
        (httpx.ConnectError("refused"), True),
        (httpx.ConnectTimeout("slow"), True),
        (httpx.ReadError("reset"), True),
        (httpx.RemoteProtocolError("cut"), True),
        (httpx.ReadTimeout("slow"), False),
        (SourceTimeout(PRICING), False),
        (httpx.DecodingError("gzip"), False),
        (InvalidSourceResponse(PRICING), False),
        (Crowded(PRICING), False),
        (ValueError("a fault of ours"), False),
    ],
)
def test_only_passing_faults_are_worth_a_second_try(error: Exception, again: bool) -> None:
    """A call that had its time, or broke its contract, or that we refused ourselves, is not repeated."""
    assert may_retry(error) is again


def test_a_budget_never_pays_for_more_than_its_share() -> None:
    """Of 10,000 calls that all want a second try, exactly a tenth get one."""
    budget = Budget(share=0.1, savings=10)
    spent = 0
    for asked in range(1, 10_001):
        budget.earn()
        spent += budget.spend()
        assert spent <= asked * 0.1 + 1e-6
    assert spent == 1000


def test_savings_are_bounded() -> None:
    """A quiet day does not pay for a storm: at most ten extra calls are saved up."""
    budget = Budget(share=0.1, savings=10)
    for _ in range(10_000):
        budget.earn()
    assert sum(budget.spend() for _ in range(100)) == 10


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("act", "idempotent", "result", "sent"),
    [
        (fail(httpx.ConnectError("refused")), True, 200, 2),
        (fail(httpx.ConnectError("refused")), False, "ConnectError", 1),
        (answer(503), True, 200, 2),
        (answer(503), False, "SourceUnavailable", 1),
        (answer(500), True, 200, 2),
        (answer(404), True, 404, 1),
        (answer(429, headers={"retry-after": "0"}), True, 200, 2),
        (answer(headers={"content-type": "text/html"}), True, "InvalidSourceResponse", 1),
        (answer(302, headers={"location": "http://169.254.169.254/"}), True, "InvalidSourceResponse", 1),
        (answer(after_s=3600), True, "ReadTimeout", 1),
    ],
)
async def test_calls_are_repeated_only_when_harmless_and_useful(
    act: Act, idempotent: bool, result: int | str, sent: int
) -> None:
    """Each fault once and then health: the exact number of calls that the upstream sees."""
    upstream = Scripted([act])
    guard = guarded(POLICY, upstream)
    guard.retry_budget.left = 5.0
    assert await outcome(guard, call(idempotent=idempotent)) == result
    assert len(upstream.sent) == sent


@pytest.mark.looptime
async def test_a_wait_that_does_not_fit_the_deadline_is_not_begun() -> None:
    """503 with `Retry-After: 2` and 0.8 s of time: the error comes at once."""
    upstream = Scripted([answer(503, headers={"retry-after": "2"})])
    guard = guarded(POLICY, upstream)
    guard.retry_budget.left = 5.0
    assert await outcome(guard, call()) == "SourceUnavailable"
    assert (now(), len(upstream.sent)) == (0.0, 1)


@pytest.mark.looptime
async def test_a_wait_that_fits_is_kept() -> None:
    """429 with a wait of 0.3 s and 0.8 s of time: the second try comes after the wait and not before."""
    upstream = Scripted([answer(429, headers={"retry-after": "0.3"})])
    guard = guarded(POLICY, upstream)
    guard.retry_budget.left = 5.0
    assert await outcome(guard, call()) == 200
    assert upstream.sent == pytest.approx([0.0, 0.3], abs=0.01)


@pytest.mark.looptime
async def test_in_an_outage_sent_never_exceeds_asked_by_more_than_a_tenth() -> None:
    """3,000 calls at 100 % failure, breaker aside: at most 1.1 sent per asked, at any moment."""
    upstream = Scripted(always=answer(500))
    guard = guarded(POLICY, upstream)
    asked = 0
    for _ in range(300):
        batch = [asyncio.create_task(outcome(guard, call())) for _ in range(10)]
        asked += len(batch)
        await asyncio.gather(*batch)
        assert len(upstream.sent) <= 1.1 * asked
        await asyncio.sleep(0.01)
    assert asked == 3000
    assert 3200 <= len(upstream.sent) <= 3300
    assert sum(guard.meter.retry_refused.values()) == 3000 - sum(guard.meter.retried.values())
