"""How those who waited for a load that failed or was slow are told: at twice the pace at which they came.

Hundreds may wait for a source that hangs, and its end is one moment. Told in that moment, they would
all finish their pages in the next half second, and whoever needs no word of that source would stand
behind them. So they are told over half of the time that the first of them has waited. Of those who
came evenly nobody waits longer than the first did, of others nobody half as long again or beyond the
own deadline, and a failure that came quickly is told quickly. They go in small groups, not singly:
pages that go on together share their next calls.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from gateway.cache.flights import Promise, Waiter

TOLD_AT_ONCE = 2
"""So many are told in one turn of the loop."""

EVERY_S = 0.02
"""From one group to the next: within the time of a usual call, so that groups are small and yet share calls."""

SHARE = 0.5
"""Of the time that the first has waited, all are told within so much."""

SMALLEST = 4
"""A group has so many at least: a few who share a call are in nobody's way, and need not wait for each other."""

SLOW_S = 0.5
"""An answer that came sooner is told in one moment: it has fewer waiters, and they would wait for little."""


def is_slow(waiters: Sequence[tuple[Waiter, int]], now: float) -> bool:
    """Whether the first of those who wait has waited for long; `now` is the loop's time."""
    return bool(waiters) and now - waiters[0][0].since >= SLOW_S


def decide_group(waiting: int, waited_s: float) -> int:
    """How many are told every `EVERY_S`, so that the last go within `SHARE` of the time the first has waited."""
    return max(SMALLEST, math.ceil(waiting / max(1, round(SHARE * waited_s / EVERY_S))))


class Telling:
    """Those who still have to be told what came of one load, who waited longest first.

    `outcome` says what one of them gets, at the moment when it is told: in its turn, or by its own
    deadline if that comes first. `end` is called when nobody is left.
    """

    __slots__ = ("_end", "_group", "_left", "_loop", "_next_at", "_outcome", "_waiters")

    def __init__(
        self, waiters: Sequence[tuple[Waiter, int]], outcome: Callable[[], Any], end: Callable[["Telling"], None]
    ) -> None:
        self._waiters = deque(waiters)
        self._outcome = outcome
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._next_at = self._loop.time()
        for waiter, index in waiters:
            waiter.promise(index, Promise(outcome))
        self._left = self._group = decide_group(len(waiters), self._next_at - waiters[0][0].since)

    def go_on(self) -> None:
        """Tell some now, and the others in the next turns of the loop and the next groups."""
        self._left -= self._tell(min(TOLD_AT_ONCE, self._left))
        if not self._waiters:
            self._end(self)
        elif self._left:
            self._loop.call_soon(self.go_on)
        else:
            self._left = self._group
            self._next_at += EVERY_S
            self._loop.call_at(self._next_at, self.go_on)

    def finish(self) -> None:
        """Tell all who are left at once."""
        self._tell(len(self._waiters))
        self._end(self)

    def _tell(self, most: int) -> int:
        """Tell so many, if there are; returns how many."""
        count = min(most, len(self._waiters))
        for _ in range(count):
            waiter, index = self._waiters.popleft()
            waiter.land(index, self._outcome())
        return count
