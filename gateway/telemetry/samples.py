"""What is remembered of the keys themselves: some of their questions, and which went to their source most."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from clients.errors import Outcomes
from clients.scope import Scope
from clients.values import Dataset
from gateway.cache.fetcher import Fetch
from gateway.telemetry.reservoir import Reservoir
from gateway.telemetry.top_keys import TopKeys

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S", bound=Scope)


@dataclass(slots=True)
class Samples:
    """By dataset: the lab's reservoirs, and the keys that were missed most."""

    reservoirs: dict[Dataset, Reservoir] = field(default_factory=lambda: {dataset: Reservoir() for dataset in Dataset})
    missed: dict[Dataset, TopKeys] = field(default_factory=lambda: {dataset: TopKeys() for dataset in Dataset})

    def watch_fetch(self, dataset: Dataset, fetch: Fetch[K, S, V]) -> Fetch[K, S, V]:
        """The same question to the source, with its keys remembered."""
        missed = self.missed[dataset]

        async def watched(keys: Sequence[K], scope: S) -> Outcomes[K, V]:
            missed.note(keys)
            return await fetch(keys, scope)

        return watched
