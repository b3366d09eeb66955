"""What a kept response shows is refreshed while it is served: whoever is answered so reads none of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from clients.scope import ForCustomer
from clients.values import Dataset
from gateway.cache.kept import Answer
from gateway.cache.levels import Levels
from gateway.cache.policy import Policy
from gateway.cache.response import ResponseKey, Responses, Shows
from gateway.cache.source import CachedSource
from tests.cache.scripted import DOWN, EPOCH_S, TERMS, Asker, Upstream, ask, by_sku, levels_at

pytestmark = pytest.mark.looptime

KEY = ResponseKey("sha256:abc", "Listing", b"{}")
LONGER = Policy(fresh_s=12, stale_while_revalidate_s=20, negative_s=5, scope=ForCustomer, tags=by_sku)
LOAD_S = 0.1
"""With the drawn half, values are fresh for 9.5 s and refreshed 0.17 s before."""


@dataclass
class Set:
    """A dataset and its upstream."""

    upstream: Upstream
    source: CachedSource[str, object, ForCustomer]


class Page:
    """A page that shows values of one or more datasets, each under its own terms."""

    def __init__(self, *terms: Policy, shows: Shows = Shows.VALUES) -> None:
        self.shows = shows
        self.body = b""
        self.levels: Levels = levels_at(chance=0.5)
        self.responses = Responses(self.levels)
        self.sets: list[Set] = []
        for policy in terms:
            upstream = Upstream(takes_s=LOAD_S)
            source: CachedSource[str, object, ForCustomer] = CachedSource(
                Dataset.PRICE, policy, upstream.fetch, lambda asker: asker.for_customer, self.levels
            )
            self.sets.append(Set(upstream, source))

    async def visit(self, *keys: str, name: ResponseKey = KEY) -> bool:
        """True if the page was kept already; else it is made of what was read, and kept if it may be."""
        asker = Asker()
        kept = self.responses.find(name, asker)
        if kept is not None:
            self.body = kept.body
            return True
        asker.reads = self.responses.reads()
        self.body = repr([await ask(each.source, *keys, by=asker) for each in self.sets]).encode()
        self.responses.keep(name, asker, self.body, asker.reads, self.shows)
        return False

    async def visit_often(self, seconds: float, *keys: str, is_changing: bool = True) -> int:
        """Visit every twentieth of a second; how often the page was made anew."""
        made = 0
        for _ in range(round(seconds * 20)):
            made += not await self.visit(*keys)
            await asyncio.sleep(0.05)
            for each in self.sets:
                each.upstream.version += is_changing
        return made

    @property
    def asked(self) -> list[int]:
        return [len(each.upstream.calls) for each in self.sets]


async def test_a_page_that_is_visited_shows_nothing_past_its_freshness() -> None:
    """Its values are refreshed before they end: it is made anew once per freshness, of fresh values, without a wait."""
    page = Page(TERMS)
    made = await page.visit_often(60, "a", "b")
    counters = page.levels.metrics.of(Dataset.PRICE)
    assert made == page.asked[0] == 7
    assert counters.revalidating == 0
    assert counters.refreshed_early == 12


async def test_a_page_that_nobody_visits_is_not_refreshed() -> None:
    """Only whoever is served sets a refresh off."""
    page = Page(TERMS)
    await page.visit("a")
    await asyncio.sleep(100)
    assert page.asked == [1]


async def test_what_ends_soon_after_is_refreshed_along() -> None:
    """A page of two datasets is made anew when the first ends, and lives on for as long as that one again."""
    page = Page(TERMS, LONGER)
    made = await page.visit_often(60, "a", "b")
    assert made == 7
    assert page.asked == [7, 7]


async def test_what_was_read_just_now_is_not_refreshed_along() -> None:
    """A page with a value that another page has just had refreshed leaves it alone."""
    page = Page(TERMS)
    await page.visit("a", "b")
    await asyncio.sleep(6)
    page.levels.purges.mark(["sku:b"])
    await page.visit("a", "b")
    await page.visit_often(4, "a", "b")
    assert page.sets[0].upstream.calls == [(None, ["a", "b"]), (None, ["b"]), (None, ["a"])]


async def test_an_absence_is_not_refreshed_ahead() -> None:
    """That there is no such thing is asked again when its own short time is over, not at every visit before."""
    page = Page(TERMS)
    page.sets[0].upstream.absent.add("b")
    await page.visit_often(9.3, "a", "b")
    assert page.sets[0].upstream.calls == [(None, ["a", "b"]), (None, ["b"]), (None, ["a"])]


async def test_a_refresh_that_failed_is_not_tried_for_the_next_page() -> None:
    """A source that is down is left alone for a moment, as when its values are read."""
    page, names = Page(TERMS), [KEY._replace(operation=f"Page{number}") for number in range(5)]
    for name in names:
        await page.visit("a", "b", name=name)
    await asyncio.sleep(9.45 - LOAD_S)
    page.sets[0].upstream.error, page.sets[0].upstream.takes_s = DOWN, 0
    for name in names:
        assert await page.visit("a", "b", name=name)
        await asyncio.sleep(0.01)
    assert page.asked == [2]


async def test_a_purged_value_is_not_refreshed_for_a_page_that_is_gone() -> None:
    """A purge ends the page; nothing is asked on its behalf."""
    page = Page(TERMS)
    await page.visit("a")
    await asyncio.sleep(9.9 - LOAD_S)
    page.levels.purges.mark(["sku:a"])
    assert page.responses.find(KEY, Asker()) is None
    await asyncio.sleep(1)
    assert page.asked == [1]


async def test_a_page_whose_values_come_again_as_they_were_lives_on() -> None:
    """Refreshed in time they prove it true; nobody makes it anew for hours, and nothing in it is older than agreed."""
    page = Page(TERMS, LONGER)
    assert await page.visit_often(600, "a", "b", is_changing=False) == 1
    counters = page.levels.metrics.responses
    assert counters.prolonged == page.asked[0] - 1 == page.asked[1] - 1 > 60
    kept = page.responses.find(KEY, Asker())
    assert kept is not None
    assert 0 < kept.fresh_until - page.levels.clock() <= 10


async def test_a_page_with_one_changed_value_is_made_anew() -> None:
    """At the latest when its first value would have ended, and never kept on with what its source no longer says."""
    page = Page(TERMS)
    await page.visit_often(25, "a", "b", is_changing=False)
    page.sets[0].upstream.version = 7
    for _ in range(2 * 20 * 10):
        await page.visit("a", "b")
        await asyncio.sleep(0.05)
        if b"7" in page.body:
            break
    assert page.levels.clock() - EPOCH_S < 25 + 10 + LOAD_S + 1
    assert page.body.count(b"7") == 2
    assert page.levels.metrics.responses.prolonged == 2


@pytest.mark.parametrize("shows", [Shows.STAMPS, Shows.AGES])
async def test_what_shows_when_it_was_observed_is_made_anew(shows: Shows) -> None:
    """The same value observed later is not the same page."""
    page = Page(TERMS, shows=shows)
    assert await page.visit_often(60, "a", "b", is_changing=False) >= 6
    assert page.levels.metrics.responses.prolonged == 0


async def test_a_source_that_failed_proves_nothing() -> None:
    """A page lives on while its values may be served although they are refreshed; not while their source is down."""
    page = Page(TERMS)
    await page.visit("a")
    page.sets[0].upstream.error = DOWN
    await page.visit_often(TERMS.served_s - LOAD_S, "a", is_changing=False)
    assert page.levels.metrics.responses.prolonged > 0
    await asyncio.sleep(1)
    assert not await page.visit("a")
    assert not await page.visit("a")


async def test_a_purge_ends_what_would_have_lived_on() -> None:
    """By the tags of what it shows, however often that came again."""
    page = Page(TERMS)
    await page.visit_often(25, "a", "b", is_changing=False)
    page.levels.purges.mark(["sku:b"])
    assert not await page.visit("a", "b")


async def test_what_nobody_asks_for_is_not_kept_on() -> None:
    """The hand of the memory drops it a moment after its end; who comes later has it made."""
    page = Page(TERMS)
    await page.visit("a")
    await asyncio.sleep(11)
    await ask(page.sets[0].source, "a", "b", "c", "d")
    assert page.responses.find(KEY, Asker()) is None
    assert not await page.visit("a")


async def test_a_value_pushed_between_coming_and_noting_is_not_what_was_read() -> None:
    """A page shows what its request was given; what came in the same moment is none of it, and proves nothing."""
    page = Page(TERMS)
    source, scope = page.sets[0].source, Asker().for_customer
    fetch = page.sets[0].upstream.fetch

    async def overtaken(keys: Sequence[str], by: ForCustomer) -> Mapping[str, object]:
        answers = await fetch(keys, by)
        pushed = Answer(("pushed",), page.levels.clock(), 0.0)
        asyncio.get_running_loop().call_soon(source._kept.keep, scope, "a", pushed)
        return answers

    source._fetcher._fetch = overtaken
    asker = Asker()
    asker.reads = page.responses.reads()
    assert await ask(source, "a", by=asker) == [(None, "a", 1)]
    assert await ask(source, "a") == [("pushed",)]
    assert asker.reads.refusal == "not kept"


async def test_what_no_kept_page_shows_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """To compare an answer with the one before costs something; without a page to prolong nobody pays for it."""
    compared: list[object] = []

    def compare(old: object, new: object) -> bool:
        compared.append(new)
        return old == new

    monkeypatch.setattr("gateway.cache.entry.tells_same", compare)
    page = Page(TERMS)
    for _ in range(3):
        await ask(page.sets[0].source, "a")
        await asyncio.sleep(TERMS.fresh_s + 1)
    assert (page.asked, compared) == ([3], [])
    await page.visit_often(25, "a", is_changing=False)
    assert compared == [(None, "a", 1)] * 3
