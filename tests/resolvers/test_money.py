"""Amounts as people read them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from clients.values import Money
from resolvers.money import NO_BREAK_SPACE, format_money


@pytest.mark.parametrize(
    ("amount", "currency", "language", "said"),
    [
        ("1990.00", "RUB", "ru", "1 990 ₽"),
        ("1990.5", "RUB", "ru", "1 990,50 ₽"),
        ("1234567.89", "RUB", "ru-RU", "1 234 567,89 ₽"),
        ("0", "RUB", "ru", "0 ₽"),
        ("-500", "RUB", "ru", "-500 ₽"),
        ("-0.001", "RUB", "ru", "0 ₽"),
        ("99.995", "RUB", "ru", "100 ₽"),
        ("0.125", "RUB", "ru", "0,13 ₽"),
        ("25000", "KZT", "kk", "25 000 ₸"),
        ("25000", "KZT", "RU", "25 000 ₸"),
        ("1990.00", "RUB", "en", "₽1,990"),
        ("-1990.50", "USD", "en", "-$1,990.50"),
        ("12.5", "BYN", "be", "12,50 Br"),
        ("12.5", "BYN", "en", "Br 12.50"),
        ("1990", "XTS", "en", "XTS 1,990"),
        ("-1990", "XTS", "en-GB", "-XTS 1,990"),
        ("1990", "XTS", "ru", "1 990 XTS"),
    ],
)
def test_amounts_are_written_as_people_of_the_language_read_them(
    amount: str, currency: str, language: str, said: str
) -> None:
    """Kopecks show only when there are any, the sign stands where it belongs, a minus before everything."""
    money = Money(amount=Decimal(amount), currency_code=currency)
    assert format_money(money, language).replace(NO_BREAK_SPACE, " ") == said


@given(some.decimals(min_value=-(10**15), max_value=10**15, places=2))
def test_no_amount_is_misread(amount: Decimal) -> None:
    """Every amount in kopecks can be read back from what was written, in a language of either habit."""
    money = Money(amount=amount, currency_code="RUB")
    russian = format_money(money, "ru").replace(NO_BREAK_SPACE, "").replace(",", ".").removesuffix("₽")
    english = format_money(money, "en").replace(",", "").replace("₽", "")
    assert Decimal(russian) == Decimal(english) == amount
