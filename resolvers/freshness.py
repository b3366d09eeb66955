"""How fresh a value is, told truly at the moment of writing."""

import datetime as dt
import enum
from collections.abc import Iterable

from clients import values
from clients.values import DataSource
from resolvers.context import Context
from resolvers.fields import describe_enum, describes, hole, interface, plain

GREATEST_INT = 2_147_483_647
"""Of GraphQL's `Int`: 68 years in seconds."""


class FreshnessState(enum.Enum):
    """How a sourced value was obtained."""

    LIVE = "LIVE"
    CACHED = "CACHED"
    STALE = "STALE"
    FALLBACK = "FALLBACK"


describe_enum(
    FreshnessState,
    "How a sourced value was obtained.",
    {
        "LIVE": "Asked for in this operation.",
        "CACHED": "From the gateway's cache or pushed feed, within the source's agreed age.",
        "STALE": "Older than agreed; served because the source did not answer.",
        "FALLBACK": "Computed by the gateway's fallback rule because the source did not answer.",
    },
)


def decide_state(freshness: values.Freshness, *, now: float, started_at: float, agreed_s: float) -> FreshnessState:
    """What to call a value received at `freshness.received_at` in a request started at `started_at`.

    The agreed age is the policy's, or less where the source allows less.
    """
    if freshness.is_fallback:
        return FreshnessState.FALLBACK
    if freshness.received_at >= started_at:
        return FreshnessState.LIVE
    allowance = freshness.allowance
    is_allowed = allowance is None or now <= allowance.served_until
    return FreshnessState.CACHED if is_allowed and now - freshness.received_at <= agreed_s else FreshnessState.STALE


def oldest(observed: Iterable[values.Freshness]) -> values.Freshness:
    """The provenance with the earliest observation; expects at least one."""
    return min(observed, key=lambda f: f.observed_at)


@describes(values.Freshness)
class Freshness:
    """Provenance of a value."""

    source: DataSource = plain("System the value came from.")

    @hole(FreshnessState)
    @staticmethod
    def state(value: values.Freshness, context: Context, /) -> FreshnessState:
        """How the value was obtained for this response."""
        return decide_state(
            value,
            now=context.clock.now(),
            started_at=context.started_at,
            agreed_s=context.agreed_s.get(value.dataset, 0.0),
        )

    observed_at: dt.datetime = plain("When the source said so.")

    @hole(int)
    @staticmethod
    def age_seconds(value: values.Freshness, context: Context, /) -> int:
        """Age at the moment of response; free of the client's clock error."""
        return min(max(0, int(context.clock.now() - value.observed_at.timestamp())), GREATEST_INT)


@interface
class Sourced:
    """A value that was obtained from a third-party system at some moment."""

    freshness: Freshness = plain("Where the value came from, when it was observed and whether it is live.")
