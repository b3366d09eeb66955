"""One traced example of what a histogram counted: from a bucket in a chart to the trace of somebody who fell in it."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Exemplar(NamedTuple):
    """`trace_id` in 32 hex digits, the value as it was counted, and when (seconds since the epoch)."""

    trace_id: str
    value: float
    at: float


Exemplify: TypeAlias = Callable[[float], Exemplar | None]
"""Makes an exemplar of a value, if whatever is under way at this moment is traced and its trace is kept."""
