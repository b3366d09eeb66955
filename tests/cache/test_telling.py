"""Who waited for a load that failed or was slow, on virtual time: told one after the other, and each soon enough."""

import asyncio
from typing import Any

import pytest

from clients.errors import SourceTimeout
from clients.http import CallTerms, call_terms
from gateway.cache.reads import Reads
from gateway.cache.source import CachedSource
from gateway.cache.telling import EVERY_S, TOLD_AT_ONCE, decide_group
from tests.cache.scripted import DOWN, Asker, Upstream, ask, cached, levels_at, wall_clock

pytestmark = pytest.mark.looptime

Told = list[tuple[float, float, Any]]
"""When each asked, when it was told, and what; in the order of being told."""


def now() -> float:
    return asyncio.get_running_loop().time()


async def come(source: CachedSource[str, Any, Any], waiting: int, per_s: float, told: Told) -> list[asyncio.Task[None]]:
    """So many ask for one key at an even pace; returns when the last of them has."""

    async def wait() -> None:
        asked_at = now()
        [outcome] = await ask(source, "a")
        told.append((asked_at, now(), outcome))

    tasks, began = [], now()
    for number in range(waiting):
        await asyncio.sleep(began + number / per_s - now())
        tasks.append(asyncio.create_task(wait()))
    return tasks


