"""MoySklad's JSON API 1.2 over our shop, as its documentation describes it: stock reports, entities, webhooks.

Beside the vendor's own operations there is one that stands for the people of the warehouse:
`POST /sales {sku, locationId, pieces}` says that from now on so many lie there.
"""

import asyncio
import base64
import datetime as dt
import gzip
import json
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.upstreams.contract import Json
from sandbox.vendors.books import Books
from sandbox.vendors.switches import Switches
from sandbox.world.shop import Shop

TOKEN, LOGIN, PASSWORD = "sandbox-moysklad-token", "admin@sandbox", "sandbox-password"
ROOT: Final = "/api/remap/1.2"
NAMES: Final = uuid.UUID("5a3e1c9a-0a80-4d7e-9c1b-8f6b1f3f2c11")
MOSCOW: Final = dt.timezone(dt.timedelta(hours=3))
UNITS, PERIOD_S = 45, 3.0
REPORT_WEIGHT: Final = 5
MOST_REFUSALS: Final = 200
PATIENCE_S: Final = 1.5
TYPES: Final = ("stock", "freeStock", "quantity", "reserve", "inTransit")


class Sale(msgspec.Struct, frozen=True, rename="camel"):
    sku: str
    location_id: str
    pieces: int


class Hook(msgspec.Struct, frozen=True, rename="camel"):
    url: str
    stock_type: str
    report_type: str
    enabled: bool = True


