import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from clients.errors import SourceTimeout
from clients.scope import Public
from clients.values import Dataset, DataSource
from gateway.telemetry.traces import TracedWire, Tracing, open_tracer, trace_fetch

RU = Public(language="ru")


class Echo(httpx.AsyncBaseTransport):
    """Answers 200 and remembers the last headers."""

    headers: httpx.Headers | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.headers = request.headers
        return httpx.Response(200, json={})


def call() -> httpx.Request:
    notes = {"source": DataSource.PRICING, "operation": "pricing.prices"}
    return httpx.Request("POST", "http://pricing.test/v1/prices/batch", extensions=notes)


async def test_a_call_is_under_its_load_and_the_system_is_told() -> None:
    """The call's span is a child of the load's, and `traceparent` names both trace and call."""
    kept, wire = InMemorySpanExporter(), Echo()
    with open_tracer(kept, 1.0) as tracer:
        traced = TracedWire(wire, tracer)

        async def fetch(keys, scope):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            await traced.handle_async_request(call())
            return {}

        await trace_fetch(tracer, Dataset.PRICE, fetch)(["a", "b"], RU)
    spans = {span.name: span for span in kept.get_finished_spans()}
    outer, inner = spans["load price"], spans["pricing.prices"]
    assert outer.attributes
    assert outer.attributes["gateway.keys"] == 2
    assert inner.parent
    assert inner.context
    assert outer.context
    assert inner.parent.span_id == outer.context.span_id
    assert wire.headers
    assert wire.headers["traceparent"].startswith(f"00-{inner.context.trace_id:032x}-{inner.context.span_id:016x}-")


async def test_a_failed_load_says_so_in_a_word() -> None:
    """The span has the code of what went wrong, and the error goes on to who asked."""
    kept = InMemorySpanExporter()
    with open_tracer(kept, 1.0) as tracer:

        async def fetch(keys, scope):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            raise SourceTimeout(DataSource.PRICING, "secret detail")

        with pytest.raises(SourceTimeout):
            await trace_fetch(tracer, Dataset.PRICE, fetch)(["a"], RU)
    (span,) = kept.get_finished_spans()
    assert span.status.description == "TIMEOUT"
    assert "secret" not in span.to_json()


async def test_who_is_not_sampled_leaves_nothing() -> None:
    """With a share of nothing no span is kept."""
    kept = InMemorySpanExporter()
    with open_tracer(kept, 0.0) as tracer:
        await TracedWire(Echo(), tracer).handle_async_request(call())
    assert kept.get_finished_spans() == ()


async def test_only_what_is_sampled_has_an_exemplar() -> None:
    """A call under a sampled load is an example of its duration; under one that is not sampled, or none, it is not."""
    found = []
    for share in (1.0, 0.0):
        with open_tracer(InMemorySpanExporter(), share) as tracer:
            tracing = Tracing(tracer, now=lambda: 1_700_000_000.0)

            async def fetch(keys, scope):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
                found.append(tracing.exemplify_call(0.25))  # noqa: B023 -- called at once
                return {}

            await tracing.fetch(Dataset.PRICE, fetch)(["a"], RU)
            assert tracing.exemplify_call(0.25) is None
            assert tracing.exemplify_answer(0.25) is None
    sampled, unsampled = found
    assert sampled is not None
    assert (len(sampled.trace_id), sampled.value, sampled.at) == (32, 0.25, 1_700_000_000.0)
    assert unsampled is None
