"""Delivery adapters over what they talk to in the sandbox, one rig for each, for suites over all of them."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from clients.delivery.cdek import CdekDelivery
from clients.delivery.cdek_settings import CdekSettings
from clients.delivery.generic import GenericDelivery
from clients.delivery.several import Carrier, SeveralDelivery
from clients.http import Upstream
from clients.values import DataSource
from sandbox.server.upstream import Upstream as Twin
from sandbox.upstreams.delivery import Delivery as DeliveryTwin
from sandbox.vendors.cdek import CLIENT_ID, CLIENT_SECRET, CODES, Cdek
from sandbox.world.shop import Shop

Json = Any
NOON = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
"""Noon in Moscow on a Monday."""

PARCEL = {"weight_g": 1200, "length_cm": 40, "width_cm": 30, "height_cm": 12}


@dataclass
class Time:
    """A clock that stands until it is moved; the shop and the adapter read the same."""

    at: dt.datetime = NOON

    def __call__(self) -> float:
        return self.at.timestamp()

    def moment(self) -> dt.datetime:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Passes calls on, or breaks them: `fault` may answer in place of the system, or raise."""

    beneath: httpx.AsyncBaseTransport
    requests: list[httpx.Request] = field(default_factory=list)
    fault: Callable[[httpx.Request], httpx.Response | None] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.fault(request)
        if answer is None:
            answer = await self.beneath.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def to(self, path: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.url.path == path]

    def bodies(self, path: str) -> list[Json]:
        return [json.loads(request.content) for request in self.to(path)]


@dataclass
class Rig:
    """An adapter and what is beneath it."""

    adapter: Any
    wire: Wire
    time: Time
    simulator: Any = None


def shop_at(time: Time) -> Shop:
    """A small shop by this clock."""
    return Shop(1, 60, "http://pictures.test", time.moment)


def generic(time: Time) -> Rig:
    shop = shop_at(time)
    twin = Twin("delivery", shop, DeliveryTwin(shop).operations(), "key")
    wire = Wire(httpx.ASGITransport(twin))
    headers = {"authorization": "Bearer key"}
    return Rig(GenericDelivery(Upstream(DataSource.DELIVERY, "http://generic.test", wire, headers), time), wire, time)


def cdek_settings(**more: Any) -> CdekSettings:
    """The sandbox's account, sending from Moscow."""
    usual = {
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "from_city": CODES["msk"], "time_zone": "Europe/Moscow",
        "cities": CODES, "parcel": PARCEL, "page_size": 50,
    }  # fmt: skip
    return CdekSettings.model_validate({**usual, **more})


def cdek(
    time: Time, judged: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda wire: wire, **more: Any
) -> Rig:
    simulator = Cdek(shop_at(time))
    wire = Wire(judged(httpx.ASGITransport(simulator.app())))
    upstream = Upstream(DataSource.DELIVERY, "https://api.cdek.test", wire)
    return Rig(CdekDelivery(upstream, cdek_settings(**more), time), wire, time, simulator)


class ByHost(httpx.AsyncBaseTransport):
    """Several systems at one wire."""

    def __init__(self, **systems: httpx.AsyncBaseTransport) -> None:
        self.systems = systems

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = next(name for name in self.systems if name in request.url.host)
        return await self.systems[name].handle_async_request(request)


def several(time: Time) -> Rig:
    """The retailer's own stores and couriers behind our contract, and CDEK beside them."""
    own, carrier = generic(time), cdek(time)
    wire = Wire(ByHost(generic=own.wire.beneath, cdek=carrier.wire.beneath))
    ours = Upstream(DataSource.DELIVERY, "http://generic.test", wire, {"authorization": "Bearer key"})
    theirs = Upstream(DataSource.DELIVERY, "https://api.cdek.test", wire)
    adapter = SeveralDelivery(
        [
            Carrier("Галерея", GenericDelivery(ours, time)),
            Carrier("СДЭК", CdekDelivery(theirs, cdek_settings(), time)),
        ]
    )
    return Rig(adapter, wire, time, carrier.simulator)


CARRIERS = {"generic": generic, "cdek": cdek, "several": several}
