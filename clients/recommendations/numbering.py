"""Our ids where a vendor counts: `p-000123` is its 123, by a rule that the operator writes."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import BeforeValidator

_RULE: Final = re.compile(r"([^{}]*)\{(?::0?([1-9][0-9]?))?\}([^{}]*)")
MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class NumberRule:
    """A number between two texts, with leading zeros up to `width` digits."""

    before: str
    width: int
    after: str

    @classmethod
    def read(cls, rule: object) -> Self:
        """The rule that a text means: `{}`, `p-{}` or `p-{:06}`. Raises ValueError for any other."""
        if isinstance(rule, cls):
            return rule
        found = _RULE.fullmatch(rule) if isinstance(rule, str) else None
        if found is None:
            raise ValueError("expected one number in braces with text around it, such as 'p-{:06}' or '{}'")
        before, width, after = found.groups()
        return cls(before, int(width or 1), after)

    def number(self, our_id: str) -> int | None:
        """The vendor's number; None for an id that the rule does not give."""
        digits = our_id.removeprefix(self.before).removesuffix(self.after)
        if not (digits.isascii() and digits.isdigit()) or len(digits) > MOST_DIGITS:
            return None
        number = int(digits)
        return number if self.our_id(number) == our_id else None

    def our_id(self, number: int) -> str:
        """Our id for the vendor's number."""
        return f"{self.before}{number:0{self.width}d}{self.after}"


Rule = Annotated[NumberRule, BeforeValidator(NumberRule.read)]
"""A rule in settings."""
