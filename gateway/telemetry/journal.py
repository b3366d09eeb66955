"""The front door's journal: counts every answer, and writes one line for it.

A line says which operation, how it ended and how long it took. It never has variables, tokens,
addresses or names of people. Answers come by the thousand per second, so their lines do not go
through structlog: a few attributes are kept per answer and encoded together, in the same shape.
"""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Literal

import msgspec

from gateway.http.errors import Limit
from gateway.http.ports import Answered
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import Look, get_log
from gateway.telemetry.names import LONGEST_NAME
from gateway.telemetry.operations import OperationMeter

FLUSH_EVERY_S: Final = 0.2
MOST_KEPT: Final = 500
FAILED_FROM: Final = 400
Which = Literal["all", "failed", "none"]
log = get_log("gateway.operations")


class OperationLine(msgspec.Struct, frozen=True, gc=False):
    """One answer as JSON; the same names as structlog uses for other lines."""

    event: str
    timestamp: dt.datetime
    level: str
    request_id: str
    operation: str | None
    document: str | None
    status: int
    codes: tuple[str, ...]
    ms: float
    is_signed_in: bool
    logger: str = "gateway.operations"


def is_failed(answer: Answered) -> bool:
    """Whether the answer has any error in it."""
    return bool(answer.codes) or answer.status >= FAILED_FROM


def write_json(at: float, answer: Answered) -> bytes:
    """One line for machines; a name that a client made too long is cut."""
    line = OperationLine(
        event="operation",
        timestamp=dt.datetime.fromtimestamp(at, dt.UTC),
        level="warning" if is_failed(answer) else "info",
        request_id=answer.request_id,
        operation=answer.operation[:LONGEST_NAME] if answer.operation else None,
        document=answer.document,
        status=answer.status,
        codes=answer.codes,
        ms=round(answer.took_s * 1000, 3),
        is_signed_in=answer.is_signed_in,
    )
    return _encode(line) + b"\n"


_encode = msgspec.json.Encoder().encode


def write_readable(at: float, answer: Answered) -> bytes:
    """One line for a person: `22:41:07  200    3.2 ms  ProductPage  SOURCE_TIMEOUT  9f3c...`."""
    clock = dt.datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
    name = answer.operation[:LONGEST_NAME] if answer.operation else "(unnamed)"
    codes = f"  {', '.join(answer.codes)}" if answer.codes else ""
    signed = "  signed in" if answer.is_signed_in else ""
    took = f"{answer.took_s * 1000:8.1f} ms"
    return f"{clock}  {answer.status} {took}  {name}{signed}{codes}  {answer.request_id}\n".encode()


class OperationLines:
    """Lines of answers, written together five times a second."""

    def __init__(
        self, writer: LineWriter, look: Look, which: Which = "all", now: Callable[[], float] = time.time
    ) -> None:
        self._writer = writer
        self._write = write_json if look == "json" else write_readable
        self._which = which
        self._now = now
        self._kept: list[tuple[float, Answered]] = []

    def note(self, answer: Answered) -> None:
        """Keep one answer for the next writing."""
        if self._which == "none" or (self._which == "failed" and not is_failed(answer)):
            return
        self._kept.append((self._now(), answer))
        if len(self._kept) >= MOST_KEPT:
            self.flush()

    def flush(self) -> None:
        """Write what was kept."""
        if self._kept:
            self._writer.write(b"".join([self._write(at, answer) for at, answer in self._kept]))
            self._kept.clear()

    @asynccontextmanager
    async def flushed(self) -> AsyncIterator[None]:
        """Write now and then while the block runs, and once more at its end."""
        flushing = asyncio.create_task(self._flush_on())
        try:
            yield
        finally:
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
            self.flush()

    async def _flush_on(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            self.flush()


class OperationJournal:
    """A `gateway.http.ports.Journal`."""

    def __init__(self, meter: OperationMeter, lines: OperationLines) -> None:
        self._meter = meter
        self._lines = lines

    def fault(self, request_id: str, operation: str | None, error: BaseException) -> None:
        """Record what a client read as "Internal error.", with its trace."""
        self._meter.faults += 1
        log.error("fault", request_id=request_id, operation=operation, exc_info=error)

    def refused(self, limit: Limit) -> None:
        """Count a request that was refused for asking too much."""
        self._meter.refused[limit] += 1

    def answered(self, answer: Answered) -> None:
        """Record an answer that was given."""
        self._meter.note_answer(answer)
        self._lines.note(answer)
