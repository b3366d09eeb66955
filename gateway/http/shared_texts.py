"""Persisted texts that all processes share, in the store of the shared cache."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from gateway.http.persisted import MemoryTexts, is_of

KEPT_S: Final = 24 * 3600
WAIT_S: Final = 0.05
"""A store slower than this is not waited for: the client sends the text again, which is quicker."""
SILENT_S: Final = 1.0
"""A store that failed is left alone for so long."""


class KeyValues(Protocol):
    """What is needed of a store; it may raise anything."""

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]: ...

    async def set_many(self, pairs: Sequence[tuple[str, bytes]], ttl_s: int) -> None: ...


class SharedTexts:
    """Texts kept here and shared with the others; while the store is away, kept here alone.

    A text that the store gives under a hash that is not its own is not believed. The store bounds
    itself: a text is gone a day after it was sent last, or when the store needs the room.
    """

    def __init__(self, store: KeyValues, clock: Callable[[], float], own: MemoryTexts | None = None) -> None:
        self._store = store
        self._clock = clock
        self._own = MemoryTexts() if own is None else own
        self._silent_until = float("-inf")
        self.failures = 0

    async def get(self, sha256: str) -> str | None:
        own = self._own.get(sha256)
        if own is not None or self._is_silent():
            return own
        try:
            async with asyncio.timeout(WAIT_S):
                (kept,) = await self._store.get_many([_key(sha256)])
            source = None if kept is None else kept.decode()
        except Exception:  # noqa: BLE001 -- whatever the store's library raises, the client can send the text
            self._fail()
            return None
        if source is None or not is_of(sha256, source):
            return None
        self._own.put(sha256, source)
        return source

    async def put(self, sha256: str, source: str) -> None:
        self._own.put(sha256, source)
        if self._is_silent():
            return
        try:
            async with asyncio.timeout(WAIT_S):
                await self._store.set_many([(_key(sha256), source.encode())], KEPT_S)
        except Exception:  # noqa: BLE001 -- as above
            self._fail()

    def _is_silent(self) -> bool:
        return self._clock() < self._silent_until

    def _fail(self) -> None:
        self.failures += 1
        self._silent_until = self._clock() + SILENT_S


def _key(sha256: str) -> str:
    return f"apq:{sha256}"
