"""Keys that leave for their source: one flight per key, one call for all that leave together.

Keys missing in the same turn of the event loop under an equal scope leave in one call, whichever
requests they come from. The load runs in a task of its own under its own deadline, so nobody's
cancellation or haste fails anybody else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from clients.errors import SourceError, SourceUnavailable
from clients.http import CallTerms, Priority, call_terms
from clients.scope import Scope
from clients.values import DataSource
from gateway.cache.flights import Flight, split
from gateway.cache.freshness import decide_window
from gateway.cache.policy import Policy

K = TypeVar("K", bound=Hashable)
S = TypeVar("S", bound=Scope)

log = logging.getLogger(__name__)


class Departure:
    """Flights of one scope that have not left yet, and the most urgent reason to leave."""

    __slots__ = ("flights", "priority")

    def __init__(self) -> None:
        self.flights: list[Flight] = []
        self.priority = Priority.REFRESH


class Loads(Generic[K, S]):
    """All flights of one dataset. `carry(scope, flights)` lands every flight it is given."""

    def __init__(
        self, source: DataSource, policy: Policy, carry: Callable[[S, Sequence[Flight]], Awaitable[None]],
        land_all: Callable[[S, Sequence[Flight], SourceError], None],
    ) -> None:  # fmt: skip
        self._source = source
        self._policy = policy
        self._carry = carry
        self._land_all = land_all
        self._flying: dict[S, dict[K, Flight]] = {}
        self._departures: dict[S, Departure] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def flying(self, scope: S, key: K) -> Flight | None:
        """The flight that already brings this key, if there is one."""
        flights = self._flying.get(scope)
        return flights.get(key) if flights else None

    def start(self, scope: S, key: K, priority: Priority) -> Flight:
        """The flight of one key, as `board`."""
        return self.board(scope, (key,), priority)[0][0]

    def board(self, scope: S, keys: Iterable[K], priority: Priority) -> tuple[list[Flight], list[K]]:
        """The flight of each key, and the keys that none was bringing already.

        New flights leave with all others of this scope at the end of this turn or window. Whoever
        joins what has not left yet lets it leave with the own importance.
        """
        flying = self._flying.get(scope)
        if flying is None:
            flying = self._flying[scope] = {}
        flights, new = [], []
        for key in keys:
            flight = flying.get(key)
            if flight is None:
                flight = flying[key] = Flight(key)
                new.append(flight)
            flights.append(flight)
        self._depart_with(scope, new, priority)
        return flights, [flight.key for flight in new]

    def _depart_with(self, scope: S, new: list[Flight], priority: Priority) -> None:
        departure = self._departures.get(scope)
        if departure is None:
            if not new:
                return
            departure = self._departures[scope] = Departure()
            self._schedule(scope)
        departure.flights += new
        departure.priority = min(departure.priority, priority)

    def landed(self, scope: S, flights: Iterable[Flight]) -> None:
        """These fly no more."""
        flying = self._flying.get(scope)
        if flying is None:
            return
        for flight in flights:
            if flying.get(flight.key) is flight:
                del flying[flight.key]
        if not flying:
            del self._flying[scope]

    async def settle(self) -> None:
        """Wait until no load is under way, whatever comes of them."""
        while self._tasks or self._departures:
            await asyncio.wait(self._tasks) if self._tasks else await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Stop all loads; whoever waits is told that the source is not available."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _schedule(self, scope: S) -> None:
        loop = asyncio.get_running_loop()
        window_s = decide_window(len(self._tasks))
        if window_s:
            loop.call_later(window_s, self._depart, scope)
        else:
            loop.call_soon(self._depart, scope)

    def _depart(self, scope: S) -> None:
        departure = self._departures.pop(scope)
        for flights in split(departure.flights, self._policy.max_batch):
            task = asyncio.get_running_loop().create_task(self._load(scope, flights, departure.priority))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _load(self, scope: S, flights: Sequence[Flight], priority: Priority) -> None:
        deadline = asyncio.get_running_loop().time() + self._policy.load_timeout_s
        call_terms.set(CallTerms(deadline, priority))
        try:
            await self._carry(scope, flights)
        except asyncio.CancelledError:
            self._fail(scope, flights, "the gateway is stopping")
            raise
        except Exception as error:
            log.exception("%s: a load failed in the gateway itself", self._source.value)
            self._fail(scope, flights, repr(error))

    def _fail(self, scope: S, flights: Sequence[Flight], detail: str) -> None:
        """Nobody waits for ever, whatever went wrong."""
        left = [flight for flight in flights if self.flying(scope, flight.key) is flight]
        self._land_all(scope, left, SourceUnavailable(self._source, detail))


def priority_of(terms: CallTerms) -> Priority:
    """A load's priority is its most important waiter's, but never a refresh's while somebody waits."""
    return min(terms.priority, Priority.RECOMMENDATION)
