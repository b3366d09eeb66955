"""A value that is fetched once for everybody and renewed before it runs out: an access token, a list kept for a day.

One fetch is under way at a time. It runs in a task of its own, under a deadline of its own, so that
nobody's haste or cancellation fails the others who wait for it. A value that is due for renewal is
given out while it is good, and renewed behind the back of whoever asks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, NamedTuple, TypeVar

from clients.errors import SourceError, SourceTimeout
from clients.http import CallTerms, Priority, call_terms
from clients.values import DataSource

V = TypeVar("V")

HELD_S: Final = 1.0
"""After a failure nothing is fetched behind anybody's back for so long; whoever has to wait may ask at once."""

REFUSED_S: Final = 30.0
"""For so long a refused key should not be shown again: some vendors lock one that goes on trying."""


class Lease(NamedTuple, Generic[V]):
    """A value, when it should be renewed, and when it is of no use any more: seconds since the epoch."""

    value: V
    refresh_at: float
    gone_at: float


class Renewed(Generic[V]):
    """The one value. `fetch` raises SourceErrors; `now` gives seconds since the epoch.

    After a failure that asking again does not change, everybody is told the same for `refused_s`.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Lease[V]]],
        source: DataSource,
        now: Callable[[], float],
        *,
        refused_s: float = 0.0,
    ) -> None:
        self._fetch = fetch
        self._source = source
        self._now = now
        self._refused_s = refused_s
        self._lease: Lease[V] | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: SourceError | None = None
        self._failed_at = float("-inf")

    async def get(self) -> V:
        """The value, waited for until the caller's deadline if there is none; raises a SourceError."""
        lease = self._usable()
        if lease is None:
            return await self._wait()
        if lease.refresh_at <= self._now():
            self._renew_behind()
        return lease.value

    def at_hand(self) -> V | None:
        """The value if it is there, None if it must be waited for; starts a renewal when one is due."""
        lease = self._usable()
        if lease is None or lease.refresh_at <= self._now():
            self._renew_behind()
        return None if lease is None else lease.value

    def drop(self, value: V) -> None:
        """The source refuses this value: unless it was replaced meanwhile, it is not given out again."""
        if self._lease is not None and self._lease.value == value:
            self._lease = None

    def _usable(self) -> Lease[V] | None:
        return self._lease if self._lease is not None and self._now() < self._lease.gone_at else None

    def _renew_behind(self) -> None:
        """Fetch while nobody waits, and not soon after a failure."""
        if self._task is None and self._now() >= self._failed_at + HELD_S and not self._is_refused():
            self._start(Priority.REFRESH)

    def _is_refused(self) -> bool:
        failure = self._failure
        return failure is not None and not failure.retryable and self._now() < self._failed_at + self._refused_s

    def _start(self, priority: Priority) -> None:
        self._failure = None
        self._task = asyncio.get_running_loop().create_task(self._fetch_one(priority))

    async def _fetch_one(self, priority: Priority) -> None:
        call_terms.set(CallTerms(priority=priority))
        try:
            self._lease = await self._fetch()
        except SourceError as error:
            self._failure, self._failed_at = error, self._now()
        finally:
            self._task = None

    async def _wait(self) -> V:
        """A fetch that somebody waits for is as important as whoever waits."""
        if self._task is None and self._failure is not None and self._is_refused():
            raise self._failure
        if self._task is None:
            self._start(call_terms.get().priority)
        assert self._task is not None
        try:
            async with asyncio.timeout_at(call_terms.get().deadline):
                await asyncio.shield(self._task)
        except TimeoutError:
            raise SourceTimeout(self._source, "what has to be there first did not come in time") from None
        if self._lease is None or self._failure is not None:
            raise self._failure or SourceTimeout(self._source, "what came was dropped at once")
        return self._lease.value
