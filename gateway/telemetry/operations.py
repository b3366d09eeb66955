"""What became of operations, counted by name: a handful of additions for each."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import get_args

from gateway.exemplar import Exemplar, Exemplify
from gateway.http.errors import Limit
from gateway.http.ports import Answered
from gateway.telemetry import vocabulary as v
from gateway.telemetry.names import OperationNames
from gateway.telemetry.readings import Sample, count, spread

_BOUNDS = v.DURATION_BOUNDS_S


class OperationCounters:
    """One label's counts; `took` per bucket of the vocabulary's bounds, with the last traced answer of each."""

    __slots__ = ("codes", "cost_sum", "costs", "exemplars", "failed", "slow", "statuses", "took", "took_s")

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {200: 0}
        self.codes: Counter[str] = Counter()
        self.failed = 0
        self.took = [0] * (len(_BOUNDS) + 1)
        self.took_s = 0.0
        self.exemplars: dict[int, Exemplar] = {}
        self.costs = [0] * (len(v.COST_BOUNDS) + 1)
        self.cost_sum = 0.0
        self.slow = 0


class OperationMeter:
    """Counts answers and executions of one process; `exemplify` is set by whoever traces."""

    def __init__(self, names: OperationNames | None = None) -> None:
        self._names = names or OperationNames()
        self._by_label: dict[str, OperationCounters] = {}
        # From a client's name straight to its counters, so that an answer costs one lookup.
        self._by_name: dict[str | None, OperationCounters] = {}
        self.exemplify: Exemplify | None = None
        self.faults = 0
        self.refused: dict[Limit, int] = dict.fromkeys(get_args(Limit), 0)

    def note_answer(self, answer: Answered) -> None:
        """One answer was given."""
        counters = self._by_name.get(answer.operation) if answer.document is not None else None
        if counters is None:
            counters = self._meet(answer.operation, is_known_document=answer.document is not None)
        bucket = bisect_left(_BOUNDS, answer.took_s)
        counters.took[bucket] += 1
        counters.took_s += answer.took_s
        if self.exemplify is not None and (exemplar := self.exemplify(answer.took_s)) is not None:
            counters.exemplars[bucket] = exemplar
        counters.statuses[answer.status] = counters.statuses.get(answer.status, 0) + 1
        if answer.codes:
            counters.failed += 1
            counters.codes.update(answer.codes)

    def note_execution(self, operation: str | None, cost: int, *, is_slow: bool) -> None:
        """One operation was executed, as opposed to answered whole from the response level."""
        counters = self._by_name.get(operation) or self._meet(operation)
        counters.costs[bisect_left(v.COST_BOUNDS, cost)] += 1
        counters.cost_sum += cost
        counters.slow += is_slow

    def read(self) -> Iterator[Sample]:
        """All counts."""
        for label, counters in self._by_label.items():
            for status, number in counters.statuses.items():
                yield count(v.OPERATIONS, number, label, str(status))
            yield count(v.OPERATIONS_FAILED, counters.failed, label)
            for code, number in counters.codes.items():
                yield count(v.OPERATION_ERRORS, number, label, code)
            yield spread(v.OPERATION_DURATION, counters.took, counters.took_s, label, exemplars=counters.exemplars)
            yield spread(v.OPERATION_COST, counters.costs, counters.cost_sum, label)
            yield count(v.SLOW_OPERATIONS, counters.slow, label)
        yield count(v.FAULTS, self.faults)
        for limit, number in self.refused.items():
            yield count(v.REQUESTS_REFUSED, number, limit, "")

    def _meet(self, operation: str | None, *, is_known_document: bool = True) -> OperationCounters:
        label = self._names.label(operation, is_known_document=is_known_document)
        counters = self._by_label.get(label)
        if counters is None:
            counters = self._by_label[label] = OperationCounters()
        if is_known_document and label in (operation, "(unnamed)"):
            self._by_name[operation] = counters
        return counters
