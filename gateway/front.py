"""The first fork in the road: GraphQL goes straight to its endpoint, everything else through Starlette.

Starlette's layers of error handling cost a twentieth of a page and have nothing to say about the
endpoint, which answers every fault itself.
"""

from typing import Any

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

GRAPHQL_PATH = "/graphql"


class Front:
    """An ASGI application; `graphql` is set once the event loop runs."""

    def __init__(self, rest: Starlette) -> None:
        self.graphql: Any = None
        self.rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the connection on."""
        if self.graphql is not None and scope.get("path") == GRAPHQL_PATH:
            await self.graphql(scope, receive, send)
        else:
            await self.rest(scope, receive, send)
