"""Voucherify's promotion tiers as promotions to show: the discount, and what the tier's metadata say."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from clients.annotations import is_marked, said_in
from clients.pricing.presentation import annotated_promotion
from clients.pricing.protocol import (
    GiftMechanic,
    GiftSelection,
    MultiBuyMechanic,
    OtherMechanic,
    PriceOffMechanic,
    Promotion,
    PromotionMechanic,
)
from clients.pricing.voucherify_wire import Discount, Redeemable, Target, Tier
from clients.values import Instant, Money

ToMoney = Callable[[Decimal], Money]

OF_ONE_UNIT: Final = frozenset({None, "APPLY_TO_ITEMS", "APPLY_TO_ITEMS_BY_QUANTITY"})
UNKNOWN: Final = OtherMechanic(code="UNKNOWN")


def promotion_of(tier: Tier | Redeemable, language: str, money: ToMoney) -> Promotion:
    """What to show of a tier, as it is set up or as it qualified for an order."""
    period = _period(tier) if isinstance(tier, Tier) else (None, None)
    targets: Sequence[Target] = () if isinstance(tier, Tier) else tier.targets
    discount = (tier.action.discount if tier.action else None) if isinstance(tier, Tier) else tier.discount
    mechanic = UNKNOWN if discount is None else _told_by(discount, targets, money)
    return annotated_promotion(tier.id, tier.metadata, language, _name(tier), mechanic, period=period)


def title_of(tier: Tier | Redeemable, language: str) -> str:
    """In the shopper's language if the retailer keeps it, else the banner, else the tier's name."""
    return said_in(tier.metadata, "title", language) or _name(tier)


def is_shown(tier: Tier | Redeemable) -> bool:
    """Whether shoppers see it: discounts of a customer's tier or contract are not for the list of promotions."""
    return not is_marked(tier.metadata, "hidden")


def _name(tier: Tier | Redeemable) -> str:
    return tier.banner or tier.name or tier.id


def _period(tier: Tier) -> tuple[Instant | None, Instant | None]:
    campaign = tier.campaign
    return (
        tier.start_date or (campaign.start_date if campaign else None),
        tier.expiration_date or (campaign.expiration_date if campaign else None),
    )


def _told_by(discount: Discount, targets: Sequence[Target], money: ToMoney) -> PromotionMechanic:
    each = max((target.repeat or 1 for target in targets), default=1)
    if discount.type == "PERCENT" and discount.percent_off is not None:
        if each > 1:
            return MultiBuyMechanic(buy_quantity=each, discounted_quantity=1, percent=discount.percent_off)
        return PriceOffMechanic(percent=discount.percent_off)
    if discount.type == "AMOUNT" and discount.amount_off is not None and discount.effect in OF_ONE_UNIT and each == 1:
        return PriceOffMechanic(amount=money(discount.amount_off))
    gifts = _gifts(discount) if discount.type == "UNIT" else ()
    if gifts:
        return GiftMechanic(selection=GiftSelection.AUTOMATIC, max_gifts=len(gifts), gift_skus=gifts)
    return OtherMechanic(code=" ".join(filter(None, (discount.type, discount.effect))) or "UNKNOWN")


def _gifts(discount: Discount) -> tuple[str, ...]:
    given = [(unit.sku, unit.product) for unit in discount.units or ()] or [(discount.sku, discount.product)]
    keys = ((sku and sku.source_id) or (product and product.source_id) for sku, product in given)
    return tuple(dict.fromkeys(key for key in keys if key))
