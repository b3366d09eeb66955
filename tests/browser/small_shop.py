"""A GraphQL endpoint with one product, enough for GraphiQL to explore and ask."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import uvicorn
from graphql import build_schema, graphql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.graphiql import Customer, SignIn, routes

SCHEMA = build_schema(
    """
    type Query { "Who is signed in." viewer: String!, product(by: ProductBy!): Product }
    input ProductBy { handle: String }
    type Product { title: String!, price: String }
    """
)
ANNA = Customer("anna", "Анна Орлова", "gold tier")
BORIS = Customer("boris", "Борис Ким")


async def answer(request: Request) -> Response:
    asked = await request.json()
    viewer = request.headers.get("authorization", "nobody").removeprefix("Bearer ")
    root = {"viewer": viewer, "product": lambda _, by: {"title": f"Product {by['handle']}", "price": "12990.00"}}
    result = await graphql(SCHEMA, asked["query"], root, None, asked.get("variables"), asked.get("operationName"))
    return JSONResponse(result.formatted)


async def list_customers() -> Sequence[Customer]:
    return [ANNA, BORIS]


async def issue_token(customer_id: str) -> str | None:
    return {"anna": "token-of-anna"}.get(customer_id)


SIGN_IN = SignIn(list_customers, issue_token)


def make_app(sign_in: SignIn) -> Starlette:
    return Starlette(
        routes=[
            Route("/graphql", answer, methods=["POST"]),
            *routes(product="Commerce gateway", sign_in=sign_in),
        ]
    )


@contextlib.asynccontextmanager
async def serve(sign_in: SignIn = SIGN_IN) -> AsyncIterator[str]:
    """The shop on a free port of 127.0.0.1; gives its address."""
    server = uvicorn.Server(uvicorn.Config(make_app(sign_in), host="127.0.0.1", port=0, log_level="error", ws="none"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}"
    server.should_exit = True
    await running
