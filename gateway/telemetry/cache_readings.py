"""The cache's counters in the words of the vocabulary."""

from collections.abc import Iterator

from clients.values import Dataset
from gateway.cache.metrics import CacheMetrics, DatasetCounters
from gateway.cache.policy import SOURCE_OF
from gateway.cache.shared import Shared
from gateway.telemetry import vocabulary as v
from gateway.telemetry.readings import Sample, count, spread


def read_cache(metrics: CacheMetrics, shared: Shared | None) -> Iterator[Sample]:
    """All levels of one process."""
    for dataset, counters in metrics.datasets.items():
        yield from read_dataset(dataset, counters)
    yield from read_memory(metrics)
    yield from read_responses(metrics)
    if shared is not None:
        yield from read_shared(metrics, shared)


def read_dataset(dataset: Dataset, counters: DatasetCounters) -> Iterator[Sample]:
    """One dataset.

    `DatasetCounters.stale` has values served at once and values fallen back to after a miss; only the
    first kind are results of their own, and what is asked and nothing else is just that many.
    """
    named = (SOURCE_OF[dataset].value, dataset.value)
    results = {name: getattr(counters, name) for name in ("hit", "negative", "revalidating", "coalesced")}
    missed = sum(counters.missed.values())
    results["stale"] = max(0, counters.asked - sum(results.values()) - missed)
    for result, number in results.items():
        yield count(v.CACHE_REQUESTS, number, *named, result, "")
    for reason, number in counters.missed.items():
        yield count(v.CACHE_REQUESTS, number, *named, "miss", reason.value)
    yield count(v.CACHE_STALE, counters.stale, *named)
    yield spread(v.CACHE_AGE, counters.served_age.counts, counters.served_age.total, *named)
    yield count(v.CACHE_SENT, counters.sent, *named)
    yield count(v.CACHE_FAILED, counters.failed, *named)
    yield count(v.CACHE_LOADS, counters.calls, *named)
    yield count(v.CACHE_FROM_SHARED, counters.found_shared, *named)
    yield count(v.CACHE_EARLY, counters.refreshed_early, *named)
    yield count(v.CACHE_LATE, counters.late, *named)
    yield count(v.CACHE_OUTRUN, counters.outrun_by_purge, *named)


def read_memory(metrics: CacheMetrics) -> Iterator[Sample]:
    memory = metrics.memory
    yield count(v.MEMORY_ENTRIES, memory.entries)
    yield count(v.MEMORY_BYTES, memory.weight_bytes)
    yield count(v.MEMORY_REMOVED, memory.evicted, "evicted")
    yield count(v.MEMORY_REMOVED, memory.expired, "expired")
    yield count(v.CACHE_PURGED, metrics.purged_tags)


def read_responses(metrics: CacheMetrics) -> Iterator[Sample]:
    responses = metrics.responses
    yield count(v.RESPONSES, responses.hit, "hit")
    yield count(v.RESPONSES, responses.missed, "miss")
    yield count(v.RESPONSES_KEPT, responses.kept)
    yield count(v.RESPONSES_PROLONGED, responses.prolonged)
    yield count(v.DRAFTS, responses.filled, "filled")
    yield count(v.DRAFTS, responses.drafted, "made")
    for reason, number in responses.refused.items():
        yield count(v.RESPONSES_REFUSED, number, reason)


def read_shared(metrics: CacheMetrics, shared: Shared) -> Iterator[Sample]:
    counters = metrics.shared
    yield count(v.SHARED_UP, shared.note() is None)
    yield count(v.SHARED_TRIPS, counters.round_trips)
    yield count(v.SHARED_ERRORS, counters.errors)
    yield count(v.SHARED_SKIPPED, counters.skipped)
    yield count(v.SHARED_UNREADABLE, counters.unreadable)
    yield spread(v.SHARED_LATENCY, counters.latency.counts, counters.latency.total)
