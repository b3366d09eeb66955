"""Every metric: its name, what it counts, and by which labels. `docs/metrics.md` says the same in a table.

All labels have bounded sets of values: sources, datasets, operations of our clients and error codes
are enumerations of ours; names of GraphQL operations come from clients and go through
`gateway/telemetry/names.py`.
"""

from typing import Final, Literal, NamedTuple

from gateway.cache.metrics import AGE_BOUNDS_S
from gateway.cache.metrics import LATENCY_BOUNDS_S as SHARED_BOUNDS_S
from gateway.resilience.meter import LATENCY_BOUNDS_S as UPSTREAM_BOUNDS_S

Kind = Literal["counter", "gauge", "histogram"]
DURATION_BOUNDS_S: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_BOUNDS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
COST_BOUNDS: Final = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0)
BATCH_BOUNDS: Final = (1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 127.0, 255.0, 511.0, 1023.0)


class Metric(NamedTuple):
    """One name of the vocabulary; `bounds` are the upper ends of a histogram's buckets, without the last, open one."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


_SET: Final = ("source", "dataset")
_CALL: Final = ("source", "operation")

CACHE_REQUESTS = Metric(
    "gateway_cache_requests_total", "counter",
    "Keys asked of the cache, by what came of each; `reason` says why a key was missed, and is empty otherwise.",
    (*_SET, "result", "reason"),
)  # fmt: skip
CACHE_STALE = Metric(
    "gateway_cache_stale_keys_total", "counter",
    "Keys answered with a value past its agreed age because its source failed or was late.", _SET,
)  # fmt: skip
CACHE_AGE = Metric(
    "gateway_cache_served_age_seconds", "histogram",
    "Age of served values: one per call that memory answered at once, and each value that took a closer look.",
    _SET, AGE_BOUNDS_S,
)  # fmt: skip
CACHE_SENT = Metric("gateway_cache_keys_sent_total", "counter", "Keys that went to their source.", _SET)
CACHE_FAILED = Metric("gateway_cache_keys_failed_total", "counter", "Keys whose load failed.", _SET)
CACHE_LOADS = Metric("gateway_cache_loads_total", "counter", "Calls of a source by the cache, each for a batch.", _SET)
CACHE_FROM_SHARED = Metric(
    "gateway_cache_keys_from_shared_total", "counter", "Keys that another process had loaded.", _SET
)
CACHE_EARLY = Metric(
    "gateway_cache_keys_refreshed_early_total", "counter", "Keys refreshed behind the back before they expired.", _SET
)
CACHE_LATE = Metric(
    "gateway_cache_keys_late_total", "counter", "Keys that were not there by the deadline of who asked.", _SET
)
CACHE_OUTRUN = Metric(
    "gateway_cache_keys_outrun_total", "counter", "Loaded keys not kept because a purge came meanwhile.", _SET
)
CACHE_PURGED = Metric("gateway_cache_purged_tags_total", "counter", "Tags purged in this process.")
LOADER_BATCH = Metric(
    "gateway_loader_batch_keys", "histogram",
    "Keys per call of the cache by a request; the number of calls is what would go upstream without a cache.",
    _SET, BATCH_BOUNDS,
)  # fmt: skip
MEMORY_ENTRIES = Metric("gateway_cache_memory_entries", "gauge", "Entries in memory.")
MEMORY_BYTES = Metric("gateway_cache_memory_bytes", "gauge", "Weight of the entries in memory, as reckoned.")
MEMORY_REMOVED = Metric(
    "gateway_cache_memory_removed_total", "counter", "Entries that left memory, by reason.", ("reason",)
)
SHARED_UP = Metric(
    "gateway_cache_shared_up", "gauge", "1 while the shared store answers, 0 while not; absent when there is none."
)
SHARED_TRIPS = Metric("gateway_cache_shared_round_trips_total", "counter", "Round trips to the shared store.")
SHARED_ERRORS = Metric("gateway_cache_shared_errors_total", "counter", "Round trips that failed or were late.")
SHARED_SKIPPED = Metric(
    "gateway_cache_shared_skipped_total", "counter", "Round trips not made because the store had just failed."
)
SHARED_UNREADABLE = Metric(
    "gateway_cache_shared_unreadable_total", "counter", "Stored values that could not be read and were ignored."
)
SHARED_LATENCY = Metric(
    "gateway_cache_shared_latency_seconds", "histogram", "Duration of round trips to the shared store.", (),
    SHARED_BOUNDS_S,
)  # fmt: skip
RESPONSES = Metric(
    "gateway_responses_total", "counter", "Operations that the response level was asked for.", ("result",)
)
RESPONSES_KEPT = Metric("gateway_responses_kept_total", "counter", "Responses kept whole.")
RESPONSES_PROLONGED = Metric(
    "gateway_responses_prolonged_total",
    "counter",
    "Kept responses and drafts that lived on, for all that they show had come again as it was.",
)
DRAFTS = Metric(
    "gateway_response_drafts_total",
    "counter",
    "Answers made from a draft that lacks what is one customer's own, and such drafts made.",
    ("result",),
)
RESPONSES_REFUSED = Metric(
    "gateway_responses_refused_total", "counter", "Responses not kept, by what they read.", ("reason",)
)

UPSTREAM_CALLS = Metric(
    "gateway_upstream_calls_total", "counter", "Calls that our clients asked for, by how they ended.",
    (*_CALL, "outcome"),
)  # fmt: skip
UPSTREAM_SENT = Metric(
    "gateway_upstream_sent_total", "counter", "Calls that went out on the wire, retries and hedges among them.", _CALL
)
UPSTREAM_RETRIES = Metric("gateway_upstream_retries_total", "counter", "Second tries.", _CALL)
UPSTREAM_REFUSED = Metric(
    "gateway_upstream_retries_refused_total", "counter", "Second tries not made because the budget was spent.", _CALL
)
UPSTREAM_HEDGES = Metric(
    "gateway_upstream_hedges_total", "counter", "Identical reads sent while the first was late.", _CALL
)
UPSTREAM_LATENCY = Metric(
    "gateway_upstream_latency_seconds", "histogram", "Duration of calls with all their waiting and retries.", _CALL,
    UPSTREAM_BOUNDS_S,
)  # fmt: skip
UPSTREAM_IN_FLIGHT = Metric(
    "gateway_upstream_in_flight", "gauge", "Calls under way, waiting ones among them.", ("source",)
)
UPSTREAM_RUNNING = Metric("gateway_upstream_running", "gauge", "Calls that hold a place of the bulkhead.", ("source",))
UPSTREAM_PLACES = Metric("gateway_upstream_places", "gauge", "Places of the bulkhead.", ("source",))
UPSTREAM_WAITING = Metric(
    "gateway_upstream_waiting", "gauge", "Calls that wait for a place of the bulkhead or a turn under the quota.",
    ("source", "queue"),
)  # fmt: skip
UPSTREAM_BUDGET = Metric(
    "gateway_upstream_budget_left", "gauge", "Extra calls that the retry and hedge budgets still allow.",
    ("source", "budget"),
)  # fmt: skip
UPSTREAM_QUOTA = Metric(
    "gateway_upstream_quota_calls_per_second", "gauge", "The vendor's published limit; absent without one.", ("source",)
)
UPSTREAM_QUOTA_LEFT = Metric(
    "gateway_upstream_quota_left_ratio", "gauge",
    "Share of the vendor's limit that may still be called in the running period; 0 while it told us to stop.",
    ("source",),
)  # fmt: skip
UPSTREAM_BREAKER = Metric(
    "gateway_upstream_breaker", "gauge", "1 for the state in which the operation's breaker is.", (*_CALL, "state")
)
UPSTREAM_HEALTH = Metric(
    "gateway_upstream_health", "gauge", "1 for the state in which the source is, as its calls tell.",
    ("source", "state"),
)  # fmt: skip

OPERATIONS = Metric("gateway_operations_total", "counter", "Answers, by operation and status.", ("operation", "status"))
OPERATIONS_FAILED = Metric(
    "gateway_operations_failed_total", "counter", "Answers with any error in them.", ("operation",)
)
OPERATION_ERRORS = Metric(
    "gateway_operation_errors_total", "counter", "Errors in answers, by code.", ("operation", "code")
)
OPERATION_DURATION = Metric(
    "gateway_operation_duration_seconds", "histogram", "Time from the request's head to the last byte handed over.",
    ("operation",), DURATION_BOUNDS_S,
)  # fmt: skip
OPERATION_COST = Metric(
    "gateway_operation_cost", "histogram", "Static cost of the operations that were executed, not answered whole.",
    ("operation",), COST_BOUNDS,
)  # fmt: skip
EXECUTIONS = Metric("gateway_executions_total", "counter", "Operations executed, by engine.", ("engine",))
FALLBACKS = Metric(
    "gateway_execution_fallbacks_total", "counter", "Operations that had no plan and ran on graphql-core, by reason.",
    ("reason",),
)  # fmt: skip
SLOW_OPERATIONS = Metric(
    "gateway_slow_operations_total", "counter", "Executions past the limit of the slow line.", ("operation",)
)
FAULTS = Metric("gateway_faults_total", "counter", "Faults of our own that clients saw as internal errors.")
LONG_ANSWERS = Metric("gateway_long_answers_open", "gauge", "Subscriptions and sockets that are open.")
REQUESTS_INSIDE = Metric("gateway_requests_inside", "gauge", "Requests under way.")
REQUESTS_LIMIT = Metric("gateway_requests_limit", "gauge", "Requests that may be under way before others wait.")
REQUESTS_REFUSED = Metric(
    "gateway_requests_refused_total", "counter",
    "Requests refused by a limit; `priority` is of those sent away in an overload, and empty otherwise.",
    ("reason", "priority"),
)  # fmt: skip

LOOP_LAG = Metric(
    "gateway_event_loop_lag_seconds", "histogram", "How late the event loop was to a timer.", (), LAG_BOUNDS_S
)
LINES_DROPPED = Metric(
    "gateway_log_lines_dropped_total", "counter", "Log lines thrown away because whoever reads them was too slow."
)
CPU = Metric("process_cpu_seconds_total", "counter", "Processor time, user and system.")
RESIDENT = Metric("process_resident_memory_bytes", "gauge", "Resident memory.")
OPEN_FILES = Metric("process_open_fds", "gauge", "Open file descriptors.")
STARTED = Metric("process_start_time_seconds", "gauge", "When the process started, in seconds since the epoch.")
COLLECTIONS = Metric("gateway_gc_collections_total", "counter", "Runs of Python's cycle collector.", ("generation",))

METRICS: Final[dict[str, Metric]] = {
    metric.name: metric for metric in list(globals().values()) if isinstance(metric, Metric)
}
