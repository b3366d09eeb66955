"""What the operations page shows at one moment: pure functions of figures.

`total` counts since the workers started, `recent` over the last minute, `latest` over the last few
seconds. Hit rates are shares of keys that memory answered at once.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from clients.values import Dataset
from gateway.cache.policy import SOURCE_OF, Policy
from gateway.resilience.outcome import FAULTS, Outcome
from gateway.telemetry import vocabulary as v
from gateway.telemetry.readings import Readings, quantile
from gateway.telemetry.vocabulary import Metric

SLOWEST: Final = 8
FEWEST_CALLS: Final = 3
FAILING_FROM: Final = 0.5
WORRYING_FROM: Final = 0.1
STALE_FROM: Final = 0.05
QUOTA_LOW: Final = 0.1
THRASHING_FROM: Final = 0.2
MINUTE_S: Final = 60.0
COUNTED_AS_FAILING: Final = frozenset({*FAULTS, Outcome.CIRCUIT_OPEN})


class Spans(NamedTuple):
    """The same figures over three spans; `recent_s` is how long the recent one is."""

    total: Readings
    recent: Readings
    latest: Readings
    recent_s: float


class Tile(NamedTuple):
    """A source in one word: `well`, `watch`, `failing` or `idle`, and why."""

    state: str
    why: str


def decide_tile(latest: Readings, source: str, recent: Readings) -> Tile:
    """How a source is, sooner than its health says: that looks at half a minute, this at the last seconds."""
    held = [state for state in ("open", "held_open") if latest.number(v.UPSTREAM_BREAKER, source=source, state=state)]
    failing, calls = count_calls(latest, source)
    if held:
        return Tile("failing", "its breaker is open" if held == ["open"] else "held open by hand")
    if latest.number(v.UPSTREAM_HEALTH, source=source, state="down"):
        return Tile("failing", "nearly every call fails")
    if calls >= FEWEST_CALLS and failing >= FAILING_FROM * calls:
        return Tile("failing", f"{failing / calls:.0%} of its calls fail")
    if latest.number(v.UPSTREAM_HEALTH, source=source, state="degraded") or failing > WORRYING_FROM * calls:
        return Tile("watch", f"{failing:.0f} of {calls:.0f} calls failed just now" if failing else "it is recovering")
    left = quota_left(latest, source)
    if left is not None and left < QUOTA_LOW:
        return Tile("watch", f"{left:.0%} of its quota is left")
    if stale_share(recent, source=source) >= STALE_FROM:
        return Tile("watch", "many of its answers are stale")
    return Tile("well", "") if recent.number(v.UPSTREAM_CALLS, source=source) else Tile("idle", "nothing to ask it")


def count_calls(counted: Readings, source: str) -> tuple[float, float]:
    """Calls that failed or were refused by a breaker, and calls in all, of pages and refreshes."""
    by_outcome = {
        outcome: counted.number(v.UPSTREAM_CALLS, source=source, outcome=outcome.value) for outcome in Outcome
    }
    return sum(by_outcome[outcome] for outcome in COUNTED_AS_FAILING), sum(by_outcome.values())


def quota_left(now: Readings, source: str) -> float | None:
    """The share of a system's quota that is left, on average of the workers; None for one without a quota."""
    if source not in now.values(v.UPSTREAM_QUOTA_LEFT, "source"):
        return None
    workers = now.number(v.UPSTREAM_HEALTH, source=source)  # each tells one state
    return now.number(v.UPSTREAM_QUOTA_LEFT, source=source) / max(1.0, workers)


def hit_rate(counted: Readings, **where: str) -> float | None:
    """The share of asked keys that memory answered at once; None when nothing was asked."""
    asked = counted.number(v.CACHE_REQUESTS, **where)
    waited = sum(counted.number(v.CACHE_REQUESTS, **where, result=result) for result in ("miss", "coalesced"))
    return (asked - waited) / asked if asked else None


def stale_share(counted: Readings, **where: str) -> float:
    """The share of asked keys that got a value past its agreed age."""
    asked = counted.number(v.CACHE_REQUESTS, **where)
    return min(1.0, counted.number(v.CACHE_STALE, **where) / asked) if asked else 0.0


def saved_share(counted: Readings, **where: str) -> float | None:
    """The share of calls that the cache spared: calls by requests against calls of the source."""
    asked = counted.spread(v.LOADER_BATCH, **where).number
    return 1 - counted.number(v.CACHE_LOADS, **where) / asked if asked else None


