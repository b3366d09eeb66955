"""Stock out of MoySklad's JSON API 1.2, copied into the ledger by a synchroniser: no page waits for it.

Its limits (45 units in 3 s, of which a report takes 5 or more) are far below a shop's traffic, and its
report "what has changed since" is made for copies. Everything it answers is absolute, so windows
overlap and repeats do no harm. Source: dev.moysklad.ru, JSON API 1.2, "Отчет Остатки", "Вебхук на
изменение остатков"; see docs/vendors/moysklad.md.
"""

import asyncio
import base64
import datetime as dt
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeVar
from urllib.parse import urlencode

import msgspec
from pydantic import Field, SecretStr, field_validator, model_validator

from clients.errors import InvalidSourceResponse, SourceError, SourceThrottled
from clients.http import UNDECODABLE, Reply, call_terms, decide_objection
from clients.stock.held import HeldSettings, HeldStock
from clients.stock.quantity import BadQuantity, in_thousandths
from clients.values import DataSource

MOSCOW: Final = dt.timezone(dt.timedelta(hours=3))
"""All of its times, summer and winter; since 2014 the offset does not change."""

LONGEST_WINDOW_S: Final = 24 * 3600.0
PAGE: Final = 1000
MOST_PAGES: Final = 2000
HEADERS: Final = (("accept", "application/json;charset=utf-8"), ("accept-encoding", "gzip"))
"""Both are demanded: without gzip it answers 415 and nothing else, with another type 400."""

MOST_WAITS: Final = 30
LEAST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
"""A key that goes on asking while it is refused is switched off: more than 200 refusals in a minute."""

PIECE: Final = 256 * 1024
"""Bytes of a report that are decoded at once: some milliseconds."""

T = TypeVar("T")
StockType = Literal["freeStock", "stock", "quantity"]


class MoyskladSettings(HeldSettings):
    """Credentials, what is sold, and how often is looked."""

    token: SecretStr = Field(default=SecretStr(""), description="Access token; or a login and a password.")
    login: str = Field(default="", max_length=200, description="Login, such as admin@shop.")
    password: SecretStr = Field(default=SecretStr(""), description="Password.")
    stock_type: StockType = Field(
        default="freeStock", description="What is sold: stock without reserves, all stock, or with what is in transit."
    )
    sku_from: Literal["code", "article", "externalCode", "id"] = Field(
        default="code", description="What of an assortment is the shop's sku."
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="Last part of the webhook's address; its calls are not signed. Empty: none."
    )
    look_every_s: float = Field(default=60.0, ge=5, le=3600, description="How often is asked what has changed.")
    overlap_s: float = Field(default=120.0, ge=0, le=3600, description="How far a window reaches into the one before.")
    reads_stores_singly: bool = Field(
        default=False, description="On: everything is read store by store, for more than half a million rows."
    )
    whole_every_s: float = Field(
        default=LONGEST_WINDOW_S, ge=600, le=7 * LONGEST_WINDOW_S, description="How often everything is read anew."
    )

    @field_validator("webhook_secret")
    @classmethod
    def _is_long(cls, given: SecretStr) -> SecretStr:
        text = given.get_secret_value()
        if text and not (len(text) >= 16 and text.isalnum() and text.isascii()):  # noqa: PLR2004
            raise ValueError("expected 16 or more letters and digits: it is all that guards the webhook")
        return given

    @model_validator(mode="after")
    def _has_credentials(self) -> "MoyskladSettings":
        has_login = bool(self.login and self.password.get_secret_value())
        if bool(self.token.get_secret_value()) == has_login:
            raise ValueError("expected either token, or login and password")
        return self

    def authorization(self) -> str:
        """The header's value."""
        if token := self.token.get_secret_value():
            return f"Bearer {token}"
        return "Basic " + base64.b64encode(f"{self.login}:{self.password.get_secret_value()}".encode()).decode()


class _Level(msgspec.Struct, frozen=True, rename="camel"):
    assortment_id: str
    store_id: str
    free_stock: Decimal | None = None
    stock: Decimal | None = None
    quantity: Decimal | None = None


