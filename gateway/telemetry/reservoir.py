"""When some keys of a dataset were asked for: the stream that the policy lab tries other terms on.

Which keys is decided by their hash alone (SHARDS: Waldspurger, Park, Garthwaite, Ahmad, FAST '15):
the keys with the smallest hashes are kept, and of those every question. A sample of questions would
not do, for it tears the gaps between questions of one key apart, and the gaps are what counts.

A busy page asks for the same keys over and over. When they were all at hand a moment ago they are hits
under any terms, so they are counted with all others and not looked at again: `Observed.asked` has them.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from heapq import heappop, heappush
from itertools import chain, count, islice
from time import time
from typing import Any, Final, NamedTuple

from clients.scope import Scope

MOST_KEYS: Final = 512
MOST_TIMES: Final = 40_000
FEWEST_KEYS: Final = 128
WANTED_S: Final = 3600.0
ROOM: Final = 0.9
"""After room was made, no more of it than this share is used."""

APART_S: Final = 0.05
"""The same keys together are noted so often at most; no policy is fresh for less than forty times that."""

MOST_DROPPED: Final = 64
LOOKED_AT: Final = 8
"""Of so many moments one is looked at to find out when the older quarter of them ended."""

MOST_HEARD: Final = 2_000
MARK_EVERY_S: Final = 10.0
MOST_MARKS: Final = 500
NEVER: Final = float("-inf")

HASHES: Final = 2**61 - 1


class Observed(NamedTuple):
    """What was seen: the times of each sampled key under each scope, in order and in seconds since the epoch.

    `share` is the part of all keys that is sampled; `asked` counts questions of all keys since `since`, so the
    sample should have `asked * share`. What it has less of them are repetitions that were hits.
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
        # The same keys as a heap, the last by place on top; numbered, for keys need not be comparable.
        self._by_place: list[tuple[int, int, Any]] = []
        self._numbers = count()
        self._dropped: set[Any] = set()
        # By scope first: a scope is hashed once per call, not once per key.
        self._times: dict[Scope, dict[Any, array[float]]] = {}
        self._most_keys = most_keys
        self._most_times = most_times
        self._below = HASHES
        self._kept = 0
        self._now = now
        self._since = now()
        self._asked: Callable[[], int] = lambda: 0
        # When how many had been asked for in all; the first is of `_since`.
        self._marks: list[tuple[float, float]] = [(self._since, 0)]
        # When which keys were last noted together, by their ends and number: to look at all would cost what is saved.
        self._heard: dict[tuple[Scope, Hashable, Hashable, int], float] = {}

    def count_by(self, asked: Callable[[], int]) -> None:
        """Where to learn how many keys were asked for in all."""
        self._asked = asked

    def note(self, keys: Sequence[Hashable], scope: Scope) -> None:
        """These were at hand, and at least one of them is sampled."""
        now = self._now()
        together = (scope, keys[0], keys[-1], len(keys))
        if now - self._heard.get(together, NEVER) < APART_S:
            return
        if len(self._heard) >= MOST_HEARD:
            self._heard.clear()
        self._heard[together] = now
        if now - self._marks[-1][0] >= MARK_EVERY_S:
            self._mark(now)
        known = self._times.setdefault(scope, {})
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
            if key not in self.sampled:
                place = place_of(key)
                if place >= self._below:
                    continue
                self.sampled.add(key)
                heappush(self._by_place, (-place, next(self._numbers), key))
            self._times.setdefault(scope, {}).setdefault(key, array("d")).append(now)
            self._kept += 1
        while len(self.sampled) > self._most_keys:
            self._drop_last_key()
        if self._kept > self._most_times:
            self._make_room(now)

    def _mark(self, now: float) -> None:
        self._marks.append((now, self._asked()))
        if len(self._marks) > MOST_MARKS:
            del self._marks[1::2]

    def scopes(self) -> list[Scope]:
        """Under which scopes sampled keys were asked for."""
        self._sweep()
        return list(self._times)

    def observe(self) -> Observed:
        """What was seen so far."""
        self._sweep()
        return Observed(
            times=[tuple(times) for known in self._times.values() for times in known.values() if times],
            share=self._below / HASHES,
            since=self._since,
            asked=round(self._asked() - self._marks[0][1]),
        )

    def _make_room(self, now: float) -> None:
        """Fewer keys for as long as an hour is not seen and keys are many; then less time."""
        if now - self._since < WANTED_S and len(self.sampled) > FEWEST_KEYS:
            for _ in range(len(self.sampled) // 4):
                self._drop_last_key()
            self._sweep()
        if self._kept > self._most_times * ROOM:
            self._forget_oldest()

    def _drop_last_key(self) -> None:
        before_all, _, last = heappop(self._by_place)
        self.sampled.discard(last)
        self._below = -before_all
        self._dropped.add(last)
        if len(self._dropped) >= MOST_DROPPED:
            self._sweep()

    def _sweep(self) -> None:
        """Let go of what was seen of dropped keys: of many at once, for there may be thousands of scopes."""
        if not self._dropped:
            return
        for known in self._times.values():
            for key in self._dropped.intersection(known):
                self._kept -= len(known.pop(key))
        self._dropped.clear()

    def _forget_oldest(self) -> None:
        """Forget the older quarter of what was seen, or nearly so, and count anew from there."""
        seen = chain.from_iterable(times for known in self._times.values() for times in known.values())
        some = sorted(islice(seen, 0, None, LOOKED_AT))  # to sort all would hold up the loop
        self._since = some[len(some) // 4]
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
        marks = [*self._marks, (self._now(), self._asked())]
        later = [mark for mark in self._marks if mark[0] > self._since]
        self._marks = [(self._since, asked_at(self._since, marks)), *later]


def asked_at(moment: float, marks: Sequence[tuple[float, float]]) -> float:
    """How many had been asked for at a moment, on a straight line between the marks around it."""
    after = min(bisect_left(marks, (moment, 0.0)), len(marks) - 1)
    (since, before), (until, then) = marks[max(0, after - 1)], marks[after]
    return before + (then - before) * (moment - since) / (until - since) if until > since else then


def place_of(key: Hashable) -> int:
    """A key's place among all keys; mixed once more, for numbers and short tuples hash to their neighbours."""
    return (hash(key) * 0x9E3779B97F4A7C15 >> 3) % HASHES
