"""What another size of memory would have done: the sampled questions of all datasets, answered again by a small memory.

A miniature simulation (Waldspurger, Saemundsson, Ahmad, Park, ATC '17): questions for a sample of the
keys meet the real memory (`gateway/cache/memory.py`), in which each entry weighs what all the keys
weigh that its own stands for. All datasets share one memory, so all take part, whichever is looked at.

Whole answers are kept in the same memory, and are not sampled: they are taken to have the part of it
that they have now, at any size.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from clients.values import Dataset
from gateway.cache.entry import NEVER
from gateway.cache.freshness import JITTER
from gateway.cache.memory import Memory
from gateway.ops.lab import AT_A_TIME, PAUSE_S, Point, Replayed, Terms, expect, point_of, scale
from gateway.telemetry.reservoir import Observed

FACTORS: Final = (0.0625, 0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
"""The sizes that are tried, as multiples of the one in force; ascending."""

MOST_OF_ONE: Final = 10_000
MOST_OF_OTHERS: Final = 2_000
"""Questions that are replayed of the dataset that is looked at, and of each other one."""

WHOLE: Final = 10**15
"""The memory in force, in the unit in which entries weigh here."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One dataset's questions; `part` is what an entry takes of the memory in force, on average."""

    dataset: Dataset
    observed: Observed
    terms: Terms
    kept_s: float
    part: float


class SizePoint(NamedTuple):
    """One point of the curve: a multiple of the size in force, hit rates of one dataset and of all, keys it sends."""

    factor: float
    hit_rate: float
    all_hit_rate: float
    sent_per_s: float


class _Nowhere:
    """Stands for the shelf of an entry that stands on none."""

    @property
    def shelves(self) -> "_Nowhere":
        return self

    def remove(self, *_: object) -> None:
        """It is nowhere; that its weight is nothing says that it left."""


_NOWHERE: Final = _Nowhere()


class Ghost:
    """An entry without a value, for `Memory`; with when its value came, and when the load under way will land."""

    __slots__ = ("gone_at", "lands_at", "received_at", "shelf", "tally", "used", "value", "weight")

    def __init__(self, tally: "Tally") -> None:
        self.tally = tally
        self.shelf = _NOWHERE
        self.value = None
        self.used = False
        self.weight = 0
        self.gone_at = self.received_at = NEVER
        self.lands_at = float("inf")


@dataclass(slots=True)
class Tally:
    """What came of one dataset's questions in a sample; `share` of its keys, `expected` questions."""

    stream: Stream
    share: float
    expected: float
    weight: int
    asked: int = 0
    served: int = 0
    old: int = 0
    sent: int = 0
    ages_s: float = 0.0

    def replayed(self) -> Replayed:
        return Replayed(self.asked, self.served, self.old, self.sent, self.ages_s)


@dataclass(slots=True)
class Miniature:
    """One memory of a certain size, met by questions in the order of time; those before `since` only warm it."""

    memory: Memory
    since: float
    tallies: dict[Dataset, Tally] = field(default_factory=dict)

    def ask(self, ghost: Ghost, at: float) -> None:
        """One question."""
        tally = ghost.tally
        terms = tally.stream.terms
        if not ghost.weight:  # it was never here, or had to go
            ghost.received_at, ghost.lands_at = NEVER, float("inf")
        elif ghost.lands_at <= at:
            ghost.received_at, ghost.lands_at = ghost.lands_at, float("inf")
        age_s = at - ghost.received_at
        is_fresh = age_s < terms.fresh_s * (1 - JITTER / 2)
        is_served = terms.fresh_s > 0 and age_s < terms.fresh_s + terms.stale_while_revalidate_s
        is_sent = not is_fresh and ghost.lands_at == float("inf")
        if is_served:
            ghost.used = True
        if at >= self.since:
            tally.asked += 1
            tally.served += is_served
            tally.old += is_served and not is_fresh
            tally.sent += is_sent
            tally.ages_s += age_s if is_served else 0.0
        if is_sent:
            ghost.lands_at = at + terms.load_s
            ghost.gone_at = ghost.lands_at + tally.stream.kept_s
            self.memory.settle(ghost, at, tally.weight)  # type: ignore[arg-type]  # as good as an entry here


