"""Pricing behind our own contract, `docs/contracts/pricing.yaml`."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from clients.contract import Answer, BatchDecoder, ContractAdapter, for_customer, in_batches
from clients.errors import Outcomes, SourceError
from clients.pricing.protocol import CURRENT, CurrentPromotions, Price, PriceKey, ProductPrice, Promotion
from clients.scope import ForCustomer
from clients.values import Dataset, ProductSkus, Value, write_once

PRICES_LIMIT: Final = 1000
PRODUCTS_LIMIT: Final = 500
PROMOTIONS_LIMIT: Final = 200


class _PricedItem(Value):
    sku: str
    quantity: int
    price: Price


class _Prices(Answer):
    prices: tuple[_PricedItem, ...]


class _Products(Answer):
    products: tuple[ProductPrice, ...]
    promotions: tuple[Promotion, ...]


class _Promotions(Answer):
    promotions: tuple[Promotion, ...]


_PRICES: Final = BatchDecoder(_Prices, "prices", _PricedItem)
_PRODUCTS: Final = BatchDecoder(_Products, "products", ProductPrice)
_PROMOTIONS: Final = BatchDecoder(_Promotions, "promotions", Promotion)
_ALL_PROMOTIONS: Final = msgspec.json.Decoder(_Promotions)


class GenericPricing(ContractAdapter):
    """Fulfils `clients.pricing.protocol.Pricing`."""

    async def fetch_prices(self, keys: Sequence[PriceKey], scope: ForCustomer) -> Outcomes[PriceKey, Price]:
        async def fetch(some: Sequence[PriceKey]) -> dict[PriceKey, Price | SourceError]:
            answer = await self.upstream.post(
                "/v1/prices/batch", {**for_customer(scope), "items": some}, _PRICES, operation="pricing.prices"
            )
            found = {PriceKey(sku=item.sku, quantity=item.quantity): item.price for item in answer.prices}
            self._refuse_personal(found.values(), scope)
            write_once(found.values(), "freshness", self.received(answer, Dataset.PRICE))
            return self.known(answer, some, found)

        return await in_batches(keys, PRICES_LIMIT, fetch)

    async def fetch_product_prices(
        self, keys: Sequence[ProductSkus], scope: ForCustomer
    ) -> Outcomes[ProductSkus, ProductPrice]:
        async def fetch(some: Sequence[ProductSkus]) -> dict[ProductSkus, ProductPrice | SourceError]:
            answer = await self.upstream.post(
                "/v1/products/batch",
                {**for_customer(scope), "products": some},
                _PRODUCTS,
                operation="pricing.products",
            )
            self._stamp(answer, scope)
            by_id = {product.id: product for product in answer.products}
            return self.known(answer, some, {key: by_id[key.id] for key in some if key.id in by_id})

        return await in_batches(keys, PRODUCTS_LIMIT, fetch)

    async def fetch_promotions(self, keys: Sequence[str], scope: ForCustomer) -> Outcomes[str, Promotion]:
        async def fetch(some: Sequence[str]) -> dict[str, Promotion | SourceError]:
            answer = await self.upstream.post(
                "/v1/promotions/batch",
                {**for_customer(scope), "ids": some},
                _PROMOTIONS,
                operation="pricing.promotions",
            )
            return self.known(answer, some, {promotion.id: promotion for promotion in answer.promotions})

        return await in_batches(keys, PROMOTIONS_LIMIT, fetch)

    async def fetch_current_promotions(
        self, keys: Sequence[str], scope: ForCustomer
    ) -> Outcomes[str, CurrentPromotions]:
        async def fetch(_: Sequence[str]) -> dict[str, CurrentPromotions | SourceError]:
            answer = await self.upstream.post(
                "/v1/promotions/batch",
                {**for_customer(scope), "ids": None},
                _ALL_PROMOTIONS,
                operation="pricing.promotions",
            )
            return {CURRENT: CurrentPromotions(promotions=answer.promotions)}

        return await in_batches(keys, 1, fetch)

    def _stamp(self, answer: _Products, scope: ForCustomer) -> None:
        """Give every price its provenance, and every product its promotions out of the shared ones."""
        prices = [price for product in answer.products for price in (product.lowest, product.highest)]
        self._refuse_personal(prices, scope)
        freshness = self.received(answer, Dataset.PRODUCT_PRICE)
        write_once(prices, "freshness", freshness)
        write_once(answer.products, "freshness", freshness)
        promotions = {promotion.id: promotion for promotion in answer.promotions}
        for product in answer.products:
            if product.promotion_ids:
                shown = tuple(promotions[known] for known in product.promotion_ids if known in promotions)
                write_once((product,), "promotions", shown)

    def _refuse_personal(self, prices: Iterable[Price], scope: ForCustomer) -> None:
        """A personal price without a customer is somebody else's: it must not reach all anonymous visitors."""
        if scope.customer_id is None and any(price.is_personal for price in prices):
            raise self.broken("a personal price for an anonymous visitor")
