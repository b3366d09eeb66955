"""Opening the receivers that the settings ask for; none for systems that are asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from starlette.routing import Route

from clients.stock.onec import OnecStock
from clients.stock.protocol import Stock
from gateway.exchange.commerceml import CommerceML
from gateway.exchange.following import Following, Purge
from gateway.exchange.imports import Imports
from gateway.exchange.push import StockPush
from gateway.exchange.sessions import prepare_exchange


@asynccontextmanager
async def open_receivers(
    stock: Stock, purge: Purge, now: Callable[[], float], imports: Imports | None = None
) -> AsyncIterator[list[Route]]:
    """The routes of what the chosen stock system tells by itself, while the block runs."""
    if not isinstance(stock, OnecStock):
        yield []
        return
    options = stock.settings
    await asyncio.to_thread(prepare_exchange, options.folder)
    async with AsyncExitStack() as closing:
        await closing.enter_async_context(following(Following(options.folder, purge, now)))
        routes: list[Route] = []
        if options.push_key.get_secret_value():
            routes += StockPush(options, now).routes()
        if options.exchange_login:
            imports = imports or Imports()
            closing.push_async_callback(imports.aclose)
            routes += CommerceML(options, imports, now).routes()
        yield routes


@asynccontextmanager
async def following(follower: Following) -> AsyncIterator[None]:
    """Follow while the block runs."""
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
