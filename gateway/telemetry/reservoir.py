"""When some keys of a dataset were asked for: the stream that the policy lab tries other terms on.

Which keys is decided by their hash alone (SHARDS: Waldspurger, Park, Garthwaite, Ahmad, FAST '15):
the keys with the smallest hashes are kept, and of those every question. A sample of questions would
not do, for it tears the gaps between questions of one key apart, and the gaps are what counts.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from time import time
from typing import Any, Final, NamedTuple

from clients.scope import Scope

MOST_KEYS: Final = 512
MOST_TIMES: Final = 40_000
FEWEST_KEYS: Final = 128
WANTED_S: Final = 3600.0
ROOM: Final = 0.9
"""After room was made, no more of it than this share is used."""

HASHES: Final = 2**61 - 1


class Observed(NamedTuple):
    """What was seen: the times of each sampled key under each scope, in order and in seconds since the epoch.

    `share` is the part of all keys that is sampled; `asked` counts questions of all keys since `since`.
    """

    times: list[Sequence[float]]
    share: float
    since: float
    asked: int


class Reservoir:
    """A dataset's sampled keys; bounded by keys and by questions."""

    def __init__(
        self, most_keys: int = MOST_KEYS, most_times: int = MOST_TIMES, now: Callable[[], float] = time
    ) -> None:
        self.sampled: set[Any] = set()
        # By scope first: a scope is hashed once per call, not once per key.
        self._times: dict[Scope, dict[Any, array[float]]] = {}
        self._most_keys = most_keys
        self._most_times = most_times
        self._below = HASHES
        self._kept = 0
        self._now = now
        self._since = now()
        self._asked: Callable[[], int] = lambda: 0
        self._asked_before = 0

    def count_by(self, asked: Callable[[], int]) -> None:
        """Where to learn how many keys were asked for in all."""
        self._asked = asked

    def note(self, keys: Sequence[Hashable], scope: Scope) -> None:
        """These were at hand, and at least one of them is sampled."""
        known, now = self._times.setdefault(scope, {}), self._now()
        noted = self.sampled.intersection(keys)
        for key in noted:
            times = known.get(key)
            if times is None:
                known[key] = array("d", (now,))
            else:
                times.append(now)
        self._kept += len(noted)
        if self._kept > self._most_times:
            self._make_room(now)

    def meet(self, keys: Sequence[Hashable], scope: Scope) -> None:
        """These were asked for, and at least one was not at hand: the only moment at which a key can be new."""
        now = self._now()
        for key in keys:
            if key not in self.sampled and place_of(key) < self._below:
                self.sampled.add(key)
            if key in self.sampled:
                self._times.setdefault(scope, {}).setdefault(key, array("d")).append(now)
                self._kept += 1
        while len(self.sampled) > self._most_keys:
            self._drop_last_key()
        if self._kept > self._most_times:
            self._make_room(now)

    def scopes(self) -> list[Scope]:
        """Under which scopes sampled keys were asked for."""
        return list(self._times)

    def observe(self) -> Observed:
        """What was seen so far."""
        return Observed(
            times=[tuple(times) for known in self._times.values() for times in known.values() if times],
            share=self._below / HASHES,
            since=self._since,
            asked=self._asked() - self._asked_before,
        )

    def _make_room(self, now: float) -> None:
        """Fewer keys for as long as an hour is not seen and keys are many; then less time."""
        if now - self._since < WANTED_S and len(self.sampled) > FEWEST_KEYS:
            for _ in range(len(self.sampled) // 4):
                self._drop_last_key()
        if self._kept > self._most_times * ROOM:
            self._forget_oldest()

    def _drop_last_key(self) -> None:
        last = max(self.sampled, key=place_of)
        self.sampled.discard(last)
        self._below = place_of(last)
        for known in self._times.values():
            self._kept -= len(known.pop(last, ()))

    def _forget_oldest(self) -> None:
        """Forget the older quarter of what was seen, and count anew from there.

        How many were asked for in all since then is taken in proportion to the sample.
        """
        first = sorted(chain.from_iterable(times for known in self._times.values() for times in known.values()))
        self._since, before = first[self._kept // 4], self._kept
        self._times = {
            scope: {
                key: times[bisect_left(times, self._since) :]
                for key, times in known.items()
                if times and times[-1] >= self._since
            }
            for scope, known in self._times.items()
        }
        self._times = {scope: known for scope, known in self._times.items() if known}
        self._kept = sum(len(times) for known in self._times.values() for times in known.values())
        asked = self._asked()
        self._asked_before = asked - round((asked - self._asked_before) * self._kept / before)


def place_of(key: Hashable) -> int:
    """A key's place among all keys; mixed once more, for numbers and short tuples hash to their neighbours."""
    return (hash(key) * 0x9E3779B97F4A7C15 >> 3) % HASHES
