"""A price of one unit out of the amounts of a whole line, so that its steps always sum to it."""

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

from clients.pricing.protocol import Price, PriceComponent, PriceComponentKind
from clients.values import Freshness, Money

PERSONAL_KINDS: Final = frozenset({PriceComponentKind.PERSONAL, PriceComponentKind.LOYALTY_TIER})
_WHOLE: Final = Decimal(1)


class Step(NamedTuple):
    """What a promotion takes off a line, as a positive amount in minor units."""

    off: Decimal
    title: str
    kind: PriceComponentKind
    promotion_id: str | None = None


def said_by(language: str, text: str, english: str) -> str:
    """One of two texts of the settings, by the language of who reads it."""
    return english if language[:2].lower() == "en" else text


def explained_price(
    base: Decimal,
    steps: Iterable[Step],
    quantity: int,
    money: Callable[[Decimal], Money],
    base_title: str,
    freshness: Freshness,
) -> Price:
    """The price of one of `quantity` units that cost `base` each before the steps; both in minor units.

    A line need not divide evenly: totals are rounded half up to whole minor units, and a step is the
    difference of the totals around it. Raises ValueError for amounts that no shop means.
    """
    line, listed = base * quantity, base.quantize(_WHOLE, ROUND_HALF_UP)
    total = listed
    explanation = [_component(Step(-listed, base_title, PriceComponentKind.BASE), listed, money)]
    for step in steps:
        line -= step.off
        after = (line / quantity).quantize(_WHOLE, ROUND_HALF_UP)
        if after != total:
            explanation.append(_component(step._replace(off=total - after), after, money))
        total = after
    if base < 0 or total < 0:
        raise ValueError(f"expected a price of 0 or more, got {base} less its discounts is {total}")
    return Price(
        current=money(total),
        explanation=tuple(explanation),
        is_personal=any(one.kind in PERSONAL_KINDS for one in explanation),
        regular=money(listed) if total < listed else None,
        discount_percent=int((listed - total) * 100 / listed) if total < listed else None,
        freshness=freshness,
    )


def _component(step: Step, total: Decimal, money: Callable[[Decimal], Money]) -> PriceComponent:
    return PriceComponent(
        kind=step.kind,
        title=step.title,
        amount=money(-step.off),
        running_total=money(total),
        promotion_id=step.promotion_id,
    )
