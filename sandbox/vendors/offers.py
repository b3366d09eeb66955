"""Promotions as an engine applies them, whoever's engine it is: which lines each covers, and what it takes off.

Where the shop's promotions change no price of goods (points, a closed sale), there is no offer. What
a customer's tier or contract takes off is an offer too, and not one to show.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from sandbox.upstreams.contract import Json
from sandbox.upstreams.pricing import Pricing
from sandbox.world import people, prices, promotions
from sandbox.world.goods import Product
from sandbox.world.people import TIERS, Person
from sandbox.world.prices import Terms
from sandbox.world.promotions import Promotion
from sandbox.world.shop import Shop
from sandbox.world.text import Text

HOME = Terms(zone="west", currency="RUB", channel="WEB")
OFFERED = ("PRICE_OFF", "MULTI_BUY", "BUNDLE", "GIFT", "DELIVERY")


class Line(NamedTuple):
    """A line of an order; `product` is None for what is not in the price list, `price` is in kopecks."""

    source_id: str
    quantity: int
    product: Product | None = None
    position: int = 0
    price: int = 0

    @property
    def amount(self) -> int:
        return self.price * self.quantity


class Buyer(NamedTuple):
    """Who buys, and through which channel."""

    person: Person | None
    channel: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """`covers` says which lines it is for, `off` what it takes off what is left of one, both in kopecks."""

    id: str
    title: Text
    mechanic: Json
    metadata: Json
    hierarchy: int
    months: int
    covers: Callable[[Line, Buyer], bool]
    off: Callable[[Line, int], int]


class Applied(NamedTuple):
    """An offer applied to an order: what it takes off each line, and the lines it is for."""

    offer: Offer
    offs: tuple[int, ...]
    covered: tuple[int, ...]


def line_of(shop: Shop, sku: str, quantity: int, price: int = 0) -> Line:
    """A variant at its list price, or at the price that was sent with it."""
    at = shop.goods.by_sku(sku)
    if at is None:
        return Line(sku, quantity, price=price)
    product, position = at
    return Line(sku, quantity, product, position, price or prices.listed(product.roubles(position), HOME))


def apply_offer(offer: Offer, lines: Sequence[Line], left: Sequence[int], buyer: Buyer) -> Applied:
    covered = tuple(index for index, line in enumerate(lines) if offer.covers(line, buyer))
    offs = [0] * len(lines)
    for index in covered:
        offs[index] = offer.off(lines[index], left[index]) if left[index] else 0
    return Applied(offer, tuple(offs), covered)


def offers_of(shop: Shop) -> tuple[Offer, ...]:
    """All of them, the one that is applied first first."""
    pricing = Pricing(shop)
    shown = [one for one in promotions.PROMOTIONS if one.mechanic["kind"] in OFFERED and not one.requires_promo_code]
    public = (_offer(one, number, pricing) for number, one in enumerate(shown, 1))
    return (*public, *_personal())


def _offer(promotion: Promotion, number: int, pricing: Pricing) -> Offer:
    def covers(line: Line, buyer: Buyer) -> bool:
        works = not promotion.channels or buyer.channel in promotion.channels
        return works and line.product is not None and promotions.takes_part(promotion, line.product)

    return Offer(
        id=promotion.id,
        title=promotion.title,
        mechanic=promotion.mechanic,
        metadata=_metadata(promotion, pricing),
        hierarchy=number,
        months=promotion.months,
        covers=covers,
        off=_off(promotion.mechanic),
    )


def _off(mechanic: Json) -> Callable[[Line, int], int]:
    """What needs a basket takes nothing off a line by itself."""
    kind, percent, amount = mechanic["kind"], int(mechanic.get("percent") or 0), int(mechanic.get("amount") or 0)
    if kind == "PRICE_OFF" and amount:
        return lambda line, left: min(left, amount * 100 * line.quantity)
    if kind == "PRICE_OFF":
        return lambda _, left: prices.percent_of(left, percent)
    if kind == "MULTI_BUY" and percent:
        each = int(mechanic["buyQuantity"])
        return lambda line, left: prices.percent_of(left // line.quantity * (line.quantity // each), percent)
    return lambda _, __: 0


def _metadata(promotion: Promotion, pricing: Pricing) -> Json:
    told: Json = {
        "title": promotion.title.ru,
        "title_en": promotion.title.en,
        "handle": promotion.handle,
        "badge": promotion.badge.ru,
        "badge_en": promotion.badge.en,
        "badge_color": promotion.color,
        "description": promotion.about.ru,
        "description_en": promotion.about.en,
        "terms_url": f"https://shop.example/promotions/{promotion.handle}/terms",
        "channels": ",".join(promotion.channels),
    }
    for name, language in (("mechanic", "ru"), ("mechanic_en", "en")):
        told[name] = orjson.dumps(pricing.mechanic(promotion.mechanic, language, "RUB")).decode()
    return told


def _personal() -> Iterator[Offer]:
    for number, tier in enumerate(TIERS):
        if tier.price_percent:
            title = Text(f"Скидка уровня «{tier.title.ru}»", f"{tier.title.en} tier discount")
            yield _percent_for(
                f"promo-tier-{tier.code}", title, "LOYALTY_TIER", tier.price_percent, 100 + number, _of_tier(number)
            )
    for percent in sorted({one.contract_percent for one in people.KNOWN.values() if one.contract_percent}):
        title = Text("Ваша цена", "Your price")
        yield _percent_for(
            f"promo-contract-{percent}", title, "PERSONAL", percent, 200 + percent, _by_contract(percent)
        )


def _of_tier(number: int) -> Callable[[Line, Buyer], bool]:
    return lambda line, buyer: (
        line.product is not None and buyer.person is not None and buyer.person.standing is TIERS[number]
    )


def _by_contract(percent: int) -> Callable[[Line, Buyer], bool]:
    def covers(line: Line, buyer: Buyer) -> bool:
        has = buyer.person is not None and buyer.person.contract_percent == percent
        return has and line.product is not None and prices.has_contract(line.product)

    return covers


def _percent_for(
    key: str, title: Text, component: str, percent: int, hierarchy: int, covers: Callable[[Line, Buyer], bool]
) -> Offer:
    return Offer(
        id=key,
        title=title,
        mechanic={"kind": "PRICE_OFF", "percent": percent},
        metadata={"title": title.ru, "title_en": title.en, "component": component, "hidden": True},
        hierarchy=hierarchy,
        months=12,
        covers=covers,
        off=lambda _, left: prices.percent_of(left, percent),
    )
