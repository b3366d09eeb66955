"""Values that are fetched once for everybody: who waits, who does not, and what a failure costs."""

import asyncio

import pytest

from clients.errors import InvalidSourceResponse, SourceError, SourceTimeout, SourceUnavailable
from clients.http import CallTerms, Priority, call_terms
from clients.remembered import Remembered
from clients.renewed import HELD_S, REFUSED_S, Lease, Renewed
from clients.values import DataSource


class Source:
    """Gives numbers that are fresh for 10 s and good for 20; slow and failing when told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked = 0
        self.failure: SourceError | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.terms: list[CallTerms] = []

    def clock(self) -> float:
        return self.now

    async def fetch(self) -> Lease[int]:
        self.asked += 1
        self.terms.append(call_terms.get())
        number = self.asked
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return Lease(number, self.now + 10, self.now + 20)

    def renewed(self) -> Renewed[int]:
        return Renewed(self.fetch, DataSource.DELIVERY, self.clock)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_wait_for_one_fetch() -> None:
    """And one who gives up takes nothing from the others."""
    source = Source()
    value = source.renewed()
    source.gate.clear()
    waiting = [asyncio.ensure_future(value.get()) for _ in range(3)]
    await turns()
    waiting[0].cancel()
    source.gate.set()

    assert await asyncio.gather(*waiting[1:]) == [1, 1]
    assert source.asked == 1


async def test_a_value_is_renewed_behind_the_back_of_whoever_asks() -> None:
    """Nobody waits while the old one is good; a background fetch leaves the way to those who wait for something."""
    source = Source()
    value = source.renewed()
    call_terms.set(CallTerms(deadline=asyncio.get_running_loop().time() + 60, priority=Priority.CHECKOUT))
    assert await value.get() == 1
    source.now += 10

    assert await value.get() == 1
    await turns()
    assert await value.get() == 2
    assert source.terms == [CallTerms(priority=Priority.CHECKOUT), CallTerms(priority=Priority.REFRESH)]


async def test_a_value_that_is_gone_is_waited_for() -> None:
    """It is never given out after its time."""
    source = Source()
    value = source.renewed()
    await value.get()
    source.now += 20

    assert value.at_hand() is None
    assert await value.get() == 2


async def test_nobody_waits_for_what_is_at_hand_or_not() -> None:
    """Looking starts the fetch as a background one."""
    source = Source()
    value = source.renewed()

    assert value.at_hand() is None
    await turns()
    assert value.at_hand() == 1
    assert source.terms == [CallTerms(priority=Priority.REFRESH)]


async def test_whoever_has_to_wait_may_ask_again_at_once() -> None:
    """A failure is over when the source is well again; breakers below see to it that nobody hammers."""
    source = Source()
    value = source.renewed()
    source.failure = SourceUnavailable(DataSource.DELIVERY)
    with pytest.raises(SourceUnavailable):
        await value.get()
    source.failure = None

    assert await value.get() == 2


async def test_nothing_is_fetched_behind_backs_soon_after_a_failure() -> None:
    """A page that could do without asks no more often than every second."""
    source = Source()
    value = source.renewed()
    source.failure = SourceUnavailable(DataSource.DELIVERY)
    for _ in range(5):
        assert value.at_hand() is None
        await turns()
    assert source.asked == 1
    source.now += HELD_S
    value.at_hand()
    await turns()

    assert source.asked == 2


async def test_a_refused_key_is_not_shown_again_for_a_while() -> None:
    """Whoever comes meanwhile is told the same; a failure that passes by itself is not held."""
    source = Source()
    value = Renewed(source.fetch, DataSource.DELIVERY, source.clock, refused_s=REFUSED_S)
    source.failure = InvalidSourceResponse(DataSource.DELIVERY)
    for _ in range(3):
        with pytest.raises(InvalidSourceResponse):
            await value.get()
        assert value.at_hand() is None
        await turns()
        source.now += REFUSED_S / 3 - 0.01
    assert source.asked == 1
    source.failure = None
    source.now += 0.03

    assert await value.get() == 2


async def test_a_failed_renewal_costs_nothing_while_the_old_one_is_good() -> None:
    """The value stands until it is gone."""
    source = Source()
    value = source.renewed()
    await value.get()
    source.failure = SourceUnavailable(DataSource.DELIVERY)
    source.now += 10
    assert await value.get() == 1
    await turns()
    source.now += 9.9
    assert await value.get() == 1
    source.now += 0.1

    with pytest.raises(SourceUnavailable):
        await value.get()


async def test_the_caller_s_deadline_ends_its_own_wait() -> None:
    """And not the fetch."""
    source = Source()
    value = source.renewed()
    source.gate.clear()
    call_terms.set(CallTerms(deadline=asyncio.get_running_loop().time() + 0.01))
    with pytest.raises(SourceTimeout):
        await value.get()
    call_terms.set(CallTerms())
    source.gate.set()

    assert await value.get() == 1
    assert source.asked == 1


async def test_a_value_that_was_dropped_is_fetched_anew_once() -> None:
    """Two who were refused with the same value do not drop its successor."""
    source = Source()
    value = source.renewed()
    refused = await value.get()
    value.drop(refused)
    assert await value.get() == 2
    value.drop(refused)

    assert await value.get() == 2


async def test_answers_are_remembered_by_key_and_within_bounds() -> None:
    """The one that was used longest ago is forgotten first; an old one is asked for again; a failure is not kept."""
    asked: list[str] = []
    now = 1000.0

    async def fetch(key: str) -> str:
        asked.append(key)
        if key == "bad":
            raise SourceUnavailable(DataSource.DELIVERY)
        return key.upper()

    remembered = Remembered(fetch, 30.0, DataSource.DELIVERY, lambda: now, most=2)
    assert [await remembered.get(key) for key in ("a", "b", "a", "c", "a", "b")] == ["A", "B", "A", "C", "A", "B"]
    assert asked == ["a", "b", "c", "b"]
    assert len(remembered) == 2
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            await remembered.get("bad")
    now += 30
    await remembered.get("b")

    assert asked == ["a", "b", "c", "b", "bad", "bad", "b"]
