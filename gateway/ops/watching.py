"""The figures of all workers over the last minute, looked at once a second while somebody watches."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from gateway.ops.board import MINUTE_S, Spans
from gateway.telemetry.readings import Readings

EVERY_S: Final = 1.0
LATEST_S: Final = 4.0


class Look(NamedTuple):
    """What all workers said at one moment (monotonic seconds), who did not, and how long they have run on average."""

    at: float
    ran_s: float
    readings: Readings
    said: tuple[str, ...]
    silent: tuple[str, ...]


class Watching:
    """The last looks; whoever watches calls `look`, and however many do, workers are asked once a second."""

    def __init__(self, take: Callable[[], Awaitable[Look]], clock: Callable[[], float] = time.monotonic) -> None:
        self._take = take
        self._clock = clock
        self._looks: deque[Look] = deque()
        self._lock = asyncio.Lock()

    async def look(self) -> tuple[Look, Spans]:
        """The newest look, at most a second old, and what was counted over the spans that end with it."""
        async with self._lock:
            if not self._looks or self._clock() - self._looks[-1].at >= EVERY_S * 0.9:
                self._keep(await self._take())
            return self._looks[-1], decide_spans(self._looks)

    def _keep(self, look: Look) -> None:
        if self._looks and look.at - self._looks[-1].at > LATEST_S:
            self._looks.clear()  # nobody watched for a while: what was before says nothing of "now"
        self._looks.append(look)
        while self._looks[0].at < look.at - MINUTE_S:
            self._looks.popleft()


def decide_spans(looks: "deque[Look]") -> Spans:
    """A page that was just opened has no earlier look: its spans begin with the workers."""
    now = looks[-1]
    latest = next((look for look in reversed(looks) if now.at - look.at >= LATEST_S), None)
    if len(looks) == 1:
        return Spans(now.readings, now.readings, now.readings, max(EVERY_S, now.ran_s))
    first = looks[0]
    since = latest or first
    return Spans(
        total=now.readings,
        recent=now.readings.since(first.readings),
        latest=now.readings.since(since.readings),
        recent_s=max(EVERY_S, now.at - first.at),
    )
