"""Whole responses, answered before any GraphQL work: entries of the same memory, purged by the same tags.

Whoever is answered so reads no values, so what a response shows is refreshed on its behalf (`Reads.renew`).

A response is kept when every value in it was read under a scope that a whole context shares, until
the first of them is no longer fresh; and on from there if all of them have come again as they were,
unless it shows when. Ages are written into a response once, so one that tells ages is kept for a
second at most, and only if none of its values was live: a copy is not.
"""

import enum
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from clients.scope import Asker, ForCustomer, InContext, Scope
from gateway.cache.entry import Entry, Shelves
from gateway.cache.freshness import MissReason
from gateway.cache.levels import Levels
from gateway.cache.memory import ENTRY_BYTES
from gateway.cache.reads import FOREVER, Reads

AGES_TRUE_FOR_S = 1.0
WHILE_REFRESHED_S = 0.25
PROLONGED_WITHIN_S = 1.0
"""So long after its end a response may be found to be true again; then it is given up."""

FORMS = 2
"""What a response is reckoned to take, in lengths of its bytes: they, and all their compressed forms together."""


class Shows(enum.Enum):
    """What of time a response shows: how old anything is, when it was observed, or the values alone."""

    AGES = "ages"
    STAMPS = "stamps"
    VALUES = "values"


class ResponseKey(NamedTuple):
    """What names a response beside its audience: the document's hash, the operation's name, the variables' bytes."""

    document: str
    operation: str | None
    variables: bytes


class Place(NamedTuple):
    """Where a response is kept: for whom, and what it answers."""

    audience: InContext | ForCustomer
    key: ResponseKey


@dataclass(slots=True)
class KeptResponse:
    """A response's bytes, the tags that purge it, and until when it may be served (epoch seconds).

    `forms` are its bytes as whoever sends them compressed them, by content coding; they go when it goes.
    `is_stamped` if it shows when anything was observed or how old it is.
    """

    body: bytes
    reads: Reads
    tags: frozenset[str]
    fresh_until: float
    place: Place
    is_stamped: bool
    forms: dict[bytes, bytes] = field(default_factory=dict)


class Draft(Protocol):
    """What was written of a response, without what is one customer's own; whoever wrote it can fill it in."""

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""


@dataclass(slots=True)
class KeptDraft:
    """A draft, what it shows, and how often it was filled in; its tags are worked out when there is a purge."""

    draft: Draft
    reads: Reads
    fresh_until: float
    is_stamped: bool
    filled: int = 0

    @property
    def tags(self) -> set[str]:
        return self.reads.tags


