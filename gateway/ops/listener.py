"""The second listener: its place is taken before any worker starts, and each worker serves from it."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Self

import uvicorn
from starlette.types import ASGIApp

BACKLOG: Final = 64
STOP_WITHIN_S: Final = 1


class OpsPlace:
    """A listening socket that all workers accept from, and the folder in which they find each other."""

    def __init__(self, listening: socket.socket, folder: Path) -> None:
        self.listening = listening
        self.folder = folder

    @property
    def address(self) -> str:
        """Where it can be reached."""
        host, port = self.listening.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.listening.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def open_place(host: str, port: int) -> OpsPlace:
    """Bind, before any worker starts; raises OSError when the port is taken. Port 0 picks a free one."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return OpsPlace(listening, Path(tempfile.mkdtemp(prefix="gateway-")))


class _Beside(uvicorn.Server):
    """A server beside the one that serves clients, which alone hears the signals."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave them alone."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve while the block runs; streams that are open at its end are cut."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    server = _Beside(config)
    task = asyncio.create_task(server.serve(sockets=[listening.dup()]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
