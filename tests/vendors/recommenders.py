"""The adapters of recommenders over their simulators, all told the same placements."""

import datetime as dt
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from clients.http import Upstream
from clients.recommendations.protocol import BlockKey, Recommendations
from clients.scope import ForCustomer
from clients.values import DataSource, SalesChannel
from gateway.vendors import VENDORS
from sandbox.server import upstream as generic
from sandbox.upstreams.recommendations import Recommendations as GenericRecommender
from sandbox.upstreams.search import Search
from sandbox.vendors import recombee, retail_rocket
from sandbox.vendors.hosting import HostedVendor
from sandbox.world.shop import Shop

NOON = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
NOW = NOON.timestamp()
PAGES = Path(__file__).parents[2] / "docs" / "vendors"
KEY = "key-of-the-sandbox"

SIMILAR = BlockKey(placement="product_similar", first=8, product_id="p-000007")
TOGETHER = BlockKey(placement="product_together", first=4, product_id="p-000007")
POPULAR = BlockKey(placement="home_popular", first=12)
PERSONAL = BlockKey(placement="home_personal", first=12)
VIEWED = BlockKey(placement="recently_viewed", first=5)
OF_CATEGORY = BlockKey(placement="category_popular", first=6, category_id="c-1")
SEARCHED = BlockKey(placement="search_empty", first=6, query="сапоги & ботинки")
KNOWN = (SIMILAR, TOGETHER, POPULAR, PERSONAL, VIEWED, OF_CATEGORY, SEARCHED)


def for_customer(customer_id: str | None = None, **changes: Any) -> ForCustomer:
    """Who asks, in Moscow and in Russian unless told otherwise."""
    usual: dict[str, Any] = {
        "locality_id": "msk",
        "channel": SalesChannel.WEB,
        "currency": "RUB",
        "language": "ru",
    }
    return ForCustomer(customer_id=customer_id, **usual | changes)


ANNA = for_customer("cust-anna")
VISITOR = for_customer()


@cache
def shop() -> Shop:
    """A small shop at noon in Moscow."""
    return Shop(1, 400, "http://pictures.test", lambda: NOON)


@cache
def _generic() -> generic.Upstream:
    operations = GenericRecommender(shop(), Search(shop())).operations()
    return generic.Upstream("recommendations", shop(), operations, KEY)


@cache
def retail_rocket_simulator() -> retail_rocket.RetailRocket:
    return retail_rocket.RetailRocket(shop())


@cache
def recombee_simulator() -> recombee.Recombee:
    return recombee.Recombee(shop())


def documented(vendor: str, **more: Any) -> dict[str, Any]:
    """The options on a vendor's page, with the sandbox's credentials."""
    text = (PAGES / f"{vendor}.md").read_text().partition("```toml\n")[2].partition("```")[0]
    options: dict[str, Any] = tomllib.loads(text)["upstreams"]["recommendations"]["options"]
    return options | CREDENTIALS[vendor] | more


CREDENTIALS: dict[str, dict[str, Any]] = {
    "retail_rocket": {"partner_id": retail_rocket.PARTNER, "api_key": retail_rocket.API_KEY},
    "recombee": {"database_id": recombee.DATABASE, "private_token": recombee.TOKEN},
}


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand."""

    time_s: float = NOW

    def __call__(self) -> float:
        return self.time_s


def make(
    vendor: str, transport: httpx.AsyncBaseTransport, *, now: Callable[[], float] | None = None, **options: Any
) -> Any:
    """A vendor's adapter over a transport, as the gateway makes it."""
    headers = {"authorization": f"Bearer {KEY}"} if vendor == "generic" else {}
    upstream = Upstream(DataSource.RECOMMENDATIONS, "https://vendor.example", transport, headers)
    row = VENDORS["recommendations"][vendor]
    told = row.options.model_validate({} if vendor == "generic" else documented(vendor, **options))
    adapter: Recommendations = row.adapter(upstream, told, now or Clock())
    return adapter


def simulated(vendor: str, **switches: Any) -> httpx.AsyncBaseTransport:
    """The vendor's simulator, as if it had just started; with some switches set."""
    if vendor == "generic":
        return httpx.ASGITransport(_generic())
    simulator = retail_rocket_simulator() if vendor == "retail_rocket" else recombee_simulator()
    simulator.reset()
    simulator.switch(switches)
    return httpx.ASGITransport(HostedVendor("recommendations", shop(), simulator))


class Counting(httpx.AsyncBaseTransport):
    """Remembers what passes."""

    def __init__(self, beneath: httpx.AsyncBaseTransport) -> None:
        self.beneath = beneath
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return await self.beneath.handle_async_request(request)


class Saying(httpx.AsyncBaseTransport):
    """Answers the same to everything, or raises."""

    def __init__(self, said: httpx.Response | Exception) -> None:
        self.said = said

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if isinstance(self.said, Exception):
            raise self.said
        return httpx.Response(self.said.status_code, headers=self.said.headers, content=self.said.content)
