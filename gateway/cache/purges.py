"""Which tags were purged, and when: an order of events, not of clocks.

Every purge moves the epoch on by one. A load remembers the epoch at which it began; what it
brings home is refused if one of its tags was purged since, so an old answer cannot come back
over a purge however long it was under way.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple


class Mark(NamedTuple):
    """The last purge of a tag: the epoch in this process, and its number in the shared log."""

    epoch: int
    number: float


class Purges:
    """What this process knows of purges; remembers the last `remembered` tags.

    Older ones are forgotten towards safety: what was loaded before them counts as purged.
    """

    def __init__(self, remembered: int = 100_000) -> None:
        self.epoch = 0
        self._remembered = remembered
        self._marks: OrderedDict[str, Mark] = OrderedDict()
        self._floor = Mark(0, 0)

    def mark(self, tags: Iterable[str], number: float = 0) -> None:
        """Everything that carries one of `tags` and was loaded before now is gone."""
        self.epoch += 1
        mark = Mark(self.epoch, number)
        for tag in tags:
            self._marks[tag] = mark
            self._marks.move_to_end(tag)
        while len(self._marks) > self._remembered:
            self._floor = self._marks.popitem(last=False)[1]

    def forget_all(self, number: float = 0) -> None:
        """Everything that was loaded before now is gone."""
        self.epoch += 1
        self._marks.clear()
        self._floor = Mark(self.epoch, number)

    def last_epoch(self, tags: Iterable[str]) -> int:
        """The epoch of the latest purge that touches one of `tags`; 0 if there was none."""
        find, last = self._marks.get, self._floor.epoch
        for tag in tags:
            mark = find(tag)
            if mark is not None and mark.epoch > last:
                last = mark.epoch
        return last

    def last_number(self, tags: Iterable[str]) -> float:
        """The shared number of the latest purge that touches one of `tags`; 0 if there was none."""
        find, last = self._marks.get, self._floor.number
        for tag in tags:
            mark = find(tag)
            if mark is not None and mark.number > last:
                last = mark.number
        return last
