"""Whether the process lives, whether it is ready, and how its sources are."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from clients.errors import SourceError
from clients.http import CallTerms, Priority, call_terms
from clients.values import DataSource
from gateway.cache.shared import Shared
from gateway.resilience.health import Health, SourceHealth
from gateway.resilience.stack import GuardedUpstream
from gateway.settings import UpstreamName
from gateway.vendors import Pinged
from resolvers.health import SourceState, Status

PING_S = 1.0
WARM_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class GuardedSources:
    """How the sources are, as the calls of their guards tell."""

    guarded: Mapping[str, GuardedUpstream]
    notices: Mapping[DataSource, str]

    def statuses(self) -> Sequence[Status]:
        """One status per source, also where several systems stand behind it."""
        by_source: dict[DataSource, list[SourceHealth]] = {}
        for guarded in self.guarded.values():
            reading = guarded.health()
            by_source.setdefault(reading.source, []).append(reading)
        return [self._tell(source, readings) for source, readings in by_source.items()]

    def _tell(self, source: DataSource, readings: Sequence[SourceHealth]) -> Status:
        """Some of several systems down is degraded, since the last of them changed."""
        states = {reading.health for reading in readings}
        health = states.pop() if len(states) == 1 else Health.DEGRADED
        since = max(reading.since for reading in readings)
        return Status(source, SourceState[health.name], since, self.notices.get(source))


async def ping(adapter: Pinged) -> str | None:
    """Ask one system for its health; None when it is well, else what went wrong, in our words."""
    deadline = asyncio.get_running_loop().time() + PING_S
    call_terms.set(CallTerms(deadline=deadline, priority=Priority.REFRESH))
    try:
        await adapter.ping()
    except SourceError as error:
        return error.code.value
    return None


async def warm_up(adapters: Mapping[UpstreamName, Pinged], connections: int = WARM_CONNECTIONS) -> None:
    """Open a few connections to every upstream before the first request comes, for a second at most.

    An upstream that does not answer is no reason not to start. Idle connections are let go after
    `WireLimits.idle_s`: kept longer, they would be closed by the other side just as they are used.
    """
    await asyncio.gather(
        *(asyncio.create_task(ping(adapter)) for adapter in adapters.values() for _ in range(connections))
    )


class HealthRoutes:
    """`/live` says that the process runs; `/ready` that it can serve, with a ping of every upstream.

    A page answers whatever one system does, so a failing system makes the process degraded, not
    unready. Only when no system answers at all is there nothing that we could serve afresh.
    """

    def __init__(
        self,
        adapters: Mapping[UpstreamName, Pinged],
        shared: Shared | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._adapters = adapters
        self._shared = shared
        self._is_stopping = is_stopping

    async def live(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(self, _request: Request) -> JSONResponse:
        if self._is_stopping():
            return JSONResponse({"status": "stopping"}, status_code=503)
        outcomes = await asyncio.gather(*(asyncio.create_task(ping(adapter)) for adapter in self._adapters.values()))
        upstreams = dict(zip(self._adapters, outcomes, strict=True))
        status = decide_readiness(list(outcomes))
        body: dict[str, Any] = {
            "status": status,
            "checkedAt": dt.datetime.now(dt.UTC).isoformat(),
            "upstreams": {name: describe_ping(code) for name, code in upstreams.items()},
        }
        note = self._shared.note() if self._shared else None
        if note is not None:
            body["notes"] = [note]
        return JSONResponse(body, status_code=503 if status == "down" else 200)

    def routes(self) -> list[Route]:
        """The routes to mount."""
        return [Route("/live", self.live), Route("/ready", self.ready)]


def describe_ping(code: str | None) -> dict[str, str]:
    """One upstream's line of the answer."""
    return {"status": "ok"} if code is None else {"status": "failing", "code": code}


def decide_readiness(outcomes: Sequence[str | None]) -> str:
    """`ready` when every upstream is well, `down` when none is, else `degraded`."""
    failing = sum(1 for outcome in outcomes if outcome is not None)
    if not failing:
        return "ready"
    return "down" if failing == len(outcomes) else "degraded"
