"""Which guards stand around an upstream, and in what order."""

import asyncio
import datetime as dt
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import httpx

from clients.values import DataSource
from gateway.resilience.answer import AnswerGuard
from gateway.resilience.breaker import BreakerState
from gateway.resilience.breaking import BreakerGuard, Breakers
from gateway.resilience.bulkhead import BulkheadGuard, bulkhead_gate
from gateway.resilience.deadline import DeadlineGuard
from gateway.resilience.guard import Clock
from gateway.resilience.health import HealthRecord, SourceHealth
from gateway.resilience.hedging import HedgeGuard
from gateway.resilience.meter import Meter, MeterGuard
from gateway.resilience.pacing import QuotaGuard, Turnstile
from gateway.resilience.policy import HedgePolicy, UpstreamPolicy
from gateway.resilience.quota import LocalQuotaStore, QuotaStore
from gateway.resilience.retry import Budget, RetryGuard

LayerOf = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]


def _now_utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the guards take from outside: times and chance. Tests give their own."""

    clock: Clock = field(default_factory=lambda: asyncio.get_running_loop().time)
    epoch: Callable[[], float] = time.time
    wall: Callable[[], dt.datetime] = _now_utc
    dice: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures of one upstream at this moment, beside the counters in its `meter`."""

    source: DataSource
    in_flight: int
    running: int
    running_limit: int
    waiting_for_place: int
    waiting_for_turn: int
    next_turn_in_s: float
    quota_left: float | None
    retry_budget: float
    hedge_budget: float
    breakers: dict[str, BreakerState]


class GuardedUpstream(httpx.AsyncBaseTransport):
    """One upstream with everything around it; made inside a running loop.

    Clients use it as a transport. Operators read `meter`, `snapshot()` and `health()`, and hold
    breakers. Raises SourceErrors and httpx exceptions.
    """

    def __init__(
        self,
        policy: UpstreamPolicy,
        engine: httpx.AsyncBaseTransport,
        store: QuotaStore | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        around = surroundings or Surroundings()
        shared = policy.quota is not None and store is not None
        self.policy = policy
        self.meter = Meter()
        self.breakers = Breakers(policy.breaker, around.clock, around.dice)
        self.gate = bulkhead_gate(policy.bulkhead, policy.wire.connections)
        self.retry_budget = Budget(policy.retry.budget, policy.retry.savings)
        self.hedge_budget = Budget((policy.hedge or HedgePolicy()).budget, policy.retry.savings)
        counting = store if shared and store is not None else LocalQuotaStore(around.clock)
        self.turnstile = Turnstile(counting, policy.name, policy.quota, around.clock)
        self.record = HealthRecord(policy.source, lambda: self.breakers.states().values(), around.clock, around.wall)
        self._outermost = stack(self, engine, around)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a call through all guards."""
        return await self._outermost.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all layers and the engine; the quota store belongs to whoever made it."""
        await self._outermost.aclose()

    def health(self) -> SourceHealth:
        """How the upstream is doing."""
        return self.record.read()

    def hold(self, operation: str, state: BreakerState | None) -> None:
        """Hold one operation's breaker `HELD_OPEN` or `HELD_CLOSED`, or let it decide again (None)."""
        self.breakers.of(operation).hold(state)

    def snapshot(self) -> Snapshot:
        """The figures of this moment."""
        return Snapshot(
            source=self.policy.source,
            in_flight=self.meter.in_flight,
            running=self.gate.inside,
            running_limit=self.gate.limit,
            waiting_for_place=len(self.gate.line),
            waiting_for_turn=len(self.turnstile.line),
            next_turn_in_s=self.turnstile.closed_for_s,
            quota_left=self.turnstile.quota_left,
            retry_budget=self.retry_budget.left,
            hedge_budget=self.hedge_budget.left,
            breakers=self.breakers.states(),
        )


def layers(of: GuardedUpstream, around: Surroundings) -> list[LayerOf]:
    """The guards from the client's side to the wire's. The order is the design; `docs/resilience.md` says why."""
    policy, clock = of.policy, around.clock
    return [
        partial(MeterGuard, meter=of.meter, note=of.record.note, clock=clock),
        partial(DeadlineGuard, policy=policy.deadline, clock=clock),
        partial(HedgeGuard, policy=policy.hedge, budget=of.hedge_budget, meter=of.meter, clock=clock),
        partial(RetryGuard, policy=policy.retry, budget=of.retry_budget, meter=of.meter, clock=clock, dice=around.dice),
        partial(
            BreakerGuard, breakers=of.breakers, policy=policy.breaker, usual_s=policy.deadline.total_s, clock=clock
        ),
        partial(QuotaGuard, turnstile=of.turnstile, epoch=around.epoch),
        partial(BulkheadGuard, gate=of.gate, wait_s=policy.bulkhead.wait_s, clock=clock),
        partial(AnswerGuard, dialect=policy.dialect, meter=of.meter, clock=clock, epoch=around.epoch),
    ]


def stack(of: GuardedUpstream, engine: httpx.AsyncBaseTransport, around: Surroundings) -> httpx.AsyncBaseTransport:
    """The engine with all guards around it."""
    transport = engine
    for layer in reversed(layers(of, around)):
        transport = layer(transport)
    return transport
