"""Where telemetry looks on: around execution, around each dataset, and on the wire.

Each of these stands in the place of what it wraps and speaks its protocol. What is in memory passes
at the price of a few attributes: no task, no extra await.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from typing import Any, Final, Generic, Protocol, TypeVar

import httpx

from clients.errors import SourceError
from clients.eventual import Eventual, is_pending
from clients.scope import Asker, ForCustomer, InContext, OfCustomer, Public, Scope
from clients.values import Dataset
from gateway.cache.policy import SOURCE_OF
from gateway.cache.source import CachedSource
from gateway.http.operations import name_of
from gateway.http.ports import Executor, Incremental, RequestFacts, Result
from gateway.resilience.guard import Guard, operation_of
from gateway.resilience.outcome import outcome_of
from gateway.telemetry import vocabulary as v
from gateway.telemetry.logs import get_log
from gateway.telemetry.operations import OperationMeter
from gateway.telemetry.readings import Sample, count, spread
from gateway.telemetry.trail import Trail, current, describe_trail
from resolvers.loaders.loaders import Sources

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
log = get_log("gateway.operations")
_WIDEST: Final = len(v.BATCH_BOUNDS)


class WatchedExecutor:
    """Counts executions, and writes the waterfall of slow ones; stands behind the response level."""

    def __init__(
        self, inner: Executor, meter: OperationMeter, slow_s: float, fallbacks: Mapping[str, int] | None
    ) -> None:
        self._inner = inner
        self._meter = meter
        self._slow_s = slow_s
        self._pace = SlowLines()
        self._fallbacks = fallbacks
        self.executed = 0

    def execute(self, facts: RequestFacts, context: Any) -> Eventual[Result | Incremental]:
        """Run a query or a mutation."""
        self.executed += 1
        trail = Trail()
        current.set(trail)
        outcome = self._inner.execute(facts, context)
        if is_pending(outcome):
            return self._later(facts, trail, outcome)
        self._note(facts, trail)
        return outcome

    def subscribe(self, facts: RequestFacts, context: Any) -> Awaitable[AsyncGenerator[Result, None] | Result]:
        """Start a subscription."""
        return self._inner.subscribe(facts, context)

    async def _later(
        self, facts: RequestFacts, trail: Trail, outcome: Awaitable[Result | Incremental]
    ) -> Result | Incremental:
        try:
            return await outcome
        finally:
            self._note(facts, trail)

    def _note(self, facts: RequestFacts, trail: Trail) -> None:
        took_s = time.monotonic() - trail.began
        is_slow = took_s >= self._slow_s
        self._meter.note_execution(name_of(facts), facts.cost, is_slow=is_slow)
        if is_slow and self._pace.allows(trail.began + took_s):
            self._tell_slow(facts, trail, took_s)

    def _tell_slow(self, facts: RequestFacts, trail: Trail, took_s: float) -> None:
        log.warning(
            "slow operation",
            request_id=facts.request_id,
            operation=name_of(facts),
            document=facts.prepared.sha256,
            ms=round(took_s * 1000, 1),
            waterfall=describe_trail(trail, time.monotonic()),
            steps_left_out=trail.left_out,
            others_not_told=self._pace.take_untold(),
        )

    def read(self) -> Iterator[Sample]:
        """Executions by engine; without plans graphql-core runs everything."""
        on_core = self.executed if self._fallbacks is None else sum(self._fallbacks.values())
        yield count(v.EXECUTIONS, max(0, self.executed - on_core), "compiled")
        yield count(v.EXECUTIONS, on_core, "reference")
        for reason, number in (self._fallbacks or {}).items():
            yield count(v.FALLBACKS, number, reason)


class SlowLines:
    """Lets a few slow operations a second be told: when all are slow, telling of all would make them slower."""

    MOST_PER_S: Final = 5

    def __init__(self) -> None:
        self._second = 0
        self._told = 0
        self._untold = 0

    def allows(self, now: float) -> bool:
        """Whether one that ended now may be told; `now` is in seconds on the monotonic clock."""
        if int(now) != self._second:
            self._second, self._told = int(now), 0
        self._told += 1
        if self._told <= self.MOST_PER_S:
            return True
        self._untold += 1
        return False

    def take_untold(self) -> int:
        """How many were not told since this was asked last."""
        untold, self._untold = self._untold, 0
        return untold


class KeySampler(Protocol):
    """Whoever wants to see when some of the keys are asked for (`gateway/telemetry/reservoir.py`)."""

    @property
    def sampled(self) -> AbstractSet[Any]:
        """The keys that it wants to see."""

    def note(self, keys: Sequence[Hashable], scope: Scope) -> None:
        """These were asked for, and at least one of them is sampled."""

    def meet(self, keys: Sequence[Hashable], scope: Scope) -> None:
        """These were asked for, and at least one of them was not at hand."""


class WatchedSource(Generic[K, V]):
    """A dataset as requests ask it: how many keys at a time, which of them, and how long they wait."""

    def __init__(self, inner: CachedSource[K, V, Any], sampler: KeySampler) -> None:
        self._inner = inner
        self.is_of_customer = inner.is_of_customer
        self._ask = inner.load_many
        self._sampler = sampler
        self._project = PROJECTIONS[inner.policy.scope]
        self.batches = [0] * (_WIDEST + 1)
        self.keys = 0

    def load_many(self, keys: Sequence[K], asker: Asker) -> Eventual[list[V | SourceError | None]]:
        """As the dataset itself."""
        number = len(keys)
        self.batches[min(number.bit_length(), _WIDEST + 1) - 1 if number else 0] += 1
        self.keys += number
        answer = self._ask(keys, asker)
        if type(answer) is list:
            if not self._sampler.sampled.isdisjoint(keys):
                self._sampler.note(keys, self._project(asker))
        else:
            self._wait(keys, asker, answer)
        return answer

    def _wait(self, keys: Sequence[K], asker: Asker, answer: object) -> None:
        self._sampler.meet(keys, self._project(asker))
        trail = current.get()
        if trail is not None and isinstance(answer, asyncio.Future):
            step = trail.begin("wait for", f"{self._inner.dataset.value}, {len(keys)} keys")
            answer.add_done_callback(lambda done: step.end(describe_outcome(done)))

    def read(self) -> Iterator[Sample]:
        dataset = self._inner.dataset
        yield spread(v.LOADER_BATCH, self.batches, self.keys, SOURCE_OF[dataset].value, dataset.value)


PROJECTIONS: Final[Mapping[type[Scope], Callable[[Asker], Scope]]] = {
    Public: lambda asker: asker.public,
    InContext: lambda asker: asker.in_context,
    ForCustomer: lambda asker: asker.for_customer,
    OfCustomer: lambda asker: asker.of_customer,
}


def describe_outcome(done: asyncio.Future[Any]) -> str:
    """How a wait ended, in a word."""
    if done.cancelled() or done.exception() is not None:
        return "cancelled" if done.cancelled() else "failed"
    errors = [outcome for outcome in done.result() if isinstance(outcome, SourceError)]
    return f"{len(errors)} failed: {errors[0].code.value}" if errors else "answered"


def watch_sources(
    sources: Sources,
    by_dataset: Mapping[Dataset, CachedSource[Any, Any, Any]],
    samplers: Mapping[Dataset, KeySampler],
) -> tuple[Sources, list[WatchedSource[Any, Any]]]:
    """The same datasets for loaders, watched; and what watches them, to be read."""
    watched = {id(source): WatchedSource(source, samplers[dataset]) for dataset, source in by_dataset.items()}
    replaced = {field.name: watched[id(getattr(sources, field.name))] for field in fields(sources)}
    return Sources(**replaced), list(watched.values())


class WatchedWire(Guard):
    """Puts each call on the trail of the operation that set it off; stands between the guards and the wire."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on."""
        trail = current.get()
        if trail is None:
            return await self.inner.handle_async_request(request)
        step = trail.begin("call", operation_of(request))
        try:
            response = await self.inner.handle_async_request(request)
        except BaseException as error:
            step.end(outcome_of(error).value)
            raise
        step.end(f"HTTP {response.status_code}")
        return response
