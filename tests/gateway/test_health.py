"""Whether the process lives, whether it is ready, and how its sources are."""

import asyncio
import datetime as dt
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from clients.contract import ContractAdapter
from clients.errors import SourceTimeout
from clients.http import CallTerms, Priority, Upstream, call_terms
from clients.values import DataSource
from gateway.health import PING_S, GuardedSources, HealthRoutes, decide_readiness, ping
from gateway.resilience.health import Health, SourceHealth
from gateway.settings import SOURCE_OF_UPSTREAM, UpstreamName
from resolvers.health import SourceState, Status


class Transport(httpx.AsyncBaseTransport):
    """A system that answers with a status, or fails."""

    def __init__(self, outcome: int | Exception) -> None:
        self.outcome = outcome
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return httpx.Response(self.outcome, json={"status": "ok"})


def adapter_over(transport: Transport, name: UpstreamName = "pricing") -> ContractAdapter:
    return ContractAdapter(Upstream(SOURCE_OF_UPSTREAM[name], f"http://{name}.local", transport, {}), lambda: 0.0)


def system(outcome: int | Exception, name: UpstreamName = "pricing") -> ContractAdapter:
    return adapter_over(Transport(outcome), name)


@pytest.mark.parametrize(
    ("outcomes", "readiness"),
    [
        ([None, None], "ready"),
        ([None, "TIMEOUT"], "degraded"),
        (["TIMEOUT", "UNAVAILABLE"], "down"),
        ([], "ready"),
    ],
)
def test_one_failing_system_degrades_and_only_all_of_them_stop(outcomes: list[str | None], readiness: str) -> None:
    """A page answers whatever one system does, so the process stays ready while any system answers."""
    assert decide_readiness(outcomes) == readiness


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (200, None),
        (503, "UNAVAILABLE"),
        (429, "THROTTLED"),
        (404, "INVALID_RESPONSE"),
        (httpx.ConnectError("to pricing.local:80"), "UNAVAILABLE"),
        (SourceTimeout(DataSource.PRICING), "TIMEOUT"),
    ],
)
async def test_a_ping_says_what_went_wrong_in_our_words(outcome: int | Exception, code: str | None) -> None:
    """Whatever a system does, the answer is a code of ours or None."""
    assert await ping(system(outcome)) == code


async def test_a_ping_is_short_and_gives_way() -> None:
    """It has a second, and comes after every page's call."""
    asked = system(200)
    await asyncio.create_task(ping(asked))
    transport = asked.upstream.transport
    assert isinstance(transport, Transport)
    [request] = transport.asked
    left_s = request.extensions["deadline"] - asyncio.get_running_loop().time()
    assert PING_S - 0.5 < left_s <= PING_S
    assert request.extensions["priority"] is Priority.REFRESH
    assert (request.method, request.url.path) == ("GET", "/health")


async def get(adapters: dict[UpstreamName, ContractAdapter], path: str) -> httpx.Response:
    app = Starlette(routes=HealthRoutes(adapters).routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        return await client.get(path)


async def test_life_asks_nobody() -> None:
    """A process whose systems are all down lives: restarting it would not help."""
    answer = await get({"pricing": system(503)}, "/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


@pytest.mark.parametrize(
    ("outcomes", "status_code", "status"),
    [((200, 200), 200, "ready"), ((200, 503), 200, "degraded"), ((503, 503), 503, "down")],
)
async def test_readiness_names_every_system(outcomes: tuple[int, int], status_code: int, status: str) -> None:
    """The answer has a line per system, without addresses, and a status that a load balancer understands."""
    adapters: dict[UpstreamName, ContractAdapter] = {"pricing": system(outcomes[0]), "geo": system(outcomes[1], "geo")}
    answer = await get(adapters, "/ready")
    said = answer.json()
    assert (answer.status_code, said["status"]) == (status_code, status)
    assert {name: one["status"] for name, one in said["upstreams"].items()} == {
        name: "ok" if outcome == 200 else "failing" for name, outcome in zip(adapters, outcomes, strict=True)
    }
    assert ".local" not in answer.text
    assert dt.datetime.fromisoformat(said["checkedAt"]).tzinfo is not None


async def test_systems_are_asked_side_by_side_and_on_terms_of_their_own() -> None:
    """One that hangs delays nobody else's ping, and the terms of pings stay with the pings."""
    gate = asyncio.Event()

    class Slow(Transport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "geo.local":
                gate.set()
            await asyncio.wait_for(gate.wait(), 5)
            return await super().handle_async_request(request)

    before = call_terms.get()
    adapters: dict[UpstreamName, ContractAdapter] = {
        "pricing": adapter_over(Slow(200)),
        "geo": adapter_over(Slow(200), "geo"),
    }
    answer = await get(adapters, "/ready")
    assert answer.json()["status"] == "ready"
    assert call_terms.get() == before == CallTerms()


def test_sources_are_told_in_the_schemas_words() -> None:
    """`Query.sources` has one status per system, with the operator's notice where there is one."""
    since = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)

    def guarded(source: DataSource, health: Health) -> Any:
        return SimpleNamespace(health=lambda: SourceHealth(source, health, since))

    sources = GuardedSources(
        {"pricing": guarded(DataSource.PRICING, Health.DOWN), "geo": guarded(DataSource.GEO, Health.OPERATIONAL)},
        notices={DataSource.PRICING: "Prices are late."},
    )
    assert sources.statuses() == [
        Status(DataSource.PRICING, SourceState.DOWN, since, "Prices are late."),
        Status(DataSource.GEO, SourceState.OPERATIONAL, since),
    ]


def test_every_health_has_its_word() -> None:
    """The two enums name the same states, or a reading could not be told."""
    assert {health.name for health in Health} == {state.name for state in SourceState}
    assert msgspec.json.encode(SourceState.DOWN) == b'"DOWN"'
