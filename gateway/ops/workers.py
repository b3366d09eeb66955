"""The workers of one gateway speak with each other: each listens at a socket in a folder that only they can read.

Whoever serves the operations page asks all workers, itself among them, and adds up what they say.
A worker that does not answer in time is left out, and said to be missing.
"""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

ANSWER_WITHIN_S: Final = 1.0
LONGEST_QUESTION: Final = 64 * 1024
MOST_WORKERS: Final = 64
Answer = Callable[[bytes], Awaitable[bytes]]


class Answers(NamedTuple):
    """What the workers said, by their numbers, and who said nothing."""

    said: dict[str, bytes]
    silent: tuple[str, ...]


class Workers:
    """One worker's line to itself and all others; `open_workers` makes one."""

    def __init__(self, folder: Path, number: int, answer: Answer) -> None:
        self._folder = folder
        self._answer = answer
        self.number = str(number)

    async def ask(self, question: bytes, within_s: float = ANSWER_WITHIN_S) -> Answers:
        """The same question to all; who has not answered in time is named."""
        others = [path.stem for path in self._folder.glob("*.sock") if path.stem != self.number]
        heard = await asyncio.gather(
            self._answer(question), *(self._ask_other(other, question, within_s) for other in others)
        )
        by_number = dict(zip([self.number, *others], heard, strict=True))
        said = {number: answer for number, answer in sorted(by_number.items()) if answer is not None}
        return Answers(said, tuple(number for number, answer in by_number.items() if answer is None))

    async def _ask_other(self, number: str, question: bytes, within_s: float) -> bytes | None:
        path = self._folder / f"{number}.sock"
        try:
            async with asyncio.timeout(within_s):
                return await _exchange(path, question)
        except ConnectionRefusedError:
            if not is_claimed(self._folder, int(number)):
                path.unlink(missing_ok=True)
            return None
        except (OSError, TimeoutError):
            return None


async def _exchange(path: Path, question: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(len(question).to_bytes(4, "big") + question)
        answer = await reader.read(-1)
        if not answer:
            raise ConnectionResetError("expected an answer; got none")
        return answer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def open_workers(folder: Path, answer: Answer) -> AsyncIterator[Workers]:
    """Take the lowest free number and listen under it while the block runs.

    A number is held by a lock on a file, which the kernel lets go of when its holder dies, however
    it dies; so the worker that replaces a dead one takes over its number.
    """
    number, lock = claim_number(folder)
    path = folder / f"{number}.sock"
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(_serve_with(answer), path)
    try:
        yield Workers(folder, number, answer)
    finally:
        server.close()
        path.unlink(missing_ok=True)
        os.close(lock)
        clear_if_last(folder)


def claim_number(folder: Path) -> tuple[int, int]:
    """The lowest number that nobody holds, and the descriptor that holds it."""
    for number in range(MOST_WORKERS):
        lock = os.open(folder / f"{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return number, lock
    raise RuntimeError(f"expected at most {MOST_WORKERS} workers in {folder}; got one more")


def clear_if_last(folder: Path) -> None:
    """Whoever leaves last takes the folder away: a process that ends by a signal does not come back to its maker."""
    numbers = [int(path.stem) for path in folder.glob("*.lock")]
    if not any(is_claimed(folder, number) for number in numbers):
        shutil.rmtree(folder, ignore_errors=True)


def is_claimed(folder: Path, number: int) -> bool:
    """Whether a living worker holds this number."""
    try:
        lock = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _serve_with(answer: Answer) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                length = int.from_bytes(await reader.readexactly(4), "big")
                if length <= LONGEST_QUESTION:
                    writer.write(await answer(await reader.readexactly(length)))
                    await writer.drain()
        finally:
            writer.close()

    return serve
