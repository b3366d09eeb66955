"""What the cache did, as plain numbers that anybody may read at any moment."""

from bisect import bisect_left
from dataclasses import dataclass, field

from clients.values import Dataset
from gateway.cache.freshness import MissReason

AGE_BOUNDS_S = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400)
LATENCY_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)


class Histogram:
    """Counts per bucket (`bounds` are inclusive upper ends, the last bucket is open), their sum and number."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class DatasetCounters:
    """One dataset's counts, in keys unless the name says calls.

    Every asked key is counted once as `hit` (fresh, from memory), `negative`, `revalidating` (served
    while it is refreshed), `coalesced` (somebody waits for it already), or `missed` by reason; a
    stale value that is served while no refresh is tried counts as `stale`. A missed or coalesced key
    whose load fails or is `late` and that falls back to its last good value counts as `stale` too.
    `found_shared` came from another process, `sent` went upstream. `served_age` (seconds) has one
    value of each call that memory answered at once, and every value that took a closer look.
    """

    asked: int = 0
    hit: int = 0
    negative: int = 0
    revalidating: int = 0
    stale: int = 0
    coalesced: int = 0
    missed: dict[MissReason, int] = field(default_factory=lambda: dict.fromkeys(MissReason, 0))
    found_shared: int = 0
    refreshed_early: int = 0
    sent: int = 0
    calls: int = 0
    failed: int = 0
    late: int = 0
    outrun_by_purge: int = 0
    served_age: Histogram = field(default_factory=lambda: Histogram(AGE_BOUNDS_S))


@dataclass(slots=True)
class MemoryCounters:
    """The memory level: how much is kept now, and what left."""

    entries: int = 0
    weight_bytes: int = 0
    evicted: int = 0
    expired: int = 0


@dataclass(slots=True)
class SharedCounters:
    """The shared level: round trips and what went wrong with them."""

    round_trips: int = 0
    errors: int = 0
    skipped: int = 0
    unreadable: int = 0
    latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_BOUNDS_S))


@dataclass(slots=True)
class ResponseCounters:
    """The response level, in responses; `refused` by the reason why one was not kept.

    `drafted` were kept without what is one customer's own, `filled` were made from such a draft. `prolonged`
    were kept on when they ended, as all that they show had come again as it was.
    """

    hit: int = 0
    missed: int = 0
    kept: int = 0
    drafted: int = 0
    filled: int = 0
    prolonged: int = 0
    refused: dict[str, int] = field(default_factory=dict)


class CacheMetrics:
    """All counters of one process's cache."""

    def __init__(self) -> None:
        self.datasets: dict[Dataset, DatasetCounters] = {}
        self.memory = MemoryCounters()
        self.shared = SharedCounters()
        self.responses = ResponseCounters()
        self.purged_tags = 0

    def of(self, dataset: Dataset) -> DatasetCounters:
        return self.datasets.setdefault(dataset, DatasetCounters())
