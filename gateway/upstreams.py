"""The systems behind the gateway: one guarded connection pool and one adapter for each."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from clients.catalogue.protocol import Catalogue
from clients.customers.protocol import Customers
from clients.delivery.protocol import Delivery
from clients.delivery.several import Carrier, SeveralDelivery
from clients.geo.protocol import Geo
from clients.http import Upstream
from clients.loyalty.protocol import Loyalty
from clients.pricing.protocol import Pricing
from clients.recommendations.protocol import Recommendations
from clients.search.protocol import Search
from clients.stock.protocol import Stock
from clients.values import DataSource
from gateway.resilience.pacing import Turnstile
from gateway.resilience.policy import BreakerPolicy, HedgePolicy, Quota, UpstreamPolicy, default_policy
from gateway.resilience.quota import LocalQuotaStore, QuotaStore
from gateway.resilience.stack import GuardedUpstream
from gateway.resilience.valkey_quota import ValkeyQuotaStore, commands_at
from gateway.resilience.wire import WireEngine
from gateway.settings import (
    SOURCE_OF_UPSTREAM,
    CacheSettings,
    Settings,
    UpstreamName,
    UpstreamSettings,
    require_upstreams,
)
from gateway.vendors import SEVERAL_IN, ChosenVendor, Pinged, Vendor, choose_vendors, choose_vendors_beside

LOOK_AT_QUOTAS_S = 1.0
NEVER_OPENS = BreakerPolicy(min_calls=sys.maxsize, in_a_row=sys.maxsize)
REDIS_SCHEMES = {"valkey": "redis", "redis": "redis", "rediss": "rediss"}
"""The shared stores that can count calls, and what their client calls them."""


@dataclass(frozen=True, slots=True)
class Clients:
    """One client per domain."""

    catalogue: Catalogue
    search: Search
    pricing: Pricing
    stock: Stock
    loyalty: Loyalty
    recommendations: Recommendations
    delivery: Delivery
    customers: Customers
    geo: Geo


@dataclass(frozen=True, slots=True)
class OneSystem:
    """One of the systems of a domain, guarded on its own."""

    settings: UpstreamSettings
    reached: Upstream
    guarded: GuardedUpstream
    adapter: Any


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The clients, and the guarded transports under them by domain, for health and metrics.

    `adapters` are the clients by domain, for whoever treats all of them alike. Systems beside the
    first one of their domain are in `guarded` too, as `delivery/cdek`, and one by one in `beside`.
    """

    clients: Clients
    guarded: Mapping[str, GuardedUpstream]
    reached: Mapping[UpstreamName, Upstream]
    adapters: Mapping[UpstreamName, Pinged]
    beside: Mapping[str, OneSystem]
    quotas: QuotaStore

    @asynccontextmanager
    async def following_quotas(self) -> AsyncIterator[None]:
        """Look once a second how much is left of each quota, for as long as the block runs."""
        turnstiles = [guarded.turnstile for guarded in self.guarded.values() if guarded.policy.quota is not None]
        following = asyncio.create_task(_look_for_ever(turnstiles)) if turnstiles else None
        try:
            yield
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    async def aclose(self) -> None:
        """Close every pool, and then the count of calls that they share."""
        for guarded in self.guarded.values():
            await guarded.aclose()
        await self.quotas.aclose()


Wire = httpx.AsyncBaseTransport


def open_upstreams(
    settings: Settings, now: Callable[[], float], watch: Callable[[Wire], Wire] = lambda wire: wire
) -> Upstreams:
    """Make everything that talks to other systems; call inside the event loop that will use it."""
    require_upstreams(settings)
    chosen, others = choose_vendors(settings), choose_vendors_beside(SEVERAL_IN, settings.upstreams[SEVERAL_IN])
    quotas = open_quotas(settings)

    def opened(name: UpstreamName, told: UpstreamSettings, one: ChosenVendor, key: str = "") -> OneSystem:
        policy = replace(decide_policy(SOURCE_OF_UPSTREAM[name], told, one.vendor), beside=key)
        guarded = GuardedUpstream(policy, watch(WireEngine(policy.wire)), quotas)
        reached = _reach(name, told, guarded)
        return OneSystem(told, reached, guarded, one.vendor.adapter(reached, one.options, now))

    first = {name: opened(name, settings.upstreams[name], one) for name, one in chosen.items()}
    told = settings.upstreams[SEVERAL_IN].beside
    beside = {f"{SEVERAL_IN}/{key}": opened(SEVERAL_IN, told[key], one, key) for key, one in others.items()}
    adapters: dict[UpstreamName, Any] = {name: one.adapter for name, one in first.items()}
    if beside:
        carriers = [Carrier(one.settings.title, one.adapter) for one in (first[SEVERAL_IN], *beside.values())]
        adapters[SEVERAL_IN] = SeveralDelivery(carriers)
    guarded: dict[str, GuardedUpstream] = {str(name): one.guarded for name, one in first.items()}
    guarded |= {name: one.guarded for name, one in beside.items()}
    reached = {name: one.reached for name, one in first.items()}
    return Upstreams(Clients(**adapters), guarded, reached, adapters, beside, quotas)


def open_quotas(settings: Settings) -> QuotaStore:
    """Who counts calls against published limits: all processes together in a shared Valkey or Redis, or each its share.

    Memcached cannot: it has neither scripts nor lists.
    """
    clock, address = asyncio.get_running_loop().time, redis_address(settings.cache)
    if address is None:
        return LocalQuotaStore(clock, settings.workers)
    commands = commands_at(address, settings.cache.shared_timeout_s)
    return ValkeyQuotaStore(commands, clock, settings.workers)


def redis_address(cache: CacheSettings) -> str | None:
    """The shared store as redis-py names it; None where there is none, or one that runs no scripts."""
    url = cache.shared_url.get_secret_value() if cache.shared_url is not None else ""
    scheme, _, place = url.partition("://")
    return f"{REDIS_SCHEMES[scheme]}://{place}" if scheme in REDIS_SCHEMES else None


def decide_policy(source: DataSource, settings: UpstreamSettings, vendor: Vendor) -> UpstreamPolicy:
    """The source's default policy with what its vendor publishes, and over it what the operator set."""
    policy = vendor.limits(default_policy(source))
    if not settings.has_breaker:
        policy = replace(policy, breaker=NEVER_OPENS)
    if settings.has_hedging:
        policy = replace(policy, hedge=HedgePolicy())
    if settings.quota_calls is not None:
        policy = replace(policy, quota=Quota(settings.quota_calls, settings.quota_period_s))
    wire = replace(policy.wire, connections=settings.connections)
    if settings.timeout_s is None:
        return replace(policy, wire=wire)
    total_s = settings.timeout_s
    return replace(
        policy,
        wire=replace(wire, read_s=max(wire.read_s, total_s), total_s=max(wire.total_s, total_s)),
        deadline=replace(policy.deadline, total_s=total_s),
    )


async def _look_for_ever(turnstiles: Sequence[Turnstile]) -> None:
    while True:
        for turnstile in turnstiles:
            await turnstile.look()
        await asyncio.sleep(LOOK_AT_QUOTAS_S)


def _reach(name: UpstreamName, settings: UpstreamSettings, transport: GuardedUpstream) -> Upstream:
    key = settings.api_key.get_secret_value()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return Upstream(SOURCE_OF_UPSTREAM[name], str(settings.url), transport, headers)
