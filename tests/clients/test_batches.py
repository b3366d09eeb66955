import asyncio
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.contract import in_batches
from clients.errors import SourceError, SourceTimeout
from clients.values import DataSource
from tests.clients.cases import CASES, Case
from tests.clients.published import Json, Publisher

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class Counted:
    """Fetches numbers slowly, and counts how many calls were under way and how many were cancelled."""

    def __init__(self) -> None:
        self.under_way = self.most = self.cancelled = 0
        self.go = asyncio.Event()

    async def fetch(self, keys: Sequence[int]) -> dict[int, int | SourceError]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        return {key: key * 2 for key in keys}


async def test_calls_of_one_batch_run_at_once() -> None:
    """The second call does not wait for the first."""
    counted = Counted()
    asking = asyncio.ensure_future(in_batches(range(5), 2, counted.fetch))
    await asyncio.sleep(0.01)
    assert counted.most == 3
    counted.go.set()

    assert await asking == {0: 0, 1: 2, 2: 4, 3: 6, 4: 8}


async def test_cancelled_batch_leaves_no_call_behind() -> None:
    """A request that gives up stops all its calls."""
    counted = Counted()
    asking = asyncio.ensure_future(in_batches(range(5), 2, counted.fetch))
    await asyncio.sleep(0.01)
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert counted.cancelled == 3


async def test_small_batch_makes_no_task() -> None:
    """What fits into one call is awaited where it stands."""
    tasks: list[asyncio.Task[object] | None] = []

    async def fetch(keys: Sequence[int]) -> dict[int, int | SourceError]:
        tasks.append(asyncio.current_task())
        return {}

    await in_batches([1, 2], 2, fetch)

    assert tasks == [asyncio.current_task()]


async def test_failure_is_shared_by_the_keys_of_its_call() -> None:
    """Each key of a failed call has its error; the keys of other calls have their values."""

    async def fetch(keys: Sequence[int]) -> dict[int, int | SourceError]:
        if 3 in keys:
            raise SourceTimeout(DataSource.STOCK)
        return dict.fromkeys(keys, 1)

    outcomes = await in_batches([1, 2, 3, 4, 5], 2, fetch)

    assert [type(outcome) for outcome in outcomes.values()] == [int, int, SourceTimeout, SourceTimeout, int]


async def test_mistake_of_ours_is_not_hidden() -> None:
    """A bug in an adapter is not an outage of a vendor."""

    async def fetch(keys: Sequence[int]) -> dict[int, int | SourceError]:
        raise LookupError("a bug")

    with pytest.raises(LookupError):
        await in_batches([1], 2, fetch)


@settings(max_examples=300, deadline=None)
@given(case=st.sampled_from(CASES), data=st.data())
def test_whatever_comes_is_a_value_an_absence_or_our_error(case: Case, data: st.DataObject) -> None:
    """An answer of any shape, also one that is right at the top, ends as an outcome and never as a crash."""
    anything = data.draw(ANY_JSON)
    spot = data.draw(st.sampled_from(["answer", "list", "entry"]))
    example = case.operation.example
    items = case.items or next(name for name in example if name != "observedAt")
    answer: Json = {
        "answer": anything,
        "list": {**example, items: anything},
        "entry": {**example, items: [anything]},
    }[spot]

    outcomes = asyncio.run(case.ask(Publisher(case.operation, httpx.Response(200, json=answer))))

    assert set(outcomes) <= {case.key}
    for outcome in outcomes.values():
        assert not isinstance(outcome, Exception) or isinstance(outcome, SourceError)
