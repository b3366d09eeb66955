"""1C as shops know it: a client that sends its stock, by CommerceML or by single pushes.

It is told what to do like somebody in front of it would do it:

    POST /sales      {sku, locationId, pieces}: from now on so many lie there
    POST /exchange   {site, login, password, full}: exchange with the site -> {told: [answers], offers}
    POST /push       {site, key}: push what has changed since the last push -> {status, told, items}
"""

import base64
import datetime as dt
import io
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.upstreams.contract import Json
from sandbox.vendors.books import Books, Lying
from sandbox.vendors.switches import Switches
from sandbox.world.goods import Product
from sandbox.world.shop import HOME_ZONE, Shop

NAMES: Final = uuid.UUID("07cfe53d-5145-4c4e-a81c-899be39cc5bd")
MOST_STEPS: Final = 2000
PATIENCE_S: Final = 60.0


class Sale(msgspec.Struct, frozen=True, rename="camel"):
    sku: str
    location_id: str
    pieces: int


class Exchange(msgspec.Struct, frozen=True, rename="camel"):
    site: str
    login: str
    password: str
    full: bool = True


class Pushing(msgspec.Struct, frozen=True, rename="camel"):
    site: str
    key: str


def key_of(name: str) -> str:
    """1C's key of a product, a variant or a place."""
    return str(uuid.uuid5(NAMES, name))


def offer_key(product: Product, position: int) -> str:
    """`guid of the product#guid of the characteristic`."""
    return f"{key_of(product.id)}#{key_of(product.sku(position))}"


