"""What the workers of one shop know together: persisted texts, and how much each client asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.cache.shared import Shared
from gateway.http.persisted import MemoryTexts, TextStore
from gateway.http.shared_texts import SharedTexts
from gateway.limits.rate import Buckets, LocalBuckets, ValkeyBuckets
from gateway.resilience.valkey_quota import commands_at
from gateway.settings import CacheSettings
from gateway.upstreams import redis_address


@dataclass(frozen=True, slots=True)
class Sharing:
    """Kept by all workers together where there is a shared store, else by each for itself."""

    texts: TextStore
    buckets: Buckets


@asynccontextmanager
async def open_sharing(settings: CacheSettings, shared: Shared | None) -> AsyncIterator[Sharing]:
    """Texts go to the store of the shared cache; client rates only to Valkey or Redis, because they need a script."""
    clock = asyncio.get_running_loop().time
    texts = MemoryTexts() if shared is None else SharedTexts(shared.store, clock)
    address = redis_address(settings)
    if address is None:
        yield Sharing(texts, LocalBuckets(clock))
        return
    commands = commands_at(address, settings.shared_timeout_s)
    try:
        yield Sharing(texts, ValkeyBuckets(commands, clock))
    finally:
        await commands.aclose()
