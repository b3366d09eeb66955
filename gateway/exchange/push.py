"""Stock that a system pushes: `POST /exchange/stock`, as docs/receivers/stock-push.yaml publishes it.

A message says how much there is, never how much more or less; so it may come twice, late or out of
order. What it says of a place that a later message has spoken of already is ignored. "200" means
that the message is on the disk.
"""

import asyncio
import hashlib
import hmac
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from clients.stock.ledger import (
    EVERY_WAREHOUSE,
    Message,
    Said,
    SkuFrom,
    Stage,
    find_offers,
    next_round,
    opened,
    placeholder,
    writing,
)
from clients.stock.onec import OnecSettings
from clients.stock.quantity import BadQuantity, read_quantity
from clients.values import Instant
from gateway.telemetry.logs import get_log

PATH: Final = "/exchange/stock"
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_ITEMS: Final = 5000
KEPT_MESSAGES_S: Final = 7 * 24 * 3600.0
CLOCK_SLACK_S: Final = 60.0
AT_ONCE: Final = 8
RETRY_AFTER_S: Final = 5
WRONG_KEY_S: Final = 0.5
log = get_log("gateway.exchange")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Push(msgspec.Struct, frozen=True, rename="camel"):
    """A message. Its items are read one by one, so that a bad one costs itself only."""

    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    sent_at: Instant
    items: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MOST_ITEMS)]
    full: bool = False


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """One variant in one warehouse. Quantities are numbers, or texts as 1C writes them."""

    on_hand: msgspec.Raw
    sku: Name | None = None
    xml_id: Name | None = None
    warehouse: Name | None = None
    reserved: msgspec.Raw = msgspec.Raw(b"0")
    changed_at: Instant | None = None


class Rejected(msgspec.Struct, frozen=True):
    """An item that was not applied, by its place in the message."""

    index: int
    reason: str


class Reply(msgspec.Struct, frozen=True):
    """What became of a message. An accepted item changes nothing when a later one has spoken of its place already."""

    accepted: int
    rejected: Sequence[Rejected]


class BadItem(ValueError):
    """An item that names no variant, or two."""


class Refused(Exception):
    """A message that is not taken; says what was expected."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


_PUSH: Final = msgspec.json.Decoder(Push)
_ITEM: Final = msgspec.json.Decoder(Item)


class StockPush:
    """The receiver, open to who has the key."""

    def __init__(self, settings: OnecSettings, now: Callable[[], float]) -> None:
        self._key = f"Bearer {settings.push_key.get_secret_value()}".encode()
        self._folder = settings.folder
        self._sku_from: SkuFrom = settings.sku_from
        self._now = now
        self._places = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[Route]:
        """The route to mount."""
        return [Route(PATH, self.answer, methods=["POST"])]

    async def answer(self, request: Request) -> Response:
        """Take one message."""
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), self._key):
            await asyncio.sleep(WRONG_KEY_S)
            return refuse(401, "expected this receiver's key as a bearer token")
        if self._places.locked():
            return refuse(503, f"expected at most {AT_ONCE} messages at once; got more")
        async with self._places:
            try:
                body = await read_body(request)
                reply = await asyncio.to_thread(self._take, body)
            except Refused as refused:
                return refuse(refused.status, str(refused))
            except ClientDisconnect:
                return refuse(400, "expected a whole message; got a part")
            except (sqlite3.Error, OSError) as error:
                log.warning("push not stored", why=str(error))
                return refuse(503, "the message could not be stored; send it again")
        return Response(reply, media_type="application/json")

    def _take(self, body: bytes) -> bytes:
        push = read_push(body)
        return take(self._folder, push, hashlib.sha256(body).digest(), self._sku_from, self._now())


async def read_body(request: Request) -> bytes:
    """The whole body; raises Refused when it is too large or no JSON."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "expected application/json; got another type")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise Refused(413, f"expected at most {MOST_BYTES} bytes and {MOST_ITEMS} items; got more")
    return bytes(body)


def read_push(body: bytes) -> Push:
    """A message; raises Refused."""
    try:
        return _PUSH.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"expected a message as docs/receivers/stock-push.yaml has it; got: {error}") from None


