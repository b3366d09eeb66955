"""Looking at everything that the gateway needs before it is started: each check says what to do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec

from clients.catalogue.protocol import ProductKey
from clients.errors import InvalidSourceResponse, NotOffered, SourceError, SourceThrottled, SourceTimeout
from clients.recommendations.protocol import BlockKey
from clients.scope import ForCustomer, InContext, OfCustomer, Public
from clients.search.protocol import SuggestionKey
from gateway.cache.aiocache_store import open_store
from gateway.identity.published import fetch_published
from gateway.resilience.wire import WireEngine
from gateway.settings import Settings, UpstreamName
from gateway.upstreams import Clients, open_upstreams
from gateway.vendors import GENERIC, Pinged

State = Literal["well", "look", "broken", "not set up"]
NOBODY: Final = "gateway-doctor"
"""A key that no system knows: its absence is a good answer."""

STORE_WITHIN_S: Final = 2.0


class Finding(NamedTuple):
    """One line of the table."""

    what: str
    state: State
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Scopes:
    """Who the doctor asks as: an anonymous visitor of the default place, and a customer that does not exist."""

    public: Public
    in_context: InContext
    for_customer: ForCustomer
    of_customer: OfCustomer


def scopes_of(settings: Settings) -> Scopes:
    shop = settings.shop
    place: dict[str, Any] = {"locality_id": shop.locality_id, "channel": shop.channel, "currency": shop.currency}
    return Scopes(
        Public(language=shop.language),
        InContext(**place, language=shop.language),
        ForCustomer(**place, language=shop.language, customer_id=None),
        OfCustomer(customer_id=NOBODY, language=shop.language),
    )


def question_of(name: UpstreamName, clients: Clients, scopes: Scopes) -> Awaitable[Mapping[Any, Any]]:
    """One small question of a system's contract, with its key."""
    questions: dict[UpstreamName, Callable[[], Awaitable[Mapping[Any, Any]]]] = {
        "catalogue": lambda: clients.catalogue.fetch_products([ProductKey(kind="id", key=NOBODY)], scopes.public),
        "search": lambda: clients.search.fetch_suggestions([SuggestionKey(text="a", first=1)], scopes.in_context),
        "pricing": lambda: clients.pricing.fetch_promotions([NOBODY], scopes.for_customer),
        "stock": lambda: clients.stock.fetch_availability([NOBODY], scopes.in_context),
        "loyalty": lambda: clients.loyalty.fetch_accounts([NOBODY], scopes.of_customer),
        "recommendations": lambda: clients.recommendations.fetch_blocks(
            [BlockKey(placement=NOBODY, first=1)], scopes.for_customer
        ),
        "delivery": lambda: clients.delivery.fetch_locations([NOBODY], scopes.public),
        "customers": lambda: clients.customers.fetch_customers([NOBODY], scopes.of_customer),
        "geo": lambda: clients.geo.fetch_localities([NOBODY], scopes.public),
    }
    return questions[name]()


async def examine(settings: Settings, now: Callable[[], float]) -> list[Finding]:
    """All checks; systems are asked at the same time."""
    upstreams = open_upstreams(settings, now)
    try:
        scopes = scopes_of(settings)
        systems = await asyncio.gather(
            *(
                asyncio.create_task(
                    examine_system(
                        System(name, settings.upstreams[name].vendor, upstream.base_url, upstreams.adapters[name]),
                        question_of(name, upstreams.clients, scopes),
                    )
                )
                for name, upstream in upstreams.reached.items()
            ),
            *(
                asyncio.create_task(
                    examine_system(
                        System(name, one.settings.vendor, one.reached.base_url, one.adapter),
                        one.adapter.fetch_locations([NOBODY], scopes.public),
                    )
                )
                for name, one in upstreams.beside.items()
            ),
        )
    finally:
        await upstreams.aclose()
    return [*systems, await examine_store(settings), await examine_keys(settings), examine_ops(settings)]


class System(NamedTuple):
    """A system to look at: what it is called, whose it is, where it answers and how it is asked.

    It is called by its domain, or `delivery/cdek` when it stands beside another one there.
    """

    name: str
    vendor: str
    address: str
    adapter: Pinged


