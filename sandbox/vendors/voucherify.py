"""Voucherify over our shop: its keys, its limits, its errors; qualifications, validations and promotion tiers.

Written from the vendor's OpenAPI document, version v2018-08-01. SKUs and prices are the shop's own,
of one price list: Voucherify has no prices by place.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.upstreams.contract import Json
from sandbox.vendors.offers import Applied, Buyer, Line, Offer, apply_offer, offers_of
from sandbox.vendors.published_limits import Window
from sandbox.vendors.switches import Switches
from sandbox.vendors.voucherify_offers import (
    discount_of,
    is_for_items,
    order_told,
    read_line,
    redeemable_told,
    tier_told,
)
from sandbox.vendors.voucherify_points import Points
from sandbox.vendors.voucherify_refusals import Refused, refuse
from sandbox.world import people
from sandbox.world.shop import Shop

APP_ID, SECRET_KEY = "sandbox-application", "sandbox-secret"
ITEMS_LIMIT, REDEEMABLES_LIMIT, QUALIFIED_LIMIT, PAGE_LIMIT = 500, 30, 50, 100
SCENARIOS_OF_GOODS = {"PRODUCTS_DISCOUNT", "PRODUCTS_DISCOUNT_BY_CUSTOMER"}
PERIOD_S = 60.0


class Voucherify:
    """Fulfils `sandbox.vendors.simulator.Simulator`.

    Its switches:

    * `callsPerMinute`: the plan's limit, 100 of Business; 0 refuses everything
    * `areKeysBad`: 401 for everybody
    * `isLocked`: 423, as an order is while another session has it
    * `usedUp`: id of a tier that qualifies and then does not apply, as one that reached its limit
    * `appliesAll`: all promotions of a validation, or `valid: false` with status 200
    * `applicableLimit`: how many promotions may be applied to one order
    * `isHtml`: a proxy's page instead of an answer
    * `isNew`: fields, kinds of discounts and of transactions that nobody has heard of
    * `slowMillis`: before each answer
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._offers = offers_of(shop)
        self._by_id = {offer.id: offer for offer in self._offers}
        self._points = Points(shop)
        self._window = Window(0, PERIOD_S, lambda: self._shop.now().timestamp())
        self._switches = Switches(
            callsPerMinute=100,
            areKeysBad=False,
            isLocked=False,
            usedUp="",
            appliesAll=True,
            applicableLimit=5,
            isHtml=False,
            isNew=False,
            slowMillis=0,
        )
        self.reset()

    def app(self) -> Starlette:
        def route(path: str, answer: Callable[[Request], Awaitable[Json]], name: str, method: str = "GET") -> Route:
            async def guarded(request: Request) -> Response:
                return await self._guarded(request, answer)

            return Route(path, guarded, methods=[method], name=name)

        own = [
            route("/v1/qualifications", self.qualifications, "voucherify.qualifications", "POST"),
            route("/v1/validations", self.validations, "voucherify.validations", "POST"),
            route("/v1/promotions/tiers", self.tiers, "voucherify.tiers"),
        ]
        return Starlette(routes=[*own, *(route(path, answer, name) for path, name, answer in self._points.reads())])

    def known(self) -> Json:
        return {
            "applicationId": APP_ID,
            "secretKey": SECRET_KEY,
            "currency": "RUB",
            "promotionTiers": [offer.id for offer in self._offers],
            **self._points.known(),
        }

    def switches(self) -> Json:
        return self._switches.switches()

    def switch(self, wanted: Json) -> None:
        self._switches.switch(wanted)
        self._obey()

    def reset(self) -> None:
        self._switches.reset()
        self._window.reset()
        self._obey()

    def _obey(self) -> None:
        self._window.calls = self._switches["callsPerMinute"]
        self._points.is_new = self._switches["isNew"]

    async def _guarded(self, request: Request, answer: Callable[[Request], Awaitable[Json]]) -> Response:
        """Keys, limits and switches stand before every answer."""
        switches = self._switches
        await asyncio.sleep(switches["slowMillis"] / 1000)
        if switches["isHtml"]:
            return HTMLResponse("<html><body>Bad Gateway</body></html>", 502)
        keys = (request.headers.get("x-app-id"), request.headers.get("x-app-token"))
        if switches["areKeysBad"] or keys != (APP_ID, SECRET_KEY):
            return self._refusal(refuse(401, "unauthorized"))
        wait_s = self._window.take() if self._window.calls else PERIOD_S
        if wait_s > 0:
            return self._refusal(refuse(429, "too_many_requests"), wait_s)
        if switches["isLocked"]:
            return self._refusal(refuse(423, "resource_locked"))
        try:
            told = await answer(request)
        except Refused as refused:
            return self._refusal(refused)
        return self._response(self._in_new_words(told) if switches["isNew"] else told, 200, self._limits())

    def _refusal(self, refused: Refused, wait_s: float | None = None) -> Response:
        headers = self._limits()
        if wait_s is not None:
            moment = int(self._shop.now().timestamp() + wait_s) + 1
            headers |= {"x-rate-limit-retry": str(moment), "retry-after": str(int(wait_s) + 1)}
        return self._response(refused.told(), refused.status, headers)

    def _response(self, told: Json, status: int, headers: dict[str, str]) -> Response:
        date = self._shop.now().astimezone(dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return Response(orjson.dumps(told), status, {**headers, "date": date}, "application/json")

    def _limits(self) -> dict[str, str]:
        return {
            "x-rate-limit-limit": str(self._window.calls),
            "x-rate-limit-remaining": str(max(self._window.left, 0)),
            "x-rate-limit-type": "RATE_LIMIT",
        }

    def _in_new_words(self, told: Json) -> Json:
        for one in told.get("tiers", ()):
            one["action"] = {"discount": {"type": "KARMA", "effect": "APPLY_TO_SOUL", "karma_off": 7}}
        return {**told, "added_next_year": {"nobody": ["knows", 1.5]}}

    async def tiers(self, request: Request) -> Json:
        limit, page = (
            _whole(request.query_params.get(name, usual)) for name, usual in (("limit", "10"), ("page", "1"))
        )
        if not 1 <= limit <= PAGE_LIMIT or page < 1:
            raise refuse(400, "invalid_query_params")
        start = (page - 1) * limit
        now, some = self._shop.now(), self._offers[start : start + limit]
        return {
            "object": "list",
            "data_ref": "tiers",
            "tiers": [tier_told(offer, now) for offer in some],
            "total": len(self._offers),
            "has_more": start + limit < len(self._offers),
        }

    async def qualifications(self, request: Request) -> Json:
        asked = await _body(request)
        lines, buyer = self._order(asked)
        options = asked.get("options") or {}
        limit = options.get("limit", 5)
        if not 1 <= limit <= QUALIFIED_LIMIT:
            raise refuse(400, "invalid_qualification_options")
        only_goods = asked.get("scenario") in SCENARIOS_OF_GOODS
        chosen = [offer for offer in self._offers if is_for_items(offer) or not only_goods]
        alone = [line.amount for line in lines]
        applied = (apply_offer(offer, lines, alone, buyer) for offer in chosen)
        told = [redeemable_told(one, lines, self._shop.now()) for one in applied if one.covered]
        after = options.get("starting_after")
        if after is not None:
            told = [one for one in told if one["created_at"] < after]
        some = told[:limit]
        listed: Json = {"object": "list", "data_ref": "data", "data": some, "total": len(some)}
        listed["has_more"] = len(told) > len(some)
        if listed["has_more"]:
            listed["more_starting_after"] = some[-1]["created_at"]
        nothing = [0] * len(lines)
        return {"redeemables": listed, "order": order_told(lines, nothing, None), "stacking_rules": self._rules()}

    async def validations(self, request: Request) -> Json:
        asked = await _body(request)
        wanted = [one.get("id", "") for one in asked.get("redeemables", ())]
        if not 1 <= len(wanted) <= REDEEMABLES_LIMIT or len(set(wanted)) != len(wanted):
            raise refuse(400, "invalid_redeemables")
        lines, buyer = self._order(asked)
        is_expanded = "order" in (asked.get("options") or {}).get("expand", ["order"])
        judged, off, count = [], [0] * len(lines), 0
        for key in wanted:
            offer = self._by_id.get(key)
            left = [line.amount - so_far for line, so_far in zip(lines, off, strict=True)]
            applied = apply_offer(offer, lines, left, buyer) if offer is not None else None
            if applied is None or not applied.covered or key == self._switches["usedUp"]:
                judged.append(_inapplicable(key, "not_found" if applied is None else "quantity_exceeded"))
            elif count == self._switches["applicableLimit"]:
                judged.append(_skipped(key, count))
            else:
                judged.append(_applicable(applied, lines, off, is_expanded=is_expanded))
                off = [a + b for a, b in zip(off, applied.offs, strict=True)]
                count += 1
        return self._judgement(judged, lines, off)

    def _judgement(self, judged: list[Json], lines: Sequence[Line], off: Sequence[int]) -> Json:
        """All or nothing: one promotion that does not apply takes all others with it, at status 200."""
        refused = [one for one in judged if one["status"] == "INAPPLICABLE"]
        told: Json = {"id": "valid_1", "valid": True, "stacking_rules": self._rules(), "tracking_id": "track_1"}
        if (refused and self._switches["appliesAll"]) or len(refused) == len(judged):
            kept = [one if one in refused else _after_refusal(one["id"]) for one in judged]
            return told | {"valid": False, "redeemables": kept}
        skipped = [one for one in judged if one["status"] == "SKIPPED"]
        told |= {"redeemables": [one for one in judged if one["status"] == "APPLICABLE"]}
        told |= {"order": order_told(lines, off, None), "skipped_redeemables": skipped}
        return told | {"inapplicable_redeemables": refused}

    def _order(self, asked: Json) -> tuple[list[Line], Buyer]:
        order = asked.get("order") or {}
        items = order.get("items") or ()
        if len(items) > ITEMS_LIMIT:
            raise refuse(400, "invalid_order_items")
        key = (asked.get("customer") or {}).get("source_id")
        person = people.find(key) if key else None
        channel = (order.get("metadata") or {}).get("channel")
        return [read_line(self._shop, item) for item in items], Buyer(person, channel)

    def _rules(self) -> Json:
        return {
            "redeemables_limit": REDEEMABLES_LIMIT,
            "applicable_redeemables_limit": self._switches["applicableLimit"],
            "redeemables_application_mode": "ALL" if self._switches["appliesAll"] else "PARTIAL",
            "redeemables_sorting_rule": "REQUESTED_ORDER",
            "redeemables_products_application_mode": "STACK",
            "redeemables_no_effect_rule": "REDEEM_ANYWAY",
        }


async def _body(request: Request) -> Json:
    try:
        asked = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise refuse(400, "invalid_payload") from None
    if not isinstance(asked, dict):
        raise refuse(400, "invalid_payload")
    return asked


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004


def _applicable(applied: Applied, lines: Sequence[Line], off: Sequence[int], *, is_expanded: bool) -> Json:
    offer: Offer = applied.offer
    told: Json = {"status": "APPLICABLE", "id": offer.id, "object": "promotion_tier"}
    told |= {"result": {"discount": discount_of(offer)}, "categories": []}
    return told | ({"order": order_told(lines, off, applied.offs)} if is_expanded else {})


def _inapplicable(key: str, why: str) -> Json:
    error: dict[str, Any] = {"code": 404 if why == "not_found" else 400, "key": why, "message": "Not applicable"}
    told = {"status": "INAPPLICABLE", "id": key, "object": "promotion_tier", "categories": []}
    return told | {"result": {"error": error | {"request_id": "v-1", "resource_id": key}}}


def _skipped(key: str, limit: int) -> Json:
    details = {"key": "applicable_redeemables_limit_exceeded", "message": f"Applicable limit of {limit} exceeded"}
    return {
        "status": "SKIPPED",
        "id": key,
        "object": "promotion_tier",
        "result": {"details": details},
        "categories": [],
    }


def _after_refusal(key: str) -> Json:
    details = {"key": "preceding_validation_failed", "message": "Redeemable cannot be applied"}
    told = {"status": "SKIPPED", "id": key, "object": "promotion_tier", "categories": []}
    return told | {"result": {"details": details}}
