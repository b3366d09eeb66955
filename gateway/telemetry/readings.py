"""Figures at one moment: what one worker counted, and how the figures of several are looked at together."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from gateway.exemplar import Exemplar
from gateway.telemetry.vocabulary import METRICS, Metric

NO_EXEMPLARS: Final[Mapping[int, Exemplar]] = MappingProxyType({})


class Spread(NamedTuple):
    """A histogram's counts per bucket, not cumulated, the open one last; and the sum of what was counted.

    `exemplars` have the number of their bucket; they are of one moment, so sums and differences have none.
    """

    counts: tuple[int, ...]
    total: float
    exemplars: tuple[tuple[int, Exemplar], ...] = ()

    @property
    def number(self) -> int:
        return sum(self.counts)


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One figure: `labels` in the metric's order."""

    metric: str
    labels: tuple[str, ...]
    value: float | Spread


def count(metric: Metric, value: float, *labels: str) -> Sample:
    """A counter's or a gauge's figure."""
    return Sample(metric.name, labels, float(value))


def spread(
    metric: Metric, counts: Sequence[int], total: float, *labels: str, exemplars: Mapping[int, Exemplar] = NO_EXEMPLARS
) -> Sample:
    """A histogram's figure."""
    return Sample(metric.name, labels, Spread(tuple(counts), total, tuple(exemplars.items())))


def add_spreads(first: Spread, second: Spread) -> Spread:
    """Both together; of one metric, so of equal buckets."""
    return Spread(tuple(a + b for a, b in zip(first.counts, second.counts, strict=True)), first.total + second.total)


class Readings:
    """The figures of all workers added up, to be asked by label; gauges are added as well."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._numbers: dict[str, dict[tuple[str, ...], float]] = {}
        self._spreads: dict[str, dict[tuple[str, ...], Spread]] = {}
        self._indices: dict[tuple[str, str], dict[str, list[tuple[str, ...]]]] = {}
        for sample in samples:
            self._add(sample)

    def _add(self, sample: Sample) -> None:
        if isinstance(sample.value, Spread):
            spreads = self._spreads.setdefault(sample.metric, {})
            known = spreads.get(sample.labels)
            spreads[sample.labels] = sample.value if known is None else add_spreads(known, sample.value)
        else:
            numbers = self._numbers.setdefault(sample.metric, {})
            numbers[sample.labels] = numbers.get(sample.labels, 0.0) + sample.value

    def has(self, metric: Metric) -> bool:
        return bool(self._of(metric))

    def number(self, metric: Metric, **where: str) -> float:
        """The sum of a counter or gauge over all series with these labels."""
        numbers = self._numbers.get(metric.name, {})
        return sum(numbers[labels] for labels in self._chosen(metric, where))

    def spread(self, metric: Metric, **where: str) -> Spread:
        """A histogram over all series with these labels; empty when there are none."""
        spreads = self._spreads.get(metric.name, {})
        chosen = [spreads[labels] for labels in self._chosen(metric, where)]
        if not chosen:
            return Spread((0,) * (len(metric.bounds) + 1), 0.0)
        columns = zip(*(one.counts for one in chosen), strict=True)
        return Spread(tuple(map(sum, columns)), sum(one.total for one in chosen))

    def values(self, metric: Metric, label: str) -> list[str]:
        """All values of a label, sorted."""
        return sorted(self._index(metric, label))

    def since(self, before: "Readings") -> "Readings":
        """What was counted after `before`; a worker that started anew counts from nothing, never below it."""
        later = Readings()
        for name, numbers in self._numbers.items():
            old = before._numbers.get(name, {})  # noqa: SLF001 -- of our own kind
            is_counter = METRICS[name].kind == "counter"
            later._numbers[name] = {
                labels: max(0.0, value - old.get(labels, 0.0)) if is_counter else value
                for labels, value in numbers.items()
            }
        for name, spreads in self._spreads.items():
            was = before._spreads.get(name, {})  # noqa: SLF001 -- of our own kind
            later._spreads[name] = {labels: _grown(value, was.get(labels)) for labels, value in spreads.items()}
        return later

    def _of(self, metric: Metric) -> Mapping[tuple[str, ...], object]:
        return self._spreads.get(metric.name, {}) if metric.bounds else self._numbers.get(metric.name, {})

    def _index(self, metric: Metric, label: str) -> dict[str, list[tuple[str, ...]]]:
        """The series by one label's values; the page asks hundreds of times, so it is made once."""
        index = self._indices.get((metric.name, label))
        if index is None:
            index = self._indices[metric.name, label] = {}
            place = metric.labels.index(label)
            for labels in self._of(metric):
                index.setdefault(labels[place], []).append(labels)
        return index

    def _chosen(self, metric: Metric, where: Mapping[str, str]) -> Iterable[tuple[str, ...]]:
        if not where:
            return self._of(metric)
        (label, value), *others = where.items()
        chosen = self._index(metric, label).get(value, [])
        wanted = [(metric.labels.index(name), other) for name, other in others]
        return [labels for labels in chosen if all(labels[place] == other for place, other in wanted)]


def _grown(now: Spread, before: Spread | None) -> Spread:
    if before is None or before.number > now.number:
        return now
    counts = tuple(max(0, a - b) for a, b in zip(now.counts, before.counts, strict=True))
    return Spread(counts, max(0.0, now.total - before.total))


def quantile(whole: Spread, bounds: Sequence[float], share: float) -> float | None:
    """The value below which this share lies, straight lines within buckets; None when nothing was counted.

    As Prometheus reckons it (`histogram_quantile`); in the open bucket it is that bucket's lower end.
    """
    wanted, seen = share * whole.number, 0
    if not whole.number:
        return None
    lower = 0.0
    for bound, number in zip(bounds, whole.counts, strict=False):
        if number and seen + number >= wanted:
            return lower + (bound - lower) * (wanted - seen) / number
        seen += number
        lower = bound
    return lower
