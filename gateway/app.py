"""The composition root: everything is made here, once, and closed in the reverse order."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import strawberry
from graphql import GraphQLSchema
from starlette.applications import Starlette

from gateway.cache.aiocache_store import open_store
from gateway.cache.levels import Levels, open_levels
from gateway.cache.purge import purge
from gateway.cache.response import Responses
from gateway.cache.shared import Shared
from gateway.collector import quiet_collector
from gateway.contexts import Contexts, WallClock
from gateway.datasets import Datasets, decide_policies, open_datasets
from gateway.development import development_routes
from gateway.edge import EdgeParts, core_of, make_edge
from gateway.engine import LocalityChecked, PlannedExecutor
from gateway.exchange.receivers import open_receivers
from gateway.front import Front
from gateway.health import GuardedSources, HealthRoutes, warm_up
from gateway.http.ports import Executor, Recall
from gateway.http.reference import GraphQLCoreExecutor
from gateway.ops.desk import Rooms
from gateway.ops.listener import OpsPlace
from gateway.resilience.admission import Admission, AdmissionPolicy
from gateway.responses import RememberedResponses
from gateway.settings import CacheSettings, Settings
from gateway.sharing import open_sharing
from gateway.telemetry.telemetry import Telemetry
from gateway.upstreams import Upstreams, open_upstreams
from gateway.viewers import open_viewers
from gateway.watching import open_ops, open_watch
from resolvers.schema import build_schema
from resolvers.shopper import ShopDefaults

Now = Callable[[], float]
NEVER_SHEDS = AdmissionPolicy(start=100_000, fewest=100_000, most=100_000)


@dataclass(frozen=True, slots=True)
class Opened:
    """What lives as long as the application; `shared` is None without a shared store."""

    telemetry: Telemetry
    upstreams: Upstreams
    levels: Levels
    shared: Shared | None
    datasets: Datasets

    async def purge(self, tags: Iterable[str]) -> None:
        """Forget what bears one of the tags."""
        await purge(tags, self.levels, self.shared)

    def rooms(self) -> Rooms:
        """What the operations page looks into."""
        return Rooms(self.telemetry, self.levels, self.shared, self.datasets.by_dataset, self.upstreams.guarded)


def make_app(settings: Settings, now: Now = time.time, ops: OpsPlace | None = None) -> Front:
    """Make the application; what needs an event loop is opened when the server starts it.

    `ops` is where the operations page is served, if it is.
    """
    schema = build_schema()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            open_gateway(settings, now) as opened,
            open_front(settings, schema, opened, now, front),
            open_ops(settings.ops, ops, opened.rooms(), decide_policies(is_enabled=settings.cache.is_enabled)),
            open_receivers(opened.upstreams.clients.stock, opened.purge, now) as receivers,
        ):
            app.router.routes += receivers
            adapters = opened.upstreams.adapters
            app.router.routes += HealthRoutes(adapters, opened.shared, lambda: front.is_stopping).routes()
            await warm_up(adapters)
            yield

    front = Front(Starlette(routes=development_routes(settings.development), lifespan=lifespan))
    return front


@asynccontextmanager
async def open_gateway(settings: Settings, now: Now) -> AsyncIterator[Opened]:
    """Open the upstreams, the cache and the datasets over them."""
    async with AsyncExitStack() as closing:
        telemetry = await closing.enter_async_context(open_watch(settings))
        upstreams = open_upstreams(settings, now, telemetry.watch_wire)
        closing.push_async_callback(upstreams.aclose)
        levels = open_levels(
            max_entries=settings.cache.max_entries, max_bytes=settings.cache.max_megabytes * 1024 * 1024, clock=now
        )
        shared = await open_shared(settings.cache, levels, closing)
        policies = decide_policies(is_enabled=settings.cache.is_enabled)
        datasets = open_datasets(upstreams.clients, levels, policies, shared, telemetry.watch_fetch)
        closing.push_async_callback(datasets.aclose)
        telemetry.watch_cache(levels.metrics, shared)
        telemetry.watch_upstreams(upstreams.guarded)
        await closing.enter_async_context(upstreams.following_quotas())
        yield Opened(telemetry, upstreams, levels, shared, datasets)


async def open_shared(settings: CacheSettings, levels: Levels, closing: AsyncExitStack) -> Shared | None:
    """The shared level, if the settings name a store; one that does not answer is no reason not to start."""
    if settings.shared_url is None or not settings.is_enabled:
        return None
    store = open_store(settings.shared_url.get_secret_value())
    return await closing.enter_async_context(Shared(store, levels, timeout_s=settings.shared_timeout_s))


@asynccontextmanager
async def open_front(
    settings: Settings, schema: strawberry.Schema, opened: Opened, now: Now, front: Front
) -> AsyncIterator[None]:
    """Open the front door while the block runs."""
    shop, core = settings.shop, core_of(schema)
    telemetry = opened.telemetry
    contexts = Contexts(
        sources=telemetry.watch_sources(opened.datasets.sources, opened.datasets.by_dataset),
        health=GuardedSources(opened.upstreams.guarded, notices={}),
        defaults=ShopDefaults(shop.locality_id, shop.channel, shop.language, shop.currency),
        clock=WallClock(now),
        policies=decide_policies(is_enabled=settings.cache.is_enabled),
        memory=opened.datasets,
    )
    admission = Admission(AdmissionPolicy() if settings.limits.sheds_load else NEVER_SHEDS)
    async with (
        open_viewers(settings.identity, now) as authenticate,
        open_sharing(settings.cache, opened.shared) as sharing,
        admission.following_delay(),
        quiet_collector(),
    ):
        executor, recall = decide_executor(settings, core, opened, now)
        parts = EdgeParts(executor, contexts, authenticate, telemetry.journal, admission, sharing, recall)
        edge = make_edge(settings, core, parts, now)
        telemetry.watch_door(admission, edge.places)
        front.open(edge.http, edge.socket)
        yield


def decide_executor(
    settings: Settings, schema: GraphQLSchema, opened: Opened, now: Now
) -> tuple[Executor, Recall | None]:
    """The engine that the settings name, behind the locality check and, with a cache, the response level.

    Whatever is traced goes the whole way: nothing is recalled past the traces.
    """
    engine = PlannedExecutor(schema) if settings.executor == "compiled" else GraphQLCoreExecutor(schema)
    fallbacks = engine.fallbacks if isinstance(engine, PlannedExecutor) else None
    watched = opened.telemetry.watch_executor(LocalityChecked(engine), fallbacks)
    if not settings.cache.is_enabled:
        return opened.telemetry.trace_executor(watched), None
    remembered = RememberedResponses(watched, Responses(opened.levels), now)
    traced = opened.telemetry.trace_executor(remembered)
    return traced, remembered.recall if traced is remembered else None
