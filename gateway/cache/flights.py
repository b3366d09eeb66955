"""Loads under way, and who waits for them.

A flight is one key's load; it belongs to nobody, so whoever gives up waiting hurts no one else. A
waiter is one call's missing keys and the single future that its caller awaits: however many keys
a call misses, one future is made, and no task.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Late = Callable[[Any], Any]

STEP_SHARE = 0.75


def step_end(deadline: float, now: float) -> float:
    """When one wait of a page must end: three quarters of the time that the page has left, on the loop's clock.

    Fields stand on each other: a system that is waited for to the very end would take the time of
    those that are asked after it, and they would be blamed.
    """
    return now + STEP_SHARE * max(0.0, deadline - now)


class Flight:
    """One key on its way; lands once, at every waiter."""

    __slots__ = ("key", "waiters")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.waiters: list[tuple[Waiter, int]] = []


class Promise(NamedTuple):
    """In place of a key: its flight has landed, and `outcome` is what the waiter gets when it is told."""

    outcome: Callable[[], Any]


class Waiter:
    """A call with missing keys: fills the holes in its outcomes as flights land.

    `asked_at` is the purge epoch at which it asked: it must not be given what was purged since;
    `since` is when that was, on the loop's clock.
    """

    __slots__ = ("_missing", "_timer", "asked_at", "future", "outcomes", "since")

    def __init__(self, outcomes: list[Any], asked_at: int, loop: asyncio.AbstractEventLoop) -> None:
        self.outcomes = outcomes
        self.asked_at = asked_at
        self.since = loop.time()
        self.future: asyncio.Future[list[Any]] = loop.create_future()
        self._missing: dict[int, Any] = {}
        self._timer: asyncio.TimerHandle | None = None

    def board(self, flight: Flight, index: int) -> None:
        self._missing[index] = flight.key
        flight.waiters.append((self, index))

    def promise(self, index: int, promise: Promise) -> None:
        """One hole will be filled in a moment; at the deadline it is filled with what is promised."""
        if index in self._missing:
            self._missing[index] = promise

    def land(self, index: int, outcome: Any) -> None:
        """Fill one hole; the last one ends the wait."""
        if self._missing.pop(index, self) is self:
            return
        self.outcomes[index] = outcome
        if not self._missing:
            self._finish()

    def give_up_at(self, deadline: float, late: Late) -> None:
        """At `deadline` (loop time) fill what is still missing with `late(key)`, or with what was promised."""
        self._timer = self.future.get_loop().call_at(deadline, self._give_up, late)

    def _give_up(self, late: Late) -> None:
        if self.future.done():
            return
        for index, key in list(self._missing.items()):
            self.land(index, key.outcome() if type(key) is Promise else late(key))

    def _finish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.future.done():
            self.future.set_result(self.outcomes)


def split(flights: Sequence[Flight], most: int) -> list[Sequence[Flight]]:
    """Cut a departure into calls of at most `most` keys."""
    return [flights[start : start + most] for start in range(0, len(flights), most)]
