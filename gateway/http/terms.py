"""What the readings of a result allow to whoever would keep it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheTerms:
    """What a result's readings allow: seconds until the first of them is no longer fresh, and the tags that purge it.

    `stale_s` more seconds it may be served while it is fetched anew (RFC 5861).
    """

    max_age_s: int
    is_private: bool = False
    stale_s: int = 0
    tags: frozenset[str] = frozenset()
