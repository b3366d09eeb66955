"""What was received reaches pages: every worker follows the ledger's journal and purges what has changed."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from clients.stock.ledger import EVERYTHING, read_changes
from clients.values import Dataset
from gateway.cache.tags import InvalidTag, parse_tag, tag
from gateway.exchange.sessions import finish_sweeps, has_sweep
from gateway.telemetry.logs import get_log

LOOK_EVERY_S: Final = 0.25
ALL_STOCK: Final = tuple(
    tag("dataset", dataset.value)
    for dataset in (Dataset.AVAILABILITY, Dataset.PRODUCT_AVAILABILITY, Dataset.STOCK_AT_LOCATIONS)
)
log = get_log("gateway.exchange")

Purge = Callable[[Iterable[str]], Awaitable[object]]


class Following:
    """One worker's place in the journal. It begins by purging all stock: who knows what was written meanwhile."""

    def __init__(self, folder: Path, purge: Purge, now: Callable[[], float]) -> None:
        self._folder = folder
        self._purge = purge
        self._now = now
        self._number = -1

    async def run(self) -> None:
        """Look for ever; what goes wrong is looked at again."""
        while True:
            try:
                await self.look()
            except (sqlite3.Error, OSError) as error:
                log.warning("ledger not read", why=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Clear what full packages left, and purge what has changed since the last look."""
        now = self._now()
        if await asyncio.to_thread(has_sweep, self._folder, now):
            await asyncio.to_thread(finish_sweeps, self._folder, now)
        number, skus = await asyncio.to_thread(read_changes, self._folder, self._number)
        tags = ALL_STOCK if self._number < 0 else decide_tags(skus)
        if tags:
            await self._purge(tags)
        self._number = number


def decide_tags(skus: Sequence[str]) -> Sequence[str]:
    """What to purge for some skus: stock and nothing else, for a price does not change with it."""
    if EVERYTHING in skus:
        return ALL_STOCK
    tags = [tag("stock", sku) for sku in skus]
    try:
        return [parse_tag(one) for one in tags]
    except InvalidTag:
        return ALL_STOCK
