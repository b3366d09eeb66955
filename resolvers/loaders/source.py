"""What a loader needs of whoever caches and fetches: the smallest interface that serves it."""

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

from clients.errors import SourceError
from clients.eventual import Eventual
from clients.scope import Asker

K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)
V = TypeVar("V")


class CountedAsker(Asker, Protocol):
    """Who asks, and how often this request asked for what may be a customer's own (`personal_reads`)."""

    personal_reads: int


class Source(Protocol[K_contra, V]):
    """One dataset of one upstream, cached or not.

    `load_many` returns one outcome per key in the keys' order: the value, None when the source
    says there is none, or the SourceError that kept us from knowing. It never raises for a
    single key, returns a plain list when everything is at hand, and an awaitable when it is not.
    `is_of_customer` says that what it tells may depend on which customer asks.
    """

    @property
    def is_of_customer(self) -> bool: ...

    def load_many(self, keys: Sequence[K_contra], asker: Asker) -> Eventual[list[V | None | SourceError]]: ...
