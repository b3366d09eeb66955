"""The cached source on virtual time: who is served what, and what the upstream gets to see."""

import asyncio
from typing import Any

import pytest

from clients.errors import InvalidSourceResponse, SourceTimeout, SourceUnavailable
from clients.http import CallTerms, Priority, call_terms
from clients.scope import ForCustomer
from clients.values import Dataset
from gateway.cache.freshness import MissReason
from gateway.cache.policy import Policy
from gateway.cache.source import CachedSource
from tests.cache.scripted import DOWN, Asker, Upstream, ask, cached, levels_at, wall_clock

pytestmark = pytest.mark.looptime

KEYS = [f"SKU-{number}" for number in range(24)]


def now() -> float:
    """The loop's virtual time."""
    return asyncio.get_running_loop().time()


# -- fresh ------------------------------------------------------------------------------------


async def test_what_is_fresh_is_a_plain_list() -> None:
    """The second call neither waits nor asks, and gives the very same objects."""
    upstream = Upstream()
    source = cached(upstream)
    first = await ask(source, *KEYS)
    second = source.load_many(KEYS, Asker())
    assert isinstance(second, list)
    assert all(a is b for a, b in zip(first, second, strict=True))
    assert len(upstream.calls) == 1


async def test_outcomes_come_in_the_order_of_the_keys() -> None:
    """Kept, missing, absent and doubled keys mixed: one outcome each, in place."""
    upstream = Upstream(absent={"none"})
    source = cached(upstream)
    await ask(source, "b", "c")
    assert await ask(source, "a", "b", "none", "a", "c") == [
        (None, "a", 1),
        (None, "b", 1),
        None,
        (None, "a", 1),
        (None, "c", 1),
    ]
    assert upstream.calls[1] == (None, ["a", "none"])


async def test_no_keys_no_call() -> None:
    """An empty list is answered with an empty list."""
    upstream = Upstream()
    source = cached(upstream)
    assert source.load_many([], Asker()) == []
    await ask(source, "a")
    assert source.load_many([], Asker()) == []
    assert len(upstream.calls) == 1


async def test_absence_is_kept_for_its_own_time() -> None:
    """Of absence: it is believed for `negative_s`, counted as such, and asked again after it."""
    upstream = Upstream(absent={"none"})
    levels = levels_at()
    source = cached(upstream, levels=levels)
    assert await ask(source, "none") == [None]
    await asyncio.sleep(4.9)
    assert source.load_many(["none"], Asker()) == [None]
    assert levels.metrics.of(Dataset.PRICE).negative == 1
    upstream.absent.clear()
    await asyncio.sleep(0.2)
    assert await ask(source, "none") == [(None, "none", 1)]


# -- stale ------------------------------------------------------------------------------------


async def test_a_stale_value_is_served_at_once_and_refreshed_once() -> None:
    """Past `fresh_s` a hundred readers get the old value without waiting, and one call leaves at refresh priority."""
    upstream = Upstream()
    source = cached(upstream)
    await ask(source, "a")
    upstream.version = 2
    await asyncio.sleep(15)
    for _ in range(100):
        assert source.load_many(["a"], Asker()) == [(None, "a", 1)]
    await asyncio.sleep(0.2)
    assert source.load_many(["a"], Asker()) == [(None, "a", 2)]
    assert len(upstream.calls) == 2
    assert upstream.terms[1].priority is Priority.REFRESH


async def test_past_the_refresh_window_one_waits_for_the_source() -> None:
    """Older than fresh + stale-while-revalidate is served only when the source fails."""
    upstream = Upstream()
    source = cached(upstream)
    await ask(source, "a")
    upstream.version = 2
    await asyncio.sleep(31)
    assert await ask(source, "a") == [(None, "a", 2)]


async def test_the_last_good_value_outlives_its_source_for_the_agreed_time() -> None:
    """Upstream down: stale up to the end of `stale_if_error_s`, then the typed error; never older."""
    upstream = Upstream()
    source = cached(upstream)
    await ask(source, "a")
    upstream.error = DOWN
    await asyncio.sleep(60)
    assert await ask(source, "a") == [(None, "a", 1)]
    await asyncio.sleep(29)
    assert await ask(source, "a") == [(None, "a", 1)]
    await asyncio.sleep(2)
    assert await ask(source, "a") == [DOWN]


