"""Puts a sandbox together: ports first, because pictures are linked by their address, then the shop and its answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.server.control import Control
from sandbox.server.faults import NO_FAULTS, Faults, LogNormal
from sandbox.server.identity import Identity
from sandbox.server.listener import Listener
from sandbox.server.running import Running
from sandbox.server.upstream import Upstream
from sandbox.upstreams.catalogue import Catalogue
from sandbox.upstreams.contract import Operation
from sandbox.upstreams.customers import Customers
from sandbox.upstreams.delivery import Delivery
from sandbox.upstreams.geo import Geo
from sandbox.upstreams.loyalty import Loyalty
from sandbox.upstreams.pricing import Pricing
from sandbox.upstreams.recommendations import Recommendations
from sandbox.upstreams.search import Search
from sandbox.upstreams.stock import Stock
from sandbox.vendors.hosting import HostedVendor
from sandbox.vendors.simulator import SIMULATORS
from sandbox.world.pictures import Pictures
from sandbox.world.shop import Clock, Shop

DOMAINS = ("catalogue", "search", "pricing", "stock", "loyalty", "recommendations", "delivery", "customers", "geo")

# Median and 99th percentile in milliseconds, as such systems have them on a good day.
LATENCY_PROFILES: dict[str, dict[str, Faults]] = {
    "none": {},
    "realistic": {
        domain: Faults(latency_log_normal=LogNormal(median, p99))
        for domain, median, p99 in (
            ("catalogue", 8, 40),
            ("search", 25, 120),
            ("pricing", 15, 80),
            ("stock", 12, 90),
            ("loyalty", 40, 300),
            ("recommendations", 35, 250),
            ("delivery", 60, 600),
            ("customers", 10, 60),
            ("geo", 10, 60),
        )
    },
}


class System(Protocol):
    """What answers in one domain."""

    def operations(self) -> Iterable[Operation[Any]]: ...


@dataclass(frozen=True, slots=True)
class Options:
    """A port of 0 means any free one; otherwise upstreams take `base_port` and the ports after it.

    `vendors` names, by domain, whose simulator answers there instead of our own contract.
    `public_host` is how others reach the sandbox, `media_url` how browsers reach its pictures; None is as it listens.
    """

    products: int
    seed: int
    host: str
    public_host: str | None
    media_url: str | None
    base_port: int
    control_port: int
    api_key: str
    latency: str
    vendors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Everything that has to be opened and closed."""

    running: Running
    control: Listener

    async def open(self) -> None:
        await self.running.open()
        await self.control.open()

    async def close(self) -> None:
        await self.control.close()
        await self.running.close()


def assemble(options: Options, clock: Clock) -> Sandbox:
    """Bind all ports and make the shop; raises OSError when a port is taken."""
    ports = [options.base_port + number if options.base_port else 0 for number in range(len(DOMAINS))]
    listeners = {
        domain: Listener(options.host, port, options.public_host) for domain, port in zip(DOMAINS, ports, strict=True)
    }
    control = Listener(options.host, options.control_port, options.public_host)
    shop = Shop(options.seed, options.products, (options.media_url or listeners["catalogue"].url).rstrip("/"), clock)
    running = _running(shop, listeners, control, options)
    for domain, listener in listeners.items():
        listener.serve(running.upstreams[domain])
    control.serve(Control(running).app())
    return Sandbox(running, control)


def _running(shop: Shop, listeners: dict[str, Listener], control: Listener, options: Options) -> Running:
    search, delivery = Search(shop), Delivery(shop)
    search.warm()
    systems: tuple[System, ...] = (
        Catalogue(shop),
        search,
        Pricing(shop),
        Stock(shop),
        Loyalty(shop),
        Recommendations(shop, search),
        delivery,
        Customers(shop),
        Geo(shop),
    )
    profile = LATENCY_PROFILES[options.latency]
    simulators = {vendor: SIMULATORS[vendor](shop) for vendor in sorted({*options.vendors.values()})}
    upstreams: dict[str, Upstream] = {}
    for domain, system in zip(DOMAINS, systems, strict=True):
        drawing = Pictures(shop.goods).draw if domain == "catalogue" else None
        if domain in options.vendors:
            upstreams[domain] = HostedVendor(domain, shop, simulators[options.vendors[domain]], drawing)
        else:
            upstreams[domain] = Upstream(domain, shop, system.operations(), options.api_key, drawing)
        upstreams[domain].be_usually(profile.get(domain, NO_FAULTS))
    return Running(shop, upstreams, listeners, delivery, Identity(control.url), options.api_key)
