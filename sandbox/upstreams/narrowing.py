"""What a filter leaves of a listing."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import msgspec

from sandbox.upstreams.contract import Request
from sandbox.world.bits import Column
from sandbox.world.couriers import courier_day, local
from sandbox.world.index import Index, Pricing
from sandbox.world.places import CITIES
from sandbox.world.shop import Shop
from sandbox.world.text import Text

RANGE_TITLES = {"price": Text("Цена", "Price"), "discount": Text("Скидка", "Discount")}


class RangeFilter(Request, frozen=True):
    code: str
    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None


class Filter(Request, frozen=True):
    facets: list[str] | None = None
    ranges: list[RangeFilter] | None = None
    in_stock_only: bool | None = None
    available_at: list[str] | None = None
    receivable_by: dt.date | None = None
    promotion_id: str | None = None
    on_sale_only: bool | None = None


class BadFilter(Exception):
    """A facet token, a range or a bound that this search never offered."""


class Narrowing(NamedTuple):
    """Sets that must all hold; those of facets apart, because a facet's own choice does not narrow its counts."""

    others: int
    by_facet: dict[str, int]

    def all_but(self, code: str | None) -> int:
        bits = self.others
        for name, chosen in self.by_facet.items():
            bits &= chosen if name != code else -1
        return bits


class Narrower:
    """Reads filters as sets of products; raises BadFilter."""

    def __init__(self, shop: Shop, index: Index) -> None:
        self._shop = shop
        self._index = index

    def narrow(self, wanted: Filter, bits: int, pricing: Pricing, locality_id: str) -> Narrowing:
        for restriction in self._restrictions(wanted, pricing, locality_id):
            bits &= restriction
        by_facet: dict[str, int] = {}
        for token in wanted.facets or ():
            code, value = self._read_token(token)
            by_facet[code] = by_facet.get(code, 0) | self._index.having(code, value)
        return Narrowing(bits, by_facet)

    def _read_token(self, token: str) -> tuple[str, str]:
        code, _, value = token.partition(":")
        if value not in self._index.titles.get(code, {}):
            raise BadFilter
        return code, value

    def _restrictions(self, wanted: Filter, pricing: Pricing, locality_id: str) -> Iterator[int]:
        for bounds in wanted.ranges or ():
            yield column(pricing, bounds.code).between(*_bounds(bounds))
        if wanted.in_stock_only:
            yield self._index.orderable | self._index.in_stores_of(locality_id)
        if wanted.available_at is not None:
            yield _union(self._index.at(key) for key in wanted.available_at)
        if wanted.receivable_by is not None:
            yield self._receivable(wanted.receivable_by, locality_id)
        if wanted.promotion_id is not None:
            yield self._index.promotions.get(wanted.promotion_id, 0)
        if wanted.on_sale_only:
            yield pricing.discount.between(1, None)

    def _receivable(self, day: dt.date, locality_id: str) -> int:
        """From a store of the city on the same day, by courier from the day he can come."""
        city = CITIES.get(locality_id)
        if city is None or day < local(self._shop.now(), city).date():
            return 0
        by_courier = self._index.in_warehouses if courier_day(self._shop.now(), city) <= day else 0
        return by_courier | self._index.in_stores_of(locality_id)


def column(pricing: Pricing, code: str) -> Column:
    if code not in RANGE_TITLES:
        raise BadFilter
    return pricing.price if code == "price" else pricing.discount


def _bounds(wanted: RangeFilter) -> tuple[int | None, int | None]:
    """In the column's own units: minor units of money, or whole percent."""
    scale = 100 if wanted.code == "price" else 1
    try:
        low = None if wanted.from_ is None else Decimal(wanted.from_) * scale
        high = None if wanted.to is None else Decimal(wanted.to) * scale
        return None if low is None else -int(-low // 1), None if high is None else int(high // 1)
    except (InvalidOperation, ValueError, OverflowError):
        raise BadFilter from None


def _union(sets: Iterator[int]) -> int:
    bits = 0
    for more in sets:
        bits |= more
    return bits
