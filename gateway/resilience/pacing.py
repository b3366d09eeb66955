"""Calls wait for their turn under a quota; the more important overtake."""

import asyncio
from collections.abc import Callable

import httpx

from clients.errors import SourceThrottled
from clients.http import Priority
from gateway.resilience.gate import Line, Turn, wait_turn
from gateway.resilience.guard import Clock, Guard, deadline_of, source_of
from gateway.resilience.policy import Quota
from gateway.resilience.quota import QuotaStore
from gateway.resilience.throttling import exhausted_wait_s

WAITING = 1000
"""How many may wait for one quota; beyond it the least important are refused."""

LEAST_USEFUL_S = 0.02
"""A turn that comes closer to the deadline than this is worth nothing and is not waited for."""


SHORTEST_WAIT_S = 0.001
"""So that a wait rounded to nothing does not become a busy loop."""


class Turnstile:
    """Lets calls through one by one, as fast as the store grants them, the most important first.

    While somebody waits, one task asks the store on behalf of whoever is first in line at that
    moment; so a newcomer that is more important gets the next grant without anybody losing one.
    """

    def __init__(self, store: QuotaStore, key: str, quota: Quota | None, clock: Clock) -> None:
        self._store = store
        self._key = key
        self._quota = quota
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._open_at = 0.0
        self.line = Line(WAITING, len(Priority))
        self.quota_left: float | None = None if quota is None else 1.0

    async def look(self) -> None:
        """Learn which share of the quota is left at this moment, for those who watch; `None` stands without a quota."""
        if self._quota is not None:
            self.quota_left = 1.0 - await self._store.count_used(self._key, self._quota)

    @property
    def closed_for_s(self) -> float:
        """Seconds until the next turn, as far as is known here; 0.0 when one may be had now."""
        return max(0.0, self._open_at - self._clock())

    async def pass_through(self, priority: Priority, until: float) -> float:
        """Wait for a turn. Returns 0.0 with it, or without it the seconds after which asking again makes sense."""
        if not len(self.line) or not self.line.ahead_of(priority):
            wait_s = await self._store.take(self._key, self._quota, priority)
            if wait_s <= 0:
                return 0.0
            self._open_at = self._clock() + wait_s
        wait_s = expected_wait_s(self._open_at - self._clock(), self.line.ahead_of(priority), self._quota)
        if self._clock() + wait_s > until:
            return wait_s
        return await self._queue(priority, until)

    async def pause(self, wait_s: float) -> None:
        """Nobody passes for so long: the vendor said so."""
        self._open_at = max(self._open_at, self._clock() + wait_s)
        await self._store.pause(self._key, wait_s)

    async def aclose(self) -> None:
        """Send everybody away."""
        self.line.dismiss()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _queue(self, priority: Priority, until: float) -> float:
        place = self.line.join(priority)
        if place is None:
            return max(SHORTEST_WAIT_S, self._open_at - self._clock())
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve())
        try:
            turn = await wait_turn(place, until)
        finally:
            self.line.leave(place)
        return 0.0 if turn is Turn.CALLED else max(SHORTEST_WAIT_S, self._open_at - self._clock())

    async def _serve(self) -> None:
        while (first := self.line.first()) is not None:
            self._news.clear()
            wait_s = await self._store.take(self._key, self._quota, Priority(first.rank))
            if wait_s <= 0:
                self.line.call_next()
                continue
            self._open_at = self._clock() + wait_s
            try:
                await asyncio.wait_for(self._news.wait(), max(wait_s, SHORTEST_WAIT_S))
            except TimeoutError:
                continue


def expected_wait_s(first_wait_s: float, ahead: int, quota: Quota | None) -> float:
    """Seconds until a newcomer's turn: the next grant's wait, and a period for every full quota's worth ahead.

    It errs on the short side, for those ahead may give up; who waits in vain is told at the deadline.
    """
    rounds = ahead // quota.calls if quota else 0
    return max(0.0, first_wait_s) + (rounds * quota.period_s if quota else 0.0)


class QuotaGuard(Guard):
    """Sends a call when its turn has come; raises SourceThrottled when that would be after its deadline.

    Whatever the vendor says about its limits is believed: a throttled answer stops all calls for as
    long as it asks, an answer that reports an exhausted quota does so until the reset.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, turnstile: Turnstile, epoch: Callable[[], float]) -> None:
        super().__init__(inner)
        self._turnstile = turnstile
        self._epoch = epoch

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on in its turn."""
        priority: Priority = request.extensions.get("priority", Priority.PAGE)
        wait_s = await self._turnstile.pass_through(priority, deadline_of(request) - LEAST_USEFUL_S)
        if wait_s > 0:
            raise SourceThrottled(source_of(request), "no turn before the deadline", wait_s)
        try:
            response = await self.inner.handle_async_request(request)
        except SourceThrottled as error:
            await self._turnstile.pause(error.retry_after_s or 0.0)
            raise
        if speaks_of_limits(response.headers.raw):
            wait_s = exhausted_wait_s(response.headers, self._epoch()) or 0.0
            if wait_s > 0:
                await self._turnstile.pause(wait_s)
        return response

    async def aclose(self) -> None:
        """Send the waiting away and close what is inside."""
        await self._turnstile.aclose()
        await super().aclose()


def speaks_of_limits(raw_headers: list[tuple[bytes, bytes]]) -> bool:
    """A cheap first look: most answers say nothing of limits, and asking httpx for six headers is dear."""
    for name, _ in raw_headers:  # noqa: SIM110 (a generator would cost more than the search)
        if name[-10:].lower() == b"-remaining":
            return True
    return False
