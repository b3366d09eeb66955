"""What lies where, as systems that push their stock have said: kept on disk in one SQLite file.

SQLite, because a message is then applied whole or not at all, is on the disk before the sender
hears "success", survives `kill -9`, and is read by all workers of a machine, with no server that
could be down. What it cannot do is span machines: see docs/vendors/onec.md.

An *offer* is what the sender calls a variant; its *sku* is what the shop calls it. Quantities are
whole thousandths. A *feed* is one catalogue of one sender; a full package speaks for its feed only.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

SkuFrom = Literal["id", "article", "barcode"]
"""What of an offer is the shop's sku."""

FILE: Final = "stock.sqlite3"
EVERYTHING: Final = ""
"""In the journal of changes: more than is worth naming."""

MOST_NAMED: Final = 1000
EVERY_WAREHOUSE: Final = "*"
"""In what is kept: all places of an offer."""

KEPT_CHANGES: Final = 20_000
BUSY_S: Final = 10.0
_UNNAMED: Final = "\x01"
"""Before a sku that was pushed before its offer was known; no sender can write this character."""

_VARIABLES: Final = 500

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS offers (offer TEXT PRIMARY KEY, sku TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS offers_by_sku ON offers (sku);
CREATE TABLE IF NOT EXISTS levels (
    offer TEXT NOT NULL, warehouse TEXT NOT NULL, on_hand INTEGER NOT NULL, reserved INTEGER NOT NULL,
    changed_at REAL NOT NULL, feed TEXT NOT NULL, round INTEGER NOT NULL, PRIMARY KEY (offer, warehouse)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (number INTEGER PRIMARY KEY AUTOINCREMENT, sku TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
"""
_STAGES: Final = """
PRAGMA temp_store = FILE;
CREATE TEMP TABLE IF NOT EXISTS named (offer TEXT PRIMARY KEY, sku TEXT NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS staged (
    offer TEXT NOT NULL, warehouse TEXT NOT NULL, on_hand INTEGER NOT NULL, reserved INTEGER NOT NULL,
    changed_at REAL NOT NULL, PRIMARY KEY (offer, warehouse)
) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS kept (offer TEXT NOT NULL, warehouse TEXT NOT NULL);
CREATE TEMP TABLE IF NOT EXISTS moved (sku TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class Level(NamedTuple):
    """How much lies in one warehouse, in thousandths; `warehouse` is empty for the sum over all."""

    warehouse: str
    on_hand: int
    reserved: int
    changed_at: float


class Said(NamedTuple):
    """What a message says of one offer in one warehouse; absolute, as of `changed_at` (epoch seconds)."""

    offer: str
    warehouse: str
    on_hand: int
    reserved: int
    changed_at: float


class Held(NamedTuple):
    """All that is known of some variants: levels by sku, and when they were last said to be so."""

    levels: dict[str, list[Level]]
    confirmed_at: float
    heard_at: float


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection for this thread only; the file is made when it is not there. Raises sqlite3.Error or OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / FILE, timeout=BUSY_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        yield connection


def prepare(folder: Path, more: str = "") -> None:
    """Make the tables; `more` are those of whoever writes."""
    with opened(folder) as connection:
        connection.executescript(_SCHEMA + more)


@contextmanager
def staging(connection: sqlite3.Connection) -> Iterator[None]:
    """Fill a stage: a transaction that locks nobody out, as it touches no table that others see."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One transaction: all of the block is on the disk when it ends, or nothing of it happened."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def read_levels(folder: Path, skus: Sequence[str]) -> Held:
    """Levels of the skus that are known. One that two offers claim is nobody's, so it is not there."""
    levels: dict[str, list[Level]] = {}
    owners: dict[str, set[str]] = {}
    if not folder.is_file() and not (folder / FILE).exists():
        return Held({}, 0.0, 0.0)
    with opened(folder) as connection, reading(connection):
        for start in range(0, len(skus), _VARIABLES):
            some = skus[start : start + _VARIABLES]
            for sku, offer, *level in connection.execute(
                "SELECT sku, offers.offer, warehouse, on_hand, reserved, changed_at FROM offers "  # noqa: S608 (marks only)
                f"LEFT JOIN levels ON levels.offer = offers.offer WHERE sku IN ({','.join('?' * len(some))})",
                some,
            ):
                owners.setdefault(sku, set()).add(offer)
                known = levels.setdefault(sku, [])
                if level[0] is not None:
                    known.append(Level(*level))
        facts = dict(connection.execute("SELECT name, value FROM facts"))
    told = {sku: pick_current(known) for sku, known in levels.items() if len(owners[sku]) == 1}
    return Held(told, facts.get("confirmed_at", 0.0), facts.get("heard_at", 0.0))


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """One view of the file for several reads."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def pick_current(levels: list[Level]) -> list[Level]:
    """Either the sum over all warehouses or the warehouses, whichever was said last; both would count twice."""
    if not levels:
        return levels
    is_sum = max(levels, key=lambda level: level.changed_at).warehouse == ""
    return [level for level in levels if (level.warehouse == "") == is_sum]


def find_offers(connection: sqlite3.Connection, skus: Sequence[str]) -> dict[str, list[str]]:
    """Which offers claim each sku."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(skus), _VARIABLES):
        some = skus[start : start + _VARIABLES]
        marks = ",".join("?" * len(some))
        for sku, offer in connection.execute(f"SELECT sku, offer FROM offers WHERE sku IN ({marks})", some):  # noqa: S608 (marks only)
            found.setdefault(sku, []).append(offer)
    return found


def placeholder(sku: str) -> str:
    """The offer of a sku whose real offer is not known yet; when it comes to be known, it takes over."""
    return _UNNAMED + sku


@dataclass(frozen=True, slots=True)
class Message:
    """Where a message comes from. `round` is higher for every later one; the rows of a full package bear it."""

    feed: str
    round: int
    heard_at: float


@dataclass(slots=True)
class Stage:
    """Rows of one message on their way into the ledger. They wait in a file, however many they are."""

    connection: sqlite3.Connection
    rows: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.connection.executescript(_STAGES)
        for table in ("named", "staged", "kept", "moved"):
            self.connection.execute(f"DELETE FROM temp.{table}")  # noqa: S608 (names of ours)

    def name(self, names: Iterable[tuple[str, str]]) -> None:
        """Offers and their skus."""
        self.connection.executemany("INSERT OR REPLACE INTO temp.named VALUES (?, ?)", names)

    def put(self, rows: Sequence[Said]) -> None:
        """What is where; of two rows for one place the later one counts."""
        self.rows += len(rows)
        self.connection.executemany(
            "INSERT INTO temp.staged VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET on_hand = excluded.on_hand, "
            "reserved = excluded.reserved, changed_at = excluded.changed_at WHERE excluded.changed_at >= changed_at",
            rows,
        )

    def keep(self, places: Iterable[tuple[str, str]]) -> None:
        """Places of which something unreadable was said: they stay as they are, also in a full package."""
        self.connection.executemany("INSERT INTO temp.kept VALUES (?, ?)", places)

    def merge(self, message: Message) -> None:
        """Apply what was staged, inside a transaction. What is older than what is known changes nothing."""
        run = self.connection.execute
        self._take_names()
        run(
            "INSERT OR IGNORE INTO temp.moved SELECT sku FROM temp.staged s JOIN offers USING (offer) "
            "LEFT JOIN levels l ON l.offer = s.offer AND l.warehouse = s.warehouse WHERE l.offer IS NULL OR "
            "s.changed_at >= l.changed_at AND (s.on_hand, s.reserved) <> (l.on_hand, l.reserved)"
        )
        run(
            "INSERT INTO levels SELECT offer, warehouse, on_hand, reserved, changed_at, ?, ? FROM temp.staged WHERE 1 "
            "ON CONFLICT DO UPDATE SET on_hand = excluded.on_hand, reserved = excluded.reserved, "
            "changed_at = excluded.changed_at, feed = CASE excluded.feed WHEN '' THEN feed ELSE excluded.feed END "
            "WHERE excluded.changed_at >= changed_at",
            (message.feed, message.round),
        )
        for table in ("staged", "kept"):
            run(
                f"UPDATE levels SET round = ? WHERE (offer, warehouse) IN (SELECT offer, warehouse FROM temp.{table})",  # noqa: S608 (names of ours)
                (message.round,),
            )
        run(
            "UPDATE levels SET round = ? WHERE offer IN (SELECT offer FROM temp.kept WHERE warehouse = ?)",
            (message.round, EVERY_WAREHOUSE),
        )
        self._drop_replaced_sums()
        if self.rows:
            note(self.connection, "heard_at", message.heard_at)

    def clear_absent(self, feed: str | None, since_round: int, as_of: float) -> None:
        """A full package is over: what it did not name is not there, unless something later said it is.

        It speaks for its feed and for what no feed has named yet; for everything when `feed` is None.
        """
        absent = "round < ? AND feed IN (coalesce(?, feed), '') AND changed_at <= ? AND (on_hand <> 0 OR reserved <> 0)"
        told = (since_round, feed, as_of)
        run = self.connection.execute
        run(f"INSERT OR IGNORE INTO temp.moved SELECT sku FROM levels JOIN offers USING (offer) WHERE {absent}", told)  # noqa: S608 (text of ours)
        run(f"UPDATE levels SET on_hand = 0, reserved = 0, changed_at = ? WHERE {absent}", (as_of, *told))  # noqa: S608 (text of ours)

    def confirm(self, as_of: float) -> None:
        """The sender has said how everything was at this moment: what it did not mention had not changed."""
        note(self.connection, "confirmed_at", as_of)

    def announce(self) -> int:
        """Write into the journal what has changed; returns how many skus."""
        run = self.connection.execute
        (count,) = run("SELECT count(*) FROM temp.moved").fetchone()
        if count > MOST_NAMED:
            run("INSERT INTO changes (sku) VALUES (?)", (EVERYTHING,))
        elif count:
            run("INSERT INTO changes (sku) SELECT sku FROM temp.moved")
        run("DELETE FROM changes WHERE number <= (SELECT max(number) FROM changes) - ?", (KEPT_CHANGES,))
        return int(count)

    def _take_names(self) -> None:
        run = self.connection.execute
        run(
            "INSERT OR IGNORE INTO temp.moved SELECT o.sku FROM offers o JOIN temp.named n USING (offer) "
            "WHERE o.sku <> n.sku UNION SELECT n.sku FROM temp.named n LEFT JOIN offers o USING (offer) "
            "WHERE o.sku IS NULL OR o.sku <> n.sku"
        )
        run("INSERT INTO offers SELECT * FROM temp.named WHERE 1 ON CONFLICT DO UPDATE SET sku = excluded.sku")
        if not run("SELECT 1 FROM offers WHERE offer >= ? AND offer < ? LIMIT 1", (_UNNAMED, "\x02")).fetchone():
            return
        run(
            "INSERT INTO levels SELECT n.offer, warehouse, on_hand, reserved, changed_at, feed, round FROM levels l "
            "JOIN temp.named n ON l.offer = ? || n.sku WHERE n.offer <> l.offer "
            "ON CONFLICT DO UPDATE SET on_hand = excluded.on_hand, reserved = excluded.reserved, "
            "changed_at = excluded.changed_at WHERE excluded.changed_at > changed_at",
            (_UNNAMED,),
        )
        for table in ("levels", "offers"):
            run(
                f"DELETE FROM {table} WHERE offer IN (SELECT ? || sku FROM temp.named WHERE offer <> ? || sku)",  # noqa: S608 (names of ours)
                (_UNNAMED, _UNNAMED),
            )

    def _drop_replaced_sums(self) -> None:
        """A sum over all warehouses replaces the warehouses, and they it."""
        for is_sum, others in (("=", "<>"), ("<>", "=")):
            self.connection.execute(
                f"DELETE FROM levels WHERE warehouse {others} '' AND offer IN "  # noqa: S608 (text of ours)
                f"(SELECT offer FROM temp.staged WHERE warehouse {is_sum} '') AND changed_at <= "
                f"(SELECT min(changed_at) FROM temp.staged s WHERE s.offer = levels.offer AND s.warehouse {is_sum} '')"
            )


def note(connection: sqlite3.Connection, name: str, value: float) -> None:
    """Remember the latest of a kind of moment."""
    connection.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)", (name, value)
    )


def next_round(connection: sqlite3.Connection) -> int:
    """A number higher than any before, inside a transaction."""
    connection.execute("INSERT INTO facts VALUES ('round', 1) ON CONFLICT DO UPDATE SET value = value + 1")
    (number,) = connection.execute("SELECT value FROM facts WHERE name = 'round'").fetchone()
    return int(number)


def read_changes(folder: Path, after: int) -> tuple[int, list[str]]:
    """The journal after a number: the last number and what changed; `[EVERYTHING]` when it was too much or too long."""
    with opened(folder) as connection, reading(connection):
        last, first = connection.execute(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0), "
            "coalesce((SELECT min(number) FROM changes), 0)"
        ).fetchone()
        if last <= after:
            return int(last), []
        if first > after + 1:
            return int(last), [EVERYTHING]
        found = connection.execute("SELECT DISTINCT sku FROM changes WHERE number > ?", (after,)).fetchall()
    skus = [sku for (sku,) in found]
    return int(last), [EVERYTHING] if EVERYTHING in skus or len(skus) > MOST_NAMED else skus
