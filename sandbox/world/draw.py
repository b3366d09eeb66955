"""Numbers that look random and depend on nothing but what they are drawn for.

A stateful generator would make product 70,000 depend on the 69,999 before it. Here every draw is a
hash of the seed and of what it is for, so anything can be made on demand and in any order.
"""

import zlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1


def draw(*parts: int) -> int:
    """64 well-mixed bits out of integers (the finaliser of splitmix64 after each part)."""
    state = 0x9E3779B97F4A7C15
    for part in parts:
        state = ((state ^ part) + 0x9E3779B97F4A7C15) & _MASK
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


def number_of(text: str) -> int:
    """A stable number for a text, to be drawn with."""
    return zlib.crc32(text.encode())


def pick(choices: Sequence[T], *parts: int) -> T:
    """One of the choices."""
    return choices[draw(*parts) % len(choices)]
