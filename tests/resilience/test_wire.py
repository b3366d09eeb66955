"""The wire engine over real sockets: reuse, cancellation, deadlines, and foreign exceptions."""

import asyncio
import contextlib
import gzip
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import httpx
import pytest

from gateway.resilience import wire
from gateway.resilience.wire import AnswerTooLarge, ReadResponse, WireEngine, WireLimits, time_left_s, translated
from tests.resilience.faulty import Faulty, reply

pytestmark = pytest.mark.sockets

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """A server that does not wait for its connections when it closes."""
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def engine(limits: WireLimits | None = None) -> AsyncIterator[WireEngine]:
    made = WireEngine(limits)
    try:
        yield made
    finally:
        await made.aclose()


def post(url: str, *, idempotent: bool = True, **extensions: object) -> httpx.Request:
    return httpx.Request("POST", url, content=b"{}", extensions={"idempotent": idempotent, **extensions})


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_connection_closed_at_its_reuse_fails_no_read() -> None:
    """The upstream drops every second request of a connection: 200 of 200 reads are answered."""
    faulty = Faulty()
    async with serving(faulty.serve) as url, engine() as made:
        statuses = [(await made.handle_async_request(post(f"{url}/second_dies"))).status_code for _ in range(200)]
    assert statuses == [200] * 200
    assert made.resent == 199
    assert len(faulty.log) == 399


async def test_a_connection_closed_at_its_reuse_repeats_no_write() -> None:
    """The same with writes: none is sent twice, and who failed is told."""
    faulty = Faulty()
    failed = 0
    async with serving(faulty.serve) as url, engine() as made:
        for _ in range(200):
            try:
                await made.handle_async_request(post(f"{url}/second_dies", idempotent=False))
            except httpx.RequestError:
                failed += 1
    assert (failed, len(faulty.log)) == (100, 200)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_reset_on_a_fresh_connection_is_not_repeated(method: str) -> None:
    """Only a reused connection earns a second try: an upstream that resets everything sees each call once."""
    faulty = Faulty()
    async with serving(faulty.serve) as url, engine() as made:
        for _ in range(5):
            with pytest.raises(httpx.RequestError):
                await made.handle_async_request(
                    httpx.Request(method, f"{url}/rst_now", extensions={"idempotent": True})
                )
    assert len(faulty.log) == 5


@pytest.mark.parametrize("how", ["cancel", "timeout"])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_pool_survives_three_thousand_cancelled_calls(how: str, seed: int) -> None:
    """3,000 calls cut at random moments over a pool of 20; then 50 of 50 are answered."""
    dice = random.Random(seed)
    faulty = Faulty()
    limits = WireLimits(connections=20, pool_s=5.0, read_s=5.0)

    async with serving(faulty.serve) as url, engine(limits) as made:

        async def bounded(seconds: float) -> None:
            async with asyncio.timeout(seconds):
                await made.handle_async_request(post(f"{url}/slow?s=0.01"))

        for _ in range(60):
            if how == "timeout":
                calls = [asyncio.create_task(bounded(dice.uniform(0, 0.03))) for _ in range(50)]
            else:
                calls = [asyncio.create_task(bounded(5.0)) for _ in range(50)]
                await asyncio.sleep(dice.uniform(0, 0.03))
                for running in calls:
                    running.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        answered = [(await made.handle_async_request(post(f"{url}/ok"))).status_code for _ in range(50)]
    assert answered == [200] * 50


async def test_a_cancelled_call_stops_at_the_upstream_and_queued_ones_never_start() -> None:
    """Of 100 calls cancelled over a pool of 5, the upstream sees 5, and sees those 5 hang up."""
    seen, gone = 0, 0
    all_seen, all_gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen, gone
        await reader.readuntil(b"\r\n\r\n{}")
        seen += 1
        if seen == 5:
            all_seen.set()
        rest = await reader.read(1)
        gone += rest == b""
        if gone == 5:
            all_gone.set()

    async with serving(serve) as url, engine(WireLimits(connections=5, pool_s=5.0)) as made:
        calls = [asyncio.create_task(made.handle_async_request(post(url))) for _ in range(100)]
        await asyncio.wait_for(all_seen.wait(), 5)
        for running in calls:
            running.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.wait_for(all_gone.wait(), 5)
        await asyncio.sleep(0.1)  # time enough for a sixth to arrive
    assert (seen, gone) == (5, 5)


@pytest.mark.parametrize("mode", ["hang", "headers_hang", "drip?s=0.05", "endless"])
async def test_the_deadline_cuts_whatever_drips(mode: str) -> None:
    """A total deadline of 0.2 s, though every single read is quick."""
    async with serving(Faulty().serve) as url, engine() as made:
        started = now()
        with pytest.raises(httpx.ReadTimeout):
            await made.handle_async_request(post(f"{url}/{mode}", deadline=started + 0.2))
        assert 0.19 <= now() - started <= 0.3


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    """The call fails as a timeout and the upstream sees no byte of it."""
    faulty = Faulty()
    async with serving(faulty.serve) as url, engine() as made:
        with pytest.raises(httpx.TimeoutException, match="deadline had passed"):
            await made.handle_async_request(post(f"{url}/ok", deadline=now() - 1))
    assert faulty.log == []


async def test_a_silent_upstream_is_cut_by_the_read_timeout_of_the_request() -> None:
    """The `timeout` extension extension may be tighter than the engine's limits."""
    async with serving(Faulty().serve) as url, engine() as made:
        started = now()
        with pytest.raises(httpx.ReadTimeout):
            await made.handle_async_request(post(f"{url}/hang", timeout={"read": 0.1, "connect": 0.1}))
        assert now() - started < 0.3