async def examine_system(system: System, question: Awaitable[Mapping[Any, Any]]) -> Finding:
    """Is it there, does it say that it is well, and does it answer by its contract? It need not offer everything."""
    what = f"system {system.name}" if system.vendor == GENERIC else f"system {system.name} ({system.vendor})"
    try:
        await system.adapter.ping()
        errors = (one for one in (await question).values() if isinstance(one, SourceError))
        wrong = next((error for error in errors if not isinstance(error, NotOffered)), None)
    except SourceError as error:
        wrong = error
    finally:
        if asyncio.iscoroutine(question):
            question.close()
    if wrong is None:
        return Finding(what, "well", f"answers by its contract at {system.address}")
    return Finding(what, "broken", f"{wrong.code.value.lower()}: {wrong.detail or wrong}", advise(system, wrong))


def advise(system: System, error: SourceError) -> str:
    """What to do about a system that does not answer as it should."""
    domain, _, _ = system.name.partition("/")
    setting = f"GATEWAY_UPSTREAMS__{system.name.upper().replace('/', '__BESIDE__')}__"
    is_ours = system.vendor == GENERIC
    if isinstance(error, InvalidSourceResponse):
        if any(status in error.detail for status in ("401", "403")):
            return f"set {setting}{'API_KEY to a key' if is_ours else 'OPTIONS__... to credentials'} that it accepts"
        contract = f"docs/contracts/{domain}.yaml" if is_ours else f"docs/vendors/{system.vendor}.md"
        return f"compare its answer with {contract}"
    if isinstance(error, SourceTimeout):
        return f"is it slow, or is {setting}TIMEOUT_S too short?"
    if isinstance(error, SourceThrottled):
        return "ask its owners for a higher limit"
    if "heard" in error.detail:
        return f"it tells stock by itself: has it ever, and does it still? see docs/vendors/{system.vendor}.md"
    return f"does it run, and is {setting}URL its address?"


async def examine_store(settings: Settings) -> Finding:
    """Does the shared store take a question?"""
    url = settings.cache.shared_url
    if url is None:
        return Finding("shared store", "not set up", "each worker remembers for itself", "GATEWAY_CACHE__SHARED_URL")
    try:
        store = open_store(url.get_secret_value())
        try:
            async with asyncio.timeout(STORE_WITHIN_S):
                await store.get_many([NOBODY])
        finally:
            await store.aclose()
    except Exception as error:  # noqa: BLE001 -- whatever a store's client raises is what we came to learn
        return Finding("shared store", "broken", type(error).__name__, "can this machine reach it?")
    return Finding("shared store", "well", "answers")


async def examine_keys(settings: Settings) -> Finding:
    """Are the issuer's keys where they should be?"""
    url = settings.identity.jwks_url
    if url is None:
        return Finding("signing in", "not set up", "everybody is anonymous", "GATEWAY_IDENTITY__JWKS_URL and __ISSUER")
    engine = WireEngine()
    try:
        keys = msgspec.json.decode(await fetch_published(engine, str(url))())["keys"]
    except Exception as error:  # noqa: BLE001 -- whatever is wrong with the keys is what we came to learn
        return Finding(
            "signing in", "broken", f"no key set: {type(error).__name__}", "is GATEWAY_IDENTITY__JWKS_URL right?"
        )
    finally:
        await engine.aclose()
    found = f"{len(keys)} keys of {settings.identity.issuer}"
    return Finding("signing in", "well" if keys else "broken", found, "" if keys else "the issuer publishes no key")


def examine_ops(settings: Settings) -> Finding:
    """Can anybody see how the gateway is?"""
    ops = settings.ops
    if not ops.is_enabled:
        return Finding("operations page", "not set up", "no page and no metrics", "GATEWAY_OPS__IS_ENABLED and __TOKEN")
    state: State = "well" if ops.token.get_secret_value() else "look"
    return Finding("operations page", state, f"at {ops.host}:{ops.port}", "" if state == "well" else "it has no token")


def draw_table(findings: list[Finding]) -> str:
    """The findings in columns, as wide as they need to be."""
    widths = [max(len(finding[column]) for finding in findings) for column in range(3)]
    rows = ["  ".join([*(finding[c].ljust(widths[c]) for c in range(3)), finding.advice]) for finding in findings]
    return "\n".join(row.rstrip() for row in rows) + "\n"
