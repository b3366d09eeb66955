"""Our offers in Voucherify's words: promotion tiers, calculated orders, redeemables.

Delivery is a product there, so promotions of delivery reduce no line of goods.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

from sandbox.upstreams.contract import Json
from sandbox.vendors.offers import Applied, Line, Offer, line_of
from sandbox.world.shop import Shop, month_end, month_start

CAMPAIGN = "camp-shop"


def read_line(shop: Shop, item: Json) -> Line:
    """A line as it was sent; a product is its first variant."""
    key, price = str(item.get("source_id", "")), int(item.get("price") or 0)
    product = shop.goods.by_id(key) if item.get("related_object") == "product" else None
    line = line_of(shop, key if product is None else product.sku(0), int(item.get("quantity") or 1), price)
    return line._replace(source_id=key)


def is_for_items(offer: Offer) -> bool:
    """Whether its discount is of goods in the order."""
    return offer.mechanic["kind"] in ("PRICE_OFF", "MULTI_BUY", "BUNDLE")


def discount_of(offer: Offer) -> Json:
    mechanic = offer.mechanic
    whole, amount = mechanic.get("setPrice") or mechanic.get("fixedCost"), mechanic.get("amount")
    told: Json = {"type": "PERCENT", "percent_off": mechanic.get("percent"), "effect": "APPLY_TO_ITEMS"}
    if mechanic["kind"] == "GIFT":
        told = {"type": "UNIT", "unit_off": 1, "effect": "ADD_NEW_ITEMS"}
    elif whole is not None:
        told = {"type": "FIXED", "fixed_amount": int(whole) * 100, "effect": "APPLY_TO_ITEMS"}
    elif amount is not None:
        told = {"type": "AMOUNT", "amount_off": int(amount) * 100, "effect": "APPLY_TO_ITEMS_BY_QUANTITY"}
    return told | {"is_dynamic": False}


def metadata_of(offer: Offer) -> Json:
    """A plain reduction is told by its discount, so its metadata need no mechanic."""
    is_plain = offer.mechanic["kind"] == "PRICE_OFF"
    return {name: said for name, said in offer.metadata.items() if not (is_plain and name.startswith("mechanic"))}


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
        "related_object": "sku",
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
        key = line.product.variant_id(line.position)
        if line.source_id == line.product.sku(line.position):
            told["sku"] = {"id": f"sku_{key}", "source_id": line.source_id, "sku": key, "price": line.price}
        else:
            told["related_object"] = "product"
    return told


def tier_told(offer: Offer, now: dt.datetime) -> Json:
    """A tier as it is set up."""
    return {
        "id": offer.id,
        "name": offer.title.ru,
        "banner": offer.title.ru,
        "action": {"discount": discount_of(offer)},
        "metadata": metadata_of(offer),
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
    result: Json = {"discount": discount_of(offer)}
    if offer.mechanic["kind"] == "BUNDLE" or "setPrice" in offer.mechanic:
        result["bundle"] = {"quantity": 0, "identified": [], "missing": []}
    return {
        "id": offer.id,
        "object": "promotion_tier",
        "created_at": _created(offer, now),
        "result": result,
        "order": order_told(lines, [0] * len(lines), applied.offs),
        "applicable_to": _applicable_to(applied),
        "inapplicable_to": {"data": [], "total": 0, "data_ref": "data", "object": "list"},
        "metadata": metadata_of(offer),
        "categories": [],
        "name": offer.title.ru,
        "banner": offer.title.ru,
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
    }
    mechanic = applied.offer.mechanic
    if mechanic["kind"] == "MULTI_BUY" and "percent" in mechanic:
        each = int(mechanic["buyQuantity"])
        target |= {"target": "UNIT", "repeat": each, "skip_initially": each - 1}
    return {"data": [target], "total": 1, "data_ref": "data", "object": "list"}


def _created(offer: Offer, now: dt.datetime) -> str:
    """The later in the order of application, the older: what is created last is told first."""
    return moment(month_start(now) - dt.timedelta(minutes=offer.hierarchy))


def moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
