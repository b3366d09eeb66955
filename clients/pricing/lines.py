"""Prices of variants as lines of baskets, for engines that price baskets: how they are asked for and put together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from clients.contract import in_batches
from clients.errors import InvalidSourceResponse, Outcomes, SourceError
from clients.pricing.explanation import Step, explained_price
from clients.pricing.protocol import Price, PriceKey, ProductPrice, Promotion
from clients.values import DataSource, Freshness, Money, ProductSkus


class PricedLine(NamedTuple):
    """A variant's price, and the promotions that concern it."""

    price: Price
    promotions: tuple[Promotion, ...]


class Bill(NamedTuple):
    """What a price is made of: one unit's base in minor units, what comes off the line, and what concerns it."""

    base: Decimal
    steps: tuple[Step, ...]
    promotion_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Billing:
    """How the bills of one answer become prices.

    Variants of a product mostly have the same bill, and then the same price object: a page has hundreds.
    """

    source: DataSource
    quantity: int
    base_title: str
    money: Callable[[Decimal], Money]
    freshness: Freshness
    is_anonymous: bool

    def price_all(
        self, bills: Mapping[str, Bill | SourceError], promotions: Mapping[str, Promotion]
    ) -> dict[str, PricedLine | SourceError]:
        """A bill that makes no price is an error of its own variant; what is not among `promotions` is not shown."""
        made: dict[Bill, PricedLine | SourceError] = {}
        for bill in bills.values():
            if isinstance(bill, Bill) and bill not in made:
                made[bill] = self._price(bill, promotions)
        return {sku: made[bill] if isinstance(bill, Bill) else bill for sku, bill in bills.items()}

    def _price(self, bill: Bill, promotions: Mapping[str, Promotion]) -> PricedLine | SourceError:
        try:
            price = explained_price(bill.base, bill.steps, self.quantity, self.money, self.base_title, self.freshness)
        except (ValueError, ArithmeticError) as error:
            return InvalidSourceResponse(self.source, f"a price: {error}")
        if price.is_personal and self.is_anonymous:
            return InvalidSourceResponse(self.source, "a personal price for an anonymous visitor")
        return PricedLine(price, tuple(promotions[key] for key in bill.promotion_ids if key in promotions))


Lines = Outcomes[PriceKey, PricedLine]
Ask = Callable[[Sequence[str], int], Awaitable[Mapping[str, PricedLine | SourceError]]]
"""Prices variants in one quantity, in one basket."""


async def ask_lines(keys: Sequence[PriceKey], limit_of: Callable[[int], int], ask: Ask) -> Lines:
    """Every key asked once; quantities apart, because a basket has a variant in one quantity.

    `limit_of` tells how many variants in a quantity one basket may have.
    """
    skus_by_quantity: dict[int, list[str]] = {}
    for key in dict.fromkeys(keys):
        skus_by_quantity.setdefault(key.quantity, []).append(key.sku)

    async def of_quantity(quantity: int, skus: Sequence[str]) -> Outcomes[str, PricedLine]:
        async def fetch(some: Sequence[str]) -> Mapping[str, PricedLine | SourceError]:
            return await ask(some, quantity)

        return await in_batches(skus, limit_of(quantity), fetch)

    answers = await asyncio.gather(*(of_quantity(*pair) for pair in skus_by_quantity.items()))
    return {
        PriceKey(sku=sku, quantity=quantity): line
        for quantity, lines in zip(skus_by_quantity, answers, strict=True)
        for sku, line in lines.items()
    }


def prices_of(lines: Lines) -> Outcomes[PriceKey, Price]:
    """The prices alone."""
    return {key: line.price if isinstance(line, PricedLine) else line for key, line in lines.items()}


def keys_of(products: Sequence[ProductSkus]) -> list[PriceKey]:
    """One unit of every variant of the products."""
    return [PriceKey(sku=sku) for product in products for sku in product.skus]


def product_prices(products: Sequence[ProductSkus], lines: Lines) -> Outcomes[ProductSkus, ProductPrice]:
    """The products of which a variant is known."""
    found = {product: _product_price(product, lines) for product in products}
    return {product: outcome for product, outcome in found.items() if outcome is not None}


def _product_price(product: ProductSkus, lines: Lines) -> ProductPrice | SourceError | None:
    """The range of the variants, and the promotions of any of them; an error if one of them has one."""
    of_product = [lines[key] for key in keys_of([product]) if key in lines]
    failed = next((line for line in of_product if isinstance(line, SourceError)), None)
    priced = [line for line in of_product if isinstance(line, PricedLine)]
    if failed is not None or not priced:
        return failed
    prices = sorted((line.price for line in priced), key=lambda price: price.current.amount)
    promotions = {one.id: one for line in priced for one in line.promotions}
    return ProductPrice(
        id=product.id,
        lowest=prices[0],
        highest=prices[-1],
        is_single=prices[0].current == prices[-1].current,
        promotion_ids=tuple(promotions),
        promotions=tuple(promotions.values()),
        freshness=prices[0].freshness,
    )
