"""Importing one file of an exchange, as a process of its own: pages never wait for a package to be read.

    python -m gateway.exchange.importing    with a Job as JSON on standard input

The rows of a package wait in a file of SQLite's, and are applied in one transaction together with
the note that the file is done. A package that cannot be read to its end changes nothing.
"""

import datetime as dt
import fcntl
import os
import re
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from clients.stock.ledger import EVERY_WAREHOUSE, Message, Said, SkuFrom, Stage, opened, staging, writing
from clients.stock.quantity import BadQuantity, read_quantity
from gateway.exchange import sessions
from gateway.exchange.archive import is_archive, open_member, read_blocks
from gateway.exchange.package import BadPackage, Head, Item, read_package
from gateway.exchange.sessions import Sweep

LOCK: Final = "import.lock"
ROWS_AT_ONCE: Final = 2000
MOST_MEMORY: Final = 1024**3
CLOCK_SLACK_S: Final = 60.0
ITS_SECOND_S: Final = 0.999
GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
CANNOT_STORE: Final = os.EX_IOERR
IS_BUSY: Final = os.EX_TEMPFAIL


class Job(msgspec.Struct, frozen=True):
    """Which file is imported, and how 1C's words are read."""

    folder: str
    session: str
    name: str
    time_zone: str
    sku_from: SkuFrom
    max_bytes: int
    absent_after_s: float


class Busy(Exception):
    """Another import is under way; this one can be begun later."""


class Source(NamedTuple):
    """Where a package is read from."""

    blocks: Iterable[bytes]
    arrived_at: float
    is_archived: bool


def main() -> int:
    """Import what standard input says; 0 when the outcome is written down, else `IS_BUSY` or `CANNOT_STORE`."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        import_file(job, time.time)
    except Busy:
        return IS_BUSY
    except (sqlite3.Error, OSError) as error:
        sys.stderr.write(f"gateway: the import of {job.name} was not stored: {error}\n")
        return CANNOT_STORE
    return os.EX_OK


def import_file(job: Job, now: Callable[[], float]) -> None:
    """Apply a file and note that it is done, or note why it cannot be; raises Busy, sqlite3.Error and OSError."""
    folder = Path(job.folder)
    with locked(folder), opened(folder) as connection:
        known = sessions.find_file(connection, job.session, job.name)
        if known is not None and known.state in sessions.SETTLED:
            return
        try:
            with open_source(job, connection) as source:
                importer = Importer(job, connection, source)
                importer.read()
            with writing(connection):
                importer.apply(now())
                told = importer.remark()
                sessions.settle(connection, job.session, job.name, source.arrived_at, sessions.DONE, told)
                importer.sweep(now())
        except (BadPackage, MemoryError) as error:
            told = str(error) if isinstance(error, BadPackage) else "expected a package that fits into memory"
            with writing(connection):
                sessions.settle(connection, job.session, job.name, now(), sessions.FAILED, told)
            return
    if not is_archive(job.name):
        sessions.remove_spooled(folder, job.session, job.name)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One import at a time on this machine; the lock goes with its process, however that ends. Raises Busy."""
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        yield


@contextmanager
def open_source(job: Job, connection: sqlite3.Connection) -> Iterator[Source]:
    """The file itself, or the member of that name in one of the session's archives; raises BadPackage."""
    spool = sessions.spool_of(Path(job.folder), job.session)
    files = {file.name: file for file in sessions.list_files(connection, job.session)}
    found = files.get(job.name)
    if found is not None and found.state == sessions.UPLOADED and (spool / job.name).is_file():
        with (spool / job.name).open("rb") as stream:
            yield Source(read_blocks(stream, min(found.length, job.max_bytes)), found.uploaded_at, is_archived=False)
        return
    for archive in (file for file in files.values() if file.state == sessions.ARCHIVE):
        with open_member(spool / archive.name, job.name, job.max_bytes) as blocks:
            if blocks is not None:
                yield Source(blocks, archive.uploaded_at, is_archived=True)
                return
    raise BadPackage("expected a file that was sent in this session; got another name")


