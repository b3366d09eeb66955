"""Stock behind our own contract, `docs/contracts/stock.yaml`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from clients.contract import (
    Answer,
    BatchDecoder,
    ContractAdapter,
    EntryDecoder,
    in_batches,
    in_context,
    too_many,
)
from clients.errors import Outcomes, SourceError
from clients.scope import InContext
from clients.stock.protocol import Availability, ProductAvailability, StockAtLocations, StockQuery
from clients.values import LAST_PAGE, Dataset, Problem, ProductSkus, write_once

SKUS_LIMIT: Final = 1000
PRODUCTS_LIMIT: Final = 500
QUERIES_LIMIT: Final = 20


class _Items(Answer):
    items: tuple[Availability, ...]


class _Products(Answer):
    products: tuple[ProductAvailability, ...]


class _Results(Answer):
    results: tuple[msgspec.Raw, ...]


def refused_page(_: StockQuery, problem: Problem) -> StockAtLocations:
    """A page that says only why there is none."""
    return StockAtLocations(entries=(), page=LAST_PAGE, problem=problem)


_ITEMS: Final = BatchDecoder(_Items, "items", Availability)
_PRODUCTS: Final = BatchDecoder(_Products, "products", ProductAvailability)
_RESULTS: Final = msgspec.json.Decoder(_Results)
_PAGE: Final = EntryDecoder[StockQuery, StockAtLocations](
    StockAtLocations, refused_page, lambda query, page: too_many(page.entries, query.first)
)


class GenericStock(ContractAdapter):
    """Fulfils `clients.stock.protocol.Stock`."""

    async def fetch_availability(self, keys: Sequence[str], scope: InContext) -> Outcomes[str, Availability]:
        async def fetch(some: Sequence[str]) -> dict[str, Availability | SourceError]:
            answer = await self.upstream.post(
                "/v1/availability/batch", {**in_context(scope), "skus": some}, _ITEMS, operation="stock.availability"
            )
            write_once(answer.items, "freshness", self.received(answer, Dataset.AVAILABILITY))
            return self.known(answer, some, {item.sku: item for item in answer.items})

        return await in_batches(keys, SKUS_LIMIT, fetch)

    async def fetch_product_availability(
        self, keys: Sequence[ProductSkus], scope: InContext
    ) -> Outcomes[ProductSkus, ProductAvailability]:
        async def fetch(some: Sequence[ProductSkus]) -> dict[ProductSkus, ProductAvailability | SourceError]:
            answer = await self.upstream.post(
                "/v1/products/batch", {**in_context(scope), "products": some}, _PRODUCTS, operation="stock.products"
            )
            write_once(answer.products, "freshness", self.received(answer, Dataset.PRODUCT_AVAILABILITY))
            by_id = {product.id: product for product in answer.products}
            return self.known(answer, some, {key: by_id[key.id] for key in some if key.id in by_id})

        return await in_batches(keys, PRODUCTS_LIMIT, fetch)

    async def fetch_stock_at_locations(
        self, keys: Sequence[StockQuery], scope: InContext
    ) -> Outcomes[StockQuery, StockAtLocations]:
        async def fetch(some: Sequence[StockQuery]) -> dict[StockQuery, StockAtLocations | SourceError]:
            answer = await self.upstream.post(
                "/v1/locations/batch", {**in_context(scope), "queries": some}, _RESULTS, operation="stock.locations"
            )
            outcomes = _PAGE.decode_all(self, some, answer.results)
            pages = [page for page in outcomes.values() if isinstance(page, StockAtLocations)]
            freshness = self.received(answer, Dataset.STOCK_AT_LOCATIONS)
            write_once(pages, "freshness", freshness)
            write_once((entry for page in pages for entry in page.entries), "freshness", freshness)
            return outcomes

        return await in_batches(keys, QUERIES_LIMIT, fetch)
