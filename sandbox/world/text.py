"""A text in the languages that the shop speaks."""

from typing import NamedTuple


class Text(NamedTuple):
    """Russian is what everything falls back to."""

    ru: str
    en: str

    def said(self, language: str) -> str:
        """In the language of a BCP 47 tag (`en`, `en-GB`, ...)."""
        return self.en if is_english(language) else self.ru


def is_english(language: str) -> bool:
    """Whether a BCP 47 tag asks for English; everything else is answered in Russian."""
    return language[:2].lower() == "en"


def tongue(language: str) -> str:
    """The tag reduced to what is kept: `ru` or `en`. Good for cache keys, because it is bounded."""
    return "en" if is_english(language) else "ru"
