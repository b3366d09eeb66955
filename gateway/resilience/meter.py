"""What happens to the calls of one upstream, as plain numbers that anybody may export."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

from gateway.exemplar import Exemplar, Exemplify
from gateway.resilience.guard import Clock, Guard, operation_of
from gateway.resilience.outcome import Outcome, outcome_of

LATENCY_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0)


class Histogram:
    """Counts per bucket, and the sum in seconds; `bounds[i]` is the upper end of bucket i, the last one has none.

    `exemplars` has the last traced example by bucket.
    """

    __slots__ = ("bounds", "counts", "exemplars", "sum_s")

    def __init__(self, bounds: tuple[float, ...] = LATENCY_BOUNDS_S) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum_s = 0.0
        self.exemplars: dict[int, Exemplar] = {}

    @property
    def total(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def add(self, seconds: float, exemplar: Exemplar | None = None) -> None:
        """Count one."""
        bucket = bisect_left(self.bounds, seconds)
        self.counts[bucket] += 1
        self.sum_s += seconds
        if exemplar is not None:
            self.exemplars[bucket] = exemplar

    def quantile(self, share: float) -> float:
        """The upper end of the bucket in which this share is reached; infinite when empty or beyond the last bound."""
        wanted, seen = share * self.total, 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen and seen >= wanted:
                return bound
        return float("inf")

    def halve(self) -> None:
        """Forget half of what was, so that the recent weighs more."""
        self.counts = [count // 2 for count in self.counts]
        self.sum_s /= 2


@dataclass(slots=True)
class Meter:
    """Counters since the start; `asked` is what clients wanted, `sent` what the upstream got to see.

    `exemplify` is set by whoever traces.
    """

    asked: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)
    retry_refused: Counter[str] = field(default_factory=Counter)
    hedged: Counter[str] = field(default_factory=Counter)
    latency: dict[str, Histogram] = field(default_factory=dict)
    in_flight: int = 0
    exemplify: Exemplify | None = None

    def note_sent(self, operation: str) -> None:
        """One call goes out to the wire."""
        self.sent[operation] += 1

    def note_end(self, operation: str, outcome: Outcome, elapsed_s: float) -> None:
        """One call that a client asked for is over."""
        self.asked[operation, outcome] += 1
        histogram = self.latency.get(operation)
        if histogram is None:
            histogram = self.latency[operation] = Histogram()
        histogram.add(elapsed_s, None if self.exemplify is None else self.exemplify(elapsed_s))


class MeterGuard(Guard):
    """Counts each call that a client asked for, with all its waiting and retries, and passes it on to `note`."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, meter: Meter, note: Callable[[Outcome, float], None], clock: Clock
    ) -> None:
        super().__init__(inner)
        self._meter = meter
        self._note = note
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on and note how it ended."""
        started = self._clock()
        self._meter.in_flight += 1
        outcome = outcome_of(None)
        try:
            return await self.inner.handle_async_request(request)
        except BaseException as error:
            outcome = outcome_of(error)
            raise
        finally:
            ended = self._clock()
            self._meter.in_flight -= 1
            self._meter.note_end(operation_of(request), outcome, ended - started)
            self._note(outcome, ended)
