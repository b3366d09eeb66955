"""The counters of guarded upstreams in the words of the vocabulary."""

from collections.abc import Iterable, Iterator

from gateway.resilience.breaker import BreakerState
from gateway.resilience.health import Health
from gateway.resilience.meter import Meter
from gateway.resilience.stack import GuardedUpstream, Snapshot
from gateway.telemetry import vocabulary as v
from gateway.telemetry.readings import Sample, count, spread


def read_upstreams(guarded: Iterable[GuardedUpstream]) -> Iterator[Sample]:
    """All of them."""
    for upstream in guarded:
        yield from read_upstream(upstream)


def read_upstream(upstream: GuardedUpstream) -> Iterator[Sample]:
    """One of them."""
    source = upstream.policy.name
    yield from read_meter(upstream.meter, source)
    yield from read_moment(upstream.snapshot(), source)
    health = upstream.health().health
    for state in Health:
        yield count(v.UPSTREAM_HEALTH, health is state, source, state.value.lower())
    quota = upstream.policy.quota
    if quota is not None:
        yield count(v.UPSTREAM_QUOTA, quota.calls / quota.period_s, source)


def read_meter(meter: Meter, source: str) -> Iterator[Sample]:
    """What was counted since the start."""
    for (operation, outcome), number in meter.asked.items():
        yield count(v.UPSTREAM_CALLS, number, source, operation, outcome.value)
    counted = (
        (v.UPSTREAM_SENT, meter.sent),
        (v.UPSTREAM_RETRIES, meter.retried),
        (v.UPSTREAM_REFUSED, meter.retry_refused),
        (v.UPSTREAM_HEDGES, meter.hedged),
    )
    for metric, by_operation in counted:
        for operation, number in by_operation.items():
            yield count(metric, number, source, operation)
    for operation, took in meter.latency.items():
        yield spread(v.UPSTREAM_LATENCY, took.counts, took.sum_s, source, operation, exemplars=took.exemplars)


def read_moment(now: Snapshot, source: str) -> Iterator[Sample]:
    """What is so at this moment."""
    yield count(v.UPSTREAM_IN_FLIGHT, now.in_flight, source)
    yield count(v.UPSTREAM_RUNNING, now.running, source)
    yield count(v.UPSTREAM_PLACES, now.running_limit, source)
    yield count(v.UPSTREAM_WAITING, now.waiting_for_place, source, "place")
    yield count(v.UPSTREAM_WAITING, now.waiting_for_turn, source, "turn")
    if now.quota_left is not None:
        yield count(v.UPSTREAM_QUOTA_LEFT, now.quota_left, source)
    yield count(v.UPSTREAM_BUDGET, now.retry_budget, source, "retry")
    yield count(v.UPSTREAM_BUDGET, now.hedge_budget, source, "hedge")
    for operation, is_state in now.breakers.items():
        for state in BreakerState:
            yield count(v.UPSTREAM_BREAKER, is_state is state, source, operation, state.name.lower())
