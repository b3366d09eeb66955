"""A minute of more questions than Retail Rocket allows, through the real guards on virtual time."""

import asyncio
import datetime as dt
from collections import Counter

import httpx
import pytest

from clients.errors import SourceThrottled
from clients.http import Upstream
from clients.recommendations.protocol import BlockKey, RecommendationBlock
from clients.values import DataSource
from gateway.resilience.policy import default_policy
from gateway.resilience.stack import GuardedUpstream, Surroundings
from gateway.vendors import VENDORS
from sandbox.vendors.retail_rocket import PER_SECOND, RetailRocket
from sandbox.world.shop import Shop
from tests.vendors.recommenders import NOON, VISITOR, documented

STORM_S = 60
PER_TICK, TICKS_PER_S = 30, 4


class Counting(httpx.AsyncBaseTransport):
    """Counts what the vendor says."""

    def __init__(self, beneath: httpx.AsyncBaseTransport) -> None:
        self.beneath = beneath
        self.statuses = Counter[int]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.beneath.handle_async_request(request)
        self.statuses[answer.status_code] += 1
        return answer


@pytest.mark.looptime
async def test_a_storm_of_questions_causes_no_429() -> None:
    """A fifth more than a hundred a second: the vendor refuses none, whoever came too late is told when to come."""
    loop = asyncio.get_running_loop()
    shop = Shop(1, 60, "http://pictures.test", lambda: NOON + dt.timedelta(seconds=loop.time()))
    vendor = Counting(httpx.ASGITransport(RetailRocket(shop).app()))
    row = VENDORS["recommendations"]["retail_rocket"]
    around = Surroundings(epoch=lambda: shop.now().timestamp(), wall=shop.now, dice=lambda: 0.5)
    guarded = GuardedUpstream(row.limits(default_policy(DataSource.RECOMMENDATIONS)), vendor, surroundings=around)
    upstream = Upstream(DataSource.RECOMMENDATIONS, "https://vendor.example", guarded)
    adapter = row.adapter(
        upstream, row.options.model_validate(documented("retail_rocket")), lambda: shop.now().timestamp()
    )
    kinds = Counter[type[object]]()

    async def ask(number: int) -> None:
        key = BlockKey(placement="home_popular", first=1 + number % 20)
        kinds.update(type(outcome) for outcome in (await adapter.fetch_blocks([key], VISITOR)).values())

    async with asyncio.TaskGroup() as group:
        for tick in range(STORM_S * TICKS_PER_S):
            for number in range(PER_TICK):
                group.create_task(ask(tick * PER_TICK + number))
            await asyncio.sleep(1 / TICKS_PER_S)
    await guarded.aclose()

    asked = STORM_S * TICKS_PER_S * PER_TICK
    print(f"{asked} questions in {STORM_S} s: {vendor.statuses[200]} answered, {vendor.statuses[429]} times 429")
    assert vendor.statuses.keys() == {200}
    assert vendor.statuses[200] == kinds[RecommendationBlock] > 0.9 * PER_SECOND * STORM_S
    assert kinds.keys() == {RecommendationBlock, SourceThrottled}
    assert sum(kinds.values()) == asked