def percentiles_ms(counted: Readings, metric: Metric, **where: str) -> dict[str, float | None]:
    """p50, p95 and p99 of a histogram in seconds, in milliseconds."""
    whole = counted.spread(metric, **where)
    read = {name: quantile(whole, metric.bounds, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    return {name: None if seconds is None else round(seconds * 1000, 2) for name, seconds in read.items()}


def draw_board(
    spans: Spans, policies: Mapping[Dataset, Policy], workers: Mapping[str, Any], at: float
) -> dict[str, Any]:
    """Everything that changes by the second."""
    sources = [draw_source(spans, source) for source in spans.total.values(v.UPSTREAM_HEALTH, "source")]
    return {
        "at": at,
        "headline": tell_states(sources),
        "workers": workers,
        "totals": draw_totals(spans),
        "sources": sources,
        "operations": draw_operations(spans),
        "seams": draw_seams(spans),
        "datasets": [draw_dataset(spans, dataset, policy) for dataset, policy in policies.items()],
        "breakers": draw_breakers(spans.latest),
        "memory": draw_memory(spans),
        "shared": draw_shared(spans, len(workers["said"])),
    }


def draw_totals(spans: Spans) -> dict[str, Any]:
    """The figures at the head of the page."""
    total, recent = spans.total, spans.recent
    answers = recent.number(v.OPERATIONS)
    hits, asked = recent.number(v.RESPONSES, result="hit"), recent.number(v.RESPONSES)
    return {
        "hitRate": hit_rate(recent),
        "hitRateSinceStart": hit_rate(total),
        "staleShare": stale_share(recent),
        "staleAge": percentile_age(recent, 0.95),
        "savedShare": saved_share(recent),
        "loaderCalls": total.spread(v.LOADER_BATCH).number,
        "sourceCalls": total.number(v.CACHE_LOADS),
        "responseHitRate": hits / asked if asked else None,
        "operationsPerSecond": answers / spans.recent_s,
        "failedShare": recent.number(v.OPERATIONS_FAILED) / answers if answers else 0.0,
        "refusedPerSecond": recent.number(v.REQUESTS_REFUSED) / spans.recent_s,
        "compiledShare": share_of(recent, "compiled"),
        "lagP99": percentiles_ms(recent, v.LOOP_LAG)["p99"],
        "faults": recent.number(v.FAULTS),
        "inside": total.number(v.REQUESTS_INSIDE),
        "openLong": total.number(v.LONG_ANSWERS),
    }


def share_of(counted: Readings, engine: str) -> float | None:
    whole = counted.number(v.EXECUTIONS)
    return counted.number(v.EXECUTIONS, engine=engine) / whole if whole else None


def percentile_age(counted: Readings, share: float, **where: str) -> float | None:
    """The age in seconds under which this share of served values is."""
    return quantile(counted.spread(v.CACHE_AGE, **where), v.CACHE_AGE.bounds, share)


def draw_source(spans: Spans, source: str) -> dict[str, Any]:
    """One tile."""
    tile = decide_tile(spans.latest, source, spans.recent)
    failing, calls = count_calls(spans.recent, source)
    return {
        "name": source,
        "state": tile.state,
        "why": tile.why,
        "hitRate": hit_rate(spans.recent, source=source),
        "hitRateSinceStart": hit_rate(spans.total, source=source),
        "staleShare": stale_share(spans.latest, source=source),
        "ageP50": percentile_age(spans.recent, 0.5, source=source),
        "ageP95": percentile_age(spans.recent, 0.95, source=source),
        "savedShare": saved_share(spans.recent, source=source),
        "asked": spans.total.number(v.CACHE_REQUESTS, source=source),
        "callsPerSecond": calls / spans.recent_s,
        "calls": spans.total.number(v.UPSTREAM_SENT, source=source),
        "failedShare": failing / calls if calls else 0.0,
        "inFlight": spans.total.number(v.UPSTREAM_IN_FLIGHT, source=source),
        "places": spans.total.number(v.UPSTREAM_PLACES, source=source),
        "waiting": spans.total.number(v.UPSTREAM_WAITING, source=source),
        "quotaLeft": quota_left(spans.total, source),
        **percentiles_ms(spans.recent, v.UPSTREAM_LATENCY, source=source),
    }


def draw_operations(spans: Spans) -> list[dict[str, Any]]:
    """Page operations, the busiest first."""
    names = spans.total.values(v.OPERATIONS, "operation")
    rows = [draw_operation(spans, name) for name in names]
    return sorted(rows, key=lambda row: (-row["perSecond"], row["name"]))


def draw_operation(spans: Spans, name: str) -> dict[str, Any]:
    answers = spans.recent.number(v.OPERATIONS, operation=name)
    slow = spans.recent.number(v.SLOW_OPERATIONS, operation=name)
    return {
        "name": name,
        "answers": spans.total.number(v.OPERATIONS, operation=name),
        "perSecond": answers / spans.recent_s,
        "failedShare": spans.recent.number(v.OPERATIONS_FAILED, operation=name) / answers if answers else 0.0,
        "slow": slow,
        **percentiles_ms(spans.recent, v.OPERATION_DURATION, operation=name),
    }


def draw_seams(spans: Spans) -> list[dict[str, Any]]:
    """The slowest calls of other systems."""
    rows = [draw_seam(spans, operation) for operation in spans.total.values(v.UPSTREAM_LATENCY, "operation")]
    return sorted((row for row in rows if row["calls"]), key=lambda row: -(row["p95"] or 0.0))[:SLOWEST]


def draw_seam(spans: Spans, operation: str) -> dict[str, Any]:
    return {
        "name": operation,
        "calls": spans.recent.spread(v.UPSTREAM_LATENCY, operation=operation).number,
        **percentiles_ms(spans.recent, v.UPSTREAM_LATENCY, operation=operation),
    }


def draw_dataset(spans: Spans, dataset: Dataset, policy: Policy) -> dict[str, Any]:
    """A dataset with its policy, and why its keys were missed."""
    where = {"dataset": dataset.value}
    missed = {
        reason: spans.total.number(v.CACHE_REQUESTS, **where, result="miss", reason=reason)
        for reason in spans.total.values(v.CACHE_REQUESTS, "reason")
        if reason
    }
    return {
        "name": dataset.value,
        "source": SOURCE_OF[dataset].value,
        "scope": policy.scope.__name__,
        "freshS": policy.fresh_s,
        "revalidateS": policy.stale_while_revalidate_s,
        "onErrorS": policy.stale_if_error_s,
        "negativeS": policy.negative_s,
        "hitRate": hit_rate(spans.recent, **where),
        "hitRateSinceStart": hit_rate(spans.total, **where),
        "asked": spans.total.number(v.CACHE_REQUESTS, **where),
        "sent": spans.total.number(v.CACHE_SENT, **where),
        "failed": spans.total.number(v.CACHE_FAILED, **where),
        "missed": {reason: number for reason, number in missed.items() if number},
        "ageP95": percentile_age(spans.recent, 0.95, **where),
    }


def draw_breakers(latest: Readings) -> list[dict[str, str]]:
    """The breaker of every operation that was asked for; the worst state of any worker."""
    worst_first = ("held_open", "open", "probing", "held_closed", "closed")
    rows: list[dict[str, str]] = []
    for source in latest.values(v.UPSTREAM_BREAKER, "source"):
        for operation in latest.values(v.UPSTREAM_BREAKER, "operation"):
            where = {"source": source, "operation": operation}
            states = [state for state in worst_first if latest.number(v.UPSTREAM_BREAKER, **where, state=state)]
            rows += [{**where, "state": states[0]}] if states else []
    return rows


def draw_memory(spans: Spans) -> dict[str, float | bool]:
    """The first level, of all workers together."""
    return {
        "entries": spans.total.number(v.MEMORY_ENTRIES),
        "bytes": spans.total.number(v.MEMORY_BYTES),
        "evicted": spans.total.number(v.MEMORY_REMOVED, reason="evicted"),
        "expired": spans.total.number(v.MEMORY_REMOVED, reason="expired"),
        "isThrashing": is_thrashing(spans.recent),
        "resident": spans.total.number(v.RESIDENT),
    }


def is_thrashing(recent: Readings) -> bool:
    """Whether every fifth loaded value pushed out one that was still good: as the alert GatewayMemoryThrashing."""
    pushed_out = recent.number(v.MEMORY_REMOVED, reason="evicted")
    return pushed_out > THRASHING_FROM * recent.number(v.CACHE_SENT) and pushed_out >= FEWEST_CALLS


def draw_shared(spans: Spans, workers: int) -> dict[str, Any] | None:
    """The second level; None when there is none. It is up when it is for every worker."""
    if not spans.total.has(v.SHARED_UP):
        return None
    total = spans.total
    return {
        "isUp": total.number(v.SHARED_UP) >= workers,
        "roundTrips": total.number(v.SHARED_TRIPS),
        "errors": total.number(v.SHARED_ERRORS),
        "skipped": total.number(v.SHARED_SKIPPED),
        **percentiles_ms(spans.recent, v.SHARED_LATENCY),
    }


def tell_states(rows: Iterable[Mapping[str, Any]]) -> str:
    """The sources in one sentence, the worst first."""
    states = [row["state"] for row in rows]
    failing, watch = states.count("failing"), states.count("watch")
    if failing:
        return f"{failing} of {len(states)} systems failing"
    return f"{watch} of {len(states)} systems to watch" if watch else "All systems are well"
