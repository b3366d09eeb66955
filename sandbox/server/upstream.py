"""One upstream as an ASGI application: reads the request, misbehaves as told, answers, counts."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import orjson

from sandbox.server.counters import Call, Counters
from sandbox.server.faults import NO_FAULTS, VENDOR_TEXT, Faults, RateLimit, spoil
from sandbox.upstreams.contract import Json, Operation, Refusal
from sandbox.world.draw import number_of
from sandbox.world.shop import Shop

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Drawing = Callable[[str], bytes | None]
Headers = list[tuple[bytes, bytes]]

_HEALTH = "health"
_JSON: Headers = [(b"content-type", b"application/json")]
_DRIPS, _DRIP_S = 50, 0.1


class Gone(Exception):
    """The caller closed the connection."""


class Upstream:
    """`drawing` draws what is asked below `/media/`, for the upstream that has pictures."""

    def __init__(
        self,
        domain: str,
        shop: Shop,
        operations: Iterable[Operation[Any]],
        api_key: str,
        drawing: Drawing | None = None,
    ) -> None:
        self.domain = domain
        self.counters = Counters()
        self._shop = shop
        self._authorization = f"Bearer {api_key}".encode()
        self._drawing = drawing
        self._routes = {(operation.method, operation.path): operation for operation in operations}
        self._decoders = {
            operation.name: msgspec.json.Decoder(operation.request) for operation in self._routes.values()
        }
        self.usual_faults = NO_FAULTS
        self.set_faults(NO_FAULTS)

    @property
    def operation_names(self) -> list[str]:
        return sorted(self._decoders)

    def be_usually(self, faults: Faults) -> None:
        """What a reset returns to; from now on too."""
        self.usual_faults = faults
        self.set_faults(faults)

    def set_faults(self, faults: Faults) -> None:
        """From now on; the dice start over, so that the same faults fail the same calls."""
        self.faults = faults
        self._dice = random.Random(number_of(self.domain))
        rate = faults.rate_limit_per_second
        self._limit = RateLimit(rate, time.monotonic) if rate else None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if await self.sends_picture(path, send):
            return
        try:
            body = await read_body(receive)
            if path == "/health":
                self.counters.health += 1
                await self._guarded(_HEALTH, lambda: {"status": "ok"}, None, receive, send)
            else:
                await self._operate(method, path, scope, body, receive, send)
        except Gone:
            return

    async def _operate(
        self, method: str, path: str, scope: MutableMapping[str, Any], body: bytes, receive: Receive, send: Send
    ) -> None:
        operation = self._routes.get((method, path))
        if operation is None:
            await send_refusal(Refusal(404, "Not Found", f"no operation at {method} {path}"), send)
            return
        request = self._parse(operation, scope, body)
        keys = 0 if isinstance(request, Refusal) else operation.count(request)
        with self.counters.receiving(operation.name, keys) as call:
            await self._guarded(
                operation.name, lambda: self._answer(operation, request, keys, scope["headers"]), call, receive, send
            )

    def _parse(self, operation: Operation[Any], scope: MutableMapping[str, Any], body: bytes) -> Any:
        """The request, or the refusal that it deserves."""
        try:
            if operation.method == "GET":
                query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
                return msgspec.convert(query, operation.request, strict=False)
            return self._decoders[operation.name].decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Refusal(400, "Bad Request", str(error))

    def _answer(
        self, operation: Operation[Any], request: Any, keys: int, headers: Iterable[tuple[bytes, bytes]]
    ) -> Json:
        if (b"authorization", self._authorization) not in headers:
            raise Refusal(401, "Unauthorized", "expected this upstream's API key as a bearer token")
        if isinstance(request, Refusal):
            raise request
        if keys > operation.limit > 0:
            raise Refusal(
                413,
                "Content Too Large",
                f"{'+'.join(operation.keys)}: expected at most {operation.limit} keys, got {keys}",
            )
        answer: Json = operation.answer(request)
        return {"observedAt": self._shop.now().isoformat(timespec="milliseconds"), **answer}

    async def _guarded(
        self, name: str, answer: Callable[[], Json], call: Call | None, receive: Receive, send: Send
    ) -> None:
        """Answer through the faults that are set at this moment."""
        faults = self.faults if self.faults.concerns(name) else NO_FAULTS
        try:
            await self.suffer(faults, receive)
            body = spoil(faults.mode, orjson.dumps(answer()))
        except Refusal as refusal:
            _note(call, refusal.status)
            await send_refusal(refusal, send)
        else:
            _note(call, 200)
            await send_answer(faults, 200, _JSON, body, receive, send)

    async def suffer(self, faults: Faults, receive: Receive) -> None:
        """Everything that goes wrong before an answer is made; raises Refusal."""
        if faults.mode == "hang":
            await _until_gone(receive)
        delay_s = faults.delay_s(self._dice)
        if delay_s > 0:
            await _pause(delay_s, receive)
        wait_s = self._limit.wait_s() if self._limit is not None and faults is not NO_FAULTS else 0.0
        if wait_s > 0:
            raise Refusal(429, "Too Many Requests", "rate limit", faults.retry_after_seconds or -int(-wait_s // 1))
        if faults.fails(self._dice):
            status = faults.status or 500
            raise Refusal(status, responses.get(status, "Error"), VENDOR_TEXT, faults.retry_after_seconds)

    async def sends_picture(self, path: str, send: Send) -> bool:
        """Draw what is asked for below `/media/`; False when something else is asked for."""
        if not path.startswith("/media/") or self._drawing is None:
            return False
        self.counters.media += 1
        picture = self._drawing(path.removeprefix("/media/"))
        if picture is None:
            await send_refusal(Refusal(404, "Not Found", "no such picture"), send)
        else:
            await _send(
                200,
                b"image/svg+xml",
                picture,
                send,
                (b"cache-control", b"public, max-age=86400"),
                (b"access-control-allow-origin", b"*"),
            )
        return True


def _note(call: Call | None, status: int) -> None:
    if call is not None:
        call.status = status


async def read_body(receive: Receive) -> bytes:
    """The whole body; raises Gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def _pause(delay_s: float, receive: Receive) -> None:
    """Wait, but not for a caller who has left; raises Gone."""
    try:
        await asyncio.wait_for(_until_gone(receive), delay_s)
    except TimeoutError:
        return


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Gone


async def send_answer(faults: Faults, status: int, headers: Headers, body: bytes, receive: Receive, send: Send) -> None:
    """Send an answer as the faults of this moment would have it; `headers` without those of the body."""
    kind = [(b"content-type", b"text/html")] if faults.mode == "html" else headers
    head = [*kind, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    if faults.mode == "truncate":
        # Returning before the promised length makes the server close the connection.
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        return
    if faults.mode == "drip":
        piece = len(body) // _DRIPS + 1
        for start in range(0, len(body), piece):
            await _pause(_DRIP_S, receive)
            await send({"type": "http.response.body", "body": body[start : start + piece], "more_body": True})
        body = b""
    await send({"type": "http.response.body", "body": body})


async def send_refusal(refusal: Refusal, send: Send) -> None:
    body = {"type": "about:blank", "title": refusal.title, "status": refusal.status, "detail": refusal.detail}
    more = () if refusal.retry_after_s is None else ((b"retry-after", str(refusal.retry_after_s).encode()),)
    await _send(refusal.status, b"application/problem+json", orjson.dumps(body), send, *more)


async def _send(status: int, kind: bytes, body: bytes, send: Send, *more: tuple[bytes, bytes]) -> None:
    head = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
