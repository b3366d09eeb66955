"""A vendor's published limit, kept on our side: calls wait for their turn instead of being refused.

The limit is kept as a record of the last calls and not as a bucket that fills up: a bucket of five
that gains five a second lets ten through in its first second, and the vendor counts to five.
"""

from bisect import bisect_right
from collections import deque
from dataclasses import replace
from typing import Protocol

from clients.http import Priority
from gateway.resilience.guard import Clock
from gateway.resilience.policy import Quota


class QuotaStore(Protocol):
    """Who keeps count of a quota: this process alone, or all processes together. It never raises."""

    async def take(self, key: str, quota: Quota | None, priority: Priority) -> float:
        """Take one call's worth. Returns 0.0 when it was granted, else the seconds until it may be."""

    async def pause(self, key: str, wait_s: float) -> None:
        """The vendor said to leave it alone for so long."""

    async def count_used(self, key: str, quota: Quota) -> float:
        """Look how much of a quota is used up at this moment: a share of it, 0.0 to 1.0; 1.0 while paused."""

    async def aclose(self) -> None:
        """Let go of connections."""


def calls_open_to(quota: Quota, priority: Priority) -> int:
    """How much of a quota this priority may use up: refreshes leave the reserve to those who wait."""
    if priority is not Priority.REFRESH:
        return quota.calls
    return max(1, quota.calls - round(quota.calls * quota.reserve))


def share_of(quota: Quota, processes: int) -> Quota:
    """One process's part when nobody keeps count for all.

    Less than one call per period becomes one call per several periods; rounding never gives the
    processes together more than the whole.
    """
    calls = quota.calls // processes
    if calls >= 1:
        return replace(quota, calls=calls)
    return replace(quota, calls=1, period_s=quota.period_s * processes / quota.calls)


class LocalQuotaStore:
    """Keeps count in this process."""

    def __init__(self, clock: Clock, processes: int = 1) -> None:
        self._clock = clock
        self._processes = processes
        self._granted: dict[str, deque[float]] = {}
        self._paused_until: dict[str, float] = {}

    async def take(self, key: str, quota: Quota | None, priority: Priority) -> float:
        """See `QuotaStore.take`."""
        now = self._clock()
        wait_s = self._paused_until.get(key, 0.0) - now
        if wait_s > 0:
            return wait_s
        if quota is None:
            return 0.0
        return self._take(key, share_of(quota, self._processes), priority, now)

    async def pause(self, key: str, wait_s: float) -> None:
        """See `QuotaStore.pause`."""
        self._paused_until[key] = max(self._paused_until.get(key, 0.0), self._clock() + wait_s)

    async def count_used(self, key: str, quota: Quota) -> float:
        """See `QuotaStore.count_used`; of this process's share."""
        now, own = self._clock(), share_of(quota, self._processes)
        if self._paused_until.get(key, 0.0) > now:
            return 1.0
        granted = self._granted.get(key, ())
        gone = bisect_right(granted, now - own.period_s - own.margin_s)
        return min(1.0, (len(granted) - gone) / own.calls)

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def note(self, key: str, quota: Quota) -> None:
        """Somebody else granted a call to this process: it counts here too, should we be left alone with the count."""
        self._record(key, share_of(quota, self._processes), self._clock())

    def _take(self, key: str, quota: Quota, priority: Priority, now: float) -> float:
        wait_s = window_wait_s(self._granted.get(key, ()), quota, calls_open_to(quota, priority), now)
        if wait_s <= 0:
            self._record(key, quota, now)
            return 0.0
        return wait_s

    def _record(self, key: str, quota: Quota, now: float) -> None:
        granted = self._granted.get(key)
        if granted is None or granted.maxlen != quota.calls:
            granted = self._granted[key] = deque(granted or (), maxlen=quota.calls)
        granted.append(now)


def window_wait_s(granted: "deque[float] | tuple[()]", quota: Quota, open_calls: int, now: float) -> float:
    """Seconds until the `open_calls`-th last grant is a period (and the margin) old; 0.0 when it is."""
    if len(granted) < open_calls:
        return 0.0
    return max(0.0, granted[-open_calls] + quota.period_s + quota.margin_s - now)
