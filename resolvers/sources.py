"""Health of the systems behind the gateway, as shoppers' applications see it."""

import datetime as dt
import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from clients import values
from clients.values import DataSource
from resolvers.fields import describe_enum, describes, plain


class SourceState(enum.Enum):
    """Health of a source."""

    OPERATIONAL = "OPERATIONAL"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


describe_enum(
    SourceState,
    "Health of a source.",
    {
        "OPERATIONAL": "Answering normally.",
        "DEGRADED": "Slow or partly failing; cached or fallback values may be served.",
        "DOWN": "Not answering.",
    },
)


class Status(NamedTuple):
    """What is known of one source; `notice` is the operator's own word to shoppers."""

    source: values.DataSource
    state: SourceState
    since: dt.datetime
    notice: str | None = None


class SourceHealth(Protocol):
    """Whoever watches the sources."""

    def statuses(self) -> Sequence[Status]:
        """One status per source that is configured."""
        ...


@describes(Status)
class SourceStatus:
    """Current health of a source, for banners and for hiding entry points."""

    source: DataSource = plain("The system.")
    state: SourceState = plain("Its state.")
    since: dt.datetime = plain("Since when.")
    notice: str | None = plain("Message for shoppers, if the operator published one.")
