"""A result that may be here already.

Most answers of a warm gateway are in memory. Waiting for what is already there costs more than
the answer itself (a task, a trip through the event loop), so functions on the hot path return
either the result or an awaitable of it, and `then` continues in whichever way is right.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

T = TypeVar("T")
U = TypeVar("U")

Eventual: TypeAlias = T | Awaitable[T]


def then(eventual: Eventual[T], follow: Callable[[T], U]) -> Eventual[U]:
    """Apply `follow` to the result: now if it is here, later if it is not."""
    if inspect.isawaitable(eventual):
        return _later(eventual, follow)
    return follow(eventual)


async def _later(awaited: Awaitable[T], follow: Callable[[T], U]) -> U:
    return follow(await awaited)
