"""Finding goods by words, in either language, misspelt, in the wrong alphabet or keyboard layout."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_MOST_WORDS = 8
_MOST_LETTERS = 500
_LONG = 5
_STOP = frozenset(("для", "и", "с", "на", "в", "по", "the", "for", "and", "of", "a", "with"))
_LAYOUT = str.maketrans("qwertyuiop[]asdfghjkl;'zxcvbnm,.`", "йцукенгшщзхъфывапролджэячсмитьбюё")
_LATIN = str.maketrans(
    {
        "а": "a",
        "б": "b",
        "в": "v",
        "г": "g",
        "д": "d",
        "е": "e",
        "ж": "zh",
        "з": "z",
        "и": "i",
        "й": "j",
        "к": "k",
        "л": "l",
        "м": "m",
        "н": "n",
        "о": "o",
        "п": "p",
        "р": "r",
        "с": "s",
        "т": "t",
        "у": "u",
        "ф": "f",
        "х": "h",
        "ц": "ts",
        "ч": "ch",
        "ш": "sh",
        "щ": "sch",
        "ъ": "",
        "ы": "y",
        "ь": "",
        "э": "e",
        "ю": "yu",
        "я": "ya",
    }
)


class Found(NamedTuple):
    """`corrected` is the text that was really looked for, when it is not the one given."""

    bits: int
    corrected: str | None


def words_of(text: str) -> list[str]:
    """Lower-case words without ё and without those that say nothing."""
    words = re.findall(r"\w+", text[:_MOST_LETTERS].lower().replace("ё", "е"))
    return [word for word in words if word not in _STOP][:_MOST_WORDS]


class Vocabulary:
    """Words of titles, brands, categories and colours, each with the set of products that it stands for."""

    def __init__(self, sets: Mapping[str, int]) -> None:
        self._sets = sets

    def find(self, text: str) -> Found:
        """Products that have all the words; words that mean nothing even after correction are left out."""
        words = words_of(text)
        read = [self._read(word) for word in words]
        known = [(word, bits) for word, bits in read if bits]
        if not known:
            return Found(0, None)
        bits = known[0][1]
        for _, more in known[1:]:
            bits &= more
        looked_for = [word for word, _ in known]
        is_corrected = any(word != typed for typed, (word, bits_) in zip(words, read, strict=True) if bits_)
        return Found(bits, " ".join(looked_for) if is_corrected else None)

    def _read(self, word: str) -> tuple[str, int]:
        """The word as it was meant, and its products: none when nobody can tell."""
        for reading in dict.fromkeys((word, word.translate(_LAYOUT), word.translate(_LATIN))):
            bits = self.beginning(reading)
            if bits:
                return reading, bits
        for reading in (word, word.translate(_LATIN)):
            near = self._nearest(reading)
            if near is not None:
                return near, self._sets[near]
        return word, 0

    def beginning(self, word: str) -> int:
        """Products of all words that begin like this one; endings of longer Russian words do not count."""
        stem = word[: max(4, len(word) - 2)] if len(word) >= _LONG and not word.isascii() else word
        bits = 0
        for known, products in self._sets.items():
            if known.startswith(word) or (stem != word and known.startswith(stem) and len(known) <= len(word) + 2):
                bits |= products
        return bits

    def _nearest(self, word: str) -> str | None:
        """The known word within one typing error, two in longer words."""
        if len(word) < 4 or word.isdigit():  # noqa: PLR2004
            return None
        most = 1 if len(word) <= _LONG else 2
        near = ((distance(word, known, most), known) for known in self._sets if not known.isdigit())
        least, known = min(near)
        return known if least <= most else None


def distance(one: str, other: str, most: int) -> int:
    """Damerau-Levenshtein distance (adjacent swaps count as one); anything above `most` is only said to be above."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
