"""Whether the process lives, whether it is ready, and how its sources are."""

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from clients.errors import SourceError
from clients.http import CallTerms, Priority, Upstream, call_terms
from clients.values import DataSource
from gateway.cache.shared import Shared
from gateway.resilience.stack import GuardedUpstream
from gateway.settings import UpstreamName
from resolvers.health import SourceState, Status

PING_S = 1.0
_ANYTHING = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class GuardedSources:
    """How the sources are, as the calls of their guards tell."""

    guarded: Mapping[UpstreamName, GuardedUpstream]
    notices: Mapping[DataSource, str]

    def statuses(self) -> Sequence[Status]:
        """One status per upstream."""
        readings = [guarded.health() for guarded in self.guarded.values()]
        return [
            Status(reading.source, SourceState[reading.health.name], reading.since, self.notices.get(reading.source))
            for reading in readings
        ]


async def ping(upstream: Upstream) -> str | None:
    """Ask one upstream for its health; None when it is well, else what went wrong, in our words."""
    deadline = asyncio.get_running_loop().time() + PING_S
    call_terms.set(CallTerms(deadline=deadline, priority=Priority.REFRESH))
    try:
        await upstream.get("/health", _ANYTHING, operation="health")
    except SourceError as error:
        return error.code.value
    return None


class HealthRoutes:
    """`/live` says that the process runs; `/ready` that it can serve, with a ping of every upstream.

    A page answers whatever one system does, so a failing system makes the process degraded, not
    unready. Only when no system answers at all is there nothing that we could serve afresh.
    """

    def __init__(self, reached: Mapping[UpstreamName, Upstream], shared: Shared | None = None) -> None:
        self._reached = reached
        self._shared = shared

    async def live(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(self, _request: Request) -> JSONResponse:
        outcomes = await asyncio.gather(*(asyncio.create_task(ping(u)) for u in self._reached.values()))
        upstreams = dict(zip(self._reached, outcomes, strict=True))
        status = decide_readiness(list(outcomes))
        body: dict[str, Any] = {
            "status": status,
            "checkedAt": dt.datetime.now(dt.UTC).isoformat(),
            "upstreams": {
                name: {"status": "failing", "code": code} if code else {"status": "ok"}
                for name, code in upstreams.items()
            },
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
