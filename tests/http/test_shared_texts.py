"""Texts that processes share: found by all, believed by nobody blindly, never in anybody's way."""

import asyncio
import hashlib
from collections.abc import Sequence

from gateway.http.shared_texts import KEPT_S, SharedTexts


def sha256(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


class Store:
    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.calls = 0
        self.ttl_s = 0
        self.broken: Exception | None = None
        self.wait_s = 0.0

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        await self._answer()
        return [self.values.get(key) for key in keys]

    async def set_many(self, pairs: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        await self._answer()
        self.ttl_s = ttl_s
        self.values.update(pairs)

    async def _answer(self) -> None:
        self.calls += 1
        await asyncio.sleep(self.wait_s)
        if self.broken is not None:
            raise self.broken


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


async def test_shares_texts() -> None:
    """What one process learned another one finds, and asks the store for it once."""
    store = Store()
    await SharedTexts(store, Clock()).put(sha256("{hello}"), "{hello}")
    other = SharedTexts(store, Clock())
    assert [await other.get(sha256("{hello}")) for _ in range(3)] == ["{hello}"] * 3
    assert (store.calls, store.ttl_s) == (2, KEPT_S)


async def test_believes_no_foreign_text() -> None:
    """A text under a hash that is not its own, and bytes that are no text, are not there."""
    store = Store()
    store.values = {f"apq:{sha256('{a}')}": b"mutation{ring}", f"apq:{sha256('{b}')}": b"\xff"}
    texts = SharedTexts(store, Clock())
    assert [await texts.get(sha256("{a}")), await texts.get(sha256("{b}"))] == [None, None]


async def test_leaves_a_broken_store_alone() -> None:
    """A store that fails is not asked for a second, and what is known here goes on."""
    store, clock = Store(), Clock()
    store.broken = OSError("down")
    texts = SharedTexts(store, clock)
    await texts.put(sha256("{hello}"), "{hello}")
    assert await texts.get(sha256("{hello}")) == "{hello}"
    assert await texts.get(sha256("{other}")) is None
    assert (store.calls, texts.failures) == (1, 1)
    clock.at, store.broken = 1.5, None
    assert await texts.get(sha256("{other}")) is None
    assert store.calls == 2


async def test_waits_for_no_slow_store() -> None:
    """A store that hangs costs a moment once, then nothing."""
    store = Store()
    store.wait_s = 30
    texts = SharedTexts(store, Clock())
    async with asyncio.timeout(1):
        assert await texts.get(sha256("{hello}")) is None
        await texts.put(sha256("{hello}"), "{hello}")
    assert (store.calls, texts.failures) == (1, 1)
