"""Reading quantities as warehouse systems write them: with spaces, commas, fractions and below zero."""

from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Final

THOUSANDTHS: Final = 1000
MOST: Final = 10**9
_LONGEST: Final = 32


class BadQuantity(ValueError):
    """Not a quantity; the message says what was expected and what came."""


def read_quantity(said: str) -> int:
    """A quantity in thousandths; what is finer is cut off, towards less. Raises BadQuantity.

    Spaces of any kind separate thousands, and a comma is a point. Below zero is kept as it was
    said: whoever promises decides what it means.
    """
    text = "".join(said.split()).replace(",", ".")
    if len(text) > _LONGEST or "_" in text:
        raise _bad(said)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _bad(said) from None
    return in_thousandths(number)


def in_thousandths(number: Decimal) -> int:
    """The same for a number that was read already; raises BadQuantity for what no warehouse holds."""
    if not number.is_finite() or abs(number) > MOST:
        raise _bad(str(number))
    return int((number * THOUSANDTHS).to_integral_value(ROUND_FLOOR))


def whole_pieces(on_hand: int, reserved: int = 0) -> int:
    """How many whole pieces can be sold of so many thousandths; what is below zero sells nothing."""
    return max(0, on_hand - max(0, reserved)) // THOUSANDTHS


def _bad(said: str) -> BadQuantity:
    return BadQuantity(f"expected a quantity such as 5, 2.5 or 1 200,5; got {said[:_LONGEST]!r}")
