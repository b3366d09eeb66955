"""The cached source: what a loader asks, answered from memory, from others' loads, or from its client."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

from clients.errors import SourceError, SourceTimeout
from clients.eventual import Eventual
from clients.http import Priority, call_terms
from clients.scope import Asker
from clients.values import Dataset
from gateway.cache.entry import Entry, Shelf, Shelves
from gateway.cache.flights import Flight, Waiter
from gateway.cache.freshness import MissReason, Verdict, decide, pick_fresh_for, pick_refresh_after
from gateway.cache.levels import Levels
from gateway.cache.loads import Fetch, Fetcher, Loads, priority_of
from gateway.cache.policy import SOURCE_OF, Policy

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S", bound=Hashable)

HOLD_AFTER_FAILURE_S = 1.0


class CachedSource(Generic[K, V, S]):
    """One dataset behind the cache; a `resolvers.loaders.source.Source`.

    `project` narrows who asks to the scope that `fetch` takes; the same object is in the key, so
    an answer cannot depend on anything that the key does not hold.
    """

    def __init__(
        self,
        dataset: Dataset,
        policy: Policy,
        fetch: Fetch[K, S, V],
        project: Callable[[Asker], S],
        levels: Levels,
    ) -> None:
        self.dataset = dataset
        self.policy = policy
        self._project = project
        self._memory = levels.memory
        self._purges = levels.purges
        self._clock = levels.clock
        self._chance = levels.chance
        self._source = SOURCE_OF[dataset]
        self._counters = levels.metrics.of(dataset)
        self._shelves = Shelves()
        self._fetcher = Fetcher(self._source, policy, fetch, self._counters)
        self._loads: Loads[K, S] = Loads(self._source, policy, self._carry, self._fail_all)

    def load_many(
        self, keys: Sequence[K], asker: Asker, *, bypass: bool = False
    ) -> Eventual[list[V | None | SourceError]]:
        """One outcome per key: a plain list when all are at hand, else an awaitable of it.

        `bypass` asks the source itself and serves nothing that was kept: for prices at checkout.
        """
        scope = self._project(asker)
        if bypass:
            return self._ask_past(keys, scope)
        shelf = self._shelves.get(scope)
        if shelf is not None:
            epoch, now = self._purges.epoch, self._clock()
            outcomes = []
            for key in keys:
                entry = shelf.get(key)
                if entry is None or now >= entry.refresh_at or entry.checked != epoch:
                    break
                entry.used = True
                outcomes.append(entry.value)
            else:
                counters = self._counters
                counters.asked += len(outcomes)
                counters.hit += len(outcomes)
                if outcomes:
                    counters.served_age.observe(now - shelf[keys[0]].received_at)
                return outcomes
        return self._look_closer(keys, scope, shelf)

    async def aclose(self) -> None:
        """Stop all loads under way."""
        await self._loads.aclose()

    # -- reading ------------------------------------------------------------------------------

    def _look_closer(self, keys: Sequence[K], scope: S, shelf: Shelf | None) -> Eventual[list[V | None | SourceError]]:
        """Key by key: serve, refresh behind the back, or wait."""
        if type(scope) is not self.policy.scope:
            raise TypeError(f"{self.dataset}: expected a {self.policy.scope.__name__}; got {scope!r}")
        now = self._clock()
        self._counters.asked += len(keys)
        outcomes: list[Any] = [None] * len(keys)
        missing: list[int] = []
        for index, key in enumerate(keys):
            entry = self._standing(shelf, key)
            if entry is None or not self._serve(entry, now):
                missing.append(index)
            else:
                outcomes[index] = entry.value
        if missing:
            return self._wait(keys, scope, outcomes, missing)
        return outcomes

    def _standing(self, shelf: Shelf | None, key: K) -> Entry | None:
        """The entry of a key, unless it was purged since it was last checked."""
        entry = shelf.get(key) if shelf is not None else None
        if entry is None or entry.checked == self._purges.epoch:
            return entry
        if self._purges.last_epoch(self._tags(key, entry.value)) > entry.checked:
            self._memory.drop(entry, MissReason.PURGED)
            return None
        entry.checked = self._purges.epoch
        return entry

    def _tags(self, key: K, value: Any) -> list[str]:
        return [f"dataset:{self.dataset.value}", *self.policy.tags(key, value)]

    def _verdict(self, entry: Entry, now: float) -> Verdict:
        received_at = entry.received_at
        return decide(self.policy, now - received_at, entry.fresh_until - received_at, is_absence=entry.value is None)

    def _serve(self, entry: Entry, now: float) -> bool:
        """True if the entry answers now; sets off the refresh that it may need."""
        verdict = self._verdict(entry, now)
        is_held = now < entry.held_until
        if verdict is Verdict.MISS or (verdict is Verdict.STALE_IF_ERROR and not is_held):
            return False
        entry.used = True
        self._count_served(entry, verdict)
        if now >= entry.refresh_at and not is_held and entry.value is not None:
            self._refresh(entry)
        return True

    def _count_served(self, entry: Entry, verdict: Verdict) -> None:
        counters = self._counters
        if verdict is Verdict.REVALIDATE:
            counters.revalidating += 1
        elif verdict is Verdict.STALE_IF_ERROR:
            counters.stale += 1
        elif entry.value is None:
            counters.negative += 1
        else:
            counters.hit += 1

    def _refresh(self, entry: Entry) -> None:
        scope: Any = entry.shelf.scope
        key: Any = entry.key
        if self._loads.flying(scope, key) is None:
            if self._clock() < entry.fresh_until:
                self._counters.refreshed_early += 1
            self._loads.start(scope, key, Priority.REFRESH)

    # -- waiting ------------------------------------------------------------------------------

    def _wait(
        self, keys: Sequence[K], scope: S, outcomes: list[Any], missing: list[int]
    ) -> asyncio.Future[list[V | None | SourceError]]:
        terms = call_terms.get()
        waiter = Waiter(outcomes, self._purges.epoch, asyncio.get_running_loop())
        priority = priority_of(terms)
        for index in missing:
            waiter.board(self._flight(scope, keys[index], priority), index)
        self._loads.hurry(scope, priority)
        if terms.deadline is not None:
            waiter.give_up_at(terms.deadline, lambda key: self._late(scope, key))
        return waiter.future

    def _flight(self, scope: S, key: K, priority: Priority) -> Flight:
        flight = self._loads.flying(scope, key)
        if flight is not None:
            self._counters.coalesced += 1
            return flight
        self._counters.missed[self._why_missing(scope, key)] += 1
        return self._loads.start(scope, key, priority)

    def _why_missing(self, scope: S, key: K) -> MissReason:
        shelf = self._shelves.get(scope)
        if shelf is not None and key in shelf:
            return MissReason.EXPIRED
        return self._shelves.why_missing(scope, key)

    def _late(self, scope: S, key: K) -> V | None | SourceError:
        self._counters.late += 1
        return self._fall_back(scope, key, SourceTimeout(self._source, "not there by the request's deadline"))

    def _fall_back(self, scope: S, key: K, error: SourceError) -> V | None | SourceError:
        """The last good value while the policy allows it, else the error."""
        entry = self._standing(self._shelves.get(scope), key)
        if entry is None or self._verdict(entry, self._clock()) is Verdict.MISS:
            return error
        self._counters.stale += 1
        value: V | None = entry.value
        return value

    # -- loading ------------------------------------------------------------------------------

    async def _carry(self, scope: S, flights: Sequence[Flight]) -> None:
        """Bring the flights home; each of them lands, whatever happens."""
        born, began = self._purges.epoch, self._clock()
        found = await self._fetcher.ask([flight.key for flight in flights], scope)
        load_s = max(0.0, self._clock() - began)
        for flight in flights:
            self._land(scope, flight, found[flight.key], born, load_s)

    def _land(self, scope: S, flight: Flight, outcome: Any, born: int, load_s: float) -> None:
        self._loads.landed(scope, flight)
        if isinstance(outcome, SourceError):
            self._land_failed(scope, flight, outcome)
            return
        purged_at = self._purges.last_epoch(self._tags(flight.key, outcome))
        if purged_at <= born:
            self._keep(scope, flight.key, outcome, self._clock(), load_s)
        else:
            self._counters.outrun_by_purge += 1
        for waiter, index in flight.waiters:
            if purged_at > born and waiter.asked_at >= purged_at:
                waiter.board(self._flight(scope, flight.key, Priority.PAGE), index)
            else:
                waiter.land(index, outcome)

    def _land_failed(self, scope: S, flight: Flight, error: SourceError) -> None:
        entry = self._standing(self._shelves.get(scope), flight.key)
        if entry is not None:
            entry.held_until = self._clock() + HOLD_AFTER_FAILURE_S
        for waiter, index in flight.waiters:
            waiter.land(index, self._fall_back(scope, flight.key, error))

    def _fail_all(self, scope: S, flights: Sequence[Flight], error: SourceError) -> None:
        for flight in flights:
            self._loads.landed(scope, flight)
            self._land_failed(scope, flight, error)

    def _keep(self, scope: S, key: K, value: V | None, received_at: float, load_s: float) -> None:
        fresh_for_s = pick_fresh_for(self.policy, self._chance(), is_absence=value is None)
        if fresh_for_s <= 0:
            return
        entry = self._shelves.entry(scope, key)
        entry.value = value
        entry.checked = self._purges.epoch
        entry.received_at = received_at
        entry.fresh_until = received_at + fresh_for_s
        entry.held_until = received_at
        # Absence takes the closer look at every read, so that it is counted as such.
        lead = pick_refresh_after(fresh_for_s, load_s, self._chance()) if value is not None else 0.0
        entry.refresh_at = received_at + lead
        entry.gone_at = received_at + (fresh_for_s if value is None else self.policy.kept_s)
        self._memory.settle(entry, self._clock())

    async def _ask_past(self, keys: Sequence[K], scope: S) -> list[V | None | SourceError]:
        """The source's own word of this moment, under the caller's own terms."""
        counters = self._counters
        counters.asked += len(keys)
        counters.missed[MissReason.BYPASS] += len(keys)
        outcomes: dict[K, V | None | SourceError] = {}
        for start in range(0, len(keys), self.policy.max_batch):
            born, began = self._purges.epoch, self._clock()
            found = await self._fetcher.ask(keys[start : start + self.policy.max_batch], scope)
            for key, outcome in found.items():
                if not isinstance(outcome, SourceError) and self._purges.last_epoch(self._tags(key, outcome)) <= born:
                    self._keep(scope, key, outcome, self._clock(), self._clock() - began)
            outcomes |= found
        return [outcomes[key] for key in keys]
