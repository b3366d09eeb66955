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
from clients.pricing.explanation import Step, said_by
from clients.pricing.lines import Bill, Billing, Lines, PricedLine, ask_lines, keys_of, prices_of, product_prices
from clients.pricing.presentation import component_of
from clients.pricing.protocol import CURRENT, CurrentPromotions, Price, PriceKey, ProductPrice, Promotion
from clients.pricing.voucherify_promotions import is_shown, promotion_of, title_of
from clients.pricing.voucherify_quotes import ITEMS_LIMIT, Quote, Quoting
from clients.pricing.voucherify_wire import TIERS, Redeemable, Tier
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

    def _promotion(self, tier: Tier | Redeemable, scope: ForCustomer) -> Promotion:
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
        """Promotions and titles are made once for the whole answer and shared by its variants."""
        found = [quote for quote in quotes.values() if isinstance(quote, Quote)]
        promotions = {one.id: one for quote in found for one in quote.concerning}
        titles = {
            one.id: (title_of(one, scope.language), component_of(one.metadata))
            for one in {one.id: one for quote in found for one, _ in quote.reductions}.values()
        }

        def bill_of(quote: Quote) -> Bill:
            steps = tuple(Step(off, *titles[one.id], one.id) for one, off in quote.reductions)
            return Bill(quote.base, steps, tuple(one.id for one in quote.concerning))

        billing = Billing(
            source=self.upstream.source,
            quantity=quantity,
            base_title=said_by(scope.language, self.settings.base_title, self.settings.base_title_en),
            money=self._project.money,
            freshness=self._project.received(observed_at, dataset),
            is_anonymous=scope.customer_id is None,
        )
        return billing.price_all(
            {sku: bill_of(quote) if isinstance(quote, Quote) else quote for sku, quote in quotes.items()},
            {key: self._promotion(one, scope) for key, one in promotions.items() if is_shown(one)},
        )
