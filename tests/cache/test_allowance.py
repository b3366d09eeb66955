"""A source that allows less than the policy: it is obeyed in every level, and told truly."""

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from clients.errors import SourceError
from clients.recommendations.protocol import BlockKey, RecommendationBlock, RecommendationStrategy
from clients.scope import ForCustomer
from clients.values import Allowance, Dataset, DataSource, Freshness
from gateway.cache.levels import Levels
from gateway.cache.policy import Policy
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from resolvers.freshness import FreshnessState, decide_state
from tests.cache.scripted import DOWN, Asker, levels_at, wall_clock
from tests.cache.workers import FaultyStore

pytestmark = pytest.mark.looptime

TERMS = Policy(fresh_s=60, stale_while_revalidate_s=300, stale_if_error_s=3600, scope=ForCustomer)
KEY = BlockKey(placement="home", first=4)
FOR_EVER = float("inf")


@dataclass
class Recommender:
    """Answers at once, with an allowance of so many seconds from now: fresh, served, kept."""

    allows: tuple[float, float, float] | None
    calls: int = 0
    error: SourceError | None = None

    async def fetch(self, keys: Sequence[BlockKey], _: ForCustomer) -> Mapping[BlockKey, RecommendationBlock]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return dict.fromkeys(keys, self.block())

    def block(self) -> RecommendationBlock:
        now = wall_clock()
        fresh, served, kept = self.allows or (0, 0, 0)
        allowance = Allowance(fresh_until=now + fresh, served_until=now + served, kept_until=now + kept)
        return RecommendationBlock(
            placement="home",
            title=f"answer {self.calls}",
            strategy=RecommendationStrategy.POPULAR,
            tracking_token="",
            items=(),
            freshness=Freshness(
                source=DataSource.RECOMMENDATIONS,
                dataset=Dataset.RECOMMENDATION,
                observed_at=dt.datetime.fromtimestamp(now, dt.UTC),
                received_at=now,
                allowance=allowance if self.allows else None,
            ),
        )


def cached(
    recommender: Recommender, levels: Levels | None = None, shared: Shared | None = None
) -> CachedSource[BlockKey, RecommendationBlock, ForCustomer]:
    return CachedSource(
        Dataset.RECOMMENDATION,
        TERMS,
        recommender.fetch,
        lambda asker: asker.for_customer,
        levels or levels_at(),
        shared,
    )


async def title(source: CachedSource[BlockKey, RecommendationBlock, ForCustomer]) -> str:
    """Which answer is served."""
    answer = source.load_many([KEY], Asker())
    (outcome,) = answer if isinstance(answer, list) else await answer
    if isinstance(outcome, SourceError):
        raise outcome
    assert outcome is not None
    return outcome.title


async def test_a_value_is_fresh_no_longer_than_its_source_allows() -> None:
    """Ten seconds are allowed and sixty agreed: after ten the source is asked, and the reader waits for it."""
    recommender = Recommender(allows=(10, 10, FOR_EVER))
    source = cached(recommender)
    assert await title(source) == "answer 1"
    await asyncio.sleep(9.9)
    assert await title(source) == "answer 1"
    await asyncio.sleep(0.2)
    assert await title(source) == "answer 2"


async def test_leave_to_serve_while_refreshing_is_used() -> None:
    """With leave for that the old answer is served at once while the next is fetched."""
    recommender = Recommender(allows=(10, 20, FOR_EVER))
    source = cached(recommender)
    await title(source)
    await asyncio.sleep(15)
    assert await title(source) == "answer 1"
    await source.settle()
    assert await title(source) == "answer 2"


async def test_no_source_lengthens_a_term() -> None:
    """A source that allows a day still gets asked after the agreed minute and five more."""
    recommender = Recommender(allows=(86_400, 86_400, 86_400))
    source = cached(recommender)
    await title(source)
    await asyncio.sleep(361)
    assert await title(source) == "answer 2"


@pytest.mark.parametrize(("kept_s", "is_served"), [(FOR_EVER, True), (30, True), (10, False)])
async def test_an_old_answer_serves_in_a_failure_unless_that_is_forbidden(kept_s: float, is_served: bool) -> None:
    """Past its time an answer stands in for a source that fails, as long as the source lets it."""
    recommender = Recommender(allows=(10, 10, kept_s))
    source = cached(recommender)
    await title(source)
    recommender.error = DOWN
    await asyncio.sleep(20)
    if is_served:
        assert await title(source) == "answer 1"
    else:
        with pytest.raises(SourceError):
            await title(source)


async def test_what_must_not_be_stored_is_asked_every_time() -> None:
    """Nothing of it stands in memory, and what stood there before is forgotten."""
    recommender = Recommender(allows=(5, 5, FOR_EVER))
    levels = levels_at()
    source = cached(recommender, levels)
    await title(source)
    recommender.allows = (0, 0, 0)
    await asyncio.sleep(6)
    assert await title(source) == "answer 2"
    assert list(source.entries()) == []
    assert await title(source) == "answer 3"


async def test_an_allowance_travels_through_the_shared_level() -> None:
    """Another process serves what it finds there only as long as the source allowed; what is forbidden is not there."""
    recommender = Recommender(allows=(10, 10, FOR_EVER))
    async with AsyncExitStack() as stack:
        store, levels = FaultyStore(), [levels_at(), levels_at()]
        shared = [await stack.enter_async_context(Shared(store, own)) for own in levels]
        one, other = (cached(recommender, *both) for both in zip(levels, shared, strict=True))
        await title(one)
        await one.settle()
        await asyncio.sleep(5)
        assert await title(other) == "answer 1"
        await asyncio.sleep(5.1)
        assert await title(other) == "answer 2"
        recommender.allows = (0, 0, 0)
        await asyncio.sleep(11)
        assert await title(one) == "answer 3"
        await one.settle()
        assert await title(other) == "answer 4"


@pytest.mark.parametrize(("age_s", "state"), [(9, "CACHED"), (10.1, "STALE"), (61, "STALE")])
async def test_the_state_of_a_value_follows_its_source_too(age_s: float, state: str) -> None:
    """Beyond what its source allows a value is called stale, though the policy would have agreed."""
    block = Recommender(allows=(10, 10, FOR_EVER)).block()
    now = wall_clock() + age_s
    assert decide_state(block.freshness, now=now, started_at=now, agreed_s=360.0) is FreshnessState[state]
