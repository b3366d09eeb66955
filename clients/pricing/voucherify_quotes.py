"""What Voucherify takes off many variants at once, as if each were bought alone.

One order is sent for many variants, without prices: the engine puts in those of its own SKUs. Each
line's price must be what it would be alone, so of all promotions that qualify only those count that
reduce every line for itself; what needs a basket (the cheapest of three, a bundle, a limit per
order) is shown as a promotion and applied in the cart.

A qualification holds each promotion against the order alone. That is the price of a line with one
promotion. Lines that have the same several promotions go into one validation together, which stacks
them by the project's own rules. Lines with other promotions must not be in it: limits per order
would let one line take a promotion from another.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from clients.errors import SourceError
from clients.pricing.voucherify_wire import QUALIFIED, VALIDATED, Line, Qualified, Redeemable, Validated, by_key
from clients.scope import ForCustomer
from clients.vendors.voucherify import Answered, Voucherify

ITEMS_LIMIT: Final = 500
REDEEMABLES_LIMIT: Final = 30
QUALIFIED_PAGE: Final = 50
QUALIFIED_PAGES: Final = 4


class Reduction(NamedTuple):
    """What one promotion takes off one line, in hundredths, more than 0."""

    redeemable: Redeemable
    off: Decimal


class Quote(NamedTuple):
    """A line: what one unit costs before, what comes off the whole line, and all promotions that concern it."""

    base: Decimal
    reductions: Sequence[Reduction]
    concerning: Sequence[Redeemable]


@dataclass(frozen=True, slots=True)
class Quoting:
    """One question: these variants in this quantity, for this shopper."""

    project: Voucherify
    items_are: Literal["sku", "product"]
    quantity: int
    scope: ForCustomer

    async def quote(self, skus: Sequence[str]) -> Answered[dict[str, Quote | SourceError]]:
        """At most `ITEMS_LIMIT` variants; one that the project does not know, or has no price for, is absent."""
        qualified, observed_at = await self._qualify(skus)
        lines = by_key(qualified.order.items) if qualified.order is not None else {}
        base = {sku: lines[sku].unit_price() for sku in skus if sku in lines}
        if any(lines[sku].amount for sku, price in base.items() if price is None):
            raise self.project.broken("a line with an amount and no price")
        promotions = [held(one) for one in qualified.redeemables.data or ()]
        if not all(one.is_sound() for one in promotions):
            raise self.project.broken("discounts of lines do not sum to the order's")
        reductions = {sku: reductions_of(sku, promotions) for sku, price in base.items() if price is not None}
        stacked = await self._stack(reductions)
        quotes: dict[str, Quote | SourceError] = {}
        for index, sku in enumerate(skus):
            price = base.get(sku)
            if price is None:
                continue
            taken = stacked.get(sku, reductions[sku])
            concerning = [one.redeemable for one in promotions if one.concerns(sku, index)]
            quotes[sku] = taken if isinstance(taken, SourceError) else Quote(price, taken, concerning)
        return Answered(quotes, observed_at)

    async def _qualify(self, skus: Sequence[str]) -> Answered[Qualified]:
        """All promotions that are for goods; raises a SourceError when they are more than a shop means."""
        options = {"limit": QUALIFIED_PAGE, "expand": ["redeemable"], "filters": ONLY_TIERS}
        body = self._order(skus) | {"scenario": self._scenario, "options": options}
        first = await self._ask_qualification(body)
        found, page = list(first.value.redeemables.data or ()), first.value.redeemables
        for _ in range(QUALIFIED_PAGES - 1):
            if not page.has_more:
                break
            body["options"] = options | {"starting_after": page.more_starting_after}
            page = (await self._ask_qualification(body)).value.redeemables
            found += page.data or ()
        if page.has_more:
            raise self.project.broken(f"expected at most {QUALIFIED_PAGE * QUALIFIED_PAGES} promotions for one order")
        tiers = tuple(one for one in found if one.object == "promotion_tier")
        whole = Qualified(redeemables=type(page)(data=tiers), order=first.value.order)
        return Answered(whole, first.observed_at)

    async def _ask_qualification(self, body: Mapping[str, Any]) -> Answered[Qualified]:
        return await self.project.ask("POST", "/v1/qualifications", QUALIFIED, operation="pricing.prices", body=body)

    async def _stack(
        self, reductions: Mapping[str, Sequence[Reduction]]
    ) -> dict[str, Sequence[Reduction] | SourceError]:
        """Those of lines with several promotions, applied one after the other."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for sku, several in reductions.items():
            if len(several) > 1:
                groups.setdefault(tuple(one.redeemable.id for one in several[:REDEEMABLES_LIMIT]), []).append(sku)
        by_id = {one.redeemable.id: one.redeemable for several in reductions.values() for one in several}

        async def validate(ids: tuple[str, ...], skus: list[str]) -> Mapping[str, Sequence[Reduction] | SourceError]:
            try:
                return self._applied(skus, await self._validate(ids, skus), by_id)
            except SourceError as error:
                return dict.fromkeys(skus, error)

        parts = await asyncio.gather(*(validate(ids, skus) for ids, skus in groups.items()))
        return {sku: taken for part in parts for sku, taken in part.items()}

    async def _validate(self, ids: Sequence[str], skus: Sequence[str]) -> Validated | None:
        """None when no promotion is left.

        In a project that wants all or nothing a promotion that does not apply after all, because a
        limit is used up that qualifications do not look at, makes the whole answer `valid: false`
        with status 200. Then the others are asked for once more.
        """
        answer = await self._ask_validation(ids, skus)
        if answer.valid:
            return answer
        left = [key for key in ids if key not in refused_ids(answer)]
        if not left:
            return None
        answer = await self._ask_validation(left, skus)
        if not answer.valid:
            raise self.project.broken("a validation of promotions that were applicable is not valid")
        return answer

    async def _ask_validation(self, ids: Sequence[str], skus: Sequence[str]) -> Validated:
        body = self._order(skus) | {
            "redeemables": [{"object": "promotion_tier", "id": key} for key in ids],
            "options": {"expand": ["order"]},
        }
        answer = await self.project.ask("POST", "/v1/validations", VALIDATED, operation="pricing.stacking", body=body)
        return answer.value

    def _applied(
        self, skus: Sequence[str], answer: Validated | None, by_id: Mapping[str, Redeemable]
    ) -> dict[str, Sequence[Reduction] | SourceError]:
        if answer is None:
            return dict.fromkeys(skus, ())
        applied = [(one, by_key(one.order.items)) for one in answer.redeemables or () if one.order is not None]
        whole = by_key(answer.order.items) if answer.order is not None else {}
        taken: dict[str, Sequence[Reduction] | SourceError] = {}
        for sku in skus:
            offs = [
                Reduction(by_id.get(one.id, one), Decimal(lines[sku].applied_discount_amount or 0))
                for one, lines in applied
                if sku in lines
            ]
            said = whole[sku].discount_amount if sku in whole else None
            is_sound = sum(one.off for one in offs) == (said or 0)
            taken[sku] = (
                [one for one in offs if one.off]
                if is_sound
                else self.project.broken("the steps of a validation do not sum to its discount")
            )
        return taken

    @property
    def _scenario(self) -> str:
        return "PRODUCTS_DISCOUNT" if self.scope.customer_id is None else "PRODUCTS_DISCOUNT_BY_CUSTOMER"

    def _order(self, skus: Sequence[str]) -> dict[str, Any]:
        """The order as both questions send it; where and how one shops is there for the retailer's rules."""
        scope = self.scope
        items = [{"source_id": sku, "related_object": self.items_are, "quantity": self.quantity} for sku in skus]
        metadata = {"channel": scope.channel.value, "locality_id": scope.locality_id, "language": scope.language}
        customer = {} if scope.customer_id is None else {"customer": {"source_id": scope.customer_id}}
        return {"order": {"items": items, "metadata": metadata}, **customer}


