"""Voucherify's promotion engine over our shop: tiers, what each takes off a line, and stacking.

Where the shop's promotions have no counterpart in Voucherify (points, a closed sale), there is no
tier. Delivery is a product there, so promotions of delivery reduce no line of goods.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from sandbox.upstreams.contract import Json
from sandbox.upstreams.pricing import Pricing
from sandbox.world import people, prices, promotions
from sandbox.world.goods import Product
from sandbox.world.people import TIERS, Person
from sandbox.world.prices import Terms
from sandbox.world.promotions import Promotion
from sandbox.world.shop import Shop, month_end, month_start
from sandbox.world.text import Text

CAMPAIGN = "camp-shop"
HOME = Terms(zone="west", currency="RUB", channel="WEB")
LIKED = ("PRICE_OFF", "MULTI_BUY", "BUNDLE", "GIFT", "DELIVERY")


class Line(NamedTuple):
    """A line of an order; `product` is None for what the project does not know, `price` is in kopecks."""

    source_id: str
    related_object: str
    quantity: int
    product: Product | None = None
    position: int = 0
    price: int = 0

    @property
    def amount(self) -> int:
        return self.price * self.quantity


class Buyer(NamedTuple):
    """Who buys, and through which channel, as the order's metadata say."""

    person: Person | None
    channel: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A promotion tier. `covers` says which lines it is for, `off` what it takes off what is left of one."""

    id: str
    name: str
    discount: Json
    metadata: Json
    hierarchy: int
    months: int
    covers: Callable[[Line, Buyer], bool]
    off: Callable[[Line, int], int]
    targets: Json = field(default_factory=dict)
    bundle: Json | None = None
    is_for_items: bool = True


def read_line(shop: Shop, item: Json) -> Line:
    """A line as it was sent; a price that was sent goes before the project's own."""
    source_id, kind = str(item.get("source_id", "")), str(item.get("related_object", "product"))
    quantity = int(item.get("quantity") or 1)
    at = shop.goods.by_sku(source_id) if kind == "sku" else None
    whole = shop.goods.by_id(source_id) if kind == "product" else None
    product, position = at or (whole, 0)
    if product is None:
        return Line(source_id, kind, quantity, price=int(item.get("price") or 0))
    listed = prices.listed(product.roubles(position), HOME)
    return Line(source_id, kind, quantity, product, position, int(item.get("price") or listed))


def offers_of(shop: Shop) -> tuple[Offer, ...]:
    """All tiers, the one that is applied first first."""
    pricing = Pricing(shop)
    shown = [one for one in promotions.PROMOTIONS if one.mechanic["kind"] in LIKED and not one.requires_promo_code]
    public = [_offer(one, number, pricing) for number, one in enumerate(shown, 1)]
    tiers = [_tier_offer(number) for number, tier in enumerate(TIERS) if tier.price_percent]
    percents = sorted({one.contract_percent for one in people.KNOWN.values() if one.contract_percent})
    return (*public, *tiers, *map(_contract_offer, percents))


def _offer(promotion: Promotion, number: int, pricing: Pricing) -> Offer:
    def covers(line: Line, buyer: Buyer) -> bool:
        works = not promotion.channels or buyer.channel in promotion.channels
        return works and line.product is not None and promotions.takes_part(promotion, line.product)

    mechanic = promotion.mechanic
    discount, targets, off = _discount(mechanic)
    has_bundle = mechanic["kind"] == "BUNDLE" or "setPrice" in mechanic
    return Offer(
        id=promotion.id,
        name=promotion.title.ru,
        discount=discount,
        metadata=_metadata(promotion, pricing),
        hierarchy=number,
        months=promotion.months,
        covers=covers,
        off=off,
        targets=targets,
        bundle={"quantity": 0, "identified": [], "missing": []} if has_bundle else None,
        is_for_items=mechanic["kind"] in ("PRICE_OFF", "MULTI_BUY", "BUNDLE"),
    )


Off = Callable[[Line, int], int]


