"""The garbage collector stays out of the event loop's way, and requests leave it nothing to do."""

import gc
from collections.abc import Iterator
from typing import Any
from weakref import ref

import pytest

from clients.errors import SourceUnavailable
from clients.eventual import is_pending
from clients.values import DataSource
from gateway.collector import quiet_collector
from gateway.engine import PlannedExecutor
from gateway.graphiql import read_page_operations
from resolvers.loaders.loaders import Sources
from resolvers.shopper import read_shopper
from tests.gateway.requests import facts_of
from tests.resolvers.fakes import DEFAULTS, FakeSource, core_schema, make_context
from tests.resolvers.goods import shop_of

CATEGORY = next(page.query for page in read_page_operations() if "category" in page.name.lower())


class Cyclic:
    """Something that may hold itself."""

    itself: Any = None


@pytest.fixture
def collector_by_hand() -> Iterator[None]:
    """Nothing is collected but by the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def fail(_key: object, _asker: object) -> SourceUnavailable:
    """A new failure each time, as in life."""
    return SourceUnavailable(DataSource.STOCK)


@pytest.mark.parametrize("failing", [(), ("availability", "estimates"), ("product_prices",), ("products",)])
@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.usefixtures("collector_by_hand")
async def test_pages_leave_no_cycles(is_late: bool, failing: tuple[str, ...]) -> None:
    """Twenty category pages, whole or not, leave less than one object each: what `quiet_collector` may lose is bounded.

    A page that keeps itself alive is lost for good if it is there when survivors are frozen: an outage would
    take more and more memory.
    """
    executor, facts = PlannedExecutor(core_schema()), facts_of(CATEGORY, handle="boots", first=48)
    sources = shop_of(
        48, **{name: FakeSource(lambda _key, _asker: SourceUnavailable(DataSource.STOCK)) for name in failing}
    )
    for name in Sources.__dataclass_fields__:
        getattr(sources, name).is_late = is_late

    async def answer() -> None:
        shopper = read_shopper(facts.operation, facts.variables, facts.viewer, DEFAULTS)
        outcome = executor.execute(facts, make_context(sources, shopper=shopper))
        result = await outcome if is_pending(outcome) else outcome
        assert bool(result.errors) == bool(failing)  # type: ignore[union-attr]

    for _ in range(10):  # a plan is finished by the first pages that it writes
        await answer()
    gc.collect()
    for _ in range(20):
        await answer()
    assert gc.collect() < 20


async def test_what_survived_is_out_of_the_collectors_sight() -> None:
    """While the block runs, survivors of a collection are frozen and cycles are freed; afterwards all is as before."""
    before, callbacks = gc.get_threshold(), list(gc.callbacks)
    async with quiet_collector(young=1000):
        frozen = gc.get_freeze_count()
        assert frozen > 0
        assert gc.get_threshold()[0] == 1000
        cycle = Cyclic()
        cycle.itself = cycle
        gone = ref(cycle)
        del cycle
        kept = [[number] for number in range(10_000)]
        assert gone() is None
        assert gc.get_freeze_count() >= frozen + len(kept) - 1000
    assert gc.get_threshold() == before
    assert gc.callbacks == callbacks
    assert gc.get_freeze_count() == 0


async def test_pages_under_way_set_off_no_collection() -> None:
    """What is made and freed again, however much in all, is never walked."""
    gc.collect()
    async with quiet_collector(young=10_000):
        runs = gc.get_stats()[0]["collections"]
        for _ in range(20):
            page = [[number] for number in range(5_000)]
            del page
        assert gc.get_stats()[0]["collections"] == runs


async def test_the_collector_is_itself_again_after_a_fault() -> None:
    """Whatever ends the block, thresholds come back and nothing is called any more."""
    before, callbacks = gc.get_threshold(), list(gc.callbacks)
    with pytest.raises(RuntimeError, match="stopped"):
        async with quiet_collector():
            raise RuntimeError("stopped")
    assert gc.get_threshold() == before
    assert gc.callbacks == callbacks
