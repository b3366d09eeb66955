"""Sets of products as whole numbers: bit `n` stands for product `n`.

Intersecting two sets of 100,000 products takes about a microsecond this way, so facets can be
counted exactly for every query instead of being looked up.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

_ON = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))
_FEW = 16


def bits_of(numbers: Iterable[int], size: int) -> int:
    """The set of some product numbers, all of them at most `size`."""
    data = bytearray(size // 8 + 1)
    for number in numbers:
        data[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(data, "little")


def numbers_in(bits: int) -> list[int]:
    """The members of a set, ascending."""
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    return [place * 8 + bit for place, byte in enumerate(data) if byte for bit in _ON[byte]]


class Order:
    """An order of all products. `sequence` has every number once."""

    def __init__(self, sequence: Sequence[int]) -> None:
        self._sequence = sequence
        self._size = len(sequence)
        self._rank = [0] * (self._size + 1)
        for rank, number in enumerate(sequence):
            self._rank[number] = rank

    def arrange(self, bits: int) -> list[int]:
        """The members of a set in this order."""
        if bits.bit_count() * _FEW < self._size:
            return sorted(numbers_in(bits), key=self._rank.__getitem__)
        data = bits.to_bytes(self._size // 8 + 1, "little")
        return [number for number in self._sequence if data[number >> 3] >> (number & 7) & 1]


class Column:
    """A whole number for every product: `values[n]` belongs to product `n`, `values[0]` to none."""

    def __init__(self, values: Sequence[int]) -> None:
        self._values = values
        self.ascending = sorted(range(1, len(values)), key=values.__getitem__)
        self._sorted = [values[number] for number in self.ascending]

    def between(self, low: int | None, high: int | None) -> int:
        """The set of products whose value lies within, bounds included."""
        start = 0 if low is None else bisect_left(self._sorted, low)
        end = len(self._sorted) if high is None else bisect_right(self._sorted, high)
        return bits_of(self.ascending[start:end], len(self._sorted))

    def extremes(self, bits: int) -> tuple[int, int] | None:
        """Least and greatest value in a set; None for an empty one."""
        count = bits.bit_count()
        if count == 0:
            return None
        if count * _FEW < len(self.ascending):
            values = [self._values[number] for number in numbers_in(bits)]
            return min(values), max(values)
        data = bits.to_bytes(len(self.ascending) // 8 + 1, "little")
        first = next(number for number in self.ascending if data[number >> 3] >> (number & 7) & 1)
        last = next(number for number in reversed(self.ascending) if data[number >> 3] >> (number & 7) & 1)
        return self._values[first], self._values[last]
