"""What each guard is told, per upstream; every default is in the table of `docs/resilience.md`."""

from dataclasses import dataclass, field, replace
from typing import Final

from clients.values import DataSource
from gateway.resilience.throttling import STANDARD, Dialect


@dataclass(frozen=True, slots=True)
class DeadlinePolicy:
    """`total_s` bounds a call with all its waiting and retries.

    `reserve_s` of a page's time is kept back, so that the page can still be written when a call
    used up all it was given; of a short rest at most a quarter is kept.
    """

    total_s: float = 1.0
    reserve_s: float = 0.1


@dataclass(frozen=True, slots=True)
class BulkheadPolicy:
    """How many calls run at once, how many may wait for a place, and for how long."""

    running: int = 50
    waiting: int = 100
    wait_s: float = 0.05


@dataclass(frozen=True, slots=True)
class Quota:
    """A published limit: never more than `calls` in any `period_s`.

    Background refreshes leave `reserve` (a share of `calls`) to those who wait for an answer.
    `margin_s` is added to the period: two calls sent a second apart may arrive closer together.
    """

    calls: int
    period_s: float = 1.0
    reserve: float = 0.2
    margin_s: float = 0.05


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`budget` is the share of calls that may be sent again; `savings` is how many may be saved up."""

    attempts: int = 2
    base_s: float = 0.025
    cap_s: float = 0.25
    budget: float = 0.1
    savings: float = 10.0


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to stop asking and when to ask again.

    Opens when of at least `min_calls` in the window a share `failed` failed or a share `slow` took
    over `slow_after` of the time limit, or when the last `in_a_row` calls all failed. Stays open
    for `open_s`, doubling up to `open_max_s`, each time give or take `jitter`. Then one probe at a
    time; `successes` of them close it.
    """

    window_s: float = 10.0
    buckets: int = 10
    min_calls: int = 20
    failed: float = 0.5
    slow: float = 0.8
    slow_after: float = 0.8
    in_a_row: int = 10
    open_s: float = 4.0
    open_max_s: float = 7.5
    jitter: float = 0.2
    successes: int = 3


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """Ask a second time when a read takes longer than `quantile` of the last ones did; at most `budget` of calls."""

    quantile: float = 0.95
    min_samples: int = 100
    budget: float = 0.05


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a pool and a single call may take; seconds and bytes.

    `total_s` bounds a call from the first byte of connecting to the last byte of the answer. A
    request may bring its own, tighter bounds: `extensions["deadline"]` on the loop's clock, and
    httpx's `extensions["timeout"]` with `connect` and `read`.
    """

    connections: int = 50
    idle_s: float = 4.0
    connect_s: float = 1.0
    pool_s: float = 0.25
    read_s: float = 2.0
    total_s: float = 10.0
    answer_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UpstreamPolicy:
    """Everything the guards of one upstream go by. `beside` names one of several systems in one domain."""

    source: DataSource
    beside: str = ""
    wire: WireLimits = field(default_factory=WireLimits)
    deadline: DeadlinePolicy = field(default_factory=DeadlinePolicy)
    bulkhead: BulkheadPolicy = field(default_factory=BulkheadPolicy)
    quota: Quota | None = None
    dialect: Dialect = STANDARD
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    hedge: HedgePolicy | None = None

    @property
    def name(self) -> str:
        """What the upstream is called in figures, and whose calls a shared quota counts."""
        return f"{self.source.value}/{self.beside}" if self.beside else self.source.value


TOTAL_S: Final[dict[DataSource, float]] = {
    DataSource.CATALOGUE: 1.0,
    DataSource.SEARCH: 1.0,
    DataSource.PRICING: 0.8,
    DataSource.LOYALTY: 0.8,
    DataSource.RECOMMENDATIONS: 0.4,
    DataSource.STOCK: 0.5,
    DataSource.DELIVERY: 2.5,
    DataSource.CART: 2.0,
    DataSource.ORDERS: 8.0,
    DataSource.PAYMENTS: 8.0,
    DataSource.CUSTOMERS: 1.0,
    DataSource.NOTIFICATIONS: 5.0,
    DataSource.GEO: 0.8,
}


def default_policy(source: DataSource) -> UpstreamPolicy:
    """The policy of a source as it is before an operator says otherwise."""
    total_s = TOTAL_S[source]
    return UpstreamPolicy(
        source, wire=WireLimits(read_s=max(2.0, total_s)), deadline=replace(DeadlinePolicy(), total_s=total_s)
    )
