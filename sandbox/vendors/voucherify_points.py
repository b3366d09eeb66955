"""Voucherify's loyalty cards over our shop: who holds one, its points, tiers, expirations and transactions."""

import datetime as dt
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from starlette.requests import Request

from sandbox.upstreams.contract import Json
from sandbox.upstreams.loyalty import Accounts, Histories, HistoryQuery, Loyalty
from sandbox.vendors.voucherify_refusals import refuse
from sandbox.world.shop import HOME_ZONE, Shop

PROGRAMME = "camp-club"
LIMIT = 100
KEPT = 4096
_DIALECT = {
    "EARNED": "POINTS_ACCRUAL",
    "ACTIVATED": "PENDING_POINTS_ACTIVATION",
    "REDEEMED": "POINTS_REDEMPTION",
    "REVERSED": "POINTS_REMOVAL",
    "EXPIRED": "POINTS_EXPIRATION",
    "ADJUSTED": "POINTS_ADDITION",
}

Read = tuple[str, str, Callable[[Request], Awaitable[Json]]]


class Points:
    """Answers of `/v1/loyalties` and of a customer's redeemables; `is_new` adds words that nobody has heard of."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._loyalty = Loyalty(shop)
        self._owner_of = lru_cache(KEPT)(lambda code: f"cust-{code.partition('-')[2].lower()}")
        self.is_new = False

    def known(self) -> Json:
        return {"loyaltyProgramme": PROGRAMME, "zone": str(HOME_ZONE)}

    def reads(self) -> tuple[Read, ...]:
        """Path, name and answer of each operation."""
        return (
            ("/v1/customers/{customer}/redeemables", "voucherify.redeemables", self.redeemables),
            ("/v1/loyalties/members/{code}/tiers", "voucherify.tiers_of_member", self.tiers),
            ("/v1/loyalties/members/{code}/transactions", "voucherify.transactions", self.transactions),
            ("/v1/loyalties/members/{code}/pending-points", "voucherify.pending", self.pending),
            ("/v1/loyalties/{programme}/members/{code}/points-expiration", "voucherify.expirations", self.expirations),
            ("/v1/loyalties/{programme}", "voucherify.programme", self.programme),
        )

    async def programme(self, request: Request) -> Json:
        self._check_programme(request)
        told: Json = {"id": PROGRAMME, "name": "Club", "campaign_type": "LOYALTY_PROGRAM", "type": "AUTO_UPDATE"}
        told |= {"active": True, "object": "campaign", "vouchers_generation_status": "DONE", "creation_status": "DONE"}
        told |= {"join_once": True, "auto_join": False, "use_voucher_metadata_schema": False, "metadata": {}}
        return told | {"created_at": self._month_ago(), "readonly": False, "protected": False, "category_id": None}

    async def redeemables(self, request: Request) -> Json:
        key = request.path_params["customer"]
        account = self._account(key)
        if account is None:
            raise refuse(404, "not_found")
        held = [self._coupon(account, coupon) for coupon in account["coupons"]]
        if "card" in account:
            held.append(self._card(account))
        limit, start = _limit(request), _after(held, request)
        some = held[start : start + limit]
        told: Json = {"object": "list", "data_ref": "data", "data": some, "total": len(held)}
        return told | _more(held, start + limit, some)

    async def tiers(self, request: Request) -> Json:
        account = self._by_card(request)
        tier = account.get("tier")
        if tier is None:
            return {"object": "list", "data_ref": "data", "data": [], "total": 0}
        told = {
            "id": f"ltr_{tier['code']}",
            "name": tier["title"],
            "campaign_id": PROGRAMME,
            "metadata": {
                "code": tier["code"],
                "earn_percent": tier["earnPercent"],
                "benefits": "; ".join(tier["benefits"]),
            },
            "created_at": self._month_ago(),
            "earning_rules": {},
            "rewards": {},
            "points": {"from": 0, "to": 100_000},
            "config": {"points": {"from": 0, "to": 100_000}},
            "expiration": {
                "customer_id": f"cust_{account['customerId']}",
                "campaign_id": PROGRAMME,
                "tier_id": f"ltr_{tier['code']}",
                "expiration_date": tier["validUntil"],
                "created_at": self._month_ago(),
            },
            "object": "loyalty_tier",
        }
        return {"object": "list", "data_ref": "data", "data": [told], "total": 1}

    async def expirations(self, request: Request) -> Json:
        self._check_programme(request)
        account = self._by_card(request)
        buckets = [
            {
                "id": f"lopb_{number}",
                "voucher_id": _voucher_id(account),
                "campaign_id": PROGRAMME,
                "bucket": {"total_points": int(one["amount"]["points"])},
                "status": "ACTIVE",
                "expires_at": _day_after(one["expiresAt"]),
                "created_at": self._month_ago(),
                "object": "loyalty_points_bucket",
            }
            for number, one in enumerate(account["expirations"], 1)
        ]
        limit, page = _limit(request), int(request.query_params.get("page", "1"))
        some = buckets[(page - 1) * limit : page * limit]
        return {"object": "list", "data_ref": "data", "data": some, "total": len(buckets)}

    async def pending(self, request: Request) -> Json:
        account = self._by_card(request)
        balance = account["balance"]
        waiting = int(balance["pending"]["points"])
        rows = [
            {
                "id": f"lopp_{_voucher_id(account)}",
                "voucher_id": _voucher_id(account),
                "campaign_id": PROGRAMME,
                "customer_id": f"cust_{account['customerId']}",
                "points": waiting,
                "activates_at": balance["nextActivationAt"][:10],
                "details": {},
                "created_at": self._month_ago(),
            }
        ]
        return {"object": "list", "data_ref": "data", "data": rows if waiting else [], "has_more": False}

    async def transactions(self, request: Request) -> Json:
        account = self._by_card(request)
        moved = self._movements(account)
        if request.query_params.get("order") != "-id":
            moved.reverse()
        limit, start = _limit(request), _after(moved, request)
        some = moved[start : start + limit]
        return {"object": "list", "data_ref": "data", "data": some, **_more(moved, start + limit, some)}

    def _movements(self, account: Json) -> list[Json]:
        """Newest first."""
        told: list[Json] = []
        after = None
        while after is not None or not told:
            query = HistoryQuery(customer_id=account["customerId"], first=LIMIT, after=after)
            (page,) = self._loyalty.history(Histories(language="ru", queries=[query]))["results"]
            told += [self._transaction(entry["movement"], account) for entry in page["entries"]]
            after = page["page"]["endCursor"] if page["page"]["hasNextPage"] else None
            if not page["entries"]:
                break
        return told

    def _transaction(self, movement: Json, account: Json) -> Json:
        kind = _DIALECT[movement["kind"]]
        details: Json = {
            "balance": {
                "type": "loyalty_card",
                "total": 5000,
                "object": "balance",
                "points": int(movement["points"]),
                "balance": 5000,
                "related_object": {"id": _voucher_id(account), "type": "voucher"},
            }
        }
        if movement["orderId"]:
            details["order"] = {"id": f"ord_{movement['orderId']}", "source_id": movement["orderId"]}
        return {
            "id": f"vtx_{movement['id']}",
            "source_id": None,
            "voucher_id": _voucher_id(account),
            "campaign_id": PROGRAMME,
            "source": "Automation",
            "reason": movement["title"],
            "type": "POINTS_OF_KARMA" if self.is_new else kind,
            "details": details,
            "related_transaction_id": None,
            "created_at": _utc(movement["occurredAt"]),
        }

    def _card(self, account: Json) -> Json:
        balance, expirations = account["balance"], account["expirations"]
        spendable = int(balance["available"]["points"])
        card: Json = {
            "points": spendable * 3 + 500,
            "balance": spendable,
            "pending_points": int(balance["pending"]["points"]),
            "expired_points": 500,
            "subtracted_points": spendable * 2,
        }
        if expirations:
            card["next_expiration_date"] = _day_after(expirations[0]["expiresAt"])
            card["next_expiration_points"] = int(expirations[0]["amount"]["points"])
        voucher = self._voucher(account, _code(account), "LOYALTY_CARD", "LOYALTY_PROGRAM", PROGRAMME)
        voucher["redeemable"]["voucher"] |= {"loyalty_card": card, "active": account["membership"] == "ACTIVE"}
        return voucher

    def _coupon(self, account: Json, coupon: Json) -> Json:
        held = self._voucher(account, coupon["code"], "DISCOUNT_VOUCHER", "DISCOUNT_COUPONS", "camp-coupons")
        held["redeemable"]["voucher"] |= {
            "metadata": {"title": coupon["title"], "description": coupon["description"]},
            "expiration_date": _utc(coupon["expiresAt"]),
            "discount": {"type": "AMOUNT", "amount_off": 50_000, "effect": "APPLY_TO_ORDER"},
        }
        return held

    def _voucher(self, account: Json, code: str, kind: str, campaign_type: str, campaign: str) -> Json:
        owner = f"cust_{account['customerId']}"
        voucher: Json = {
            "id": f"v_{code}",
            "code": code,
            "campaign": "Club",
            "campaign_id": campaign,
            "type": kind,
            "active": True,
            "metadata": {},
            "holder_id": owner,
            "object": "voucher",
            "expiration_date": None,
        }
        return {
            "id": f"rh_{code}",
            "created_at": self._month_ago(),
            "redeemable_id": f"v_{code}",
            "redeemable_object": "voucher",
            "customer_id": owner,
            "holder_role": "OWNER",
            "campaign_id": campaign,
            "campaign_type": campaign_type,
            "voucher_type": kind,
            "redeemable": {"type": "voucher", "voucher": voucher, "status": "ACTIVE"},
        }

    def _account(self, customer_id: str) -> Json | None:
        found = self._loyalty.accounts(Accounts(language="ru", customer_ids=[customer_id]))["accounts"]
        return found[0] if found else None

    def _by_card(self, request: Request) -> Json:
        account = self._account(self._owner_of(request.path_params["code"]))
        if account is None or "card" not in account:
            raise refuse(404, "not_found")
        return account

    def _check_programme(self, request: Request) -> None:
        if request.path_params["programme"] != PROGRAMME:
            raise refuse(404, "not_found")

    def _month_ago(self) -> str:
        return _utc((self._shop.now() - dt.timedelta(days=30)).isoformat())


def _code(account: Json) -> str:
    """The owner can be read out of it, as no real code tells."""
    return f"CLUB-{account['customerId'].removeprefix('cust-').upper()}"


def _voucher_id(account: Json) -> str:
    return f"v_{_code(account)}"


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "10")
    if not (text.isdigit() and 1 <= int(text) <= LIMIT):
        raise refuse(400, "invalid_query_params")
    return int(text)


def _after(rows: list[Json], request: Request) -> int:
    """How many rows come before the page; an id that is not in this list is refused."""
    after = request.query_params.get("starting_after_id")
    if after is None:
        return 0
    found = next((number for number, row in enumerate(rows, 1) if row["id"] == after), None)
    if found is None:
        raise refuse(404, "not_found")
    return found


def _more(rows: list[Json], end: int, some: list[Json]) -> dict[str, Any]:
    return {"has_more": True, "more_starting_after": some[-1]["id"]} if end < len(rows) else {"has_more": False}


def _day_after(moment: str) -> str:
    """Voucherify says the day from whose beginning points are gone."""
    return (dt.datetime.fromisoformat(moment) + dt.timedelta(seconds=1)).date().isoformat()


def _utc(moment: str) -> str:
    at = dt.datetime.fromisoformat(moment).astimezone(dt.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
