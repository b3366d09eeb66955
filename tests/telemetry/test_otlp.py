import asyncio
import threading
from typing import Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from gateway.exemplar import Exemplar
from gateway.telemetry import vocabulary as v
from gateway.telemetry.otlp import Figures, sending, unit_of
from gateway.telemetry.readings import Sample, count, spread
from gateway.telemetry.vocabulary import METRICS, Metric


def sample_of(metric: Metric) -> Sample:
    """Some figure of this metric."""
    labels = [f"some {label}" for label in metric.labels]
    if metric.kind == "histogram":
        return spread(metric, [1] * (len(metric.bounds) + 1), 2.0, *labels)
    return count(metric, 3, *labels)


def test_the_whole_vocabulary_can_be_sent() -> None:
    """Every metric arrives under its name with its kind, help, labels and buckets, as the protocol writes them."""
    written = Figures(began_at=1.0).write(map(sample_of, METRICS.values()), at=2.0)
    (resource,) = encode_metrics(written).resource_metrics
    sent = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    assert sent.keys() == METRICS.keys()
    kinds = {"counter": "sum", "gauge": "gauge", "histogram": "histogram"}
    for name, metric in METRICS.items():
        kind = sent[name].WhichOneof("data")
        assert (kind, sent[name].description) == (kinds[metric.kind], metric.help)
        (point,) = getattr(sent[name], kind or "").data_points
        assert tuple(label.key for label in point.attributes) == metric.labels
        began = 0 if metric.kind == "gauge" else 1_000_000_000
        assert (point.start_time_unix_nano, point.time_unix_nano) == (began, 2_000_000_000)
        if metric.kind == "histogram":
            assert tuple(point.explicit_bounds) == metric.bounds
            assert (point.count, len(point.bucket_counts)) == (len(metric.bounds) + 1, len(metric.bounds) + 1)


def test_what_prometheus_takes_for_no_label_is_none() -> None:
    """An empty label is left out; units are those that names tell, and no others."""
    written = Figures(1.0).write([count(v.REQUESTS_REFUSED, 1, "rate", "")], 2.0)
    (metric,) = written.resource_metrics[0].scope_metrics[0].metrics
    assert metric.data.data_points[0].attributes == {"reason": "rate"}
    names = ("process_cpu_seconds_total", "gateway_cache_memory_bytes", "gateway_operations_total", "gateway_up_ratio")
    assert [unit_of(name) for name in names] == ["s", "By", "", ""]


def test_exemplars_are_sent() -> None:
    """A histogram's point names the trace."""
    found = Exemplar("0af7651916cd43dd8448eb211c80319c", 0.25, 1.5)
    sample = spread(v.LOOP_LAG, [1] * (len(v.LAG_BOUNDS_S) + 1), 1.0, exemplars={3: found})
    sent = encode_metrics(Figures(1.0).write([sample], 2.0)).resource_metrics[0].scope_metrics[0].metrics[0]
    (exemplar,) = sent.histogram.data_points[0].exemplars
    assert (exemplar.trace_id.hex(), exemplar.as_double) == (found.trace_id, 0.25)


class Hanging(MetricExporter):
    """A collector that never answers, until it is given up."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[MetricsData] = []
        self.given_up = threading.Event()

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        self.sent.append(metrics_data)
        self.given_up.wait(60)
        return MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        self.given_up.set()


async def test_a_collector_that_hangs_holds_nobody_up() -> None:
    """While it hangs the loop goes on and nothing piles up; when the process stops it is given up."""
    exporter, turns = Hanging(), 0
    began = asyncio.get_running_loop().time()
    async with sending(exporter, lambda: [count(v.FAULTS, 0)], every_s=0.01):
        while turns < 20:
            await asyncio.sleep(0.01)
            turns += 1
        assert len(exporter.sent) == 1
    assert asyncio.get_running_loop().time() - began < 20.0  # it would hang for a minute
