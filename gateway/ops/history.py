"""The last hour in steps of five seconds: what was asked of each source's cache, and what of it memory answered."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from gateway.telemetry import vocabulary as v
from gateway.telemetry.readings import Readings

STEP_S: Final = 5
STEPS: Final = 720
RESPONSES: Final = "RESPONSES"
"""Stands beside the sources for the response level."""


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One source in one step: keys asked, answered from memory at once, stale for want of a better, and sent on."""

    asked: float = 0.0
    at_hand: float = 0.0
    stale: float = 0.0
    sent: float = 0.0


class StepOf(msgspec.Struct, frozen=True, array_like=True):
    """One step; `at` is its end in seconds since the epoch, a multiple of five."""

    at: int
    parts: dict[str, Part]


class History:
    """One worker's last hour."""

    def __init__(self, read: Callable[[], Readings], now: Callable[[], float] = time.time) -> None:
        self._read = read
        self._now = now
        self._steps: deque[StepOf] = deque(maxlen=STEPS)
        self._by_dataset: deque[tuple[int, dict[str, Part]]] = deque(maxlen=STEPS)
        self._before = read()

    def steps(self) -> list[StepOf]:
        """What is remembered, in order."""
        return list(self._steps)

    def step(self, at: int) -> None:
        """A step ends at this moment."""
        now = self._read()
        counted = now.since(self._before)
        self._steps.append(StepOf(at, summarise(counted)))
        self._by_dataset.append((at, summarise_datasets(counted)))
        self._before = now

    def measure(self, since: float) -> dict[str, Part]:
        """What came of the questions for each dataset since a moment (seconds since the epoch), an hour ago at most."""
        steps = [parts for at, parts in self._by_dataset if at > since]
        measured = summarise_datasets(self._read().since(self._before))
        for parts in steps:
            measured = add_parts(measured, parts)
        return measured

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Write on for as long as the block runs."""
        writing = asyncio.create_task(self._write_on())
        try:
            yield
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _write_on(self) -> None:
        while True:
            due = (int(self._now()) // STEP_S + 1) * STEP_S
            await asyncio.sleep(max(0.05, due - self._now()))
            self.step(due)


def summarise(counted: Readings) -> dict[str, Part]:
    """Each source that was asked for anything, and the response level."""
    parts = {source: summarise_keys(counted, source=source) for source in counted.values(v.CACHE_REQUESTS, "source")}
    kept = counted.number(v.RESPONSES, result="hit")
    parts[RESPONSES] = Part(counted.number(v.RESPONSES), kept)
    return {name: part for name, part in parts.items() if part.asked}


def summarise_datasets(counted: Readings) -> dict[str, Part]:
    """Each dataset that was asked for anything."""
    parts = {dataset: summarise_keys(counted, dataset=dataset) for dataset in counted.values(v.CACHE_SENT, "dataset")}
    return {name: part for name, part in parts.items() if part.asked}


def summarise_keys(counted: Readings, **where: str) -> Part:
    """A key is at hand when memory answers at once; one that waits for somebody else's load is not."""
    asked = counted.number(v.CACHE_REQUESTS, **where)
    waited = sum(counted.number(v.CACHE_REQUESTS, **where, result=result) for result in ("miss", "coalesced"))
    return Part(
        asked=asked,
        at_hand=asked - waited,
        stale=counted.number(v.CACHE_STALE, **where),
        sent=counted.number(v.CACHE_SENT, **where),
    )


def merge_steps(histories: Iterable[Iterable[StepOf]]) -> list[StepOf]:
    """The histories of several workers as one."""
    merged: dict[int, dict[str, Part]] = {}
    for steps in histories:
        for step in steps:
            merged[step.at] = add_parts(merged.get(step.at, {}), step.parts)
    return [StepOf(at, merged[at]) for at in sorted(merged)]


def add_parts(first: Mapping[str, Part], second: Mapping[str, Part]) -> dict[str, Part]:
    """Source by source."""
    return {
        name: Part(a.asked + b.asked, a.at_hand + b.at_hand, a.stale + b.stale, a.sent + b.sent)
        for name in {*first, *second}
        for a, b in [(first.get(name, Part()), second.get(name, Part()))]
    }


def add_up(parts: Iterable[Part]) -> Part:
    """All of them together."""
    whole = {"": Part()}
    for part in parts:
        whole = add_parts(whole, {"": part})
    return whole[""]
