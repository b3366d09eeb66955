"""The first fork in the road: GraphQL goes straight to its endpoint, everything else through Starlette.

Starlette's layers of error handling cost a twentieth of a page and have nothing to say about the
endpoint, which answers every fault itself.
"""

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from gateway.resilience.door import App

GRAPHQL_PATH = "/graphql"


class Front:
    """An ASGI application; GraphQL is answered from when `open` was called."""

    def __init__(self, rest: Starlette) -> None:
        self.rest = rest
        self.is_stopping = False
        self._http: App | None = None
        self._socket: App | None = None

    def open(self, http: App, socket: App) -> None:
        """Let requests and sockets in."""
        self._http, self._socket = http, socket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the connection on."""
        if self._http is not None and self._socket is not None and scope.get("path") == GRAPHQL_PATH:
            await (self._http if scope["type"] == "http" else self._socket)(scope, receive, send)
        else:
            await self.rest(scope, receive, send)
