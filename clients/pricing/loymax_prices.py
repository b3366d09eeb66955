"""From what Loymax calculates to explained prices; nothing here asks anybody.

Amounts of a cheque are those of whole lines, in money with a fraction; a price is that of one unit.
"""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from clients.errors import InvalidSourceResponse, SourceUnavailable
from clients.pricing.explanation import Step, explained_price
from clients.pricing.lines import PricedLine
from clients.pricing.protocol import (
    OtherMechanic,
    Price,
    PriceComponentKind,
    PriceKey,
    Promotion,
)
from clients.values import DataSource, Freshness, Money, refuse_absurd
from clients.vendors.loymax import Data, Wire
from clients.vendors.loymax_processing import Goods, Offer

OK: Final = "Ok"
SAID_ALREADY: Final = frozenset({"NotUniqueOperationID", "NotUniquePurchaseID"})
THEIR_FAULT: Final = "SystemError"
OFFER: Final = "LOYMAX_OFFER"
MINOR: Final = Decimal(100)
CASHIER: Final = "web"


class ChequeLine(Wire):
    """A line as calculated: `amount` before the discount, and both for all units together."""

    position: int
    amount: Decimal
    discount: Decimal = Decimal(0)
    applied_offers: tuple[Offer, ...] | None = None


class _Cheque(Wire):
    lines: tuple[ChequeLine, ...] | None = None


class Calculated(Wire):
    """The result of one operation; `code` is an open set."""

    code: str
    cheque: _Cheque | None = None


CALCULATED: Final = Data[tuple[Calculated, ...]](tuple[Calculated, ...])


class Words(NamedTuple):
    """What steps of a price are called that Loymax gives no name: in the shopper's language."""

    base: str
    discount: str
    rounding: str


def previewed(goods: Goods, money: str, words: Words, freshness: Freshness) -> PricedLine:
    """One unit for everybody. Raises one of `ABSURD` for amounts that nobody means or that do not add up."""
    listed = goods.original_amount
    refuse_absurd(listed)
    calculation = goods.for_everybody()
    if calculation is None or calculation.discount is None:
        if goods.calculation_results:
            raise ValueError("expected a calculation for everybody, got only some for cards or statuses")
        return PricedLine(_explained(listed, (), 1, money, words.base, freshness), ())
    discount = calculation.discount
    given = discount.goods_calculation_discount_result or ()
    refuse_absurd(discount.result_amount, *(one.amount for one in given))
    steps = [
        Step(
            one.amount * MINOR,
            _title(one.offer_info, words),
            PriceComponentKind.PROMOTION,
            promotion_id(one.offer_info),
        )
        for one in given
        if one.amount
    ]
    rest = listed - sum((one.amount for one in given), Decimal(0)) - discount.result_amount
    if abs(rest) >= 1:
        raise ValueError(f"expected discounts that sum to the result, got {rest} that no offer explains")
    if rest:
        steps.append(Step(rest * MINOR, words.rounding, PriceComponentKind.ROUNDING))
    offers = sorted((one for one in given if one.offer_info is not None), key=lambda one: -one.amount)
    promotions = {one.id: one for one in (promotion_of(each.offer_info, words) for each in offers) if one is not None}
    return PricedLine(_explained(listed, steps, 1, money, words.base, freshness), tuple(promotions.values()))


def listed_of(line: PricedLine) -> Decimal:
    """What one unit costs before discounts: the first step of its explanation."""
    return line.price.explanation[0].amount.amount


def promotion_id(offer: Offer | None) -> str | None:
    """The shop's own key of an offer where it has one, else Loymax's."""
    if offer is None:
        return None
    return offer.external_id or (None if offer.id is None else str(offer.id))


def promotion_of(offer: Offer | None, words: Words) -> Promotion | None:
    """What a calculation tells of an offer: that it exists, and its name."""
    key = promotion_id(offer)
    if key is None:
        return None
    return Promotion(
        id=key, title=_title(offer, words), channels=(), requires_promo_code=False, mechanic=OtherMechanic(code=OFFER)
    )


def cheque_of(key: PriceKey, listed: Decimal, operation_id: str, now: dt.datetime) -> dict[str, object]:
    """A cheque with one line. Its numbers are ours and used once; nothing is reserved by a calculation."""
    moment = now.replace(microsecond=0)
    line = {
        "position": 1,
        "goodsId": key.sku,
        "quantity": key.quantity,
        "price": _number(listed),
        "amount": _number(listed * key.quantity),
    }
    return {
        "operationId": operation_id,
        "operationDate": moment,
        "cashier": CASHIER,
        "cheque": {"number": operation_id, "date": moment, "lines": [line]},
    }


def _number(amount: Decimal) -> msgspec.Raw:
    """A JSON number with all its digits; encoded as a decimal it would be a text."""
    return msgspec.Raw(format(amount, "f").encode())


def is_said_already(said: Sequence[Calculated]) -> bool:
    """Whether the operation's id was seen before: the answer to it was lost on its way."""
    return any(one.code in SAID_ALREADY for one in said)


def decide_calculated(source: DataSource, said: Sequence[Calculated], key: PriceKey, listed: Decimal) -> ChequeLine:
    """The line of a calculation; raises a SourceError. HTTP 200 and `Success` may hold an operation that failed."""
    line = next(
        (
            line
            for one in said
            if one.code == OK and one.cheque is not None
            for line in one.cheque.lines or ()
            if line.position == 1
        ),
        None,
    )
    if line is None:
        codes = ", ".join(one.code[:40] for one in said) or "nothing"
        if any(one.code == THEIR_FAULT for one in said):
            raise SourceUnavailable(source, f"a calculation: {codes}")
        raise InvalidSourceResponse(source, f"a calculation: expected {OK} with its line, got {codes}")
    if line.amount != listed * key.quantity:
        raise InvalidSourceResponse(source, "a calculation of another amount than was asked about")
    return line


def calculated_price(
    key: PriceKey,
    listed: Decimal,
    line: ChequeLine,
    money: str,
    words: Words,
    freshness: Freshness,
    *,
    is_personal: bool,
) -> Price:
    """One of `key.quantity` units. Loymax names the offers of a line and gives their discount as one sum."""
    refuse_absurd(line.discount)
    offers = line.applied_offers or ()
    usual = PriceComponentKind.CART_PROMOTION if key.quantity > 1 else PriceComponentKind.PROMOTION
    names = ", ".join(dict.fromkeys(_title(one, words) for one in offers)) or words.discount
    step = Step(
        line.discount * MINOR,
        names,
        PriceComponentKind.PERSONAL if is_personal else usual,
        promotion_id(offers[0]) if len(offers) == 1 else None,
    )
    price = _explained(listed, (step,) if line.discount else (), key.quantity, money, words.base, freshness)
    return msgspec.structs.replace(price, is_personal=is_personal)


def _explained(
    listed: Decimal, steps: Sequence[Step], quantity: int, money: str, title: str, freshness: Freshness
) -> Price:
    return explained_price(
        listed * MINOR,
        steps,
        quantity,
        lambda minor: Money(amount=(minor / MINOR).quantize(Decimal("0.01")), currency_code=money),
        title,
        freshness,
    )


def _title(offer: Offer | None, words: Words) -> str:
    return (offer.name if offer is not None else None) or words.discount
