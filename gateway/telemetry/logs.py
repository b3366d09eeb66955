"""Every log line of the process through structlog: JSON for machines, colours for people.

Libraries speak to the standard library's logging, and so do rooms of ours that know nothing of
this one; both come out in the same shape. No frame's local variables are ever shown: they hold what
clients sent.
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal

import structlog
from structlog.typing import Processor

from gateway.telemetry.lines import LineWriter
from gateway.telemetry.scrubbing import Scrub, Scrubber

Look = Literal["json", "terminal"]
QUIET: Final = ("uvicorn", "asyncio", "aiohttp", "httpx", "httpcore", "websockets")
"""What these say below a warning is of use to their authors only."""

_LOOKS_ONLY: Final = Scrubber().scrub


def pick_look(wanted: Literal["auto", "json", "terminal"]) -> Look:
    """What was asked for; by itself colours where a person looks on."""
    if wanted != "auto":
        return wanted
    return "terminal" if sys.stderr.isatty() else "json"


class _LinesHandler(logging.Handler):
    """Hands formatted records to the writer, without keys."""

    def __init__(self, writer: LineWriter, scrub: Scrub) -> None:
        super().__init__()
        self._writer = writer
        self._scrub = scrub

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self._scrub(self.format(record)).encode() + b"\n")
        except Exception:  # noqa: BLE001 -- as logging itself does: a line that cannot be written stops nobody
            self.handleError(record)


@contextmanager
def logging_to(writer: LineWriter, look: Look, scrub: Scrub = _LOOKS_ONLY) -> Iterator[None]:
    """All logging of the process goes to `writer` while the block runs; then all is as it was before."""
    root, handler = logging.getLogger(), _LinesHandler(writer, scrub)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(look)],
        )
    )
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in QUIET}
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:], level, levels = before[0], before[1], before[2]
        root.setLevel(level)
        for name, was in levels.items():
            logging.getLogger(name).setLevel(was)


def get_log(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose lines take words and values: `log.warning("slow operation", ms=812)`."""
    log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return log


def _shared() -> Sequence[Processor]:
    return (
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )


def _rendering(look: Look) -> Sequence[Processor]:
    if look == "json":
        return (structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False))
    plain = structlog.dev.plain_traceback
    return (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),)
