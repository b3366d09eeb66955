"""The receivers as a process: `python -m tests.exchange.serve FOLDER` prints its address and serves until killed."""

import asyncio
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from gateway.exchange.receivers import open_receivers
from tests.exchange.site import Clock, settings, stock_of


async def nobody(_tags: Iterable[str]) -> None:
    """No cache to purge."""


async def serve(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with open_receivers(stock_of(settings(folder), Clock()), nobody, Clock()) as routes:
            print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
            config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off")
            await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
