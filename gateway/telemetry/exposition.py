"""Figures as Prometheus reads them.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gateway.telemetry.readings import Sample, Spread
from gateway.telemetry.vocabulary import METRICS, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WORKER = "worker"
_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class WorkersCollector(Collector):
    """What the workers counted, each series with its `worker`."""

    def __init__(self, by_worker: Mapping[str, Iterable[Sample]]) -> None:
        self._by_worker = by_worker

    def collect(self) -> Iterator[_Family]:
        """One family per metric of the vocabulary that somebody has figures for."""
        families: dict[str, _Family] = {}
        for worker, samples in self._by_worker.items():
            for sample in samples:
                family = families.get(sample.metric)
                if family is None:
                    family = families[sample.metric] = open_family(METRICS[sample.metric])
                add_sample(family, sample, worker)
        yield from families.values()


def write_exposition(by_worker: Mapping[str, Iterable[Sample]]) -> bytes:
    """The whole page."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(by_worker))
    page: bytes = generate_latest(registry)
    return page


def open_family(metric: Metric) -> _Family:
    labels = (WORKER, *metric.labels)
    if metric.kind == "histogram":
        return HistogramMetricFamily(metric.name, metric.help, labels=labels)
    if metric.kind == "counter":
        return CounterMetricFamily(metric.name, metric.help, labels=labels)
    return GaugeMetricFamily(metric.name, metric.help, labels=labels)


def add_sample(family: _Family, sample: Sample, worker: str) -> None:
    labels = [worker, *sample.labels]
    if isinstance(sample.value, Spread):
        assert isinstance(family, HistogramMetricFamily)
        family.add_metric(labels, buckets(METRICS[sample.metric].bounds, sample.value), sample.value.total)
    else:
        assert not isinstance(family, HistogramMetricFamily)
        family.add_metric(labels, sample.value)


def buckets(bounds: Sequence[float], whole: Spread) -> list[tuple[str, float]]:
    """Prometheus wants its buckets cumulated."""
    ends = [*map(floatToGoString, bounds), "+Inf"]
    return [(end, float(number)) for end, number in zip(ends, accumulate(whole.counts), strict=True)]
