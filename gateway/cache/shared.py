"""The shared level: what other processes loaded, and whose turn it is to load.

Whatever the store does (refuses, hangs, answers garbage), the gateway goes on with memory alone:
a failed call is counted, the store is left alone for a moment, and readiness says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, Self, TypeVar

from clients.scope import Scope
from gateway.cache.codec import Codec, Unreadable
from gateway.cache.kept import Answer, Kept
from gateway.cache.levels import Levels
from gateway.cache.metrics import SharedCounters
from gateway.cache.policy import Policy
from gateway.cache.purge_log import COUNTER, PurgeLog
from gateway.cache.store import Store

K = TypeVar("K", bound=Hashable)
S = TypeVar("S", bound=Scope)
T = TypeVar("T")

LOOK_EVERY_S = 0.25
REST_AFTER_ERROR_S = 1.0
CONNECT_S = 1.0


class Shared:
    """One process's line to the store: short timeouts, rest after errors, the purge log's pulse.

    Use as a context manager around the process's life.
    """

    def __init__(
        self, store: Store, levels: Levels, *, timeout_s: float = 0.1, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self.store = store
        self.log = PurgeLog(store, levels.purges, levels.clock)
        self._counters: SharedCounters = levels.metrics.shared
        self._clock = levels.clock
        self._timeout_s = timeout_s
        self._look_every_s = look_every_s
        self._rests_until = float("-inf")
        self._failing_since: float | None = None
        self._pulse: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._look()
        self._pulse = asyncio.get_running_loop().create_task(self._look_for_ever())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._pulse is not None:
            self._pulse.cancel()
            await asyncio.gather(self._pulse, return_exceptions=True)
        await self.store.aclose()

    def note(self) -> str | None:
        """For readiness: what is wrong, or None. The gateway is ready all the same."""
        if self._failing_since is None:
            return None
        return f"shared cache has not answered for {self._clock() - self._failing_since:.0f} s; serving from memory"

    async def purge(self, tags: Sequence[str]) -> bool:
        """Purge here at once; True if the store has taken it for all others, who follow within a second.

        If not, it is sent as soon as the store is back.
        """
        return await self.call(lambda: self.log.publish(tags), even_resting=True) is True

    async def call(
        self, operation: Callable[[], Awaitable[T]], *, even_resting: bool = False, timeout_s: float | None = None
    ) -> T | None:
        """The operation's result; None if the store failed, was late, or is being left alone."""
        if self._clock() < self._rests_until and not even_resting:
            self._counters.skipped += 1
            return None
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._counters.round_trips += 1
        try:
            async with asyncio.timeout(self._timeout_s if timeout_s is None else timeout_s):
                result = await operation()
        except Exception:  # noqa: BLE001 (whatever a store's client raises, memory serves on)
            self._fail()
            return None
        self._counters.latency.observe(loop.time() - began)
        self._failing_since = None
        return result

    def _fail(self) -> None:
        now = self._clock()
        self._counters.errors += 1
        self._rests_until = now + REST_AFTER_ERROR_S
        if self._failing_since is None:
            self._failing_since = now

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            await self._look()

    async def _look(self) -> None:
        """A look may take longer than a reader would wait: so a slow connection is opened at all, and then is there."""
        await self.call(self.log.look, timeout_s=max(CONNECT_S, self._timeout_s))


class SharedDataset(Generic[K, S]):
    """One dataset in the shared level."""

    def __init__(self, policy: Policy, shared: Shared, codec: Codec, kept: Kept[K, Any, S], levels: Levels) -> None:
        self._policy = policy
        self._shared = shared
        self._codec = codec
        self._kept = kept
        self._purges = levels.purges
        self._counters = levels.metrics.shared

    @property
    def number(self) -> int:
        """The place in the purge log; a load remembers it at its start."""
        return self._shared.log.number

    async def purge(self, tags: Sequence[str]) -> bool:
        return await self._shared.purge(tags)

    async def find(self, scope: S, keys: Sequence[K]) -> dict[K, Answer]:
        """What is stored and not purged, of any age, in one round trip."""
        addresses = [self._codec.address(scope, key) for key in keys]
        names = [COUNTER, *map(self._codec.name, addresses)]
        found = await self._shared.call(lambda: self._shared.store.get_many(names))
        if found is None or found[0] is None:
            return {}
        if not await self._follow(found[0]):
            return {}
        return {
            key: answer
            for key, address, stored in zip(keys, addresses, found[1:], strict=True)
            if stored is not None and (answer := self._read(scope, key, address, stored)) is not None
        }

    async def save(self, scope: S, answers: dict[K, Answer], number: int) -> None:
        """Store what was loaded; `number` is the purge log's when the load began."""
        if not number or not answers:
            return
        pairs = []
        for key, answer in answers.items():
            if not self._kept.is_worth_keeping(scope, answer):
                continue
            address = self._codec.address(scope, key)
            stored = self._codec.write(address, number, answer.received_at, answer.load_s, answer.value)
            if len(stored) <= self._shared.store.max_value_bytes:
                pairs.append((self._codec.name(address), stored))
        ttl_s = max(1, int(self._policy.terms_for(scope).kept_s) + 1)
        if pairs:
            await self._shared.call(lambda: self._shared.store.set_many(pairs, ttl_s))

    async def claim(self, scope: S, keys: Sequence[K], lease_s: int) -> list[bool]:
        """For which keys it is this process's turn to load; all of them when the store cannot tell."""
        names = [self._lease(scope, key) for key in keys]
        won = await self._shared.call(lambda: self._shared.store.add_many(names, b"1", lease_s))
        return [True] * len(keys) if won is None else won

    async def release(self, scope: S, keys: Sequence[K]) -> None:
        names = [self._lease(scope, key) for key in keys]
        await self._shared.call(lambda: self._shared.store.delete_many(names))

    def _lease(self, scope: S, key: K) -> str:
        return "lease:" + self._codec.name(self._codec.address(scope, key))

    async def _follow(self, counter: bytes) -> bool:
        """Learn of purges that the read has shown; usually there are none. True if what was read can be judged."""
        if counter == b"%d" % self.number:
            return True
        return await self._shared.call(lambda: self._shared.log.catch_up(counter)) is not None

    def _read(self, scope: S, key: K, address: bytes, stored: bytes) -> Answer | None:
        try:
            written, value = self._codec.read(address, stored)
        except Unreadable:
            self._counters.unreadable += 1
            return None
        if self._purges.last_number(self._kept.tags(scope, key, value)) > written.number:
            return None
        return Answer(value, written.received_at, written.load_s, len(stored))
