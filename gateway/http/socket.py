"""GraphQL over WebSocket: the graphql-transport-ws protocol, and no older one.

    app = Starlette(routes=[WebSocketRoute("/graphql", SocketEndpoint(SocketParts(...))), Route("/graphql", endpoint)])

A browser sends cookies along with a handshake from any page and asks nobody first, so the origin of
a handshake must be ours or on the list. Documents, limits and errors are those of HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, MutableMapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from gateway.http.answer import Send
from gateway.http.body import Disconnected, Receive
from gateway.http.delivery import deliver_result, deliver_results
from gateway.http.documents import is_subscription
from gateway.http.errors import Code, Refused, entry_of, fault_entry
from gateway.http.identifiers import make_request_ids
from gateway.http.messages import (
    ACK,
    PONG,
    PROTOCOL,
    Complete,
    Init,
    Message,
    Ping,
    SocketClosed,
    Subscribe,
    complete_message,
    error_message,
    next_message,
    read_message,
)
from gateway.http.operations import Operations, Visit
from gateway.http.origins import Origins
from gateway.http.ports import Authenticate, Incremental, Journal, Places, RequestFacts, Result
from gateway.http.recognition import Recognition
from gateway.http.rules import SocketRules
from resolvers.context import ANONYMOUS, Viewer

Scope = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class SocketParts:
    """What a socket needs of the rest: the same operations, identity and journal as HTTP, and places to sit."""

    operations: Operations
    authenticate: Authenticate
    journal: Journal
    places: Places
    origins: Origins
    rules: SocketRules = field(default_factory=SocketRules)


class SocketEndpoint:
    """Accept WebSocket connections at whatever path it is mounted."""

    def __init__(self, parts: SocketParts) -> None:
        self._parts = parts
        self._request_id = make_request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        await receive()
        is_foreign = self._parts.origins.is_foreign(headers.get(b"origin"), headers.get(b"host", b""))
        if is_foreign or PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.close", "code": 4403 if is_foreign else 4406})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        client = scope.get("client")
        connection = _Connection(self._parts, self._request_id, headers, client[0] if client else "", receive, send)
        try:
            await connection.serve()
        except SocketClosed as closed:
            await send({"type": "websocket.close", "code": closed.code, "reason": closed.reason})
        except Disconnected:
            return


class _Connection:
    """One connection and the operations that live on it."""

    def __init__(
        self,
        parts: SocketParts,
        request_id: Callable[[bytes | None], str],
        headers: Mapping[bytes, bytes],
        client: str,
        receive: Receive,
        send: Send,
    ) -> None:
        self._parts = parts
        self._request_id = request_id
        self._headers = headers
        self._client = client
        self._receive = receive
        self._send = send
        self._viewer = ANONYMOUS
        self._running: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Read messages until the client leaves; raises SocketClosed when we end it."""
        try:
            recognition = await self._initialise()
            with self._parts.places.hold(self._viewer.customer_id, self._client):
                await self._say(ACK)
                await self._live(recognition)
        except Refused as refusal:
            self._count(refusal)
            code = 4403 if refusal.code in (Code.UNAUTHENTICATED, Code.FORBIDDEN) else 1013
            raise SocketClosed(code, refusal.code.public) from None
        finally:
            await self._stop(list(self._running))

    async def _initialise(self) -> Recognition:
        """Wait for `connection_init`, and learn from it who is there, and how to know them again."""
        try:
            async with asyncio.timeout(self._parts.rules.init_wait_s):
                message = await self._hear()
                while isinstance(message, Ping):
                    await self._say(PONG)
                    message = await self._hear()
        except TimeoutError:
            raise SocketClosed(4408, "Connection initialisation timeout") from None
        if not isinstance(message, Init):
            raise SocketClosed(4401, "Unauthorized")
        credentials = _with_token(self._headers, message.payload)
        viewer = self._parts.authenticate(credentials)
        self._viewer = viewer if isinstance(viewer, Viewer) else await viewer
        return Recognition(self._parts.authenticate, credentials, self._parts.rules.recognise_s)

    async def _live(self, recognition: Recognition) -> None:
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._parts.rules.lifetime_s
        while clock() < ends_at:
            await recognition.look_if_due()
            try:
                async with asyncio.timeout_at(min(ends_at, recognition.due_at)):
                    message = await self._hear()
            except TimeoutError:
                continue
            await self._handle(message)
        raise SocketClosed(1012, "Connect again")

    async def _hear(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        return read_message(message.get("text"), self._parts.rules.message)

    async def _say(self, text: str) -> None:
        try:
            await self._send({"type": "websocket.send", "text": text})
        except OSError:
            raise Disconnected from None

    async def _handle(self, message: Message) -> None:
        match message:
            case Init():
                raise SocketClosed(4429, "Too many initialisation requests")
            case Ping():
                await self._say(PONG)
            case Subscribe(id=key):
                await self._begin(key, message)
            case Complete(id=key):
                await self._stop([key])
            case _:
                pass

    async def _begin(self, key: str, message: Subscribe) -> None:
        if key in self._running:
            raise SocketClosed(4409, f"Subscriber for {key} already exists")
        if len(self._running) >= self._parts.rules.operations:
            said = f"Expected at most {self._parts.rules.operations} live operations on a connection; got one more."
            self._parts.journal.refused("connections")
            await self._say(error_message(key, [entry_of(Code.RATE_LIMITED, said)]))
            return
        self._running[key] = asyncio.create_task(self._run(key, message))

    async def _run(self, key: str, message: Subscribe) -> None:
        request_id = self._request_id(None)
        try:
            end = await self._answer(key, message, request_id)
        except Disconnected:
            return
        except Refused as refusal:
            self._count(refusal)
            end = error_message(key, list(refusal.entries))
        except Exception as fault:  # noqa: BLE001
            self._parts.journal.fault(request_id, message.payload.operation_name, fault)
            end = error_message(key, [fault_entry(request_id)])
        self._running.pop(key, None)
        with suppress(Disconnected):
            await self._say(end)

    async def _answer(self, key: str, message: Subscribe, request_id: str) -> str:
        """Run one operation; returns the message that ends it."""
        operations = self._parts.operations
        visit = Visit(request_id, self._viewer, self._headers, self._client)
        prepared = await operations.find(message.payload, visit)
        facts = await operations.prepare(message.payload, prepared, visit)
        outcome = await _start(operations, facts)
        if isinstance(outcome, Result) and outcome.data is None:
            return error_message(key, operations.entries(facts, outcome))
        payloads = (
            deliver_result(operations, facts, outcome)
            if isinstance(outcome, Result)
            else deliver_results(operations, facts, outcome)
        )
        async with aclosing(payloads):
            async for payload in payloads:
                await self._say(next_message(key, payload))
        return complete_message(key)

    def _count(self, refusal: Refused) -> None:
        if refusal.limit is not None:
            self._parts.journal.refused(refusal.limit)

    async def _stop(self, keys: list[str]) -> None:
        tasks = [self._running.pop(key) for key in keys if key in self._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _start(operations: Operations, facts: RequestFacts) -> Result | AsyncGenerator[Result, None]:
    if is_subscription(facts.operation):
        return await operations.subscribe(facts)
    outcome = operations.execute(facts)
    whole = outcome if isinstance(outcome, Result | Incremental) else await outcome
    assert isinstance(whole, Result), "a visit that takes no parts was answered in parts"
    return whole


def _with_token(headers: Mapping[bytes, bytes], payload: Mapping[str, Any] | None) -> Mapping[bytes, bytes]:
    """Read `authorization` and `x-csrf-token` of the payload as the headers that no browser sets on a handshake."""
    given = {name.lower(): value for name, value in (payload or {}).items() if isinstance(value, str)}
    names = [name for name in ("authorization", "x-csrf-token") if name in given]
    return {**headers, **{name.encode(): given[name].encode() for name in names}}
