"""One worker's answers to the questions of `questions.py`: what it counted, what it keeps, what it is told to do."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from clients.scope import OfCustomer, Scope
from clients.values import Dataset
from gateway.cache.levels import Levels
from gateway.cache.metrics import DatasetCounters
from gateway.cache.policy import SOURCE_OF
from gateway.cache.purge import purge
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from gateway.cache.tags import InvalidTag
from gateway.ops import questions as q
from gateway.ops.entries import PERSONAL, find_largest, look_up, look_up_stored, weigh_datasets
from gateway.ops.history import History, Part, add_up
from gateway.ops.lab import Point, Terms, replay, terms_to_try
from gateway.ops.sizes import Stream, decide_parts, fit, replay_sizes, replay_terms
from gateway.resilience.breaker import BreakerState
from gateway.resilience.stack import GuardedUpstream
from gateway.telemetry.readings import Readings
from gateway.telemetry.reservoir import Observed
from gateway.telemetry.telemetry import Telemetry

MOST_DEEDS: Final = 50
HOLDS: Final[Mapping[str, BreakerState | None]] = {
    "open": BreakerState.HELD_OPEN,
    "closed": BreakerState.HELD_CLOSED,
    "auto": None,
}
"""What an operator may say to a breaker."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """What a desk looks into and acts on."""

    telemetry: Telemetry
    levels: Levels
    shared: Shared | None
    datasets: Mapping[Dataset, CachedSource[Any, Any, Any]]
    guarded: Mapping[Any, GuardedUpstream]


class Desk:
    """Answers one question after the other."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self.history = History(lambda: Readings(rooms.telemetry.read()))
        self.deeds: deque[q.Deed] = deque(maxlen=MOST_DEEDS)
        for dataset, reservoir in rooms.telemetry.samples.reservoirs.items():
            reservoir.count_by(partial(count_asked, rooms.levels.metrics.of(dataset)))

    async def answer(self, text: bytes) -> bytes:
        """One question of another worker, or of our own page; raises msgspec.DecodeError for what is none."""
        return q.encode(await self._answer(q.decode_question(text)))

    async def _answer(self, question: q.AnyQuestion) -> Any:  # noqa: C901, PLR0911 -- one line per question
        rooms = self._rooms
        match question:
            case q.Figures():
                return rooms.telemetry.read()
            case q.PastHour():
                return self.history.steps()
            case q.TopMissed():
                return self._top_missed()
            case q.LookUp(text):
                return await look_up(rooms.datasets.values(), text, rooms.levels.clock(), rooms.shared)
            case q.LookUpStored(text):
                return await self._look_up_stored(text)
            case q.Largest():
                return await find_largest(rooms.datasets.values(), rooms.levels.clock())
            case q.Try(dataset):
                return await self._draw_curve(dataset)
            case q.TrySizes(dataset):
                return await self._draw_sizes(dataset)
            case q.PurgeTags(tags, is_published):
                return await self._purge(tags, is_published=is_published)
            case q.HoldBreaker():
                return self._hold(question)
            case q.Deeds():
                return list(self.deeds)

    async def _look_up_stored(self, text: str) -> list[q.Found]:
        """Under the scopes that anything was asked for lately."""
        rooms = self._rooms
        if rooms.shared is None:
            return []
        samples = rooms.telemetry.samples.reservoirs.values()
        scopes: set[Scope] = {scope for reservoir in samples for scope in reservoir.scopes()}
        return await look_up_stored(rooms.datasets, text, scopes, rooms.levels.clock(), rooms.shared)

    def _top_missed(self) -> dict[str, list[tuple[str, int]]]:
        """Without the datasets whose keys name people."""
        return {
            dataset.value: keys.top()
            for dataset, keys in self._rooms.telemetry.samples.missed.items()
            if dataset not in PERSONAL and self._rooms.datasets[dataset].policy.scope is not OfCustomer
        }

    async def _purge(self, tags: tuple[str, ...], *, is_published: bool) -> q.Done:
        """Purge here, and with `is_published` through the shared store as well, which tells other machines."""
        try:
            purged = await purge(tags, self._rooms.levels, self._rooms.shared if is_published else None)
        except InvalidTag as error:
            return q.Done(is_done=False, note=str(error))
        return q.Done(is_done=True, note="" if purged.is_everywhere else "the shared store has not taken it yet")

    def _hold(self, question: q.HoldBreaker) -> q.Done:
        guarded = next((g for g in self._rooms.guarded.values() if g.policy.name == question.source), None)
        if guarded is None or question.state not in HOLDS or question.operation not in known_operations(guarded):
            return q.Done(is_done=False, note="no such breaker in this worker yet")
        guarded.hold(question.operation, HOLDS[question.state])
        return q.Done(is_done=True)

    async def _draw_curve(self, dataset: Dataset) -> q.Curve:
        observed = self._rooms.telemetry.samples.reservoirs[dataset].observe()
        points = await self._replay(dataset, observed, terms_to_try(self._terms(dataset)))
        measured = self.history.measure(observed.since).get(dataset.value)
        questions = sum(map(len, observed.times))
        return q.Curve(
            points, len(observed.times), questions, observed.share, observed.since, observed.asked, rate_of(measured)
        )

    async def _replay(self, dataset: Dataset, observed: Observed, tried: Sequence[Terms]) -> list[Point]:
        if self._rooms.levels.memory.counters.evicted:
            return await replay_terms(await self._streams(), dataset, tried, time.time())
        return [await replay(observed, terms, time.time()) for terms in tried]

    async def _streams(self) -> list[Stream]:
        """The sampled questions of all datasets, with what their entries take of the memory that they share."""
        rooms = self._rooms
        parts = decide_parts(await weigh_datasets(rooms.datasets.values()), rooms.levels.memory)
        return [
            Stream(
                dataset=name,
                observed=reservoir.observe(),
                terms=self._terms(name),
                kept_s=rooms.datasets[name].policy.kept_s,
                part=parts.get(name, 0.0),
            )
            for name, reservoir in rooms.telemetry.samples.reservoirs.items()
        ]

    async def _draw_sizes(self, dataset: Dataset) -> q.SizeCurve:
        memory, streams = self._rooms.levels.memory, await self._streams()
        points = await replay_sizes(streams, dataset, time.time())
        since = max((stream.observed.since for stream in streams if stream.observed.times), default=0.0)
        measured = self.history.measure(since)
        own, together = measured.get(dataset.value), rate_of(add_up(measured.values()))
        return q.SizeCurve(
            points=fit(points, rate_of(own), together),
            replayed=next((point.hit_rate for point in points if point.factor == 1), None) if own else None,
            max_entries=memory.max_entries,
            max_bytes=memory.max_bytes,
            held=max(memory.counters.weight_bytes / memory.max_bytes, memory.counters.entries / memory.max_entries),
            asked=round(own.asked) if own else 0,
            measured=rate_of(own),
            all_measured=together,
        )

    def _terms(self, dataset: Dataset) -> Terms:
        """The terms in force, and how long a load takes."""
        policy = self._rooms.datasets[dataset].policy
        return Terms(policy.fresh_s, policy.stale_while_revalidate_s, self._load_s(dataset))

    def _load_s(self, dataset: Dataset) -> float:
        """How long calls of the dataset's source take on average."""
        source = SOURCE_OF[dataset]
        took = [
            histogram
            for guarded in self._rooms.guarded.values()
            if guarded.policy.source is source
            for histogram in guarded.meter.latency.values()
        ]
        calls = sum(histogram.total for histogram in took)
        return sum(histogram.sum_s for histogram in took) / calls if calls else 0.0


def rate_of(part: Part | None) -> float | None:
    return part.at_hand / part.asked if part is not None and part.asked else None


def count_asked(counters: DatasetCounters) -> int:
    return counters.asked


def known_operations(guarded: GuardedUpstream) -> set[str]:
    return set(guarded.breakers.states())
