"""Pricing: what a variant costs and why, price ranges of products, and promotions."""

from functools import lru_cache
from typing import Any

import orjson

from sandbox.upstreams.contract import Json, Operation, PersonalContext, Request, check_range
from sandbox.world import prices, promotions
from sandbox.world.goods import Product
from sandbox.world.prices import Made, Terms, money
from sandbox.world.promotions import Promotion
from sandbox.world.shop import Shop, month_end, month_start, terms_for
from sandbox.world.text import Text, tongue

KEPT_PRICES = 65_536
KEPT_PROMOTIONS = 512
MOST = 2_147_483_647
_RUB_GRAIN = 100


class Item(Request, frozen=True):
    sku: str
    quantity: int


class Prices(PersonalContext, frozen=True, kw_only=True):
    items: list[Item]


class ProductKeys(Request, frozen=True):
    id: str
    skus: list[str]


class Products(PersonalContext, frozen=True, kw_only=True):
    products: list[ProductKeys]


class Promotions(PersonalContext, frozen=True, kw_only=True):
    ids: list[str] | None


class Pricing:
    """Prices are encoded once and kept, the most recent `KEPT_PRICES`; validity is good for the day it was made."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._encoded = lru_cache(KEPT_PRICES)(self._encode)
        self._taken = lru_cache(KEPT_PRICES)(promotions.taken_by)
        self._encoded_promotion = lru_cache(KEPT_PROMOTIONS)(self._encode_promotion)

    def operations(self) -> tuple[Operation[Prices], Operation[Products], Operation[Promotions]]:
        return (
            Operation("pricing.prices", "/v1/prices/batch", Prices, self.prices, ("items",), 1000),
            Operation("pricing.products", "/v1/products/batch", Products, self.products, ("products",), 500),
            Operation("pricing.promotions", "/v1/promotions/batch", Promotions, self.promotions, ("ids",), 200),
        )

    def prices(self, asked: Prices) -> Json:
        for item in asked.items:
            check_range("items[].quantity", item.quantity, 1, MOST)
        terms, language = self._terms(asked), tongue(asked.language)
        found = ((item, self._shop.goods.by_sku(item.sku)) for item in dict.fromkeys(asked.items))
        return {
            "prices": [
                {
                    "sku": item.sku,
                    "quantity": item.quantity,
                    "price": self._price(at[0], at[1], terms, language, item.quantity),
                }
                for item, at in found
                if at is not None
            ]
        }

    def products(self, asked: Products) -> Json:
        terms, language = self._terms(asked), tongue(asked.language)
        ranges, mentioned = [], {}
        for wanted in asked.products:
            product = self._shop.goods.by_id(wanted.id)
            positions = [] if product is None else self._positions(product, wanted.skus)
            if product is None or not positions:
                continue
            taken = self._taken(product, asked.channel)
            mentioned.update({promotion.id: promotion for promotion in taken})
            ranges.append(
                self._range(product, positions, terms, language)
                | {"promotionIds": [promotion.id for promotion in taken]}
            )
        return {
            "products": ranges,
            "promotions": [self._promotion(promotion, language, terms) for promotion in mentioned.values()],
        }

    def promotions(self, asked: Promotions) -> Json:
        if asked.ids is None:
            chosen = [promotion for promotion in promotions.PROMOTIONS if promotions.works_in(promotion, asked.channel)]
        else:
            chosen = [promotions.BY_ID[key] for key in dict.fromkeys(asked.ids) if key in promotions.BY_ID]
        terms = self._terms(asked)
        return {"promotions": [self._promotion(promotion, tongue(asked.language), terms) for promotion in chosen]}

    def _terms(self, asked: PersonalContext) -> Terms:
        return terms_for(asked.locality_id, asked.channel, asked.currency, asked.customer_id)

    def _positions(self, product: Product, skus: list[str]) -> list[int]:
        found = (self._shop.goods.by_sku(sku) for sku in skus)
        return [at[1] for at in found if at is not None and at[0] is product]

    def _range(self, product: Product, positions: list[int], terms: Terms, language: str) -> Json:
        """Reductions keep the order of list prices, so the cheapest by list is the cheapest."""
        listed = product.prices
        low, high = min(positions, key=listed.__getitem__), max(positions, key=listed.__getitem__)
        return {
            "id": product.id,
            "lowest": self._price(product, low, terms, language),
            "highest": self._price(product, high, terms, language),
            "isSingle": listed[low] == listed[high],
        }

    def _price(self, product: Product, position: int, terms: Terms, language: str, quantity: int = 1) -> Any:
        measure = next((choice.measure for _, choice in product.chosen(position) if choice.measure), None)
        day = self._shop.now().date().toordinal()
        return orjson.Fragment(
            self._encoded(product.number, product.roubles(position), measure, terms, language, quantity, day)
        )

    def _encode(
        self, number: int, roubles: int, measure: int | None, terms: Terms, language: str, quantity: int, _day: int
    ) -> bytes:
        product = self._shop.goods.products[number - 1]
        made = prices.unit_price(product, roubles, terms, quantity)
        price: Json = {
            "current": money(made.current, terms.currency),
            "explanation": _explanation(made, terms.currency, language),
            "isPersonal": made.is_personal,
        }
        if made.current < made.listed:
            price |= {
                "regular": money(made.listed, terms.currency),
                "lowestRecent": money(_lowest_recent(product, made), terms.currency),
                "discountPercent": (made.listed - made.current) * 100 // made.listed,
            }
        ends = [step.promotion.months for step in made.steps if step.promotion is not None]
        if ends:
            price["validUntil"] = month_end(self._shop.now(), min(ends)).isoformat()
        if measure is not None:
            price["perMeasure"] = _per_measure(made.current, measure, terms.currency, language)
        return orjson.dumps(price)

    def _promotion(self, promotion: Promotion, language: str, terms: Terms) -> orjson.Fragment:
        day = self._shop.now().date().toordinal()
        return orjson.Fragment(self._encoded_promotion(promotion.id, language, terms.currency, day))

    def _encode_promotion(self, key: str, language: str, currency: str, _day: int) -> bytes:
        promotion = promotions.BY_ID[key]
        now, title = self._shop.now(), promotion.title.said(language)
        told = {
            "id": promotion.id,
            "handle": promotion.handle,
            "title": title,
            "badge": {"code": promotion.handle, "title": promotion.badge.said(language), "color": promotion.color},
            "description": promotion.about.said(language),
            "termsUrl": f"https://shop.example/promotions/{promotion.handle}/terms",
            "image": self._shop.image(f"promotions/{promotion.handle}", title, 1280, 480),
            "startsAt": month_start(now).isoformat(),
            "endsAt": month_end(now, promotion.months).isoformat(),
            "channels": promotion.channels,
            "requiresPromoCode": promotion.requires_promo_code,
            "mechanic": self.mechanic(promotion.mechanic, language, currency),
        }
        return orjson.dumps(told)

    def mechanic(self, mechanic: dict[str, Any], language: str, currency: str) -> Json:
        """As in the promotion, with texts said, amounts as money and goods as keys."""
        said: Json = {}
        for name, value in mechanic.items():
            if name in ("amount", "setPrice", "fixedCost", "minimumTotal"):
                said[name] = _roubles(value, currency)
            elif name == "bonus":
                said[name] = {"points": str(value), "worth": _roubles(value, currency)}
            elif name in ("percent", "multiplier"):
                said[name] = str(value)
            elif name == "gifts":
                said["giftSkus"] = [product.sku(0) for product in self._goods(value)]
            elif name == "groups":
                said[name] = [self._group(title, quantity, numbers, language) for title, quantity, numbers in value]
            else:
                said[name] = value
        return said

    def _group(self, title: Text, quantity: int, numbers: tuple[int, ...], language: str) -> Json:
        return {
            "title": title.said(language),
            "quantity": quantity,
            "productIds": [product.id for product in self._goods(numbers)],
        }

    def _goods(self, numbers: tuple[int, ...]) -> list[Product]:
        return [product for product in map(self._shop.goods.by_number, numbers) if product is not None]


def _roubles(amount: int, currency: str) -> Json:
    return money(prices.in_currency(amount * 100, currency), currency)


def _explanation(made: Made, currency: str, language: str) -> list[Json]:
    rows, total = [], 0
    for step in made.steps:
        total += step.amount
        row: Json = {
            "kind": step.kind,
            "title": step.title.said(language),
            "amount": money(step.amount, currency),
            "runningTotal": money(total, currency),
        }
        if step.promotion is not None:
            row["promotionId"] = step.promotion.id
        rows.append(row)
    return rows


def _lowest_recent(product: Product, made: Made) -> int:
    """Some were as cheap within the last 30 days, the others never."""
    return (
        made.current
        if product.dice % 2
        else made.current + (made.listed - made.current) // 2 // _RUB_GRAIN * _RUB_GRAIN
    )


def _per_measure(current: int, measure: int, currency: str, language: str) -> Json:
    per_100_ml = (current * 100 + measure // 2) // measure
    return {"price": money(per_100_ml, currency), "measure": Text("100 мл", "100 ml").said(language)}
