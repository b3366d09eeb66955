"""Copying MoySklad's stock into the ledger: windows of what has changed, and now and then everything.

One worker of a machine copies, whoever holds the lock. A webhook only hints that there is something
to be fetched; if it never comes, the next window brings it all the same. What is copied is absolute
and windows overlap, so a window that fails, or is fetched twice, loses and doubles nothing.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from clients.errors import SourceError
from clients.http import CallTerms, Priority, call_terms
from clients.stock.ledger import Message, Said, Stage, next_round, note, opened, writing
from clients.stock.moysklad import LONGEST_WINDOW_S, MoyskladStock, StoreLevel
from gateway.telemetry.logs import get_log

FEED: Final = "moysklad"
LOCK: Final = "sync.lock"
HINT: Final = "hint"
LOOK_S: Final = 0.5
NAMES_AGAIN_S: Final = 3600.0
SAFE_WINDOW_S: Final = LONGEST_WINDOW_S - 600.0
FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0
log = get_log("gateway.exchange")


class Places(NamedTuple):
    """When the copy was last right (epoch seconds), and when it was last made anew; 0 for never."""

    synced_at: float
    whole_at: float


class Syncing:
    """The synchroniser of one process."""

    def __init__(self, stock: MoyskladStock, now: Callable[[], float] = time.time) -> None:
        self._stock = stock
        self._settings = stock.settings
        self._folder = stock.settings.folder
        self._now = now
        self._named_at = float("-inf")

    async def run(self) -> None:
        """Wait for the lock, then copy for ever; a source that fails is asked less and less often."""
        call_terms.set(CallTerms(priority=Priority.REFRESH))
        with (self._folder / LOCK).open("w") as lock:
            while not await asyncio.to_thread(take_lock, lock.fileno()):  # noqa: ASYNC110 (another process holds it)
                await asyncio.sleep(LOOK_S)
            failures = 0
            while True:
                began = self._now()
                try:
                    await self.sync()
                except (SourceError, sqlite3.Error, OSError) as error:
                    failures += 1
                    pause_s = decide_pause_s(failures)
                    log.warning("stock not copied", why=getattr(error, "detail", "") or str(error), pause_s=pause_s)
                    await asyncio.sleep(pause_s)
                else:
                    failures = 0
                    await self._wait(began)

    async def sync(self) -> None:
        """One window, or everything when that is due; raises SourceError, sqlite3.Error and OSError."""
        places = await asyncio.to_thread(read_places, self._folder)
        began = self._now()
        is_late = began - places.synced_at > SAFE_WINDOW_S
        if is_late or began - places.whole_at >= self._settings.whole_every_s:
            await self._copy_whole(began)
        else:
            since = max(places.synced_at - self._settings.overlap_s, began - SAFE_WINDOW_S)
            await self._copy_changes(since, began)

    async def _copy_changes(self, since: float, began: float) -> None:
        number = await self._begin()
        async for levels in self._stock.fetch_changes(since):
            await self._write(levels, number, began)
        await asyncio.to_thread(finish, self._folder, began, self._now())
        is_due = self._now() - self._named_at > NAMES_AGAIN_S
        if is_due and await asyncio.to_thread(has_strangers, self._folder):
            await self._copy_names(number)

    async def _copy_whole(self, began: float) -> None:
        """What is not named is not there, which is said only when all was read."""
        number = await self._begin()
        await self._copy_names(number)
        async for levels in self._stock.fetch_whole():
            await self._write(levels, number, began)
        await asyncio.to_thread(finish_whole, self._folder, number, began, self._now())

    async def _copy_names(self, number: int) -> None:
        self._named_at = self._now()
        async for names in self._stock.fetch_names():
            await asyncio.to_thread(write, self._folder, Message(FEED, number, self._now()), names, [])

    async def _write(self, levels: Sequence[StoreLevel], number: int, began: float) -> None:
        rows = [Said(level.assortment_id, level.store_id, level.on_hand, 0, began) for level in levels]
        below = sum(row.on_hand < 0 for row in rows)
        if below:
            log.warning("stock below zero", message=FEED, places=below)
        await asyncio.to_thread(write, self._folder, Message(FEED, number, self._now()), [], rows)

    async def _begin(self) -> int:
        return await asyncio.to_thread(begin, self._folder)

    async def _wait(self, began: float) -> None:
        """Until it is time again, or something hints that there is news."""
        while self._now() - began < self._settings.look_every_s:
            if await asyncio.to_thread(hinted_at, self._folder) > began:
                return
            await asyncio.sleep(LOOK_S)


def take_lock(lock: int) -> bool:
    """Whether this process copies; the lock goes with the process."""
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def decide_pause_s(failures: int) -> float:
    """2, 4, 8 ... 60 seconds after so many failures in a row."""
    return min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE_S)


def read_places(folder: Path) -> Places:
    """Where the copy stands."""
    with opened(folder) as connection:
        facts = dict(connection.execute("SELECT name, value FROM facts"))
    return Places(facts.get("synced_at", 0.0), facts.get("whole_at", 0.0))


def begin(folder: Path) -> int:
    """The number of this copying."""
    with opened(folder) as connection, writing(connection):
        return next_round(connection)


def write(folder: Path, message: Message, names: Sequence[tuple[str, str]], rows: Sequence[Said]) -> None:
    """Apply a piece."""
    with opened(folder) as connection:
        stage = Stage(connection)
        with writing(connection):
            stage.name(names)
            stage.put(rows)
            stage.merge(message)
            stage.announce()


def finish(folder: Path, began: float, now: float) -> None:
    """All that had changed until `began` is copied."""
    with opened(folder) as connection, writing(connection):
        note_copied(connection, began, now)


def finish_whole(folder: Path, number: int, began: float, now: float) -> None:
    """Everything is copied: clear what is not there any more."""
    with opened(folder) as connection:
        stage = Stage(connection)
        with writing(connection):
            stage.clear_absent(FEED, number, began)
            stage.announce()
            note(connection, "whole_at", began)
            note_copied(connection, began, now)


def note_copied(connection: sqlite3.Connection, began: float, now: float) -> None:
    for name, value in (("synced_at", began), ("confirmed_at", began), ("heard_at", now)):
        note(connection, name, value)


def has_strangers(folder: Path) -> bool:
    """Whether something lies there that has no name yet."""
    with opened(folder) as connection:
        found = connection.execute("SELECT 1 FROM levels WHERE offer NOT IN (SELECT offer FROM offers) LIMIT 1")
        return found.fetchone() is not None


def hinted_at(folder: Path) -> float:
    """When the last hint came."""
    try:
        return (folder / HINT).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def hint(folder: Path, now: float) -> None:
    """There may be news: whichever worker copies sees it within half a second."""
    (folder / HINT).touch()
    os.utime(folder / HINT, (now, now))
