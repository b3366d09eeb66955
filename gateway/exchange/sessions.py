"""Exchanges in progress: sessions, the files that they brought, and what a full package leaves to be cleared.

All of it stands in the ledger's own file, so that a package is applied and called done in one
transaction; the files themselves lie beside it. Everything here blocks: call it on a thread.
"""

import hashlib
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from clients.stock.ledger import Stage, next_round, opened, prepare, writing
from gateway.exchange.archive import list_members
from gateway.exchange.package import BadPackage

SPOOL: Final = "exchange"
UPLOADED: Final = "uploaded"
ARCHIVE: Final = "archive"
DONE: Final = "done"
FAILED: Final = "failed"
SETTLED: Final = (DONE, FAILED)
TELLS_STOCK: Final = ("offers", "rests")
"""How the names of files begin that may tell stock."""

MOST_SESSIONS: Final = 4
MOST_FILES: Final = 10_000
SESSION_S: Final = 24 * 3600.0

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, round INTEGER NOT NULL, used_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    session TEXT NOT NULL, name TEXT NOT NULL, length INTEGER NOT NULL, last_chunk BLOB, uploaded_at REAL NOT NULL,
    state TEXT NOT NULL, told TEXT NOT NULL, PRIMARY KEY (session, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sweeps (
    session TEXT NOT NULL, feed TEXT NOT NULL, round INTEGER NOT NULL, as_of REAL NOT NULL, due_at REAL NOT NULL,
    PRIMARY KEY (session, feed)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL, reply BLOB NOT NULL, heard_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_by_age ON messages (heard_at);
"""


class Spooled(NamedTuple):
    """A file of a session; `told` says why it failed."""

    name: str
    length: int
    uploaded_at: float
    state: str
    told: str


def prepare_exchange(folder: Path) -> None:
    """Make all tables and the folder for files."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / SPOOL).mkdir(mode=0o700, exist_ok=True)
    prepare(folder, _SCHEMA)


def session_of(cookie: str) -> str:
    """The session that a cookie opens: who reads our disk cannot use it."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def spool_of(folder: Path, session: str) -> Path:
    return folder / SPOOL / session


def open_session(folder: Path, session: str, now: float) -> None:
    """Begin a session; old ones are forgotten with their files."""
    with opened(folder) as connection, writing(connection):
        connection.execute("INSERT INTO sessions VALUES (?, ?, ?)", (session, next_round(connection), now))
        gone = connection.execute(
            "SELECT id FROM sessions WHERE used_at < ? UNION SELECT id FROM "
            "(SELECT id FROM sessions ORDER BY round DESC LIMIT -1 OFFSET ?)",
            (now - SESSION_S, MOST_SESSIONS),
        ).fetchall()
        for (old,) in gone:
            _forget(connection, old)
            connection.execute("DELETE FROM sessions WHERE id = ?", (old,))
    for (old,) in gone:
        shutil.rmtree(spool_of(folder, old), ignore_errors=True)


def use_session(folder: Path, session: str, now: float, absent_after_s: float) -> bool:
    """Whether the session is open; what waits for it to be quiet waits on."""
    with opened(folder) as connection:
        is_open = "SELECT 1 FROM sessions WHERE id = ? AND used_at >= ?"
        if connection.execute(is_open, (session, now - SESSION_S)).fetchone() is None:
            return False
        with writing(connection):
            connection.execute("UPDATE sessions SET used_at = ? WHERE id = ?", (now, session))
            connection.execute("UPDATE sweeps SET due_at = ? WHERE session = ?", (now + absent_after_s, session))
        return True


def begin_exchange(folder: Path, session: str) -> None:
    """An exchange starts anew: what an earlier one left unfinished is dropped, and nothing of it is cleared."""
    with opened(folder) as connection, writing(connection):
        _forget(connection, session)
        connection.execute("DELETE FROM sweeps")
        connection.execute("UPDATE sessions SET round = ? WHERE id = ?", (next_round(connection), session))
    shutil.rmtree(spool_of(folder, session), ignore_errors=True)
    spool_of(folder, session).mkdir(mode=0o700)


def _forget(connection: sqlite3.Connection, session: str) -> None:
    for table in ("files", "sweeps"):
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608 (names of ours)


def find_file(connection: sqlite3.Connection, session: str, name: str) -> Spooled | None:
    """One file of a session."""
    found = connection.execute(
        "SELECT name, length, uploaded_at, state, told FROM files WHERE session = ? AND name = ?", (session, name)
    ).fetchone()
    return Spooled(*found) if found else None


def list_files(connection: sqlite3.Connection, session: str) -> list[Spooled]:
    """All files of a session."""
    rows = connection.execute(
        "SELECT name, length, uploaded_at, state, told FROM files WHERE session = ? ORDER BY name", (session,)
    )
    return [Spooled(*row) for row in rows]


def last_chunk_of(connection: sqlite3.Connection, session: str, name: str) -> bytes | None:
    """The digest of the last chunk of a file."""
    found = connection.execute(
        "SELECT last_chunk FROM files WHERE session = ? AND name = ?", (session, name)
    ).fetchone()
    return found[0] if found else None


def note_file(connection: sqlite3.Connection, session: str, file: Spooled, last_chunk: bytes) -> None:
    """Write down what is on the disk, inside a transaction."""
    connection.execute(
        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
        (session, file.name, file.length, last_chunk, file.uploaded_at, file.state, file.told),
    )


def settle(
    connection: sqlite3.Connection, session: str, name: str, arrived_at: float, state: str, told: str = ""
) -> None:
    """A file, or a file in an archive, was imported or cannot be; inside a transaction."""
    connection.execute(
        "INSERT INTO files VALUES (?, ?, 0, NULL, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state, "
        "told = excluded.told, last_chunk = NULL",
        (session, name, arrived_at, state, told),
    )


def list_waiting(connection: sqlite3.Connection, folder: Path, session: str) -> list[str]:
    """What of a session is not imported yet and may tell stock, in archives too; raises BadPackage."""
    files = list_files(connection, session)
    settled = {file.name for file in files if file.state == DONE}
    waiting = [file.name for file in files if file.state not in (DONE, ARCHIVE)]
    for archive in (file for file in files if file.state == ARCHIVE):
        members = list_members(spool_of(folder, session) / archive.name)
        waiting += [name for name in members if name.lower().startswith(TELLS_STOCK) and name not in settled]
    return waiting


def round_of(connection: sqlite3.Connection, session: str) -> int:
    """The number of the session's exchange; later ones have higher numbers."""
    found = connection.execute("SELECT round FROM sessions WHERE id = ?", (session,)).fetchone()
    return int(found[0]) if found else next_round(connection)


class Sweep(NamedTuple):
    """What a full package leaves to be cleared once all of its parts are here."""

    session: str
    feed: str
    round: int
    as_of: float


def plan_sweep(connection: sqlite3.Connection, sweep: Sweep, due_at: float) -> None:
    """Clear what is absent later, when the exchange is known to be over."""
    connection.execute(
        "INSERT INTO sweeps VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET as_of = max(as_of, excluded.as_of), "
        "due_at = excluded.due_at",
        (*sweep, due_at),
    )


def has_sweep(folder: Path, now: float) -> bool:
    """Whether one is due; a read, so that looking costs little."""
    with opened(folder) as connection:
        return connection.execute("SELECT 1 FROM sweeps WHERE due_at <= ? LIMIT 1", (now,)).fetchone() is not None


def finish_sweeps(folder: Path, now: float, session: str | None = None) -> int:
    """Clear what full packages did not name: all of a session's, or those that are due. Returns how many skus changed.

    An exchange of which a file failed or was never imported was cut off, so it clears nothing.
    """
    with opened(folder) as connection:
        stage = Stage(connection)
        with writing(connection):
            rows = connection.execute(
                "SELECT session, feed, round, as_of FROM sweeps WHERE session = coalesce(?, session) AND due_at <= ?",
                (session, now if session is None else float("inf")),
            ).fetchall()
            for sweep in map(Sweep._make, rows):
                if is_over(connection, folder, sweep.session):
                    stage.clear_absent(sweep.feed, sweep.round, sweep.as_of)
                connection.execute("DELETE FROM sweeps WHERE session = ? AND feed = ?", (sweep.session, sweep.feed))
            return stage.announce()


def is_over(connection: sqlite3.Connection, folder: Path, session: str) -> bool:
    """Whether all that a session brought was imported."""
    try:
        return not list_waiting(connection, folder, session)
    except (BadPackage, OSError):
        return False


def remove_spooled(folder: Path, session: str, name: str) -> None:
    """What was imported need not lie on the disk."""
    with suppress(FileNotFoundError):
        (spool_of(folder, session) / name).unlink()
