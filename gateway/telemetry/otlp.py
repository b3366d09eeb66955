"""Figures for an OpenTelemetry collector: the vocabulary of `/metrics`, sent by each worker for itself.

Names, kinds and buckets are those of `gateway/telemetry/vocabulary.py`; labels are attributes, and an
empty label, which Prometheus takes for none, is left out. In place of the label `worker` the resource
has a `service.instance.id`, new with every process, so that a collector sees where counting began anew.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics import export as otel
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gateway import exemplar
from gateway.telemetry.readings import Sample, Spread
from gateway.telemetry.vocabulary import METRICS, Metric

SERVICE: Final = "commerce-gateway"
SEND_WITHIN_S: Final = 5.0
LAST_WITHIN_S: Final = 2.0
UNITS: Final = {"seconds": "s", "bytes": "By"}
"""By a name's last word before `_total`; others have none, for a collector would put it into the name."""


class Figures:
    """One process's figures as OpenTelemetry writes them; `began_at` in seconds since the epoch."""

    def __init__(self, began_at: float) -> None:
        self._began_ns = _ns(began_at)
        self._resource = Resource({"service.name": SERVICE, "service.instance.id": str(uuid.uuid4())})

    def write(self, samples: Iterable[Sample], at: float) -> otel.MetricsData:
        """All figures of one moment."""
        by_metric: dict[str, list[Sample]] = {}
        for sample in samples:
            by_metric.setdefault(sample.metric, []).append(sample)
        metrics = [self._write_metric(METRICS[name], found, _ns(at)) for name, found in by_metric.items()]
        scope = otel.ScopeMetrics(InstrumentationScope(SERVICE), metrics, "")
        return otel.MetricsData([otel.ResourceMetrics(self._resource, [scope], "")])

    def _write_metric(self, metric: Metric, samples: Iterable[Sample], at_ns: int) -> otel.Metric:
        since_start = otel.AggregationTemporality.CUMULATIVE
        data: otel.DataT
        if metric.kind == "histogram":
            data = otel.Histogram([self._write_spread(metric, sample, at_ns) for sample in samples], since_start)
        elif metric.kind == "counter":
            data = otel.Sum([self._write_number(metric, sample, at_ns) for sample in samples], since_start, True)
        else:
            data = otel.Gauge([self._write_number(metric, sample, at_ns) for sample in samples])
        return otel.Metric(metric.name, metric.help, unit_of(metric.name), data)

    def _write_number(self, metric: Metric, sample: Sample, at_ns: int) -> otel.NumberDataPoint:
        assert not isinstance(sample.value, Spread)
        return otel.NumberDataPoint(attributes_of(metric, sample), self._began_ns, at_ns, sample.value)

    def _write_spread(self, metric: Metric, sample: Sample, at_ns: int) -> otel.HistogramDataPoint:
        whole = sample.value
        assert isinstance(whole, Spread)
        return otel.HistogramDataPoint(
            attributes=attributes_of(metric, sample),
            start_time_unix_nano=self._began_ns,
            time_unix_nano=at_ns,
            count=whole.number,
            sum=whole.total,
            bucket_counts=whole.counts,
            explicit_bounds=metric.bounds,
            min=None,  # type: ignore[arg-type]  # the protocol lets them out, the class does not say so
            max=None,  # type: ignore[arg-type]
            exemplars=[write_exemplar(found) for _, found in whole.exemplars],
        )


def attributes_of(metric: Metric, sample: Sample) -> dict[str, str]:
    return {label: value for label, value in zip(metric.labels, sample.labels, strict=True) if value}


def unit_of(name: str) -> str:
    return UNITS.get(name.removesuffix("_total").rpartition("_")[2], "")


def write_exemplar(found: exemplar.Exemplar) -> Exemplar:
    """The trace alone: which of its spans was counted is seen in it."""
    return Exemplar({}, found.value, _ns(found.at), 0, int(found.trace_id, 16))


def _ns(at: float) -> int:
    return round(at * 1_000_000_000)


@asynccontextmanager
async def sending(
    exporter: otel.MetricExporter,
    read: Callable[[], list[Sample]],
    every_s: float,
    now: Callable[[], float] = time.time,
) -> AsyncIterator[None]:
    """Send the figures now and then while the block runs, and once more at its end.

    A collector that is away loses nothing but moments: counters go on, and the next sending has them.
    """
    figures, closing = Figures(now()), asyncio.Event()

    async def send_on() -> None:
        while not closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), every_s)
            written = figures.write(read(), now())
            # A thread, for the exporter waits for the network; it logs what goes wrong, and raises nothing.
            await asyncio.to_thread(exporter.export, written)

    task = asyncio.create_task(send_on())
    try:
        yield
    finally:
        closing.set()
        await asyncio.wait([task], timeout=LAST_WITHIN_S)
        exporter.shutdown()  # ends a sending that waits to try again
        await asyncio.gather(task, return_exceptions=True)


def open_exporter(url: str) -> otel.MetricExporter:
    """An exporter to an OTLP collector, e.g. http://collector:4318/v1/metrics."""
    return OTLPMetricExporter(endpoint=url, timeout=SEND_WITHIN_S)