async def test_the_answer_comes_decoded_and_fully_read() -> None:
    """Body, headers and status as httpx's readers know them; what describes the spent encoding is gone."""
    body = b'{"sku":"A1"}'
    squeezed = reply(gzip.compress(body), more=b"content-encoding: gzip\r\nx-more: 1\r\nset-cookie: a=b\r\n")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(squeezed)
        await writer.drain()

    async with serving(serve) as url, engine() as made:
        response = await made.handle_async_request(httpx.Request("GET", url))
        assert (response.status_code, response.content, await response.aread()) == (200, body, body)
        assert (response.json(), response.text, response.is_closed) == ({"sku": "A1"}, body.decode(), True)
        assert response.headers == httpx.Headers({"content-type": "application/json", "x-more": "1"})
        assert isinstance(response, ReadResponse)
        assert [chunk async for chunk in response.aiter_bytes()] == [body]
        await response.aclose()


async def test_an_answer_over_the_cap_is_cut() -> None:
    """A hundred megabytes out of a hundred kilobytes: refused at the first byte over the cap."""
    async with serving(Faulty().serve) as url, engine(WireLimits(answer_bytes=100_000)) as made:
        with pytest.raises(AnswerTooLarge, match="larger than 100000 bytes"):
            await made.handle_async_request(post(f"{url}/gzip_bomb"))
        assert (await made.handle_async_request(post(f"{url}/ok"))).status_code == 200


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/", httpx.ConnectError),
        ("ftp://127.0.0.1/", httpx.UnsupportedProtocol),
    ],
)
async def test_an_address_nobody_answers_is_an_ordinary_failure(url: str, error: type[Exception]) -> None:
    """Refused and unspeakable addresses raise httpx's words for them."""
    async with engine() as made:
        with pytest.raises(error):
            await made.handle_async_request(post(url))


async def test_an_unknown_name_is_an_ordinary_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the resolver knows no such name, the connection failed."""

    async def unknown(*args: object, **more: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    async with engine() as made:
        with pytest.raises(httpx.ConnectError, match="Name or service not known"):
            await made.handle_async_request(post("http://name.invalid/"))


async def test_a_tls_failure_is_an_ordinary_failure() -> None:
    """A server that speaks no TLS on an https address fails the connection and nothing else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serving(serve) as url, engine() as made:
        with pytest.raises(httpx.ConnectError):
            await made.handle_async_request(post(url.replace("http:", "https:")))


async def test_closing_the_engine_fails_later_calls_cleanly() -> None:
    """A call after `aclose` raises an httpx exception, not aiohttp's."""
    async with engine() as made:
        await made.aclose()
        with pytest.raises(httpx.NetworkError):
            await made.handle_async_request(post("http://127.0.0.1:1/"))


@pytest.mark.parametrize("seed", range(4))
async def test_no_noise_on_the_wire_raises_anything_foreign(seed: int) -> None:
    """Broken, cut and random replies: the answer is a response or an httpx.RequestError, 60 times each."""
    dice = random.Random(seed)
    good = reply(more=b"transfer-encoding: chunked\r\n" if seed % 2 else b"")

    def noise() -> bytes:
        broken = bytearray(good[: dice.randrange(len(good) + 1)])
        for _ in range(dice.randrange(6)):
            if broken:
                broken[dice.randrange(len(broken))] = dice.randrange(256)
        return bytes(broken)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(noise())
        await writer.drain()

    async with serving(serve) as url, engine(WireLimits(total_s=0.3)) as made:
        results = await asyncio.gather(
            *(made.handle_async_request(post(url)) for _ in range(60)), return_exceptions=True
        )
    assert {type(result) for result in results if not isinstance(result, httpx.RequestError)} <= {ReadResponse}


def foreign_errors() -> list[type[Exception]]:
    """Every exception class that aiohttp's client declares."""
    found = [getattr(aiohttp, name) for name in dir(aiohttp)]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, aiohttp.ClientError)]


@pytest.mark.parametrize("kind", foreign_errors(), ids=lambda kind: kind.__name__)
def test_no_exception_of_the_library_is_missed(kind: type[Exception]) -> None:
    """Each is caught and has a row in the one table, so none can reach a client untranslated."""
    assert issubclass(kind, wire._CAUGHT)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (aiohttp.ConnectionTimeoutError("slow"), httpx.ConnectTimeout),
        (aiohttp.SocketTimeoutError("slow"), httpx.ReadTimeout),
        (TimeoutError(), httpx.ReadTimeout),
        (aiohttp.ServerDisconnectedError(), httpx.RemoteProtocolError),
        (aiohttp.ClientPayloadError("cut"), httpx.RemoteProtocolError),
        (aiohttp.ClientOSError(104, "reset"), httpx.NetworkError),
        (ConnectionResetError(104, "reset"), httpx.NetworkError),
        (aiohttp.InvalidURL("http://["), httpx.UnsupportedProtocol),
        (ValueError("a newline in a header"), httpx.LocalProtocolError),
    ],
)
def test_each_foreign_error_has_its_word(error: Exception, expected: type[Exception]) -> None:
    """The first row that fits decides."""
    assert type(translated(error, post("http://127.0.0.1/"))) is expected


@pytest.mark.parametrize(("deadline", "expected"), [(None, 10.0), (103.0, 3.0), (200.0, 10.0), (99.0, -1.0)])
def test_the_time_left_is_the_tighter_of_two(deadline: float | None, expected: float) -> None:
    """The engine's own limit, or the deadline's rest when that is shorter."""
    assert time_left_s(deadline, 100.0, 10.0) == expected