class Importer:
    """Reads one file into the stage, then applies it."""

    def __init__(self, job: Job, connection: sqlite3.Connection, source: Source) -> None:
        self.skipped = 0
        self.below_zero = 0
        self._job = job
        self._connection = connection
        self._source = source
        self._stage = Stage(connection)
        self._zone = ZoneInfo(job.time_zone)
        self._heads: list[Head] = []
        self._changed_at = source.arrived_at
        self._names: list[tuple[str, str]] = []
        self._rows: list[Said] = []
        self._kept: list[tuple[str, str]] = []

    def read(self) -> None:
        """Stage everything; raises BadPackage."""
        with staging(self._connection):
            for event in read_package(self._source.blocks):
                if isinstance(event, Head):
                    self._begin(event)
                else:
                    self._take(event)
                if len(self._rows) + len(self._names) >= ROWS_AT_ONCE:
                    self._flush()
            self._flush()

    def remark(self) -> str:
        """What somebody should look at; empty when nothing is odd."""
        odd = {"without an id or a readable quantity": self.skipped, "below zero": self.below_zero}
        return ", ".join(f"{count} {what}" for what, count in odd.items() if count)

    def apply(self, now: float) -> None:
        """Merge what was staged, inside a transaction."""
        self._round = sessions.round_of(self._connection, self._job.session)
        feed = self._heads[-1].feed if self._heads else ""
        self._stage.merge(Message(feed, self._round, now))
        if self._stage.rows:
            self._stage.confirm(self._changed_at)

    def sweep(self, now: float) -> None:
        """Clear what a full package does not name, now or when its last part is here; inside the same transaction.

        A file that tells no stock at all (only prices, say) says nothing about what is absent.
        """
        job = self._job
        for feed in {head.feed for head in self._heads if head.is_full} if self._stage.rows else ():
            sweep = Sweep(job.session, feed, self._round, self._changed_at)
            if self._is_whole():
                self._stage.clear_absent(sweep.feed, sweep.round, sweep.as_of)
            else:
                sessions.plan_sweep(self._connection, sweep, now + job.absent_after_s)
        self._stage.announce()

    def _is_whole(self) -> bool:
        if not is_numbered(self._job.name):
            return True
        return self._source.is_archived and not sessions.list_waiting(
            self._connection, Path(self._job.folder), self._job.session
        )

    def _begin(self, head: Head) -> None:
        self._flush()
        self._heads.append(head)
        self._changed_at = decide_moment(head.formed_at, self._zone, self._source.arrived_at)

    def _take(self, item: Item) -> None:
        offer = item.name("id")
        if not offer:
            self.skipped += 1
            return
        sku = item.name(self._job.sku_from)
        if sku:
            self._names.append((offer, sku))
        if not item.is_offer or not self._heads:
            return
        if item.is_removed:
            self._rows.append(Said(offer, "", 0, 0, self._changed_at))
            return
        for warehouse, said in read_stock(item):
            if said is None:
                self.skipped += 1
                self._kept.append((offer, warehouse or EVERY_WAREHOUSE))
            else:
                self.below_zero += said < 0
                self._rows.append(Said(offer, warehouse, said, 0, self._changed_at))

    def _flush(self) -> None:
        self._stage.name(self._names)
        self._stage.put(self._rows)
        self._stage.keep(self._kept)
        self._names, self._rows, self._kept = [], [], []


def read_stock(item: Item) -> list[tuple[str, int | None]]:
    """Warehouses and thousandths, one nameless for a sum; None for what is no quantity.

    Warehouses that are told make the sum beside them redundant.
    """
    if item.stock:
        return [(warehouse, _thousandths(said)) for warehouse, said in item.stock]
    told = item.rests or ([] if item.total is None else [item.total])
    if not told:
        return []
    read = [_thousandths(said) for said in told]
    return [("", None if None in read else sum(number for number in read if number is not None))]


def _thousandths(said: str) -> int | None:
    try:
        return read_quantity(said)
    except BadQuantity:
        return None


def decide_moment(formed_at: str | None, zone: ZoneInfo, arrived_at: float) -> float:
    """The moment that a package speaks of: its own word in 1C's zone, or when it arrived.

    A date without a time, 1C's empty date and a moment to come (its clock is wrong, or its zone)
    tell nothing that could be compared with other messages. 1C writes whole seconds, so a package
    counts as of the end of its own: of a push and a package of the same second, the later to arrive is believed.
    """
    try:
        said = dt.datetime.fromisoformat((formed_at or "").strip())
    except ValueError:
        return arrived_at
    if said.year < 1980 or "T" not in (formed_at or "").replace(" ", "T"):  # noqa: PLR2004
        return arrived_at
    moment = (said if said.tzinfo else said.replace(tzinfo=zone)).timestamp()
    if moment > arrived_at + CLOCK_SLACK_S:
        return arrived_at
    return moment if said.microsecond else max(moment, min(moment + ITS_SECOND_S, arrived_at))


def is_numbered(name: str) -> bool:
    """Whether a file may be one part of several: `offers0_1.xml` may, `offers.xml` and `rests___<guid>.xml` not."""
    return any(sign.isdigit() for sign in GUID.sub("", Path(name).stem))


if __name__ == "__main__":
    sys.exit(main())
