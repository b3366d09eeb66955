"""Keeping Python's garbage collector from stopping the event loop.

A cache holds millions of small objects that live long. Python's full collection walks all of them,
which takes a second or more with a hundred thousand cached products, and no request is served
meanwhile. What the cache holds has no cycles: reference counts free it. So whatever survives a
collection is moved out of the collector's sight at once (`gc.freeze`), and no object is walked twice.

A collection comes when `YOUNG` more objects were made than freed: when the cache has grown by so
many, or when cycles were left behind (some 50 MB of them at most). Sixty-four pages under way hold
half as many; a collection that they set off would only walk what they are about to free. A larger
number would make the pause longer, which is a third of a microsecond per object.

The price: a cycle that was alive when it was moved is never collected. Requests make none on the
usual path (`tests/gateway/test_collector.py` counts them), so that is a bounded loss.
"""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

YOUNG = 400_000
NEVER = 1_000_000


@asynccontextmanager
async def quiet_collector(young: int = YOUNG) -> AsyncIterator[None]:
    """Walk each object once at most while the block runs; afterwards all is as it was before."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, NEVER, NEVER)
    gc.callbacks.append(_freeze_survivors)
    try:
        yield
    finally:
        gc.callbacks.remove(_freeze_survivors)
        gc.set_threshold(*before)
        gc.unfreeze()


def _freeze_survivors(phase: str, _info: dict[str, int]) -> None:
    if phase == "stop":
        gc.freeze()
