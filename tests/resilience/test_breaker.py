"""When a breaker opens, what gets through, and how it closes."""

import asyncio
import itertools

import pytest

from clients.errors import CircuitOpen
from clients.values import DataSource
from gateway.resilience.breaker import Breaker, BreakerState, Permit, Verdict, Window, must_open, open_for_s
from gateway.resilience.breaking import decide_verdict
from gateway.resilience.health import Health
from gateway.resilience.outcome import Outcome
from gateway.resilience.policy import BreakerPolicy, DeadlinePolicy, RetryPolicy, UpstreamPolicy
from tests.resilience.scripted import Scripted, answer, call, guarded, outcome

POLICY = BreakerPolicy()
NO_RETRY = RetryPolicy(attempts=1)


def now() -> float:
    return asyncio.get_running_loop().time()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def made(clock: Clock) -> Breaker:
    return Breaker(POLICY, clock, lambda: 0.5)


def use(breaker: Breaker, verdict: Verdict) -> bool:
    permit = breaker.admit()
    if isinstance(permit, Permit):
        breaker.judge(permit, verdict)
        return True
    return False


def opened(clock: Clock) -> Breaker:
    breaker = made(clock)
    for _ in range(POLICY.in_a_row):
        use(breaker, Verdict.BAD)
    assert breaker.state is BreakerState.OPEN
    return breaker


def test_the_window_forgets_by_and_by() -> None:
    """Counts leave with their bucket, a second at a time, and all of them after ten seconds."""
    window = Window(10.0, 10)
    for second in range(10):
        window.add(100.0 + second, Verdict.BAD)
    assert (window.calls, window.bad) == (10, 10)
    window.age(112.5)
    assert (window.calls, window.bad) == (7, 7)
    window.age(500.0)
    assert (window.calls, window.bad) == (0, 0)


@pytest.mark.parametrize(
    ("good", "slow", "bad", "in_a_row", "opens"),
    [
        (10, 0, 9, 0, False),
        (10, 0, 10, 0, True),
        (11, 0, 10, 0, False),
        (4, 16, 0, 0, True),
        (5, 15, 0, 0, False),
        (4, 10, 6, 0, True),
        (0, 0, 9, 9, False),
        (0, 0, 10, 10, True),
        (0, 0, 0, 0, False),
    ],
)
def test_half_failed_or_most_slow_or_ten_in_a_row_opens(
    good: int, slow: int, bad: int, in_a_row: int, opens: bool
) -> None:
    """The rule at its borders, with at least twenty calls for the shares."""
    window = Window(10.0, 10)
    for verdict, count in ((Verdict.GOOD, good), (Verdict.SLOW, slow), (Verdict.BAD, bad)):
        for _ in range(count):
            window.add(0.0, verdict)
    assert must_open(window, in_a_row, POLICY) is opens


def test_an_upstream_that_fails_every_second_time_is_noticed() -> None:
    """Alternating success and failure never makes a run of failures, and still opens."""
    breaker = made(Clock())
    verdicts = itertools.cycle([Verdict.GOOD, Verdict.BAD])
    admitted = sum(use(breaker, next(verdicts)) for _ in range(100))
    assert admitted == 20
    assert breaker.state is BreakerState.OPEN


@pytest.mark.parametrize(
    ("times", "dice", "expected_s"), [(1, 0.5, 4.0), (2, 0.5, 7.5), (9, 0.5, 7.5), (1, 0.0, 3.2), (9, 0.9999, 9.0)]
)
def test_open_periods_double_up_to_a_cap(times: int, dice: float, expected_s: float) -> None:
    """Never more than nine seconds with the worst dice, so that recovery is noticed within ten."""
    assert open_for_s(times, POLICY, dice) == pytest.approx(expected_s, abs=0.001)


def test_an_open_breaker_lets_one_probe_at_a_time_through() -> None:
    """Of 100 concurrent calls after the open period one goes out; three good ones in a row close it."""
    clock = Clock()
    breaker = opened(clock)
    assert breaker.admit() == pytest.approx(4.0)
    clock.now += 4.0
    for _ in range(POLICY.successes):
        permits = [breaker.admit() for _ in range(100)]
        probes = [permit for permit in permits if isinstance(permit, Permit)]
        assert len(probes) == 1
        breaker.judge(probes[0], Verdict.GOOD)
    assert breaker.state is BreakerState.CLOSED


def test_a_bad_probe_opens_again_and_for_longer() -> None:
    """One bad probe is enough, whatever the ones before it were."""
    clock = Clock()
    breaker = opened(clock)
    clock.now += 4.0
    assert use(breaker, Verdict.GOOD)
    assert use(breaker, Verdict.BAD)
    assert breaker.admit() == pytest.approx(7.5)


def test_a_probe_that_told_nothing_is_not_lost() -> None:
    """A cancelled probe gives the next call its turn."""
    clock = Clock()
    breaker = opened(clock)
    clock.now += 4.0
    assert use(breaker, Verdict.NOTHING)
    assert use(breaker, Verdict.GOOD)


def test_calls_from_before_the_opening_are_not_judged() -> None:
    """Fifty stragglers of the outage neither close the breaker nor count as probes."""
    clock = Clock()
    breaker = made(clock)
    stragglers = [breaker.admit() for _ in range(50)]
    for _ in range(POLICY.in_a_row):
        use(breaker, Verdict.BAD)
    clock.now += 4.0
    for permit in stragglers:
        assert isinstance(permit, Permit)
        breaker.judge(permit, Verdict.GOOD)
    assert breaker.state is BreakerState.PROBING


