"""Figures as Prometheus reads them.

https://prometheus.io/docs/instrumenting/exposition_formats/
Who asks for OpenMetrics, as Prometheus does, gets exemplars too; the older text format has no place for them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from gateway.telemetry.readings import Sample, Spread
from gateway.telemetry.vocabulary import METRICS, Metric

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


class Page(NamedTuple):
    """A page of figures and its media type."""

    body: bytes
    content_type: str


def write_exposition(by_worker: Mapping[str, Iterable[Sample]], accept: str = "") -> Page:
    """The whole page in the best form of those that `accept`, a header, names."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkersCollector(by_worker))
    encode, content_type = choose_encoder(accept)
    return Page(encode(registry), content_type)


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


def buckets(bounds: Sequence[float], whole: Spread) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
    """Prometheus wants its buckets cumulated; an exemplar stands at the bucket that its value is in."""
    ends = [*map(floatToGoString, bounds), "+Inf"]
    traced = {
        bucket: Exemplar({"trace_id": found.trace_id}, found.value, found.at) for bucket, found in whole.exemplars
    }
    return [
        (end, float(number), traced[bucket]) if bucket in traced else (end, float(number))
        for bucket, (end, number) in enumerate(zip(ends, accumulate(whole.counts), strict=True))
    ]