class _Assortment(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    code: str = ""
    article: str = ""
    external_code: str = ""


class _Entity(msgspec.Struct, frozen=True):
    id: str


class _Assortments(msgspec.Struct, frozen=True):
    rows: list[_Assortment]


class _Entities(msgspec.Struct, frozen=True):
    rows: list[_Entity]


@dataclass(frozen=True, slots=True)
class StoreLevel:
    """How much of an assortment lies in a store, in thousandths; may be below zero."""

    assortment_id: str
    store_id: str
    on_hand: int


@dataclass(frozen=True, slots=True)
class MoyskladStock(HeldStock):
    """Fulfils `clients.stock.protocol.Stock` from the copy; `fetch_...` below are for the synchroniser."""

    settings: MoyskladSettings

    async def ping(self) -> None:
        """Whether the copy is fresh enough; before there is one, the cheapest read that needs credentials.

        Asking on every ping would take units from the synchroniser. Raises SourceError.
        """
        if not await self.check_silence():
            await self.fetch_stores(limit=1)

    async def fetch_stores(self, limit: int = PAGE) -> list[str]:
        """Ids of stores."""
        stores = await self._get("/entity/store", {"limit": str(limit)}, _Entities, "stock.stores")
        return [store.id for store in stores.rows]

    async def fetch_names(self) -> AsyncIterator[list[tuple[str, str]]]:
        """Pages of assortments: id and sku, for those that have one. Rows may shift between pages: read again later."""
        for number in range(MOST_PAGES):
            asked = {"limit": str(PAGE), "offset": str(number * PAGE)}
            page = await self._get("/entity/assortment", asked, _Assortments, "stock.assortment")
            yield [(row.id, sku) for row in page.rows if (sku := self._sku(row))]
            if len(page.rows) < PAGE:
                return
        raise InvalidSourceResponse(self.upstream.source, f"expected at most {MOST_PAGES} pages of assortment")

    async def fetch_changes(self, since: float) -> AsyncIterator[list[StoreLevel]]:
        """What has changed since a moment (epoch seconds, at most a day ago); zeros too."""
        async for levels in self._fetch_report({"changedSince": write_moment(since)}):
            yield levels

    async def fetch_whole(self) -> AsyncIterator[list[StoreLevel]]:
        """All that lies anywhere; what is absent is not there."""
        if not self.settings.reads_stores_singly:
            async for levels in self._fetch_report({}):
                yield levels
            return
        for store_id in await self.fetch_stores():
            async for levels in self._fetch_report({"filter": f"storeId={store_id}"}):
                yield levels

    async def _fetch_report(self, asked: dict[str, str]) -> AsyncIterator[list[StoreLevel]]:
        wanted = {"stockType": self.settings.stock_type, **asked}
        reply = await self._ask("/report/stock/bystore/current", wanted, "stock.report")
        for piece in cut_array(reply.payload):
            rows = self._decode(piece, list[_Level], "stock.report")
            yield [self._level(row) for row in rows]
            await asyncio.sleep(0)

    def _level(self, row: _Level) -> StoreLevel:
        told = {"freeStock": row.free_stock, "stock": row.stock, "quantity": row.quantity}[self.settings.stock_type]
        if told is None:
            raise InvalidSourceResponse(self.upstream.source, f"expected {self.settings.stock_type} in every row")
        try:
            return StoreLevel(row.assortment_id, row.store_id, in_thousandths(told))
        except BadQuantity as error:
            raise InvalidSourceResponse(self.upstream.source, str(error)) from None

    def _sku(self, row: _Assortment) -> str:
        kind = self.settings.sku_from
        return {"code": row.code, "article": row.article, "externalCode": row.external_code, "id": row.id}[kind]

    async def _get(self, path: str, asked: dict[str, str], kind: type[T], operation: str) -> T:
        return self._decode((await self._ask(path, asked, operation)).payload, kind, operation)

    async def _ask(self, path: str, asked: dict[str, str], operation: str) -> Reply:
        """Who has a deadline is told at once that it is not our turn; the synchroniser has none, and waits for it."""
        for _ in range(MOST_WAITS):
            try:
                return await self._ask_once(path, asked, operation)
            except SourceThrottled as throttled:
                if call_terms.get().deadline is not None:
                    raise
                await asyncio.sleep(min(max(throttled.retry_after_s or 0.0, LEAST_WAIT_S), LONGEST_WAIT_S))
        raise SourceThrottled(self.upstream.source, f"{operation}: not our turn after {MOST_WAITS} waits")

    async def _ask_once(self, path: str, asked: dict[str, str], operation: str) -> Reply:
        headers = (*HEADERS, ("authorization", self.settings.authorization()))
        reply = await self.upstream.send("GET", f"{path}?{urlencode(asked)}", operation=operation, headers=headers)
        objection = decide_moysklad_objection(self.upstream.source, reply)
        if objection is not None:
            raise objection
        return reply

    def _decode(self, payload: bytes, kind: type[T], operation: str) -> T:
        try:
            return msgspec.json.decode(payload, type=kind)
        except UNDECODABLE as error:
            raise InvalidSourceResponse(self.upstream.source, f"{operation}: {error}") from None


def decide_moysklad_objection(source: DataSource, reply: Reply) -> SourceError | None:
    """What is wrong with an answer; its waits are in milliseconds, under names of its own."""
    if reply.status == 429:  # noqa: PLR2004
        millis = reply.headers.get("x-lognex-retry-after", "")
        wait_s = int(millis[:9]) / 1000 if millis.isascii() and millis.isdigit() else None
        return SourceThrottled(source, f"HTTP 429, code {read_error_code(reply.payload)}", wait_s)
    objection = decide_objection(source, reply.status, reply.headers)
    if isinstance(objection, InvalidSourceResponse):
        return InvalidSourceResponse(source, f"{objection.detail}, code {read_error_code(reply.payload)}")
    return objection


class _Error(msgspec.Struct, frozen=True):
    code: int = 0


class _Errors(msgspec.Struct, frozen=True):
    errors: Sequence[_Error]


def read_error_code(payload: bytes) -> int:
    """The vendor's number for what went wrong; 0 when it did not say."""
    try:
        errors = msgspec.json.decode(payload, type=_Errors).errors
    except UNDECODABLE:
        return 0
    return errors[0].code if errors else 0


def write_moment(at: float) -> str:
    """`YYYY-MM-DD HH:MM:SS` in Moscow, rounded down: a window may begin early, never late."""
    return f"{dt.datetime.fromtimestamp(int(at), MOSCOW):%Y-%m-%d %H:%M:%S}"


def cut_array(payload: bytes) -> Iterator[bytes]:
    """A JSON array of flat objects as shorter arrays, so that no decoding holds up the event loop.

    Cut at `},{` only, which in a flat row cannot stand outside of a text; a text that holds it makes
    a piece that does not decode, which is an error and no wrong value.
    """
    start = 0
    while (end := payload.find(b"},{", start + PIECE)) >= 0:
        yield (b"[" if start else b"") + payload[start : end + 1] + b"]"
        start = end + 2
    yield (b"[" if start else b"") + payload[start:]
