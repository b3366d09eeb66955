"""What one request has read, so that its response can be kept for as long as all of it stays true.

The smallest interface between the cache and a request: an asker that wants its response kept
carries an attribute `reads` with a `Reads`; cached sources write into it. An asker without one
costs a failed attribute lookup per call.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from clients.scope import ForCustomer, InContext, Public, Scope
from gateway.cache.entry import Entry

TagsOfRead = Callable[[Scope, Any, Any], Iterable[str]]
"""`(scope, key, value) -> tags`"""


class Reads:
    """One request's reads: until when all of them are fresh (epoch seconds), and the union of their tags.

    `served_until` is when the first of them may no longer be served while it is refreshed.

    `refusal` says why nothing of the response may be kept; whoever lets a response depend on anything
    that no source told (the viewer, the time, a mutation) calls `refuse`. `is_private` when it shows
    something of one customer: then the times and tags are those of what it shows besides.
    """

    __slots__ = ("_seen", "_tags", "began", "born", "fresh_until", "is_private", "newest", "refusal", "served_until")

    def __init__(self, began: float, born: int) -> None:
        self.began = began
        self.born = born
        self.fresh_until = self.served_until = float("inf")
        self.newest = float("-inf")
        self.refusal: str | None = None
        self.is_private = False
        self._tags: set[str] = set()
        self._seen: list[tuple[TagsOfRead, Scope, list[tuple[Any, Any]]]] = []

    def note(self, scope: Scope, entries: Sequence[Entry], tags_of: TagsOfRead) -> None:
        """Values were read under one scope."""
        if not is_shareable(scope):
            self.is_private = True
            return
        self.fresh_until = min([self.fresh_until, *[entry.fresh_until for entry in entries]])
        self.served_until = min([self.served_until, *[entry.served_until for entry in entries]])
        self.newest = max([self.newest, *[entry.received_at for entry in entries]])
        # Most requests' tags are never asked for, and an entry may lose its value before they are.
        self._seen.append((tags_of, scope, [(entry.key, entry.value) for entry in entries]))

    def depend_on(self, tags: Iterable[str], fresh_until: float) -> None:
        """The response shows something else that is true so long and is purged by these tags."""
        self._tags.update(tags)
        self.fresh_until = min(self.fresh_until, fresh_until)
        self.served_until = min(self.served_until, fresh_until)

    @property
    def number(self) -> int:
        """How many values and tags are noted."""
        return len(self._tags) + sum(len(values) for _, _, values in self._seen)

    @property
    def tags(self) -> set[str]:
        """What purges the response."""
        for tags_of, scope, values in self._seen:
            for key, value in values:
                self._tags.update(tags_of(scope, key, value))
        self._seen.clear()
        return self._tags

    def refuse(self, reason: str) -> None:
        """Never keep this request's response; the first reason is remembered."""
        if self.refusal is None:
            self.refusal = reason


def is_shareable(scope: Scope) -> bool:
    """True if everybody in a context gets the same: also what every anonymous visitor gets alike."""
    return isinstance(scope, Public | InContext) or (isinstance(scope, ForCustomer) and scope.customer_id is None)


def refuse_reads(asker: object, reason: str) -> None:
    reads = getattr(asker, "reads", None)
    if isinstance(reads, Reads):
        reads.refuse(reason)
