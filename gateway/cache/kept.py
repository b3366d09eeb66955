"""One dataset's values in memory, judged by its policy."""

from collections.abc import Hashable, Sequence
from operator import is_not
from typing import Any, Generic, NamedTuple, TypeVar

from clients.errors import SourceError
from clients.scope import Scope
from clients.values import Dataset
from gateway.cache.entry import NEVER, Entry, Shelf, Shelves
from gateway.cache.freshness import (
    MissReason,
    Verdict,
    decide,
    is_absence,
    pick_refresh_after,
    pick_times,
)
from gateway.cache.levels import Levels
from gateway.cache.memory import weigh
from gateway.cache.policy import Policy
from gateway.cache.reads import Ends, Origin, Reads, ends_of
from gateway.cache.tags import tag

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S", bound=Scope)

HOLD_AFTER_FAILURE_S = 1.0


class Answer(NamedTuple):
    """What a source said: the value or None, when we received it (epoch seconds), how long that took.

    `encoded_bytes` is the length of the value's MessagePack form where that is known.
    """

    value: Any
    received_at: float
    load_s: float
    encoded_bytes: int | None = None


class Drawn(NamedTuple):
    """Chance, in [0, 1): how much sooner than agreed values stop being fresh, and how far ahead they are refreshed."""

    received_at: float
    freshness: float
    lead: float


class Kept(Generic[K, V, S]):
    """Reads and writes entries; knows ages, tags and purges, but nothing of loading."""

    def __init__(self, dataset: Dataset, policy: Policy, levels: Levels) -> None:
        self.shelves = Shelves()
        self._dataset_tag = tag("dataset", dataset.value)
        self._policy = policy
        self._memory = levels.memory
        self._purges = levels.purges
        self._clock = levels.clock
        self._chance = levels.chance
        self._is_off = all(terms.kept_s == terms.negative_s == 0 for terms in (policy, policy.signed_in or policy))
        self._drawn = Drawn(NEVER, 0.0, 0.0)

    def find(self, shelf: Shelf | None, key: K) -> Entry | None:
        """The entry of a key, unless it was purged since it was last checked."""
        entry = shelf.get(key) if shelf is not None else None
        if entry is None or entry.checked == self._purges.epoch:
            return entry
        if self._purges.last_epoch(self.tags(entry.shelf.scope, key, entry.value)) > entry.checked:
            self._memory.drop(entry, MissReason.PURGED)
            return None
        entry.checked = self._purges.epoch
        return entry

    def tags(self, scope: Scope, key: K, value: V | SourceError | None) -> list[str]:
        """What purges this value: its dataset, its customer if the scope names one, and the policy's tags."""
        tags = [self._dataset_tag, *self._policy.tags(key, value)]
        customer_id = getattr(scope, "customer_id", None)
        return tags if customer_id is None else [*tags, tag("customer", customer_id)]

    def judge(self, entry: Entry) -> Verdict:
        """What may be done with an entry now."""
        return decide(entry, self._clock())

    def judge_answer(self, scope: S, answer: Answer) -> Verdict:
        """Judge what is not kept yet."""
        return decide(pick_times(self._policy.terms_for(scope), answer.value, answer.received_at, 0.0), self._clock())

    def is_worth_keeping(self, scope: S, answer: Answer) -> bool:
        """Whether anybody may ever be served it again: not if its policy or its source forbids that."""
        times = pick_times(self._policy.terms_for(scope), answer.value, answer.received_at, 0.0)
        return times.gone_at > answer.received_at

    def fall_back(self, scope: S, key: K) -> Entry | None:
        """The entry with the last good value, while its policy allows to serve that at all."""
        entry = self.find(self.shelves.get(scope), key)
        return entry if entry is not None and self.judge(entry) is not Verdict.MISS else None

    def hold(self, scope: S, key: K) -> None:
        """A refresh has failed: try no other for a moment."""
        entry = self.find(self.shelves.get(scope), key)
        if entry is not None:
            entry.held_until = self._clock() + HOLD_AFTER_FAILURE_S

    def is_newer(self, scope: S, key: K, answer: Answer) -> bool:
        """True if there is nothing kept, or something received before this."""
        entry = self.find(self.shelves.get(scope), key)
        return entry is None or answer.received_at > entry.received_at

    def keep(self, scope: S, key: K, answer: Answer) -> None:
        """Write an answer that nothing purged, unless its terms say that it is not worth keeping."""
        if self._is_off:
            return
        drawn = self._draw(answer.received_at)
        times = pick_times(self._policy.terms_for(scope), answer.value, answer.received_at, drawn.freshness)
        if times.gone_at <= answer.received_at:
            self._forget(scope, key)
            return
        entry = self.shelves.entry(scope, key)
        value, entry.received_at, load_s, encoded_bytes = answer
        entry.write(value)
        entry.is_absence = is_absence(entry.value)
        entry.checked = self._purges.epoch
        entry.held_until = entry.received_at
        entry.fresh_until, entry.served_until, entry.gone_at = times
        fresh_for_s = entry.fresh_until - entry.received_at
        # Absence takes the closer look at every read, so that it is counted as such.
        early_s = 0.0 if entry.is_absence else pick_refresh_after(fresh_for_s, load_s, drawn.lead)
        entry.refresh_at = entry.received_at + early_s
        self._memory.settle(entry, self._clock(), weigh(entry.value, encoded_bytes))

    def _draw(self, received_at: float) -> "Drawn":
        """The chances of an answer: drawn once for all values in it, so that they are asked for together again."""
        if self._drawn.received_at != received_at:
            self._drawn = Drawn(received_at, self._chance(), self._chance())
        return self._drawn

    def _forget(self, scope: S, key: K) -> None:
        """What was kept before is not what the source says now."""
        shelf = self.shelves.get(scope)
        entry = shelf.get(key) if shelf is not None else None
        if entry is not None:
            self._memory.drop(entry, MissReason.EXPIRED)

    def note(self, reads: Reads, scope: S, keys: Sequence[K], outcomes: Sequence[Any], origin: Origin) -> None:
        """Tell a request's recorder what it has read."""
        shelf = self.shelves.get(scope)
        entries = [] if shelf is None else [entry for key in keys if (entry := shelf.get(key)) is not None]
        # Between an answer and this moment a push may have come: then the request has not read what is kept now.
        if len(entries) != len(keys) or any(map(is_not, [entry.value for entry in entries], outcomes)):
            reads.refuse("not kept")
        else:
            reads.note(scope, entries, origin)

    def review(self, scope: S, keys: Sequence[K], versions: Sequence[int]) -> Ends | None:
        """The ends of these, if all of them may be served and tell what they told in these versions."""
        now, shelf = self._clock(), self.shelves.get(scope)
        entries = []
        for key, version in zip(keys, versions, strict=True):
            entry = self.find(shelf, key)
            if entry is None or entry.version != version or now >= entry.served_until:
                return None
            entries.append(entry)
        return ends_of(entries)

    def why_missing(self, scope: S, keys: Sequence[K]) -> list[MissReason]:
        """A guess for each key, for metrics only."""
        if self.shelves.knows_nothing:
            return [MissReason.COLD] * len(keys)
        shelf = self.shelves.get(scope, ())
        return [MissReason.EXPIRED if key in shelf else self.shelves.why_missing(scope, key) for key in keys]
