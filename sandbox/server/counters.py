"""What an upstream received, counted exactly: one event loop, so no two calls count at once."""

import datetime as dt
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from sandbox.upstreams.contract import Json

KEPT_CALLS = 1000


@dataclass(slots=True)
class Call:
    """One request: how many keys it brought, and how it went. `status` stays None when nothing was answered."""

    operation: str
    keys: int
    started_at: dt.datetime
    status: int | None = None
    duration_ms: float | None = None

    def told(self) -> Json:
        return {
            "operation": self.operation,
            "keys": self.keys,
            "status": self.status,
            "startedAt": self.started_at.isoformat(),
            "durationMs": self.duration_ms,
        }


@dataclass(slots=True)
class OperationCount:
    """Calls and keys of one operation, and the most keys in one call."""

    calls: int = 0
    keys: int = 0
    max_batch: int = 0


@dataclass(slots=True)
class Counters:
    """Health checks and pictures are counted apart: `calls` are calls of the contract's operations only."""

    calls: int = 0
    health: int = 0
    media: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    operations: dict[str, OperationCount] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    log: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))

    @contextmanager
    def receiving(self, operation: str, keys: int) -> Iterator[Call]:
        """Count a call from here on; it is in flight until the block ends, however it ends."""
        call = Call(operation, keys, dt.datetime.now(dt.UTC))
        started = perf_counter()
        self._count(call)
        try:
            yield call
        finally:
            self.in_flight -= 1
            call.duration_ms = round((perf_counter() - started) * 1000, 3)
            if call.status is not None:
                self.statuses[call.status] += 1

    def _count(self, call: Call) -> None:
        self.calls += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        count = self.operations.setdefault(call.operation, OperationCount())
        count.calls += 1
        count.keys += call.keys
        count.max_batch = max(count.max_batch, call.keys)
        self.log.append(call)

    def reset(self) -> None:
        """Start over; calls in flight stay in flight."""
        self.calls = self.health = self.media = 0
        self.max_in_flight = self.in_flight
        self.operations.clear()
        self.statuses.clear()
        self.log.clear()

    def told(self, log: int) -> Json:
        """Everything, and the last calls, at most `log` of them."""
        return {
            "calls": self.calls,
            "operations": {
                name: {"calls": count.calls, "keys": count.keys, "maxBatch": count.max_batch}
                for name, count in self.operations.items()
            },
            "inFlight": self.in_flight,
            "maxInFlight": self.max_in_flight,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "health": self.health,
            "media": self.media,
            "log": [call.told() for call in list(self.log)[len(self.log) - min(log, len(self.log)) :]],
        }
