"""Imports under way: one process at a time, and an answer to 1C before its patience ends."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from clients.stock.ledger import opened
from gateway.exchange import sessions
from gateway.exchange.importing import IS_BUSY, Job
from gateway.exchange.sessions import Spooled
from gateway.exchange.upload import Refused
from gateway.telemetry.logs import get_log

ROOT: Final = Path(__file__).resolve().parents[2]
ANSWER_AFTER_S: Final = 3.0
KILLED_S: Final = 5.0
LOOK_S: Final = 0.2
log = get_log("gateway.exchange")


async def run_process(job: Job) -> int:
    """Import in a process of its own, which ends with us."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.exchange.importing", cwd=ROOT, stdin=asyncio.subprocess.PIPE
    )
    try:
        await process.communicate(msgspec.json.encode(job))
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), KILLED_S)
    return process.returncode or 0


@dataclass(slots=True)
class Imports:
    """Starts imports and says how they are. Whatever happens to the process, the next call starts it again.

    `run` imports and gives the status of `importing.main`.
    """

    answer_after_s: float = ANSWER_AFTER_S
    run: Callable[[Job], Awaitable[int]] = run_process
    _running: dict[tuple[str, str], asyncio.Future[int]] = field(default_factory=dict)

    async def advance(self, job: Job) -> bool:
        """Whether the file is imported now; False asks to be called again. Raises Refused when it cannot be."""
        told = await asyncio.to_thread(read_state, job)
        if told is None or told.state not in sessions.SETTLED:
            status = await self._run(job)
            if status == IS_BUSY:
                return await self._wait_for_another(job)
            if status is None:
                return False
            told = await asyncio.to_thread(read_state, job)
            if status != os.EX_OK or told is None or told.state not in sessions.SETTLED:
                raise Refused("the package could not be stored; nothing of it was applied, send it again")
            if told.told and told.state == sessions.DONE:
                log.warning("package imported", file=job.name, odd=told.told)
        if told.state == sessions.FAILED:
            raise Refused(told.told)
        return True

    async def _wait_for_another(self, job: Job) -> bool:
        """Another worker imports, perhaps this very file: look now and then until 1C must be answered."""
        for _ in range(int(self.answer_after_s / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            told = await asyncio.to_thread(read_state, job)
            if told is not None and told.state == sessions.DONE:
                return True
        return False

    async def aclose(self) -> None:
        """Stop what is under way: nothing of it was applied, and 1C will ask again."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, job: Job) -> int | None:
        """The status of the import's process; None while it runs, or while another does."""
        name = (job.session, job.name)
        task = self._running.get(name)
        if task is None:
            if self._running:
                await asyncio.wait(list(self._running.values()), timeout=self.answer_after_s)
                return None
            task = self._running[name] = asyncio.ensure_future(self.run(job))
            task.add_done_callback(lambda _: self._running.pop(name, None))
        done, _ = await asyncio.wait([task], timeout=self.answer_after_s)
        return task.result() if done else None


def read_state(job: Job) -> Spooled | None:
    """What the ledger says of the file."""
    try:
        with opened(Path(job.folder)) as connection:
            return sessions.find_file(connection, job.session, job.name)
    except (sqlite3.Error, OSError):
        raise Refused("the package could not be stored; nothing of it was applied, send it again") from None