class Onec(Switches):
    """One infobase.

    Switches: `chunkBytes` of a request (0: what the site allows); `packs` sends one archive; `form` writes
    stock as "offers" or as "rests"; `encoding`; `cutsOff` sends only half of the package; `repeatsChunks`
    sends each twice; `lateS` says that the package was formed so long ago; `repeatsMessages` pushes twice.
    """

    def __init__(self, shop: Shop) -> None:
        super().__init__(
            chunkBytes=0,
            packs=False,
            form="offers",
            encoding="utf-8",
            cutsOff=False,
            repeatsChunks=False,
            lateS=0,
            repeatsMessages=False,
        )
        self._shop = shop
        self._books = Books(shop)
        self._unsent: dict[str, set[str]] = {"exchange": set(), "push": set()}
        self._messages = 0

    def app(self) -> Starlette:
        routes = (("/sales", self._sell), ("/exchange", self._exchange), ("/push", self._push))
        return Starlette(
            routes=[Route(path, answer, methods=["POST"], name=f"onec.{path[1:]}") for path, answer in routes]
        )

    def known(self) -> Json:
        """What the gateway's settings need: skus are articles, and which place is which."""
        return {"skuFrom": "article", "timeZone": str(HOME_ZONE), "warehouses": self.warehouses()}

    def warehouses(self) -> Json:
        return self._books.known({place.id: key_of(place.id) for place in self._books.places})

    def reset(self) -> None:
        super().reset()
        self._books.forget()
        for unsent in self._unsent.values():
            unsent.clear()

    async def _sell(self, request: Request) -> Response:
        try:
            sale = msgspec.json.decode(await request.body(), type=Sale)
            self._books.change(sale.sku, sale.location_id, sale.pieces)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        for unsent in self._unsent.values():
            unsent.add(sale.sku)
        return Response(status_code=204)

    async def _exchange(self, request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=Exchange)
        return JSONResponse(await run_in_threadpool(self.exchange, wanted))

    async def _push(self, request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=Pushing)
        return JSONResponse(await run_in_threadpool(self.push, wanted))

    def exchange(self, wanted: Exchange) -> Json:
        """The whole conversation; ends at the first answer that is neither success nor progress."""
        site = Site(wanted)
        told = [site.check()]
        if not told[-1].startswith("success"):
            return {"told": told, "offers": 0}
        told.append(site.ask("init"))
        limit = int(dict(line.partition("=")[::2] for line in told[-1].split("\n")).get("file_limit", "0"))
        offers = list(self.offers(None if wanted.full else self._unsent["exchange"]))
        kind = self["form"]
        content = b"".join(self.write_package(offers, is_full=wanted.full))
        name, sent = f"{kind}.xml", content
        if self["packs"]:
            name, sent = "v8.zip", pack(f"{kind}.xml", content)
        if self["cutsOff"]:
            sent = sent[: len(sent) // 2]
        size = self["chunkBytes"] or limit
        for start in range(0, len(sent), size):
            chunk = sent[start : start + size]
            told += [site.ask("file", name, chunk) for _ in range(2 if self["repeatsChunks"] else 1)]
        if told[-1] == "success":
            told.append(site.import_(f"{kind}.xml"))
        if told[-1] == "success":
            self._unsent["exchange"].clear()
        return {"told": told, "offers": len(offers)}

    def push(self, wanted: Pushing) -> Json:
        """One message with all that has changed; what was not taken is pushed again the next time."""
        self._messages += 1
        items = [
            {"sku": product.sku(position), "warehouse": key_of(lying.place.id), "onHand": lying.pieces}
            for product, position, all_lying in self.offers(self._unsent["push"])
            for lying in all_lying
        ]
        message = {"messageId": f"{NAMES}-{self._messages}", "sentAt": self._formed_at().isoformat(), "items": items}
        body = json.dumps(message).encode()
        headers = {"authorization": f"Bearer {wanted.key}", "content-type": "application/json"}
        status, told = 0, ""
        for _ in range(2 if self["repeatsMessages"] else 1):
            status, told = ask(urllib.request.Request(wanted.site, body, headers))  # noqa: S310 (whoever asks us names it)
        if status == 200:  # noqa: PLR2004
            self._unsent["push"].clear()
        return {"status": status, "told": told, "items": len(items)}

    def offers(self, only: Iterable[str] | None = None) -> Iterator[tuple[Product, int, list[Lying]]]:
        """Variants with what lies where; of some skus, or of all."""
        chosen = self._books.variants() if only is None else filter(None, map(self._shop.goods.by_sku, sorted(only)))
        return ((product, position, self._books.lying(product, position)) for product, position in chosen)

    def write_package(self, offers: Iterable[tuple[Product, int, list[Lying]]], *, is_full: bool) -> Iterator[bytes]:
        """A file of CommerceML in pieces."""
        encoding = self["encoding"]
        head = (
            f'<?xml version="1.0" encoding="{encoding}"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" '
            f'ВерсияСхемы="2.07" ДатаФормирования="{self._formed_at():%Y-%m-%dT%H:%M:%S}">\n<ПакетПредложений '
            f'СодержитТолькоИзменения="{"false" if is_full else "true"}">\n<Ид>{NAMES}#</Ид>\n'
            f"<ИдКаталога>{NAMES}</ИдКаталога>\n<Предложения>\n"
        )
        yield head.encode(encoding)
        for product, position, lying in offers:
            yield self._write_offer(product, position, lying).encode(encoding)
        yield "</Предложения>\n</ПакетПредложений>\n</КоммерческаяИнформация>\n".encode(encoding)

    def _write_offer(self, product: Product, position: int, lying: list[Lying]) -> str:
        places = [(quoteattr(key_of(one.place.id)), one) for one in lying]
        if self["form"] == "rests":
            rows = "".join(
                f"<Остаток><Склад><Ид>{key[1:-1]}</Ид><Количество>{one.pieces}</Количество></Склад></Остаток>"
                for key, one in places
            )
            told = f"<Остатки>{rows or '<Остаток><Количество>0</Количество></Остаток>'}</Остатки>"
        else:
            told = f"<Количество>{sum(one.pieces for one in lying)}</Количество>"
            told += "".join(f'<Склад ИдСклада={key} КоличествоНаСкладе="{one.pieces}"/>' for key, one in places)
        return (
            f"<Предложение><Ид>{offer_key(product, position)}</Ид><Артикул>{escape(product.sku(position))}</Артикул>"
            f"<Наименование>{escape(product.model)}</Наименование>{told}</Предложение>\n"
        )

    def _formed_at(self) -> dt.datetime:
        return self._shop.now() - dt.timedelta(seconds=self["lateS"])


class Site:
    """The other side of one exchange."""

    def __init__(self, wanted: Exchange) -> None:
        self._wanted = wanted
        self._cookie = ""

    def check(self) -> str:
        """Show login and password, and keep the cookie."""
        told = base64.b64encode(f"{self._wanted.login}:{self._wanted.password}".encode()).decode()
        answer = self._get("checkauth", headers={"authorization": f"Basic {told}"})
        lines = answer.split("\n")
        if lines[0] == "success" and len(lines) > 2:  # noqa: PLR2004
            self._cookie = f"{lines[1]}={lines[2]}"
        return answer

    def ask(self, mode: str, filename: str = "", content: bytes | None = None) -> str:
        """One step."""
        return self._get(mode, filename, content, {"cookie": self._cookie})

    def import_(self, filename: str) -> str:
        """Ask until it is over."""
        for _ in range(MOST_STEPS):
            told = self.ask("import", filename)
            if told != "progress":
                return told
        return "failure\nno end of progress"

    def _get(self, mode: str, filename: str = "", content: bytes | None = None, headers: Json | None = None) -> str:
        query = urllib.parse.urlencode({"type": "catalog", "mode": mode, "filename": filename})
        return ask(urllib.request.Request(f"{self._wanted.site}?{query}", content, headers or {}))[1]  # noqa: S310 (whoever asks us names it)


def ask(request: urllib.request.Request) -> tuple[int, str]:
    """Status and text of whatever was answered; 0 when nothing was."""
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 (whoever asks us names it)
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode("utf-8", "replace")
    except OSError as error:
        return 0, f"failure\n{error}"


def pack(name: str, content: bytes) -> bytes:
    """An archive with one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()