class Responses:
    """The response level of one process."""

    def __init__(self, levels: Levels) -> None:
        self._shelves = Shelves()
        self._drafts = Shelves()
        self._memory = levels.memory
        self._purges = levels.purges
        self._clock = levels.clock
        self._counters = levels.metrics.responses

    def find(self, key: ResponseKey, asker: Asker) -> KeptResponse | None:
        """The kept response, if there is one and it may still be served."""
        kept = self.find_at(Place(audience(asker), key))
        if kept is None:
            self._counters.missed += 1
        return kept

    def find_at(self, place: Place) -> KeptResponse | None:
        """The same, by where a response was found before; whoever misses it here goes on to `find`, which counts."""
        kept: KeptResponse | None = self._read(_entry_at(self._shelves, *place))
        self._counters.hit += kept is not None
        return kept

    def find_draft(self, key: ResponseKey, asker: Asker) -> Draft | None:
        """The kept draft of a response, for every signed-in customer of a context alike."""
        kept: KeptDraft | None = self._read(_entry_at(self._drafts, asker.in_context, key))
        if kept is None:
            return None
        self._counters.filled += 1
        kept.filled += 1
        return kept.draft

    def times_filled(self, key: ResponseKey, asker: Asker) -> int:
        """How often the last draft of a response was filled in, as far as that is known."""
        entry = _entry_at(self._drafts, asker.in_context, key)
        kept: KeptDraft | None = entry.value if entry is not None else None
        return kept.filled if kept is not None else 0

    def reads(self) -> Reads:
        """A new request's recorder; the asker carries it as `reads`."""
        return Reads(self._clock(), self._purges.epoch)

    def keep(self, key: ResponseKey, asker: Asker, body: bytes, reads: Reads, shows: Shows = Shows.AGES) -> bool:
        """Keep a response without errors; False, and counted by reason, if what it read forbids it."""
        now = self._clock()
        refusal = self._why_not(reads, now, shows)
        if refusal is not None:
            self._counters.refused[refusal] = self._counters.refused.get(refusal, 0) + 1
            return False
        fresh_until = pick_fresh_until(reads, now, shows)
        place = Place(audience(asker), key)
        entry = self._shelves.entry(*place)
        entry.value = KeptResponse(body, reads, frozenset(reads.tags), fresh_until, place, shows is not Shows.VALUES)
        self._settle(entry, now, fresh_until, FORMS * len(body) + 100 * reads.number)
        self._counters.kept += 1
        return True

    def keep_draft(
        self, key: ResponseKey, asker: Asker, draft: Draft, reads: Reads, shows: Shows = Shows.AGES
    ) -> float | None:
        """Keep what was written besides what is one customer's own: until when, or None if what it read forbids it."""
        now = self._clock()
        if self._why_not_shared(reads, now, shows) is not None:
            return None
        entry = self._drafts.entry(asker.in_context, key)
        fresh_until = pick_fresh_until(reads, now, shows)
        entry.value = KeptDraft(draft, reads, fresh_until, shows is not Shows.VALUES)
        self._settle(entry, now, fresh_until, draft.weight + 100 * reads.number)
        self._counters.drafted += 1
        return fresh_until

    def _settle(self, entry: Entry, now: float, fresh_until: float, weight: int) -> None:
        entry.received_at = now
        entry.fresh_until = fresh_until
        entry.gone_at = fresh_until + (0.0 if entry.value.is_stamped else PROLONGED_WITHIN_S)
        entry.checked = self._purges.epoch
        self._memory.settle(entry, now, ENTRY_BYTES + weight)

    def _why_not(self, reads: Reads, now: float, shows: Shows) -> str | None:
        return "private" if reads.is_private else self._why_not_shared(reads, now, shows)

    def _why_not_shared(self, reads: Reads, now: float, shows: Shows) -> str | None:
        if reads.refusal is not None:
            return reads.refusal
        if reads.fresh_until == FOREVER:
            return "nothing read"
        if reads.served_until <= now:
            return "stale"
        if shows is Shows.AGES and reads.newest >= reads.began:
            return "live"
        if self._purges.epoch == reads.born:
            return None
        return "purged" if self._purges.last_epoch(reads.tags) > reads.born else None

    def _read(self, entry: Entry | None) -> Any:
        """What is kept, if it may still be served; in its last moments what it shows is refreshed."""
        now = self._clock()
        if entry is None or self._is_purged(entry) or (now >= entry.fresh_until and not self._prolong(entry, now)):
            return None
        entry.used = True
        kept = entry.value
        if now >= kept.reads.refresh_at:
            kept.reads.renew()
        return kept

    def _prolong(self, entry: Entry, now: float) -> bool:
        """Keep on what has ended, if its sources have said all of it again; and for a moment while they are asked."""
        kept: KeptResponse | KeptDraft = entry.value
        if kept.is_stamped or not kept.reads.prolong():
            return False
        kept.fresh_until = entry.fresh_until = pick_fresh_until(kept.reads, now, Shows.VALUES)
        entry.gone_at = entry.fresh_until + PROLONGED_WITHIN_S
        self._counters.prolonged += 1
        return True

    def _is_purged(self, entry: Entry) -> bool:
        if entry.checked != self._purges.epoch:
            if self._purges.last_epoch(entry.value.tags) > entry.checked:
                self._memory.drop(entry, MissReason.PURGED)
                return True
            entry.checked = self._purges.epoch
        return False


def _entry_at(shelves: Shelves, audience: Scope, key: ResponseKey) -> Entry | None:
    shelf = shelves.get(audience)
    return shelf.get(key) if shelf is not None else None


def pick_fresh_until(reads: Reads, now: float, shows: Shows) -> float:
    """Until when a response may be served.

    What it read may be past its freshness and on its way to be refreshed: then for a moment only, so
    that not every request until then makes the page anew, and none of them gets it older than agreed.
    """
    until = reads.fresh_until if reads.fresh_until > now else min(reads.served_until, now + WHILE_REFRESHED_S)
    return min(until, now + AGES_TRUE_FOR_S) if shows is Shows.AGES else until


def audience(asker: Asker) -> InContext | ForCustomer:
    """Who may get the same response: all anonymous visitors of a context, or all signed-in customers of it."""
    for_customer = asker.for_customer
    return for_customer if for_customer.customer_id is None else asker.in_context
