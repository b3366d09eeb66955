"""Recombee as its OpenAPI document describes it: signed calls, batches, users and items that it knows or does not.

Items have our products' ids and segments our categories'. Users are remembered until a reset; the
shop's own customers are known from the beginning, all others once they are made.
"""

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Match, Route

from sandbox.upstreams.choices import Choices, Chooser, Occasion
from sandbox.upstreams.contract import Json
from sandbox.upstreams.search import Search
from sandbox.vendors.switches import Switches
from sandbox.world import people
from sandbox.world.shop import Shop

DATABASE = "sandbox-shop"
TOKEN = "recombee-token-of-the-sandbox-0123456789"  # noqa: S105 (a pretend one)
VALID_S = 30
MOST_IN_BATCH = 10_000
MOST_USERS = 100_000
"""What a sandbox remembers."""

ID = re.compile(r"[a-zA-Z0-9_\-:@.]+")
SCENARIOS: dict[str, Chooser] = {
    "popular": Choices.popular,
    "new": Choices.newest,
    "personal": Choices.to_taste,
    "viewed": Choices.seen,
    "bought": Choices.bought,
    "similar": Choices.similar,
    "together": Choices.together,
    "category": Choices.of_category,
    "search": Choices.for_query,
    "cart": Choices.addons,
}


