"""The first look at an answer: is it one, and does it say "too often"?"""

from collections.abc import Callable
from typing import Final

import httpx

from clients.errors import SourceThrottled
from clients.http import decide_objection
from gateway.resilience.guard import Clock, Guard, operation_of, source_of
from gateway.resilience.meter import Meter
from gateway.resilience.throttling import Dialect, throttle_wait_s

OUR_FAULT: Final = frozenset(range(400, 500)) - {401, 403, 408, 425}
"""Refusals that speak against this one call and not against the upstream. A refused key is not among
them: every call would fail, and some vendors lock a key that goes on trying."""


class AnswerGuard(Guard):
    """Notes that a call is really being sent, and turns answers that are none into errors.

    Throttling raises SourceThrottled with the wait that the vendor asked for; server faults, refused
    keys, redirects and bodies that do not call themselves JSON raise what the client would make of
    them. Other refusals (4xx) pass, and so do those that the dialect says are understood: they are
    answers, and the client reads them.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, dialect: Dialect, meter: Meter, clock: Clock, epoch: Callable[[], float]
    ) -> None:
        super().__init__(inner)
        self._dialect = dialect
        self._meter = meter
        self._clock = clock
        self._epoch = epoch

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the call and look at what came back."""
        request.extensions["sent_at"] = self._clock()
        self._meter.note_sent(operation_of(request))
        response = await self.inner.handle_async_request(request)
        await self._object(request, response)
        return response

    async def _object(self, request: httpx.Request, response: httpx.Response) -> None:
        source, status = source_of(request), response.status_code
        objection = decide_objection(source, status, response.headers)
        if objection is None:
            return
        body = await response.aread()
        wait_s = throttle_wait_s(self._dialect, status, response.headers, body, self._epoch())
        if wait_s is not None:
            raise SourceThrottled(source, f"HTTP {status}", wait_s)
        if status not in OUR_FAULT | self._dialect.understood:
            raise objection
