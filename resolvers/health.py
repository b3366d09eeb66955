"""What is known of the systems behind the gateway, and of whom to ask it."""

import datetime as dt
import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from clients.values import DataSource


class SourceState(enum.Enum):
    """Health of a source."""

    OPERATIONAL = "OPERATIONAL"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


class Status(NamedTuple):
    """What is known of one source; `notice` is the operator's own word to shoppers."""

    source: DataSource
    state: SourceState
    since: dt.datetime
    notice: str | None = None


class SourceHealth(Protocol):
    """Whoever watches the sources."""

    def statuses(self) -> Sequence[Status]:
        """One status per source that is configured."""
        ...
