"""Whole responses: kept only while everything in them is true, for those to whom it is true."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from clients.scope import ForCustomer
from clients.values import Dataset
from gateway.cache.levels import Levels
from gateway.cache.policy import Policy
from gateway.cache.response import ResponseKey, Responses, Shows
from gateway.cache.source import CachedSource
from tests.cache.scripted import DOWN, TERMS, Asker, Upstream, cached, levels_at

pytestmark = pytest.mark.looptime

KEY = ResponseKey("sha256:abc", "Listing", b"{}")


@dataclass
class Page:
    """A page that reads two prices, over a response level."""

    upstream: Upstream
    levels: Levels
    source: CachedSource[str, object, ForCustomer]
    responses: Responses

    async def visit(self, customer_id: str | None = None, shows: Shows = Shows.VALUES) -> bool:
        """True if the response was kept or served from the level."""
        asker = Asker(customer_id)
        if self.responses.find(KEY, asker) is not None:
            return True
        asker.reads = self.responses.reads()
        answer = self.source.load_many(["a", "b"], asker)
        if not isinstance(answer, list):
            await answer
        return self.responses.keep(KEY, asker, b"body", asker.reads, shows)


@pytest.fixture
def page() -> Callable[[], Page]:
    """A page with everything new; made inside the loop."""

    def make(policy: Policy = TERMS) -> Page:
        upstream, levels = Upstream(takes_s=0), levels_at()
        return Page(upstream, levels, cached(upstream, policy, levels), Responses(levels))

    return make


async def test_a_public_response_is_served_until_its_first_value_expires(page: Callable[[], Page]) -> None:
    """Kept for the shortest of its freshnesses, and for a moment while its values are refreshed; then made anew."""
    shop = page()
    assert await shop.visit()
    await asyncio.sleep(9.9)
    kept = shop.responses.find(KEY, Asker())
    assert kept is not None
    assert kept.body == b"body"
    assert kept.tags == {"dataset:price", "sku:a", "sku:b"}
    shop.upstream.version += 1
    await asyncio.sleep(0.2)
    assert shop.responses.find(KEY, Asker()) is kept
    await asyncio.sleep(0.3)
    assert shop.responses.find(KEY, Asker()) is None


async def test_one_private_value_and_it_is_never_kept(page: Callable[[], Page]) -> None:
    """A signed-in customer's prices: refused, counted by reason, and no other customer finds it."""
    shop = page()
    assert not await shop.visit("c1")
    assert shop.responses.find(KEY, Asker("c1")) is None
    assert shop.responses.find(KEY, Asker("c2")) is None
    assert shop.levels.metrics.responses.refused == {"private": 1}


async def test_an_anonymous_response_is_not_for_the_signed_in(page: Callable[[], Page]) -> None:
    """The list price of anonymous visitors is not shown to a customer, nor to another locality."""
    shop = page()
    assert await shop.visit()
    assert shop.responses.find(KEY, Asker("c1")) is None
    assert shop.responses.find(KEY, Asker(locality_id="spb")) is None
    assert shop.responses.find(KEY._replace(variables=b'{"first":5}'), Asker()) is None


async def test_a_purge_of_any_tag_ends_it(page: Callable[[], Page]) -> None:
    """Purging one of the values that it shows drops the response at once."""
    shop = page()
    assert await shop.visit()
    shop.levels.purges.mark(["sku:other"])
    assert shop.responses.find(KEY, Asker()) is not None
    shop.levels.purges.mark(["sku:b"])
    assert shop.responses.find(KEY, Asker()) is None


async def test_a_purge_while_it_was_made_keeps_it_out(page: Callable[[], Page]) -> None:
    """Read before the purge, finished after it: never kept."""
    shop = page()
    asker = Asker()
    asker.reads = shop.responses.reads()
    answer = shop.source.load_many(["a", "b"], asker)
    assert not isinstance(answer, list)
    await answer
    shop.levels.purges.mark(["sku:a"])
    assert not shop.responses.keep(KEY, asker, b"body", asker.reads, Shows.VALUES)
    assert shop.levels.metrics.responses.refused == {"purged": 1}


async def test_errors_and_stale_values_are_not_kept(page: Callable[[], Page]) -> None:
    """A response with a failed value, or one older than agreed, is made anew each time."""
    shop = page()
    shop.upstream.error = DOWN
    assert not await shop.visit()
    shop.upstream.error = None
    await shop.visit()
    shop.upstream.error = DOWN
    await asyncio.sleep(TERMS.served_s + 1)
    assert not await shop.visit()
    assert set(shop.levels.metrics.responses.refused) == {"not kept", "stale"}


async def test_while_values_are_refreshed_a_response_is_kept_for_a_moment(page: Callable[[], Page]) -> None:
    """Past their freshness values are served and refreshed: one request a moment makes the page, not all of them."""
    shop = page()
    await shop.visit()
    await asyncio.sleep(TERMS.fresh_s + 1)
    shop.upstream.version += 1
    assert await shop.visit()
    await asyncio.sleep(0.2)
    assert shop.responses.find(KEY, Asker()) is not None
    await asyncio.sleep(0.1)
    assert shop.responses.find(KEY, Asker()) is None


async def test_no_response_outlives_what_its_values_may_be_served(page: Callable[..., Page]) -> None:
    """Without a time for serving while refreshing, the end of freshness is the end of the response."""
    shop = page(Policy(fresh_s=10, stale_if_error_s=60, scope=ForCustomer, tags=TERMS.tags))
    assert await shop.visit()
    shop.upstream.error = DOWN
    await asyncio.sleep(10.1)
    assert not await shop.visit()


