"""DataLoaders of one request."""

from typing import Any

import strawberry
from strawberry.dataloader import DataLoader

from benchmarks.contenders.strawberry.kinds import (
    AvailabilityStatus,
    LocationKind,
)
from benchmarks.contenders.strawberry.reading import (
    to_account,
    to_availability,
    to_block,
    to_points,
    to_price,
    to_product,
    to_promise,
    to_promotion,
    to_range,
    to_stock_at,
)
from benchmarks.contenders.strawberry.types import (
    Availability,
    AvailabilitySummary,
    DeliveryPromise,
    Location,
    LoyaltyAccount,
    PointsEstimate,
    Price,
    PriceRange,
    Product,
    RecommendationBlock,
    StockAtLocationConnection,
)
from benchmarks.contenders.strawberry.upstreams import SHOP, Json, post


def in_order(keys: list[str], found: dict[str, Any]) -> list[Any]:
    return [found.get(key) for key in keys]


class Loaders:
    """The loaders of one request."""

    def __init__(self, customer: str | None) -> None:
        self._asker = {**SHOP, "customerId": customer}
        self.products = DataLoader(load_fn=self._products)
        self.in_stock = DataLoader(load_fn=self._in_stock)
        self.ranges = DataLoader(load_fn=self._ranges)
        self.prices = DataLoader(load_fn=self._prices)
        self.availability = DataLoader(load_fn=self._availability)
        self.stock_at = DataLoader(load_fn=self._stock_at, max_batch_size=20)
        self.locations = DataLoader(load_fn=self._locations)
        self.estimates = DataLoader(load_fn=self._estimates)
        self.promises = DataLoader(load_fn=self._promises)
        self.blocks = DataLoader(load_fn=self._blocks, max_batch_size=20)
        self.accounts = DataLoader(load_fn=self._accounts)

    async def _products(self, ids: list[str]) -> list[Product | None]:
        answer = await post("/catalogue/v1/products/batch", {"language": "ru", "ids": ids, "handles": [], "skus": []})
        return in_order(ids, {it["id"]: to_product(it) for it in answer["products"]})

    async def _in_stock(self, keys: list[tuple[str, tuple[str, ...]]]) -> list[AvailabilitySummary | None]:
        answer = await post("/stock/v1/products/batch", {**SHOP, "products": as_products(keys)})
        found = {
            it["id"]: AvailabilitySummary(status=AvailabilityStatus[it["status"]], available_skus=it["availableSkus"])
            for it in answer["products"]
        }
        return in_order([key for key, _ in keys], found)

    async def _ranges(self, keys: list[tuple[str, tuple[str, ...]]]) -> list[PriceRange | None]:
        answer = await post("/pricing/v1/products/batch", {**self._asker, "products": as_products(keys)})
        promotions = {it["id"]: to_promotion(it) for it in answer["promotions"]}
        found = {it["id"]: to_range(it, promotions) for it in answer["products"]}
        return in_order([key for key, _ in keys], found)

    async def _prices(self, skus: list[str]) -> list[Price | None]:
        answer = await post("/pricing/v1/prices/batch", {**self._asker, "items": as_items(skus)})
        return in_order(skus, {it["sku"]: to_price(it["price"]) for it in answer["prices"]})

    async def _availability(self, skus: list[str]) -> list[Availability | None]:
        answer = await post("/stock/v1/availability/batch", {**SHOP, "skus": skus})
        return in_order(skus, {it["sku"]: to_availability(it) for it in answer["items"]})

    async def _stock_at(self, keys: list[tuple[str, int]]) -> list[StockAtLocationConnection]:
        queries = [{"sku": sku, "first": first, "inStockOnly": True} for sku, first in keys]
        answer = await post("/stock/v1/locations/batch", {**SHOP, "queries": queries})
        return [to_stock_at(it) for it in answer["results"]]

    async def _locations(self, ids: list[str]) -> list[Location | None]:
        answer = await post("/delivery/v1/locations/batch", {"language": "ru", "ids": ids})
        found = {
            it["id"]: Location(id=strawberry.ID(f"loc_{it['id']}"), kind=LocationKind[it["kind"]], title=it["title"])
            for it in answer["locations"]
        }
        return in_order(ids, found)

    async def _estimates(self, skus: list[str]) -> list[PointsEstimate | None]:
        answer = await post("/loyalty/v1/estimates/batch", {**self._asker, "items": as_items(skus)})
        found = {
            it["sku"]: PointsEstimate(amount=to_points(it["amount"]), is_personal=it["isPersonal"])
            for it in answer["estimates"]
        }
        return in_order(skus, found)

    async def _promises(self, skus: list[str]) -> list[DeliveryPromise]:
        items = [{"sku": sku, "to": {"localityId": "msk"}} for sku in skus]
        answer = await post("/delivery/v1/promises/batch", {**SHOP, "items": items})
        return [to_promise(it) for it in answer["promises"]]

    async def _blocks(self, keys: list[tuple[str, int, str | None]]) -> list[RecommendationBlock]:
        blocks = [{"placement": it[0], "first": it[1], **({"productId": it[2]} if it[2] else {})} for it in keys]
        answer = await post("/recommendations/v1/blocks/batch", {**self._asker, "blocks": blocks})
        return [to_block(it) for it in answer["blocks"]]

    async def _accounts(self, ids: list[str]) -> list[LoyaltyAccount | None]:
        answer = await post("/loyalty/v1/accounts/batch", {"language": "ru", "customerIds": ids})
        return in_order(ids, {it["customerId"]: to_account(it) for it in answer["accounts"]})


def as_products(keys: list[tuple[str, tuple[str, ...]]]) -> list[Json]:
    return [{"id": key, "skus": skus} for key, skus in keys]


def as_items(skus: list[str]) -> list[Json]:
    return [{"sku": sku, "quantity": 1} for sku in skus]