def _discount(mechanic: Json) -> tuple[Json, Json, Off]:
    """The discount, what it is for, and what it takes off a line of which so much is left."""
    kind, percent, amount = mechanic["kind"], int(mechanic.get("percent") or 0), int(mechanic.get("amount") or 0)
    whole = mechanic.get("setPrice") or mechanic.get("fixedCost")
    if kind == "GIFT":
        return {"type": "UNIT", "unit_off": 1, "effect": "ADD_NEW_ITEMS", "is_dynamic": False}, {}, _nothing_off
    if whole is not None:
        fixed = {"type": "FIXED", "fixed_amount": int(whole) * 100, "effect": "APPLY_TO_ITEMS", "is_dynamic": False}
        return fixed, {}, _nothing_off
    if amount:
        by_unit = {"type": "AMOUNT", "amount_off": amount * 100, "effect": "APPLY_TO_ITEMS_BY_QUANTITY"}
        return by_unit | {"is_dynamic": False}, {}, lambda line, left: min(left, amount * 100 * line.quantity)
    if kind == "MULTI_BUY":
        each = int(mechanic["buyQuantity"])
        targets = {"target": "UNIT", "repeat": each, "skip_initially": each - 1}
        return _percent(percent), targets, _each_unit(each, percent)
    if kind == "PRICE_OFF":
        return _percent(percent), {}, lambda _, left: prices.percent_of(left, percent)
    return _percent(percent), {}, _nothing_off