@pytest.mark.parametrize(
    ("waiting", "waited_s", "group"),
    [(1, 0.0, 4), (300, 0.0, 300), (4, 3.0, 4), (8, 3.0, 4), (40, 0.4, 4), (300, 3.0, 4), (3000, 3.0, 40)],
)
def test_a_group_is_so_large_that_all_are_told_in_half_the_time(waiting: int, waited_s: float, group: int) -> None:
    """What came quickly, or to a few, is told at once; the last group goes before half of the wait has passed."""
    assert decide_group(waiting, waited_s) == group
    assert (-(-waiting // group) - 1) * EVERY_S <= max(0.0, waited_s / 2)


async def test_who_came_over_three_seconds_is_told_over_one_and_a_half() -> None:
    """Three hundred, a hundred a second, for a source that hangs: four every 20 ms, oldest first, one call."""
    upstream, told = Upstream(takes_s=9.0), Told()
    began = now()
    await asyncio.gather(*await come(cached(upstream), 300, 100, told))
    groups = [[each for each in told if each[1] == at] for at in sorted({at for _, at, _ in told})]
    assert [len(group) for group in groups] == [4] * 75
    assert [group[0][1] - began for group in groups] == pytest.approx([3.0 + number * EVERY_S for number in range(75)])
    assert [asked for asked, _, _ in told] == sorted(asked for asked, _, _ in told)
    assert {type(outcome) for _, _, outcome in told} == {SourceTimeout}
    assert len(upstream.calls) == 1


async def test_nobody_waits_longer_than_the_first() -> None:
    """Whoever came later waits less than the first did, its turn included."""
    told = Told()
    await asyncio.gather(*await come(cached(Upstream(takes_s=0.4, error=DOWN)), 40, 100, told))
    waits = [at - asked for asked, at, _ in told]
    assert waits[0] == pytest.approx(0.4)
    assert max(waits) == waits[0]
    assert told[-1][1] - told[0][1] == pytest.approx(9 * EVERY_S)


async def test_a_failure_that_comes_at_once_is_told_a_few_in_each_turn_of_the_loop() -> None:
    """Three hundred wait for a source that refuses: nobody waits for a clock, and no turn wakes more than a few."""
    source, turn, woken_in = cached(Upstream(takes_s=0, error=DOWN)), 0, list[int]()

    async def wait() -> None:
        assert await ask(source, "a") == [DOWN]
        woken_in.append(turn)

    began = now()
    callers = asyncio.gather(*(wait() for _ in range(300)))
    while not callers.done():
        turn += 1
        await asyncio.sleep(0)
    assert now() == began
    assert len(woken_in) == 300
    assert max(map(woken_in.count, woken_in)) == TOLD_AT_ONCE


@pytest.mark.parametrize("error", [DOWN, None])
async def test_a_deadline_comes_before_a_turn(error: Exception | None) -> None:
    """Whoever's time is up before its turn is told in time, and gets what the others get."""
    source, told = cached(Upstream(takes_s=1.0, error=error)), Told()

    async def hasty() -> tuple[Any, float]:
        call_terms.set(CallTerms(deadline=now() + 0.4))
        return (await ask(source, "a"))[0], now()

    began = now()
    others = await come(source, 100, 100, told)
    outcome, at = await asyncio.create_task(hasty())
    assert outcome == (error or (None, "a", 1))
    assert at - began == pytest.approx(0.99 + 0.3)
    await asyncio.gather(*others)
    assert told[-1][1] > at


async def test_an_answer_that_took_long_is_told_as_a_failure_is() -> None:
    """Two hundred, a hundred a second, for two seconds: four every 20 ms, oldest first, each with the one answer."""
    upstream, told = Upstream(takes_s=2.0), Told()
    began = now()
    await asyncio.gather(*await come(cached(upstream), 200, 100, told))
    times = sorted({at for _, at, _ in told})
    assert [sum(at == each for _, at, _ in told) for each in times] == [4] * 50
    assert [at - began for at in times] == pytest.approx([2.0 + number * EVERY_S for number in range(50)])
    assert [asked for asked, _, _ in told] == sorted(asked for asked, _, _ in told)
    assert [outcome for _, _, outcome in told] == [(None, "a", 1)] * 200
    assert len(upstream.calls) == 1


async def test_an_answer_that_came_soon_is_told_in_one_moment() -> None:
    """Below half a second nobody waits for a turn."""
    told = Told()
    await asyncio.gather(*await come(cached(Upstream(takes_s=0.45)), 40, 100, told))
    assert len({at for _, at, _ in told}) == 1


async def test_who_is_told_of_a_slow_answer_reads_what_is_kept_then() -> None:
    """A newer value is pushed meanwhile: whoever is told later gets that one, on which its response will rest."""
    source, told = cached(Upstream(takes_s=1.0)), Told()
    others = await come(source, 100, 100, told)
    await asyncio.sleep(0.055)
    before = len(told)
    assert 0 < before < 100
    await source.write_through(Asker().for_customer, {"a": (None, "a", 2)})
    await asyncio.gather(*others)
    assert [outcome for _, _, outcome in told] == [(None, "a", 1)] * before + [(None, "a", 2)] * (100 - before)


async def test_a_purge_before_a_turn_leaves_the_answer_and_forbids_to_keep_the_page() -> None:
    """Who asked before the purge gets what was brought; a response made of it is not kept."""
    levels = levels_at()
    source = cached(Upstream(takes_s=1.0), levels=levels)
    others = await come(source, 99, 100, Told())
    reads = Reads(wall_clock(), levels.purges.epoch)
    last = asyncio.ensure_future(ask(source, "a", by=Asker(reads=reads)))
    await asyncio.sleep(0.055)
    assert not last.done()
    levels.purges.mark(["sku:a"])
    assert await last == [(None, "a", 1)]
    assert reads.refusal == "not kept"
    await asyncio.gather(*others)


async def test_who_waits_for_a_turn_gets_what_came_meanwhile() -> None:
    """The source is well again: those who were not told yet of its failure get the value of the next load."""
    upstream, told = Upstream(takes_s=1.0, error=DOWN), Told()
    source = cached(upstream)
    others = await come(source, 100, 100, told)
    upstream.takes_s, upstream.error, upstream.version = 0.2, None, 2
    await asyncio.sleep(0.055)
    assert await ask(source, "a") == [(None, "a", 2)]
    assert 0 < len(told) < 100
    left = 100 - len(told)
    await asyncio.gather(*others)
    assert [outcome for _, _, outcome in told] == [DOWN] * (100 - left) + [(None, "a", 2)] * left


async def test_closing_tells_all_at_once() -> None:
    """A gateway that stops lets nobody wait for a turn, and keeps nothing of those who did."""
    source, told = cached(Upstream(takes_s=1.0, error=DOWN)), Told()
    others = await come(source, 100, 100, told)
    await asyncio.sleep(0.055)
    assert 0 < len(told) < 100
    at = now()
    await source.aclose()
    await asyncio.gather(*others)
    assert now() == at
    assert len(told) == 100
    assert source._tellings == set()


async def test_who_went_away_is_passed_over() -> None:
    """A page that was cancelled while it waited for its turn disturbs nobody's."""
    source, told = cached(Upstream(takes_s=1.0, error=DOWN)), Told()
    others = await come(source, 100, 100, told)
    await asyncio.sleep(0.055)
    gone = [task for task in others if not task.done()][::2]
    for task in gone:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    assert len(told) == 100 - len(gone)
    assert {outcome for _, _, outcome in told} == {DOWN}
