"""One kept value, and the shelves where all values of one dataset stand, one shelf per scope."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import count
from typing import Any

from clients.scope import Scope
from clients.values import tells_same
from gateway.cache.freshness import MissReason

NEVER = float("-inf")
REMEMBERED = 8192
_versions = count()


class Entry:
    """A value and its times, in seconds since the epoch.

    Until `refresh_at` the value is served without a second thought, until `served_until` while it is
    refreshed; after `gone_at` it is of no use.
    `held_until` is set when a refresh failed: no other is tried before. `checked` is the purge epoch
    at which the value was last known not to be purged. `is_absence` says that the source has no such
    thing, or no answer to such a question. `used` is set by readers and cleared by the
    hand of the memory that holds the entry. `weight` is 0 for an entry that is not kept. `version` stays
    for as long as the source says the same, and is never used for anything else; as long as nobody has
    noted it (`is_noted`) any value has a new one, for to compare costs something.
    """

    __slots__ = (
        "checked", "fresh_until", "gone_at", "held_until", "is_absence", "is_noted", "key", "received_at", "refresh_at",
        "served_until", "shelf", "used", "value", "version", "weight",
    )  # fmt: skip

    def __init__(self, shelf: Shelf, key: Hashable) -> None:
        self.shelf = shelf
        self.key = key
        self.value: Any = None
        self.received_at = NEVER
        self.refresh_at = NEVER
        self.fresh_until = NEVER
        self.served_until = NEVER
        self.held_until = NEVER
        self.gone_at = NEVER
        self.checked = 0
        self.weight = 0
        self.is_absence = False
        self.is_noted = False
        self.used = False
        self.version = next(_versions)

    def wanted_at(self, share: float = 1.0) -> float:
        """When it wants to be refreshed, or has lived the given share of the time until then."""
        return max(self.received_at + share * (self.refresh_at - self.received_at), self.held_until)

    def write(self, value: Any) -> None:
        """Put a value in place of the one before; its version is another unless it tells the same."""
        if not (self.is_noted and tells_same(self.value, value)):
            self.version = next(_versions)
            self.is_noted = False
        self.value = value


class Shelf(dict[Any, Entry]):
    """The entries of one scope: the scope is looked up once per call, not once per key."""

    __slots__ = ("scope", "shelves")

    def __init__(self, shelves: Shelves, scope: Scope) -> None:
        super().__init__()
        self.shelves = shelves
        self.scope = scope


class Shelves(dict[Any, Shelf]):
    """All shelves of one dataset, and a short memory of what used to stand there."""

    def __init__(self) -> None:
        super().__init__()
        self._left: dict[int, MissReason] = {}
        self._seen: dict[int, None] = {}

    def entry(self, scope: Scope, key: Hashable) -> Entry:
        """The entry of a key, new when there is none."""
        shelf = self.get(scope)
        if shelf is None:
            shelf = self[scope] = Shelf(self, scope)
        entry = shelf.get(key)
        if entry is None:
            entry = shelf[key] = Entry(shelf, key)
            _remember(self._seen, hash(key), None)
        return entry

    def remove(self, entry: Entry, reason: MissReason) -> None:
        """Take an entry off its shelf and remember why."""
        shelf = entry.shelf
        shelf.pop(entry.key, None)
        if not shelf and self.get(shelf.scope) is shelf:
            del self[shelf.scope]
        _remember(self._left, hash((shelf.scope, entry.key)), reason)

    @property
    def knows_nothing(self) -> bool:
        """Whether nothing ever stood here."""
        return not self._seen

    def why_missing(self, scope: Hashable, key: Hashable) -> MissReason:
        """A guess from the last few thousand departures, for metrics only."""
        left = self._left.get(hash((scope, key)))
        if left is not None:
            return left
        return MissReason.SCOPE if hash(key) in self._seen else MissReason.COLD


def _remember(ledger: dict[int, Any], number: int, what: MissReason | None) -> None:
    ledger[number] = what
    if len(ledger) > REMEMBERED:
        del ledger[next(iter(ledger))]