def _each_unit(each: int, percent: int) -> Off:
    return lambda line, left: prices.percent_of(left // line.quantity * (line.quantity // each), percent)


def _nothing_off(_: Line, __: int) -> int:
    return 0


def _percent(percent: Any) -> Json:
    return {"type": "PERCENT", "percent_off": percent, "effect": "APPLY_TO_ITEMS", "is_dynamic": False}


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
    if promotion.mechanic["kind"] != "PRICE_OFF":
        for name, language in (("mechanic", "ru"), ("mechanic_en", "en")):
            told[name] = orjson.dumps(pricing.mechanic(promotion.mechanic, language, "RUB")).decode()
    return told


def _tier_offer(number: int) -> Offer:
    tier = TIERS[number]
    title = Text(f"Скидка уровня «{tier.title.ru}»", f"{tier.title.en} tier discount")
    return _personal_offer(
        f"promo-tier-{tier.code}",
        title,
        "LOYALTY_TIER",
        tier.price_percent,
        100 + number,
        lambda _, buyer: buyer.person is not None and buyer.person.standing is tier,
    )


def _contract_offer(percent: int) -> Offer:
    def covers(line: Line, buyer: Buyer) -> bool:
        has = buyer.person is not None and buyer.person.contract_percent == percent
        return has and line.product is not None and prices.has_contract(line.product)

    return _personal_offer(
        f"promo-contract-{percent}", Text("Ваша цена", "Your price"), "PERSONAL", percent, 200 + percent, covers
    )


def _personal_offer(
    key: str, title: Text, component: str, percent: int, hierarchy: int, covers: Callable[[Line, Buyer], bool]
) -> Offer:
    return Offer(
        id=key,
        name=title.ru,
        discount=_percent(percent),
        metadata={"title": title.ru, "title_en": title.en, "component": component, "hidden": True},
        hierarchy=hierarchy,
        months=12,
        covers=covers,
        off=lambda _, left: prices.percent_of(left, percent),
    )


class Applied(NamedTuple):
    """An offer applied to an order: what it takes off each line."""

    offer: Offer
    offs: tuple[int, ...]
    covered: tuple[int, ...]


def apply_offer(offer: Offer, lines: Sequence[Line], left: Sequence[int], buyer: Buyer) -> Applied:
    covered = tuple(index for index, line in enumerate(lines) if offer.covers(line, buyer))
    offs = [0] * len(lines)
    for index in covered:
        offs[index] = offer.off(lines[index], left[index]) if left[index] else 0
    return Applied(offer, tuple(offs), covered)


def order_told(lines: Sequence[Line], off_before: Sequence[int], applied: Iterable[int] | None) -> Json:
    """The calculated order: discounts up to now, and of them what was applied in this step."""
    steps = list(applied) if applied is not None else [0] * len(lines)
    total_off = sum(off_before) + sum(steps)
    amount = sum(line.amount for line in lines)
    items = [_item(*each) for each in zip(lines, off_before, steps, strict=True)]
    return {
        "amount": amount,
        "items_discount_amount": total_off,
        "total_discount_amount": total_off,
        "total_amount": amount - total_off,
        "items_applied_discount_amount": sum(steps),
        "total_applied_discount_amount": sum(steps),
        "items": items,
        "customer_id": None,
        "referrer_id": None,
        "object": "order",
    }


def _item(line: Line, before: int, step: int) -> Json:
    told: Json = {
        "object": "order_item",
        "source_id": line.source_id,
        "related_object": line.related_object,
        "quantity": line.quantity,
    }
    if line.product is None and not line.price:
        return told
    off = before + step
    told |= {
        "initial_quantity": line.quantity,
        "amount": line.amount,
        "initial_amount": line.amount,
        "price": line.price,
        "subtotal_amount": line.amount - off,
    }
    told |= {"discount_amount": off} if off else {}
    told |= {"applied_discount_amount": step} if step else {}
    if line.product is not None:
        told["product"] = {
            "id": f"prod_{line.product.number:06d}",
            "source_id": line.product.id,
            "name": line.product.title.ru,
        }
        if line.related_object == "sku":
            key = line.product.variant_id(line.position)
            told["sku"] = {"id": f"sku_{key}", "source_id": line.source_id, "sku": key, "price": line.price}
    return told


def tier_told(offer: Offer, now: dt.datetime) -> Json:
    """A tier as it is set up."""
    return {
        "id": offer.id,
        "name": offer.name,
        "banner": offer.name,
        "action": {"discount": offer.discount},
        "metadata": offer.metadata,
        "hierarchy": offer.hierarchy,
        "active": True,
        "created_at": _created(offer, now),
        "promotion_id": CAMPAIGN,
        "campaign_id": CAMPAIGN,
        "campaign": {
            "id": CAMPAIGN,
            "start_date": moment(month_start(now)),
            "expiration_date": moment(month_end(now, 12)),
            "active": True,
            "object": "campaign",
        },
        "start_date": moment(month_start(now)),
        "expiration_date": moment(month_end(now, offer.months)),
        "object": "promotion_tier",
        "categories": [],
    }


def redeemable_told(applied: Applied, lines: Sequence[Line], now: dt.datetime) -> Json:
    """A tier that qualified for an order, alone."""
    offer = applied.offer
    result: Json = {"discount": offer.discount}
    if offer.bundle is not None:
        result["bundle"] = offer.bundle
    return {
        "id": offer.id,
        "object": "promotion_tier",
        "created_at": _created(offer, now),
        "result": result,
        "order": order_told(lines, [0] * len(lines), applied.offs),
        "applicable_to": _applicable_to(applied),
        "inapplicable_to": {"data": [], "total": 0, "data_ref": "data", "object": "list"},
        "metadata": offer.metadata,
        "categories": [],
        "name": offer.name,
        "banner": offer.name,
        "campaign_name": "Shop",
        "campaign_id": CAMPAIGN,
    }


def _applicable_to(applied: Applied) -> Json:
    """One collection of everything that the tier is for, with the lines that are in it."""
    target: Json = {
        "object": "products_collection",
        "id": f"pc_{applied.offer.id}",
        "effect": "APPLY_TO_EVERY",
        "order_item_indices": list(applied.covered),
        **applied.offer.targets,
    }
    return {"data": [target], "total": 1, "data_ref": "data", "object": "list"}


def _created(offer: Offer, now: dt.datetime) -> str:
    """The later in the order of application, the older: what is created last is told first."""
    return moment(month_start(now) - dt.timedelta(minutes=offer.hierarchy))


def moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