def take(folder: Path, push: Push, digest: bytes, sku_from: SkuFrom, now: float) -> bytes:
    """Apply a message and return the reply, which is the same for every repeat; raises Refused and sqlite3.Error."""
    items, rejected = read_items(push)
    with opened(folder) as connection:
        stage = Stage(connection)
        with writing(connection):
            known = connection.execute("SELECT digest, reply FROM messages WHERE id = ?", (push.message_id,)).fetchone()
            if known is not None:
                if known[0] != digest:
                    raise Refused(409, "expected a new messageId; got one that came with another message")
                return bytes(known[1])
            rows, names, strangers = resolve(connection, items, push, sku_from, now)
            rejected = sorted([*rejected, *strangers], key=lambda one: one.index)
            stage.name(names)
            stage.put(rows)
            if push.full:
                keep_rejected(stage, push, rejected)
            message = Message("", next_round(connection), now)
            stage.merge(message)
            if push.full:
                stage.clear_absent(None, message.round, moment(push.sent_at, now))
                stage.confirm(moment(push.sent_at, now))
            stage.announce()
            warn_of_negatives(push.message_id, rows)
            reply = msgspec.json.encode(Reply(len(push.items) - len(rejected), rejected))
            connection.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", (push.message_id, digest, reply, now))
            connection.execute("DELETE FROM messages WHERE heard_at < ?", (now - KEPT_MESSAGES_S,))
    return reply


def read_items(push: Push) -> tuple[dict[int, Item], list[Rejected]]:
    """The items that can be read, by place, and those that cannot."""
    items, rejected = {}, []
    for index, raw in enumerate(push.items):
        try:
            items[index] = check_item(_ITEM.decode(raw))
        except (msgspec.DecodeError, BadItem, BadQuantity) as error:
            rejected.append(Rejected(index, str(error)))
    return items, rejected


def check_item(item: Item) -> Item:
    """The item, if it names a variant and its quantities can be read; raises BadItem and BadQuantity."""
    if (item.sku is None) == (item.xml_id is None):
        raise BadItem("expected either sku or xmlId")
    read_amount(item.on_hand)
    read_amount(item.reserved)
    return item


def read_amount(raw: msgspec.Raw) -> int:
    """Thousandths of a JSON number, exactly as it is written, or of a text; raises BadQuantity."""
    text = bytes(raw).decode()
    if text.startswith('"'):
        return read_quantity(msgspec.json.decode(raw, type=str))
    return read_quantity(text)


def resolve(
    connection: sqlite3.Connection, items: dict[int, Item], push: Push, sku_from: SkuFrom, now: float
) -> tuple[list[Said], list[tuple[str, str]], list[Rejected]]:
    """Rows for the ledger, names of offers that are new, and items whose sku nobody can place."""
    owners = find_offers(connection, [item.sku for item in items.values() if item.sku is not None])
    rows, names, strangers = [], [], []
    for index, item in items.items():
        offer = item.xml_id
        if item.sku is not None:
            claimed = owners.get(item.sku, [])
            if len(claimed) > 1:
                strangers.append(Rejected(index, f"expected a sku of one offer; {len(claimed)} offers claim this one"))
                continue
            offer = claimed[0] if claimed else item.sku if sku_from == "id" else placeholder(item.sku)
        assert offer is not None
        if item.sku is not None or sku_from == "id":
            names.append((offer, item.sku or offer))
        rows.append(
            Said(
                offer,
                item.warehouse or "",
                read_amount(item.on_hand),
                read_amount(item.reserved),
                moment(item.changed_at or push.sent_at, now),
            )
        )
    return rows, names, strangers


def warn_of_negatives(message_id: str, rows: Sequence[Said]) -> None:
    """Below zero sells nothing, and somebody should know that the books are wrong."""
    below = sum(row.on_hand < 0 for row in rows)
    if below:
        log.warning("stock below zero", message=message_id, places=below)


def keep_rejected(stage: Stage, push: Push, rejected: Sequence[Rejected]) -> None:
    """In a full message a rejected item stays as it was; raises Refused when nobody can tell which one that is."""
    for one in rejected:
        told: Any = msgspec.json.decode(push.items[one.index])
        names = [told.get(name) for name in ("sku", "xmlId")] if isinstance(told, dict) else []
        known = [name for name in names if isinstance(name, str) and name]
        if not known:
            raise Refused(400, f"items[{one.index}]: expected sku or xmlId in every item of a full message")
        stage.keep(
            (offer, EVERY_WAREHOUSE)
            for name in known
            for offer in (name, placeholder(name), *find_offers(stage.connection, [name]).get(name, ()))
        )


def moment(said: Any, now: float) -> float:
    """Epoch seconds. A moment to come says that a clock is wrong, and would shut out all that follows: it is now."""
    told: float = said.timestamp()
    return now if told > now + CLOCK_SLACK_S else told


def refuse(status: int, detail: str) -> Response:
    """A problem (RFC 9457)."""
    titles = {400: "Bad Request", 401: "Unauthorized", 409: "Conflict", 413: "Content Too Large"}
    title = titles.get(status, "Unsupported Media Type" if status == 415 else "Service Unavailable")  # noqa: PLR2004
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}  # noqa: PLR2004
    if status == 401:  # noqa: PLR2004
        headers["www-authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body), status, headers, "application/problem+json")
