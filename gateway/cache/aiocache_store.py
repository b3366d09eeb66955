"""Valkey, Redis, Memcached or nothing but memory behind `Store`, through aiocache 0.12.

The one file that touches aiocache. Three of its habits are undone here: it decodes what it reads
as UTF-8, it closes redis-py by a name that is deprecated, and over Memcached a call that was
given up leaves its answer in a pooled connection for the next caller to read.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from aiocache import MemcachedCache, RedisCache, SimpleMemoryCache
from aiocache.base import BaseCache
from aiocache.serializers import NullSerializer

from gateway.cache.store import Store

UNBOUNDED = 512 * 1024 * 1024
MEMCACHED_MAX_VALUE_BYTES = 1000 * 1000
GATE_TTL_S = 2
"""For a holder that died; Memcached counts whole seconds, so one could end at once."""


class _Redis(RedisCache):  # type: ignore[misc]
    async def _close(self, *_args: Any, _conn: Any = None, **_kwargs: Any) -> None:
        await self.client.aclose()


class AiocacheStore:
    """Any aiocache backend; each method is what the backend makes of it."""

    max_value_bytes = UNBOUNDED

    def __init__(self, cache: BaseCache) -> None:
        self._cache: Any = cache

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [_as_bytes(value) for value in await self._cache.multi_get(keys)]

    async def set_many(self, pairs: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        await self._cache.multi_set(pairs, ttl=ttl_s)

    async def add_many(self, keys: Sequence[str], value: bytes, ttl_s: int) -> list[bool]:
        return list(await asyncio.gather(*(self._add(key, value, ttl_s) for key in keys)))

    async def delete_many(self, keys: Sequence[str]) -> None:
        await asyncio.gather(*(self._cache.delete(key) for key in keys))

    async def increment(self, key: str) -> int:
        return int(await self._cache.increment(key))

    async def aclose(self) -> None:
        await self._cache.close()

    async def _add(self, key: str, value: bytes, ttl_s: int) -> bool:
        try:
            await self._cache.add(key, value, ttl=ttl_s)
        except ValueError:  # aiocache's word for "there is one already"
            return False
        return True


class ValkeyStore(AiocacheStore):
    """Valkey or Redis: what aiocache sends key by key leaves in one pipeline."""

    async def add_many(self, keys: Sequence[str], value: bytes, ttl_s: int) -> list[bool]:
        async with self._cache.client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.set(self._cache.build_key(key, self._cache.namespace), value, nx=True, ex=ttl_s)
            return [bool(done) for done in await pipeline.execute()]

    async def delete_many(self, keys: Sequence[str]) -> None:
        await self._cache.client.delete(*(self._cache.build_key(key, self._cache.namespace) for key in keys))


class MemcachedStore:
    """Memcached, with a new set of connections whenever a call on the old one was given up.

    aiomcache returns a connection to its pool although the answer to a cancelled call is still to
    come; the next caller would read it as its own. So that set is retired: it serves the calls
    that it has begun, and is closed after the last.
    """

    max_value_bytes = MEMCACHED_MAX_VALUE_BYTES

    def __init__(self, open_cache: Callable[[], BaseCache]) -> None:
        self._open_cache = open_cache
        self._line = _Line(open_cache())

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        distinct = list(dict.fromkeys(keys))
        async with self._call() as store:
            found = dict(zip(distinct, await store.get_many(distinct), strict=True))
        return [found[key] for key in keys]

    async def set_many(self, pairs: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        async with self._call() as store:
            await store.set_many(pairs, _relative(ttl_s))

    async def add_many(self, keys: Sequence[str], value: bytes, ttl_s: int) -> list[bool]:
        """Memcached adds key by key, so two callers could each win a part of the keys: the gate lets one in."""
        async with self._call() as store:
            if not keys:
                return []
            gate = [f"gate:{min(keys)}"]
            if not all(await store.add_many(gate, b"1", GATE_TTL_S)):
                return [False] * len(keys)
            won = await store.add_many(keys, value, _relative(ttl_s))
            await store.delete_many(gate)
            return won

    async def delete_many(self, keys: Sequence[str]) -> None:
        async with self._call() as store:
            await store.delete_many(keys)

    async def increment(self, key: str) -> int:
        async with self._call() as store:
            return await store.increment(key)

    async def aclose(self) -> None:
        await self._line.store.aclose()

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[AiocacheStore]:
        line = self._line
        line.calls += 1
        try:
            yield line.store
        except BaseException:
            if self._line is line:
                self._line = _Line(self._open_cache())
                line.is_retired = True
            raise
        finally:
            line.calls -= 1
            if line.is_retired and not line.calls:
                await line.store.aclose()


class _Line:
    def __init__(self, cache: BaseCache) -> None:
        self.store = AiocacheStore(cache)
        self.calls = 0
        self.is_retired = False


def _relative(ttl_s: int) -> int:
    """Memcached reads more than 30 days as a date (protocol.txt, "Expiration times")."""
    return min(ttl_s, 30 * 24 * 3600)


def _as_bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()


def open_store(url: str, *, namespace: str = "gateway", connect_timeout_s: float = 0.5) -> Store:
    """The store at `valkey://`, `redis://`, `rediss://` (TLS), `memcached://` or `memory://`.

    For example `redis://user:password@host:6379/0`; raises ValueError for any other scheme.
    """
    parts = urlsplit(url)
    common: dict[str, Any] = {"serializer": NullSerializer(encoding=None), "timeout": None, "namespace": namespace}
    if parts.scheme in ("valkey", "redis", "rediss"):
        return ValkeyStore(_Redis(**common, **_redis_terms(parts, connect_timeout_s)))
    if parts.scheme == "memcached":
        common |= {"namespace": f"{namespace}:", "endpoint": parts.hostname or "127.0.0.1", "port": parts.port or 11211}
        return MemcachedStore(lambda: MemcachedCache(pool_size=4, **common))
    if parts.scheme == "memory":
        return AiocacheStore(SimpleMemoryCache(**common))
    raise ValueError(
        f"expected a cache address of valkey://, redis://, rediss://, memcached:// or memory://; got {parts.scheme}://"
    )


def _redis_terms(parts: SplitResult, connect_timeout_s: float) -> dict[str, Any]:
    return {
        "endpoint": parts.hostname or "127.0.0.1",
        "port": parts.port or 6379,
        "db": int(parts.path.strip("/") or 0),
        "password": unquote(parts.password) if parts.password else None,
        "ssl": parts.scheme == "rediss",
        "create_connection_timeout": connect_timeout_s,
        "connection_pool_kwargs": {"username": unquote(parts.username)} if parts.username else {},
    }
