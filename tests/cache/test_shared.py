"""Several processes over one store, on virtual time: who loads, who learns, and what breaks nothing."""

import asyncio
from typing import Any

import pytest

from clients.values import Dataset
from gateway.cache import purge_log
from gateway.cache.freshness import MissReason
from gateway.cache.purge import purge
from tests.cache.scripted import DOWN, Asker, Upstream, ask
from tests.cache.workers import FaultyStore, workers

pytestmark = pytest.mark.looptime

KEYS = [f"SKU-{number}" for number in range(24)]


# -- whose turn it is -------------------------------------------------------------------------


async def test_what_one_process_loaded_another_need_not() -> None:
    """The second process finds all in one round trip, and makes no call."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        await ask(one.source, *KEYS)
        await asyncio.sleep(0.01)
        store.calls.clear()
        assert await ask(two.source, *KEYS) == [(None, key, 1) for key in KEYS]
        assert store.calls == ["get_many"]
        assert len(upstream.calls) == 1
        assert two.levels.metrics.of(Dataset.PRICE).found_shared == 24


async def test_a_cold_key_is_loaded_once_over_all_processes() -> None:
    """A hundred callers in each of four processes: one call upstream, and everybody has the value."""
    upstream = Upstream()
    async with workers(FaultyStore(), upstream, 4) as four:
        answers = await asyncio.gather(*(ask(worker.source, *KEYS) for worker in four for _ in range(100)))
        assert all(answer == [(None, key, 1) for key in KEYS] for answer in answers)
        assert upstream.calls == [(None, KEYS)]


async def test_a_stale_key_is_refreshed_once_over_all_processes() -> None:
    """All processes serve stale and set off a refresh; the upstream sees one call, all get the new value."""
    upstream = Upstream()
    async with workers(FaultyStore(), upstream, 4) as four:
        for worker in four:
            await ask(worker.source, "a")
        upstream.version = 2
        await asyncio.sleep(15)
        for worker in four:
            assert worker.source.load_many(["a"], Asker()) == [(None, "a", 1)]
        await asyncio.sleep(0.5)
        for worker in four:
            assert worker.source.load_many(["a"], Asker()) == [(None, "a", 2)]
        assert len(upstream.calls) == 2


async def test_ages_count_from_the_first_receipt() -> None:
    """A value does not become fresh again by being read from the shared level."""
    upstream = Upstream()
    async with workers(FaultyStore(), upstream) as (one, two):
        await ask(one.source, "a")
        await asyncio.sleep(9)
        await ask(two.source, "a")
        upstream.error = DOWN
        await asyncio.sleep(2)
        assert two.source.load_many(["a"], Asker()) == [(None, "a", 1)]
        assert two.levels.metrics.of(Dataset.PRICE).revalidating == 1
        await asyncio.sleep(80)
        assert await ask(two.source, "a") == [DOWN]


async def test_a_stale_shared_value_serves_at_once_while_it_is_refreshed() -> None:
    """A process that starts with a stale shared value answers with it, without waiting for the source."""
    upstream = Upstream(takes_s=1.0)
    async with workers(FaultyStore(), upstream) as (one, two):
        await ask(one.source, "a")
        upstream.version = 2
        await asyncio.sleep(15)
        started = asyncio.get_running_loop().time()
        assert await ask(two.source, "a") == [(None, "a", 1)]
        assert asyncio.get_running_loop().time() - started < 0.1
        await asyncio.sleep(1.1)
        assert two.source.load_many(["a"], Asker()) == [(None, "a", 2)]


async def test_the_last_good_shared_value_serves_when_the_source_is_down() -> None:
    """A process that starts during an outage serves what others have loaded before it."""
    upstream = Upstream()
    async with workers(FaultyStore(), upstream) as (one, two):
        await ask(one.source, "a")
        upstream.error = DOWN
        await asyncio.sleep(45)
        assert await ask(two.source, "a") == [(None, "a", 1)]


async def test_a_dead_leaders_turn_passes_on() -> None:
    """A process that took the lease and died delays the others by one load's time at most."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        dying = asyncio.ensure_future(ask(one.source, "a"))
        await asyncio.sleep(0.05)
        await one.source.aclose()
        await dying
        started = asyncio.get_running_loop().time()
        assert await ask(two.source, "a") == [(None, "a", 1)]
        assert asyncio.get_running_loop().time() - started < 3.5


