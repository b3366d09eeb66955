"""Any interleaving of asking, ageing, failing, purging, pushing and cancelling, against a simple model."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import looptime
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from clients.errors import SourceError, SourceTimeout, SourceUnavailable
from clients.http import CallTerms, call_terms
from clients.scope import ForCustomer
from clients.values import Dataset, DataSource
from gateway.cache.codec import Codec
from gateway.cache.kept import HOLD_AFTER_FAILURE_S
from gateway.cache.policy import Policy
from gateway.cache.purge import purge
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from tests.cache.scripted import EPOCH_S, Asker, by_sku, levels_at
from tests.cache.workers import FaultyStore

TERMS = Policy(
    fresh_s=2, stale_while_revalidate_s=3, stale_if_error_s=5, negative_s=1, scope=ForCustomer, tags=by_sku,
    load_timeout_s=1.5,
)  # fmt: skip
KEYS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3)
CUSTOMERS = st.sampled_from([None, "c1", "c2"])
WAITS = st.sampled_from([None, 0.05, 0.5])
WORKERS = st.sampled_from([0, 1])
TAGS = st.sampled_from(["sku:a", "sku:b", "customer:c1", "dataset:price", "sku:other"])
SEEN_BY_ALL_S = 1.0


@dataclass
class Asked:
    """A call under way: who asked for what, when, where, and the answer when it comes."""

    keys: Sequence[str]
    customer_id: str | None
    worker: int
    step: int
    at: float
    is_bypass: bool
    task: asyncio.Task[None] | None = None


class CacheModel(RuleBasedStateMachine):
    """Two processes over one store. A value tells its customer, key, and the moment its load began and ended."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop(start=0)
        self.takes_s = 0.7
        self.is_down = False
        self.is_absent = False
        self.failed_at = float("-inf")
        self.purges: list[tuple[int, float, int, str]] = []
        self.steps = 0
        self.asked: list[Asked] = []
        self.stack = AsyncExitStack()
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def next_step(self) -> int:
        """Moments of the same virtual time have an order too."""
        self.steps += 1
        return self.steps

    async def _open(self) -> None:
        store, self.workers = FaultyStore(), []
        for _ in range(2):
            levels = levels_at(lambda: EPOCH_S + self.loop.time(), chance=0.5, max_entries=5)
            shared = await self.stack.enter_async_context(Shared(store, levels))
            source: CachedSource[str, Any, ForCustomer] = CachedSource(
                Dataset.PRICE, TERMS, self._fetch, lambda asker: asker.for_customer, levels, shared,
                codec=Codec(Dataset.PRICE, tuple[str | None, str, int, float, float]),
            )  # fmt: skip
            self.stack.push_async_callback(source.aclose)
            self.workers.append((source, levels, shared))

    async def _fetch(self, keys: Sequence[str], scope: ForCustomer) -> Mapping[str, Any]:
        began, is_down, is_absent = self.next_step(), self.is_down, self.is_absent
        began_at = self.loop.time()
        await asyncio.sleep(self.takes_s)
        if is_down:
            self.failed_at = self.loop.time()
            raise SourceUnavailable(DataSource.PRICING)
        there = [key for key in keys if not (is_absent and key == "c")]
        return {key: (scope.customer_id, key, began, began_at, self.loop.time()) for key in there}

    # -- what may happen ----------------------------------------------------------------------

    @rule(worker=WORKERS, keys=KEYS, customer_id=CUSTOMERS, waits_s=WAITS, bypass=st.booleans())
    def ask(
        self, worker: int, keys: list[str], customer_id: str | None, waits_s: float | None, *, bypass: bool
    ) -> None:
        """Somebody asks; the answer is judged when it comes."""
        bypass = bypass and waits_s is None
        self.run(self._ask(worker, keys, customer_id, waits_s, bypass=bypass))

    async def _ask(
        self, worker: int, keys: list[str], customer_id: str | None, waits_s: float | None, *, bypass: bool
    ) -> None:
        at = self.loop.time()
        call_terms.set(CallTerms(None if waits_s is None else at + waits_s))
        answer = self.workers[worker][0].load_many(keys, Asker(customer_id), bypass=bypass)
        asked = Asked(keys, customer_id, worker, self.next_step(), at, bypass)
        asked.task = asyncio.ensure_future(self._receive(asked, answer))
        self.asked.append(asked)
        if isinstance(answer, list):
            await asked.task

    async def _receive(self, asked: Asked, answer: Any) -> None:
        is_at_once = isinstance(answer, list)
        self._judge(asked, answer if is_at_once else await answer, is_at_once=is_at_once)

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        """Entries age, loads land, processes look into the log."""
        self.run(asyncio.sleep(seconds))

    @rule(is_down=st.booleans(), is_absent=st.booleans(), takes_s=st.sampled_from([0.0, 0.1, 0.7, 3.0]))
    def the_source_changes(self, *, is_down: bool, is_absent: bool, takes_s: float) -> None:
        """It fails or heals, is quick, slow or hanging, and loses one of its keys."""
        self.is_down, self.is_absent, self.takes_s = is_down, is_absent, takes_s

    @rule(worker=WORKERS, tag=TAGS)
    def somebody_purges(self, worker: int, tag: str) -> None:
        """In one process; the other follows within a second."""
        self.purges.append((self.next_step(), self.loop.time(), worker, tag))
        _, levels, shared = self.workers[worker]
        self.run(purge([tag], levels, shared))

    @rule(worker=WORKERS, key=st.sampled_from(["a", "b"]), customer_id=CUSTOMERS)
    def a_value_is_pushed(self, worker: int, key: str, customer_id: str | None) -> None:
        """It purges what carries its tags."""
        now = self.loop.time()
        step = self.next_step()
        self.purges.append((step, now, worker, f"sku:{key}"))
        scope = Asker(customer_id).for_customer
        self.run(self.workers[worker][0].write_through(scope, {key: (customer_id, key, step, now, now)}))

    @rule(index=st.integers(0, 10))
    def somebody_goes_away(self, index: int) -> None:
        """A caller is cancelled."""
        waiting = [asked.task for asked in self.asked if asked.task and not asked.task.done()]
        if waiting:
            waiting[index % len(waiting)].cancel()
            self.run(asyncio.sleep(0))

    # -- what must hold -----------------------------------------------------------------------

    def _judge(self, asked: Asked, outcomes: list[Any], *, is_at_once: bool) -> None:
        assert len(outcomes) == len(asked.keys)
        for key, outcome in zip(asked.keys, outcomes, strict=True):
            if isinstance(outcome, SourceError):
                assert isinstance(outcome, SourceTimeout) or self.failed_at >= asked.at
            elif outcome is None:
                assert key == "c"
            else:
                self._judge_value(asked, key, tuple(outcome), is_at_once=is_at_once)

    def _judge_value(self, asked: Asked, key: str, value: tuple[Any, ...], *, is_at_once: bool) -> None:
        customer_id, of_key, began, began_at, ended = value
        now = self.loop.time()
        assert (customer_id, of_key) == (asked.customer_id, key), "a value of another scope or key"
        assert now - ended < TERMS.kept_s + 0.001, "older than the policy allows at all"
        if is_at_once and now - ended >= TERMS.served_s:
            assert now - self.failed_at <= HOLD_AFTER_FAILURE_S + 2 * TERMS.load_timeout_s, "stale without a failure"
        if asked.is_bypass:
            assert began > asked.step, "kept, though the caller asked past the cache"
        tags = {f"sku:{key}", "dataset:price", f"customer:{customer_id}"}
        for step, at, worker, tag in self.purges:
            is_known = asked.step > step if worker == asked.worker else asked.at >= at + SEEN_BY_ALL_S
            assert tag not in tags or not is_known or began >= step, f"purged by {tag} at {at}, loaded at {began_at}"

    @invariant()
    def memory_is_bounded(self) -> None:
        """Five entries at most, and the books agree with the shelves."""
        for source, levels, _ in self.workers:
            shelves = source._shelves
            standing = sum(len(shelf) for shelf in shelves.values())
            assert levels.metrics.memory.entries == standing <= 5

    def teardown(self) -> None:
        """Everybody gets an answer in the end."""
        self.takes_s = 0.1
        self.run(asyncio.sleep(10))
        tasks = [asked.task for asked in self.asked if asked.task]
        self.run(self.stack.aclose())
        self.loop.close()
        assert all(task.done() for task in tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()


TestCacheModel = CacheModel.TestCase
TestCacheModel.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
