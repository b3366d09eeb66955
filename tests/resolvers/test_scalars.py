"""Scalars: what is read from clients, and what is written to them."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from strawberry.exceptions import StrawberryInputCoercionError

from resolvers.scalars import SCALARS, LanguageCode, PhoneNumber, read_date, read_decimal, read_instant, write_decimal


@pytest.mark.parametrize(
    ("given", "read"),
    [("1990.00", "1990.00"), ("-0.5", "-0.5"), ("0", "0"), ("9999999999999999.999999999999", None)],
)
def test_decimals_are_read_exactly(given: str, read: str | None) -> None:
    """Digits, a point and a sign are read as they stand."""
    assert str(read_decimal(given)) == (read or given)


@pytest.mark.parametrize(
    "given",
    [1990, 19.9, None, "", " 1", "1_000", "1e3", "1E+999999", "NaN", "Infinity", "１２", "1.", ".5", "+1", "9" * 17],
)
def test_what_is_not_a_decimal_of_a_shop_is_refused(given: object) -> None:
    """Floats, exponents, spaces, other scripts and numbers beyond all money are refused, with what was expected."""
    with pytest.raises(StrawberryInputCoercionError, match="Expected a decimal as a string"):
        read_decimal(given)


@pytest.mark.parametrize(("value", "written"), [("1E+3", "1000"), ("0.00000001", "0.00000001"), ("10.50", "10.50")])
def test_decimals_are_written_without_an_exponent(value: str, written: str) -> None:
    """However Python keeps a decimal, clients read plain digits."""
    assert write_decimal(Decimal(value)) == written


def test_dates_are_read() -> None:
    """A calendar date is `YYYY-MM-DD`."""
    assert read_date("2024-02-29") == dt.date(2024, 2, 29)


@pytest.mark.parametrize("given", ["2023-02-29", "20240229", "2024-02-29T00:00:00Z", "2024-W09-4", "", 0, None])
def test_what_is_not_a_date_is_refused(given: object) -> None:
    """Days that do not exist and other spellings are refused."""
    with pytest.raises(StrawberryInputCoercionError, match="YYYY-MM-DD"):
        read_date(given)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-03-01T12:00:00+03:00", "2026-03-01T12:00:00+03:00"),
        ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00+00:00"),
        ("2026-03-01t09:00:00.25z", "2026-03-01T09:00:00.250000+00:00"),
    ],
)
def test_instants_are_read_with_their_offset(given: str, read: str) -> None:
    """An instant of RFC 3339, in its lower case too."""
    assert read_instant(given).isoformat() == read


@pytest.mark.parametrize(
    "given",
    ["2026-03-01T12:00:00", "2026-03-01", "20260301T120000+0300", "2026-W09-7T12:00:00Z", "2026-13-01T12:00:00Z", 5],
)
def test_what_is_not_an_instant_is_refused(given: object) -> None:
    """An instant without an offset could be anywhere; ISO 8601's other spellings are not RFC 3339."""
    with pytest.raises(StrawberryInputCoercionError, match="with an offset"):
        read_instant(given)


def reader(scalar: object) -> Callable[[Any], Any]:
    read = SCALARS[scalar].parse_value
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("scalar", "given"),
    [(LanguageCode, "ru"), (LanguageCode, "zh-Hant-TW"), (PhoneNumber, "+79991234567")],
)
def test_texts_with_a_meaning_are_read(scalar: object, given: str) -> None:
    """A text of the right form passes as it is."""
    assert reader(scalar)(given) == given


@pytest.mark.parametrize(
    ("scalar", "given"),
    [(LanguageCode, "русский"), (LanguageCode, "ru\n"), (PhoneNumber, "89991234567"), (PhoneNumber, 79991234567)],
)
def test_texts_without_the_meaning_are_refused(scalar: object, given: object) -> None:
    """A plain text does not slip into a scalar that promises more."""
    with pytest.raises(StrawberryInputCoercionError, match="such as"):
        reader(scalar)(given)
