"""One dataset, for one request: what the request already asked is not asked again."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from clients.errors import SourceError
from clients.eventual import Eventual, is_pending, then
from resolvers.loaders.source import CountedAsker, Source

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Flight: TypeAlias = asyncio.Future[list[V | None | SourceError]]
"""An answer on its way."""


def no_aliases(_key: object, _value: object) -> tuple[()]:
    """For values that have one key only."""
    return ()


class Loader(Generic[K, V]):
    """Loads by key and remembers outcomes for the life of its request.

    A request so sees one value for one key, whatever caches do meanwhile. `aliases` tells under
    which other keys a value is known too, so that a product found by handle is not asked by id.
    What the source raises is a fault, not an outcome: all who wait for it get it, nothing remembers it.
    """

    __slots__ = ("_aliases", "_asker", "_first", "_is_of_customer", "_known", "_pending", "_source")

    def __init__(
        self, source: Source[K, V], asker: CountedAsker, aliases: Callable[[K, V], Iterable[K]] = no_aliases
    ) -> None:
        self._source = source
        self._is_of_customer = source.is_of_customer
        self._asker = asker
        self._aliases = aliases
        self._first: tuple[Sequence[K], list[V | None | SourceError]] | None = None
        self._known: dict[K, V | None | SourceError] = {}
        self._pending: dict[K, Flight[V]] = {}

    def load(self, key: K) -> Eventual[V | None | SourceError]:
        """One outcome."""
        if self._is_of_customer:
            self._asker.personal_reads += 1
        if self._first is not None:
            self._learn_first()
        known = self._known
        if key in known:
            return known[key]
        return then(self.load_many((key,)), lambda outcomes: outcomes[0])

    def load_many(self, keys: Sequence[K]) -> Eventual[list[V | None | SourceError]]:
        """One outcome per key, in the keys' order; a list when all are at hand."""
        if self._is_of_customer:
            self._asker.personal_reads += 1  # also for what is known already: it is no less personal
        if self._first is not None:
            self._learn_first()
        known = self._known
        if not known and not self._pending and 0 < len(keys) == len(set(keys)):
            return self._load_first(keys)
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        flights = self._flights(missing) if missing else None
        return self._wait(keys, flights) if flights else [known[key] for key in keys]

    def _load_first(self, keys: Sequence[K]) -> Eventual[list[V | None | SourceError]]:
        """The common case, spared all looking up: nothing was asked of this dataset before."""
        answer = self._source.load_many(keys, self._asker)
        if is_pending(answer):
            return self._wait(keys, [self._await(keys, answer)])
        if len(answer) != len(keys):
            self._learn(keys, answer)  # which refuses it
        self._first = keys, answer
        return answer

    def _learn_first(self) -> None:
        """Learn the first outcomes: most requests ask a dataset once, and need not remember."""
        assert self._first is not None
        (keys, answer), self._first = self._first, None
        self._learn(keys, answer)

    def _flights(self, missing: list[K]) -> list[Flight[V]]:
        """What brings the missing keys, each asked for only once; empty when all of them came on the spot."""
        pending = self._pending
        new = [key for key in missing if key not in pending] if pending else missing
        if new:
            self._ask(new)
        return list(dict.fromkeys(pending[key] for key in missing if key in pending))

    def _ask(self, keys: Sequence[K]) -> None:
        answer = self._source.load_many(keys, self._asker)
        if is_pending(answer):
            _ = self._await(keys, answer)
        else:
            self._learn(keys, answer)

    def _await(self, keys: Sequence[K], answer: Awaitable[list[V | None | SourceError]]) -> Flight[V]:
        flight = asyncio.ensure_future(answer)
        flight.add_done_callback(partial(self._receive, keys))  # before anybody waits for it, so it is learned by then
        self._pending.update(dict.fromkeys(keys, flight))
        return flight

    def _receive(self, keys: Sequence[K], flight: Flight[V]) -> None:
        """Learn what has come; a failure is taken note of here, because perhaps nobody waits for it any more."""
        for key in keys:
            self._pending.pop(key, None)
        if not flight.cancelled() and flight.exception() is None and len(flight.result()) == len(keys):
            self._learn(keys, flight.result())

    def _learn(self, keys: Sequence[K], outcomes: list[V | None | SourceError]) -> None:
        known = self._known
        known.update(zip(keys, outcomes, strict=True))
        if self._aliases is no_aliases:
            return
        for key, outcome in zip(keys, outcomes, strict=True):
            if outcome is not None and not isinstance(outcome, SourceError):
                for alias in self._aliases(key, outcome):
                    known.setdefault(alias, outcome)

    async def _wait(self, keys: Sequence[K], flights: list[Flight[V]]) -> list[V | None | SourceError]:
        for flight in flights:
            await _end_of(flight)  # also of one that is done: what it brought is learned in the loop's next turn
        for flight in flights:
            flight.result()
        try:
            return [self._known[key] for key in keys]
        except KeyError:
            raise ValueError("expected one outcome per key, got another number of them") from None


def _end_of(flight: Flight[V]) -> asyncio.Future[None]:
    """Done when a flight is, however it ended.

    Not the flight itself: whoever is cancelled while awaiting a future takes that future along, and
    others wait for it too.
    """
    ended: asyncio.Future[None] = flight.get_loop().create_future()
    flight.add_done_callback(lambda _: None if ended.done() else ended.set_result(None))
    return ended
