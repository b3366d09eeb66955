"""Archives as 1C sends them: read where they lie, member by member, never unpacked to the disk."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from gateway.exchange.package import BLOCK, BadPackage

KNOWN_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MOST_MEMBERS: Final = 10_000


def is_archive(name: str) -> bool:
    return name.lower().endswith(".zip")


def list_members(path: Path) -> list[str]:
    """File names in an archive, without folders; raises BadPackage for what is none, or was cut off."""
    with _opened(path) as archive:
        return [PurePosixPath(member.filename).name for member in archive.infolist() if not member.is_dir()]


@contextmanager
def open_member(path: Path, name: str, max_bytes: int) -> Iterator[Iterator[bytes] | None]:
    """The blocks of a member, or None when it is not there; raises BadPackage."""
    with _opened(path) as archive:
        named = [m for m in archive.infolist() if not m.is_dir() and PurePosixPath(m.filename).name == name]
        if not named:
            yield None
            return
        member = named[0]
        if member.flag_bits & 0x1 or member.compress_type not in KNOWN_METHODS:
            raise BadPackage("expected an archive that is deflated and not encrypted; got another")
        with archive.open(member) as stream:
            yield read_blocks(stream, max_bytes)


def read_blocks(stream: IO[bytes], max_bytes: int) -> Iterator[bytes]:
    """Blocks until the end; an archive may claim any size, so what comes out is counted. Raises BadPackage."""
    left = max_bytes
    try:
        while block := stream.read(BLOCK):
            left -= len(block)
            if left < 0:
                raise BadPackage(f"expected at most {max_bytes} bytes; got more")
            yield block
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BadPackage(f"expected a whole archive; got one that cannot be read: {type(error).__name__}") from None


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise BadPackage("expected a whole archive; got one that cannot be read") from None
    with archive:
        if len(archive.infolist()) > MOST_MEMBERS:
            raise BadPackage(f"expected at most {MOST_MEMBERS} files in an archive; got more")
        yield archive