ONLY_TIERS: Final = {"resource_type": {"conditions": {"$in": ["promotion_tier"]}}}
"""Vouchers have codes; whoever asks for a price must not be told somebody's code."""


class Held(NamedTuple):
    """One promotion held against the order alone: what it takes off the lines, and the places of those it is for.

    `counts` says whether it reduces each line for itself and so is part of a price.
    """

    redeemable: Redeemable
    offs: Mapping[str, Decimal]
    indices: frozenset[int]
    counts: bool

    def is_sound(self) -> bool:
        """Whether the lines tell the discount that the order tells: a field that was renamed is not nothing off."""
        order = self.redeemable.order
        said = order.items_discount_amount if order is not None else None
        return said is None or said == sum(self.offs.values())

    def concerns(self, sku: str, index: int) -> bool:
        """Whether it is for a line: by the line's place in the order, or because the line is reduced."""
        return index in self.indices or sku in self.offs


def held(one: Redeemable) -> Held:
    """A qualified promotion, read once for all lines."""
    lines = by_key(one.order.items) if one.order is not None else {}
    indices = frozenset(index for target in one.targets for index in target.order_item_indices or ())
    offs = {sku: off for sku, line in lines.items() if (off := off_line(line)) > 0}
    return Held(one, offs, indices, one.is_independent())


def reductions_of(sku: str, promotions: Iterable[Held]) -> list[Reduction]:
    """What each promotion that counts for single lines takes off a line by itself."""
    return [Reduction(one.redeemable, one.offs[sku]) for one in promotions if one.counts and sku in one.offs]


def off_line(line: Line) -> Decimal:
    """What a single promotion takes off a line."""
    told = line.applied_discount_amount if line.applied_discount_amount is not None else line.discount_amount
    return Decimal(told or 0)


def refused_ids(answer: Validated) -> frozenset[str]:
    """Promotions that do not apply."""
    listed = (*(answer.redeemables or ()), *(answer.inapplicable_redeemables or ()))
    return frozenset(one.id for one in listed if one.status == "INAPPLICABLE")
