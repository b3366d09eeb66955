"""What was worked out from a long-lived value, kept with it.

Values never change and live in the cache for minutes, so the key by which something else asks about
one need be made once, and not once per request. It goes when the value goes.
"""

from collections.abc import Callable
from typing import TypeVar

from clients.values import Value

T = TypeVar("T")
V = TypeVar("V", bound=Value)


def kept(value: V, name: str, make: Callable[[V], T]) -> T:
    """What `make` gives for the value; it must depend on nothing else."""
    worked_out: dict[str, T] = value.__dict__
    found = worked_out.get(name)
    if found is None:
        found = worked_out[name] = make(value)
    return found
