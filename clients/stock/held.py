"""Stock that we hold ourselves because its owner tells us of changes instead of answering questions.

Adapters of such vendors differ in how they hear; how they answer is the same, and here.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from clients.errors import Outcomes, SourceError, SourceTimeout, SourceUnavailable
from clients.http import Upstream, call_terms
from clients.scope import InContext
from clients.stock.ledger import Held, read_levels
from clients.stock.promises import Terms, Warehouse, observed, promise, promise_places, promise_product
from clients.stock.protocol import Availability, ProductAvailability, StockAtLocations, StockQuery
from clients.values import Dataset, Freshness, ProductSkus

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class HeldSettings(BaseModel):
    """Where it is kept, and how stock becomes a promise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Field(description="Where stock is kept on this machine's disk; all workers share it.")
    warehouses: dict[str, Warehouse] = Field(
        default_factory=dict,
        description="The vendor's warehouses by its own id; others sell nothing. Empty: all sell online.",
    )
    low_up_to: int = Field(default=3, ge=0, le=1000, description="So many pieces or fewer are LOW_STOCK.")
    cap: int = Field(default=10, ge=1, le=100_000, description="Shoppers are told of no more than so many.")
    silent_after_s: float = Field(
        default=3600.0, gt=0, description="Having heard nothing for so long, stock is called stale."
    )

    def terms(self) -> Terms:
        """What promises are made by."""
        return Terms(self.warehouses, self.low_up_to, self.cap)


@dataclass(frozen=True, slots=True)
class HeldStock:
    """Fulfils `clients.stock.protocol.Stock` from the ledger of what was heard; no call leaves the machine."""

    upstream: Upstream
    settings: HeldSettings
    now: Callable[[], float]

    async def ping(self) -> None:
        """Whether anything was ever heard, and lately enough; raises SourceUnavailable."""
        if not await self.check_silence():
            raise SourceUnavailable(self.upstream.source, "nothing was heard yet")

    async def check_silence(self) -> bool:
        """Whether anything was ever heard; raises SourceUnavailable when that is too long ago."""
        heard_at = (await self._load([])).heard_at
        if heard_at and self.now() - heard_at > self.settings.silent_after_s:
            raise SourceUnavailable(self.upstream.source, f"nothing heard for {self.now() - heard_at:.0f} s")
        return heard_at > 0

    async def fetch_availability(self, keys: Sequence[str], scope: InContext) -> Outcomes[str, Availability]:
        return await self._answer(keys, keys, lambda held: self._promise_all(keys, held, scope))

    async def fetch_product_availability(
        self, keys: Sequence[ProductSkus], scope: InContext
    ) -> Outcomes[ProductSkus, ProductAvailability]:
        skus = [sku for key in keys for sku in key.skus]

        def answer(held: Held) -> Outcomes[ProductSkus, ProductAvailability]:
            known = self._promise_all(skus, held, scope)
            told = {
                key: promise_product(
                    key, known, self._freshness(held, [s for s in key.skus if s in known], Dataset.PRODUCT_AVAILABILITY)
                )
                for key in keys
            }
            return {key: product for key, product in told.items() if product is not None}

        return await self._answer(keys, skus, answer)

    async def fetch_stock_at_locations(
        self, keys: Sequence[StockQuery], scope: InContext
    ) -> Outcomes[StockQuery, StockAtLocations]:
        """A variant that nobody knows lies nowhere: its page is empty."""
        terms = self.settings.terms()

        def answer(held: Held) -> Outcomes[StockQuery, StockAtLocations]:
            return {
                key: promise_places(
                    key,
                    held.levels.get(key.sku, []),
                    terms,
                    scope,
                    self._freshness(held, [key.sku], Dataset.STOCK_AT_LOCATIONS),
                )
                for key in keys
            }

        return await self._answer(keys, [key.sku for key in keys], answer)

    def _promise_all(self, skus: Sequence[str], held: Held, scope: InContext) -> dict[str, Availability]:
        terms = self.settings.terms()
        return {
            sku: promise(sku, held.levels[sku], terms, scope, self._freshness(held, [sku], Dataset.AVAILABILITY))
            for sku in dict.fromkeys(skus)
            if sku in held.levels
        }

    def _freshness(self, held: Held, skus: Sequence[str], dataset: Dataset) -> Freshness:
        """As of what was said last; received now while the sender is heard, else when it was heard last."""
        is_heard = self.now() - held.heard_at <= self.settings.silent_after_s
        return Freshness(
            source=self.upstream.source,
            dataset=dataset,
            observed_at=observed([level for sku in skus for level in held.levels.get(sku, [])], held.confirmed_at),
            received_at=self.now() if is_heard else held.heard_at,
        )

    async def _answer(
        self, keys: Sequence[K], skus: Sequence[str], answer: Callable[[Held], Outcomes[K, V]]
    ) -> Outcomes[K, V]:
        if not keys:
            return {}
        try:
            return answer(await self._read(skus))
        except SourceError as error:
            return dict.fromkeys(keys, error)

    async def _read(self, skus: Sequence[str]) -> Held:
        """What is known of the skus; raises a SourceError, also when nothing was ever heard."""
        held = await self._load(skus)
        if not held.heard_at:
            raise SourceUnavailable(self.upstream.source, "nothing was heard yet")
        return held

    async def _load(self, skus: Sequence[str]) -> Held:
        """On a thread, within the caller's deadline; raises a SourceError."""
        deadline = call_terms.get().deadline
        source = self.upstream.source
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.to_thread(read_levels, self.settings.folder, list(dict.fromkeys(skus)))
        except TimeoutError:
            raise SourceTimeout(source, "the ledger was not read in time") from None
        except (sqlite3.Error, OSError) as error:
            raise SourceUnavailable(source, f"the ledger cannot be read: {error}") from None