async def test_a_failing_source_is_asked_once_a_second_per_key() -> None:
    """While stale values are served, sixty seconds of constant traffic cost about sixty calls."""
    upstream = Upstream(takes_s=0.05)
    source = cached(upstream)
    await ask(source, "a")
    upstream.error = DOWN
    await asyncio.sleep(20)
    calls_before = len(upstream.calls)
    for _ in range(600):
        assert await ask(source, "a") == [(None, "a", 1)]
        await asyncio.sleep(0.1)
    assert 40 <= len(upstream.calls) - calls_before <= 60


async def test_a_source_that_is_back_is_fresh_within_one_fresh_time() -> None:
    """After an outage the new value is seen within `fresh_s` of steady traffic."""
    upstream = Upstream()
    source = cached(upstream)
    await ask(source, "a")
    upstream.error = DOWN
    await asyncio.sleep(40)
    assert await ask(source, "a") == [(None, "a", 1)]
    upstream.error, upstream.version = None, 2
    back_at = now()
    for _ in range(10_000):
        if await ask(source, "a") == [(None, "a", 2)]:
            break
        await asyncio.sleep(0.1)
    assert now() - back_at <= 10


async def test_one_key_may_fail_alone() -> None:
    """A batch with one broken key gives the others' values and that key's error; errors are not kept."""
    upstream = Upstream(broken={"b": DOWN})
    source = cached(upstream)
    assert await ask(source, "a", "b") == [(None, "a", 1), DOWN]
    upstream.broken.clear()
    assert await ask(source, "b") == [(None, "b", 1)]


