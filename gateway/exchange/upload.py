"""A file of an exchange on its way to the disk, chunk by chunk.

What is on the disk is what the ledger says is there: a chunk that was cut off is cut away again,
also by the next one after a crash. "success" is said when chunk and note are both on the disk.
Everything here blocks: call it on a thread.
"""

import fcntl
import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from clients.stock.ledger import opened, writing
from gateway.exchange import sessions
from gateway.exchange.archive import is_archive
from gateway.exchange.sessions import Spooled

MEGABYTE: Final = 1024 * 1024


class Refused(Exception):
    """A file that is not taken; the message is for 1C, in ASCII."""


class Upload:
    """One chunk of one file; `write` its pieces, then `finish` or `abandon`. Raises Refused, sqlite3.Error, OSError."""

    def __init__(self, folder: Path, session: str, name: str, max_bytes: int) -> None:
        self._folder, self._session, self._name = folder, session, name
        self._path = sessions.spool_of(folder, session) / name
        with opened(folder) as connection:
            known = sessions.list_files(connection, session)
            before = next((file for file in known if file.name == name), None)
            self._left = max_bytes - sum(file.length for file in known)
            self._last_chunk = sessions.last_chunk_of(connection, session, name)
        if before is None and len(known) >= sessions.MOST_FILES:
            raise Refused(f"expected at most {sessions.MOST_FILES} files in an exchange; got more")
        is_new = before is None or before.state in sessions.SETTLED
        self._length = 0 if before is None or is_new else before.length
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Refused("expected one chunk of a file at a time; got two at once") from None
        os.ftruncate(self._file, self._length)
        os.lseek(self._file, self._length, os.SEEK_SET)
        self._digest = hashlib.sha256()
        self._written = 0
        self._is_open = True
        # A request that is cancelled leaves its thread writing: the file is closed after it, not under it.
        self._writing = threading.Lock()

    def write(self, piece: bytes) -> None:
        """The next bytes of the chunk."""
        with self._writing:
            if not self._is_open:
                return
            self._written += len(piece)
            if self._written > self._left:
                raise Refused("expected a smaller exchange; got more bytes than its limit")
            self._digest.update(piece)
            view = memoryview(piece)
            while view:
                view = view[os.write(self._file, view) :]

    def finish(self, now: float) -> None:
        """Keep the chunk; after this it is safe. The same chunk as before is 1C asking again, and is kept once."""
        if self._length and self._digest.digest() == self._last_chunk:
            self.abandon()
            return
        os.fsync(self._file)
        self._sync_folder()
        state = sessions.ARCHIVE if is_archive(self._name) else sessions.UPLOADED
        file = Spooled(self._name, self._length + self._written, now, state, "")
        with opened(self._folder) as connection, writing(connection):
            sessions.note_file(connection, self._session, file, self._digest.digest())
        self._close()

    def abandon(self) -> None:
        """Cut the chunk away, unless it was kept already."""
        if self._is_open:
            with suppress(OSError):
                os.ftruncate(self._file, self._length)
            self._close()

    def _close(self) -> None:
        with self._writing:
            self._is_open = False
            os.close(self._file)

    def _sync_folder(self) -> None:
        """A new file's name is on the disk only when its folder is."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
