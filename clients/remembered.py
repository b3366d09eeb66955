"""Answers that are asked for again and again within moments: kept briefly, one question under way per key."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Final, Generic, TypeVar

from clients.renewed import Lease, Renewed
from clients.values import DataSource

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST_REMEMBERED: Final = 2048


class Remembered(Generic[K, V]):
    """Answers by key, each kept for `ttl_s`, failures not at all.

    Beyond `most` of them the one that was used longest ago is forgotten.
    """

    def __init__(
        self,
        fetch: Callable[[K], Awaitable[V]],
        ttl_s: float,
        source: DataSource,
        now: Callable[[], float],
        most: int = MOST_REMEMBERED,
    ) -> None:
        self._fetch = fetch
        self._ttl_s = ttl_s
        self._source = source
        self._now = now
        self._most = most
        self._kept: OrderedDict[K, Renewed[V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: K) -> V:
        """The answer, asked for if it is not remembered; raises a SourceError."""
        one = self._kept.get(key)
        if one is None:
            lease = partial(self._lease, key)
            one = self._kept[key] = Renewed(lease, self._source, self._now)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return await one.get()

    async def _lease(self, key: K) -> Lease[V]:
        value = await self._fetch(key)
        until = self._now() + self._ttl_s
        return Lease(value, until, until)
