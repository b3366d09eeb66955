"""Log lines on their way out: a thread writes them, so that a slow reader never stops the event loop."""

import os
import queue
import threading
from collections.abc import Iterator
from typing import Final, Self

from gateway.telemetry import vocabulary as v
from gateway.telemetry.readings import Sample, count

MOST_WAITING: Final = 2_000
"""Pieces of text that may wait for the reader; what comes on top is dropped and counted."""

CLOSE_WITHIN_S: Final = 2.0


class LineWriter:
    """Writes to a file descriptor while the block runs; at its end, what waits is still written."""

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write_on, name="log lines", daemon=True)
        self.dropped = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self._waiting.put(None, timeout=CLOSE_WITHIN_S)
        except queue.Full:
            return  # nobody reads: the thread dies with the process
        self._thread.join(CLOSE_WITHIN_S)

    def write(self, lines: bytes) -> None:
        """Hand over whole lines, each with its end."""
        try:
            self._waiting.put_nowait(lines)
        except queue.Full:
            self.dropped += lines.count(b"\n")

    def read(self) -> Iterator[Sample]:
        yield count(v.LINES_DROPPED, self.dropped)

    def _write_on(self) -> None:
        while (lines := self._waiting.get()) is not None:
            try:
                _write_all(self._descriptor, lines)
            except OSError:  # whoever read has gone
                self.dropped += lines.count(b"\n")


def _write_all(descriptor: int, lines: bytes) -> None:
    while lines:
        lines = lines[os.write(descriptor, lines) :]
