"""The composition root: everything is made here, once, and closed in the reverse order."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import strawberry
from graphql import GraphQLSchema
from starlette.applications import Starlette

from gateway.cache.levels import Levels, open_levels
from gateway.cache.response import Responses
from gateway.collector import quiet_collector
from gateway.contexts import Contexts, WallClock
from gateway.datasets import Datasets, decide_policies, open_datasets
from gateway.development import development_routes
from gateway.engine import LocalityChecked, PlannedExecutor
from gateway.front import Front
from gateway.health import GuardedSources, HealthRoutes
from gateway.http.documents import Documents
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.journal import LogJournal
from gateway.http.lookup import TextLookup
from gateway.http.operations import Operations
from gateway.http.origins import Origins
from gateway.http.ports import Authenticate, Executor
from gateway.http.reference import GraphQLCoreExecutor
from gateway.http.rules import EdgeRules
from gateway.limits.guard import LimitGuard
from gateway.responses import RememberedResponses
from gateway.settings import Settings
from gateway.upstreams import Upstreams, open_upstreams
from gateway.viewers import open_viewers
from resolvers.schema import build_schema
from resolvers.shopper import ShopDefaults


@dataclass(frozen=True, slots=True)
class Opened:
    """What lives as long as the application."""

    upstreams: Upstreams
    levels: Levels
    datasets: Datasets


def make_app(settings: Settings, now: Callable[[], float] = time.time) -> Front:
    """Make the application; what needs an event loop is opened when the server starts it."""
    schema = build_schema()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            open_gateway(settings, now) as opened,
            open_viewers(settings.identity, now) as authenticate,
            quiet_collector(),
        ):
            front.graphql = make_endpoint(settings, schema, opened, authenticate, now)
            app.router.routes += HealthRoutes(opened.upstreams.reached).routes()
            yield

    front = Front(Starlette(routes=development_routes(settings.development), lifespan=lifespan))
    return front


@asynccontextmanager
async def open_gateway(settings: Settings, now: Callable[[], float]) -> AsyncIterator[Opened]:
    """Open the upstreams, the cache and the datasets over them."""
    upstreams = open_upstreams(settings, now)
    levels = open_levels(
        max_entries=settings.cache.max_entries, max_bytes=settings.cache.max_megabytes * 1024 * 1024, clock=now
    )
    datasets = open_datasets(upstreams.clients, levels, decide_policies(is_enabled=settings.cache.is_enabled))
    try:
        yield Opened(upstreams, levels, datasets)
    finally:
        await datasets.aclose()
        await upstreams.aclose()


def make_endpoint(
    settings: Settings, schema: strawberry.Schema, opened: Opened, authenticate: Authenticate, now: Callable[[], float]
) -> GraphQLEndpoint:
    """Put the front door before the schema."""
    core = schema._schema  # noqa: SLF001 -- Strawberry has no public name for the schema that it wraps
    rules = decide_rules(settings)
    journal = LogJournal()
    shop = settings.shop
    contexts = Contexts(
        sources=opened.datasets.sources,
        health=GuardedSources(opened.upstreams.guarded, notices={}),
        defaults=ShopDefaults(shop.locality_id, shop.channel, shop.language, shop.currency),
        clock=WallClock(now),
        policies=decide_policies(is_enabled=settings.cache.is_enabled),
    )
    operations = Operations(
        schema=core,
        lookup=TextLookup(Documents(core, LimitGuard(core))),
        executor=decide_executor(settings, core, opened.levels, now),
        make_context=contexts.make,
        rules=rules,
        journal=journal,
        wall_clock=now,
    )
    return GraphQLEndpoint(operations, authenticate=authenticate, rules=rules, journal=journal)


def decide_executor(settings: Settings, schema: GraphQLSchema, levels: Levels, now: Callable[[], float]) -> Executor:
    """The engine that the settings name, behind the locality check and, with a cache, the response level."""
    engine = PlannedExecutor(schema) if settings.executor == "compiled" else GraphQLCoreExecutor(schema)
    checked = LocalityChecked(engine)
    return RememberedResponses(checked, Responses(levels), now) if settings.cache.is_enabled else checked


def decide_rules(settings: Settings) -> EdgeRules:
    """How open the door is: production's rules, or a developer's."""
    is_open = settings.development.is_enabled
    origins = Origins(frozenset(origin.encode() for origin in settings.origins))
    return EdgeRules(get_queries=is_open, introspection=is_open, origins=origins)
