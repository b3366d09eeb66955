"""The cached source: what a loader asks, answered from memory, from others' loads, or from its client."""

import asyncio
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

from clients.errors import SourceError, SourceTimeout
from clients.eventual import Eventual
from clients.http import Priority, call_terms
from clients.scope import Asker, ForCustomer, OfCustomer, Scope
from clients.values import Dataset
from gateway.cache.carrier import Carrier
from gateway.cache.codec import VALUE_OF, Codec
from gateway.cache.entry import Entry
from gateway.cache.fetcher import Fetch, Fetcher
from gateway.cache.flights import Flight, Waiter, step_end
from gateway.cache.freshness import MissReason, Verdict
from gateway.cache.kept import Answer, Kept
from gateway.cache.levels import Levels
from gateway.cache.loads import Loads, priority_of
from gateway.cache.policy import SOURCE_OF, Policy
from gateway.cache.reads import Ends, Reads, is_shareable, refuse_reads
from gateway.cache.shared import Shared, SharedDataset
from gateway.cache.telling import Telling, is_slow

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S", bound=Scope)

NEAR_ITS_END = 0.75
"""What is past this share of the time until its refresh is near its end: refreshed with others that it is shown with,
for what shows them together is made anew when the first of them ends."""


class CachedSource(Generic[K, V, S]):
    """One dataset behind the cache; a `resolvers.loaders.source.Source`.

    `project` narrows who asks to the scope that `fetch` takes; the same object is in the key, so
    an answer cannot depend on anything that the key does not hold. `codec` is the dataset's own
    unless its values are of another type than `codec.VALUE_OF` says.
    """

    def __init__(
        self,
        dataset: Dataset,
        policy: Policy,
        fetch: Fetch[K, S, V],
        project: Callable[[Asker], S],
        levels: Levels,
        shared: Shared | None = None,
        codec: Codec | None = None,
    ) -> None:
        self.dataset = dataset
        self.policy = policy
        self.is_of_customer = policy.scope in (ForCustomer, OfCustomer)
        self._project = project
        self._purges = levels.purges
        self._clock = levels.clock
        self._source = SOURCE_OF[dataset]
        self._counters = counters = levels.metrics.of(dataset)
        self._kept: Kept[K, V, S] = Kept(dataset, policy, levels)
        self._shelves = self._kept.shelves
        self._fetcher = Fetcher(self._source, policy, fetch, counters)
        self._shared: SharedDataset[K, S] | None = None
        if shared is not None:
            codec = codec or Codec(dataset, VALUE_OF[dataset])
            self._shared = SharedDataset(policy, shared, codec, self._kept, levels)
        carrier = Carrier(policy, self._fetcher, self, self._kept, self._shared, levels, counters)
        self._loads: Loads[K, S] = Loads(self._source, policy, carrier.carry, self._fail_all)
        self._tellings: set[Telling] = set()

    def load_many(
        self, keys: Sequence[K], asker: Asker, *, bypass: bool = False
    ) -> Eventual[list[V | SourceError | None]]:
        """One outcome per key: a plain list when all are at hand, else an awaitable of it.

        `bypass` asks the source itself and serves nothing that was kept: for prices at checkout.
        """
        scope = self._project(asker)
        if bypass:
            refuse_reads(asker, "bypass")
            return self._ask_past(keys, scope)
        answer: Eventual[list[Any]] | None = self._at_hand(keys, scope)
        if answer is None:
            answer = self._look_closer(keys, scope)
        reads = getattr(asker, "reads", None)
        if reads is not None:
            self._record(reads, scope, keys, answer)
        return answer

    def _at_hand(self, keys: Sequence[K], scope: S) -> list[Any] | None:
        """All values, if each is fresh in memory and needs nothing: the path of nearly every call."""
        shelf = self._shelves.get(scope)
        if shelf is None:
            return None
        epoch, now = self._purges.epoch, self._clock()
        outcomes = []
        for key in keys:
            entry = shelf.get(key)
            if entry is None or now >= entry.refresh_at:
                return None
            if entry.checked != epoch and self._kept.find(shelf, key) is None:
                return None
            entry.used = True
            outcomes.append(entry.value)
        self._counters.asked += len(outcomes)
        self._counters.hit += len(outcomes)
        if outcomes:
            self._counters.served_age.observe(now - shelf[keys[0]].received_at)
        return outcomes

    async def write_through(self, scope: S, values: Mapping[K, V | None]) -> None:
        """Purge what carries the tags of pushed values, then keep the values, here and in the shared level."""
        self._expect(scope)
        tags = [tag for key, value in values.items() for tag in self._tags_of_push(key, value)]
        if self._shared is None:
            self._purges.mark(tags)
        else:
            await self._shared.purge(tags)
        now = self._clock()
        answers = {key: Answer(value, now, 0.0) for key, value in values.items()}
        for key, answer in answers.items():
            self._kept.keep(scope, key, answer)
        if self._shared is not None:
            await self._shared.save(scope, answers, self._shared.number)

    def recall(self, keys: Sequence[K], asker: Asker) -> list[V | None]:
        """Per key the last good value while the policy lets it be served on failure; nobody is asked."""
        scope = self._project(asker)
        entries = [self._kept.fall_back(scope, key) for key in keys]
        return [None if entry is None else entry.value for entry in entries]

    def renew(self, scope: S, keys: Sequence[K]) -> float:
        """Refresh what of these is near its end; when the first of the others wants to be (epoch seconds)."""
        now, shelf = self._clock(), self._shelves.get(scope)
        found = {key: entry for key in keys if (entry := self._kept.find(shelf, key)) and not entry.is_absence}
        due = {key: found.pop(key) for key in list(found) if now >= found[key].wanted_at(NEAR_ITS_END)}
        new = [key for key in due if not self._loads.flying(scope, key)]
        self._counters.refreshed_early += sum(now < due[key].fresh_until for key in new)
        self._loads.board(scope, new, Priority.REFRESH)
        return min([entry.wanted_at() for entry in found.values()], default=math.inf)

    def review(self, scope: S, keys: Sequence[K], versions: Sequence[int]) -> Ends | None:
        """The ends of these, if all of them may be served and tell what they told in these versions."""
        return self._kept.review(scope, keys, versions)

    async def settle(self) -> None:
        """Wait until no load is under way: what they bring is then kept, here and in the shared level."""
        await self._loads.settle()

    # -- for people who look into the cache ---------------------------------------------------

    def entries(self) -> Iterator[Entry]:
        """Every entry that was not purged, one scope after the other; more may come and go meanwhile."""
        for shelf in list(self._shelves.values()):
            for key in list(shelf):
                entry = self._kept.find(shelf, key)
                if entry is not None:
                    yield entry

    def tags_of(self, entry: Entry) -> list[str]:
        """What purges an entry."""
        return self._kept.tags(entry.shelf.scope, cast("K", entry.key), entry.value)

    def tags_under(self, scope: S, key: K, value: V | None) -> list[str]:
        """What purges a value that is not in memory."""
        return self._kept.tags(scope, key, value)

    def judge_stored(self, scope: S, answer: Answer) -> Verdict:
        """What would become of an answer of the shared level that is read now."""
        return self._kept.judge_answer(scope, answer)

    def judge(self, entry: Entry) -> Verdict:
        """What would become of an entry that is asked for now."""
        return self._kept.judge(entry)

    async def find_shared(self, scope: S, keys: Sequence[K]) -> Mapping[K, Answer]:
        """What the shared level has of these and nothing has purged, of any age; nothing without such a level."""
        return {} if self._shared is None else await self._shared.find(scope, keys)

    async def aclose(self) -> None:
        """Stop all loads under way; whoever waits is told that the source is not available."""
        await self._loads.aclose()
        for telling in list(self._tellings):
            telling.finish()

    def _tags_of_push(self, key: K, value: V | None) -> list[str]:
        tags = list(self.policy.tags(key, value))
        if not tags:
            raise ValueError(
                f"{self.dataset}: expected a policy with tags for what is pushed, or a load under way could "
                f"write an older value back; got none for {key!r}"
            )
        return tags

    # -- reading ------------------------------------------------------------------------------

    def _expect(self, scope: S) -> None:
        if type(scope) is not self.policy.scope:
            raise TypeError(f"{self.dataset}: expected a scope of {self.policy.scope.__name__}; got {scope!r}")

    def _look_closer(self, keys: Sequence[K], scope: S) -> Eventual[list[V | SourceError | None]]:
        """Key by key: serve, refresh behind the back, or wait."""
        self._expect(scope)
        self._counters.asked += len(keys)
        shelf = self._shelves.get(scope)
        outcomes: list[Any] = [None] * len(keys)
        missing: list[int] = []
        for index, key in enumerate(keys):
            entry = self._kept.find(shelf, key)
            if entry is None or not self._serve(entry, scope, key):
                missing.append(index)
            else:
                outcomes[index] = entry.value
        return self._wait(keys, scope, outcomes, missing) if missing else outcomes

    def _record(self, reads: Reads, scope: S, keys: Sequence[K], answer: Eventual[list[Any]]) -> None:
        """Tell a request's recorder what it has read, as soon as that is known."""
        if reads.refusal is not None:
            return
        if not is_shareable(scope):
            reads.is_private = True
            return
        if isinstance(answer, list):
            self._kept.note(reads, scope, keys, answer, self)
        elif isinstance(answer, asyncio.Future):
            # Registered before any caller awaits it, so it runs before any of them goes on.
            answer.add_done_callback(lambda done: self._record_late(reads, scope, keys, done))

    def _record_late(self, reads: Reads, scope: S, keys: Sequence[K], done: asyncio.Future[list[Any]]) -> None:
        if done.cancelled() or done.exception() is not None:
            reads.refuse("not kept")
        else:
            self._kept.note(reads, scope, keys, done.result(), self)

    def _serve(self, entry: Entry, scope: S, key: K) -> bool:
        """True if the entry answers now; sets off the refresh that it may need."""
        now, verdict = self._clock(), self._kept.judge(entry)
        is_held = now < entry.held_until
        if verdict is Verdict.MISS or (verdict is Verdict.STALE_IF_ERROR and not is_held):
            return False
        entry.used = True
        self._count_served(entry, verdict)
        if now >= entry.refresh_at and not is_held and not entry.is_absence and not self._loads.flying(scope, key):
            self._counters.refreshed_early += verdict is Verdict.FRESH
            self._loads.start(scope, key, Priority.REFRESH)
        return True

    def _count_served(self, entry: Entry, verdict: Verdict) -> None:
        counters = self._counters
        counters.served_age.observe(self._clock() - entry.received_at)
        if verdict is Verdict.REVALIDATE:
            counters.revalidating += 1
        elif verdict is Verdict.STALE_IF_ERROR:
            counters.stale += 1
        elif entry.is_absence:
            counters.negative += 1
        else:
            counters.hit += 1

    # -- waiting ------------------------------------------------------------------------------

    def _wait(
        self, keys: Sequence[K], scope: S, outcomes: list[Any], missing: list[int]
    ) -> asyncio.Future[list[V | SourceError | None]]:
        terms = call_terms.get()
        waiter = Waiter(outcomes, self._purges.epoch, asyncio.get_running_loop())
        priority = priority_of(terms)
        wanted = keys if len(missing) == len(keys) else [keys[index] for index in missing]
        for index, flight in zip(missing, self._flights(scope, wanted, priority), strict=True):
            waiter.board(flight, index)
        if terms.deadline is not None:
            until = step_end(terms.deadline, asyncio.get_running_loop().time())
            waiter.give_up_at(until, lambda key: self._late(scope, key))
        return waiter.future

    def _flights(self, scope: S, keys: Sequence[K], priority: Priority) -> list[Flight]:
        flights, new = self._loads.board(scope, keys, priority)
        self._counters.coalesced += len(keys) - len(new)
        for reason in self._kept.why_missing(scope, new):
            self._counters.missed[reason] += 1
        return flights

    def _late(self, scope: S, key: K) -> V | SourceError | None:
        self._counters.late += 1
        return self._fall_back(scope, key, SourceTimeout(self._source, "not there by the request's deadline"))

    def _fall_back(self, scope: S, key: K, error: SourceError) -> V | SourceError | None:
        """The last good value while the policy allows it, else the error."""
        entry = self._kept.fall_back(scope, key)
        if entry is None:
            return error
        self._counters.stale += 1
        self._counters.served_age.observe(self._clock() - entry.received_at)
        value: V | None = entry.value
        return value

    # -- landing (called by the carrier) ------------------------------------------------------

    def land(self, scope: S, outcomes: Sequence[tuple[Flight, Answer | SourceError]], born: int) -> dict[K, Answer]:
        """End flights: keep each answer unless a purge has outrun it, and content those who wait.

        Whoever asked before the load began gets what it brought. Whoever joined later may have asked
        after a purge, and only a tag's last purge is remembered: they wait for another load.
        """
        self._loads.landed(scope, [flight for flight, _ in outcomes])
        now = asyncio.get_running_loop().time()
        # Without any purge since the load began there is no need to work out by what it could be purged.
        is_quiet = self._purges.epoch == born
        kept: dict[K, Answer] = {}
        for flight, outcome in outcomes:
            if isinstance(outcome, SourceError):
                self._land_failed(scope, flight, outcome)
            elif is_quiet or self._last_purge(scope, flight.key, outcome.value) <= born:
                self._kept.keep(scope, flight.key, outcome)
                self._serve_waiting(scope, flight, outcome, now)
                kept[flight.key] = outcome
            else:
                self._land_outrun(scope, flight, outcome, born)
        return kept

    def _land_outrun(self, scope: S, flight: Flight, answer: Answer, born: int) -> None:
        self._counters.outrun_by_purge += 1
        for waiter, index in flight.waiters:
            if waiter.asked_at <= born:
                waiter.land(index, answer.value)
            elif not waiter.future.done():
                waiter.board(self._flights(scope, [flight.key], Priority.PAGE)[0], index)

    def _last_purge(self, scope: S, key: K, value: V | None) -> int:
        return self._purges.last_epoch(self._kept.tags(scope, key, value))

    def adopt(self, scope: S, flight: Flight, answer: Answer) -> None:
        """End a flight with an answer that is known to be fresh and not purged at this moment."""
        self._loads.landed(scope, (flight,))
        self._kept.keep(scope, flight.key, answer)
        self.serve(scope, flight, answer)

    def serve(self, scope: S, flight: Flight, answer: Answer) -> None:
        """Content those who wait; the flight may go on."""
        self._serve_waiting(scope, flight, answer, asyncio.get_running_loop().time())

    def _serve_waiting(self, scope: S, flight: Flight, answer: Answer, now: float) -> None:
        waiters, flight.waiters = flight.waiters, []
        if is_slow(waiters, now):
            self._tell(waiters, lambda: self._newest(scope, flight.key, answer))
            return
        for waiter, index in waiters:
            waiter.land(index, answer.value)

    def _newest(self, scope: S, key: K, answer: Answer) -> V | None:
        """What is kept now, so that what a request says it has read is what it got; else what came."""
        entry = self._kept.fall_back(scope, key)
        value: V | None = answer.value if entry is None else entry.value
        return value

    def _land_failed(self, scope: S, flight: Flight, error: SourceError) -> None:
        self._kept.hold(scope, flight.key)
        waiters, flight.waiters = flight.waiters, []
        if waiters:
            self._tell(waiters, lambda: self._fall_back(scope, flight.key, error))

    def _tell(self, waiters: Sequence[tuple[Waiter, int]], outcome: Callable[[], Any]) -> None:
        telling = Telling(waiters, outcome, self._tellings.discard)
        self._tellings.add(telling)
        telling.go_on()

    def _fail_all(self, scope: S, flights: Sequence[Flight], error: SourceError) -> None:
        self._loads.landed(scope, flights)
        for flight in flights:
            self._land_failed(scope, flight, error)

    async def _ask_past(self, keys: Sequence[K], scope: S) -> list[V | SourceError | None]:
        """The source's own word of this moment, under the caller's own terms; kept in memory for others."""
        self._expect(scope)
        self._counters.asked += len(keys)
        self._counters.missed[MissReason.BYPASS] += len(keys)
        outcomes: dict[K, V | SourceError | None] = {}
        for start in range(0, len(keys), self.policy.max_batch):
            born, began = self._purges.epoch, self._clock()
            found = await self._fetcher.ask(keys[start : start + self.policy.max_batch], scope)
            now = self._clock()
            outcomes |= found
            for key, said in found.items():
                if not isinstance(said, SourceError):
                    self._keep_unless_purged(scope, key, Answer(said, now, max(0.0, now - began)), born)
        return [outcomes[key] for key in keys]

    def _keep_unless_purged(self, scope: S, key: K, answer: Answer, born: int) -> None:
        if self._purges.last_epoch(self._kept.tags(scope, key, answer.value)) <= born:
            self._kept.keep(scope, key, answer)
