"""Purges that every process learns of: a numbered log in the shared store.

The log is one counter and one record of tags per number. Each process polls the counter several
times a second, and every read of the shared level brings it along for nothing; whoever sees a
number that it has not applied fetches the records in between. There is no message that could be
lost: what was not read yet is read the next time.

A number is the moment the log was started (milliseconds) times 2**20 plus a running count, so
that a store which forgot everything starts a new log with higher numbers than the old.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from clients.values import Dataset
from gateway.cache.purges import Purges
from gateway.cache.store import Store

COUNTER = "purges"
KEPT_S = 8 * 24 * 3600
HISTORY = 5000
PATIENCE_S = 0.4
REPUBLISH_S = 10.0
MOST_UNSENT = 10_000
EVERYTHING = tuple(f"dataset:{dataset.value}" for dataset in Dataset)
_COUNT_BITS = 20
_RECORD = msgspec.msgpack.Decoder(tuple[str, ...])


@dataclass(slots=True)
class _Sent:
    at: float
    tags: Sequence[str]


class PurgeLog:
    """One process's place in the log. `number` is the last that was applied here; 0 before the first look."""

    def __init__(self, store: Store, purges: Purges, clock: Callable[[], float]) -> None:
        self.number = 0
        self._store = store
        self._purges = purges
        self._clock = clock
        self._lock = asyncio.Lock()
        self._sent: deque[_Sent] = deque()
        self._unsent: list[str] = []
        self._gap_since: float | None = None

    async def publish(self, tags: Sequence[str]) -> bool:
        """Purge here at once, and everywhere as soon as the store takes it; True if it has.

        Raises what the store raises; the next `look` tries again.
        """
        self._purges.mark(tags, math.inf)
        self._unsent.extend(tags)
        if len(self._unsent) > MOST_UNSENT:
            self._unsent = list(EVERYTHING)
        async with self._lock:
            await self._send()
            return not self._unsent

    async def look(self) -> None:
        """One poll: learn what others purged, start the log where there is none, send what could not be sent."""
        async with self._lock:
            found = (await self._store.get_many([COUNTER]))[0]
            number = await self._start() if found is None else int(found)
            await self._advance(number)
            await self._send()

    async def catch_up(self, counter: bytes) -> int:
        """Apply what happened up to a counter that a read has brought along; the number that was reached."""
        async with self._lock:
            if int(counter) > self.number:
                await self._advance(int(counter))
        return self.number

    async def _start(self) -> int:
        """Begin a log whose numbers are higher than all before; the number that it has now, as others may be first."""
        number = max(int(self._clock() * 1000), (self.number >> _COUNT_BITS) + 1) << _COUNT_BITS
        await self._store.add_many([COUNTER], str(number).encode(), KEPT_S)
        found = (await self._store.get_many([COUNTER]))[0]
        return self.number if found is None else int(found)

    async def _restart(self) -> None:
        """The counter went backwards: its store lost it, or another server with older data took over."""
        await self._store.delete_many([COUNTER])
        await self._advance(await self._start())

    async def _send(self) -> None:
        if not self._unsent or not self.number:
            return
        tags, self._unsent = tuple(self._unsent), []
        try:
            number = await self._store.increment(COUNTER)
            await self._store.set_many([(f"purge:{number}", msgspec.msgpack.encode(tags))], KEPT_S)
        except BaseException:
            self._unsent[:0] = tags
            raise
        self._sent.append(_Sent(self._clock(), tags))
        while self._sent and self._clock() - self._sent[0].at > REPUBLISH_S:
            self._sent.popleft()
        await self._advance(number)

    async def _advance(self, number: int) -> None:
        if number == self.number:
            return
        if not self.number:
            await self._join(number)
        elif _start_of(number) > _start_of(self.number):
            await self._move(number)
        elif number < self.number:
            await self._restart()
        elif number - self.number > HISTORY:
            self._give_up(number)
        else:
            self._apply(await self._read(self.number + 1, number), number)

    async def _join(self, number: int) -> None:
        """First look: what was stored before the oldest purge that can still be read cannot be judged, so it is not."""
        first = max(_start_of(number), number - HISTORY)
        records = await self._read(first + 1, number)
        gone = next((index for index, record in enumerate(records) if record is not None), len(records))
        self._purges.forget_all(first + gone)
        self.number = first + gone
        self._apply(records[gone:], number)

    async def _move(self, number: int) -> None:
        """The store has lost the old log: read the new one from its start, and repeat what may have been lost."""
        self._unsent[:0] = [tag for sent in self._sent for tag in sent.tags]
        self._sent.clear()
        self.number = _start_of(number)
        await self._advance(number)

    def _apply(self, records: Sequence[bytes | None], last: int) -> None:
        for record in records:
            if record is None:
                self._miss_record(last)
                return
            self.number += 1
            self._mark(_tags_in(record))
        self._gap_since = None

    def _mark(self, tags: Sequence[str]) -> None:
        if len(tags) >= len(EVERYTHING) and set(EVERYTHING) <= set(tags):
            self._purges.forget_all(self.number)
        else:
            self._purges.mark(tags, self.number)

    async def _read(self, first: int, last: int) -> list[bytes | None]:
        names = [f"purge:{number}" for number in range(first, last + 1)]
        return await self._store.get_many(names) if names else []

    def _miss_record(self, last: int) -> None:
        """A number without its record: its writer is just about to write it, or the store has dropped it."""
        now = self._clock()
        self._gap_since = now if self._gap_since is None else self._gap_since
        if now - self._gap_since >= PATIENCE_S:
            self._give_up(last)

    def _give_up(self, number: int) -> None:
        """Some purge is unknown and stays so: all that was loaded before counts as purged."""
        self._purges.forget_all(number)
        self.number = number
        self._gap_since = None


def _start_of(number: int) -> int:
    return (number >> _COUNT_BITS) << _COUNT_BITS


def _tags_in(record: bytes) -> Sequence[str]:
    try:
        return _RECORD.decode(record)
    except msgspec.MsgspecError:
        return EVERYTHING
