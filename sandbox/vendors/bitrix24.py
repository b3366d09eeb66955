"""Bitrix24's REST API as the vendor documents it, over our shop: batch, lists of the catalogue, tokens.

Products stand in one information block and their offers in another. What the shop calls them by is
their xmlId. Texts are Russian; the English ones of products are in properties of their own.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.upstreams.contract import Json
from sandbox.vendors.bitrix24_elements import (
    BLOCKS,
    ENUMS,
    MAPPING,
    OFFERS_BLOCK,
    PRODUCTS_BLOCK,
    Elements,
)
from sandbox.vendors.php import parse_query
from sandbox.vendors.switches import Switches
from sandbox.world.shop import Shop

WEBHOOK: Final = "1/sandboxwebhook"
CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH = "app.sandbox", "sandbox-application-key", "sandbox-refresh-0"
PAGE: Final = 50
COMMANDS: Final = 50
BUCKET, DRAIN_PER_S = 50.0, 2.0
LIVES_S: Final = 3600


class Bitrix24(Switches):
    """One portal of an ordinary plan.

    Switches: `isThrottled` answers everything with 503 and QUERY_LIMIT_EXCEEDED; `operationLimit` with
    429 and OPERATION_TIME_LIMIT; `failedCommand` fails one command of each batch with this code;
    `tokenLivesS`, `expireTokens` (all access tokens given so far); `renameFields` answers in other
    words; `isEdgeDown` answers with a proxy's HTML page and 502; `lostCommands` forgets outcomes.
    """

    def __init__(self, shop: Shop) -> None:
        super().__init__(
            isThrottled=False, operationLimit=False, failedCommand="", tokenLivesS=LIVES_S, expireTokens=False,
            renameFields=False, isEdgeDown=False, lostCommands=False,
        )  # fmt: skip
        self._shop = shop
        self._elements = Elements(shop)
        self._serial = itertools.count(1)
        self._tokens: dict[str, dt.datetime] = {}
        self._refresh = FIRST_REFRESH
        self._level, self._level_at = 0.0, shop.now()
        self._lists: dict[str, tuple[str, Callable[[Json], Iterator[Json]]]] = {
            "catalog.product.list": ("products", self._elements.products),
            "catalog.product.offer.list": ("offers", self._elements.offers),
            "catalog.section.list": ("sections", self._elements.sections),
            "catalog.productPropertyEnum.list": ("productPropertyEnums", lambda _: iter(ENUMS)),
            "catalog.catalog.list": ("catalogs", lambda _: iter(BLOCKS)),
        }

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/rest/batch.json", self.batch_by_token, methods=["POST"], name="batch"),
                Route("/rest/{user}/{secret}/batch.json", self.batch_by_hook, methods=["POST"], name="webhook.batch"),
                Route("/oauth/token/", self.refresh, methods=["POST"], name="oauth.token"),
            ]
        )

    def known(self) -> Json:
        return {
            "webhook": WEBHOOK, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "refreshToken": self._refresh,
            "productsBlock": PRODUCTS_BLOCK, "offersBlock": OFFERS_BLOCK, "mapping": MAPPING,
        }  # fmt: skip

    def reset(self) -> None:
        super().reset()
        self._level, self._level_at = 0.0, self._shop.now()

    # ---- tokens -----------------------------------------------------------------------------------

    async def refresh(self, request: Request) -> Response:
        """A refresh token is good once."""
        form = dict(parse_qsl((await request.body()).decode()))
        if self["isEdgeDown"]:
            return edge_down()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return said(401, "invalid_client")
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self._refresh:
            return said(400, "invalid_grant")
        number, lives_s = next(self._serial), int(self["tokenLivesS"])
        access, self._refresh = f"sandbox-access-{number}", f"sandbox-refresh-{number}"
        self._tokens[access] = self._shop.now() + dt.timedelta(seconds=lives_s)
        return JSONResponse(
            {"access_token": access, "expires_in": lives_s, "refresh_token": self._refresh, "scope": "catalog"}
        )

    async def batch_by_token(self, request: Request) -> Response:
        asked = await request.json()
        if self["expireTokens"]:
            self.switch({"expireTokens": False})
            self._tokens = dict.fromkeys(self._tokens, dt.datetime.min.replace(tzinfo=dt.UTC))
        until = self._tokens.get(str(asked.get("auth")))
        if until is None:
            return said(401, "NO_AUTH_FOUND")
        return said(401, "expired_token") if until <= self._shop.now() else self._batch(asked)

    async def batch_by_hook(self, request: Request) -> Response:
        if f"{request.path_params['user']}/{request.path_params['secret']}" != WEBHOOK:
            return said(401, "INVALID_CREDENTIALS")
        return self._batch(await request.json())

    # ---- lists ------------------------------------------------------------------------------------

    def _objection(self) -> Response | None:
        if self["isEdgeDown"]:
            return edge_down()
        if self["operationLimit"]:
            reset_at = int(self._shop.now().timestamp()) + 30
            return said(429, "OPERATION_TIME_LIMIT", time={"operating": 480.1, "operating_reset_at": reset_at})
        if self["isThrottled"] or self._is_full():
            return said(503, "QUERY_LIMIT_EXCEEDED")
        return None

    def _is_full(self) -> bool:
        """A bucket that leaks twice a second and holds fifty; a call that finds it full is not counted."""
        now = self._shop.now()
        self._level = max(0.0, self._level - DRAIN_PER_S * (now - self._level_at).total_seconds())
        self._level_at = now
        if self._level + 1 > BUCKET:
            return True
        self._level += 1
        return False

    def _batch(self, asked: Json) -> Response:
        objection = self._objection()
        if objection is not None:
            return objection
        commands = dict(asked.get("cmd") or {})
        if len(commands) > COMMANDS:
            return said(400, "ERROR_BATCH_LENGTH_EXCEEDED")
        results: dict[str, Json] = {}
        errors: dict[str, Json] = {}
        for number, (name, command) in enumerate(commands.items()):
            if number == 0 and self["failedCommand"]:
                errors[name] = {"error": self["failedCommand"], "error_description": "said by a switch"}
            elif not self["lostCommands"]:
                self._run(name, command, results, errors)
        told: Json = {"result": results or [], "result_error": errors or []}
        rest: Json = {"result_total": [], "result_next": [], "result_time": []}
        return JSONResponse({"result": told | rest, "time": self._time()})

    def _run(self, name: str, command: str, results: dict[str, Json], errors: dict[str, Json]) -> None:
        method, _, query = command.partition("?")
        if method not in self._lists:
            errors[name] = {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
            return
        asked, (entries, having) = parse_query(query), self._lists[method]
        wrong = wrong_in(method, asked)
        if wrong is not None:
            errors[name] = {"error": wrong, "error_description": "Required fields: iblockId"}
            return
        found = having(asked["filter"])
        page = itertools.islice((one for one in found if fits(one, asked["filter"])), PAGE)
        told = [selected(one, asked.get("select", ())) for one in page]
        results[name] = {("items" if self["renameFields"] else entries): told}

    def _time(self) -> Json:
        now = self._shop.now()
        moment = now.isoformat(timespec="seconds")
        return {
            "start": now.timestamp(), "finish": now.timestamp() + 0.2, "duration": 0.2, "processing": 0.1,
            "date_start": moment, "date_finish": moment, "operating": 0.1,
        }  # fmt: skip


def said(status: int, code: str, **more: Any) -> Response:
    return JSONResponse({"error": code, "error_description": "said by the portal", **more}, status)


def edge_down() -> Response:
    return Response("<html><h1>502 Bad Gateway</h1></html>", 502, media_type="text/html")


def wrong_in(method: str, asked: Json) -> str | None:
    """The code for a list that is not asked for as it must be."""
    needs_block = method in ("catalog.product.list", "catalog.product.offer.list", "catalog.section.list")
    if needs_block and not asked.get("filter", {}).get("iblockId"):
        return "200040300010"
    select = asked.get("select", ())
    if method.startswith("catalog.product.") and not {"id", "iblockId"} <= set(select):
        return "200040300040"
    return None


def fits(entry: Json, wanted: Json) -> bool:
    """Whether an entry passes a filter: plain equality, `>` and `@` (one of)."""
    for key, value in wanted.items():
        if key.startswith("@"):
            if plain(entry.get(key[1:])) not in {str(one) for one in value}:
                return False
        elif key.startswith(">"):
            if not int(entry[key[1:]]) > int(value):
                return False
        elif plain(entry.get(key)) != str(value):
            return False
    return True


def plain(value: Any) -> str:
    """A field as filters compare it; a property by its value."""
    return str(value["value"]) if isinstance(value, dict) else str(value)


def selected(entry: Json, names: Sequence[str]) -> Json:
    """Only what was asked for; everything when nothing was named. A property that is not set is null."""
    return {name: entry.get(name) for name in names} if names else entry
