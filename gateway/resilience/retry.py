"""Second tries: only where harmless, only while the budget lasts, at a random moment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from clients.errors import SourceThrottled, SourceUnavailable
from gateway.resilience.guard import Clock, Guard, deadline_of, operation_of
from gateway.resilience.meter import Meter
from gateway.resilience.outcome import Crowded
from gateway.resilience.policy import RetryPolicy

LEAST_USEFUL_S = 0.02
"""A try that would have less time than this is not made."""


@dataclass(slots=True)
class Budget:
    """Every call earns `share` of an extra one; `savings` bounds what is saved up in quiet times.

    It starts empty, so calls sent never exceed (1 + share) times calls asked, counted from any start.
    """

    share: float
    savings: float
    left: float = 0.0

    def earn(self) -> None:
        """One call was asked for."""
        self.left = min(self.savings, self.left + self.share)

    def spend(self) -> bool:
        """Pay for one extra call, or learn that it cannot be paid."""
        if self.left < 1.0 - _ROUNDING:
            return False
        self.left -= 1.0
        return True


_ROUNDING = 1e-9


def retry_pause_s(tries_made: int, policy: RetryPolicy, dice: float) -> float:
    """Full jitter: anywhere from nothing to a bound that doubles per try; `dice` is in [0, 1)."""
    bound_s: float = min(policy.cap_s, policy.base_s * 2**tries_made)
    return dice * bound_s


def may_retry(error: Exception) -> bool:
    """Whether the same call may well succeed a moment later.

    A call that timed out has had its time, one that broke its contract will break it again, and an
    open breaker or a crowded bulkhead is our own word.
    """
    if isinstance(error, Crowded):
        return False
    if isinstance(error, SourceUnavailable | SourceThrottled | httpx.ConnectTimeout):
        return True
    return isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)


class RetryGuard(Guard):
    """Tries idempotent calls again within their deadline."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        policy: RetryPolicy,
        budget: Budget,
        meter: Meter,
        clock: Clock,
        dice: Callable[[], float],
    ) -> None:
        super().__init__(inner)
        self._policy = policy
        self._budget = budget
        self._meter = meter
        self._clock = clock
        self._dice = dice

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on, and again if that makes sense; the last error is the one raised."""
        self._budget.earn()
        tries_made = 0
        while True:
            tries_made += 1
            try:
                return await self.inner.handle_async_request(request)
            except Exception as error:
                pause_s = self._decide_pause_s(request, error, tries_made)
                if pause_s is None:
                    raise
            await asyncio.sleep(pause_s)

    def _decide_pause_s(self, request: httpx.Request, error: Exception, tries_made: int) -> float | None:
        """How long to wait before the next try; None when there is to be none."""
        if tries_made >= self._policy.attempts or not request.extensions.get("idempotent", False):
            return None
        if not may_retry(error):
            return None
        pause_s = retry_pause_s(tries_made, self._policy, self._dice())
        asked_s = getattr(error, "retry_after_s", None) or 0.0
        if self._clock() + max(pause_s, asked_s) + LEAST_USEFUL_S > deadline_of(request):
            return None
        if not self._budget.spend():
            self._meter.retry_refused[operation_of(request)] += 1
            return None
        self._meter.retried[operation_of(request)] += 1
        return pause_s if isinstance(error, SourceThrottled) else max(pause_s, asked_s)
