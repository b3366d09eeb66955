"""Prices and promotions by Voucherify: base prices of its SKUs, less what its promotion tiers take off.

How a price is asked for is told in `clients/pricing/voucherify_quotes.py`.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from clients.contract import in_batches
from clients.errors import Outcomes, SourceError
from clients.http import Upstream
from clients.pricing.annotated import component_of
from clients.pricing.explained import Step, explained_price
from clients.pricing.lines import Lines, PricedLine, ask_lines, keys_of, prices_of, product_prices
from clients.pricing.protocol import CURRENT, CurrentPromotions, Price, PriceKey, ProductPrice, Promotion
from clients.pricing.voucherify_promotions import is_shown, promotion_of, title_of
from clients.pricing.voucherify_quotes import ITEMS_LIMIT, Quote, Quoting
from clients.pricing.voucherify_wire import TIERS, Tier
from clients.scope import ForCustomer
from clients.values import Dataset, ProductSkus
from clients.vendors.voucherify import Voucherify, VoucherifyAccount

TIERS_PAGE: Final = 100
TIERS_PAGES: Final = 10


class VoucherifyPricingSettings(VoucherifyAccount):
    """Options of Voucherify where it prices."""

    items_are: Literal["sku", "product"] = Field(
        default="sku", description="What our stock-keeping units are there: source ids of SKUs, or of products."
    )
    base_title: str = Field(
        default="Цена по прейскуранту", min_length=1, description="Title of the list price in an explanation."
    )
    base_title_en: str = Field(default="List price", min_length=1, description="The same for those who read English.")


@dataclass(frozen=True, slots=True)
class VoucherifyPricing:
    """Fulfils `clients.pricing.protocol.Pricing`."""

    upstream: Upstream
    settings: VoucherifyPricingSettings
    now: Callable[[], float]

    async def ping(self) -> None:
        """Read one promotion tier; raises a SourceError."""
        await self._project.ask("GET", "/v1/promotions/tiers?limit=1", TIERS, operation="pricing.promotions")

    async def fetch_prices(self, keys: Sequence[PriceKey], scope: ForCustomer) -> Outcomes[PriceKey, Price]:
        return prices_of(await self._lines(keys, scope, Dataset.PRICE))

    async def fetch_product_prices(
        self, keys: Sequence[ProductSkus], scope: ForCustomer
    ) -> Outcomes[ProductSkus, ProductPrice]:
        return product_prices(keys, await self._lines(keys_of(keys), scope, Dataset.PRODUCT_PRICE))

    async def fetch_promotions(self, keys: Sequence[str], scope: ForCustomer) -> Outcomes[str, Promotion]:
        async def fetch(some: Sequence[str]) -> dict[str, Promotion | SourceError]:
            known = {tier.id: tier for tier in await self._tiers() if is_shown(tier)}
            return {key: self._promotion(known[key], scope) for key in some if key in known}

        return await in_batches(keys, max(1, len(keys)), fetch)

    async def fetch_current_promotions(
        self, keys: Sequence[str], scope: ForCustomer
    ) -> Outcomes[str, CurrentPromotions]:
        async def fetch(_: Sequence[str]) -> dict[str, CurrentPromotions | SourceError]:
            tiers = sorted(await self._tiers(), key=lambda tier: (tier.hierarchy is None, tier.hierarchy or 0))
            shown = [self._promotion(tier, scope) for tier in tiers if is_shown(tier)]
            here = tuple(one for one in shown if not one.channels or scope.channel in one.channels)
            return {CURRENT: CurrentPromotions(promotions=here)}

        return await in_batches(keys, 1, fetch)

    @property
    def _project(self) -> Voucherify:
        return Voucherify(self.upstream, self.settings, self.now)

    async def _tiers(self) -> list[Tier]:
        """All tiers that can be had now; raises a SourceError when they are more than a shop means."""
        tiers: list[Tier] = []
        for page in range(1, TIERS_PAGES + 1):
            path = f"/v1/promotions/tiers?is_available=true&limit={TIERS_PAGE}&page={page}"
            answer = (await self._project.ask("GET", path, TIERS, operation="pricing.promotions")).value
            tiers += answer.tiers
            if not answer.has_more:
                return tiers
        raise self._project.broken(f"expected at most {TIERS_PAGE * TIERS_PAGES} promotion tiers")

    def _promotion(self, tier: Tier, scope: ForCustomer) -> Promotion:
        try:
            return promotion_of(tier, scope.language, self._project.money)
        except ValueError as error:
            raise self._project.broken(f"promotion tier: {error}") from None

    async def _lines(self, keys: Sequence[PriceKey], scope: ForCustomer, dataset: Dataset) -> Lines:
        async def ask(skus: Sequence[str], quantity: int) -> Mapping[str, PricedLine | SourceError]:
            quoting = Quoting(self._project, self.settings.items_are, quantity, scope)
            quotes, observed_at = await quoting.quote(skus)
            return self._priced(quotes, quantity, scope, dataset, observed_at)

        return await ask_lines(keys, lambda _: ITEMS_LIMIT, ask)

    def _priced(
        self,
        quotes: Mapping[str, Quote | SourceError],
        quantity: int,
        scope: ForCustomer,
        dataset: Dataset,
        observed_at: dt.datetime,
    ) -> dict[str, PricedLine | SourceError]:
        """Promotions are made once for the whole answer and shared by its variants."""
        freshness = self._project.received(observed_at, dataset)
        shared: dict[str, Promotion] = {}
        title = self.settings.base_title_en if scope.language[:2].lower() == "en" else self.settings.base_title

        def priced(quote: Quote) -> PricedLine:
            concerning = [one for one in quote.concerning if is_shown(one)]
            for one in concerning:
                if one.id not in shared:
                    shared[one.id] = promotion_of(one, scope.language, self._project.money)
            steps = [
                Step(off, title_of(one, scope.language), component_of(one.metadata), one.id)
                for one, off in quote.reductions
            ]
            price = explained_price(quote.base, steps, quantity, self._project.money, title, freshness)
            if price.is_personal and scope.customer_id is None:
                raise ValueError("a personal price for an anonymous visitor")
            return PricedLine(price, tuple(shared[one.id] for one in concerning))

        lines: dict[str, PricedLine | SourceError] = {}
        for sku, quote in quotes.items():
            try:
                lines[sku] = quote if isinstance(quote, SourceError) else priced(quote)
            except (ValueError, ArithmeticError) as error:
                lines[sku] = self._project.broken(f"a price: {error}")
        return lines