async def test_a_failed_leader_passes_its_turn_on_at_once() -> None:
    """The leader's call fails: its own callers get the error, the other process tries for itself right away."""
    upstream = Upstream(error=DOWN)
    async with workers(FaultyStore(), upstream) as (one, two):
        outcomes = list(await asyncio.gather(ask(one.source, "a"), ask(two.source, "a")))
        assert outcomes == [[DOWN], [DOWN]]
        assert len(upstream.calls) == 2


async def test_a_turn_that_comes_just_after_the_load_loads_nothing() -> None:
    """Both saw nothing, one loaded and finished, and only then the other gets the lease: it looks once more."""
    store, upstream = FaultyStore(adds_take_s=[0.0, 0.06]), Upstream(takes_s=0.03)
    async with workers(store, upstream) as (one, two):
        outcomes = list(await asyncio.gather(ask(one.source, "a"), ask(two.source, "a")))
        assert outcomes == [[(None, "a", 1)]] * 2
        assert len(upstream.calls) == 1


async def test_an_early_refresh_is_not_content_with_the_same_value() -> None:
    """Ahead of expiry the shared copy is as old as one's own: the source is asked, once over all processes."""
    upstream = Upstream(takes_s=0.2)
    async with workers(FaultyStore(), upstream, chance=0.9) as (one, two):
        await asyncio.gather(ask(one.source, "a"), ask(two.source, "a"))
        for _ in range(300):
            assert isinstance(one.source.load_many(["a"], Asker()), list)
            assert isinstance(two.source.load_many(["a"], Asker()), list)
            await asyncio.sleep(0.1)
        for worker in (one, two):
            assert worker.levels.metrics.of(Dataset.PRICE).revalidating == 0
        assert len(upstream.calls) == 4


async def test_absence_is_shared_too() -> None:
    """What one process knows not to exist the other does not ask."""
    upstream = Upstream(absent={"none"})
    async with workers(FaultyStore(), upstream) as (one, two):
        assert await ask(one.source, "none") == [None]
        await asyncio.sleep(0.01)
        assert await ask(two.source, "none") == [None]
        assert len(upstream.calls) == 1


async def test_customers_never_mix_in_the_shared_level() -> None:
    """64 customers through one process, read through another: to each their own."""
    upstream = Upstream()
    askers = [Asker(f"c{number}") for number in range(64)]
    async with workers(FaultyStore(), upstream) as (one, two):
        await asyncio.gather(*(ask(one.source, *KEYS, by=asker) for asker in askers))
        await asyncio.sleep(0.1)
        for asker in askers:
            assert await ask(two.source, *KEYS, by=asker) == [(asker.customer_id, key, 1) for key in KEYS]
        assert len(upstream.calls) == 64


async def test_a_push_reaches_the_other_process() -> None:
    """Written through in one process, read in the other within a second."""
    upstream = Upstream()
    async with workers(FaultyStore(), upstream) as (one, two):
        await asyncio.gather(ask(one.source, "a"), ask(two.source, "a"))
        await one.source.write_through(Asker().for_customer, {"a": (None, "pushed", 9)})
        await asyncio.sleep(0.9)
        assert await ask(two.source, "a") == [(None, "pushed", 9)]


# -- purges -----------------------------------------------------------------------------------


async def test_a_purge_is_seen_by_all_within_a_second() -> None:
    """After the purge the other process serves the old value for less than a second."""
    upstream = Upstream()
    async with workers(FaultyStore(), upstream) as (one, two):
        await asyncio.gather(ask(one.source, "a", "b"), ask(two.source, "a", "b"))
        upstream.version = 2
        assert (await purge(["sku:a"], one.levels, one.shared)).is_everywhere
        assert await ask(one.source, "a") == [(None, "a", 2)]
        await asyncio.sleep(0.9)
        assert await ask(two.source, "a", "b") == [(None, "a", 2), (None, "b", 1)]


async def test_a_purge_whose_record_was_lost_is_seen_within_a_second() -> None:
    """The store drops the record of a purge: the others see its number, and drop all they have to be safe."""
    store, upstream = FaultyStore(loses={"purge:"}), Upstream()
    async with workers(store, upstream) as (one, two):
        await asyncio.gather(ask(one.source, "a"), ask(two.source, "a"))
        upstream.version = 2
        await purge(["sku:a"], one.levels, one.shared)
        await asyncio.sleep(0.95)
        assert await ask(two.source, "a") == [(None, "a", 2)]