class Refused(Exception):
    """An error with Recombee's body: `message` and `statusCode`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Answer = tuple[int, Any]


class Recombee(Switches):
    """A `sandbox.vendors.simulator.Simulator`."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(
            clockAheadS=0,
            isTokenRevoked=False,
            isThrottling=False,
            failsEveryNth=0,
            hasNewFields=False,
            hasRenamedFields=False,
        )
        self._shop = shop
        search = Search(shop)
        search.warm()
        self._choices = Choices(shop, search)
        self._users: set[str] = set()

    def app(self) -> Starlette:
        self._inner = [
            self._route("POST", "/recomms/users/{user}/items/", self._to_user, "recommend.user"),
            self._route("POST", "/recomms/items/{item}/items/", self._to_item, "recommend.item"),
            self._route("POST", "/recomms/item-segments/items/", self._to_segment, "recommend.segment"),
            self._route("POST", "/search/users/{user}/items/", self._search, "search.user"),
            self._route("PUT", "/users/{user}", self._make_user, "users.add"),
        ]
        listing = self._route("GET", "/items/list/", self._list_items, "items.list")
        batch = self._route("POST", "/batch/", self._batch, "batch")
        wrong = Route("/{wrong:path}", _nowhere, methods=["GET", "POST", "PUT"], name="nowhere")
        return Starlette(routes=[*self._inner, listing, batch, wrong])

    def known(self) -> Json:
        return {"databaseId": DATABASE, "privateToken": TOKEN, "scenarios": list(SCENARIOS)}

    def reset(self) -> None:
        super().reset()
        self._users.clear()

    def _route(
        self, method: str, path: str, answer: Callable[[dict[str, str], dict[str, Any]], Answer], name: str
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                self._check(request)
                params = _read(await request.body()) if method == "POST" else dict(request.query_params)
                status, body = answer(request.path_params, params)
            except Refused as refused:
                status, body = refused.status, {"message": str(refused), "statusCode": refused.status}
            return JSONResponse(body, status, {"date": format_datetime(self._now(), usegmt=True)})

        return Route(f"/{DATABASE}{path}", endpoint, methods=[method], name=name)

    def _now(self) -> dt.datetime:
        return self._shop.clock().astimezone(dt.UTC) + dt.timedelta(seconds=self["clockAheadS"])

    def _check(self, request: Request) -> None:
        """The signature of the very bytes that were sent, and its time."""
        sent = f"{request.scope['raw_path'].decode()}?{request.scope['query_string'].decode()}"
        signed, _, signature = sent.rpartition("&hmac_sign=")
        expected = hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).hexdigest()
        if self["isTokenRevoked"] or not hmac.compare_digest(signature, expected):
            raise Refused(401, "The signature is not valid.")
        at = re.search(r"[?&]hmac_timestamp=(\d+)", signed)
        if at is None or abs(self._now().timestamp() - int(at[1])) > VALID_S:
            raise Refused(401, "The signature has expired.")
        if self["isThrottling"]:
            raise Refused(429, "Too many requests.")

    # -- operations: (path parameters, body) -> (status, body) --------------------------------------

    def _to_user(self, path: dict[str, str], params: dict[str, Any]) -> Answer:
        self._expect_user(path["user"], params)
        return self._recommend(params, Occasion(path["user"]), Choices.to_taste)

    def _to_item(self, path: dict[str, str], params: dict[str, Any]) -> Answer:
        user = str(_required(params, "targetUserId"))
        product = self._shop.goods.by_id(_id(path["item"], "itemId"))
        if product is None:
            raise Refused(404, f"Item of id {path['item']} not found.")
        self._expect_user(user, params)
        return self._recommend(params, Occasion(user, product=product), Choices.similar)

    def _to_segment(self, _: dict[str, str], params: dict[str, Any]) -> Answer:
        segment, user = str(_required(params, "contextSegmentId")), str(_required(params, "targetUserId"))
        if segment not in self._shop.tree.by_id:
            raise Refused(404, f"Segment {segment} not found.")
        self._expect_user(user, params)
        return self._recommend(params, Occasion(user, category_id=segment), Choices.of_category)

    def _search(self, path: dict[str, str], params: dict[str, Any]) -> Answer:
        text = str(_required(params, "searchQuery"))
        self._expect_user(path["user"], params)
        return self._recommend(params, Occasion(path["user"], text=text), Choices.for_query)

    def _make_user(self, path: dict[str, str], _: dict[str, Any]) -> Answer:
        if self._is_known(_id(path["user"], "userId")):
            raise Refused(409, "User already present.")
        self._remember(path["user"])
        return 201, "ok"

    def _list_items(self, _: dict[str, str], params: dict[str, Any]) -> Answer:
        count = int(params.get("count", len(self._shop.goods.products)))
        return 200, [product.id for product in self._shop.goods.products[:count]]

    def _batch(self, _: dict[str, str], params: dict[str, Any]) -> Answer:
        requests = _required(params, "requests")
        if len(requests) > MOST_IN_BATCH:
            raise Refused(413, f"Batch contains more than {MOST_IN_BATCH} requests.")
        found = [self._find(one) for one in requests]
        return 200, [self._part(number, *both) for number, both in enumerate(zip(found, requests, strict=True), 1)]

    def _find(self, one: dict[str, Any]) -> tuple[Route, dict[str, str]]:
        """Who answers a part of a batch; one wrong address refuses the whole batch."""
        scope = {"type": "http", "method": one["method"], "path": f"/{DATABASE}{one['path']}"}
        for route in self._inner:
            match, inner = route.matches(scope)
            if match is Match.FULL:
                return route, inner["path_params"]
        raise Refused(404, f"Invalid URL in the batch: {one['path']}")

    def _part(self, number: int, found: tuple[Route, dict[str, str]], one: dict[str, Any]) -> Json:
        route, path = found
        nth = self["failsEveryNth"]
        if nth and number % nth == 0:
            return {"code": 500, "json": {"message": "Internal error.", "statusCode": 500}}
        operations = {
            "recommend.user": self._to_user,
            "recommend.item": self._to_item,
            "recommend.segment": self._to_segment,
            "search.user": self._search,
            "users.add": self._make_user,
        }
        try:
            code, body = operations[route.name](path, one.get("params", {}))
        except Refused as refused:
            code, body = refused.status, {"message": str(refused), "statusCode": refused.status}
        return {"code": code, "json": body}

    # -- what it knows ------------------------------------------------------------------------------

    def _expect_user(self, user: str, params: dict[str, Any]) -> None:
        if self._is_known(_id(user, "userId")):
            return
        if not params.get("cascadeCreate"):
            raise Refused(404, f"User of id {user} not found.")
        self._remember(user)

    def _is_known(self, user: str) -> bool:
        return user in self._users or people.find(user) is not None

    def _remember(self, user: str) -> None:
        if len(self._users) < MOST_USERS:
            self._users.add(user)

    def _recommend(self, params: dict[str, Any], occasion: Occasion, usual: Chooser) -> Answer:
        count = _required(params, "count")
        if not isinstance(count, int) or count < 1:
            raise Refused(400, "count is not a positive integer.")
        chooser = SCENARIOS.get(str(params.get("scenario", "")), usual)
        chosen = self._choices.first(count, chooser, occasion)
        subject = f"{occasion.shopper}/{occasion.product and occasion.product.id}/{params}"
        answer: dict[str, Any] = {
            "recommId": str(uuid5(NAMESPACE_URL, subject)),
            "recomms": [{"id": self._shop.goods.products[number - 1].id} for number in chosen],
            "numberNextRecommsCalls": 0,
        }
        if self["hasNewFields"]:
            answer |= {"abGroup": "B", "recomms": [{**one, "score": 0.5, "values": {}} for one in answer["recomms"]]}
        if self["hasRenamedFields"]:
            answer["items"] = answer.pop("recomms")
        return 200, answer


async def _nowhere(_: Request) -> Response:
    """A wrong address, or another database's, is no JSON."""
    return PlainTextResponse("Not Found", 404)


def _read(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise Refused(400, "The body is not a valid JSON.") from None


def _required(params: dict[str, Any], name: str) -> Any:
    if params.get(name) in (None, ""):
        raise Refused(400, f"{name} is not provided.")
    return params[name]


def _id(given: str, name: str) -> str:
    if not ID.fullmatch(given):
        raise Refused(400, f"{name} does not match ^[a-zA-Z0-9_\\-:@\\.]+$")
    return given
