"""Opening the receivers and the copying that the settings ask for; none for systems that are asked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.routing import Route

from clients.stock.moysklad import MoyskladStock
from clients.stock.onec import OnecStock
from clients.stock.protocol import Stock
from gateway.exchange.commerceml import CommerceML
from gateway.exchange.following import Following, Purge
from gateway.exchange.hook import MoyskladHook
from gateway.exchange.imports import Imports
from gateway.exchange.push import StockPush
from gateway.exchange.sessions import prepare_exchange
from gateway.exchange.syncing import Syncing


@asynccontextmanager
async def open_receivers(
    stock: Stock, purge: Purge, now: Callable[[], float], imports: Imports | None = None
) -> AsyncIterator[list[Route]]:
    """The routes of what the chosen stock system tells by itself, while the block runs."""
    if not isinstance(stock, OnecStock | MoyskladStock):
        yield []
        return
    folder = stock.settings.folder
    await asyncio.to_thread(prepare_exchange, folder)
    async with AsyncExitStack() as closing:
        await closing.enter_async_context(running(Following(folder, purge, now).run()))
        if isinstance(stock, MoyskladStock):
            await closing.enter_async_context(running(Syncing(stock, now).run()))
            yield MoyskladHook(stock.settings, now).routes() if stock.settings.webhook_secret.get_secret_value() else []
        else:
            imports = imports or Imports()
            closing.push_async_callback(imports.aclose)
            yield routes_of(stock, imports, now)


def routes_of(stock: OnecStock, imports: Imports, now: Callable[[], float]) -> list[Route]:
    """The ways in that 1C was given."""
    pushes = StockPush(stock.settings, now).routes() if stock.settings.push_key.get_secret_value() else []
    exchanges = CommerceML(stock.settings, imports, now).routes() if stock.settings.exchange_login else []
    return [*pushes, *exchanges]


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do it while the block runs."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
