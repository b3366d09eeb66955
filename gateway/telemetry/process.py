"""The process itself: time, memory, files, and how late its event loop is."""

import asyncio
import gc
import resource
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.telemetry import vocabulary as v
from gateway.telemetry.readings import Sample, count, spread

LOOK_EVERY_S = 0.1
_PAGE_BYTES = resource.getpagesize()
_STATM = Path("/proc/self/statm")
_FILES = Path("/proc/self/fd")


class LoopLag:
    """How late the event loop is to its timers, looked at ten times a second."""

    def __init__(self) -> None:
        self.counts = [0] * (len(v.LAG_BOUNDS_S) + 1)
        self.total_s = 0.0

    def note(self, late_s: float) -> None:
        self.counts[bisect_left(v.LAG_BOUNDS_S, late_s)] += 1
        self.total_s += late_s

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Look for as long as the block runs."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self.note(max(0.0, loop.time() - due))

    def read(self) -> Iterator[Sample]:
        yield spread(v.LOOP_LAG, self.counts, self.total_s)


class ProcessFigures:
    """What the operating system and the interpreter say of this process."""

    def __init__(self) -> None:
        self._started_at = time.time()

    def read(self) -> Iterator[Sample]:
        """Memory and open files only where /proc tells them."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        yield count(v.CPU, used.ru_utime + used.ru_stime)
        yield count(v.STARTED, self._started_at)
        if _STATM.exists():
            yield count(v.RESIDENT, int(_STATM.read_text().split()[1]) * _PAGE_BYTES)
            yield count(v.OPEN_FILES, sum(1 for _ in _FILES.iterdir()))
        for generation, stats in enumerate(gc.get_stats()):
            yield count(v.COLLECTIONS, stats["collections"], str(generation))
