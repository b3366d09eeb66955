"""A small shop with everything that a front door must cope with: secrets, slow fields, increments, streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from graphql import GraphQLDeferDirective, GraphQLSchema, GraphQLStreamDirective, build_schema

from clients.errors import SourceThrottled
from clients.values import DataSource

SECRET = "secret-7f3a"

SDL = """
directive @cost(weight: Int!) on FIELD_DEFINITION
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION

type Query {
  hello(name: String = "world"): String!
  boom: String
  seam: String
  slow(seconds: Float! = 0.2): String
  card(number: CardInput!): String
  cards(numbers: [CardInput!]!): String
  products(first: Int! = 10): [Product!] @listSize(slicingArguments: ["first"]) @cost(weight: 10)
}
type Product {
  id: ID!
  title: String!
  price: String
  related(first: Int! = 3): [Product!] @listSize(slicingArguments: ["first"])
}
input CardInput { digits: Int! holder: String! }
type Mutation { ring: String! }
type Subscription { ticks(count: Int! = 3, every: Float! = 0.01): Int! boomed: Int! }
"""


class Query:
    def hello(self, info: Any, name: str) -> str:
        return f"Hello, {name}!"

    def boom(self, info: Any) -> str:
        raise RuntimeError(f"cannot reach db with password {SECRET}")

    def seam(self, info: Any) -> str:
        raise SourceThrottled(DataSource.PRICING, detail=SECRET, retry_after_s=2.5)

    async def slow(self, info: Any, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "at last"

    def card(self, info: Any, number: dict[str, Any]) -> str:
        return "ok"

    def products(self, info: Any, first: int) -> list["Product"]:
        return [Product(str(number)) for number in range(first)]


class Product:
    def __init__(self, key: str) -> None:
        self.id = key
        self.title = f"Product {key}"

    async def price(self, info: Any) -> str:
        await asyncio.sleep(0.01)
        return "1990.00"

    def related(self, info: Any, first: int) -> list["Product"]:
        return [Product(f"{self.id}.{number}") for number in range(first)]


def make_schema() -> GraphQLSchema:
    """Build the shop with `@defer` and `@stream`."""
    made = build_schema(SDL)
    kwargs = made.to_kwargs()
    kwargs["directives"] = (*made.directives, GraphQLDeferDirective, GraphQLStreamDirective)
    schema = GraphQLSchema(**kwargs)
    query, subscription = schema.query_type, schema.subscription_type
    assert query is not None
    assert subscription is not None
    assert schema.mutation_type is not None
    for name in ("hello", "boom", "seam", "slow", "card", "products"):
        method = getattr(Query(), name)
        query.fields[name].resolve = lambda _root, info, method=method, **arguments: method(info, **arguments)
    schema.mutation_type.fields["ring"].resolve = lambda _root, _info: "ding"
    for name, make in (("ticks", ticks), ("boomed", boomed)):
        subscription.fields[name].subscribe = make
        subscription.fields[name].resolve = lambda event, _info, **_arguments: event
    return schema


async def ticks(root: Any, info: Any, count: int, every: float) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(every)
        yield number


async def boomed(root: Any, info: Any) -> AsyncIterator[int]:
    yield 1
    raise RuntimeError(SECRET)


__all__ = ["SECRET", "make_schema"]