class Sample(NamedTuple):
    """A stream's keys that are replayed, which share of all keys they are, and how many questions they should get."""

    stream: Stream
    times: Sequence[Sequence[float]]
    share: float
    expected: float


def thin(stream: Stream, most: int, since: float) -> Sample:
    """Every n-th key, so that at most about so many questions are left."""
    observed = stream.observed
    seen = sum(map(len, observed.times))
    step = max(1, -(-seen // most))
    counted = sum(len(times) - bisect_left(times, since) for times in observed.times)
    luck = expect(observed, seen) / seen if seen else 1.0
    return Sample(stream, observed.times[::step], observed.share / step, counted * luck / step)


async def replay_sizes(streams: Sequence[Stream], looked_at: Dataset, now: float) -> list[SizePoint]:
    """The curve of one dataset. It takes some seconds, for others have their turns in between."""
    asked_for = [stream for stream in streams if stream.observed.times]
    if not asked_for:
        return []
    since = max(stream.observed.since for stream in asked_for)
    samples = [
        thin(stream, MOST_OF_ONE if stream.dataset is looked_at else MOST_OF_OTHERS, since) for stream in asked_for
    ]
    points: list[SizePoint] = []
    for factor in FACTORS:
        small = Miniature(Memory(max_entries=WHOLE, max_bytes=max(1, round(WHOLE * factor))), since)
        async for turn in _in_turns(_board(small, samples)):
            for at, ghost in turn:
                small.ask(ghost, at)
        points.append(_point(factor, small, looked_at, now))
        if factor >= 1 and not small.memory.counters.evicted:
            break
    # What had room for everything has it at any larger size.
    return points + [points[-1]._replace(factor=factor) for factor in FACTORS[len(points) :]]


async def replay_terms(
    streams: Sequence[Stream], looked_at: Dataset, terms: Sequence[Terms], now: float
) -> list[Point]:
    """The curve of one dataset over terms, in a memory that is too small for all: what others push out is missed."""
    asked_for = [stream for stream in streams if stream.observed.times]
    since = max((stream.observed.since for stream in asked_for), default=now)
    points = []
    for tried in terms:
        told = [replace(stream, terms=tried) if stream.dataset is looked_at else stream for stream in asked_for]
        samples = [thin(s, MOST_OF_ONE if s.dataset is looked_at else MOST_OF_OTHERS, since) for s in told]
        small = Miniature(Memory(max_entries=WHOLE, max_bytes=WHOLE), since)
        async for turn in _in_turns(_board(small, samples)):
            for at, ghost in turn:
                small.ask(ghost, at)
        tally = small.tallies.get(looked_at)
        if tally is not None:
            points.append(point_of(tally.replayed(), tried, tally.expected, tally.share, max(1.0, now - since)))
    return points


def _board(small: Miniature, samples: Iterable[Sample]) -> list[tuple[Ghost, Sequence[float]]]:
    """A ghost for each key under each scope, with its questions."""
    ghosts = []
    for stream, lines, share, expected in samples:
        weight = max(1, round(WHOLE * stream.part / share))
        tally = small.tallies[stream.dataset] = Tally(stream, share, expected, weight)
        ghosts += [(Ghost(tally), times) for times in lines]
    return ghosts


async def _in_turns(ghosts: Sequence[tuple[Ghost, Sequence[float]]]) -> AsyncIterator[list[tuple[float, Ghost]]]:
    """All questions in the order of time, some hundreds at once."""
    first = min(times[0] for _, times in ghosts)
    last = max(times[-1] for _, times in ghosts)
    turns = 1 + sum(len(times) for _, times in ghosts) // AT_A_TIME
    length_s = (last - first) / turns + 1e-9
    slots: list[list[tuple[float, Ghost]]] = [[] for _ in range(turns)]
    for ghost, times in ghosts:
        for at in times:
            slots[min(turns - 1, int((at - first) / length_s))].append((at, ghost))
    for slot in slots:
        await asyncio.sleep(PAUSE_S)
        slot.sort(key=_moment)
        yield slot


def _moment(asked: tuple[float, Ghost]) -> float:
    return asked[0]


def _point(factor: float, small: Miniature, looked_at: Dataset, now: float) -> SizePoint:
    seconds = max(1.0, now - small.since)
    scaled = {dataset: scale(tally.replayed(), tally.expected) for dataset, tally in small.tallies.items()}
    share = {dataset: tally.share for dataset, tally in small.tallies.items()}
    asked = sum(whole.asked / share[dataset] for dataset, whole in scaled.items())
    served = sum(whole.served / share[dataset] for dataset, whole in scaled.items())
    own = small.tallies.get(looked_at)
    return SizePoint(
        factor=factor,
        hit_rate=scaled[looked_at].hit_rate if own else 0.0,
        all_hit_rate=served / asked if asked else 0.0,
        sent_per_s=own.sent / own.share / seconds if own else 0.0,
    )


def fit(points: Sequence[SizePoint], measured: float | None, all_measured: float | None) -> list[SizePoint]:
    """The same curve, led through what was measured at the size in force.

    A sample misses all sizes by about the same, so its misses are scaled: held against caches that
    really had half and double the memory, this takes the most of a sample's error away.
    """
    in_force = next((point for point in points if point.factor == 1), None)
    if in_force is None:
        return list(points)
    own, together = _surplus(in_force.hit_rate, measured), _surplus(in_force.all_hit_rate, all_measured)
    return [
        point._replace(
            hit_rate=max(0.0, 1 - (1 - point.hit_rate) * own),
            all_hit_rate=max(0.0, 1 - (1 - point.all_hit_rate) * together),
            sent_per_s=point.sent_per_s * own,
        )
        for point in points
    ]


def _surplus(replayed: float, measured: float | None) -> float:
    """How many misses there really are for each one that was replayed."""
    return 1.0 if measured is None or replayed >= 1 else (1 - measured) / (1 - replayed)


def merge_sizes(curves: Sequence[tuple[Sequence[SizePoint], int]]) -> list[SizePoint]:
    """The curves of several workers, each weighed by the questions that it was asked."""
    drawn = [(points, max(1, asked)) for points, asked in curves if points]
    whole = sum(asked for _, asked in drawn)
    return [
        SizePoint(
            factor=factor,
            hit_rate=sum(points[index].hit_rate * asked for points, asked in drawn) / whole,
            all_hit_rate=sum(points[index].all_hit_rate * asked for points, asked in drawn) / whole,
            sent_per_s=sum(points[index].sent_per_s for points, _ in drawn),
        )
        for index, factor in enumerate(FACTORS if drawn else ())
    ]


class Load(NamedTuple):
    """How many entries of a dataset memory holds, and their weight in bytes."""

    entries: int
    weight: int


def decide_parts(loads: Mapping[Any, Load], memory: Memory) -> dict[Any, float]:
    """What an entry of each dataset takes of the memory in force, on average.

    Of the two bounds the one counts that is nearer. What else stands in memory, whole answers, makes
    entries count for more.
    """
    counters = memory.counters
    by_bytes = counters.weight_bytes * memory.max_entries >= counters.entries * memory.max_bytes
    own = sum(load.weight if by_bytes else load.entries for load in loads.values())
    whole = counters.weight_bytes if by_bytes else counters.entries
    crowding = max(1.0, whole / own) if own else 1.0
    most = memory.max_bytes if by_bytes else memory.max_entries
    return {
        name: crowding * (load.weight / load.entries if by_bytes else 1) / most
        for name, load in loads.items()
        if load.entries
    }
