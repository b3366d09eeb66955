"""Stopping without losing a request.

Told to stop, a process is not ready any more, and goes on serving for a while: a load balancer needs
to notice. Meanwhile every answer closes its connection, so that no client sends its next request on
one that is about to be cut. Then nothing new is taken, and what is under way is finished.
"""

import time
from types import FrameType

import uvicorn

from gateway.front import Front

CLOSE = (b"connection", b"close")


class DrainingServer(uvicorn.Server):
    """A server that says so before it stops; a second signal is not waited for."""

    def __init__(self, config: uvicorn.Config, front: Front, drain_s: float) -> None:
        super().__init__(config)
        self._front = front
        self._drain_s = drain_s
        self._told_at = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop, or stop now when this was said before."""
        if self._front.is_stopping or not self._drain_s or not self.started:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self._front.is_stopping = True
        self._told_at = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to stop serving."""
        is_over = await super().on_tick(counter)
        if self._front.is_stopping and CLOSE not in self.server_state.default_headers:
            self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        return is_over or time.monotonic() - self._told_at >= self._drain_s
