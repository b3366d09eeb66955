"""A site as 1C finds it: the receivers over a folder of their own, and 1C's side of the exchange."""

import asyncio
import base64
import io
import zipfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from clients.http import Upstream
from clients.scope import InContext
from clients.stock.onec import OnecSettings, OnecStock
from clients.stock.protocol import Availability
from clients.values import DataSource, SalesChannel
from gateway.exchange.importing import IS_BUSY, Busy, Job, import_file
from gateway.exchange.imports import Imports
from gateway.exchange.receivers import open_receivers

CONTEXT = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
NOW = 1_772_000_000.0
LOGIN, PASSWORD, KEY = "обмен", "тайна", "push-key"
MOSCOW = "Europe/Moscow"


@dataclass
class Clock:
    """A clock that a test moves."""

    at: float = NOW

    def __call__(self) -> float:
        return self.at


def settings(folder: Path, **more: Any) -> OnecSettings:
    """1C with both ways in."""
    given = {
        "push_key": KEY,
        "exchange_login": LOGIN,
        "exchange_password": PASSWORD,
        "time_zone": MOSCOW,
        "cap": 100_000,
        **more,
    }
    return OnecSettings.model_validate({"folder": folder, **given})


def stock_of(options: OnecSettings, clock: Clock) -> OnecStock:
    """The adapter that answers from what was received."""
    return OnecStock(Upstream(DataSource.STOCK, "http://onec.local", httpx.MockTransport(_nobody)), options, clock)


def _nobody(_request: httpx.Request) -> httpx.Response:
    raise AssertionError("expected no call: 1C is never asked")


@dataclass
class Site:
    """The receivers, asked without a socket."""

    client: httpx.AsyncClient
    stock: OnecStock
    clock: Clock
    purged: list[str] = field(default_factory=list)

    async def exchange(self, mode: str, content: bytes | None = None, **params: str) -> str:
        """One step of the exchange; its text."""
        asked = {"type": "catalog", "mode": mode, **params}
        if content is None:
            answer = await self.client.get("/exchange/commerceml", params=asked)
        else:
            answer = await self.client.post("/exchange/commerceml", params=asked, content=content)
        return answer.text

    async def begin(self) -> None:
        """Checkauth and init."""
        self.client.cookies.clear()
        told = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        answer = await self.client.get(
            "/exchange/commerceml",
            params={"type": "catalog", "mode": "checkauth"},
            headers={"authorization": f"Basic {told}"},
        )
        word, name, value = answer.text.split("\n")
        assert word == "success", answer.text
        self.client.cookies.set(name, value)
        assert (await self.exchange("init")).startswith("zip=yes\nfile_limit=")

    async def send(self, name: str, content: bytes, chunk: int = 0) -> str:
        """A file in chunks of so many bytes; the last answer."""
        told = ""
        for start in range(0, len(content), chunk or max(1, len(content))):
            told = await self.exchange("file", content[start : start + (chunk or len(content))], filename=name)
        return told

    async def import_(self, name: str) -> str:
        """Asks until it is over."""
        for _ in range(100):
            told = await self.exchange("import", filename=name)
            if told != "progress":
                return told
        raise AssertionError("expected the import to end within a hundred answers")

    async def bring(self, name: str, content: bytes) -> str:
        """A whole exchange of one file."""
        await self.begin()
        assert await self.send(name, content) == "success"
        return await self.import_(name)

    async def push(self, message: Any, key: str = KEY) -> httpx.Response:
        return await self.client.post("/exchange/stock", json=message, headers={"authorization": f"Bearer {key}"})

    async def availability(self, *skus: str) -> Mapping[str, Any]:
        return await self.stock.fetch_availability(skus, CONTEXT)

    async def quantities(self, *skus: str) -> dict[str, int | None]:
        """What shoppers are told of each sku that is known."""
        told = await self.availability(*skus)
        return {sku: one.quantity for sku, one in told.items() if isinstance(one, Availability)}


@asynccontextmanager
async def open_site(folder: Path, imports: Imports | None = None, **more: Any) -> AsyncIterator[Site]:
    """The receivers over this folder. By itself they import on a thread: a process takes a third of a second."""
    clock, purged = Clock(), list[str]()

    async def purge(tags: Iterable[str]) -> None:
        purged.extend(tags)

    stock = stock_of(settings(folder, **more), clock)
    async with open_receivers(stock, purge, clock, imports or Imports(run=lambda job: run_here(job, clock))) as routes:
        transport = httpx.ASGITransport(Starlette(routes=routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://site.local") as client:
            yield Site(client, stock, clock, purged)


async def run_here(job: Job, now: Clock) -> int:
    """What the process of an import does, in this one."""
    try:
        await asyncio.to_thread(import_file, job, now)
    except Busy:
        return IS_BUSY
    return 0


def offers(
    *rows: str, is_full: bool = True, formed_at: str = "2026-02-25T09:00:00", encoding: str = "utf-8", feed: str = "c1"
) -> bytes:
    """An offers file of CommerceML with these offers."""
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" '
        f'ВерсияСхемы="2.07" ДатаФормирования="{formed_at}"><ПакетПредложений СодержитТолькоИзменения='
        f'"{"false" if is_full else "true"}"><Ид>{feed}#</Ид><ИдКаталога>{feed}</ИдКаталога><Склады><Склад><Ид>w1</Ид>'
        f"</Склад></Склады><Предложения>{''.join(rows)}</Предложения></ПакетПредложений></КоммерческаяИнформация>"
    )
    return text.encode(encoding)


def offer(key: str, total: str | None = None, article: str = "", **warehouses: str) -> str:
    """One offer, its stock as offers.xml has it."""
    told = f"<Количество>{total}</Количество>" if total is not None else ""
    told += "".join(f'<Склад ИдСклада="{w}" КоличествоНаСкладе="{q}"/>' for w, q in warehouses.items())
    named = f"<Артикул>{article}</Артикул>" if article else ""
    return f"<Предложение><Ид>{key}</Ид>{named}<Наименование>Сапоги</Наименование>{told}</Предложение>"


def rests(key: str, total: str | None = None, **warehouses: str) -> str:
    """One offer, its stock as rests.xml has it."""
    told = f"<Остаток><Количество>{total}</Количество></Остаток>" if total is not None else ""
    told += "".join(
        f"<Остаток><Склад><Ид>{w}</Ид><Количество>{q}</Количество></Склад></Остаток>" for w, q in warehouses.items()
    )
    return f"<Предложение><Ид>{key}</Ид><Остатки>{told}</Остатки></Предложение>"


def zipped(**files: bytes) -> bytes:
    """An archive of files, by name without its ending."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.xml", content)
    return packed.getvalue()


def message(*items: Any, key: str = "m-1", **more: Any) -> Any:
    """A push."""
    return {"messageId": key, "sentAt": "2026-02-25T09:00:00+03:00", "items": list(items), **more}
