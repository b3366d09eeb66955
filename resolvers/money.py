"""Exact amounts of money and of points."""

from decimal import ROUND_HALF_UP, Decimal

from clients import values
from resolvers.context import Context
from resolvers.fields import describes, plain, pure
from resolvers.scalars import CurrencyCode

NO_BREAK_SPACE = "\u00a0"
KOPECK = Decimal("0.01")
SIGN_LAST = ("ru", "be", "kk", "uk")
SIGNS = {"RUB": "₽", "USD": "$", "EUR": "€", "KZT": "₸", "BYN": "Br", "CNY": "¥"}


def format_money(money: values.Money, language: str) -> str:
    """Write an amount as people of that language read it: `1 990 ₽`, `-$1,990.50`, `RUB 1,990`.

    Kopecks show only when there are any. Russian and its neighbours group by spaces and put the
    sign last; the others group by commas and put it first.
    """
    amount = money.amount.quantize(KOPECK, ROUND_HALF_UP)
    digits = f"{abs(amount):,.2f}".removesuffix(".00")
    minus = "-" if amount < 0 else ""
    sign = SIGNS.get(money.currency_code, money.currency_code)
    if language.partition("-")[0].lower() in SIGN_LAST:
        return f"{minus}{digits.replace(',', NO_BREAK_SPACE).replace('.', ',')}{NO_BREAK_SPACE}{sign}"
    return f"{minus}{sign}{digits}" if len(sign) == 1 else f"{minus}{sign}{NO_BREAK_SPACE}{digits}"


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
