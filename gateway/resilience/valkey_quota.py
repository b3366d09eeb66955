"""A quota kept for all processes together, in Valkey or Redis."""

from collections.abc import Awaitable
from typing import Any, Final, Protocol

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from clients.http import Priority
from gateway.resilience.guard import Clock
from gateway.resilience.policy import Quota
from gateway.resilience.quota import LocalQuotaStore, calls_open_to

TAKE: Final = """
local paused = redis.call('PTTL', KEYS[2])
if paused > 0 then return paused end
local calls, open_calls, window_us = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local nth_last = redis.call('LINDEX', KEYS[1], -open_calls)
if nth_last then
  local wait_us = nth_last + window_us - now_us
  if wait_us > 0 then return math.ceil(wait_us / 1000) end
end
redis.call('RPUSH', KEYS[1], string.format('%.0f', now_us))
redis.call('LTRIM', KEYS[1], -calls, -1)
redis.call('PEXPIRE', KEYS[1], math.ceil(window_us / 1000) + 1000)
return 0
"""
"""Grants atomically, by the server's own clock: the list holds the instants of the last grants in microseconds."""

USED: Final = """
local calls, window_us = tonumber(ARGV[1]), tonumber(ARGV[2])
if redis.call('PTTL', KEYS[2]) > 0 then return calls end
local time = redis.call('TIME')
local since_us = time[1] * 1000000 + time[2] - window_us
local first, beyond = 0, redis.call('LLEN', KEYS[1])
local length = beyond
while first < beyond do
  local middle = math.floor((first + beyond) / 2)
  if tonumber(redis.call('LINDEX', KEYS[1], middle)) <= since_us then first = middle + 1 else beyond = middle end
end
return length - first
"""
"""How many were granted within the window; the list is in order, so a few looks into it are enough."""

PAUSE: Final = """
local asked = tonumber(ARGV[1])
if redis.call('PTTL', KEYS[1]) < asked then redis.call('SET', KEYS[1], '1', 'PX', asked) end
"""

SILENT_S: Final = 1.0
"""A store that failed is left alone for so long, so that not every call waits for its timeout."""


class Commands(Protocol):
    """What is needed of `redis.asyncio.Redis`; give it short `socket_timeout`s."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any]: ...
    def aclose(self) -> Awaitable[None]: ...


def commands_at(url: str, timeout_s: float = 0.05) -> Commands:
    """A connection pool at `redis://...` or `rediss://...` that gives up early: a quota is not worth a long wait."""
    once = Retry(NoBackoff(), 0)
    return Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=once)


class ValkeyQuotaStore:
    """Asks the shared store, and keeps to this process's share of the quota while it does not answer.

    `processes` is over how many the quota is shared out then.
    """

    def __init__(self, commands: Commands, clock: Clock, processes: int, prefix: str = "quota") -> None:
        self._commands = commands
        self._clock = clock
        self._prefix = prefix
        self._local = LocalQuotaStore(clock, processes)
        self._silent_until = float("-inf")
        self.failures = 0

    @property
    def is_shared(self) -> bool:
        """Whether the shared store is being asked, or this process keeps to its share alone."""
        return self._clock() >= self._silent_until

    async def take(self, key: str, quota: Quota | None, priority: Priority) -> float:
        """See `QuotaStore.take`."""
        if quota is None:
            return await self._local.take(key, None, priority)
        wait_ms = await self._eval(
            TAKE, 2, *self._names(key), quota.calls, calls_open_to(quota, priority), window_us(quota)
        )
        if wait_ms is None:
            return await self._local.take(key, quota, priority)
        if wait_ms == 0:
            self._local.note(key, quota)
        return float(wait_ms) / 1000

    async def pause(self, key: str, wait_s: float) -> None:
        """See `QuotaStore.pause`."""
        await self._local.pause(key, wait_s)
        if wait_s > 0:
            await self._eval(PAUSE, 1, f"{self._prefix}:{key}:paused", max(1, round(wait_s * 1000)))

    async def count_used(self, key: str, quota: Quota) -> float:
        """See `QuotaStore.count_used`; of all processes together, or of this one's share while the store is silent."""
        used = await self._eval(USED, 2, *self._names(key), quota.calls, window_us(quota))
        return await self._local.count_used(key, quota) if used is None else min(1.0, float(used) / quota.calls)

    async def aclose(self) -> None:
        """Close the store's connections."""
        await self._commands.aclose()

    def _names(self, key: str) -> tuple[str, str]:
        return f"{self._prefix}:{key}", f"{self._prefix}:{key}:paused"

    async def _eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """What the script returned; None while the store does not answer. PAUSE returns None as well: nobody asks."""
        if not self.is_shared:
            return None
        try:
            return await self._commands.eval(script, numkeys, *keys_and_args)
        except (RedisError, OSError, TimeoutError):
            self.failures += 1
            self._silent_until = self._clock() + SILENT_S
            return None


def window_us(quota: Quota) -> int:
    return round((quota.period_s + quota.margin_s) * 1_000_000)
