"""An upstream that misbehaves on request: `POST /MODE`, on a real socket, as a process of its own.

`/log` tells what arrived, `/reset` forgets it. Prints its port when it listens.
"""

import asyncio
import hashlib
import json
import sys
import urllib.parse
import zlib
from collections.abc import Awaitable, Callable
from typing import Final

GOOD: Final = b'{"sku":"A1","price":19900,"currency":"RUB","stock":5}'
MB: Final = 1 << 20


def reply(
    body: bytes = GOOD,
    *,
    status: str = "200 OK",
    media_type: str = "application/json",
    more: bytes = b"",
    length: int | None = None,
) -> bytes:
    shown = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {shown}\r\n".encode()
    return head + more + b"\r\n" + body


def bomb(megabytes: int) -> bytes:
    """A gzip body of a few kilobytes per megabyte of JSON."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [squeeze.compress(b"[")]
    parts += [squeeze.compress(b"0," * (MB // 2)) for _ in range(megabytes)]
    return b"".join([*parts, squeeze.compress(b"0]"), squeeze.flush()])


REPLIES: Final[dict[str, bytes]] = {
    "ok": reply(),
    "no_json": reply(b"OK", media_type="text/plain"),
    "half_json": reply(GOOD[:-3]),
    "html": reply(b"<html>maintenance</html>", media_type="text/html"),
    "bad_gzip": reply(b"\x1f\x8b\x08garbage", more=b"content-encoding: gzip\r\n"),
    "gzip_bomb": reply(bomb(100), more=b"content-encoding: gzip\r\n"),
    "500": reply(b'{"error":"internal http://10.0.0.5 token=abc"}', status="500 X"),
    "503_retry_after": reply(b"{}", status="503 X", more=b"retry-after: 2\r\n"),
    "429": reply(b"{}", status="429 X", more=b"retry-after: 1\r\n"),
    "401": reply(b'{"error":"key"}', status="401 X"),
    "403": reply(b'{"error":"key"}', status="403 X"),
    "404": reply(b'{"error":"no such thing"}', status="404 X"),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "200_empty": reply(b""),
    "redirect_meta": reply(b"", status="302 X", more=b"location: http://169.254.169.254/latest/meta-data/\r\n"),
    "redirect_loop": reply(b"", status="302 X", more=b"location: /redirect_loop\r\n"),
    "set_cookie": reply(more=b"set-cookie: sid=of-another-user; path=/\r\n"),
    "nul": reply(b'{"sku":"A\\u0000","price":1}'),
    "bad_utf8": reply(b'{"sku":"\xff\xfe","price":1}'),
    "deep": reply(b"[" * 100_000 + b"]" * 100_000),
    "dup": reply(b'{"price":1,"price":2}'),
    "nan": reply(b'{"sku":"A1","price":NaN}'),
    "null": reply(b"null"),
    "list": reply(b"[]"),
    "string": reply(b'"x"'),
    "big_headers": reply(more=b"".join(b"x-%d: %s\r\n" % (number, b"a" * 1000) for number in range(500))),
    "1xx": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 50 + reply(),
}
"""Modes that write one reply and go on."""


class Faulty:
    """One server and what it remembers."""

    def __init__(self) -> None:
        self.log: list[dict[str, object]] = []
        self.seen: dict[str, int] = {}
        self.deeds: dict[str, Callable[[asyncio.StreamWriter, dict[str, str]], Awaitable[bool]]] = {
            "slow": self.slow,
            "hang": self.hang,
            "headers_hang": self.headers_hang,
            "drip": self.drip,
            "rst_now": self.rst_now,
            "rst_mid": self.rst_mid,
            "truncate": self.truncate,
            "wrong_length": self.truncate,
            "huge": self.huge,
            "endless": self.endless,
            "keepalive_close": self.keepalive_close,
            "second_dies": self.second_dies,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered = 0
        try:
            while await self.exchange(reader, writer, answered):
                answered += 1
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: int) -> bool:
        """Read one request and act; False when the connection is done with."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        fields = (line.split(": ", 1) for line in head.split("\r\n") if ": " in line)
        headers = {name.lower(): value for name, value in fields}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        url = urllib.parse.urlsplit(target)
        mode = url.path.strip("/")
        query = dict(urllib.parse.parse_qsl(url.query))
        if mode in ("log", "reset"):
            writer.write(reply(json.dumps(self.log).encode()))
            if mode == "reset":
                self.log.clear()
            return True
        sha = hashlib.sha256(body).hexdigest()
        self.log.append({"method": method, "target": target, "headers": headers, "sha": sha, "nth": answered})
        self.seen[target] = self.seen.get(target, 0) + 1
        return await self.act(mode, query | {"nth": str(answered), "target": target}, writer)

    async def act(self, mode: str, query: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        if mode in self.deeds:
            return await self.deeds[mode](writer, query)
        if mode in ("flaky", "flaky_once"):
            seen = self.seen[query["target"]]
            fails = seen % 2 == 1 if mode == "flaky" else seen == 1
            writer.write(reply(b"{}", status="503 X") if fails else reply())
            return True
        writer.write(REPLIES.get(mode) or reply(b"{}", status="404 X"))
        return True

    async def slow(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        await asyncio.sleep(float(query.get("s", "2")))
        writer.write(reply())
        return True

    async def hang(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        await asyncio.sleep(3600)
        return False

    async def headers_hang(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: app")
        return await self.hang(writer, query)

    async def drip(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        writer.write(reply(b"", length=len(GOOD)))
        for byte in GOOD:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(float(query.get("s", "0.1")))
        return True

    async def rst_now(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        writer.transport.abort()
        return False

    async def rst_mid(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        writer.write(reply(GOOD[:10], length=len(GOOD)))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        return False

    async def truncate(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        writer.write(reply(GOOD[:20], length=len(GOOD)))
        return False

    async def huge(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        writer.write(reply(b"", length=100 * MB))
        for _ in range(100):
            writer.write(b" " * MB)
            await writer.drain()
        return True

    async def endless(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b" " * 1024 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    async def keepalive_close(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        writer.write(reply())
        await writer.drain()
        await asyncio.sleep(0.05)
        return False

    async def second_dies(self, writer: asyncio.StreamWriter, query: dict[str, str]) -> bool:
        """As if the idle connection had been closed at the moment of its reuse."""
        if query["nth"] != "0":
            return await self.rst_now(writer, query)
        writer.write(reply())
        return True


MODES: Final = sorted({*REPLIES, *Faulty().deeds, "flaky", "flaky_once"} - {"second_dies"})


async def main() -> None:
    server = await asyncio.start_server(Faulty().serve, "127.0.0.1", 0, limit=MB)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
