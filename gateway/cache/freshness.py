"""May this value be served now? Pure functions of a policy, an age and a draw of chance."""

import enum
import math

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


def is_absence(value: object) -> bool:
    """True if the source said that there is none, or that the question has no answer (`problem`)."""
    return value is None or getattr(value, "problem", None) is not None


def decide(policy: Policy, age_s: float, fresh_for_s: float, *, is_absence: bool = False) -> Verdict:
    """Judge a value by its age; `fresh_for_s` is its own share of `fresh_s` (see `pick_fresh_for`).

    Absence never goes stale: an article that was just created must not stay hidden.
    """
    if age_s < fresh_for_s:
        return Verdict.FRESH
    if is_absence:
        return Verdict.MISS
    if age_s < policy.served_s:
        return Verdict.REVALIDATE
    if age_s < policy.kept_s:
        return Verdict.STALE_IF_ERROR
    return Verdict.MISS


def pick_fresh_for(policy: Policy, chance: float, *, is_absence: bool = False) -> float:
    """How long a value is fresh: up to a tenth less than agreed, so that what came together does not expire together.

    `chance` is uniform in [0, 1). Never more than agreed: the agreed age is a promise.
    """
    agreed_s = policy.negative_s if is_absence else policy.fresh_s
    return agreed_s * (1 - JITTER * chance)


def pick_refresh_after(fresh_for_s: float, load_s: float, chance: float) -> float:
    """The age at which the next reader sets off a refresh, ahead of expiry by about one load's duration.

    XFetch (Vattani, Chierichetti, Lowenstein 2015) draws at every read. Drawn once per stored value
    the lead has the same distribution over the workers, and a read costs one comparison. A value
    that nobody reads in its last moments is not refreshed: only popular keys are.
    """
    lead_s = -load_s * EARLY_BETA * math.log(1 - chance)
    return max(0.0, fresh_for_s - lead_s)


def decide_window(calls_in_flight: int, *, longest_s: float = 0.005, calm_below: int = 4, full_at: int = 32) -> float:
    """How long to collect keys before a call leaves: not at all when calm, up to `longest_s` under load."""
    load = (calls_in_flight - calm_below) / (full_at - calm_below)
    return longest_s * min(1.0, max(0.0, load))