async def test_an_unreadable_purge_purges_everything() -> None:
    """A record of garbage could have meant anything."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        await asyncio.gather(ask(one.source, "a"), ask(two.source, "a"))
        upstream.version = 2
        number = await store.increment("purges")
        await store.set_many([(f"purge:{number}", b"\xff\xff")], 60)
        await asyncio.sleep(0.9)
        assert await ask(two.source, "a") == [(None, "a", 2)]
        assert one.shared.log.number == number


async def test_what_is_stored_cannot_outlive_its_purge() -> None:
    """A load that began before a purge stores its answer after it: no process serves that answer."""
    upstream = Upstream(takes_s=1.0)
    async with workers(FaultyStore(), upstream, 3) as (one, two, three):
        loading = asyncio.ensure_future(ask(one.source, "a"))
        await asyncio.sleep(0.5)
        upstream.version = 2
        await purge(["sku:a"], two.levels, two.shared)
        await loading
        await asyncio.sleep(0.3)
        for worker in (one, two, three):
            assert await ask(worker.source, "a") == [(None, "a", 2)]


async def test_a_new_process_knows_the_purges_of_before() -> None:
    """A process that starts after a purge does not take the purged entry, but takes the others."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream, 1) as (one,):
        await purge(["sku:z"], one.levels, one.shared)
        await ask(one.source, "a", "b")
        await asyncio.sleep(0.01)
        upstream.version = 2
        await purge(["sku:a"], one.levels, one.shared)
        async with workers(store, upstream, 1) as (two,):
            assert await ask(two.source, "a", "b") == [(None, "a", 2), (None, "b", 1)]


async def test_a_new_process_does_not_trust_what_it_cannot_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """More purges than a new process reads: entries from before the first that it knows are not taken."""
    monkeypatch.setattr(purge_log, "HISTORY", 3)
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream, 1) as (one,):
        await ask(one.source, "a", "b")
        await asyncio.sleep(0.01)
        upstream.version = 2
        for tag in ("sku:a", "sku:1", "sku:2", "sku:3"):
            await purge([tag], one.levels, one.shared)
        async with workers(store, upstream, 1) as (two,):
            assert await ask(two.source, "a", "b") == [(None, "a", 2), (None, "b", 2)]


async def test_a_purge_during_an_outage_of_the_store_is_sent_after_it() -> None:
    """Purged here at once and reported as not everywhere; the others follow when the store is back."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        await asyncio.gather(ask(one.source, "a"), ask(two.source, "a"))
        upstream.version = 2
        store.refuses = True
        assert not (await purge(["sku:a"], one.levels, one.shared)).is_everywhere
        assert await ask(one.source, "a") == [(None, "a", 2)]
        await asyncio.sleep(5)
        store.refuses = False
        await asyncio.sleep(2.1)
        assert await ask(two.source, "a") == [(None, "a", 2)]


async def test_a_store_that_forgot_everything_loses_no_purge() -> None:
    """The server restarts empty right after a purge: its sender repeats it, and memory is not thrown away."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        await asyncio.gather(ask(one.source, "a", "b"), ask(two.source, "a", "b"))
        upstream.version = 2
        await purge(["sku:a"], one.levels, one.shared)
        store.forget()
        await asyncio.sleep(1.0)
        assert await ask(two.source, "a") == [(None, "a", 2)]
        assert two.source.load_many(["b"], Asker()) == [(None, "b", 1)]
        await purge(["sku:b"], two.levels, two.shared)
        await asyncio.sleep(1.0)
        assert await ask(one.source, "b") == [(None, "b", 2)]


