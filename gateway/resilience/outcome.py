"""How a call ended, in one word that every guard and every figure uses."""

import asyncio
import enum
from typing import Final

import httpx

from clients.errors import CircuitOpen, InvalidSourceResponse, SourceError, SourceThrottled, SourceTimeout


class Outcome(enum.StrEnum):
    """`answered` covers every answer that makes sense, 404 among them."""

    ANSWERED = "answered"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    INVALID = "invalid"
    CIRCUIT_OPEN = "circuit_open"
    CROWDED = "crowded"
    CANCELLED = "cancelled"


class Crowded(SourceError):
    """Not asked, because as many of our calls are with the source as we allow."""

    said = "was not asked, because too many calls to it are under way"


FAULTS: Final = frozenset({Outcome.UNAVAILABLE, Outcome.TIMEOUT, Outcome.INVALID})
"""The outcomes that speak against an upstream."""

_OF: Final[tuple[tuple[type[BaseException], Outcome], ...]] = (
    (Crowded, Outcome.CROWDED),
    (CircuitOpen, Outcome.CIRCUIT_OPEN),
    (SourceThrottled, Outcome.THROTTLED),
    (SourceTimeout, Outcome.TIMEOUT),
    (InvalidSourceResponse, Outcome.INVALID),
    (httpx.TimeoutException, Outcome.TIMEOUT),
    (TimeoutError, Outcome.TIMEOUT),
    (httpx.DecodingError, Outcome.INVALID),
    (asyncio.CancelledError, Outcome.CANCELLED),
)


def outcome_of(error: BaseException | None) -> Outcome:
    """The word for an exception, or for its absence; what is not known counts as unavailable."""
    if error is None:
        return Outcome.ANSWERED
    return next((outcome for kind, outcome in _OF if isinstance(error, kind)), Outcome.UNAVAILABLE)
