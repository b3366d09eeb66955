"""One deadline per page, and what a single call gets of it."""

import httpx

from clients.errors import SourceTimeout
from gateway.resilience.guard import Clock, Guard, source_of
from gateway.resilience.policy import DeadlinePolicy


def call_deadline(now: float, page_deadline: float | None, policy: DeadlinePolicy) -> float:
    """When a call must be over: after its own limit, or early enough for the page to be written.

    Of the page's time left, `reserve_s` is kept back, but never more than a quarter of it, so that a
    late call still gets most of a short rest.
    """
    own = now + policy.total_s
    if page_deadline is None:
        return own
    left_s = page_deadline - now
    return min(own, page_deadline - min(policy.reserve_s, left_s / 4))


class DeadlineGuard(Guard):
    """Writes the call's deadline where the waiting guards and the wire engine look for it.

    They do the cutting, each by its own timer for the time that it holds the call; so a call costs
    one timer and not two. A page that is out of time raises SourceTimeout, and nothing is sent.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, policy: DeadlinePolicy, clock: Clock) -> None:
        super().__init__(inner)
        self._policy = policy
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the call on with its deadline."""
        now = self._clock()
        page_deadline: float | None = request.extensions.get("deadline")
        if page_deadline is not None and page_deadline <= now:
            raise SourceTimeout(source_of(request), "the page had no time left")
        request.extensions["deadline"] = call_deadline(now, page_deadline, self._policy)
        request.extensions["allowed_s"] = request.extensions["deadline"] - now
        return await self.inner.handle_async_request(request)
