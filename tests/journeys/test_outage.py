"""One system fails under load: who needs it is told at once, who does not need it notices nothing."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.journeys.crowd import Crowd
from tests.journeys.shop import Gateway, Sandbox, open_gateway

# Rates of calls are compared over seconds, so nothing may run beside these.
pytestmark = pytest.mark.alone
EVERY_S = 0.02
PRICED = '{ product(by: { handle: "sapogi-lumera-siena-1" }) { price { isSingle } } }'
STOCKED = [f'{{ product(by: {{ id: "prd_p-{n:06}" }}) {{ availability {{ status }} }} }}' for n in range(1, 301)]
OF_OTHERS = '{ product(by: { handle: "sapogi-lumera-siena-1" }) { title price { isSingle } } }'
# A machine that is busy with other things must not look like an overloaded gateway.
PATIENT = {"GATEWAY_LIMITS__SHEDS_LOAD": "false", "GATEWAY_CACHE__IS_ENABLED": "false"}


@pytest.fixture
def gateway(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway without memory, so that every page asks."""
    with open_gateway(sandbox, **PATIENT) as opened:
        yield opened


def calls_of(sandbox: Sandbox, domain: str) -> int:
    """Calls that an upstream got so far."""
    return sum(sandbox.calls().get(domain, {}).values())


async def test_a_dead_system_is_left_alone_and_taken_back(gateway: Gateway, sandbox: Sandbox) -> None:
    """Of its usual calls it gets a tenth at most within five seconds, and all of them ten seconds after it is well."""
    async with Crowd(str(gateway.client.base_url)) as crowd:
        healthy = await crowd.ask_evenly([PRICED], 2, EVERY_S)
        usual_per_s = calls_of(sandbox, "pricing") / 2
        sandbox.faults("pricing", status=500)
        sandbox.control.post("/reset", json={"faults": False})
        asked = await crowd.ask_evenly([PRICED], 5, EVERY_S)
        at_first = calls_of(sandbox, "pricing")
        asked_later = await crowd.ask_evenly([PRICED], 2, EVERY_S)
        later_per_s = (calls_of(sandbox, "pricing") - at_first) / 2
        sandbox.faults("pricing")
        recovered_s = await recovery_s(crowd)
    assert set(healthy.seen) == {"ok"}
    assert set(asked.seen) <= {"UNAVAILABLE", "CIRCUIT_OPEN"}
    assert set(asked_later.seen) <= {"UNAVAILABLE", "CIRCUIT_OPEN"}
    assert at_first <= 1.1 * asked.seen.total()
    assert later_per_s <= usual_per_s / 10
    assert recovered_s <= 10


async def recovery_s(crowd: Crowd) -> float:
    """Seconds until half a second goes by in which every page is whole."""
    began = time.monotonic()
    while time.monotonic() - began < 30:
        so_far_s = time.monotonic() - began
        if set((await crowd.ask_evenly([PRICED], 0.5, EVERY_S)).seen) == {"ok"}:
            return so_far_s
    raise AssertionError("expected the system to be asked again within 30 s")


async def test_three_hundred_that_hang_cost_the_others_nothing(sandbox: Sandbox) -> None:
    """While 300 pages wait for a system that hangs, those that do not need it are all answered, whole."""
    told = {"GATEWAY_UPSTREAMS__STOCK__TIMEOUT_S": "3", "GATEWAY_UPSTREAMS__STOCK__HAS_BREAKER": "false"}
    with open_gateway(sandbox, **PATIENT, **told) as gateway:
        async with Crowd(str(gateway.client.base_url)) as crowd:
            await crowd.ask_all([OF_OTHERS] * 4)
            sandbox.faults("stock", mode="hang")
            parked = asyncio.create_task(crowd.ask_all(STOCKED))
            await asyncio.sleep(1)
            others = await crowd.ask_all([OF_OTHERS] * 100)
            is_still_parked = not parked.done()
            hung = await parked
    assert is_still_parked
    assert others.seen == {"ok": 100}
    assert set(hung.seen) <= {"TIMEOUT", "UNAVAILABLE"}
    assert hung.seen.total() == 300
