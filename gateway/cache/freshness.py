"""May this value be served now? Pure functions of a policy, an age and a draw of chance."""

import enum
import math
from typing import NamedTuple, Protocol

from clients.values import Allowance
from gateway.cache.policy import Policy

JITTER = 0.1
EARLY_BETA = 1.0


class Verdict(enum.Enum):
    """What to do with a value of a certain age."""

    FRESH = "fresh"
    REVALIDATE = "revalidate"
    STALE_IF_ERROR = "stale_if_error"
    MISS = "miss"


class MissReason(enum.StrEnum):
    """Why a value was not at hand."""

    COLD = "cold"
    EXPIRED = "expired"
    EVICTED = "evicted"
    PURGED = "purged"
    SCOPE = "scope"
    BYPASS = "bypass"


class Judged(Protocol):
    """What a verdict follows from."""

    @property
    def fresh_until(self) -> float: ...
    @property
    def served_until(self) -> float: ...
    @property
    def gone_at(self) -> float: ...


class Times(NamedTuple):
    """Until when a value is fresh, is served while it is refreshed, and is of use at all (epoch seconds)."""

    fresh_until: float
    served_until: float
    gone_at: float


def is_absence(value: object) -> bool:
    """True if the source said that there is none, or that the question has no answer (`problem`)."""
    return value is None or getattr(value, "problem", None) is not None


def allowance_of(value: object) -> Allowance | None:
    """What the source of a value allows, if it said so."""
    allowance: Allowance | None = getattr(getattr(value, "freshness", None), "allowance", None)
    return allowance


def decide(times: Judged, now: float) -> Verdict:
    """Judge a value at one moment; every end is exclusive."""
    if now < times.fresh_until:
        return Verdict.FRESH
    if now < times.served_until:
        return Verdict.REVALIDATE
    return Verdict.STALE_IF_ERROR if now < times.gone_at else Verdict.MISS


def pick_times(policy: Policy, value: object, received_at: float, chance: float) -> Times:
    """The times of a value: the policy's, or less where its source allows less.

    Absence never goes stale: an article that was just created must not stay hidden.
    """
    if is_absence(value):
        gone_at = received_at + pick_fresh_for(policy, chance, is_absence=True)
        return Times(gone_at, gone_at, gone_at)
    agreed = Times(
        received_at + pick_fresh_for(policy, chance), received_at + policy.served_s, received_at + policy.kept_s
    )
    allowance = allowance_of(value)
    return agreed if allowance is None else shorten(agreed, allowance)


def shorten(agreed: Times, allowance: Allowance) -> Times:
    """What is agreed, but no longer than the source allows; later times are never before earlier ones."""
    fresh_until = min(agreed.fresh_until, allowance.fresh_until)
    served_until = max(fresh_until, min(agreed.served_until, allowance.served_until))
    return Times(fresh_until, served_until, max(served_until, min(agreed.gone_at, allowance.kept_until)))


def pick_fresh_for(policy: Policy, chance: float, *, is_absence: bool = False) -> float:
    """How long a value is fresh: up to a tenth less than agreed, so that what came at one time does not expire at one.

    `chance` is uniform in [0, 1). Never more than agreed: the agreed age is a promise.
    """
    agreed_s = policy.negative_s if is_absence else policy.fresh_s
    return agreed_s * (1 - JITTER * chance)


def pick_refresh_after(fresh_for_s: float, load_s: float, chance: float) -> float:
    """The age at which the next reader sets off a refresh: so that it comes home before the value expires.

    XFetch (Vattani, Chierichetti, Lowenstein 2015) draws at every read, so that the more a key is read
    the earlier it is refreshed. Drawn once per stored answer a read costs one comparison, and the lead
    has the same distribution over the workers; but one worker's is shorter than a load two times of
    three, and its refresh came late. So one load's duration is added. Where loads are slow a value is
    refreshed at half its time at the soonest: a slow source is not asked more than twice as often.
    A value that nobody reads in its last moments is not refreshed: only popular keys are.
    """
    lead_s = load_s * (1 - EARLY_BETA * math.log(1 - chance))
    return fresh_for_s - min(lead_s, fresh_for_s / 2)


def decide_window(calls_in_flight: int, *, longest_s: float = 0.005, calm_below: int = 4, full_at: int = 32) -> float:
    """How long to collect keys before a call leaves: not at all when calm, up to `longest_s` under load."""
    load = (calls_in_flight - calm_below) / (full_at - calm_below)
    return longest_s * min(1.0, max(0.0, load))