async def test_a_bug_in_an_adapter_is_a_typed_error_and_a_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is not a SourceError becomes InvalidSourceResponse with the detail in the log only."""
    source = cached(Upstream(error=KeyError("secret")))
    [outcome] = await ask(source, "a")
    assert isinstance(outcome, InvalidSourceResponse)
    assert "secret" not in str(outcome)
    assert "secret" in caplog.text


# -- one flight per key, one call per turn ----------------------------------------------------


async def test_two_hundred_callers_of_one_cold_set_make_one_call() -> None:
    """The upstream sees each key once, in one call."""
    upstream = Upstream()
    source = cached(upstream)
    answers = await asyncio.gather(*(ask(source, *KEYS) for _ in range(200)))
    assert all(answer == [(None, key, 1) for key in KEYS] for answer in answers)
    assert upstream.calls == [(None, KEYS)]


async def test_missing_keys_of_different_requests_leave_together() -> None:
    """Three requests of one turn, with overlapping keys and equal scope: one call with each key once."""
    upstream = Upstream()
    source = cached(upstream)
    await asyncio.gather(ask(source, "a", "b"), ask(source, "b", "c"), ask(source, "d"))
    assert upstream.calls == [(None, ["a", "b", "c", "d"])]


async def test_a_call_is_never_larger_than_the_source_takes() -> None:
    """More keys than `max_batch` leave as several calls at once."""
    upstream = Upstream()
    source = cached(upstream, Policy(fresh_s=10, scope=ForCustomer, max_batch=10))
    started = now()
    assert len(await ask(source, *KEYS)) == 24
    assert [len(keys) for _, keys in upstream.calls] == [10, 10, 4]
    assert now() - started < 0.15


async def test_sixty_four_customers_at_once_never_mix() -> None:
    """Equal keys of different customers in one turn: a call each, and to each their own."""
    upstream = Upstream()
    source = cached(upstream)
    askers = [Asker(f"c{number}") for number in range(64)]
    for _ in range(2):
        answers = await asyncio.gather(*(ask(source, *KEYS, by=asker) for asker in askers))
        for asker, answer in zip(askers, answers, strict=True):
            assert answer == [(asker.customer_id, key, 1) for key in KEYS]
    assert sorted(upstream.calls) == sorted((asker.customer_id, KEYS) for asker in askers)


async def test_localities_are_told_apart() -> None:
    """The same anonymous visitor elsewhere is another scope, and is counted as a miss by scope."""
    upstream, levels = Upstream(), levels_at()
    source = cached(upstream, levels=levels)
    await ask(source, "a", by=Asker(locality_id="msk"))
    await ask(source, "a", by=Asker(locality_id="spb"))
    assert len(upstream.calls) == 2
    assert levels.metrics.of(Dataset.PRICE).missed[MissReason.SCOPE] == 1


async def test_keys_wait_for_company_under_load() -> None:
    """With many calls under way, requests a few milliseconds apart share a call; alone they would not."""
    upstream = Upstream(takes_s=10)
    source = cached(upstream, Policy(fresh_s=10, scope=ForCustomer, load_timeout_s=20))
    busy = [asyncio.ensure_future(ask(source, "x", by=Asker(f"c{number}"))) for number in range(40)]
    await asyncio.sleep(0.1)
    late = []
    for number in range(4):
        late.append(asyncio.ensure_future(ask(source, f"k{number}")))
        await asyncio.sleep(0.001)
    await asyncio.gather(*busy, *late)
    assert upstream.calls[40:] == [(None, ["k0", "k1", "k2", "k3"])]


# -- nobody harms anybody ---------------------------------------------------------------------


async def test_a_cancelled_leader_fails_no_follower() -> None:
    """The first of a hundred callers goes away: the others get the value of the same one call."""
    upstream = Upstream()
    source = cached(upstream)
    callers = [asyncio.ensure_future(ask(source, "a")) for _ in range(100)]
    await asyncio.sleep(0.05)
    callers[0].cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert outcomes[1:] == [[(None, "a", 1)]] * 99
    assert len(upstream.calls) == 1


async def test_a_load_that_nobody_waits_for_any_more_is_kept() -> None:
    """All callers go away; the answer is there for the next one."""
    upstream = Upstream()
    source = cached(upstream)
    caller = asyncio.ensure_future(ask(source, "a"))
    await asyncio.sleep(0.05)
    caller.cancel()
    await asyncio.sleep(0.1)
    assert source.load_many(["a"], Asker()) == [(None, "a", 1)]


async def test_a_failed_load_gives_all_callers_one_error() -> None:
    """A hundred callers of a failing key: one call, a hundred times the same error, no cancellation."""
    upstream = Upstream(error=DOWN)
    source = cached(upstream)
    outcomes = await asyncio.gather(*(ask(source, "a") for _ in range(100)))
    assert outcomes == [[DOWN]] * 100
    assert len(upstream.calls) == 1


async def test_each_waits_for_its_own_deadline() -> None:
    """The hasty caller gets a timeout in time for a next step, the patient one the value of the same load."""
    upstream = Upstream(takes_s=1.0)
    source = cached(upstream)

    async def hasty() -> tuple[Any, float]:
        call_terms.set(CallTerms(deadline=now() + 0.2))
        return (await ask(source, "a"))[0], now()

    started = now()
    (late, at), patient = await asyncio.gather(asyncio.create_task(hasty()), ask(source, "a"))
    assert isinstance(late, SourceTimeout)
    assert at - started == pytest.approx(0.15)
    assert patient == [(None, "a", 1)]
    assert len(upstream.calls) == 1


async def test_a_page_keeps_time_for_the_steps_that_follow() -> None:
    """Three waits in a row on what hangs: each gets three quarters of what is left, and none gets nothing."""
    source = cached(Upstream(takes_s=1.0))
    started = now()
    call_terms.set(CallTerms(deadline=started + 0.4))
    waits = [((await ask(source, key))[0], now() - started) for key in "abc"]
    assert all(isinstance(late, SourceTimeout) for late, _ in waits)
    assert [at for _, at in waits] == pytest.approx([0.3, 0.375, 0.39375])


async def test_what_is_late_falls_back_to_the_last_good_value() -> None:
    """At the deadline an old value that is allowed on failure is served instead of an error."""
    upstream = Upstream()
    source = cached(upstream)
    await ask(source, "a")
    await asyncio.sleep(40)
    upstream.takes_s = 1.0
    call_terms.set(CallTerms(deadline=now() + 0.2))
    old, late = await ask(source, "a", "b")
    assert old == (None, "a", 1)
    assert isinstance(late, SourceTimeout)


async def test_a_load_has_its_own_deadline_and_its_callers_importance() -> None:
    """The upstream is called with the load's deadline, not the first caller's, and with the most urgent priority."""
    upstream = Upstream()
    source = cached(upstream)

    async def call(priority: Priority) -> None:
        call_terms.set(CallTerms(deadline=now() + 0.01, priority=priority))
        await ask(source, "a")

    started = now()
    await asyncio.gather(*(asyncio.create_task(call(p)) for p in (Priority.PAGE, Priority.CHECKOUT)))
    assert upstream.terms == [CallTerms(deadline=started + 3.0, priority=Priority.CHECKOUT)]


async def test_a_hanging_source_is_given_up() -> None:
    """A load ends after `load_timeout_s` with a timeout, and the key can be asked again."""
    upstream = Upstream(takes_s=1000)
    source = cached(upstream)
    started = now()
    [outcome] = await ask(source, "a")
    assert isinstance(outcome, SourceTimeout)
    assert now() - started == pytest.approx(3.0)
    upstream.takes_s = 0.1
    assert await ask(source, "a") == [(None, "a", 1)]


async def test_closing_tells_those_who_wait() -> None:
    """Stopping the gateway ends all loads with a typed error, not with a cancellation."""
    source = cached(Upstream(takes_s=2))
    caller = asyncio.ensure_future(ask(source, "a"))
    await asyncio.sleep(0.05)
    await source.aclose()
    [outcome] = await caller
    assert isinstance(outcome, SourceUnavailable)


# -- purges -----------------------------------------------------------------------------------


async def test_what_is_purged_is_not_served_again() -> None:
    """By its own tag, its customer's or its dataset's: the next reader waits for the source."""
    upstream, levels = Upstream(), levels_at()
    source = cached(upstream, levels=levels)
    for version, tag in enumerate(("sku:a", "customer:c1", "dataset:price"), start=1):
        upstream.version = version
        assert await ask(source, "a", by=Asker("c1")) == [("c1", "a", version)]
        levels.purges.mark([tag])
    assert levels.metrics.of(Dataset.PRICE).missed[MissReason.PURGED] == 2


async def test_a_purge_spares_what_does_not_carry_its_tag() -> None:
    """Another SKU's and another customer's values are served on without a call."""
    upstream, levels = Upstream(), levels_at()
    source = cached(upstream, levels=levels)
    await ask(source, "a", by=Asker("c1"))
    levels.purges.mark(["sku:b", "customer:c2", "dataset:listing"])
    assert source.load_many(["a"], Asker("c1")) == [("c1", "a", 1)]


async def test_a_purged_value_is_not_served_even_if_the_source_is_down() -> None:
    """A purge says that the value is wrong: an error is better."""
    upstream, levels = Upstream(), levels_at()
    source = cached(upstream, levels=levels)
    await ask(source, "a")
    levels.purges.mark(["sku:a"])
    upstream.error = DOWN
    assert await ask(source, "a") == [DOWN]


async def test_a_load_cannot_write_back_over_a_purge() -> None:
    """Purged while its load is under way: who asked before gets what it brings, who asks after waits for another."""
    upstream, levels = Upstream(takes_s=1.0), levels_at()
    source = cached(upstream, levels=levels)
    before = asyncio.ensure_future(ask(source, "a"))
    await asyncio.sleep(0.5)
    levels.purges.mark(["sku:a"])
    upstream.version = 2
    after = asyncio.ensure_future(ask(source, "a"))
    assert await before == [(None, "a", 1)]
    assert await after == [(None, "a", 2)]
    assert source.load_many(["a"], Asker()) == [(None, "a", 2)]
    assert levels.metrics.of(Dataset.PRICE).outrun_by_purge == 1


# -- pushed and bypassed ----------------------------------------------------------------------


async def test_two_purges_during_one_load_are_both_kept_to() -> None:
    """Who asks between two purges of a tag does not get what was loaded before the first."""
    upstream, levels = Upstream(takes_s=1.0), levels_at()
    source = cached(upstream, levels=levels)
    before = asyncio.ensure_future(ask(source, "a"))
    await asyncio.sleep(0.2)
    levels.purges.mark(["sku:a"])
    upstream.version = 2
    between = asyncio.ensure_future(ask(source, "a"))
    await asyncio.sleep(0.2)
    levels.purges.mark(["sku:a"])
    assert await before == [(None, "a", 1)]
    assert await between == [(None, "a", 2)]


async def test_a_pushed_value_is_served_without_asking() -> None:
    """What the owner of the data pushes replaces what was kept, for this scope; other scopes ask again."""
    upstream = Upstream()
    source = cached(upstream)
    await ask(source, "a", by=Asker("c1"))
    await ask(source, "a", by=Asker("c2"))
    await source.write_through(Asker("c1").for_customer, {"a": "pushed"})
    upstream.version = 2
    assert await ask(source, "a", by=Asker("c1")) == ["pushed"]
    assert await ask(source, "a", by=Asker("c2")) == [("c2", "a", 2)]


async def test_a_load_under_way_cannot_write_back_over_a_push() -> None:
    """Pushed while an older answer is on its way: the pushed value stays."""
    source = cached(Upstream(takes_s=1.0))
    loading = asyncio.ensure_future(ask(source, "a"))
    await asyncio.sleep(0.5)
    await source.write_through(Asker().for_customer, {"a": "pushed"})
    await loading
    assert source.load_many(["a"], Asker()) == ["pushed"]


async def test_a_push_without_tags_is_refused() -> None:
    """Without a tag nothing could keep an older load from writing over the push."""
    source = cached(Upstream(), Policy(fresh_s=10, scope=ForCustomer))
    with pytest.raises(ValueError, match="expected a policy with tags for what is pushed"):
        await source.write_through(Asker().for_customer, {"a": 1})


async def test_a_bypass_asks_the_source_itself_on_the_callers_terms() -> None:
    """For checkout: nothing kept is served, not even stale on failure, and the new value is kept for others."""
    upstream, levels = Upstream(), levels_at()
    source = cached(upstream, levels=levels)
    await ask(source, "a")
    upstream.version = 2
    terms = CallTerms(deadline=now() + 5, priority=Priority.CHECKOUT)
    call_terms.set(terms)
    assert await bypass(source, "a") == [(None, "a", 2)]
    assert upstream.terms[-1] == terms
    assert source.load_many(["a"], Asker()) == [(None, "a", 2)]
    upstream.error = DOWN
    assert await bypass(source, "a", "b") == [DOWN, DOWN]
    assert levels.metrics.of(Dataset.PRICE).missed[MissReason.BYPASS] == 3


async def bypass(source: CachedSource[str, Any, ForCustomer], *keys: str) -> list[Any]:
    """Ask past the cache."""
    answer = source.load_many(keys, Asker(), bypass=True)
    assert not isinstance(answer, list)
    return await answer


# -- early refresh ----------------------------------------------------------------------------


async def test_a_popular_key_never_expires_under_traffic() -> None:
    """Read ten times a second for five minutes, it is refreshed ahead of expiry and always fresh."""
    upstream, levels = Upstream(takes_s=0.2), levels_at(chance=0.9)
    source = cached(upstream, Policy(fresh_s=10, scope=ForCustomer), levels)
    await ask(source, "a")
    for _ in range(3000):
        assert isinstance(source.load_many(["a"], Asker()), list)
        await asyncio.sleep(0.1)
    counters = levels.metrics.of(Dataset.PRICE)
    assert counters.hit == 3000
    assert counters.refreshed_early == len(upstream.calls) - 1
    assert len(upstream.calls) < 40


# -- misuse -----------------------------------------------------------------------------------


async def test_a_projection_to_another_scope_is_refused() -> None:
    """A dataset declared for one scope cannot be asked with another."""
    fetch: Any = Upstream().fetch
    policy = Policy(fresh_s=1, scope=ForCustomer)
    source: Any = CachedSource(Dataset.PRICE, policy, fetch, lambda asker: asker.in_context, levels_at())
    with pytest.raises(TypeError, match="price: expected a scope of ForCustomer; got InContext"):
        source.load_many(["a"], Asker())


# -- the books --------------------------------------------------------------------------------


async def test_every_asked_key_is_counted_once() -> None:
    """Hits, negatives, stale and refreshed ones, coalesced and missed ones sum to what was asked."""
    upstream, levels = Upstream(absent={"none"}), levels_at(wall_clock)
    source = cached(upstream, levels=levels)
    policy_ages = (0.0, 1.0, 15.0, 40.0, 200.0)
    for pause_s in policy_ages:
        await asyncio.sleep(pause_s)
        await asyncio.gather(*(ask(source, "a", "b", "none") for _ in range(5)))
    counters = levels.metrics.of(Dataset.PRICE)
    served = counters.hit + counters.negative + counters.revalidating + counters.coalesced
    assert counters.asked == 75
    assert served + sum(counters.missed.values()) == 75
    assert counters.sent == len(upstream.keys_asked)
    assert counters.calls == len(upstream.calls)
    assert counters.missed[MissReason.EXPIRED] > 0
    assert sum(counters.served_age.counts) > 0
