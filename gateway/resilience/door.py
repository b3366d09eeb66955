"""Admission in the way of HTTP requests, as a plain ASGI layer."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import msgspec

from clients.http import Priority
from gateway.resilience.admission import Admission

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
RankOf = Callable[[Scope], Priority | None]
HeadersOf = Callable[[Scope], Sequence[tuple[bytes, bytes]]]

OVERLOADED = msgspec.json.encode(
    {"errors": [{"message": "The service is busy. Try again shortly.", "extensions": {"code": "OVERLOADED"}}]}
)

TAKEN_BYTES = 128 * 1024
"""More than any request may have: what is larger is refused inside, and need not be read for that."""


def everything_is_a_page(_scope: Scope) -> Priority | None:
    """Rank every request as a page."""
    return Priority.PAGE


def no_headers(_scope: Scope) -> tuple[()]:
    return ()


async def take_in(scope: Scope, receive: Receive) -> list[Message]:
    """All messages of a body, to its end or beyond `TAKEN_BYTES`, and nothing of one that says it is larger.

    The last message is a disconnect if the client went away.
    """
    messages: list[Message] = []
    taken = 0
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > TAKEN_BYTES:
            return messages
    while True:
        message = await receive()
        messages.append(message)
        taken += len(message.get("body", b""))
        if not message.get("more_body") or taken > TAKEN_BYTES:
            return messages


def give_again(messages: list[Message], receive: Receive) -> Receive:
    """What was taken in, and then what comes."""
    left = iter(messages)

    async def receive_again() -> Message:
        for message in left:
            return message
        return await receive()

    return receive_again


class AdmissionDoor:
    """Lets a request in, makes it wait, or answers 503 with `Retry-After`.

    A request comes to the door when all of it is there: whoever sends a byte now and then holds no
    place. `rank_of` says how important a request is from its scope alone, before its body is read; None
    for what is not limited, like probes and metrics. Answers that stay open for long should not
    count: whoever begins one calls `scope["leave_admission"]()`. `headers_of` gives what a refusal
    needs besides: without the headers of CORS a page of another origin could not read it.
    """

    def __init__(
        self,
        app: App,
        admission: Admission,
        rank_of: RankOf = everything_is_a_page,
        headers_of: HeadersOf = no_headers,
    ) -> None:
        self._app = app
        self._admission = admission
        self._rank_of = rank_of
        self._headers_of = headers_of
        self._refusal = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(OVERLOADED)).encode()),
            (b"cache-control", b"no-store"),
            (b"vary", b"Origin"),
            (b"retry-after", str(admission.policy.retry_after_s).encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection scope."""
        rank = self._rank_of(scope) if scope["type"] == "http" else None
        if rank is None:
            await self._app(scope, receive, send)
            return
        messages = await take_in(scope, receive)
        if messages and messages[-1]["type"] == "http.disconnect":
            return
        if not self._admission.gate.try_enter() and not await self._admission.wait(rank):
            headers = [*self._refusal, *self._headers_of(scope)]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": OVERLOADED})
            return
        visit = self._admission.begin()
        scope["leave_admission"] = visit
        try:
            await self._app(scope, give_again(messages, receive), send)
        finally:
            visit()
