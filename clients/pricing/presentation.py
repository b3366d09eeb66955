"""Promotions of engines that know how much comes off, and not how a shop shows it.

The rest stands in the annotations of the engine's own object (Voucherify's metadata, Talon.One's
attributes), under the same names for every engine; the vendors' pages in `docs/vendors` list them.
"""

import datetime as dt
from typing import Final

import msgspec

from clients.annotations import Annotations, said_in
from clients.pricing.protocol import PriceComponentKind, Promotion, PromotionMechanic
from clients.values import Badge, Image, SalesChannel

DEFAULT_BADGE: Final = "promotion"
_MECHANIC: Final[msgspec.json.Decoder[PromotionMechanic]] = msgspec.json.Decoder(PromotionMechanic)
_KINDS: Final = {kind.value: kind for kind in PriceComponentKind}
_CHANNELS: Final = {channel.value: channel for channel in SalesChannel}


def annotated_promotion(
    key: str,
    known: Annotations | None,
    language: str,
    title: str,
    mechanic: PromotionMechanic,
    *,
    description: str | None = None,
    requires_promo_code: bool = False,
    period: tuple[dt.datetime | None, dt.datetime | None] = (None, None),
) -> Promotion:
    """A promotion as its annotations say; `mechanic`, `title` and `description` are for what they leave open."""
    badge, image_url = said_in(known, "badge", language), said_in(known, "image_url", language)
    handle = said_in(known, "handle")
    return Promotion(
        id=key,
        title=said_in(known, "title", language) or title,
        channels=channels_of(known),
        requires_promo_code=requires_promo_code,
        mechanic=_spelt_mechanic(known, language) or mechanic,
        handle=handle,
        badge=None if badge is None else _badge(handle, badge, said_in(known, "badge_color")),
        description=said_in(known, "description", language) or description,
        terms_url=said_in(known, "terms_url", language),
        image=None if image_url is None else Image(url=image_url),
        starts_at=period[0],
        ends_at=period[1],
    )


def component_of(known: Annotations | None) -> PriceComponentKind:
    """Which kind of step its reduction is; a word that is not one of ours is an ordinary promotion."""
    return _KINDS.get(said_in(known, "component") or "", PriceComponentKind.PROMOTION)


def channels_of(known: Annotations | None) -> tuple[SalesChannel, ...]:
    """Names separated by commas; names that are new say nothing to us."""
    names = (said_in(known, "channels") or "").split(",")
    return tuple(_CHANNELS[name.strip()] for name in names if name.strip() in _CHANNELS)


def _badge(handle: str | None, title: str, color: str | None) -> Badge:
    return Badge(code=handle or DEFAULT_BADGE, title=title, color=color)


def _spelt_mechanic(known: Annotations | None, language: str) -> PromotionMechanic | None:
    """Spelt out in the words of our own contract; what cannot be read is as good as nothing."""
    spelt = said_in(known, "mechanic", language)
    if spelt is None:
        return None
    try:
        return _MECHANIC.decode(spelt)
    except (msgspec.DecodeError, RecursionError):
        return None
