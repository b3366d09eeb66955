"""Which keys a dataset's source is asked for most: few counters, however many keys there are."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Final

ROOM: Final = 200
SHOWN: Final = 10
LONGEST: Final = 80


class TopKeys:
    """The most frequent of a long stream (Misra and Gries, 1982): at most `room` counters.

    A count is too low by at most the questions asked in all divided by `room`, never too high.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._counts: Counter[Hashable] = Counter()

    def note(self, keys: Iterable[Hashable]) -> None:
        """These keys went to the source."""
        for key in keys:
            if key in self._counts or len(self._counts) < self._room:
                self._counts[key] += 1
            else:
                self._counts = Counter({kept: number - 1 for kept, number in self._counts.items() if number > 1})

    def top(self, number: int = SHOWN) -> list[tuple[str, int]]:
        """The most frequent, as text, with their counts."""
        return [(describe_key(key), count) for key, count in self._counts.most_common(number)]


def describe_key(key: Hashable) -> str:
    """A key as a person reads it, cut where it is long."""
    names: Sequence[str] = getattr(key, "__struct_fields__", ())
    said = [f"{name}={value}" for name in names if (value := getattr(key, name))]
    text = " ".join(said) if names else str(key)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
