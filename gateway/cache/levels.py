"""What all cached sources of one process share."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.cache.memory import Memory
from gateway.cache.metrics import CacheMetrics
from gateway.cache.purges import Purges


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The memory, what was purged, the counters, and the two things that tests hold still.

    `clock` gives seconds since the epoch, because ages are compared between hosts; `chance` is
    uniform in [0, 1).
    """

    memory: Memory
    purges: Purges = field(default_factory=Purges)
    metrics: CacheMetrics = field(default_factory=CacheMetrics)
    clock: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random


def open_levels(
    *, max_entries: int = 100_000, max_bytes: int = 256 * 1024 * 1024, clock: Callable[[], float] = time.time
) -> Levels:
    """The levels of one process: memory alone."""
    metrics = CacheMetrics()
    memory = Memory(max_entries=max_entries, max_bytes=max_bytes, counters=metrics.memory)
    return Levels(memory=memory, metrics=metrics, clock=clock)
