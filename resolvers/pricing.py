"""Prices, and why they are what they are."""

import datetime as dt
from collections.abc import Sequence

from clients.pricing import protocol as pricing
from clients.pricing.protocol import PriceComponentKind
from resolvers.context import Info
from resolvers.fields import Outcomes, batch, describe_enum, describes, plain
from resolvers.freshness import Freshness, Sourced
from resolvers.hydration import load_mentioned
from resolvers.money import Money
from resolvers.promotion import Promotion

describe_enum(
    PriceComponentKind,
    "Kind of step in a price.",
    {
        "BASE": "List price; always first.",
        "PROMOTION": "Reduction that needs nothing from the cart.",
        "CART_PROMOTION": "Reduction that depends on the rest of the cart (multi-buy, set).",
        "PROMO_CODE": "Reduction by a promo code.",
        "LOYALTY_TIER": "Reduction by loyalty tier.",
        "PERSONAL": "Personal or contract price.",
        "GIFT": "Gift: reduces to zero or to a token price.",
        "POINTS": "Payment in points.",
        "GIFT_CARD": "Payment by gift card.",
        "PAYMENT_METHOD": "Payment-method discount.",
        "DELIVERY": "Delivery.",
        "DELIVERY_PROMOTION": "Reduction of delivery.",
        "SURCHARGE": "Extra service or surcharge.",
        "TAX": "Tax shown apart from the price.",
        "ROUNDING": "Rounding.",
    },
)


@describes(pricing.MeasurePrice)
class MeasurePrice:
    """Price of a measure unit."""

    price: Money = plain("Price.")
    measure: str = plain("Measure, e.g. `100 мл`.")


@describes(pricing.PriceComponent)
class PriceComponent:
    """One step of a price's making."""

    kind: PriceComponentKind = plain("Kind of step.")
    title: str = plain("Text for the shopper, e.g. `Скидка по акции «3 по цене 2»`.")
    amount: Money = plain("Signed amount it adds.")
    running_total: Money = plain("Amount after this step.")

    @batch(Promotion | None)
    @staticmethod
    def promotion(components: Sequence[pricing.PriceComponent], info: Info, /) -> Outcomes[pricing.Promotion]:
        """Promotion responsible, if one is."""
        named = [component.promotion_id for component in components]
        return load_mentioned(info.context.loaders.promotions.load_many, named)

    promo_code: str | None = plain("Promo code responsible, if one is.")


@describes(pricing.Price)
class Price(Sourced):
    """Price of one unit. `explanation` answers "why this price": it starts with the list price, each further
    component is signed, and the amounts sum exactly to `current`.
    """

    current: Money = plain("What one unit costs now in this context, before effects of the rest of the cart.")
    regular: Money | None = plain("Crossed-out price; null when there is no reduction.")
    lowest_recent: Money | None = plain("Lowest price of the last 30 days, where the law wants it shown.")
    discount_percent: int | None = plain("Whole percent off the regular price; null when there is no reduction.")
    per_measure: MeasurePrice | None = plain("Price of a measure unit (100 ml, 1 kg), where it is shown.")
    explanation: list[PriceComponent] = plain("What made the price, in order of application; sums to `current`.")
    valid_until: dt.datetime | None = plain("When this price is known to change.")
    is_personal: bool = plain("Whether it is personal and must not be cached publicly.")
    freshness: Freshness = plain("When the pricing system said so.")


@describes(pricing.ProductPrice)
class PriceRange(Sourced):
    """Lowest and highest price over the variants."""

    lowest: Price = plain("Price of the cheapest variant.")
    highest: Price = plain("Price of the dearest variant.")
    is_single: bool = plain("Whether all variants cost the same.")
    freshness: Freshness = plain("Oldest observation among the prices compared.")
