"""What counting and writing lines costs: CPU per cached listing with telemetry and without, in one process.

    python -m benchmarks.telemetry [requests] 2>/dev/null

Two gateways over the same sandbox, asked in turn: one as it is, one of which nothing is counted and
no line is written. Two ways to answer a listing: whole from the response level, and executed with
every value from memory. The server is left out, so the share of a real request is smaller.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import msgspec

from gateway.app import make_app
from gateway.http.journal import LogJournal
from gateway.settings import Settings
from tests.journeys.shop import gateway_settings, open_sandbox

TILE = """id handle title brand { name } image { url(width: 480) } badges { code title }
  price { isSingle lowest { current { amount formatted } discountPercent } } promotions { id badge { title } }
  variant { pointsToEarn { amount { points } } }"""
QUERY = """query Listing {
  category(by: {handle: "obuv-zhenskaya"}) { products(first: 48) { edges { node { %s } } } }
}"""


def whole(_number: int) -> bytes:
    """The same request again: its answer is kept whole."""
    return msgspec.json.encode({"query": QUERY % TILE})


def executed(number: int) -> bytes:
    """A variable that nothing reads makes it another answer, executed anew."""
    return msgspec.json.encode({"query": QUERY % TILE, "variables": {"number": number}})


WAYS: dict[str, Callable[[int], bytes]] = {"whole answer": whole, "executed": executed}


class Blind:
    """Stands for telemetry and looks away."""

    def __init__(self) -> None:
        self.journal = LogJournal()

    def watch_fetch(self, _dataset: Any, fetch: Any) -> Any:
        return fetch

    def watch_wire(self, wire: Any) -> Any:
        return wire

    def trace_executor(self, inner: Any) -> Any:
        return inner

    def watch_executor(self, inner: Any, _fallbacks: Any) -> Any:
        return inner

    def watch_sources(self, sources: Any, _by_dataset: Any) -> Any:
        return sources

    def __getattr__(self, name: str) -> Any:
        if name.startswith("watch_"):
            return lambda *_: None
        raise AttributeError(name)


@asynccontextmanager
async def look_away(_settings: Settings) -> AsyncIterator[Blind]:
    yield Blind()


@contextmanager
def blindfolded() -> Iterator[None]:
    with mock.patch("gateway.app.open_watch", look_away):
        yield


async def ask(app: Any, body: bytes) -> bytes:
    """One request, straight into the application."""
    headers = [
        (b"host", b"shop.example"),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"accept", b"application/json"),
    ]
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "client": ("127.0.0.1", 1),
        "headers": headers,
    }  # fmt: skip
    told: list[bytes] = []

    coming = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return coming.pop() if coming else await asyncio.Future()  # the client stays

    async def send(message: Any) -> None:
        told.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(told)


async def measure_ns(app: Any, body: bytes) -> int:
    """CPU nanoseconds of one request, of all threads of this process."""
    started = time.process_time_ns()
    await ask(app, body)
    return time.process_time_ns() - started


async def compare(seeing: Any, blind: Any, name: str, requests: int) -> None:
    """One request here and one there, in turn, so that both meet the same neighbours; the medians are compared."""
    for app in (seeing, blind):
        for number in range(20):
            answer = await ask(app, WAYS[name](-number))
        assert b'"errors"' not in answer, answer[:300]
        assert b'"price"' in answer, answer[:300]
    took: dict[str, list[int]] = {"seeing": [], "blind": []}
    for number in range(requests):
        body = WAYS[name](number)
        for who, app in (("seeing", seeing), ("blind", blind))[:: 1 if number % 2 else -1]:
            took[who].append(await measure_ns(app, body))
    seen, unseen = median(took["seeing"]) / 1000, median(took["blind"]) / 1000
    print(f"{name}: {seen:.1f} us with telemetry, {unseen:.1f} us without, {(seen / unseen - 1) * 100:+.1f} %")


async def main(settings: Settings, requests: int) -> None:
    seeing = make_app(settings)
    blind = make_app(settings)
    async with seeing.rest.router.lifespan_context(seeing.rest):
        with blindfolded():
            opened = blind.rest.router.lifespan_context(blind.rest)
            await opened.__aenter__()
        for name in WAYS:
            await compare(seeing, blind, name, requests)
        await opened.__aexit__(None, None, None)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, open_sandbox(Path(folder)) as sandbox:
        with mock.patch.dict("os.environ", gateway_settings(sandbox, GATEWAY_TELEMETRY__LOGS="json")):
            chosen = Settings()
        asyncio.run(main(chosen, int(sys.argv[1]) if len(sys.argv) > 1 else 4000))