async def test_a_counter_that_went_backwards_starts_a_higher_log() -> None:
    """Another server with older data took over: purges go on to reach everybody."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        await asyncio.gather(ask(one.source, "a"), ask(two.source, "a"))
        before = one.shared.log.number
        await store.set_many([("purges", b"7")], 3600)
        upstream.version = 2
        await purge(["sku:a"], one.levels, one.shared)
        await asyncio.sleep(1.5)
        assert await ask(two.source, "a") == [(None, "a", 2)]
        assert two.shared.log.number == one.shared.log.number > before


# -- a bad store ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"refuses": True}, {"hangs": True}])
async def test_a_dead_store_is_noted_and_does_no_harm(fault: dict[str, Any]) -> None:
    """Refusing or hanging: values come from the source and memory, readiness has a note, and it heals."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream, 1) as (one,):
        assert one.shared.note() is None
        vars(store).update(fault)
        started = asyncio.get_running_loop().time()
        assert await ask(one.source, "a") == [(None, "a", 1)]
        assert asyncio.get_running_loop().time() - started < 0.35
        assert one.source.load_many(["a"], Asker()) == [(None, "a", 1)]
        await asyncio.sleep(3)
        assert one.levels.metrics.shared.errors >= 1
        assert "serving from memory" in str(one.shared.note())
        store.refuses = store.hangs = False
        await asyncio.sleep(2)
        assert one.shared.note() is None


async def test_a_dead_store_is_left_alone_for_a_moment() -> None:
    """A thousand loads during an outage do not each wait for a timeout."""
    store, upstream = FaultyStore(), Upstream(takes_s=0)
    async with workers(store, upstream, 1) as (one,):
        store.hangs = True
        started = asyncio.get_running_loop().time()
        for number in range(1000):
            await ask(one.source, f"k{number}")
        assert asyncio.get_running_loop().time() - started < 0.5
        assert one.levels.metrics.shared.skipped > 1000


async def test_a_store_that_was_dead_at_the_start_is_used_when_it_comes() -> None:
    """The gateway starts without its store, and shares from when it is there."""
    store, upstream = FaultyStore(refuses=True), Upstream()
    async with workers(store, upstream) as (one, two):
        assert await ask(one.source, "a") == [(None, "a", 1)]
        store.refuses = False
        await asyncio.sleep(2)
        await ask(one.source, "b")
        await asyncio.sleep(0.01)
        calls = len(upstream.calls)
        await ask(two.source, "b")
        assert len(upstream.calls) == calls


@pytest.mark.parametrize("lie", [b"", b"garbage", b"\x95\xc4\x00\x01\x02\x03\xc0", b"\xff" * 1000, b"[" * 5000])
async def test_garbage_is_a_counted_miss(lie: bytes) -> None:
    """Whatever the store answers, the value comes from the source."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        await ask(one.source, "a")
        await asyncio.sleep(0.01)
        store.lies = lie
        assert await ask(two.source, "a") == [(None, "a", 1)]
        assert len(upstream.calls) == 2
        assert two.levels.metrics.shared.unreadable >= 1


async def test_an_entry_at_a_wrong_address_is_not_taken() -> None:
    """Even if a store gave one customer's bytes for another's name, they would not be believed."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        await ask(one.source, "a", by=Asker("c1"))
        await asyncio.sleep(0.01)
        [name] = [name for name in vars(store.real)["_cache"]._cache if "price:" in name and "lease" not in name]
        store.lies = vars(store.real)["_cache"]._cache[name]
        await ask(one.source, "a", by=Asker("c2"))
        await asyncio.sleep(0.01)
        assert await ask(two.source, "a", by=Asker("c2")) == [("c2", "a", 1)]
        assert two.levels.metrics.shared.unreadable >= 1


async def test_what_is_too_large_for_the_store_stays_in_memory() -> None:
    """A value beyond the store's bound is kept here alone, and is no error."""
    store, upstream = FaultyStore(max_value_bytes=10), Upstream()
    async with workers(store, upstream, 1) as (one,):
        await ask(one.source, "a")
        await asyncio.sleep(0.01)
        assert "set_many" not in store.calls
        assert one.levels.metrics.shared.errors == 0
        assert one.source.load_many(["a"], Asker()) == [(None, "a", 1)]


async def test_reasons_of_misses() -> None:
    """Cold, expired, evicted and purged are told apart."""
    upstream = Upstream()
    async with workers(FaultyStore(), upstream, 1, max_entries=2) as (one,):
        counters = one.levels.metrics.of(Dataset.PRICE)
        await ask(one.source, "a")
        await ask(one.source, "b", "c", "d")
        await ask(one.source, "a")
        assert counters.missed[MissReason.COLD] == 4
        assert counters.missed[MissReason.EVICTED] == 1
        one.levels.purges.mark(["sku:a"])
        await ask(one.source, "a")
        assert counters.missed[MissReason.PURGED] == 1
        await asyncio.sleep(200)
        await ask(one.source, "a")
        assert counters.missed[MissReason.EXPIRED] == 1
