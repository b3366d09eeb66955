"""A gate that lets so many through at once and has a bounded, ranked line before it.

Nothing here knows of HTTP: the bulkhead and the admission of requests both stand on it.
"""

import asyncio
import enum
from typing import Final


class Turn(enum.Enum):
    """How waiting ended."""

    CALLED = "called"
    LATE = "waited too long"
    DISPLACED = "displaced by somebody more important"
    NO_ROOM = "the line was full"


class Place:
    """One waiter's place in a line; exactly one of `call` and `lose` takes effect."""

    __slots__ = ("rank", "turn")

    def __init__(self, rank: int, loop: asyncio.AbstractEventLoop) -> None:
        self.rank = rank
        self.turn: asyncio.Future[Turn] = loop.create_future()

    def settle(self, turn: Turn) -> bool:
        """Tell the waiter; False when it no longer waits."""
        if self.turn.done():
            return False
        self.turn.set_result(turn)
        return True


class Line:
    """Waiters by rank, 0 first, in order of arrival within a rank; every operation is O(ranks)."""

    def __init__(self, room: int, ranks: int) -> None:
        self._room = room
        self._ranks: Final[list[dict[Place, None]]] = [{} for _ in range(ranks)]
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def join(self, rank: int) -> Place | None:
        """A place for this rank. A full line gives up its last and least important waiter, if less important."""
        if self._length >= self._room and not self._displace(rank):
            return None
        place = Place(rank, asyncio.get_running_loop())
        self._ranks[rank][place] = None
        self._length += 1
        return place

    def leave(self, place: Place) -> None:
        """Take a waiter out; harmless when it is out already."""
        waiting = self._ranks[place.rank]
        if place in waiting:
            del waiting[place]
            self._length -= 1

    def first(self) -> Place | None:
        """Who is next: the longest waiting of the most important."""
        return next((place for rank in self._ranks for place in rank), None)

    def call_next(self) -> bool:
        """Call the next who still waits; False when nobody does."""
        while (place := self.first()) is not None:
            self.leave(place)
            if place.settle(Turn.CALLED):
                return True
        return False

    def ahead_of(self, rank: int) -> int:
        """How many would be served before a newcomer of this rank."""
        return sum(len(waiting) for waiting in self._ranks[: rank + 1])

    def dismiss(self) -> None:
        """Send everybody away."""
        while (place := self.first()) is not None:
            self.leave(place)
            place.settle(Turn.DISPLACED)

    def _displace(self, rank: int) -> bool:
        for waiting in reversed(self._ranks[rank + 1 :]):
            for place in reversed(waiting):
                self.leave(place)
                place.settle(Turn.DISPLACED)
                return True
        return False


async def wait_turn(place: Place, until: float) -> Turn:
    """Wait until called, or until the loop's clock says `until`.

    The clock settles the place as `LATE` in the same way as others settle it, so a call and the end
    of patience can never both win. A waiter that is cancelled takes its turn with it, unless it was
    called a moment before, and must look at `place.turn` itself.
    """
    timer = asyncio.get_running_loop().call_at(until, place.settle, Turn.LATE)
    try:
        return await place.turn
    finally:
        timer.cancel()


class Gate:
    """At most `limit` inside at once; `resize` changes it at any time."""

    def __init__(self, limit: int, room: int, ranks: int) -> None:
        self.limit = limit
        self.inside = 0
        self.line = Line(room, ranks)

    def try_enter(self) -> bool:
        """Go in at once if there is a place and nobody is waiting for it."""
        if self.inside >= self.limit or len(self.line):
            return False
        self.inside += 1
        return True

    async def enter(self, rank: int, until: float) -> Turn:
        """Go in, waiting if need be; whoever got `Turn.CALLED` must `leave`."""
        if self.try_enter():
            return Turn.CALLED
        place = self.line.join(rank)
        if place is None:
            return Turn.NO_ROOM
        try:
            return await wait_turn(place, until)
        except asyncio.CancelledError:
            self._give_back(place)
            raise
        finally:
            self.line.leave(place)

    def leave(self) -> None:
        """Go out and call those who may now come in."""
        self.inside -= 1
        if len(self.line):
            self._call()

    def resize(self, limit: int) -> None:
        """Set the limit. More room is used at once; of less room nobody inside is told."""
        self.limit = limit
        self._call()

    def _call(self) -> None:
        while self.inside < self.limit and self.line.call_next():
            self.inside += 1

    def _give_back(self, place: Place) -> None:
        """A waiter that was cancelled may have been called a moment before: its place goes to the next."""
        turn = place.turn
        if turn.done() and not turn.cancelled() and turn.result() is Turn.CALLED:
            self.leave()
