"""Stock adapters over what they talk to in the sandbox, one rig for each, for suites over all of them."""

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from clients.http import Upstream
from clients.stock.generic import GenericStock
from clients.stock.moysklad import MoyskladSettings, MoyskladStock
from clients.values import DataSource
from gateway.exchange.sessions import prepare_exchange
from gateway.exchange.syncing import Syncing
from sandbox.server.upstream import Upstream as Twin
from sandbox.upstreams.stock import Stock as StockTwin
from sandbox.vendors.books import Books
from sandbox.vendors.moysklad import ROOT, TOKEN, Moysklad
from sandbox.vendors.onec import Onec
from sandbox.world.shop import Shop
from tests.exchange.site import open_site
from tests.vendors.carriers import Time, Wire, shop_at

CODED = (b"content-encoding", b"content-length")


@dataclass
class Rig:
    """An adapter, the shop that it is about, and a way to break its system."""

    adapter: Any
    shop: Shop
    books: Books
    time: Time
    break_down: Callable[[], None]
    wire: Wire | None = None


@asynccontextmanager
async def open_generic(_folder: Path, time: Time) -> AsyncIterator[Rig]:
    """Our own contract."""
    shop = shop_at(time)
    twin = Twin("stock", shop, StockTwin(shop).operations(), "key")
    wire = Wire(httpx.ASGITransport(twin))
    upstream = Upstream(DataSource.STOCK, "http://stock.example", wire, {"authorization": "Bearer key"})

    def break_down() -> None:
        wire.fault = lambda _: httpx.Response(503, text="Traceback of the vendor")

    yield Rig(GenericStock(upstream, time), shop, Books(shop), time, break_down, wire)


@asynccontextmanager
async def open_onec(folder: Path, time: Time) -> AsyncIterator[Rig]:
    """1C, after one exchange."""
    shop = shop_at(time)
    infobase = Onec(shop)
    async with open_site(folder, sku_from="article", warehouses=infobase.warehouses(), cap=10) as site:
        site.clock.at = time()
        offers = list(infobase.offers())
        assert await site.bring("offers.xml", b"".join(infobase.write_package(offers, is_full=True))) == "success"
        rig = Rig(site.stock, shop, Books(shop), time, lambda: lose_disk(rig, folder))
        yield rig


def lose_disk(rig: Rig, folder: Path) -> None:
    """The adapter finds a file where its folder should be."""
    (folder / "no-folder").touch()
    settings = rig.adapter.settings.model_copy(update={"folder": folder / "no-folder"})
    rig.adapter = replace(rig.adapter, settings=settings)


class Unpacked(httpx.AsyncBaseTransport):
    """Takes off the coding of answers, as the wire engine does."""

    def __init__(self, beneath: httpx.AsyncBaseTransport) -> None:
        self._beneath = beneath

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._beneath.handle_async_request(request)
        headers = [(name, value) for name, value in answer.headers.raw if name.lower() not in CODED]
        return httpx.Response(answer.status_code, headers=headers, content=await answer.aread())


@dataclass
class MoyskladRig(Rig):
    """MoySklad with its synchroniser."""

    simulator: Any = None
    syncing: Any = None


@asynccontextmanager
async def open_moysklad(
    folder: Path,
    time: Time,
    judged: Callable[[Any], Any] = lambda wire: wire,
    products: int = 4,
    **options: Any,
) -> AsyncIterator[MoyskladRig]:
    """MoySklad, after one copying. Its limits go by a clock of their own, as if calls came seconds apart."""
    shop = replace(shop_at(time), product_count=products)
    simulator = Moysklad(shop, itertools.count(0.0, 4.0).__next__)
    wire = Wire(judged(Unpacked(httpx.ASGITransport(simulator.app()))))
    given = {"token": TOKEN, "warehouses": simulator.warehouses(), **options}
    settings = MoyskladSettings.model_validate({"folder": folder, **given})
    upstream = Upstream(DataSource.STOCK, f"https://api.moysklad.example{ROOT}", wire)
    stock = MoyskladStock(upstream, settings, time)
    prepare_exchange(folder)
    rig = MoyskladRig(stock, shop, simulator.books, time, lambda: lose_disk(rig, folder), wire, simulator)
    rig.syncing = Syncing(stock, time)
    await rig.syncing.sync()
    wire.requests.clear()
    yield rig


@asynccontextmanager
async def open_copied(folder: Path, time: Time) -> AsyncIterator[Rig]:
    """MoySklad for the suite: its own failures do not reach pages, so its disk fails and its door is shut."""
    async with open_moysklad(folder, time, products=60) as rig:

        def break_down() -> None:
            lose_disk(rig, folder)
            assert rig.wire is not None
            rig.wire.fault = lambda _: httpx.Response(503, text="Traceback of the vendor")

        rig.break_down = break_down
        yield rig


STOCKS: Mapping[str, Callable[[Path, Time], AbstractAsyncContextManager[Rig]]] = {
    "generic": open_generic,
    "moysklad": open_copied,
    "onec": open_onec,
}