def test_an_operator_may_hold_a_breaker() -> None:
    """Held open nothing goes out, held closed everything does, and None lets it decide afresh."""
    breaker = made(Clock())
    breaker.hold(BreakerState.HELD_OPEN)
    assert not use(breaker, Verdict.GOOD)
    breaker.hold(BreakerState.HELD_CLOSED)
    assert all(use(breaker, Verdict.BAD) for _ in range(1000))
    breaker.hold(None)
    assert sum(use(breaker, Verdict.BAD) for _ in range(1000)) == POLICY.in_a_row
    with pytest.raises(ValueError, match="Expected HELD_OPEN, HELD_CLOSED or None, got"):
        breaker.hold(BreakerState.OPEN)


@pytest.mark.parametrize(
    ("how", "sent_for_s", "allowed_s", "verdict"),
    [
        (Outcome.ANSWERED, 0.1, 1.0, Verdict.GOOD),
        (Outcome.ANSWERED, 0.9, 1.0, Verdict.SLOW),
        (Outcome.UNAVAILABLE, 0.0, 1.0, Verdict.BAD),
        (Outcome.INVALID, 0.0, 1.0, Verdict.BAD),
        (Outcome.TIMEOUT, 1.0, 1.0, Verdict.BAD),
        (Outcome.TIMEOUT, 0.02, 0.02, Verdict.NOTHING),
        (Outcome.TIMEOUT, None, 1.0, Verdict.NOTHING),
        (Outcome.THROTTLED, 0.1, 1.0, Verdict.NOTHING),
        (Outcome.CANCELLED, 0.1, 1.0, Verdict.NOTHING),
        (Outcome.CROWDED, None, 1.0, Verdict.NOTHING),
    ],
)
def test_only_what_the_upstream_did_counts_against_it(
    how: Outcome, sent_for_s: float | None, allowed_s: float, verdict: Verdict
) -> None:
    """Throttling, our own limits, hang-ups and a page's last 20 ms are not the upstream's fault."""
    assert decide_verdict(how, sent_for_s, allowed_s, POLICY, usual_s=1.0) is verdict


@pytest.mark.looptime
@pytest.mark.parametrize("dead", [answer(500), answer(after_s=3600)], ids=["500", "hang"])
async def test_a_dead_upstream_is_left_alone_and_taken_back(dead: object) -> None:
    """100 calls a second: at most 10 a second after five seconds of death, all of them ten seconds after recovery."""
    upstream = Scripted(always=answer(after_s=0.01))
    guard = guarded(UpstreamPolicy(DataSource.STOCK, deadline=DeadlinePolicy(total_s=0.5), retry=NO_RETRY), upstream)
    calls: list[asyncio.Task[int | str]] = []

    async def load(seconds: float) -> list[float]:
        seen = len(upstream.sent)
        for _ in range(round(seconds * 100)):
            calls.append(asyncio.create_task(outcome(guard, call())))
            await asyncio.sleep(0.01)
        return upstream.sent[seen:]

    assert len(await load(5)) == 500
    upstream.always = dead  # type: ignore[assignment]
    first_five_s = await load(5)
    later = await load(30)
    assert guard.health().health is Health.DOWN
    upstream.always = answer(after_s=0.01)
    await load(10)
    recovered = await load(5)
    await asyncio.gather(*calls)

    assert len(first_five_s) <= 150
    assert len(later) <= 0.1 * 3000
    assert len(recovered) == 500
    assert guard.breakers.states() == {"pricing.prices": BreakerState.CLOSED}


@pytest.mark.looptime
async def test_a_broken_operation_leaves_the_others_alone() -> None:
    """Breakers are per operation: prices fail, products of the same vendor are asked on."""
    upstream = Scripted(always=answer(500))
    guard = guarded(UpstreamPolicy(DataSource.PRICING, retry=NO_RETRY), upstream)
    for _ in range(20):
        await outcome(guard, call(operation="pricing.prices"))
    upstream.always = answer()
    with pytest.raises(CircuitOpen) as caught:
        await guard.handle_async_request(call(operation="pricing.prices"))
    assert caught.value.retry_after_s == pytest.approx(4.0)
    for _ in range(5):
        assert await outcome(guard, call(operation="pricing.products")) == 200
    assert guard.health().health is Health.DEGRADED


@pytest.mark.looptime
async def test_throttling_is_no_outage() -> None:
    """A vendor that throttles a hundred calls has its breaker closed."""
    upstream = Scripted(always=answer(429, headers={"retry-after": "0"}))
    guard = guarded(UpstreamPolicy(DataSource.PRICING, retry=NO_RETRY), upstream)
    for _ in range(100):
        assert await outcome(guard, call()) == "SourceThrottled"
    assert guard.breakers.states() == {"pricing.prices": BreakerState.CLOSED}


@pytest.mark.looptime
async def test_an_open_breaker_answers_at_once() -> None:
    """No waiting, no call, no place taken."""
    upstream = Scripted()
    guard = guarded(UpstreamPolicy(DataSource.PRICING), upstream)
    guard.hold("pricing.prices", BreakerState.HELD_OPEN)
    assert await outcome(guard, call()) == "CircuitOpen"
    assert (now(), upstream.sent) == (0.0, [])
