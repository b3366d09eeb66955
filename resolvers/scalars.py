"""The schema's scalars: exact decimals, instants with an offset, and strings with a meaning.

Every scalar has its own Python type, so that a plain string never slips into a field that
promises more.
"""

import datetime as dt
import re
from decimal import Decimal
from typing import Any, NewType

import strawberry
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.types.scalar import ScalarDefinition

from resolvers.batch import pure_leaf

CurrencyCode = NewType("CurrencyCode", str)
CountryCode = NewType("CountryCode", str)
LanguageCode = NewType("LanguageCode", str)
URL = NewType("URL", str)
HTML = NewType("HTML", str)
PhoneNumber = NewType("PhoneNumber", str)

DECIMAL = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,12})?")
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE
)


@pure_leaf
def write_decimal(value: Decimal) -> str:
    """Write an exact decimal without an exponent."""
    return format(value, "f")


def read_decimal(given: object) -> Decimal:
    """Read a decimal from a string such as `"1990.00"`; a JSON number is refused, it is a float.

    Digits, a point and a sign, as many as any shop needs: what `Decimal` reads besides (exponents,
    spaces, underscores, `NaN`, digits of other scripts) is not what a shop means.
    """
    if isinstance(given, str) and DECIMAL.fullmatch(given):
        return Decimal(given)
    raise StrawberryInputCoercionError(f'Expected a decimal as a string such as "1990.00", got {given!r}.')


def read_date(given: object) -> dt.date:
    """Read a calendar date, `YYYY-MM-DD`."""
    try:
        if isinstance(given, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", given):
            return dt.date.fromisoformat(given)
    except ValueError:
        pass
    raise StrawberryInputCoercionError(f'Expected a date as "YYYY-MM-DD", got {given!r}.')


def read_instant(given: object) -> dt.datetime:
    """Read an instant of RFC 3339; one without an offset is refused, it could be anywhere."""
    try:
        if isinstance(given, str) and INSTANT.fullmatch(given):
            return dt.datetime.fromisoformat(given.upper())
    except ValueError:
        pass
    expected = 'Expected an instant with an offset such as "2026-03-01T12:00:00+03:00"'
    raise StrawberryInputCoercionError(f"{expected}, got {given!r}.")


def _text(
    name: str, description: str, pattern: str, example: str, specified_by_url: str | None = None
) -> ScalarDefinition:
    matches = re.compile(pattern).fullmatch

    def read(given: object) -> str:
        if isinstance(given, str) and matches(given):
            return given
        raise StrawberryInputCoercionError(f'Expected {name} such as "{example}", got {given!r}.')

    return strawberry.scalar(
        name=name, description=description, specified_by_url=specified_by_url, serialize=str, parse_value=read
    )


SCALARS: dict[object, ScalarDefinition] = {
    dt.datetime: strawberry.scalar(
        name="DateTime",
        description="An instant, RFC 3339 with offset, e.g. `2026-03-01T12:00:00+03:00`.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=dt.datetime.isoformat,
        parse_value=read_instant,
    ),
    dt.date: strawberry.scalar(
        name="Date",
        description="A calendar date without a time zone, `YYYY-MM-DD`.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339#section-5.6",
        serialize=dt.date.isoformat,
        parse_value=read_date,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a string, e.g. `"1990.00"`. Never a float.',
        serialize=write_decimal,
        parse_value=read_decimal,
    ),
    CurrencyCode: _text(
        "CurrencyCode",
        "ISO 4217 currency code, e.g. `RUB`.",
        r"[A-Z]{3}",
        "RUB",
        "https://www.iso.org/iso-4217-currency-codes.html",
    ),
    CountryCode: _text(
        "CountryCode",
        "ISO 3166-1 alpha-2 country code, e.g. `RU`.",
        r"[A-Z]{2}",
        "RU",
        "https://www.iso.org/iso-3166-country-codes.html",
    ),
    LanguageCode: _text(
        "LanguageCode",
        "BCP 47 language tag, e.g. `ru`.",
        r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*",
        "ru",
        "https://www.rfc-editor.org/info/bcp47",
    ),
    URL: _text(
        "URL",
        "Absolute URL or app deep link.",
        r"[a-z][a-z0-9+.-]*:\S+",
        "https://shop.example/",
        "https://url.spec.whatwg.org/",
    ),
    HTML: _text("HTML", "Sanitised HTML fragment that is safe to insert into a page.", r"(?s).*", "<p>Text</p>"),
    PhoneNumber: _text(
        "PhoneNumber",
        "Telephone number in E.164 form, e.g. `+79991234567`.",
        r"\+[1-9]\d{6,14}",
        "+79991234567",
        "https://www.itu.int/rec/T-REC-E.164",
    ),
}


def scalar_map() -> dict[object, Any]:
    """The scalars by the Python type that stands for them, as Strawberry's configuration wants them."""
    return dict(SCALARS)
