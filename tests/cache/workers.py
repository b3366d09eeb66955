"""Several gateway processes in one test: each with a memory of its own, over one store that can be broken."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from clients.scope import ForCustomer
from clients.values import Dataset
from gateway.cache import codec
from gateway.cache.aiocache_store import open_store
from gateway.cache.levels import Levels
from gateway.cache.policy import Policy
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from gateway.cache.store import Store
from tests.cache.scripted import TERMS, Upstream, levels_at

VALUE: Any = tuple[str | None, str, int]


@dataclass
class FaultyStore:
    """A store of memory that refuses, hangs, forgets or lies when it is told to; and counts calls."""

    real: Store = field(default_factory=lambda: open_store("memory://"))
    refuses: bool = False
    hangs: bool = False
    lies: bytes | None = None
    loses: set[str] = field(default_factory=set)
    adds_take_s: list[float] = field(default_factory=list)
    max_value_bytes: int = 1_000_000
    calls: list[str] = field(default_factory=list)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        await self._suffer("get_many")
        found = await self.real.get_many(keys)
        if self.lies is not None:
            lies = self.lies
            return [value if key == "purges" or not value else lies for key, value in zip(keys, found, strict=True)]
        return found

    async def set_many(self, pairs: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        await self._suffer("set_many")
        await self.real.set_many([pair for pair in pairs if not any(map(pair[0].startswith, self.loses))], ttl_s)

    async def add_many(self, keys: Sequence[str], value: bytes, ttl_s: int) -> list[bool]:
        await self._suffer("add_many")
        if self.adds_take_s and keys != ["purges"]:
            await asyncio.sleep(self.adds_take_s.pop(0))
        return await self.real.add_many(keys, value, ttl_s)

    async def delete_many(self, keys: Sequence[str]) -> None:
        await self._suffer("delete_many")
        await self.real.delete_many(keys)

    async def increment(self, key: str) -> int:
        await self._suffer("increment")
        return await self.real.increment(key)

    async def aclose(self) -> None:
        """Shared between workers: nothing to close."""

    def forget(self) -> None:
        """The server starts anew, empty."""
        self.real = open_store("memory://")

    async def _suffer(self, call: str) -> None:
        self.calls.append(call)
        await asyncio.sleep(0)
        if self.refuses:
            raise ConnectionRefusedError
        if self.hangs:
            await asyncio.sleep(3600)


@dataclass
class Worker:
    """One process's cache of prices."""

    levels: Levels
    shared: Shared
    source: CachedSource[str, Any, ForCustomer]


@asynccontextmanager
async def workers(
    store: Store, upstream: Upstream, number: int = 2, policy: Policy = TERMS, **levels: Any
) -> AsyncIterator[list[Worker]]:
    """So many processes over one store and one upstream; they speak of plain tuples instead of prices."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(number):
            own = levels_at(**levels)
            shared = await stack.enter_async_context(Shared(store, own))
            source = CachedSource(
                Dataset.PRICE, policy, upstream.fetch, lambda asker: asker.for_customer, own, shared,
                codec=codec.Codec(Dataset.PRICE, VALUE),
            )  # fmt: skip
            stack.push_async_callback(source.aclose)
            made.append(Worker(own, shared, source))
        yield made
