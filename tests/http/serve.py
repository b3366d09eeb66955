"""Serve the small shop on a free port of this machine: `python -m tests.http.serve [audit]` prints the port."""

import asyncio
import socket
import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from gateway.http.rules import EdgeRules
from gateway.http.server import ServerOptions, make_server_config
from tests.http.door import make_endpoint, make_socket
from tests.http.shop import make_schema


def make_app(profile: str) -> Any:
    """Make the shop's application; the profile `audit` opens introspection and GET, the other is production's."""
    rules = EdgeRules(get_queries=True, introspection=True) if profile == "audit" else EdgeRules()
    schema = make_schema()
    return Starlette(
        routes=[
            WebSocketRoute("/graphql", make_socket(schema, rules=rules)),
            Route("/graphql", make_endpoint(schema, rules=rules)),
        ]
    )


def main() -> None:
    """Serve until stopped."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = make_server_config(make_app(sys.argv[1] if len(sys.argv) > 1 else ""), ServerOptions())
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
