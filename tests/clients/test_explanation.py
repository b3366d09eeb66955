"""A price of one unit out of the amounts of a line: whatever the amounts are, its steps sum to it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.annotations import is_marked, said_in
from clients.pricing.explanation import Step, explained_price
from clients.pricing.presentation import annotated_promotion, channels_of, component_of
from clients.pricing.protocol import OtherMechanic, Price, PriceComponentKind, PriceOffMechanic
from clients.values import NEVER_STAMPED, Money, SalesChannel

OTHER = OtherMechanic(code="RULES")


def money(minor: Decimal) -> Money:
    return Money(amount=minor.scaleb(-2), currency_code="RUB")


def price_of(base: Decimal, offs: list[Decimal], quantity: int) -> Price:
    steps = [Step(off, f"step {n}", PriceComponentKind.PROMOTION, f"p{n}") for n, off in enumerate(offs)]
    return explained_price(base, steps, quantity, money, "List price", NEVER_STAMPED)


AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False)


@given(base=AMOUNTS, shares=st.lists(st.integers(0, 100), max_size=6), quantity=st.integers(1, 999))
def test_steps_sum_to_the_price(base: Decimal, shares: list[int], quantity: int) -> None:
    """To the minor unit, for fractions of it too, and no step is 0."""
    left, offs = base * quantity, []
    for share in shares:
        offs.append(left * share / 100)
        left -= offs[-1]
    price = price_of(base, offs, quantity)

    assert sum(step.amount.amount for step in price.explanation) == price.current.amount
    assert price.explanation[-1].running_total == price.current
    assert price.current.amount == price.current.amount.quantize(Decimal("0.01"))
    assert abs(price.current.amount - left / quantity / 100) <= Decimal("0.0051")
    assert all(step.amount.amount for step in price.explanation[1:])
    if price.regular is not None:
        assert price.regular.amount > price.current.amount
        assert price.discount_percent is not None
        assert 0 <= price.discount_percent <= 100


@pytest.mark.parametrize(("base", "off"), [("-1", "0"), ("100", "101"), ("1e30", "0")])
def test_what_no_shop_means_is_refused(base: str, off: str) -> None:
    """Negative prices and absurd ones."""
    with pytest.raises((ValueError, ArithmeticError)):
        price_of(Decimal(base), [Decimal(off)], 1)


def test_a_price_without_reductions_has_no_regular_one() -> None:
    """Nothing is crossed out, and free goods have no percent of nothing."""
    assert price_of(Decimal(1000), [], 1).regular is None
    free = price_of(Decimal(0), [], 1)
    assert free.current.amount == 0
    assert free.discount_percent is None


def test_annotations_are_read_by_language() -> None:
    """The reader's language first; what is empty or no text is not there."""
    known = {"title": "Весна", "title_en": "Spring", "badge": "", "handle": 7, "hidden": True, "seen": "false"}
    assert said_in(known, "title", "en-GB") == "Spring"
    assert said_in(known, "title", "kk") == "Весна"
    assert said_in(known, "badge") is None
    assert said_in(known, "handle") is None
    assert said_in(None, "title") is None
    assert is_marked(known, "hidden")
    assert not is_marked(known, "seen")


@pytest.mark.parametrize("spelt", ["", "{", '{"kind":"PRICE_OFF","percent":"NaN"}', '{"kind":"KARMA"}', "[" * 9999])
def test_a_mechanic_that_cannot_be_read_is_as_good_as_none(spelt: str) -> None:
    """What the engine says stays."""
    assert annotated_promotion("x", {"mechanic": spelt}, "ru", "t", OTHER).mechanic == OTHER


def test_annotations_make_a_promotion() -> None:
    """Kinds, channels and mechanics in the words of our contract; words that are new say nothing."""
    known = {"mechanic": '{"kind":"PRICE_OFF","percent":"10"}', "channels": "IOS, FAX,WEB", "component": "SURCHARGE"}
    promotion = annotated_promotion("x", known, "ru", "Title", OTHER)
    assert promotion.mechanic == PriceOffMechanic(percent=Decimal(10))
    assert promotion.channels == channels_of(known) == (SalesChannel.IOS, SalesChannel.WEB)
    assert component_of(known) is PriceComponentKind.SURCHARGE
    assert component_of({"component": "KARMA"}) is PriceComponentKind.PROMOTION
