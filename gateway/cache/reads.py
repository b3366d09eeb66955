"""What one request has read, so that its response can be kept for as long as all of it stays true.

The smallest interface between the cache and a request: an asker that wants its response kept
carries an attribute `reads` with a `Reads`; cached sources write into it. An asker without one
costs a failed attribute lookup per call.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from clients.scope import ForCustomer, InContext, Public, Scope
from gateway.cache.entry import Entry

FOREVER = float("inf")


class Ends(NamedTuple):
    """When the first of some values is no longer fresh, no longer served, and wants to be refreshed (epoch seconds)."""

    fresh_until: float
    served_until: float
    refresh_at: float


class Origin(Protocol):
    """The dataset that values were read of."""

    def tags_under(self, scope: Any, key: Any, value: Any) -> Iterable[str]:
        """What purges a value."""

    def renew(self, scope: Any, keys: Sequence[Any]) -> float:
        """Refresh what is near its end; when the first of the others wants to be (epoch seconds)."""

    def review(self, scope: Any, keys: Sequence[Any], versions: Sequence[int]) -> Ends | None:
        """The ends of these, if all of them may be served and tell what they told in these versions."""


class Reads:
    """One request's reads: until when all of them are fresh (epoch seconds), and the union of their tags.

    `served_until` is when the first of them may no longer be served while it is refreshed, `refresh_at`
    when the first of them wants to be: whoever serves the response then calls `renew`.

    `refusal` says why nothing of the response may be kept; whoever lets a response depend on anything
    that no source told (the viewer, the time, a mutation) calls `refuse`. `is_private` when it shows
    something of one customer: then the times and tags are those of what it shows besides.
    """

    __slots__ = (
        "_is_bounded", "_noted", "_tags", "_untagged", "began", "born", "fresh_until", "is_private", "newest",
        "refresh_at", "refusal", "served_until",
    )  # fmt: skip

    def __init__(self, began: float, born: int) -> None:
        self.began = began
        self.born = born
        self.fresh_until = self.served_until = self.refresh_at = FOREVER
        self.newest = float("-inf")
        self.refusal: str | None = None
        self.is_private = False
        self._tags: set[str] = set()
        self._is_bounded = False
        self._noted: list[tuple[Origin, Scope, list[Any], list[int]]] = []
        self._untagged: list[tuple[Origin, Scope, list[tuple[Any, Any]]]] = []

    def note(self, scope: Scope, entries: Sequence[Entry], origin: Origin) -> None:
        """Values of one dataset were read under one scope."""
        if not is_shareable(scope):
            self.is_private = True
            return
        ends = ends_of(entries)
        self.fresh_until = min(self.fresh_until, ends.fresh_until)
        self.served_until = min(self.served_until, ends.served_until)
        self.refresh_at = min(self.refresh_at, ends.refresh_at)
        self.newest = max([self.newest, *[entry.received_at for entry in entries]])
        for entry in entries:
            entry.is_noted = True
        self._noted.append((origin, scope, [entry.key for entry in entries], [entry.version for entry in entries]))
        # Most requests' tags are never asked for, and an entry may lose its value before they are.
        self._untagged.append((origin, scope, [(entry.key, entry.value) for entry in entries]))

    def depend_on(self, tags: Iterable[str], fresh_until: float) -> None:
        """The response shows something else that is true so long and is purged by these tags."""
        self._tags.update(tags)
        self._is_bounded = True
        self.fresh_until = min(self.fresh_until, fresh_until)
        self.served_until = min(self.served_until, fresh_until)

    @property
    def number(self) -> int:
        """How many values and tags are noted."""
        return len(self._tags) + sum(len(keys) for _, _, keys, _ in self._noted)

    @property
    def tags(self) -> set[str]:
        """What purges the response."""
        for origin, scope, values in self._untagged:
            for key, value in values:
                self._tags.update(origin.tags_under(scope, key, value))
        self._untagged.clear()
        return self._tags

    def renew(self) -> None:
        """Refresh what is near its end, as reading it would: the response is served in its place."""
        self.refresh_at = min([origin.renew(scope, keys) for origin, scope, keys, _ in self._noted], default=FOREVER)

    def prolong(self) -> bool:
        """True if all that was read may be served and tells what it told; its ends are then those of what came."""
        if self._is_bounded or not self._noted:
            return False
        found = []
        for origin, scope, keys, versions in self._noted:
            ends = origin.review(scope, keys, versions)
            if ends is None:
                return False
            found.append(ends)
        self.fresh_until, self.served_until, self.refresh_at = map(min, zip(*found, strict=True))
        return True

    def refuse(self, reason: str) -> None:
        """Never keep this request's response; the first reason is remembered."""
        if self.refusal is None:
            self.refusal = reason


def ends_of(entries: Sequence[Entry]) -> Ends:
    """When the first of these entries ends; an absence is not refreshed ahead."""
    return Ends(
        min([entry.fresh_until for entry in entries], default=FOREVER),
        min([entry.served_until for entry in entries], default=FOREVER),
        min([entry.refresh_at for entry in entries if not entry.is_absence], default=FOREVER),
    )


def is_shareable(scope: Scope) -> bool:
    """True if everybody in a context gets the same: also what every anonymous visitor gets alike."""
    return isinstance(scope, Public | InContext) or (isinstance(scope, ForCustomer) and scope.customer_id is None)


def refuse_reads(asker: object, reason: str) -> None:
    reads = getattr(asker, "reads", None)
    if isinstance(reads, Reads):
        reads.refuse(reason)
