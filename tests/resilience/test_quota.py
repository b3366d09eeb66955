"""A published limit is kept, and the important go first."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.errors import SourceThrottled
from clients.http import Priority
from clients.values import DataSource
from gateway.resilience.pacing import Turnstile, expected_wait_s
from gateway.resilience.policy import DeadlinePolicy, Quota, RetryPolicy, UpstreamPolicy
from gateway.resilience.quota import LocalQuotaStore, calls_open_to, share_of
from tests.resilience.scripted import EPOCH, Scripted, answer, call, guarded, outcome

FIVE_A_SECOND = Quota(calls=5, period_s=1.0)


def now() -> float:
    return asyncio.get_running_loop().time()


def most_in_any(sent: list[float], period_s: float) -> int:
    """The largest number of calls in any half-open stretch of this length."""
    return max((sum(1 for later in sent if start <= later < start + period_s) for start in sent), default=0)


@pytest.mark.parametrize(
    ("quota", "processes", "expected"),
    [
        (Quota(100), 4, Quota(25)),
        (Quota(5), 2, Quota(2)),
        (Quota(1), 4, Quota(1, period_s=4.0)),
        (Quota(2, period_s=3.0), 8, Quota(1, period_s=12.0)),
    ],
)
def test_shares_never_add_up_to_more_than_the_whole(quota: Quota, processes: int, expected: Quota) -> None:
    """A share is a whole number of calls, or one call in several periods."""
    share = share_of(quota, processes)
    assert share == expected
    assert processes * share.calls / share.period_s <= quota.calls / quota.period_s + 1e-9


@pytest.mark.parametrize(("calls", "left"), [(5, 4), (10, 8), (100, 80), (1, 1)])
def test_refreshes_leave_a_reserve(calls: int, left: int) -> None:
    """A fifth of the quota is kept for those who wait, but a refresh is never shut out for good."""
    assert calls_open_to(Quota(calls), Priority.REFRESH) == left
    assert calls_open_to(Quota(calls), Priority.RECOMMENDATION) == calls


@given(st.lists(st.floats(0, 0.5), max_size=60), st.integers(1, 7))
def test_no_stretch_of_time_ever_holds_one_too_many(steps: list[float], calls: int) -> None:
    """However calls come, a local store grants at most the quota in any period."""
    clock = [0.0]
    store = LocalQuotaStore(lambda: clock[0])
    quota = Quota(calls, period_s=1.0)
    granted = []
    for step in steps:
        clock[0] += step
        taking = store.take("key", quota, Priority.PAGE)
        try:
            taking.send(None)
        except StopIteration as done:
            if done.value == 0.0:
                granted.append(clock[0])
    assert most_in_any(granted, 1.0) <= calls


@pytest.mark.looptime
async def test_calls_wait_for_their_turn_instead_of_being_refused() -> None:
    """23 calls at five a second: all are answered, in five rounds, and no second holds a sixth."""
    upstream = Scripted()
    policy = UpstreamPolicy(DataSource.DELIVERY, quota=FIVE_A_SECOND, deadline=DeadlinePolicy(total_s=10))
    guard = guarded(policy, upstream)
    outcomes = await asyncio.gather(*(outcome(guard, call()) for _ in range(23)))
    await guard.aclose()
    assert outcomes == [200] * 23
    assert most_in_any(upstream.sent, 1.0) == 5
    assert upstream.sent[-1] == pytest.approx(4 * 1.05, abs=0.01)


@pytest.mark.looptime
async def test_a_turn_after_the_deadline_is_refused_at_once() -> None:
    """With 0.8 s of time the sixth call is told at once when to come again, and is not sent."""
    upstream = Scripted()
    policy = UpstreamPolicy(DataSource.PRICING, quota=FIVE_A_SECOND, retry=RetryPolicy(attempts=1))
    guard = guarded(policy, upstream)
    await asyncio.gather(*(outcome(guard, call(deadline=now() + 1)) for _ in range(5)))
    with pytest.raises(SourceThrottled) as caught:
        await guard.handle_async_request(call(deadline=now() + 1))
    assert caught.value.retry_after_s == pytest.approx(1.05)
    assert (now(), len(upstream.sent)) == (0.0, 5)
    assert guard.snapshot().next_turn_in_s == pytest.approx(1.05)
    await guard.aclose()


@pytest.mark.looptime
async def test_interactive_calls_overtake_refreshes() -> None:
    """Forty refreshes wait; a page and a checkout that come later are served in the next round."""
    upstream = Scripted()
    policy = UpstreamPolicy(DataSource.DELIVERY, quota=FIVE_A_SECOND, deadline=DeadlinePolicy(total_s=30))
    guard = guarded(policy, upstream)
    refreshes = [asyncio.create_task(outcome(guard, call(priority=Priority.REFRESH))) for _ in range(40)]
    await asyncio.sleep(0.5)
    asked_at = now()
    took: dict[Priority, float] = {}

    async def ask(priority: Priority) -> None:
        assert await outcome(guard, call(priority=priority)) == 200
        took[priority] = now() - asked_at

    await asyncio.gather(ask(Priority.PAGE), ask(Priority.CHECKOUT))
    assert max(took.values()) <= 0.6
    assert await asyncio.gather(*refreshes) == [200] * 40
    assert most_in_any(upstream.sent, 1.0) <= 5
    await guard.aclose()


@pytest.mark.looptime
async def test_the_reserve_is_free_for_a_page_while_refreshes_wait() -> None:
    """Refreshes take four of five; a page gets the fifth without waiting."""
    upstream = Scripted()
    policy = UpstreamPolicy(DataSource.DELIVERY, quota=FIVE_A_SECOND, deadline=DeadlinePolicy(total_s=30))
    guard = guarded(policy, upstream)
    refreshes = [asyncio.create_task(outcome(guard, call(priority=Priority.REFRESH))) for _ in range(8)]
    await asyncio.sleep(0.1)
    assert len(upstream.sent) == 4
    assert await outcome(guard, call()) == 200
    assert now() == pytest.approx(0.1)
    await asyncio.gather(*refreshes)
    await guard.aclose()


@pytest.mark.looptime
async def test_what_a_vendor_says_about_its_limits_is_believed() -> None:
    """After a 429 with a wait, and after an answer that reports nothing remaining, nobody calls before the time."""
    upstream = Scripted(
        [
            answer(429, headers={"retry-after": "2"}),
            answer(headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(EPOCH) + 3)}),
        ]
    )
    policy = UpstreamPolicy(DataSource.DELIVERY, deadline=DeadlinePolicy(total_s=10), retry=RetryPolicy(attempts=1))
    guard = guarded(policy, upstream)
    assert await outcome(guard, call()) == "SourceThrottled"
    assert await outcome(guard, call()) == 200
    assert await outcome(guard, call()) == 200
    assert upstream.sent == pytest.approx([0.0, 2.0, 5.0], abs=0.01)
    await guard.aclose()


@pytest.mark.looptime
async def test_a_waiter_that_goes_away_takes_no_turn() -> None:
    """Cancelled waiters leave the line; the turns go to those who stayed."""
    turnstile = Turnstile(LocalQuotaStore(now), "key", FIVE_A_SECOND, now)
    for _ in range(5):
        assert await turnstile.pass_through(Priority.PAGE, now() + 10) == 0.0
    leavers = [asyncio.create_task(turnstile.pass_through(Priority.PAGE, now() + 10)) for _ in range(20)]
    await asyncio.sleep(0.01)
    for leaver in leavers:
        leaver.cancel()
    await asyncio.gather(*leavers, return_exceptions=True)
    assert len(turnstile.line) == 0
    stayed_from = now()
    assert await turnstile.pass_through(Priority.PAGE, now() + 10) == 0.0
    assert now() - stayed_from <= 1.05
    await turnstile.aclose()


@pytest.mark.parametrize(
    ("first_wait_s", "ahead", "expected_s"), [(0.5, 0, 0.5), (0.5, 4, 0.5), (0.5, 5, 1.5), (-3.0, 12, 2.0)]
)
def test_a_newcomer_can_tell_its_wait(first_wait_s: float, ahead: int, expected_s: float) -> None:
    """A full quota ahead is one period more."""
    assert expected_wait_s(first_wait_s, ahead, FIVE_A_SECOND) == expected_s


@pytest.mark.looptime
async def test_who_watches_sees_what_is_left() -> None:
    """Each grant takes its part, a period later it is back; while the vendor says stop nothing is left."""
    turnstile = Turnstile(LocalQuotaStore(now), "key", Quota(4, period_s=10.0, margin_s=0.0), now)
    seen = []
    for pause_s in (0.0, 0.0, 1.0, 9.5):
        await asyncio.sleep(pause_s)
        assert await turnstile.pass_through(Priority.PAGE, now()) == 0.0
        await turnstile.look()
        seen.append(turnstile.quota_left)
    assert seen == [0.75, 0.5, 0.25, 0.5]
    await turnstile.pause(5.0)
    await turnstile.look()
    assert turnstile.quota_left == 0.0
    free = Turnstile(LocalQuotaStore(now), "key", None, now)
    await free.look()
    assert free.quota_left is None


async def test_what_is_left_is_of_the_share() -> None:
    """One of two processes that do not count together sees its own half used up."""
    store, quota = LocalQuotaStore(lambda: 0.0, processes=2), Quota(4)
    assert await store.count_used("key", quota) == 0.0
    assert [await store.take("key", quota, Priority.PAGE) for _ in range(2)] == [0.0, 0.0]
    assert await store.count_used("key", quota) == 1.0
