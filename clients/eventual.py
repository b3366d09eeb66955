"""A result that may be here already.

Most answers of a warm gateway are in memory. Waiting for what is already there costs more than
the answer itself (a task, a trip through the event loop), so functions on the hot path return
either the result or an awaitable of it, and `then` continues in whichever way is right.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from typing_extensions import TypeIs

T = TypeVar("T")
U = TypeVar("U")

Eventual: TypeAlias = T | Awaitable[T]


def is_pending(eventual: Eventual[T]) -> TypeIs[Awaitable[T]]:
    """Whether the result must still be waited for."""
    return hasattr(eventual, "__await__")


def then(eventual: Eventual[T], follow: Callable[[T], Eventual[U]]) -> Eventual[U]:
    """Apply `follow` to the result: now if it is here, later if it is not."""
    if is_pending(eventual):
        return _later(eventual, follow)
    return follow(eventual)


async def _later(awaited: Awaitable[T], follow: Callable[[T], Eventual[U]]) -> U:
    followed: Any = follow(await awaited)
    return await followed if is_pending(followed) else followed  # type: ignore[no-any-return]
