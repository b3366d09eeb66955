"""Voucherify's orders and redeemables as they come; every field may be missing or null.

Fields and values that are new stay out of the way: unknown fields are skipped, kinds are plain texts.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from clients.values import Instant

INDEPENDENT_EFFECTS: Final = frozenset({None, "APPLY_TO_ITEMS", "APPLY_TO_ITEMS_BY_QUANTITY"})
EVERY: Final = "APPLY_TO_EVERY"


class Named(msgspec.Struct, frozen=True):
    """A product or a stock-keeping unit of the project."""

    id: str | None = None
    source_id: str | None = None
    price: Decimal | None = None


class Key(msgspec.Struct, frozen=True, gc=False):
    """Our own key of a product or a stock-keeping unit."""

    source_id: str | None = None


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of an order with what promotions take off it, in hundredths.

    An answer has a line for every promotion and variant, thousands on a page, so nothing is read that
    is not needed and amounts are integers, as the contract says.
    """

    source_id: str | None = None
    discount_amount: int | None = None
    applied_discount_amount: int | None = None
    product: Key | None = None
    sku: Key | None = None


class Reduced(msgspec.Struct, frozen=True):
    """An order with promotions applied; `items_discount_amount` is of all lines together."""

    items: tuple[Line, ...] | None = None
    items_discount_amount: int | None = None


class Item(msgspec.Struct, frozen=True):
    """A line of an order with its price, in hundredths; `amount` is of the whole line."""

    source_id: str | None = None
    price: Decimal | None = None
    amount: Decimal | None = None
    product: Named | None = None
    sku: Named | None = None

    def unit_price(self) -> Decimal | None:
        """As the engine reckoned; a SKU without a price of its own has its product's."""
        told = (self.price, *(one.price for one in (self.sku, self.product) if one is not None))
        return next((price for price in told if price is not None), None)


class Order(msgspec.Struct, frozen=True):
    """What was sent, with the engine's prices."""

    items: tuple[Item, ...] | None = None


L = TypeVar("L", Line, Item)


def by_key(lines: Sequence[L] | None) -> dict[str, L]:
    """Lines by our own key; a line that was added by a promotion does not replace one that was sent."""
    found: dict[str, L] = {}
    for line in lines or ():
        key = line.source_id
        if not key:
            named = (one.source_id for one in (line.sku, line.product) if one is not None)
            key = next(filter(None, named), None)
        if key is not None and key not in found:
            found[key] = line
    return found


class UnitOff(msgspec.Struct, frozen=True):
    """Goods that are given away."""

    product: Named | None = None
    sku: Named | None = None
    unit_off: Decimal | None = None


class Discount(msgspec.Struct, frozen=True):
    """How much a promotion takes off, and off what; `type` decides which of the rest is there."""

    type: str | None = None
    effect: str | None = None
    percent_off: Decimal | None = None
    amount_off: Decimal | None = None
    fixed_amount: Decimal | None = None
    unit_off: Decimal | None = None
    aggregated_amount_limit: Decimal | None = None
    product: Named | None = None
    sku: Named | None = None
    units: tuple[UnitOff, ...] | None = None


class Target(msgspec.Struct, frozen=True):
    """What a discount is for; of `repeat` units or lines each last one, after the first `skip_initially`."""

    effect: str | None = None
    target: str | None = None
    repeat: int | None = None
    skip_initially: int | None = None
    aggregated_quantity_limit: int | None = None
    aggregated_amount_limit: Decimal | None = None
    order_item_indices: tuple[int, ...] | None = None

    def is_independent(self) -> bool:
        """Whether what one line gets does not depend on the other lines."""
        counts_lines = self.target != "UNIT" and ((self.repeat or 1) > 1 or bool(self.skip_initially))
        has_limit = self.aggregated_quantity_limit is not None or self.aggregated_amount_limit is not None
        return self.effect in (None, EVERY) and not counts_lines and not has_limit


class Targets(msgspec.Struct, frozen=True):
    data: tuple[Target, ...] | None = None


class Result(msgspec.Struct, frozen=True):
    discount: Discount | None = None
    bundle: Any = None


class Redeemable(msgspec.Struct, frozen=True):
    """One promotion held against one order."""

    id: str
    object: str | None = None
    status: str | None = None
    name: str | None = None
    banner: str | None = None
    metadata: Mapping[str, Any] | None = None
    result: Result | None = None
    order: Reduced | None = None
    applicable_to: Targets | None = None

    @property
    def discount(self) -> Discount | None:
        return self.result.discount if self.result is not None else None

    @property
    def targets(self) -> Sequence[Target]:
        return (self.applicable_to.data if self.applicable_to is not None else None) or ()

    def is_independent(self) -> bool:
        """Whether each line is reduced for itself, so that lines may be asked about together."""
        discount = self.discount
        if discount is None or discount.effect not in INDEPENDENT_EFFECTS or discount.type == "UNIT":
            return False
        is_of_a_bundle = self.result is not None and self.result.bundle is not None
        return (
            not is_of_a_bundle
            and discount.aggregated_amount_limit is None
            and all(target.is_independent() for target in self.targets)
        )


class Redeemables(msgspec.Struct, frozen=True):
    data: tuple[Redeemable, ...] | None = None
    has_more: bool | None = None
    more_starting_after: str | None = None


class Qualified(msgspec.Struct, frozen=True):
    """Which promotions can be had for an order, each held against it alone."""

    redeemables: Redeemables
    order: Order | None = None


class Validated(msgspec.Struct, frozen=True):
    """Several promotions applied to an order one after the other; HTTP 200 also when `valid` is false."""

    valid: bool
    redeemables: tuple[Redeemable, ...] | None = None
    inapplicable_redeemables: tuple[Redeemable, ...] | None = None
    order: Reduced | None = None


class Campaign(msgspec.Struct, frozen=True):
    start_date: Instant | None = None
    expiration_date: Instant | None = None


class Action(msgspec.Struct, frozen=True):
    discount: Discount | None = None


class Tier(msgspec.Struct, frozen=True):
    """A promotion tier as it is set up."""

    id: str
    name: str | None = None
    banner: str | None = None
    action: Action | None = None
    metadata: Mapping[str, Any] | None = None
    hierarchy: int | None = None
    start_date: Instant | None = None
    expiration_date: Instant | None = None
    campaign: Campaign | None = None


class Tiers(msgspec.Struct, frozen=True):
    tiers: tuple[Tier, ...]
    has_more: bool | None = None


QUALIFIED: Final = msgspec.json.Decoder(Qualified)
VALIDATED: Final = msgspec.json.Decoder(Validated)
TIERS: Final = msgspec.json.Decoder(Tiers)
