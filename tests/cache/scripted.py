"""A source that answers as it is told, askers, and a clock that follows the event loop."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clients.errors import SourceError, SourceUnavailable
from clients.http import CallTerms, call_terms
from clients.scope import ForCustomer, InContext, OfCustomer, Public
from clients.values import Dataset, DataSource, SalesChannel
from gateway.cache.levels import Levels
from gateway.cache.memory import Memory
from gateway.cache.metrics import CacheMetrics
from gateway.cache.policy import Policy
from gateway.cache.reads import Reads
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource

EPOCH_S = 1_800_000_000.0
DOWN = SourceUnavailable(DataSource.PRICING, "it is down")


def wall_clock() -> float:
    """The loop's virtual time as seconds since the epoch."""
    return EPOCH_S + asyncio.get_running_loop().time()


@dataclass
class Asker:
    """A shopper; anonymous without a `customer_id`."""

    customer_id: str | None = None
    locality_id: str = "msk"
    reads: Reads | None = None

    @property
    def public(self) -> Public:
        return Public(language="ru")

    @property
    def in_context(self) -> InContext:
        return InContext(locality_id=self.locality_id, channel=SalesChannel.WEB, currency="RUB", language="ru")

    @property
    def for_customer(self) -> ForCustomer:
        return ForCustomer(
            customer_id=self.customer_id,
            locality_id=self.locality_id,
            channel=SalesChannel.WEB,
            currency="RUB",
            language="ru",
        )

    @property
    def of_customer(self) -> OfCustomer:
        assert self.customer_id is not None
        return OfCustomer(customer_id=self.customer_id, language="ru")


@dataclass
class Upstream:
    """Answers every key with a tuple of who asked, the key and a version; unless it is told otherwise."""

    takes_s: float = 0.1
    version: int = 1
    error: Exception | None = None
    absent: set[str] = field(default_factory=set)
    broken: dict[str, SourceError] = field(default_factory=dict)
    calls: list[tuple[str | None, list[str]]] = field(default_factory=list)
    terms: list[CallTerms] = field(default_factory=list)

    async def fetch(self, keys: Sequence[str], scope: ForCustomer) -> Mapping[str, Any]:
        self.calls.append((scope.customer_id, list(keys)))
        self.terms.append(call_terms.get())
        version, error = self.version, self.error
        await asyncio.sleep(self.takes_s)
        if error is not None:
            raise error
        answers: dict[str, Any] = {key: (scope.customer_id, key, version) for key in keys if key not in self.absent}
        return answers | {key: error for key, error in self.broken.items() if key in keys}

    @property
    def keys_asked(self) -> list[str]:
        return [key for _, keys in self.calls for key in keys]


def by_sku(key: str, _value: object) -> tuple[str]:
    return (f"sku:{key}",)


TERMS = Policy(
    fresh_s=10, stale_while_revalidate_s=20, stale_if_error_s=60, negative_s=5, scope=ForCustomer, tags=by_sku
)


def levels_at(clock: Any = wall_clock, *, chance: float = 0.0, **bounds: int) -> Levels:
    metrics = CacheMetrics()
    memory = Memory(counters=metrics.memory, **bounds)
    return Levels(memory=memory, metrics=metrics, clock=clock, chance=lambda: chance)


def cached(
    upstream: Upstream, policy: Policy = TERMS, levels: Levels | None = None, shared: Shared | None = None
) -> CachedSource[str, Any, ForCustomer]:
    levels = levels or levels_at()
    return CachedSource(Dataset.PRICE, policy, upstream.fetch, lambda asker: asker.for_customer, levels, shared)


async def ask(source: CachedSource[str, Any, ForCustomer], *keys: str, by: Asker | None = None) -> list[Any]:
    """The outcomes, waited for if need be."""
    answer = source.load_many(keys, by or Asker())
    return answer if isinstance(answer, list) else await answer
