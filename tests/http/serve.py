"""Serve the small shop on a free port of this machine: `python -m tests.http.serve [audit | crowd]`."""

import asyncio
import socket
import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from gateway.http.documents import Documents
from gateway.http.lookup import DocumentLookup
from gateway.http.persisted import MemoryTexts
from gateway.http.rules import EdgeRules
from gateway.http.server import ServerOptions, make_server_config
from gateway.limits.guard import LimitGuard
from gateway.limits.slots import Slots
from tests.http.door import make_endpoint, make_socket
from tests.http.shop import make_schema


def make_app(profile: str) -> Any:
    """Make the shop's application: production's, but `audit` opens introspection and GET, and `crowd` has
    places for everybody from one address.
    """
    rules = EdgeRules(get_queries=True, introspection=True) if profile == "audit" else EdgeRules()
    places = Slots(per_address=5_000) if profile == "crowd" else Slots()
    schema = make_schema()
    lookup = DocumentLookup(Documents(schema, LimitGuard(schema)), texts=MemoryTexts())
    return Starlette(
        routes=[
            WebSocketRoute("/graphql", make_socket(schema, rules=rules, lookup=lookup, places=places)),
            Route("/graphql", make_endpoint(schema, rules=rules, lookup=lookup, places=places)),
        ]
    )


async def serve(profile: str) -> None:
    """Serve until stopped; print the port, and `ready` when requests are answered."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    server = uvicorn.Server(make_server_config(make_app(profile), ServerOptions()))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.02)
    print("ready", flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1] if len(sys.argv) > 1 else "production"))
