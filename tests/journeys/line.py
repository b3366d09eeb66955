"""A bad line to each upstream: passes calls on to the sandbox, and spoils them on the way as it is told.

A process of its own. Its first line of output is JSON: the address of each line. Then each line
of input `DOMAIN MODE` sets a mode, and `told` asks what was seen; each is answered by a line of JSON.
"""

import asyncio
import gzip
import json
import math
import random
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

MB: Final = 1 << 20
BROKEN_JSON: Final = b'{"observedAt": "2026-03-01T12:00:00Z", "'
FOREIGN_SHAPE: Final = b'[{"token": "of-the-vendor"}]'
Z99: Final = 2.326
BOMB: Final = gzip.compress(b"[" + b"0," * (50 * MB) + b"0]", 9)


def reply(body: bytes, *more: str, status: str = "200 OK", kind: str = "application/json", length: int = -1) -> bytes:
    """An answer on the wire; `length` is what it claims to have, when that is not what it has."""
    claimed = len(body) if length < 0 else length
    head = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {claimed}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Line:
    """The line to one upstream."""

    def __init__(self, upstream: str, canary: str, dice: random.Random) -> None:
        host, _, port = upstream.removeprefix("http://").partition(":")
        self.upstream = (host, int(port))
        self.mode = "ok"
        self.calls = self.cookies = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._canary = canary
        self._dice = dice
        self._modes: dict[str, Callable[[bytes, asyncio.StreamWriter], Awaitable[bool]]] = {
            "hang": self.hang,
            "slow": self.slow,
            "truncated": self.truncated,
            "reset mid-body": self.reset,
            "drip": self.drip,
            "100 MB": self.huge,
            "idle closed": self.idle_closed,
        }

    async def listen(self) -> None:
        """Take connections, at the same port as before."""
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def become(self, mode: str) -> None:
        """Behave like this from now on, also on connections that are open."""
        self.mode = mode
        if self._server is not None and mode == "refuse":
            self._server.close()
            self._server = None
        for writer in self._open if mode == "refuse" else ():
            writer.transport.abort()
        if self._server is None and mode != "refuse":
            await self.listen()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self.answer(await read_message(reader), writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def answer(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one call; False when the connection is done with."""
        self.calls += 1
        self.cookies += b"\r\ncookie:" in request.lower()
        mode = self.mode
        if mode in self._modes:
            return await self._modes[mode](request, writer)
        if mode == "flapping":
            mode = "500" if self.calls % 2 else "ok"
        if mode in SPOILT:
            writer.write(SPOILT[mode])
        elif mode == "redirect":
            writer.write(reply(b"", f"location: {self._canary}/v1/steal", status="302 Found"))
        else:
            writer.write(changed(mode, await self.passed_on(request)))
        return True

    async def passed_on(self, request: bytes) -> bytes:
        """What the upstream itself answers."""
        reader, writer = await asyncio.open_connection(*self.upstream)
        try:
            writer.write(request)
            return await read_message(reader)
        finally:
            writer.close()

    async def hang(self, _request: bytes, _writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(3600)
        return False

    async def slow(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """One call in a hundred takes three seconds, half of them a tenth of one."""
        await asyncio.sleep(self._dice.lognormvariate(math.log(0.1), math.log(30) / Z99))
        writer.write(await self.passed_on(request))
        return True

    async def truncated(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        await self._half(request, writer)
        return False

    async def reset(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        await self._half(request, writer)
        await asyncio.sleep(0.01)
        writer.transport.abort()
        return False

    async def _half(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        whole = await self.passed_on(request)
        writer.write(whole[: (len(whole) + whole.index(b"\r\n\r\n") + 4) // 2])
        await writer.drain()

    async def drip(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        for byte in await self.passed_on(request):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)
        return True

    async def huge(self, _request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(reply(b"", length=100 * MB))
        for _ in range(100):
            writer.write(b" " * MB)
            await writer.drain()
        return True

    async def idle_closed(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(await self.passed_on(request))
        await writer.drain()
        await asyncio.sleep(0.02)
        return False


SPOILT: Final = {
    "500": reply(b'{"error": "http://10.0.0.5 token=abc"}', status="500 Broken"),
    "429": reply(b"{}", "retry-after: 1", status="429 Too Many"),
    "429 without Retry-After": reply(b"{}", status="429 Too Many"),
    "503 as throttle": reply(b"{}", "retry-after: 1", status="503 Busy"),
    "invalid JSON": reply(BROKEN_JSON),
    "wrong shape": reply(FOREIGN_SHAPE),
    "gzip bomb": reply(BOMB, "content-encoding: gzip"),
}


def changed(mode: str, answer: bytes) -> bytes:
    """A good answer with another head."""
    if mode == "wrong content type":
        return answer.replace(b"application/json", b"text/html", 1)
    if mode == "Set-Cookie":
        return answer.replace(b"\r\n", b"\r\nset-cookie: sid=of-another-user; path=/\r\n", 1)
    return answer


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """One request or answer with its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    length = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
    return head + await reader.readexactly(length)


async def main() -> None:
    upstreams: dict[str, str] = json.loads(sys.argv[1])
    reached = 0

    def reach(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached += 1
        writer.close()

    canary = await asyncio.start_server(reach, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{canary.sockets[0].getsockname()[1]}"
    lines = {domain: Line(upstream, address, random.Random(domain)) for domain, upstream in upstreams.items()}
    for line in lines.values():
        await line.listen()
    tell({domain: f"http://127.0.0.1:{line.port}" for domain, line in lines.items()})
    loop = asyncio.get_running_loop()
    while order := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        domain, _, mode = order.partition(" ")
        if mode:
            await lines[domain].become(mode)
        tell({"cookies": sum(line.cookies for line in lines.values()), "reached": reached,
              "calls": {name: line.calls for name, line in lines.items()}})  # fmt: skip


def tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
