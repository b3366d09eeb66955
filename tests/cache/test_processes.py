"""Two real processes over a real store: one load between them, and purges that reach both."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.cache.aiocache_store import open_store

pytestmark = pytest.mark.sockets

ROOT = Path(__file__).parents[2]


class Process:
    """A `worker_process` and the way to tell it what to do."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, command: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        return await self.hear()

    async def hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(await asyncio.wait_for(self._process.stdout.readline(), 20))


@asynccontextmanager
async def process(url: str, namespace: str) -> AsyncIterator[Process]:
    """One process, ended at the end."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.cache.worker_process", url, namespace, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        one = Process(running)
        assert await one.hear() == "ready"
        yield one
    finally:
        assert running.stdin is not None
        running.stdin.close()
        await running.wait()


@pytest.fixture(params=["valkey", "memcached"])
async def two(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Process, Process, str, str]]:
    """Two processes over one store, its address and their namespace."""
    url = request.getfixturevalue(f"{request.param}_url")
    namespace = f"p{abs(hash(request.node.nodeid))}"
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(process(url, namespace))
        second = await stack.enter_async_context(process(url, namespace))
        yield first, second, url, namespace


async def test_two_hundred_callers_of_two_processes_make_one_call(two: tuple[Process, Process, str, str]) -> None:
    """One cold set of keys asked by 200 callers in each process at once: exactly one call upstream."""
    first, second, *_ = two
    keys = " ".join(f"SKU-{number}" for number in range(24))
    answers = await asyncio.gather(first.do(f"ask 200 {keys}"), second.do(f"ask 200 {keys}"))
    for values, distinct, _calls, _at in answers:
        assert values == [[None, key, 1] for key in keys.split()]
        assert distinct == 1
    assert sum(calls for _, _, calls, _ in answers) == 1


async def test_a_purge_in_one_process_is_seen_by_the_other(two: tuple[Process, Process, str, str]) -> None:
    """Within a second of the purge's answer the other process serves the new value."""
    first, second, *_ = two
    await asyncio.gather(first.do("ask 1 a"), second.do("ask 1 a"))
    await asyncio.gather(first.do("version 2"), second.do("version 2"))
    is_everywhere, purged_at = await first.do("purge sku:a")
    assert is_everywhere
    await asyncio.sleep(0.6)
    values, _, _, at = await second.do("ask 1 a")
    assert values == [[None, "a", 2]]
    assert at - purged_at < 1.0 + 0.3  # the load itself takes 0.3 s


async def test_a_purge_whose_record_is_lost_is_seen_by_the_other(two: tuple[Process, Process, str, str]) -> None:
    """Only the log's number went up, the record never came: the other process drops what it has within a second."""
    _, second, url, namespace = two
    await second.do("ask 1 a")
    await second.do("version 2")
    store = open_store(url, namespace=namespace)
    await store.increment("purges")
    await store.aclose()
    await asyncio.sleep(1.0)
    values, *_ = await second.do("ask 1 a")
    assert values == [[None, "a", 2]]
