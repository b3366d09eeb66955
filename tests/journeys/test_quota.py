"""A vendor's published limit is kept by all workers together, and whoever waits for an answer goes first."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from itertools import pairwise

import httpx
import pytest

from tests.cache.conftest import valkey_url
from tests.journeys.crowd import Crowd
from tests.journeys.shop import Gateway, Sandbox, open_gateway

__all__ = ["valkey_url"]

# The instants of calls are compared, so nothing may run beside these.
pytestmark = pytest.mark.alone
CALLS, PERIOD_S = 5, 1.0
STOCKED = [f'{{ product(by: {{ id: "prd_p-{n:06}" }}) {{ availability {{ status }} }} }}' for n in range(1, 41)]


@pytest.fixture
def limited(sandbox: Sandbox, valkey_url: str) -> Iterator[Gateway]:
    """Two workers that know of the limit of stock, share its count, and remember nothing."""
    settings = {
        "GATEWAY_WORKERS": "2",
        "GATEWAY_UPSTREAMS__STOCK__QUOTA_CALLS": str(CALLS),
        "GATEWAY_UPSTREAMS__STOCK__QUOTA_PERIOD_S": str(PERIOD_S),
        "GATEWAY_UPSTREAMS__STOCK__TIMEOUT_S": "3",
        "GATEWAY_CACHE__SHARED_URL": f"{valkey_url}/7",
        "GATEWAY_CACHE__SHARED_TIMEOUT_S": "5",  # a busy machine must not look like a dead store
        "GATEWAY_CACHE__IS_ENABLED": "false",
        "GATEWAY_LIMITS__SHEDS_LOAD": "false",
    }
    with open_gateway(sandbox, **settings) as opened:
        sandbox.faults("stock", rateLimitPerSecond=CALLS)
        yield opened


def arrivals(sandbox: Sandbox) -> list[float]:
    """When the vendor got each call, in epoch seconds."""
    log = sandbox.control.get("/upstreams/stock?log=1000").json()["log"]
    return sorted(dt.datetime.fromisoformat(call["startedAt"]).timestamp() for call in log)


def most_within(instants: list[float], period_s: float) -> int:
    """The most calls in any period."""
    return max(sum(start <= other < start + period_s for other in instants) for start in instants)


async def test_a_vendor_never_sees_one_call_more_than_it_allows(limited: Gateway, sandbox: Sandbox) -> None:
    """Three times as many pages as calls are allowed, over two workers: all are answered, none is refused there."""
    async with Crowd(str(limited.client.base_url)) as crowd:
        outcomes = await crowd.ask_evenly(STOCKED, 3, 3 / (3 * CALLS * 3))
    instants = arrivals(sandbox)
    told = sandbox.control.get("/upstreams/stock").json()
    assert outcomes.seen["ok"] >= 3 * CALLS, outcomes.seen
    assert len(instants) >= 3 * CALLS
    assert most_within(instants, PERIOD_S) <= CALLS, [round(b - a, 3) for a, b in pairwise(instants)]
    assert "429" not in told["statuses"]


async def test_whoever_waits_for_an_answer_overtakes_refreshes(limited: Gateway, sandbox: Sandbox) -> None:
    """Pages that need four fifths of the limit are all answered, while health checks want four times the limit.

    First come, first served would leave the pages a sixth of it, and most of them without an answer.
    """
    per_s, for_s = CALLS - 1, 4
    async with Crowd(str(limited.client.base_url)) as crowd:
        checks = asyncio.create_task(check_health(str(limited.client.base_url), 4 * CALLS, for_s))
        await asyncio.sleep(0.5)  # the line of checks is there when the first page comes
        pages = await crowd.ask_evenly(STOCKED[: per_s * for_s], for_s, 1 / per_s)
        refused = await checks
    told = sandbox.control.get("/upstreams/stock").json()
    assert pages.seen == {"ok": per_s * for_s}
    assert most_within(arrivals(sandbox), PERIOD_S) <= CALLS
    assert "429" not in told["statuses"]
    assert refused > 4 * CALLS * for_s / 2, "expected most of the checks to get no turn"


async def check_health(address: str, per_s: int, for_s: int) -> int:
    """Look after the systems far too often; returns how many checks of stock got no turn."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as client, asyncio.TaskGroup() as group:
        asked = []
        for _ in range(per_s * for_s):
            asked.append(group.create_task(client.get("/ready")))
            await asyncio.sleep(1 / per_s)
    told = [task.result().json()["upstreams"]["stock"] for task in asked]
    return sum(each.get("code") == "THROTTLED" for each in told)
