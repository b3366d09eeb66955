"""Keeping Python's garbage collector from stopping the event loop.

A cache holds millions of small objects that live long. Python's full collection walks all of them,
which takes a second or more with a hundred thousand cached products, and no request is served
meanwhile. What the cache holds has no cycles: reference counts free it. So whatever survived is
moved out of the collector's sight every other second (`gc.freeze`), and each collection walks only
what is new.

The price: a cycle that was alive when it was moved is never collected. Requests make none on the
usual path (`tests/gateway/test_collector.py` counts them), so that is a bounded loss.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PERIOD_S = 2.0
YOUNG = 20_000
NEVER = 1_000_000


@asynccontextmanager
async def quiet_collector(period_s: float = PERIOD_S) -> AsyncIterator[None]:
    """Collect often and little while the block runs; afterwards all is as it was before."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, NEVER)
    sweeping = asyncio.create_task(_sweep(period_s))
    try:
        yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        gc.set_threshold(*before)
        gc.unfreeze()


async def _sweep(period_s: float) -> None:
    while True:
        await asyncio.sleep(period_s)
        gc.collect()
        gc.freeze()
