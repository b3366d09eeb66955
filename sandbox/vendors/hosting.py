"""A simulator where one of our contract's upstreams would stand: the same faults, the same counters."""

from collections.abc import Iterator, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Match, Route

from sandbox.server.counters import Call
from sandbox.server.faults import NO_FAULTS, Faults, spoil
from sandbox.server.upstream import (
    Drawing,
    Gone,
    Headers,
    Message,
    Receive,
    Send,
    Upstream,
    read_body,
    send_answer,
    send_refusal,
)
from sandbox.upstreams.contract import Refusal
from sandbox.vendors.simulator import Simulator
from sandbox.world.shop import Shop

OF_THE_BODY = frozenset({b"content-length", b"transfer-encoding"})
UNKNOWN = "unknown"
"""The operation of a request that no route of the simulator takes."""


class HostedVendor(Upstream):
    """Answers by its simulator. What goes wrong by our faults goes wrong before or after that."""

    def __init__(self, domain: str, shop: Shop, simulator: Simulator, drawing: Drawing | None = None) -> None:
        super().__init__(domain, shop, (), "", drawing)
        self.simulator = simulator
        self._app = simulator.app()

    @property
    def operation_names(self) -> list[str]:
        return sorted({route.name for route in _routes(self._app)})

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if await self.sends_picture(scope["path"], send):
            return
        name = operation_of(self._app, scope)
        try:
            body = await read_body(receive)
            with self.counters.receiving(name, 0) as call:
                await self._answer_through_faults(name, scope, body, call, receive, send)
        except Gone:
            return

    async def _answer_through_faults(
        self, name: str, scope: MutableMapping[str, Any], body: bytes, call: Call, receive: Receive, send: Send
    ) -> None:
        faults = self.faults if self.faults.concerns(name) else NO_FAULTS
        try:
            await self.suffer(faults, receive)
        except Refusal as refusal:
            call.status = refusal.status
            await send_refusal(refusal, send)
            return
        call.status, headers, payload = await ask(self._app, scope, body)
        await send_answer(faults, call.status, headers, spoiled(faults, payload), receive, send)


def spoiled(faults: Faults, payload: bytes) -> bytes:
    """The answer as a broken system gives it; what is not JSON cannot be mistyped and stays as it is."""
    is_of_values = faults.mode in ("wrong_types", "missing_keys", "absent")
    return payload if is_of_values and payload[:1] not in (b"{", b"[") else spoil(faults.mode, payload)


def operation_of(app: Starlette, scope: MutableMapping[str, Any]) -> str:
    """The name of the route that takes a request."""
    return next((route.name for route in _routes(app) if route.matches(scope)[0] is Match.FULL), UNKNOWN)


async def ask(app: Starlette, scope: MutableMapping[str, Any], body: bytes) -> tuple[int, Headers, bytes]:
    """One answer of an application, whole: status, headers without those of the body's length, body."""
    asked: Iterator[Message] = iter(({"type": "http.request", "body": body}, {"type": "http.disconnect"}))
    said: list[Message] = []

    async def receive() -> Message:
        return next(asked)

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    start = said[0]
    headers = [(name, value) for name, value in start["headers"] if name not in OF_THE_BODY]
    return start["status"], headers, b"".join(bytes(message.get("body", b"")) for message in said[1:])


def _routes(app: Starlette) -> Iterator[Route]:
    return (route for route in app.routes if isinstance(route, Route))
