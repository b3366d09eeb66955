"""A thousand clients that wait for something to happen."""

import asyncio
import json
import resource
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.http.served import serving
from tests.journeys.kernel import memory_bytes

pytestmark = [pytest.mark.sockets, pytest.mark.alone]

CLIENTS = 1_000
MOST_BYTES = 100 * 1024 * 1024
WAITING = "subscription { ticks(count: 1, every: 3600) }"
AT_ONCE = 50


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    """Let this process and its server have a socket for each client."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * CLIENTS
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"needs {needed} open files, the machine allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def subscribe(client: ClientConnection) -> None:
    """Start waiting, and be sure that the server has taken it: the answer to a later ping has come."""
    await client.send('{"type":"connection_init"}')
    assert json.loads(await client.recv()) == {"type": "connection_ack"}
    await client.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": WAITING}}))
    await client.send('{"type":"ping"}')
    assert json.loads(await client.recv()) == {"type": "pong"}


async def test_a_thousand_idle_subscriptions_are_cheap() -> None:
    """1,000 connections with a subscription each hold less than 100 MB over the server without them."""
    gate = asyncio.Semaphore(AT_ONCE)
    with serving("crowd") as (host, pid):
        async with AsyncExitStack() as closing:

            async def join() -> None:
                async with gate:
                    address, protocol = f"ws://{host}/graphql", Subprotocol("graphql-transport-ws")
                    client = connect(address, subprotocols=[protocol], compression=None, proxy=None)
                    await subscribe(await closing.enter_async_context(client))

            await join()
            before = memory_bytes(pid)
            await asyncio.gather(*(join() for _ in range(CLIENTS)))
            held = memory_bytes(pid) - before
    assert held < MOST_BYTES
    print(f"{CLIENTS} idle subscriptions: {held / 1024 / 1024:.1f} MB, {held / CLIENTS / 1024:.0f} KB each")
