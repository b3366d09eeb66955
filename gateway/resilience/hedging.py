"""A second, identical read when the first takes unusually long; the faster answer wins."""

import asyncio

import httpx

from gateway.resilience.guard import Clock, Guard, operation_of
from gateway.resilience.meter import Histogram, Meter
from gateway.resilience.policy import HedgePolicy
from gateway.resilience.retry import Budget

REMEMBERED = 1000
"""Beyond this many samples the older half fades, so that the quantile follows the upstream."""


class HedgeGuard(Guard):
    """Hedges idempotent calls within a budget of its own; without a policy it only passes calls on."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, policy: HedgePolicy | None, budget: Budget, meter: Meter, clock: Clock
    ) -> None:
        super().__init__(inner)
        self._policy = policy
        self._budget = budget
        self._meter = meter
        self._clock = clock
        self._took: dict[str, Histogram] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on, and a copy of it if it becomes late."""
        if self._policy is None or not request.extensions.get("idempotent", False):
            return await self.inner.handle_async_request(request)
        self._budget.earn()
        started = self._clock()
        response = await self._race(request, self._late_after_s(operation_of(request), self._policy))
        self._remember(operation_of(request), self._clock() - started)
        return response

    def _late_after_s(self, operation: str, policy: HedgePolicy) -> float:
        took = self._took.get(operation)
        if took is None or took.total < policy.min_samples:
            return float("inf")
        return took.quantile(policy.quantile)

    def _remember(self, operation: str, took_s: float) -> None:
        took = self._took.setdefault(operation, Histogram())
        took.add(took_s)
        if took.total > REMEMBERED:
            took.halve()

    async def _race(self, request: httpx.Request, late_after_s: float) -> httpx.Response:
        if late_after_s == float("inf"):
            return await self.inner.handle_async_request(request)
        first = asyncio.create_task(self.inner.handle_async_request(request))
        runners = {first}
        try:
            done, _ = await asyncio.wait(runners, timeout=late_after_s)
            if not done and self._budget.spend():
                self._meter.hedged[operation_of(request)] += 1
                runners.add(asyncio.create_task(self.inner.handle_async_request(twin_of(request))))
            return await first_good(runners, first)
        finally:
            for runner in runners:
                runner.cancel()
            await asyncio.gather(*runners, return_exceptions=True)


async def first_good(runners: set[asyncio.Task[httpx.Response]], first: asyncio.Task[httpx.Response]) -> httpx.Response:
    """The first answer; if all fail, what the original call failed with."""
    pending = runners
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for runner in done:
            if not runner.cancelled() and runner.exception() is None:
                return runner.result()
    return first.result()


def twin_of(request: httpx.Request) -> httpx.Request:
    """The same call with notes of its own: guards write into `extensions`."""
    twin = httpx.Request(
        request.method,
        request.url,
        headers=request.headers.raw,
        stream=httpx.ByteStream(request.content),
        extensions=dict(request.extensions),
    )
    twin.read()
    return twin
