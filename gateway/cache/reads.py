"""What one request has read, so that its response can be kept for as long as all of it stays true.

The smallest interface between the cache and a request: an asker that wants its response kept
carries an attribute `reads` with a `Reads`; cached sources write into it. An asker without one
costs a failed attribute lookup per call.
"""

from collections.abc import Iterable

from clients.scope import ForCustomer, InContext, Public, Scope
from gateway.cache.entry import Entry


class Reads:
    """One request's reads: until when all of them are fresh (epoch seconds), and the union of their tags.

    `refusal` says why the response must not be kept; whoever lets a response depend on anything
    that no source told (the viewer, the time, a mutation) calls `refuse`.
    """

    __slots__ = ("began", "born", "fresh_until", "newest", "refusal", "tags")

    def __init__(self, began: float, born: int) -> None:
        self.began = began
        self.born = born
        self.fresh_until = float("inf")
        self.newest = float("-inf")
        self.tags: set[str] = set()
        self.refusal: str | None = None

    def note(self, scope: Scope, entry: Entry, tags: Iterable[str]) -> None:
        """One value was read."""
        if not is_shareable(scope):
            self.refuse("private")
        self.fresh_until = min(self.fresh_until, entry.fresh_until)
        self.newest = max(self.newest, entry.received_at)
        self.tags.update(tags)

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
