"""Loyalty: accounts, movements of points, and what a purchase would bring."""

import datetime as dt
from functools import lru_cache

from sandbox.upstreams.contract import BadCursor, Json, Operation, PersonalContext, Request, check_range, cut, problem
from sandbox.upstreams.pricing import KEPT_PRICES, MOST, Item
from sandbox.world import people, points, prices, promotions
from sandbox.world.goods import Product
from sandbox.world.people import TIERS, Person, Tier
from sandbox.world.points import Movement, MovementKind
from sandbox.world.prices import Terms, money
from sandbox.world.shop import Shop, terms_for
from sandbox.world.text import tongue


class Accounts(Request, frozen=True):
    language: str
    customer_ids: list[str]


class HistoryQuery(Request, frozen=True, kw_only=True):
    customer_id: str
    first: int
    after: str | None = None
    kinds: list[MovementKind] | None = None


class Histories(Request, frozen=True):
    language: str
    queries: list[HistoryQuery]


class Estimates(PersonalContext, frozen=True, kw_only=True):
    items: list[Item]


class Loyalty:
    """One point is worth one rouble."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._price = lru_cache(KEPT_PRICES)(self._made)

    def operations(self) -> tuple[Operation[Accounts], Operation[Histories], Operation[Estimates]]:
        return (
            Operation("loyalty.accounts", "/v1/accounts/batch", Accounts, self.accounts, ("customer_ids",), 100),
            Operation("loyalty.history", "/v1/history/batch", Histories, self.history, ("queries",), 20),
            Operation("loyalty.estimates", "/v1/estimates/batch", Estimates, self.estimates, ("items",), 1000),
        )

    def accounts(self, asked: Accounts) -> Json:
        found = map(people.find, dict.fromkeys(asked.customer_ids))
        return {"accounts": [self._account(person, tongue(asked.language)) for person in found if person is not None]}

    def _account(self, person: Person, language: str) -> Json:
        now = self._shop.now()
        is_member = person.membership in ("ACTIVE", "BLOCKED")
        is_active = person.membership == "ACTIVE"
        pending = points.pending(person)
        account: Json = {
            "customerId": person.id,
            "id": f"acc-{person.id.removeprefix('cust-')}",
            "membership": person.membership,
            "balance": {
                "available": _points(person.points if is_active else 0),
                "pending": _points(pending),
                "nextActivationAt": points.next_activation(now).isoformat() if pending else None,
            },
            "expirations": list(_expirations(person, now)) if is_active else [],
            "coupons": list(_coupons(person, now, language)) if is_active else [],
        }
        if is_member:
            account["card"] = _card(person)
        if is_active:
            account["tier"] = _tier(TIERS[person.tier], language) | {"validUntil": f"{now.year}-12-31"}
            account["nextTier"] = _progress(person, now, language)
        return account

    def history(self, asked: Histories) -> Json:
        for query in asked.queries:
            check_range("queries[].first", query.first, 1, 100)
        return {"results": [self._history(query, tongue(asked.language)) for query in asked.queries]}

    def _history(self, query: HistoryQuery, language: str) -> Json:
        person = people.find(query.customer_id)
        if person is None:
            return problem("NOT_FOUND")
        chosen = [it for it in points.movements(person) if query.kinds is None or it.kind in query.kinds]
        try:
            piece = cut(chosen, f"history/{query.customer_id}/{query.kinds}", query.first, query.after)
        except BadCursor:
            return problem("BAD_CURSOR")
        entries = [{"cursor": mark, "movement": self._movement(person, it, language)} for it, mark in piece.items]
        return {"entries": entries, "page": piece.page}

    def _movement(self, person: Person, movement: Movement, language: str) -> Json:
        at = movement.at(self._shop.now())
        told: Json = {
            "id": f"mov-{person.id.removeprefix('cust-')}-{movement.number:04d}",
            "kind": movement.kind,
            "points": str(movement.points),
            "title": movement.title.said(language),
            "occurredAt": at.isoformat(),
            "orderId": movement.order_id,
        }
        if movement.kind == "EARNED":
            active, ends = points.lifetime(at)
            told |= {"activatesAt": active.isoformat(), "expiresAt": ends.isoformat()}
        return told

    def estimates(self, asked: Estimates) -> Json:
        for item in asked.items:
            check_range("items[].quantity", item.quantity, 1, MOST)
        person = people.find(asked.customer_id) if asked.customer_id else None
        told = (self._estimate(item, asked, person) for item in dict.fromkeys(asked.items))
        return {"estimates": [estimate for estimate in told if estimate is not None]}

    @staticmethod
    def _made(product: Product, roubles: int, terms: Terms, quantity: int) -> int:
        return prices.unit_price(product, roubles, terms, quantity).current

    def _estimate(self, item: Item, asked: Estimates, person: Person | None) -> Json | None:
        """Of the price in roubles, for a basic member when nobody asks; blocked and unfinished members earn nothing."""
        at = self._shop.goods.by_sku(item.sku)
        if at is None:
            return None
        product, position = at
        terms = terms_for(asked.locality_id, asked.channel, "RUB", asked.customer_id)
        current = self._price(product, product.roubles(position), terms, item.quantity)
        points = _earned(current * item.quantity, person)
        points = _with_promotions(points, product, item.quantity)
        return {"sku": item.sku, "quantity": item.quantity, "amount": _points(points), "isPersonal": person is not None}


def _with_promotions(points: int, product: Product, quantity: int) -> int:
    if promotions.takes_part(promotions.BY_ID["promo-double-points"], product):
        points *= 2
    if points and promotions.takes_part(promotions.BY_ID["promo-welcome-points"], product):
        points += 300 * quantity
    return points


def _earned(kopecks: int, person: Person | None) -> int:
    if person is not None and person.membership in ("BLOCKED", "PENDING"):
        return 0
    standing = (person.standing if person else None) or TIERS[0]
    return kopecks * standing.earn_percent // 10_000


def _points(points: int) -> Json:
    return {"points": str(points), "worth": money(points * 100, "RUB")}


def _card(person: Person) -> Json:
    digits = points.card_digits(person)
    return {"number": f"•••• {digits[-4:]}", "barcode": digits}


def _tier(tier: Tier, language: str) -> Json:
    return {
        "code": tier.code,
        "title": tier.title.said(language),
        "earnPercent": str(tier.earn_percent),
        "benefits": [benefit.said(language) for benefit in tier.benefits],
    }


def _progress(person: Person, now: dt.datetime, language: str) -> Json | None:
    if person.tier + 1 == len(TIERS):
        return None
    following = TIERS[person.tier + 1]
    return {
        "tier": _tier(following, language),
        "spent": money(person.spent * 100, "RUB"),
        "remaining": money(max(0, following.from_roubles - person.spent) * 100, "RUB"),
        "periodEndsOn": f"{now.year}-12-31",
    }


def _expirations(person: Person, now: dt.datetime) -> list[Json]:
    return [{"amount": _points(some), "expiresAt": at.isoformat()} for some, at in points.expirations(person, now)]


def _coupons(person: Person, now: dt.datetime, language: str) -> list[Json]:
    return [
        {
            "code": coupon.code,
            "title": coupon.title.said(language),
            "description": coupon.about.said(language),
            "expiresAt": coupon.ends_at.isoformat(),
        }
        for coupon in points.coupons(person, now)
    ]
