"""Talon.One over our shop: dry sessions over a cart item catalog, and the campaigns that run.

Written from the vendor's OpenAPI document of the Integration API. Campaigns are numbered from 1; the
catalog has the shop's own price list. Sessions that are not dry are refused: nothing is kept here.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.upstreams.contract import Json
from sandbox.vendors.offers import Buyer, Line, Offer, apply_offer, line_of, offers_of
from sandbox.vendors.switches import Switches
from sandbox.world import people
from sandbox.world.shop import Shop, month_end, month_start

API_KEY = "sandbox-integration-key"
PRICE_TAG = "catalogue-price"
CHANNEL = "channel"
ITEMS_LIMIT, UNITS_LIMIT, PAGE_LIMIT = 1000, 10_000, 1000
APPLICATION = 7
BASKET_CAMPAIGN = 900
"""Five per cent off everything in a basket of more than 5,000 roubles: no campaign that prices single items."""


class Refused(Exception):
    """A request that gets an error instead of an answer; `pointers` say where it is wrong."""

    def __init__(self, status: int, message: str, pointers: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.pointers = pointers

    def told(self) -> Json:
        errors = [{"title": "Traceback of the vendor", "source": {"pointer": pointer}} for pointer in self.pointers]
        return {"message": str(self), "errors": errors, "StatusCode": self.status}


class TalonOne:
    """Fulfils `sandbox.vendors.simulator.Simulator`.

    Its switches:

    * `isBusy`: 409 for everybody, as if another request had the same profile; 409 also comes by itself when two
      requests for one session or profile overlap
    * `isKeyBad`: 401
    * `isHtml`: a proxy's page instead of an answer
    * `isNew`: fields and effects that nobody has heard of
    * `slowMillis`: before each answer
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._offers = tuple(enumerate(offers_of(shop), 1))
        self._switches = Switches(isBusy=False, isKeyBad=False, isHtml=False, isNew=False, slowMillis=0)
        self._under_way: set[str] = set()

    def app(self) -> Starlette:
        def route(path: str, answer: Callable[[Request], Awaitable[Json]], name: str, method: str) -> Route:
            async def guarded(request: Request) -> Response:
                return await self._guarded(request, answer)

            return Route(path, guarded, methods=[method], name=name)

        return Starlette(
            routes=[
                route("/v2/customer_sessions/{session}", self.session, "talon_one.session", "PUT"),
                route("/v1/integration/campaigns", self.campaigns, "talon_one.campaigns", "GET"),
            ]
        )

    def known(self) -> Json:
        return {
            "apiKey": API_KEY,
            "priceTag": PRICE_TAG,
            "channelAttribute": CHANNEL,
            "currency": "RUB",
            "campaigns": {str(number): offer.id for number, offer in self._offers},
        }

    def switches(self) -> Json:
        return self._switches.switches()

    def switch(self, wanted: Json) -> None:
        self._switches.switch(wanted)

    def reset(self) -> None:
        self._switches.reset()

    async def _guarded(self, request: Request, answer: Callable[[Request], Awaitable[Json]]) -> Response:
        """The key and the switches stand before every answer."""
        switches = self._switches
        if switches["isHtml"]:
            return HTMLResponse("<html><body>Bad Gateway</body></html>", 502)
        if switches["isKeyBad"] or request.headers.get("authorization") != f"ApiKey-v1 {API_KEY}":
            return _refusal(Refused(401, "Invalid integration API key"))
        try:
            told = await answer(request)
        except Refused as refused:
            return _refusal(refused)
        return Response(orjson.dumps(told), media_type="application/json")

    async def campaigns(self, request: Request) -> Json:
        size, skip = (
            _whole(request.query_params.get(name, usual)) for name, usual in (("pageSize", "50"), ("skip", "0"))
        )
        if not 1 <= size <= PAGE_LIMIT:
            raise Refused(400, "Invalid pageSize")
        running = [self._campaign(number, offer) for number, offer in self._offers]
        running.append(self._basket_campaign())
        await asyncio.sleep(self._switches["slowMillis"] / 1000)
        return {"hasMore": skip + size < len(running), "data": running[skip : skip + size]}

    def _campaign(self, number: int, offer: Offer) -> Json:
        is_of_items = offer.mechanic["kind"] in ("PRICE_OFF", "MULTI_BUY") and "setPrice" not in offer.mechanic
        now = self._shop.now()
        told = {
            "applicationId": APPLICATION,
            "id": number,
            "name": offer.title.ru,
            "description": "For marketers only",
            "startTime": _utc(month_start(now)),
            "endTime": _utc(month_end(now, offer.months)),
            "attributes": offer.metadata,
            "state": "enabled",
            "tags": ["shop", PRICE_TAG] if is_of_items else ["shop"],
            "features": [],
            "rules": [{"title": offer.id, "displayName": offer.title.ru}],
        }
        return told | ({"karma": {"nobody": ["knows", 1.5]}} if self._switches["isNew"] else {})

    def _basket_campaign(self) -> Json:
        return {
            "applicationId": APPLICATION,
            "id": BASKET_CAMPAIGN,
            "name": "Big basket",
            "state": "enabled",
            "tags": ["shop"],
            "features": ["coupons"],
            "attributes": {"hidden": True},
            "rules": [],
        }

    async def session(self, request: Request) -> Json:
        """One at a time per session and per profile: whoever comes meanwhile gets 409."""
        asked = _read(await request.body())
        if request.query_params.get("dry") != "true":
            raise Refused(400, "This sandbox evaluates dry sessions only")
        session = asked["customerSession"]
        places = {f"session {request.path_params['session']}"}
        places |= {f"profile {session['profileId']}"} if session.get("profileId") else set()
        if self._switches["isBusy"] or places & self._under_way:
            raise Refused(409, "Too many requests are updating this session at the same time")
        self._under_way |= places
        try:
            await asyncio.sleep(self._switches["slowMillis"] / 1000)
            return self._evaluated(request.path_params["session"], session)
        finally:
            self._under_way -= places

    def _evaluated(self, key: str, session: Json) -> Json:
        items = session.get("cartItems") or []
        if len(items) > ITEMS_LIMIT or sum(item["quantity"] for item in items) > UNITS_LIMIT:
            raise Refused(400, "Too many items", ("/customerSession/cartItems",))
        lines = [line_of(self._shop, item["sku"], item["quantity"], _minor(item.get("price"))) for item in items]
        unpriced = tuple(f"/customerSession/cartItems/{n}/price" for n, line in enumerate(lines) if not line.price)
        if unpriced:
            raise Refused(400, "Price is required for items that are in no catalog", unpriced)
        total = sum(line.amount for line in lines)
        now = _utc(self._shop.now())
        told = {
            "id": 1,
            "created": now,
            "integrationId": key,
            "applicationId": APPLICATION,
            "profileId": session.get("profileId", ""),
            "state": session.get("state", "open"),
            "cartItems": [_item(n, line) for n, line in enumerate(lines)],
            "attributes": session.get("attributes", {}),
            "firstSession": True,
            "updateCount": 1,
            "total": _major(total),
            "cartItemTotal": _major(total),
            "additionalCostTotal": 0,
            "cartItemAdditionalCostTotal": 0,
            "updated": now,
        }
        return {
            "customerSession": told,
            "effects": list(self._effects(lines, session)),
            "createdCoupons": [],
            "createdReferrals": [],
        }

    def _effects(self, lines: list[Line], session: Json) -> Iterator[Json]:
        """Discounts cascade: each campaign reduces what those before it left."""
        wanted = set(session.get("evaluableCampaignIds") or [*(number for number, _ in self._offers), BASKET_CAMPAIGN])
        person = people.find(session["profileId"]) if session.get("profileId") else None
        buyer = Buyer(person, (session.get("attributes") or {}).get(CHANNEL))
        left = [line.amount for line in lines]
        for number, offer in self._offers:
            if number not in wanted:
                continue
            applied = apply_offer(offer, lines, left, buyer)
            for place, off in enumerate(applied.offs):
                left[place] -= off
                yield from _discounts(number, offer, place, off, lines[place].quantity)
        if BASKET_CAMPAIGN in wanted and sum(left) > 500_000:  # noqa: PLR2004 (5,000 roubles)
            props: Json = {"name": "Big basket", "value": _major(sum(left) // 20), "scope": "sessionTotal"}
            yield _effect(BASKET_CAMPAIGN, "Big basket", "setDiscount", props)
        if self._switches["isNew"]:
            yield _effect(1, "karma", "addKarma", {"karma": 1.5, "position": 0, "value": 999999})


def _refusal(refused: Refused) -> Response:
    return Response(orjson.dumps(refused.told()), refused.status, media_type="application/json")


def _discounts(number: int, offer: Offer, place: int, off: int, quantity: int) -> Iterator[Json]:
    """One effect per unit, as items are flattened; units share evenly, the first ones take the kopecks left over."""
    each, rest = divmod(off, quantity)
    for unit in range(quantity):
        value = each + (unit < rest)
        if value:
            props: Json = {"name": f"{offer.title.ru} #{place}", "value": _major(value), "position": place}
            props |= {"subPosition": unit} if quantity > 1 else {}
            yield _effect(number, offer.title.ru, "setDiscountPerItem", props)


def _effect(campaign: int, rule: str, kind: str, props: Json) -> Json:
    told = {"campaignId": campaign, "rulesetId": campaign, "ruleIndex": 0, "ruleName": rule, "effectType": kind}
    return {**told, "props": props}


def _item(place: int, line: Line) -> Json:
    told = {"sku": line.source_id, "quantity": line.quantity, "price": _major(line.price), "position": place}
    return told | ({"name": line.product.title.ru, "catalogItemID": line.product.number} if line.product else {})


def _read(body: bytes) -> Json:
    try:
        asked = orjson.loads(body)
        items = asked["customerSession"].get("cartItems") or []
        if all(isinstance(item["sku"], str) and item["quantity"] > 0 for item in items):
            return dict(asked)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        pass
    raise Refused(400, "Bad request", ("/customerSession",))


def _major(minor: int) -> float | int:
    """A JSON number in major units, as Talon.One writes money."""
    return minor // 100 if minor % 100 == 0 else minor / 100


def _minor(price: Any) -> int:
    return round(float(price) * 100) if price else 0


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004


def _utc(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
