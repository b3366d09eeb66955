"""Prices and promotions by Talon.One: catalog prices, less what the campaigns that price items take off.

How a price is asked for is told in `clients/pricing/talon_one_sessions.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from clients.annotations import is_marked, said_in
from clients.contract import in_batches
from clients.errors import Outcomes, SourceError
from clients.http import UNDECODABLE, Upstream
from clients.pricing.explanation import Step, said_by
from clients.pricing.lines import Bill, Billing, Lines, PricedLine, ask_lines, keys_of, prices_of, product_prices
from clients.pricing.presentation import annotated_promotion, channels_of, component_of
from clients.pricing.protocol import (
    CURRENT,
    CurrentPromotions,
    OtherMechanic,
    Price,
    PriceKey,
    ProductPrice,
    Promotion,
)
from clients.pricing.talon_one_sessions import ITEMS_LIMIT, UNITS_LIMIT, Quote, TalonOne, TalonOneSettings, quotes_of
from clients.pricing.talon_one_wire import Campaign, Evaluated
from clients.renewed import Lease, Renewed
from clients.scope import ForCustomer
from clients.values import Dataset, Freshness, Money, ProductSkus

NOTHING: Final = Decimal(0)

RULES: Final = OtherMechanic(code="RULES")
"""What a campaign does is in its rules, which the Integration API does not tell."""

GONE_AFTER: Final = 5
"""Campaigns that cannot be read anew are of use for so many times as long as they are kept."""


class TalonOnePricing:
    """Fulfils `clients.pricing.protocol.Pricing`."""

    def __init__(self, upstream: Upstream, settings: TalonOneSettings, now: Callable[[], float]) -> None:
        self.upstream = upstream
        self._settings = settings
        self._now = now
        self._application = TalonOne(upstream, settings, now)
        self._campaigns = Renewed(self._lease, upstream.source, now)

    async def ping(self) -> None:
        """Read one campaign; raises a SourceError."""
        await self._application.read_campaigns(1, 0)

    async def fetch_prices(self, keys: Sequence[PriceKey], scope: ForCustomer) -> Outcomes[PriceKey, Price]:
        return prices_of(await self._lines(keys, scope, Dataset.PRICE))

    async def fetch_product_prices(
        self, keys: Sequence[ProductSkus], scope: ForCustomer
    ) -> Outcomes[ProductSkus, ProductPrice]:
        return product_prices(keys, await self._lines(keys_of(keys), scope, Dataset.PRODUCT_PRICE))

    async def fetch_promotions(self, keys: Sequence[str], scope: ForCustomer) -> Outcomes[str, Promotion]:
        async def fetch(some: Sequence[str]) -> dict[str, Promotion | SourceError]:
            known = {str(one.id): one for one in await self._campaigns.get() if is_shown(one)}
            return {key: promotion_of(known[key], scope.language) for key in some if key in known}

        return await in_batches(keys, max(1, len(keys)), fetch)

    async def fetch_current_promotions(
        self, keys: Sequence[str], scope: ForCustomer
    ) -> Outcomes[str, CurrentPromotions]:
        async def fetch(_: Sequence[str]) -> dict[str, CurrentPromotions | SourceError]:
            shown = [one for one in await self._campaigns.get() if is_shown(one) and works_in(one, scope)]
            return {CURRENT: CurrentPromotions(promotions=tuple(promotion_of(one, scope.language) for one in shown))}

        return await in_batches(keys, 1, fetch)

    async def _lease(self) -> Lease[tuple[Campaign, ...]]:
        campaigns, now, kept_s = await self._application.fetch_campaigns(), self._now(), self._settings.campaigns_kept_s
        return Lease(campaigns, now + kept_s, now + kept_s * GONE_AFTER)

    async def _lines(self, keys: Sequence[PriceKey], scope: ForCustomer, dataset: Dataset) -> Lines:
        async def ask(skus: Sequence[str], quantity: int) -> Mapping[str, PricedLine | SourceError]:
            return await self._price(skus, quantity, scope, dataset)

        return await ask_lines(keys, lambda quantity: max(1, min(ITEMS_LIMIT, UNITS_LIMIT // quantity)), ask)

    async def _price(
        self, skus: Sequence[str], quantity: int, scope: ForCustomer, dataset: Dataset
    ) -> dict[str, PricedLine | SourceError]:
        campaigns = [one for one in await self._campaigns.get() if self._settings.price_tag in one.tags]
        evaluated = await self._application.evaluate(skus, quantity, campaigns, scope)
        if evaluated is None:
            return {}
        try:
            quotes = quotes_of(evaluated, campaigns, quantity)
        except (ValueError, ArithmeticError, *UNDECODABLE) as error:
            raise self._application.broken(f"a session: {error}") from None
        billing = Billing(
            source=self.upstream.source,
            quantity=quantity,
            base_title=said_by(scope.language, self._settings.base_title, self._settings.base_title_en),
            money=self._money,
            freshness=self._received(evaluated, dataset),
            is_anonymous=scope.customer_id is None,
        )
        steps = {
            one.id: Step(NOTHING, title_of(one, scope.language), component_of(one.attributes)) for one in campaigns
        }
        return billing.price_all(
            {sku: bill_of(quote, steps) for sku, quote in quotes.items()},
            {str(one.id): promotion_of(one, scope.language) for one in campaigns if is_shown(one)},
        )

    def _received(self, evaluated: Evaluated, dataset: Dataset) -> Freshness:
        return Freshness(
            source=self.upstream.source,
            dataset=dataset,
            observed_at=evaluated.customer_session.updated,
            received_at=self._now(),
        )

    def _money(self, minor: Decimal) -> Money:
        return Money(amount=minor.scaleb(-2), currency_code=self._settings.currency)


def bill_of(quote: Quote, steps: Mapping[int, Step]) -> Bill:
    """The bill of a line, from major units to minor ones; `steps` have the titles and kinds by campaign."""
    taken = tuple(steps[one.id]._replace(off=off.scaleb(2), promotion_id=str(one.id)) for one, off in quote.reductions)
    return Bill(quote.base.scaleb(2), taken, tuple(str(one.id) for one, _ in quote.reductions))


def is_shown(campaign: Campaign) -> bool:
    """Whether shoppers see it: discounts of a customer's tier or contract are not for the list of promotions."""
    return not is_marked(campaign.attributes, "hidden")


def works_in(campaign: Campaign, scope: ForCustomer) -> bool:
    channels = channels_of(campaign.attributes)
    return not channels or scope.channel in channels


def title_of(campaign: Campaign, language: str) -> str:
    """In the shopper's language if the retailer keeps it, else what a rule shows, else the campaign's name."""
    return said_in(campaign.attributes, "title", language) or _rule_text(campaign, "display_name") or campaign.name


def promotion_of(campaign: Campaign, language: str) -> Promotion:
    """What to show of a campaign."""
    return annotated_promotion(
        str(campaign.id),
        campaign.attributes,
        language,
        title_of(campaign, language),
        RULES,
        description=_rule_text(campaign, "display_description"),
        requires_promo_code="coupons" in campaign.features,
        period=(campaign.start_time, campaign.end_time),
    )


def _rule_text(campaign: Campaign, name: str) -> str | None:
    texts = (getattr(rule, name) for rule in campaign.rules or ())
    return next((str(text) for text in texts if text), None)
