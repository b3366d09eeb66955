"""Strawberry with DataLoaders and httpx, as its documentation shows it.

CACHES=1 adds the ParserCache and ValidationCache extensions that the documentation recommends for production.
"""

# mypy: disable-error-code="no-any-return"
# The context is a dictionary, as in the documentation.

import json
import os
from pathlib import Path
from typing import Any

import strawberry
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from benchmarks.contenders.strawberry.loaders import Loaders
from benchmarks.contenders.strawberry.reading import (
    to_promotion,
)
from benchmarks.contenders.strawberry.types import (
    Contact,
    Customer,
    PageInfo,
    Product,
    ProductConnection,
    ProductEdge,
    Promotion,
    RecommendationBlock,
)
from benchmarks.contenders.strawberry.upstreams import SHOP, Json, post

CUSTOMERS: dict[str, str] = json.loads(Path(os.environ["TOKENS"]).read_text())


@strawberry.input
class ProductKey:
    id: strawberry.ID


@strawberry.type
class Query:
    @strawberry.field
    async def search(self, query: str, first: int = 24) -> ProductConnection | None:
        answer = await post("/search/v1/listings/batch", {**SHOP, "queries": [{"text": query, "first": first}]})
        found = answer["listings"][0]
        return ProductConnection(
            total_count=found["totalCount"],
            page_info=PageInfo(has_next_page=found["page"]["hasNextPage"], end_cursor=found["page"]["endCursor"]),
            edges=[ProductEdge(product_id=it["productId"], tracking_token=it["trackingToken"]) for it in found["hits"]],
        )

    @strawberry.field
    async def product(self, info: strawberry.Info, by: ProductKey) -> Product | None:
        return await info.context["loaders"].products.load(by.id.removeprefix("prd_"))

    @strawberry.field
    async def promotions(self, info: strawberry.Info) -> list[Promotion] | None:
        asker = {**SHOP, "customerId": info.context["customer"]}
        answer = await post("/pricing/v1/promotions/batch", {**asker, "ids": None})
        return [to_promotion(it) for it in answer["promotions"]]

    @strawberry.field
    async def recommendations(
        self, info: strawberry.Info, placement: str, first: int = 12
    ) -> RecommendationBlock | None:
        return await info.context["loaders"].blocks.load((placement, first, None))

    @strawberry.field
    async def me(self, info: strawberry.Info) -> Customer | None:
        customer = info.context["customer"]
        if customer is None:
            return None
        answer = await post("/customers/v1/customers/batch", {"ids": [customer]})
        profile = answer["customers"][0]
        return Customer(key=profile["id"], contact=Contact(first_name=profile["contact"]["firstName"]))


CACHES = (ParserCache(maxsize=128), ValidationCache(maxsize=128))
extensions: list[Any] = list(CACHES) if os.environ.get("CACHES") == "1" else []
schema = strawberry.Schema(query=Query, extensions=extensions, config=StrawberryConfig(auto_camel_case=True))


class App(GraphQL[Json, Any]):
    async def get_context(self, request: Any, response: Any) -> Json:
        del response
        customer = CUSTOMERS.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        return {"customer": customer, "loaders": Loaders(customer)}


app = App(schema)
