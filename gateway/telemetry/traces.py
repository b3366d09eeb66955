"""Traces: a span for each operation, each load of a batch, and each call on the wire; not one per field.

Off, none of this stands anywhere and it costs nothing. A load that several operations wait for
belongs to the trace of the one that set it off. Sampling follows the caller's `traceparent`
(https://www.w3.org/TR/trace-context/); who comes without one is sampled by `share`.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

import httpx
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from clients.errors import Outcomes, SourceError
from clients.eventual import Eventual, is_pending
from clients.scope import Scope
from clients.values import Dataset
from gateway.cache.fetcher import Fetch
from gateway.cache.policy import SOURCE_OF
from gateway.exemplar import Exemplar
from gateway.http.operations import name_of
from gateway.http.ports import Executor, Incremental, RequestFacts, Result
from gateway.resilience.guard import Guard, operation_of, source_of

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S", bound=Scope)
SERVICE: Final = "commerce-gateway"
_w3c = TraceContextTextMapPropagator()
_operation: ContextVar[SpanContext | None] = ContextVar("operation's span", default=None)
"""The operation that this request has run: its span has ended when its answer is counted."""


@contextmanager
def open_tracer(exporter: SpanExporter, share: float) -> Iterator[Tracer]:
    """Send spans to `exporter` while the block runs, and what waits at its end."""
    sampler = ParentBased(TraceIdRatioBased(share))
    provider = TracerProvider(sampler=sampler, resource=Resource({"service.name": SERVICE}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider.get_tracer(SERVICE)
    finally:
        provider.shutdown()


class TracedExecutor:
    """A span for each operation, under the caller's if it sent one; stands before everything else."""

    def __init__(self, inner: Executor, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    def execute(self, facts: RequestFacts, context: Any) -> Eventual[Result | Incremental]:
        """Run a query or a mutation."""
        span = self._start(facts)
        _operation.set(span.get_span_context())
        token = otel_context.attach(trace.set_span_in_context(span))
        try:
            outcome = self._inner.execute(facts, context)
        except BaseException as error:
            end(span, error)
            raise
        finally:
            otel_context.detach(token)
        if is_pending(outcome):
            return self._later(span, outcome)
        tell_errors(span, outcome)
        span.end()
        return outcome

    def subscribe(self, facts: RequestFacts, context: Any) -> Awaitable[AsyncGenerator[Result, None] | Result]:
        """Start a subscription, which has no span: it may last for hours."""
        return self._inner.subscribe(facts, context)

    async def _later(self, span: Span, pending: Awaitable[Result | Incremental]) -> Result | Incremental:
        token = otel_context.attach(trace.set_span_in_context(span))
        try:
            outcome = await pending
        except BaseException as error:
            end(span, error)
            raise
        finally:
            otel_context.detach(token)
        tell_errors(span, outcome)
        span.end()
        return outcome

    def _start(self, facts: RequestFacts) -> Span:
        sent = facts.headers.get(b"traceparent", b"").decode("latin-1")
        name = name_of(facts)
        return self._tracer.start_span(
            f"operation {name[:64]}" if name else "operation",
            context=_w3c.extract({"traceparent": sent}) if sent else otel_context.Context(),
            kind=SpanKind.SERVER,
            attributes={"graphql.document.hash": facts.prepared.sha256, "gateway.request_id": facts.request_id},
        )


def tell_errors(span: Span, outcome: Result | Incremental) -> None:
    """How many errors the answer has; their texts may hold what clients sent."""
    if isinstance(outcome, Result) and outcome.errors:
        span.set_attribute("gateway.errors", len(outcome.errors))


def end(span: Span, error: BaseException) -> None:
    """End a span with the kind of what went wrong."""
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    span.end()


def trace_fetch(tracer: Tracer, dataset: Dataset, fetch: Fetch[K, S, V]) -> Fetch[K, S, V]:
    """The same question to the source, in a span."""
    attributes: Mapping[str, str] = {"gateway.dataset": dataset.value, "gateway.source": SOURCE_OF[dataset].value}

    async def traced(keys: Sequence[K], scope: S) -> Outcomes[K, V]:
        with tracer.start_as_current_span(
            f"load {dataset.value}",
            attributes={**attributes, "gateway.keys": len(keys)},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                return await fetch(keys, scope)
            except SourceError as error:
                span.set_status(Status(StatusCode.ERROR, error.code.value))
                raise

    return traced


class TracedWire(Guard):
    """A span for each call on the wire, retries and hedges each their own; the system is told its trace."""

    def __init__(self, inner: httpx.AsyncBaseTransport, tracer: Tracer) -> None:
        super().__init__(inner)
        self._tracer = tracer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on."""
        span = self._tracer.start_span(
            operation_of(request), kind=SpanKind.CLIENT, attributes={"gateway.source": source_of(request).value}
        )
        _w3c.inject(request.headers, trace.set_span_in_context(span))
        try:
            response = await self.inner.handle_async_request(request)
        except BaseException as error:
            end(span, error)
            raise
        span.set_attribute("http.response.status_code", response.status_code)
        span.end()
        return response


class Tracing:
    """What stands between the rooms when traces are on."""

    def __init__(self, tracer: Tracer, now: Callable[[], float] = time.time) -> None:
        self._tracer = tracer
        self._now = now

    def exemplify_answer(self, took_s: float) -> Exemplar | None:
        """An exemplar of an answer whose operation was traced in this task."""
        return self._exemplify(_operation.get(), took_s)

    def exemplify_call(self, took_s: float) -> Exemplar | None:
        """An exemplar of a call that ends now, under the span of its load."""
        return self._exemplify(trace.get_current_span().get_span_context(), took_s)

    def _exemplify(self, span: SpanContext | None, value: float) -> Exemplar | None:
        if span is None or not span.trace_flags.sampled:
            return None
        return Exemplar(f"{span.trace_id:032x}", value, self._now())

    def wire(self, inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return TracedWire(inner, self._tracer)

    def fetch(self, dataset: Dataset, fetch: Fetch[K, S, V]) -> Fetch[K, S, V]:
        return trace_fetch(self._tracer, dataset, fetch)

    def executor(self, inner: Executor) -> Executor:
        return TracedExecutor(inner, self._tracer)


@contextmanager
def open_tracing(url: str, share: float) -> Iterator[Tracing]:
    """Send spans to an OTLP collector, e.g. http://collector:4318/v1/traces, while the block runs."""
    with open_tracer(OTLPSpanExporter(endpoint=url), share) as tracer:
        yield Tracing(tracer)
