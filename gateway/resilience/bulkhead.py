"""A bounded number of calls to one upstream, so that its hanging costs nobody else a place."""

import httpx

from clients.http import Priority
from gateway.resilience.gate import Gate, Turn
from gateway.resilience.guard import Clock, Guard, deadline_of, source_of
from gateway.resilience.outcome import Crowded
from gateway.resilience.policy import BulkheadPolicy


def bulkhead_gate(policy: BulkheadPolicy, connections: int) -> Gate:
    """The gate of one upstream; never wider than its pool.

    A call that waited in the pool would count as sent, and its waiting against the upstream.
    """
    return Gate(min(policy.running, connections), policy.waiting, len(Priority))


class BulkheadGuard(Guard):
    """Lets a call through, makes it wait a moment, or raises `Crowded`."""

    def __init__(self, inner: httpx.AsyncBaseTransport, gate: Gate, wait_s: float, clock: Clock) -> None:
        super().__init__(inner)
        self._gate = gate
        self._wait_s = wait_s
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on while holding one place."""
        if not self._gate.try_enter():
            await self._wait(request)
        try:
            return await self.inner.handle_async_request(request)
        finally:
            self._gate.leave()

    async def _wait(self, request: httpx.Request) -> None:
        until = min(self._clock() + self._wait_s, deadline_of(request))
        turn = await self._gate.enter(request.extensions.get("priority", Priority.PAGE), until)
        if turn is not Turn.CALLED:
            detail = f"{self._gate.inside} running, {len(self._gate.line)} waiting: {turn.value}"
            raise Crowded(source_of(request), detail, retry_after_s=1.0)
