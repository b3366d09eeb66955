"""A gateway that sends its traces and figures to a collector."""

from collections.abc import Iterator

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from gateway.telemetry.vocabulary import METRICS
from tests.journeys.pages import BY_NAME
from tests.journeys.shop import Sandbox
from tests.ops.collector import Collector, metrics_of, open_collector
from tests.ops.watched import LABEL, SAMPLE, open_watched

pytestmark = pytest.mark.sockets
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
OPENMETRICS = {"accept": "application/openmetrics-text;version=1.0.0"}


@pytest.fixture(scope="module")
def told(sandbox: Sandbox) -> Iterator[tuple[Collector, str, str]]:
    """What a collector took of a gateway that ran and stopped; and its /metrics in both forms."""
    page = BY_NAME["05_product"]
    with open_collector() as collector:
        settings = {
            "GATEWAY_TELEMETRY__TRACES_URL": f"{collector.address}/v1/traces",
            "GATEWAY_TELEMETRY__TRACES_SHARE": "0",
            "GATEWAY_TELEMETRY__METRICS_URL": f"{collector.address}/v1/metrics",
            "GATEWAY_TELEMETRY__METRICS_EVERY_S": "3600",
        }
        with open_watched(sandbox, **settings) as watched:
            watched.gateway.client.headers["traceparent"] = f"00-{TRACE}-{CALLER}-01"
            assert "errors" not in watched.gateway.ask(page.document, page.variables).json()
            del watched.gateway.client.headers["traceparent"]
            watched.gateway.ask("query Unsampled { __typename }")
            plain = watched.ops.get("/metrics").text
            exposed = watched.ops.get("/metrics", headers=OPENMETRICS)
            assert exposed.headers["content-type"].startswith("application/openmetrics-text")
            collector.wait_for(collector.spans)
        yield collector, plain, exposed.text


def test_a_page_is_one_trace_under_its_caller(told: tuple[Collector, str, str]) -> None:
    """The operation is the caller's child, loads and calls are in the same trace, and no span is of a field."""
    spans = told[0].spans()
    by_name = {span.name: span for span in spans}
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert by_name["operation ProductPage"].parent_span_id.hex() == CALLER
    assert {"load product", "catalogue.products", "load product_price", "pricing.products"} <= by_name.keys()
    assert by_name["catalogue.products"].parent_span_id == by_name["load product"].span_id
    assert all(name.startswith(("operation ", "load ")) or "." in name for name in by_name)


def test_a_bucket_leads_to_a_trace(told: tuple[Collector, str, str]) -> None:
    """Durations of the traced page and of its calls have its trace id; what was not sampled has none."""
    _, plain, exposed = told
    traced = [line for line in exposed.splitlines() if "trace_id" in line]
    assert all(f'# {{trace_id="{TRACE}"}} ' in line for line in traced)
    assert {line.partition("{")[0] for line in traced} == {
        "gateway_operation_duration_seconds_bucket",
        "gateway_upstream_latency_seconds_bucket",
    }
    assert any('operation="ProductPage"' in line for line in traced)
    assert any('operation="catalogue.products"' in line for line in traced)
    assert not any("Unsampled" in line for line in traced)
    assert exposed.endswith("# EOF\n")
    assert "trace_id" not in plain


def series_of(resource: ResourceMetrics) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Names and labels of all that a collector was told at once."""
    found = set()
    for name, metric in metrics_of(resource).items():
        data = getattr(metric, metric.WhichOneof("data") or "")
        for point in data.data_points:
            found.add((name, frozenset((label.key, label.value.string_value) for label in point.attributes)))
    return found


def test_a_collector_is_told_what_prometheus_scrapes(told: tuple[Collector, str, str]) -> None:
    """At its end the process sends every series of /metrics under the same name, and no other but what came since."""
    collector, plain, _ = told
    (last,) = collector.resources()
    scraped = set()
    for line in plain.splitlines():
        if found := SAMPLE.match(line):
            name = found[1] if found[1] in METRICS else found[1].rpartition("_")[0]
            labels = {label: value for label, value in LABEL.findall(found[2]) if label not in ("worker", "le")}
            scraped.add((name, frozenset((label, value) for label, value in labels.items() if value)))
    sent = series_of(last)
    assert scraped <= sent
    assert {name for name, _ in sent} == {name for name, _ in scraped}
    for name, metric in metrics_of(last).items():
        kind = {"sum": "counter", "gauge": "gauge", "histogram": "histogram"}[metric.WhichOneof("data") or ""]
        assert (kind, metric.description) == (METRICS[name].kind, METRICS[name].help)


def test_a_collector_reads_the_same_figures(told: tuple[Collector, str, str]) -> None:
    """Counts, buckets and exemplars are those of the process; its instance has a name of its own."""
    (last,) = told[0].resources()
    assert {"service.name", "service.instance.id"} <= {label.key for label in last.resource.attributes}
    metrics = metrics_of(last)
    whole = metrics["gateway_operation_duration_seconds"].histogram
    (page,) = [p for p in whole.data_points if p.attributes[0].value.string_value == "ProductPage"]
    assert (page.count, sum(page.bucket_counts), page.sum > 0) == (1, 1, True)
    assert tuple(page.explicit_bounds) == METRICS["gateway_operation_duration_seconds"].bounds
    assert [exemplar.trace_id.hex() for exemplar in page.exemplars] == [TRACE]
    answers = metrics["gateway_operations_total"].sum
    assert answers.is_monotonic
    assert sum(point.as_double for point in answers.data_points) == 2