class Refused(Exception):
    """An answer with an error of the vendor's."""

    def __init__(self, status: int, code: int, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.code, self.headers = status, code, headers or {}


@lru_cache(200_000)
def key_of(name: str) -> str:
    """The vendor's key of a variant or a place."""
    return str(uuid.uuid5(NAMES, name))


class Moysklad(Switches):
    """One account.

    Switches: `authWeight` multiplies what a call with a user's token or a password costs (3 since September
    2026, 4 from December); `throttleNext` refuses so many calls; `reserved` pieces of every variant in every
    place; `inTransit` likewise; `renameFields` and `addFields` change the report's words; `isEdgeDown`
    answers with a proxy's HTML page; `repeatsHooks` calls every webhook twice; `isDisabled` is a key that
    was switched off.
    """

    def __init__(self, shop: Shop, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(
            authWeight=3,
            throttleNext=0,
            reserved=0,
            inTransit=0,
            renameFields=False,
            addFields=False,
            isEdgeDown=False,
            repeatsHooks=False,
            isDisabled=False,
        )
        self._shop = shop
        self._clock = clock
        self.books = Books(shop)
        self._changes: list[tuple[float, str, str]] = []
        self._hooks: dict[str, Hook] = {}
        self._spent: deque[tuple[float, int]] = deque()
        self._refusals: deque[float] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self.refused = 0

    def app(self) -> Starlette:
        routes = (
            ("GET", "/report/stock/bystore/current", self._by_store, REPORT_WEIGHT, "report"),
            ("GET", "/report/stock/all/current", self._in_all, REPORT_WEIGHT, "report_all"),
            ("GET", "/entity/assortment", self._assortment, 1, "assortment"),
            ("GET", "/entity/store", self._stores, 1, "store"),
            ("POST", "/entity/webhookstock", self._add_hook, 1, "webhookstock"),
        )
        return Starlette(
            routes=[
                *(
                    Route(ROOT + path, self._guarded(answer, weight), methods=[method], name=f"moysklad.{name}")
                    for method, path, answer, weight, name in routes
                ),
                Route("/sales", self._sell, methods=["POST"], name="moysklad.sales"),
            ]
        )

    def known(self) -> Json:
        """Credentials, and which place is which."""
        told = {"token": TOKEN, "login": LOGIN, "password": PASSWORD, "skuFrom": "code"}
        return {**told, "warehouses": self.warehouses()}

    def warehouses(self) -> Json:
        return self.books.known({place.id: key_of(place.id) for place in self.books.places})

    def reset(self) -> None:
        super().reset()
        self._spent.clear()
        self._refusals.clear()
        self._hooks.clear()
        self.refused = 0

    def _guarded(self, answer: Callable[[Request, bytes], Any], weight: int) -> Any:
        """What stands before every operation: headers, credentials, limits."""

        async def guarded(request: Request) -> Response:
            if self["isEdgeDown"]:
                return Response("<html><body>502 Bad Gateway</body></html>", 502, media_type="text/html")
            if "gzip" not in request.headers.get("accept-encoding", ""):
                return Response(status_code=415)
            try:
                self._check(request)
                left = self._spend(weight, request)
                told = await run_in_threadpool(answer, request, await request.body())
            except Refused as refused:
                self._refusals.append(self._clock())
                self.refused += refused.status == 429  # noqa: PLR2004
                errors = [{"error": str(refused), "code": refused.code, "moreInfo": "https://dev.moysklad.ru"}]
                return _say({"errors": errors}, refused.status, refused.headers)
            return _say(told, 200, {"x-ratelimit-limit": str(UNITS), "x-ratelimit-remaining": str(left)})

        return guarded

    def _check(self, request: Request) -> None:
        while self._refusals and self._clock() - self._refusals[0] > 60:  # noqa: PLR2004
            self._refusals.popleft()
        if self["isDisabled"] or len(self._refusals) > MOST_REFUSALS:
            raise Refused(403, 1110, "Доступ к API заблокирован")
        if request.headers.get("accept") != "application/json;charset=utf-8":
            raise Refused(400, 1062, "Неверное значение заголовка Accept")
        basic = "Basic " + base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") not in (f"Bearer {TOKEN}", basic):
            raise Refused(401, 1056, "Ошибка аутентификации: неправильный ключ, имя или пароль")

    def _spend(self, weight: int, _request: Request) -> int:
        """Units that are left; raises Refused when there are not enough."""
        now, cost = self._clock(), weight * int(self["authWeight"])
        while self._spent and now - self._spent[0][0] >= PERIOD_S:
            self._spent.popleft()
        spent = sum(units for _, units in self._spent)
        if self["throttleNext"] > 0 or spent + cost > UNITS:
            if self["throttleNext"] > 0:
                self.switch({"throttleNext": self["throttleNext"] - 1})
            wait_ms = int((PERIOD_S - (now - self._spent[0][0]) if self._spent else PERIOD_S) * 1000)
            headers = {"x-lognex-retry-after": str(wait_ms), "x-lognex-retry-timeinterval": str(int(PERIOD_S * 1000))}
            raise Refused(429, 1049, "Превышено ограничение на количество запросов", headers)
        self._spent.append((now, cost))
        return UNITS - spent - cost

    def _by_store(self, request: Request, _body: bytes) -> Json:
        rows = self._report(request)
        return [_renamed(row) if self["renameFields"] else row for row in rows]  # type: ignore[return-value]

    def _in_all(self, request: Request, _body: bytes) -> Json:
        wanted = _type_of(request)
        sums: dict[str, float] = {}
        for row in self._report(request):
            sums[row["assortmentId"]] = sums.get(row["assortmentId"], 0.0) + row[wanted]
        return [{"assortmentId": key, wanted: value} for key, value in sums.items()]  # type: ignore[return-value]

    def _report(self, request: Request) -> Iterator[Json]:
        wanted = _type_of(request)
        store = dict(
            part.partition("=")[::2] for part in request.query_params.get("filter", "").split(";") if "=" in part
        ).get("storeId")
        since = request.query_params.get("changedSince")
        more = {"newField": {"of": "tomorrow"}} if self["addFields"] else {}
        for sku, place, pieces in self._everywhere() if since is None else self._changed_since(since):
            if store in (None, key_of(place)):
                value = self._value(wanted, pieces)
                yield {"assortmentId": key_of(sku), "storeId": key_of(place), wanted: value, **more}

    def _everywhere(self) -> Iterator[tuple[str, str, int]]:
        """Sku, place and pieces of all that lies somewhere; lines of zero are left out."""
        for product, position in self.books.variants():
            for one in self.books.lying(product, position):
                if one.pieces:
                    yield product.sku(position), one.place.id, one.pieces

    def _value(self, wanted: str, pieces: int) -> float:
        """The vendor sends floats; `quantity` counts what is on its way too."""
        reserved, coming = self["reserved"], self["inTransit"]
        values = {"stock": pieces, "freeStock": pieces - reserved, "quantity": pieces - reserved + coming}
        return float({**values, "reserve": reserved, "inTransit": coming}[wanted])

    def _changed_since(self, since: str) -> Iterator[tuple[str, str, int]]:
        """What has changed, as it is now; zeros too."""
        try:
            moment = dt.datetime.strptime(since, "%Y-%m-%d %H:%M:%S").replace(tzinfo=MOSCOW)
        except ValueError:
            raise Refused(412, 1030, "Неверный формат changedSince") from None
        if self._shop.clock() - moment > dt.timedelta(hours=24):
            raise Refused(412, 1030, "changedSince не может быть старше 24 часов")
        for sku, place in dict.fromkeys((sku, place) for at, sku, place in self._changes if at >= moment.timestamp()):
            found = self._shop.goods.by_sku(sku)
            assert found is not None
            yield sku, place, next((one.pieces for one in self.books.lying(*found) if one.place.id == place), 0)

    def _assortment(self, request: Request, _body: bytes) -> Json:
        limit = min(int(request.query_params.get("limit", "1000")), 1000)
        offset = int(request.query_params.get("offset", "0"))
        skus = [product.sku(position) for product, position in self.books.variants()]
        rows = [
            {
                "meta": {"type": "variant", "href": f"{request.url.path}/{key_of(sku)}"},
                "id": key_of(sku),
                "name": sku,
                "code": sku,
                "externalCode": f"ext-{sku}",
                "salePrices": [{"value": 12345.0}],
            }
            for sku in skus[offset : offset + limit]
        ]
        meta = {"href": str(request.url), "size": len(skus), "limit": limit, "offset": offset}
        return {"context": {}, "meta": meta, "rows": rows}

    def _stores(self, request: Request, _body: bytes) -> Json:
        limit = min(int(request.query_params.get("limit", "1000")), 1000)
        rows = [{"id": key_of(place.id), "name": place.street.ru} for place in self.books.places[:limit]]
        meta = {"href": str(request.url), "size": len(self.books.places), "limit": limit, "offset": 0}
        return {"context": {}, "meta": meta, "rows": rows}

    def _add_hook(self, _request: Request, body: bytes) -> Json:
        hook = msgspec.json.decode(body, type=Hook)
        key = key_of(hook.url)
        self._hooks[key] = hook
        return {"id": key, **msgspec.to_builtins(hook)}

    async def _sell(self, request: Request) -> Response:
        try:
            sale = msgspec.json.decode(await request.body(), type=Sale)
            self.sell(sale)
        except ValueError as error:
            return Response(str(error), 400)
        for hook in self._hooks.values():
            task = asyncio.create_task(run_in_threadpool(self._call, hook))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return Response(status_code=204)

    def sell(self, sale: Sale) -> None:
        """From now on so many lie there; raises ValueError for what there is not."""
        self.books.change(sale.sku, sale.location_id, sale.pieces)
        self._changes.append((self._shop.clock().timestamp(), sale.sku, sale.location_id))

    def _call(self, hook: Hook) -> None:
        """One call and three repeats, until it is taken in time."""
        body = {
            "accountId": str(NAMES),
            "stockType": hook.stock_type,
            "reportType": hook.report_type,
            "reportUrl": f"https://api.moysklad.ru{ROOT}/report/stock/{hook.report_type}/current",
        }
        request = urllib.request.Request(  # noqa: S310 (whoever registered it names it)
            f"{hook.url}?requestId={uuid.uuid4()}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        taken = 0
        for _ in range(4):
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 (as above)
                    taken += answer.status in (200, 204)
            except (urllib.error.URLError, OSError):
                continue
            if taken > self["repeatsHooks"]:
                return


def _type_of(request: Request) -> str:
    wanted = request.query_params.get("stockType", "stock")
    if wanted not in TYPES:
        raise Refused(412, 1030, "Неверное значение stockType")
    return wanted


def _renamed(row: Json) -> Json:
    return {f"x{name}": value for name, value in row.items()}


def _say(told: Any, status: int, headers: dict[str, str]) -> Response:
    body = gzip.compress(json.dumps(told, ensure_ascii=False).encode())
    return Response(body, status, {"content-encoding": "gzip", **headers}, media_type="application/json;charset=utf-8")
