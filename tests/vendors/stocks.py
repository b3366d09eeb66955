"""Stock adapters over what they talk to in the sandbox, one rig for each, for suites over all of them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from clients.http import Upstream
from clients.stock.generic import GenericStock
from clients.values import DataSource
from sandbox.server.upstream import Upstream as Twin
from sandbox.upstreams.stock import Stock as StockTwin
from sandbox.vendors.books import Books
from sandbox.vendors.onec import Onec
from sandbox.world.shop import Shop
from tests.exchange.site import open_site
from tests.vendors.carriers import Time, Wire, shop_at


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


STOCKS: Mapping[str, Callable[[Path, Time], AbstractAsyncContextManager[Rig]]] = {
    "generic": open_generic,
    "onec": open_onec,
}
