"""The server itself, over real sockets: smuggled heads are refused, slow clients are cut."""

import asyncio
import re
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from gateway.http.answer import WHOLE_ANSWERS
from gateway.http.server import ReceiveLimits, ServerOptions, make_server_config, take_open_files
from tests.http.serve import make_app

pytestmark = pytest.mark.sockets

BODY = b'{"query":"{hello}"}'
HEAD = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
WHOLE = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
QUICK = ReceiveLimits(first_byte_s=0.3, whole_request_s=0.5, stalled_reader_s=0.5)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Serve the small shop with short deadlines on a free port."""
    async with serving(make_app("")) as port:
        yield port


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """Serve an application with short deadlines on a free port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = make_server_config(app, ServerOptions(limits=QUICK, keep_alive_s=1))
    config.loop = "asyncio"
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    await serving


async def talk(port: int, data: bytes, wait_s: float = 3.0) -> bytes:
    """Send bytes, read until the server closes or falls silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = b""
    try:
        writer.write(data)
        async with asyncio.timeout(wait_s):
            while piece := await reader.read(65536):
                heard += piece
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return heard


def statuses(heard: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", heard)]


async def test_answers_in_order_on_one_connection(port: int) -> None:
    """Two requests sent at once are both answered."""
    assert statuses(await talk(port, WHOLE * 2, wait_s=1.5)) == [200, 200]


REFUSED: dict[str, tuple[bytes, int]] = {
    "no host": (WHOLE.replace(b"host: x\r\n", b""), 400),
    "two hosts": (WHOLE.replace(b"host: x\r\n", b"host: x\r\nhost: y\r\n"), 400),
    "length and chunks": (HEAD + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + WHOLE, 400),
    "two lengths": (HEAD + b"content-length: 19\r\ncontent-length: 5\r\n\r\n" + BODY, 400),
    "odd transfer encoding": (HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "space before the colon": (HEAD + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "signed length": (HEAD + b"content-length: +19\r\n\r\n" + BODY, 400),
    "long target": (b"GET /graphql?" + b"a" * 9_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    "large header": (HEAD + b"x-a: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "endless header": (HEAD + b"x-a: " + b"a" * 100_000, 431),
    "many headers": (HEAD + b"".join(b"x-%d: 1\r\n" % n for n in range(150)) + b"\r\n", 431),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_refuses_malformed_heads(port: int, name: str) -> None:
    """A head that two servers could read differently, or that is too large, is refused, and the connection closed."""
    data, status = REFUSED[name]
    assert statuses(await talk(port, data)) == [status]


async def test_says_nothing_about_itself(port: int) -> None:
    """No answer names the server's software."""
    for data in (WHOLE, REFUSED["two hosts"][0]):
        assert b"\r\nserver:" not in (await talk(port, data, wait_s=1.2)).lower()


async def test_refuses_a_large_body_so_that_it_is_heard(port: int) -> None:
    """The client that sends megabytes reads why they were not taken."""
    heard = await talk(port, HEAD + b"content-length: 3000000\r\n\r\n" + b" " * 3_000_000)
    assert statuses(heard) == [413]


SLOW: dict[str, list[bytes]] = {
    "silent": [],
    "drips line ends": [b"\r\n"] * 40,
    "drips a head": [b"POST /graphql HTTP/1.1\r\nx-a: ", *[b"a"] * 40],
    "drips a body": [HEAD + b"content-length: 1000\r\n\r\n", *[b" "] * 40],
    "drips chunks": [HEAD + b"transfer-encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 40],
    "drips a second request": [WHOLE, *[b"P", b"O", b"S", b"T", b" "], *[b"/"] * 40],
}


@pytest.mark.parametrize("name", SLOW)
async def test_cuts_slow_clients(port: int, name: str) -> None:
    """Whoever does not send a whole request in time is cut, however busy they seem."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()

    async def drip() -> None:
        for piece in SLOW[name]:
            writer.write(piece)
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    try:
        async with asyncio.timeout(3):
            while await reader.read(65536):
                pass
    except ConnectionError:
        pass
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.close()
    assert time.monotonic() - started < 2.0


async def test_slow_operations_are_not_slow_clients(port: int) -> None:
    """The receive deadlines end with the request: an operation may take longer."""
    body = b'{"query":"{slow(seconds:0.8)}"}'
    heard = await talk(port, HEAD + b"content-length: %d\r\n\r\n" % len(body) + body, wait_s=2.5)
    assert b"at last" in heard


async def test_keeps_connections_for_a_while(port: int) -> None:
    """A connection may be used again after a pause that is shorter than keep-alive."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(WHOLE)
        assert b"200 OK" in await reader.readuntil(b"}}")
        await asyncio.sleep(0.7)
    writer.close()


def test_sets_what_production_needs() -> None:
    """The server's configuration has the settings that the limits rely on."""
    options = ServerOptions(grace_s=7, ws_message_bytes=1234)
    config: Any = make_server_config(make_app(""), options)
    config.load()
    assert config.http_protocol_class.limits == options.limits
    assert (config.server_header, config.ws_per_message_deflate, config.proxy_headers) == (False, False, False)
    assert (config.ws_max_size, config.timeout_graceful_shutdown) == (1234, 7)
    assert config.ws_protocol_class.__name__ == "WebSocketsSansIOProtocol"


async def test_believes_trusted_proxies_only() -> None:
    """The client's address is the peer's, unless a proxy that we trust says whose request it passes on."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    for proxies, peer in (((), "10.0.0.1"), (("10.0.0.1",), "10.0.0.1"), (("10.0.0.1",), "10.9.9.9")):
        config = make_server_config(app, ServerOptions(trusted_proxies=proxies))
        config.load()
        scope: Any = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", b"198.51.100.7")]}
        await config.loaded_app(scope, None, None)
    assert seen == ["10.0.0.1", "198.51.100.7", "10.9.9.9"]


def test_takes_the_files_that_a_crowd_needs() -> None:
    """A soft limit that holds fewer sockets than there are places is raised, and never lowered."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
        take_open_files(2048)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (2048, before[1])
        take_open_files(1500)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 2048
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def whole(scope: Any, receive: Any, send: Any) -> None:
    """Answers in one piece."""
    if scope["type"] != "http":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        return
    message = await receive()
    assert WHOLE_ANSWERS in scope["extensions"]
    body = message["body"] * 20_000
    await send({"type": WHOLE_ANSWERS, "head": b"x-one: 1\r\ncontent-length: %d\r\n" % len(body), "body": body})
    assert (await receive())["type"] == "http.disconnect"
    with pytest.raises(RuntimeError):
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def test_takes_an_answer_in_one_piece() -> None:
    """Head and body go out together, in order, with the date and the connection's own word, however large they are."""
    async with serving(whole) as port:
        heard = await talk(port, WHOLE * 3, wait_s=1.5)
        first, *rest = heard.split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert first.startswith(b"date: ")
        assert b"x-one: 1\r\n" in first
        assert first.endswith(b"\r\n\r\n" + BODY * 20_000)
        assert [len(answer) for answer in rest] == [len(first)] * 2
        closing = await talk(port, WHOLE.replace(b"host: x\r\n", b"host: x\r\nconnection: close\r\n"))
        assert b"connection: close\r\n\r\n" + BODY in closing
