"""A listening socket that can really be closed and opened again at the same address."""

import asyncio
import socket
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

KEEP_ALIVE_S = 75


class Listener:
    """Serves an ASGI application over uvicorn's HTTP protocol; the port is known before the application is.

    `known_as` is the host name that others reach it by, when that is not the address it listens at.

    While it is down, the port stays bound but nobody listens: callers are refused, and nobody else
    can take the port.
    """

    def __init__(self, host: str, port: int = 0, known_as: str | None = None) -> None:
        self._config: Config | None = None
        self._state = ServerState()
        self._host = host
        self._known_as = known_as
        self._bound = _bind(host, port)
        self.port: int = self._bound.getsockname()[1]
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        name = self._known_as or self._host
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"

    def serve(self, app: Any) -> None:
        """What to serve once it is open."""
        self._config = Config(app, log_config=None, access_log=False, lifespan="off", timeout_keep_alive=KEEP_ALIVE_S)
        self._config.load()

    async def open(self) -> None:
        """Listen, if nobody does yet."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._protocol, sock=self._bound, backlog=1024)

    async def refuse(self) -> None:
        """Stop listening and cut all connections, but keep the port."""
        if self._server is not None:
            self._drop()
            await asyncio.sleep(0)
            self._bound = _bind(self._host, self.port)

    async def close(self) -> None:
        """For good."""
        self._drop()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._bound.close()

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._state.connections):
            connection.transport.abort()

    def _protocol(self) -> asyncio.Protocol:
        assert self._config is not None
        protocol: asyncio.Protocol = self._config.http_protocol_class(  # type: ignore[call-arg]
            config=self._config, server_state=self._state, app_state={}
        )
        return protocol


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY; without it every small answer waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
