"""Everything that one worker counts, made once and read at any moment."""

from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from clients.http import Priority
from clients.scope import Scope
from clients.values import Dataset
from gateway.cache.fetcher import Fetch
from gateway.cache.metrics import CacheMetrics
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from gateway.http.ports import Executor
from gateway.limits.slots import Slots
from gateway.resilience.admission import Admission
from gateway.resilience.stack import GuardedUpstream
from gateway.telemetry import vocabulary as v
from gateway.telemetry.cache_readings import read_cache
from gateway.telemetry.journal import OperationJournal, OperationLines, Which
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import Look, logging_to
from gateway.telemetry.names import OperationNames
from gateway.telemetry.operations import OperationMeter
from gateway.telemetry.process import LoopLag, ProcessFigures
from gateway.telemetry.readings import Sample, count
from gateway.telemetry.samples import Samples
from gateway.telemetry.scrubbing import Scrubber
from gateway.telemetry.upstream_readings import read_upstreams
from gateway.telemetry.watch import WatchedExecutor, WatchedWire, watch_sources
from resolvers.loaders.loaders import Sources

if TYPE_CHECKING:
    from gateway.telemetry.traces import Tracing  # its libraries are loaded only when traces are on

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S", bound=Scope)
Read = Callable[[], Iterator[Sample]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is written where: see `TelemetrySettings`."""

    look: Look = "json"
    lines: Which = "all"
    slow_s: float = 1.0


@dataclass(slots=True)
class Telemetry:
    """One worker's counters, and what stands between the rooms to count."""

    journal: OperationJournal
    meter: OperationMeter
    rules: Rules
    samples: Samples = field(default_factory=Samples)
    tracing: "Tracing | None" = None
    readers: list[Read] = field(default_factory=list)

    def trace_by(self, tracing: "Tracing") -> None:
        """Trace from now on; call before anything is watched."""
        self.tracing = tracing
        self.meter.exemplify = tracing.exemplify_answer

    def read(self) -> list[Sample]:
        """All figures of this moment."""
        return [sample for read in self.readers for sample in read()]

    def watch_executor(self, inner: Executor, fallbacks: Mapping[str, int] | None) -> Executor:
        """The same executor, counted; `fallbacks` are the engine's own counts, None when there are no plans."""
        watched = WatchedExecutor(inner, self.meter, self.rules.slow_s, fallbacks)
        self.readers.append(watched.read)
        return watched

    def watch_sources(self, sources: Sources, by_dataset: Mapping[Dataset, CachedSource[Any, Any, Any]]) -> Sources:
        """The same datasets for loaders, counted."""
        replaced, watched = watch_sources(sources, by_dataset, self.samples.reservoirs)
        self.readers += [source.read for source in watched]
        return replaced

    def watch_fetch(self, dataset: Dataset, fetch: Fetch[K, S, V]) -> Fetch[K, S, V]:
        """The same question to a source, with its keys remembered; traced if traces are on."""
        watched = self.samples.watch_fetch(dataset, fetch)
        return watched if self.tracing is None else self.tracing.fetch(dataset, watched)

    def watch_wire(self, wire: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """The same wire, with its calls on the trails of operations; traced if traces are on."""
        watched = WatchedWire(wire)
        return watched if self.tracing is None else self.tracing.wire(watched)

    def trace_executor(self, outermost: Executor) -> Executor:
        """The same executor; traced if traces are on."""
        return outermost if self.tracing is None else self.tracing.executor(outermost)

    def watch_cache(self, metrics: CacheMetrics, shared: Shared | None) -> None:
        self.readers.append(lambda: read_cache(metrics, shared))

    def watch_upstreams(self, guarded: Mapping[Any, GuardedUpstream]) -> None:
        self.readers.append(lambda: read_upstreams(guarded.values()))
        if self.tracing is not None:
            for upstream in guarded.values():
                upstream.meter.exemplify = self.tracing.exemplify_call

    def watch_door(self, admission: Admission, places: Slots) -> None:
        self.readers.append(lambda: read_door(admission, places))


def read_door(admission: Admission, places: Slots) -> Iterator[Sample]:
    """Who is inside, and who was sent away."""
    yield count(v.REQUESTS_INSIDE, admission.gate.inside)
    yield count(v.REQUESTS_LIMIT, admission.gate.limit)
    for priority in Priority:
        yield count(v.REQUESTS_REFUSED, admission.refused[priority], "overload", priority.name.lower())
    yield count(v.LONG_ANSWERS, len(places))


@asynccontextmanager
async def open_telemetry(
    rules: Rules, names: OperationNames | None = None, secrets: Sequence[str] = ()
) -> AsyncIterator[Telemetry]:
    """Count, and write lines without `secrets`, while the block runs; call inside the event loop that serves."""
    with ExitStack() as closing:
        writer = closing.enter_context(LineWriter())
        closing.enter_context(logging_to(writer, rules.look, Scrubber(secrets).scrub))
        meter, lag, process = OperationMeter(names), LoopLag(), ProcessFigures()
        lines = OperationLines(writer, rules.look, rules.lines)
        telemetry = Telemetry(OperationJournal(meter, lines), meter, rules)
        telemetry.readers += [meter.read, lag.read, process.read, writer.read]
        async with AsyncExitStack() as running:
            await running.enter_async_context(lag.followed())
            await running.enter_async_context(lines.flushed())
            yield telemetry
