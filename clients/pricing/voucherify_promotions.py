"""Voucherify's promotion tiers as promotions to show.

A tier says how much comes off. All else that a shop shows with a promotion stands in the tier's
metadata, under names that `docs/vendors/voucherify.md` lists.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from clients.pricing.protocol import (
    GiftMechanic,
    GiftSelection,
    MultiBuyMechanic,
    OtherMechanic,
    PriceComponentKind,
    PriceOffMechanic,
    Promotion,
    PromotionMechanic,
)
from clients.pricing.voucherify_wire import Discount, Redeemable, Target, Tier
from clients.values import Badge, Image, Money, SalesChannel
from clients.vendors.voucherify import said_in

ToMoney = Callable[[Decimal], Money]

_MECHANIC: Final[msgspec.json.Decoder[PromotionMechanic]] = msgspec.json.Decoder(PromotionMechanic)
_KINDS: Final = {kind.value: kind for kind in PriceComponentKind}
_CHANNELS: Final = {channel.value: channel for channel in SalesChannel}
OF_ONE_UNIT: Final = frozenset({None, "APPLY_TO_ITEMS", "APPLY_TO_ITEMS_BY_QUANTITY"})
DEFAULT_BADGE: Final = "promotion"


def promotion_of(tier: Tier | Redeemable, language: str, money: ToMoney) -> Promotion:
    """What to show of a tier, as it is set up or as it qualified for an order."""
    discount = (tier.action.discount if tier.action else None) if isinstance(tier, Tier) else tier.discount
    targets = () if isinstance(tier, Tier) else tier.targets
    starts_at, ends_at = _period(tier) if isinstance(tier, Tier) else (None, None)
    known = tier.metadata
    return Promotion(
        id=tier.id,
        title=title_of(tier, language),
        channels=channels_of(known),
        requires_promo_code=False,
        mechanic=_mechanic(known, language, discount, targets, money),
        handle=said_in(known, "handle", language),
        badge=_badge(known, language),
        description=said_in(known, "description", language),
        terms_url=said_in(known, "terms_url", language),
        image=_image(known, language),
        starts_at=starts_at,
        ends_at=ends_at,
    )


def title_of(tier: Tier | Redeemable, language: str) -> str:
    """In the shopper's language if the retailer keeps it, else the banner, else the tier's name."""
    return said_in(tier.metadata, "title", language) or tier.banner or tier.name or tier.id


def component_of(tier: Redeemable) -> PriceComponentKind:
    """Which kind of step its reduction is; a word that is not one of ours is an ordinary promotion."""
    return _KINDS.get(said_in(tier.metadata, "component", "") or "", PriceComponentKind.PROMOTION)


def is_shown(tier: Tier | Redeemable) -> bool:
    """Whether shoppers see it: discounts of a customer's tier or contract are not for the list of promotions."""
    return str((tier.metadata or {}).get("hidden", "")).lower() != "true"


def channels_of(metadata: Mapping[str, Any] | None) -> tuple[SalesChannel, ...]:
    """Names separated by commas; names that are new say nothing to us."""
    names = (said_in(metadata, "channels", "") or "").split(",")
    return tuple(_CHANNELS[name.strip()] for name in names if name.strip() in _CHANNELS)


def _period(tier: Tier) -> tuple[Any, Any]:
    campaign = tier.campaign
    return (
        tier.start_date or (campaign.start_date if campaign else None),
        tier.expiration_date or (campaign.expiration_date if campaign else None),
    )


def _badge(known: Mapping[str, Any] | None, language: str) -> Badge | None:
    title = said_in(known, "badge", language)
    if title is None:
        return None
    code = said_in(known, "handle", language) or DEFAULT_BADGE
    return Badge(code=code, title=title, color=said_in(known, "badge_color", language))


def _image(known: Mapping[str, Any] | None, language: str) -> Image | None:
    url = said_in(known, "image_url", language)
    return None if url is None else Image(url=url)


def _mechanic(
    known: Mapping[str, Any] | None,
    language: str,
    discount: Discount | None,
    targets: Sequence[Target],
    money: ToMoney,
) -> PromotionMechanic:
    """As the metadata spell it out in our own contract's words, else as far as the discount tells it."""
    spelt = said_in(known, "mechanic", language)
    if spelt is not None:
        try:
            return _MECHANIC.decode(spelt)
        except (msgspec.DecodeError, RecursionError):
            pass
    return _told_by(discount, targets, money) if discount is not None else OtherMechanic(code="UNKNOWN")


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
