"""Health of the systems behind the gateway, as shoppers' applications see it."""

import datetime as dt

from clients.values import DataSource
from resolvers.fields import describe_enum, describes, plain
from resolvers.health import SourceState, Status

describe_enum(
    SourceState,
    "Health of a source.",
    {
        "OPERATIONAL": "Answering normally.",
        "DEGRADED": "Slow or partly failing; cached or fallback values may be served.",
        "DOWN": "Not answering.",
    },
)


@describes(Status)
class SourceStatus:
    """Current health of a source, for banners and for hiding entry points."""

    source: DataSource = plain("The system.")
    state: SourceState = plain("Its state.")
    since: dt.datetime = plain("Since when.")
    notice: str | None = plain("Message for shoppers, if the operator published one.")
