"""What the front door costs: CPU per request over a bare ASGI echo, in this process and without a server.

    python benchmarks/edge.py [requests]

The executor answers at once with bytes that are ready, so what is measured is the edge alone:
headers, negotiation, body, document lookup, limits, quota, envelope, answer. Documents are known.
"""

import asyncio
import hashlib
import sys
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import build_schema

from gateway.http.documents import Documents
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.errors import Limit
from gateway.http.lookup import DocumentLookup
from gateway.http.operations import Operations
from gateway.http.persisted import MemoryTexts
from gateway.http.ports import Answered, RequestFacts, Result
from gateway.http.rules import EdgeRules
from gateway.limits.guard import LimitGuard
from gateway.limits.rate import ClientQuota, ClientRates, LocalBuckets, Rate
from resolvers.context import ANONYMOUS

ROUNDS = 5
SDL = """
type Query { products(first: Int!): [Product!] }
type Product { id: ID! title: String! brand: String price: String image(width: Int): String }
directive @inContext(locality: ID, channel: String) on QUERY
"""
QUERY = """
query Category($first: Int!, $locality: ID, $width: Int) @inContext(locality: $locality, channel: "WEB") {
  products(first: $first) { ...Tile }
}
fragment Tile on Product { id title brand price image(width: $width) }
"""
DATA = msgspec.json.encode(
    {"products": [{"id": str(n), "title": f"Product {n}", "price": "1990.00"} for n in range(12)]}
)


class Ready:
    """An executor that has the answer already."""

    def execute(self, facts: RequestFacts, context: Any) -> Result:
        del facts, context
        return Result(DATA)

    async def subscribe(self, facts: RequestFacts, context: Any) -> Result:
        return self.execute(facts, context)


class Silent:
    """A journal that keeps nothing."""

    def fault(self, request_id: str, operation: str | None, error: BaseException) -> None:
        del request_id, operation
        raise error

    def refused(self, limit: Limit) -> None:
        pass

    def answered(self, answer: Answered) -> None:
        del answer


def make_endpoint() -> GraphQLEndpoint:
    """Make an endpoint with everything on that a production one has."""
    schema = build_schema(SDL)
    rules = EdgeRules()
    no_end = Rate(per_s=1e9, burst=1e9)
    operations = Operations(
        schema=schema,
        lookup=DocumentLookup(Documents(schema, LimitGuard(schema)), texts=MemoryTexts()),
        executor=Ready(),
        make_context=lambda facts: facts,
        rules=rules,
        journal=Silent(),
        quota=ClientQuota(LocalBuckets(time.monotonic), ClientRates(no_end, no_end)),
    )
    return GraphQLEndpoint(operations, authenticate=lambda _: ANONYMOUS, rules=rules, journal=Silent())


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """The least that an ASGI application can do with a body."""
    del scope
    message = await receive()
    body = message["body"]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def measure_us(app: Any, body: bytes, requests: int) -> float:
    """CPU microseconds per request, the least of several rounds."""
    headers = [
        (b"host", b"shop.example"),
        (b"user-agent", b"benchmark"),
        (b"accept", b"application/graphql-response+json, application/json;q=0.9"),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"accept-encoding", b"identity"),
        (b"origin", b"https://shop.example"),
    ]
    scope = {"type": "http", "method": "POST", "query_string": b"", "client": ("127.0.0.1", 1), "headers": headers}

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:  # noqa: PLR2004
            raise AssertionError(f"Expected status 200; got {message['status']}.")

    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(requests):
            await app(scope, receive, send)
        best = min(best, (time.process_time() - started) / requests * 1e6)
    return best


def requests_as_sent() -> Mapping[str, dict[str, Any]]:
    """The same operation as text and by hash."""
    variables = {"first": 24, "locality": "msk", "width": 480}
    by_hash = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(QUERY.encode()).hexdigest()}}
    return {
        "document as text": {"query": QUERY, "variables": variables},
        "document by hash": {"variables": variables, "extensions": by_hash},
    }


async def main() -> None:
    """Print one line per way of asking."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    endpoint = make_endpoint()
    asked = requests_as_sent()
    await measure_us(endpoint, msgspec.json.encode(asked["document as text"]), 10)
    for name, params in asked.items():
        body = msgspec.json.encode(params)
        bare = await measure_us(echo, body, requests)
        edge = await measure_us(endpoint, body, requests)
        print(f"{name}: edge {edge:.1f} us, bare echo {bare:.1f} us, over echo {edge - bare:.1f} us CPU per request")


if __name__ == "__main__":
    asyncio.run(main())
