"""The least that an HTTP/1.1 call can cost in Python: asyncio protocols, httptools, connections kept open."""

import asyncio
from collections.abc import Callable

import httptools


class Connection(asyncio.Protocol):
    """One connection with one call at a time; `release` takes it back when an answer is whole."""

    def __init__(self, release: Callable[["Connection"], None]) -> None:
        self._release = release
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._parts: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def call(self, request: bytes) -> asyncio.Future[bytes]:
        """Send a whole request; the future gives the body, or OSError for any status but 200."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        answer, parts, status = self._answer, self._parts, self._parser.get_status_code()
        self._answer, self._parts, self._parser = None, [], httptools.HttpResponseParser(self)
        self._release(self)
        if answer is None or answer.done():
            return
        if status != 200:  # noqa: PLR2004
            answer.set_exception(OSError(f"expected status 200, got {status}"))
        else:
            answer.set_result(parts[0] if len(parts) == 1 else b"".join(parts))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed before the answer was whole"))


class Pool:
    """Connections to one host, the last used first."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: list[Connection] = []
        self._headers = (
            f" HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer bench\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()

    async def post(self, path: str, body: bytes) -> bytes:
        connection = await self._take()
        return await connection.call(b"POST %b%b%d\r\n\r\n%b" % (path.encode(), self._headers, len(body), body))

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self._idle.append), self._host, self._port)
        return connection