async def test_ages_inside_stay_true(page: Callable[[], Page]) -> None:
    """A response that tells ages is kept for a second, and not at all when it says "live"."""
    shop = page()
    assert not await shop.visit(shows=Shows.AGES)
    await asyncio.sleep(3)
    assert await shop.visit(shows=Shows.AGES)
    await asyncio.sleep(0.9)
    assert shop.responses.find(KEY, Asker()) is not None
    await asyncio.sleep(0.2)
    assert shop.responses.find(KEY, Asker()) is None
    assert shop.levels.metrics.responses.refused == {"live": 1}


async def test_what_read_nothing_or_said_so_is_not_kept(page: Callable[[], Page]) -> None:
    """Without a read there is nothing to say how long it is true; a refusal is final."""
    shop = page()
    assert not shop.responses.keep(KEY, Asker(), b"body", shop.responses.reads())
    asker = Asker()
    asker.reads = shop.responses.reads()
    asker.reads.refuse("viewer")
    answer = shop.source.load_many(["a"], asker)
    assert not isinstance(answer, list)
    await answer
    assert not shop.responses.keep(KEY, asker, b"body", asker.reads)
    assert shop.levels.metrics.responses.refused == {"nothing read": 1, "viewer": 1}


async def test_a_bypass_is_never_part_of_a_kept_response(page: Callable[[], Page]) -> None:
    """What had to be asked past the cache must be asked again."""
    shop = page()
    asker = Asker()
    asker.reads = shop.responses.reads()
    answer = shop.source.load_many(["a"], asker, bypass=True)
    assert not isinstance(answer, list)
    await answer
    assert asker.reads.refusal == "bypass"


async def test_responses_share_the_bound_of_the_memory() -> None:
    """Responses are entries like others: they count, weigh and are evicted."""
    levels = levels_at(max_entries=10)
    responses = Responses(levels)
    for number in range(100):
        reads = responses.reads()
        reads.depend_on({"dataset:listing"}, levels.clock() + 100)
        assert responses.keep(KEY._replace(variables=b"%d" % number), Asker(), b"x" * 1000, reads, Shows.VALUES)
    assert levels.metrics.memory.entries == 10
    assert levels.metrics.memory.weight_bytes > 10_000
    assert Dataset.LISTING not in levels.metrics.datasets


class Drafted(NamedTuple):
    """What stands for a draft."""

    weight: int = 1000


DRAFT = Drafted()


async def leave_draft(page: Page, customer_id: str = "c1") -> Asker:
    """Keep the draft of a page that reads a customer's price and, as everybody, a listing."""
    asker = Asker(customer_id)
    asker.reads = page.responses.reads()
    answer = page.source.load_many(["a"], asker)
    assert not isinstance(answer, list)
    await answer
    asker.reads.depend_on({"dataset:listing"}, page.levels.clock() + 30)
    page.responses.keep_draft(KEY, asker, DRAFT, asker.reads, Shows.VALUES)
    return asker


async def test_a_draft_is_for_every_customer_of_its_context(page: Callable[[], Page]) -> None:
    """What is private in the page keeps the page out, and not what was written besides."""
    shop = page()
    asker = await leave_draft(shop)
    assert asker.reads is not None
    assert asker.reads.is_private
    assert not shop.responses.keep(KEY, asker, b"body", asker.reads)
    assert shop.responses.find_draft(KEY, Asker("c2")) is DRAFT
    assert shop.responses.find_draft(KEY, Asker("c2", locality_id="spb")) is None
    assert shop.responses.find_draft(KEY._replace(variables=b'{"first":5}'), Asker("c2")) is None
    counters = shop.levels.metrics.responses
    assert (counters.drafted, counters.filled) == (1, 1)
    assert [shop.responses.times_filled(KEY, Asker("c1", place)) for place in ("msk", "spb")] == [1, 0]


async def test_a_draft_lives_as_long_as_what_it_shows(page: Callable[[], Page]) -> None:
    """A customer's price, fresh for ten seconds, does not end it: it is not in it."""
    shop = page()
    await leave_draft(shop)
    await asyncio.sleep(29)
    assert shop.responses.find_draft(KEY, Asker("c2")) is DRAFT
    await asyncio.sleep(2)
    assert shop.responses.find_draft(KEY, Asker("c2")) is None


async def test_a_purge_ends_a_draft(page: Callable[[], Page]) -> None:
    """By the tags of what it shows; those of a customer's price purge that price."""
    shop = page()
    await leave_draft(shop)
    shop.levels.purges.mark(["sku:a"])
    assert shop.responses.find_draft(KEY, Asker("c2")) is DRAFT
    shop.levels.purges.mark(["dataset:listing"])
    assert shop.responses.find_draft(KEY, Asker("c2")) is None


async def test_no_draft_is_kept_of_a_page_that_shows_nothing_else(page: Callable[[], Page]) -> None:
    """Without a read of what is everybody's there is nothing to say how long the rest is true."""
    shop = page()
    asker = Asker("c1")
    asker.reads = shop.responses.reads()
    answer = shop.source.load_many(["a"], asker)
    assert not isinstance(answer, list)
    await answer
    shop.responses.keep_draft(KEY, asker, DRAFT, asker.reads, Shows.VALUES)
    assert shop.responses.find_draft(KEY, asker) is None


async def test_drafts_share_the_bound_of_the_memory() -> None:
    """They count, weigh and are evicted like other entries."""
    levels = levels_at(max_entries=10)
    responses = Responses(levels)
    for number in range(100):
        reads = responses.reads()
        reads.depend_on({"dataset:listing"}, levels.clock() + 100)
        responses.keep_draft(KEY._replace(variables=b"%d" % number), Asker("c1"), DRAFT, reads, Shows.VALUES)
    assert levels.metrics.memory.entries == 10
    assert levels.metrics.memory.weight_bytes > 10_000
