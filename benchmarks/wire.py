"""Which wire engine: CPU per call, life after cancelled calls, and whether a cancelled call stops.

    python benchmarks/wire.py

Starts its own upstream on 127.0.0.1 as another process and drives every contender over it, 32 calls
in flight. CPU is this process's alone, all its threads. `alive` is how many of 50 plain calls are
answered after 3,000 cancelled ones over a pool of 20. `sent late` is how many of 180 queued calls an
upstream still gets after everybody who wanted them has gone.
"""

import asyncio
import importlib
import importlib.util
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from clients.values import DataSource
from gateway.resilience.policy import BulkheadPolicy, DeadlinePolicy, UpstreamPolicy, WireLimits
from gateway.resilience.stack import GuardedUpstream
from gateway.resilience.wire import WireEngine

CALLS = 6000
IN_FLIGHT = 32
BODY = msgspec.json.encode({"items": [{"sku": f"A{number:04}", "quantity": 1} for number in range(60)]})
PRICE = {"amount": "1990.00", "currencyCode": "RUB"}
ANSWER = msgspec.json.encode({"prices": [{"sku": f"A{number:04}", "price": PRICE} for number in range(60)]})
HEADERS = {"accept": "application/json", "content-type": "application/json", "authorization": "Bearer key"}
EXTENSIONS = {"source": DataSource.PRICING, "operation": "pricing.prices", "idempotent": True}

Post = Callable[[str], Awaitable[bytes]]


async def serve() -> None:
    """Answer every POST after 2 ms, on `/slow` after 20; `/count` tells how many came."""
    seen = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /count"):
                    body = str(seen).encode()
                else:
                    seen += 1
                    await reader.readexactly(len(BODY))
                    await asyncio.sleep(0.02 if b"/slow" in head[:40] else 0.002)
                    body = ANSWER
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n%s" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@asynccontextmanager
async def over_httpcore(connections: int) -> AsyncIterator[Post]:
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(5, pool=0.3), trust_env=False) as client:

        async def post(url: str) -> bytes:
            return (await client.post(url, content=BODY, headers=HEADERS)).content

        yield post


@asynccontextmanager
async def over_aiohttp(connections: int) -> AsyncIterator[Post]:
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def post(url: str) -> bytes:
            async with session.post(url, data=BODY, headers=HEADERS) as answer:
                return await answer.read()

        yield post


@asynccontextmanager
async def over_pyreqwest(connections: int) -> AsyncIterator[Post]:
    client_module: Any = importlib.import_module("pyreqwest.client")
    async with client_module.ClientBuilder().max_connections(connections).build() as client:

        async def post(url: str) -> bytes:
            request = client.post(url).headers(HEADERS).body_bytes(BODY).timeout(timedelta(seconds=5)).build()
            return bytes(await (await request.send()).bytes())

        yield post


def posting(transport: httpx.AsyncBaseTransport) -> Post:
    urls: dict[str, httpx.URL] = {}

    async def post(url: str) -> bytes:
        parsed = urls.get(url) or urls.setdefault(url, httpx.URL(url))
        request = httpx.Request("POST", parsed, content=BODY, headers=HEADERS, extensions=dict(EXTENSIONS))
        return await (await transport.handle_async_request(request)).aread()

    return post


@asynccontextmanager
async def over_our_engine(connections: int) -> AsyncIterator[Post]:
    engine = WireEngine(WireLimits(connections, pool_s=5, read_s=5))
    yield posting(engine)
    await engine.aclose()


@asynccontextmanager
async def over_guards(connections: int) -> AsyncIterator[Post]:
    limits = WireLimits(connections, pool_s=5, read_s=5)
    bulkhead = BulkheadPolicy(running=connections, waiting=1000, wait_s=5)
    policy = UpstreamPolicy(DataSource.PRICING, wire=limits, bulkhead=bulkhead, deadline=DeadlinePolicy(total_s=5))
    guarded = GuardedUpstream(policy, WireEngine(limits))
    yield posting(guarded)
    await guarded.aclose()


CONTENDERS = {
    "httpx over httpcore": over_httpcore,
    "pyreqwest": over_pyreqwest,
    "aiohttp": over_aiohttp,
    "our engine (aiohttp, httpx words)": over_our_engine,
    "our engine under all guards": over_guards,
}


async def measure_cpu_us(post: Post, url: str) -> float:
    """CPU microseconds per call; the best of three rounds."""
    rounds = []
    for _ in range(4):
        left = CALLS

        async def worker() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await post(url)

        started = time.process_time()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        rounds.append((time.process_time() - started) / CALLS * 1e6)
    return min(rounds[1:])


async def count_alive(post: Post, url: str, seed: int) -> int:
    """Of 50 calls after 3,000 cancelled ones, how many are answered."""
    dice = random.Random(seed)  # noqa: S311 (moments to cancel at)
    for _ in range(60):
        calls = [asyncio.ensure_future(post(f"{url}/slow")) for _ in range(50)]
        await asyncio.sleep(dice.uniform(0, 0.06))
        for running in calls:
            running.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.sleep(0.3)
    results = await asyncio.gather(*(post(url) for _ in range(10)), return_exceptions=True)
    for _ in range(40):
        results += await asyncio.gather(post(url), return_exceptions=True)
    return sum(isinstance(result, bytes) for result in results)


async def count_sent_late(post: Post, url: str) -> int:
    """Of 200 calls over a pool of 20, all cancelled after 10 ms, how many are sent afterwards."""
    calls = [asyncio.ensure_future(post(f"{url}/slow")) for _ in range(200)]
    await asyncio.sleep(0.01)
    for running in calls:
        running.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    async with aiohttp.ClientSession() as observer:

        async def count() -> int:
            async with observer.get(f"{url}/count") as answer:
                return int(await answer.text())

        at_once = await count()
        await asyncio.sleep(0.5)
        return await count() - at_once


async def compare(url: str) -> None:
    print(f"{'':36}{'CPU us/call':>12}{'alive of 50':>18}{'sent late':>11}")
    for name, over in CONTENDERS.items():
        if name == "pyreqwest" and importlib.util.find_spec("pyreqwest") is None:
            print(f"{name:36}{'not installed':>12}")
            continue
        async with over(50) as post:
            cpu_us = await measure_cpu_us(post, f"{url}/v1")
        alive = []
        for seed in (1, 2, 3):
            async with over(20) as post:
                alive.append(await count_alive(post, url, seed))
        async with over(20) as post:
            sent_late = await count_sent_late(post, url)
        print(f"{name:36}{cpu_us:12.0f}{alive!s:>18}{sent_late:11}", flush=True)


def main() -> None:
    if "--serve" in sys.argv:
        uvloop.run(serve())
        return
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as upstream:
        assert upstream.stdout is not None
        try:
            uvloop.run(compare(f"http://127.0.0.1:{int(upstream.stdout.readline())}"))
        finally:
            upstream.terminate()


if __name__ == "__main__":
    main()
