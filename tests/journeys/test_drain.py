"""Told to stop under load, the gateway loses nothing that it was asked."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest

from tests.journeys.shop import Gateway, Sandbox, open_gateway

CLIENTS, BEFORE_S, DRAIN_S = 16, 0.7, 1.5
QUERY = '{ product(by: { handle: "sapogi-lumera-siena-1" }) { title price { isSingle } } }'


@dataclass
class Crowd:
    """Clients that ask over kept connections, each its next question as soon as it has the answer."""

    address: str
    told_at: float = float("inf")
    seen: Counter[str] = field(default_factory=Counter)

    async def client(self) -> None:
        """Ask until nobody takes connections any more."""
        place = urlsplit(self.address)
        body = json.dumps({"query": QUERY}).encode()
        fields = ["POST /graphql HTTP/1.1", "host: x", "content-type: application/json", f"content-length: {len(body)}"]
        request = "\r\n".join([*fields, "", ""]).encode() + body
        while True:
            try:
                reader, writer = await asyncio.open_connection(place.hostname, place.port)
            except OSError:
                return
            try:
                while await self.exchange(reader, writer, request):
                    pass
            finally:
                writer.close()

    async def exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bool:
        """One question; False when the connection is done with."""
        sent_at = time.monotonic()
        writer.write(request)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.seen["lost" if sent_at < self.told_at + DRAIN_S - 0.2 else "cut after the end"] += 1
            return False
        self.seen[f"{head.split()[1].decode()} {'before' if sent_at < self.told_at else 'after'}"] += 1
        return b"connection: close" not in head


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def production(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Gateway]:
    """A gateway that drains as in production, only faster."""
    settings = {"GATEWAY_WORKERS": str(request.param), "GATEWAY_DRAIN_S": str(DRAIN_S)}
    with open_gateway(sandbox, GATEWAY_LIMITS__SHEDS_LOAD="false", **settings) as opened:
        yield opened


async def test_no_request_is_lost_when_the_gateway_is_told_to_stop(production: Gateway) -> None:
    """Sixteen clients under way: each request until the end of the notice is answered, readiness goes first."""
    crowd = Crowd(str(production.client.base_url))
    clients = [asyncio.create_task(crowd.client()) for _ in range(CLIENTS)]
    await asyncio.sleep(BEFORE_S)
    crowd.told_at = time.monotonic()
    os.kill(production.process.pid, signal.SIGTERM)
    await asyncio.sleep(0.3)
    async with httpx.AsyncClient(base_url=crowd.address) as client:
        ready = await client.get("/ready")
        live = await client.get("/live")
    await asyncio.wait_for(asyncio.gather(*clients), 30)
    assert (ready.status_code, ready.json(), live.status_code) == (503, {"status": "stopping"}, 200)
    assert crowd.seen["lost"] == 0, crowd.seen
    assert set(crowd.seen) - {"cut after the end"} == {"200 before", "200 after"}
    assert await asyncio.to_thread(production.process.wait, 30) in (0, -signal.SIGTERM)


def test_a_second_signal_is_not_waited_for(sandbox: Sandbox) -> None:
    """Whoever says it twice means now."""
    with open_gateway(sandbox, GATEWAY_DRAIN_S="60") as gateway:
        os.kill(gateway.process.pid, signal.SIGTERM)
        while gateway.client.get("/ready").status_code != 503:
            time.sleep(0.05)
        os.kill(gateway.process.pid, signal.SIGTERM)
        assert gateway.process.wait(timeout=20) == -signal.SIGTERM
