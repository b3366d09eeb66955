"""A storm of listings through the real guards, on virtual time: vendors' published limits hold."""

import asyncio
import datetime as dt
from collections import Counter

import httpx
import pytest

from clients.errors import SourceError, SourceThrottled
from clients.http import Upstream
from clients.pricing.protocol import Price, PriceKey
from clients.pricing.voucherify import VoucherifyPricing
from clients.values import DataSource
from gateway.resilience.policy import default_policy
from gateway.resilience.stack import GuardedUpstream, Surroundings
from gateway.vendors import VENDORS
from sandbox.vendors.voucherify import Voucherify
from sandbox.world.shop import Shop
from tests.vendors.conftest import NOON
from tests.vendors.pricing_adapters import Recorder, shopper, voucherify_settings, whole

STORM_S = 60


class Counting(Recorder):
    """Counts statuses."""

    def __init__(self, beneath: object) -> None:
        super().__init__(beneath)
        self.statuses = Counter[int]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        self.statuses[answer.status_code] += 1
        return answer


@pytest.mark.looptime
async def test_a_storm_of_listings_causes_no_429() -> None:
    """Four customers a second ask for more than Voucherify allows: it refuses none, others are told when to come."""
    loop = asyncio.get_running_loop()
    shop = Shop(1, 400, "http://pictures.test", lambda: NOON + dt.timedelta(seconds=loop.time()))
    vendor = Counting(Voucherify(shop).app())
    policy = VENDORS["pricing"]["voucherify"].limits(default_policy(DataSource.PRICING))
    around = Surroundings(epoch=lambda: shop.now().timestamp(), wall=shop.now, dice=lambda: 0.5)
    guarded = GuardedUpstream(policy, vendor, surroundings=around)
    pricing = VoucherifyPricing(
        Upstream(DataSource.PRICING, "https://pricing.example", guarded),
        voucherify_settings(),
        lambda: shop.now().timestamp(),
    )
    keys = [PriceKey(sku=one.skus[0]) for one in whole(shop, *range(1, 25))]
    outcomes: list[Price | SourceError] = []

    async def open_listing(number: int) -> None:
        outcomes.extend((await pricing.fetch_prices(keys, shopper(f"cust-{number:05d}"))).values())

    async with asyncio.TaskGroup() as group:
        for number in range(1, STORM_S * 4 + 1):
            group.create_task(open_listing(number))
            await asyncio.sleep(0.25)
    await guarded.aclose()

    assert vendor.statuses.keys() == {200}
    assert vendor.statuses[200] >= 90
    answered = [one for one in outcomes if isinstance(one, Price)]
    refused = [one for one in outcomes if isinstance(one, SourceError)]
    assert len(answered) + len(refused) == STORM_S * 4 * len(keys)
    assert len(answered) >= 24
    assert all(isinstance(one, SourceThrottled) and one.retry_after_s for one in refused)
