"""How a flight comes home: from what another process stored, from another process's load, or from the source."""

import asyncio
import math
from collections.abc import Hashable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from clients.errors import SourceError
from clients.http import CallTerms, Priority, call_terms
from clients.scope import Scope
from gateway.cache.fetcher import Fetcher
from gateway.cache.flights import Flight
from gateway.cache.freshness import Verdict
from gateway.cache.kept import Answer, Kept
from gateway.cache.levels import Levels
from gateway.cache.metrics import DatasetCounters
from gateway.cache.policy import Policy
from gateway.cache.shared import SharedDataset

K = TypeVar("K", bound=Hashable)
S = TypeVar("S", bound=Scope)
S_contra = TypeVar("S_contra", contravariant=True)

FIRST_LOOK_S = 0.005
SLOWEST_LOOK_S = 0.1


class Landing(Protocol[S_contra]):
    """Where flights land."""

    def land(
        self, scope: S_contra, outcomes: Sequence[tuple[Flight, Answer | SourceError]], born: int
    ) -> dict[Any, Answer]:
        """End the flights of a load; `born` is the purge epoch at its start. What was kept, by key."""
        ...

    def adopt(self, scope: S_contra, flight: Flight, answer: Answer) -> None:
        """End a flight with an answer that is known to be fresh and not purged at this moment."""
        ...

    def serve(self, scope: S_contra, flight: Flight, answer: Answer) -> None:
        """Content those who wait with a usable answer, while the flight goes on for a better one."""
        ...


class Carrier(Generic[K, S]):
    """Brings flights of one dataset home, with at most one load per key over all processes.

    The process that adds a key's lease loads it; the others look for its result, a few
    milliseconds apart. A lease ends with its load or, if its holder died, by itself; whoever has
    looked for longer than a load may take loads without one. So the store never decides whether a
    key is loaded, only how often.
    """

    def __init__(
        self, policy: Policy, fetcher: Fetcher[K, Any, S], landing: Landing[S], kept: Kept[K, Any, S],
        shared: SharedDataset[K, S] | None, levels: Levels, counters: DatasetCounters,
    ) -> None:  # fmt: skip
        self._policy = policy
        self._fetcher = fetcher
        self._landing = landing
        self._kept = kept
        self._shared = shared
        self._purges = levels.purges
        self._clock = levels.clock
        self._counters = counters
        self._lease_s = math.ceil(policy.load_timeout_s) + 1

    async def carry(self, scope: S, flights: Sequence[Flight]) -> None:
        """Land every flight."""
        if self._shared is None:
            await self._ask(scope, flights)
            return
        left = await self._take(self._shared, scope, flights)
        if left:
            await self._take_turns(self._shared, scope, left)

    async def _take_turns(self, shared: SharedDataset[K, S], scope: S, flights: Sequence[Flight]) -> None:
        mine, others = await self._claim(shared, scope, flights)
        await asyncio.gather(self._lead(shared, scope, mine), self._follow(shared, scope, others))

    async def _claim(
        self, shared: SharedDataset[K, S], scope: S, flights: Sequence[Flight]
    ) -> tuple[list[Flight], list[Flight]]:
        won = await shared.claim(scope, _keys(flights), self._lease_s)
        mine = [flight for flight, is_won in zip(flights, won, strict=True) if is_won]
        return mine, [flight for flight, is_won in zip(flights, won, strict=True) if not is_won]

    async def _lead(self, shared: SharedDataset[K, S], scope: S, flights: Sequence[Flight]) -> None:
        """Load; but look once more first, as the last holder may have finished since we looked."""
        if flights:
            left = await self._take(shared, scope, flights)
            if left:
                await self._ask(scope, left)
            await shared.release(scope, _keys(flights))

    async def _follow(self, shared: SharedDataset[K, S], scope: S, flights: Sequence[Flight]) -> None:
        loop = asyncio.get_running_loop()
        patient_until, pause_s = loop.time() + self._policy.load_timeout_s, FIRST_LOOK_S
        left = list(flights)
        while left:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, SLOWEST_LOOK_S)
            left = await self._take(shared, scope, left)
            if left and loop.time() >= patient_until:
                await self._ask(scope, left)
                return
            if left:
                mine, left = await self._claim(shared, scope, left)
                await self._lead(shared, scope, mine)

    async def _take(self, shared: SharedDataset[K, S], scope: S, flights: Sequence[Flight]) -> list[Flight]:
        """Land what the shared level has; the rest is to be loaded."""
        found = await shared.find(scope, _keys(flights))
        return [
            flight
            for flight in flights
            if (answer := found.get(flight.key)) is None or not self._use(scope, flight, answer)
        ]

    def _use(self, scope: S, flight: Flight, answer: Answer) -> bool:
        """True if a stored answer ends the flight. A stale one is kept, and contents whoever waits if it may."""
        if not self._kept.is_newer(scope, flight.key, answer):
            return False
        verdict = self._kept.judge_answer(scope, answer)
        if verdict is Verdict.FRESH:
            self._counters.found_shared += 1
            self._landing.adopt(scope, flight, answer)
            return True
        if verdict is not Verdict.MISS:
            self._kept.keep(scope, flight.key, answer)
        if verdict is Verdict.REVALIDATE:
            self._landing.serve(scope, flight, answer)
        return False

    async def _ask(self, scope: S, flights: Sequence[Flight]) -> None:
        if not any(flight.waiters for flight in flights):
            call_terms.set(CallTerms(call_terms.get().deadline, Priority.REFRESH))
        born, began = self._purges.epoch, self._clock()
        number = self._shared.number if self._shared is not None else 0
        found = await self._fetcher.ask(_keys(flights), scope)
        now = self._clock()
        load_s = max(0.0, now - began)
        said = [(flight, found[flight.key]) for flight in flights]
        outcomes = [(f, it if isinstance(it, SourceError) else Answer(it, now, load_s)) for f, it in said]
        answers = self._landing.land(scope, outcomes, born)
        if self._shared is not None:
            await self._shared.save(scope, answers, number)


def _keys(flights: Sequence[Flight]) -> list[Any]:
    return [flight.key for flight in flights]
