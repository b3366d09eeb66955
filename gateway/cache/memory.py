"""The memory level: entries of all datasets in one process, bounded by number and by bytes.

Shelves (one dict per dataset and scope) answer a read with one lookup and no bookkeeping but a
bit; a ring of all entries decides who leaves. Measured against native libraries in
`benchmarks/cache.py`: those keep one flat map, so that each read builds and hashes a key that
holds the scope.
"""

from collections import deque

import msgspec

from gateway.cache.entry import Entry
from gateway.cache.freshness import MissReason
from gateway.cache.metrics import MemoryCounters

ENTRY_BYTES = 480
BYTES_PER_ENCODED = 5
SWEEP = 2


def weigh(value: object, encoded_bytes: int | None = None) -> int:
    """An entry's weight in bytes, near enough to bound memory; its exact size would cost more than the value.

    Reckoned from the length of its MessagePack form. Measured in `benchmarks/cache.py`, a decoded
    value takes two to five times that; what is written of it later and kept with it, as much again.
    """
    try:
        encoded_bytes = encoded_bytes or len(msgspec.msgpack.encode(value))
    except (TypeError, ValueError):
        encoded_bytes = 200
    return ENTRY_BYTES + BYTES_PER_ENCODED * encoded_bytes


class Memory:
    """A ring with a hand (CLOCK).

    Each insert moves the hand on: by two entries while there is room, dropping what is past its
    time, so the dead leave without a timer per key; over a bound as far as it takes, sparing once
    what was read since the hand last came by.
    """

    def __init__(
        self, *, max_entries: int = 100_000, max_bytes: int = 256 * 1024 * 1024, counters: MemoryCounters | None = None
    ) -> None:
        if max_entries < 1 or max_bytes < 1:
            raise ValueError(f"expected max_entries and max_bytes of 1 or more; got {max_entries} and {max_bytes}")
        self.counters = counters or MemoryCounters()
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self._ring: deque[Entry] = deque()

    def settle(self, entry: Entry, now: float, weight: int) -> None:
        """Account for an entry whose value was just written, and make room for it; `weight` in bytes."""
        if not entry.weight:
            self._ring.append(entry)
            self.counters.entries += 1
        self.counters.weight_bytes += weight - entry.weight
        entry.weight = weight
        self._turn(now)

    def drop(self, entry: Entry, reason: MissReason) -> None:
        """Let go of an entry now; its place in the ring is skipped when the hand comes by."""
        entry.shelf.shelves.remove(entry, reason)
        if entry.weight:
            self.counters.entries -= 1
            self.counters.weight_bytes -= entry.weight
        entry.weight = 0
        entry.value = None

    def _is_over(self) -> bool:
        return self.counters.entries > self.max_entries or self.counters.weight_bytes > self.max_bytes

    def _turn(self, now: float) -> None:
        steps = SWEEP
        while self._ring and (self._is_over() or steps > 0):
            steps -= 1
            self._judge(self._ring.popleft(), now)

    def _judge(self, entry: Entry, now: float) -> None:
        if not entry.weight:
            return
        if entry.gone_at <= now:
            self.counters.expired += 1
            self.drop(entry, MissReason.EXPIRED)
        elif self._is_over() and not entry.used:
            self.counters.evicted += 1
            self.drop(entry, MissReason.EVICTED)
        else:
            entry.used = False
            self._ring.append(entry)
