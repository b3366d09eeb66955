"""Exact amounts of money and of points."""

from decimal import Decimal

from clients import values
from resolvers.context import Context
from resolvers.fields import describes, plain, pure
from resolvers.scalars import CurrencyCode

NARROW_SPACE = "\u00a0"
SIGNS = {"RUB": "₽", "USD": "$", "EUR": "€", "KZT": "₸", "BYN": "Br", "CNY": "¥"}


def format_money(money: values.Money, language: str) -> str:
    """Write an amount as people of that language read it: `1 990 ₽`, `RUB 1,990.50`.

    Kopecks show only when there are any. Russian and its neighbours group by spaces and put the
    sign last; the others group by commas and put it first.
    """
    whole = money.amount == money.amount.to_integral_value()
    digits = f"{money.amount:,.0f}" if whole else f"{money.amount:,.2f}"
    sign = SIGNS.get(money.currency_code, money.currency_code)
    if language.partition("-")[0] in ("ru", "be", "kk", "uk"):
        return f"{digits.replace(',', NARROW_SPACE).replace('.', ',')}{NARROW_SPACE}{sign}"
    return f"{sign}{digits}" if len(sign) == 1 else f"{sign}{NARROW_SPACE}{digits}"


@describes(values.Money)
class Money:
    """An exact amount of money."""

    amount: Decimal = plain("Amount in major units as an exact decimal.")
    currency_code: CurrencyCode = plain("Currency of the amount.")

    @pure(str)
    @staticmethod
    def formatted(value: values.Money, context: Context, /) -> str:
        """Amount formatted for the language in context, e.g. `1 990 ₽`."""
        return format_money(value, str(context.fragment_key))


@describes(values.PointsAmount)
class PointsAmount:
    """An amount of loyalty points and what it is worth."""

    points: Decimal = plain("Points, possibly fractional.")
    worth: Money | None = plain("Worth at the current redemption rate; null when the programme publishes no rate.")
