"""Every way for an upstream to fail, over real sockets, through all guards and the wire engine.

The same table runs against another implementation of these modes when `FAULTY_UPSTREAM` names a
script that takes a port.
"""

import asyncio
import gc
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from clients.errors import SourceError
from clients.http import Upstream
from clients.values import DataSource
from gateway.resilience.policy import BreakerPolicy, DeadlinePolicy, UpstreamPolicy, WireLimits
from gateway.resilience.stack import GuardedUpstream
from gateway.resilience.wire import WireEngine
from tests.resilience.faulty import MODES

pytestmark = pytest.mark.sockets

TOTAL_S = 0.5
EXPECTED = {
    "ok": "answered",
    "slow": "SourceTimeout",
    "hang": "SourceTimeout",
    "headers_hang": "SourceTimeout",
    "drip": "SourceTimeout",
    "endless": "SourceTimeout",
    "rst_now": "SourceUnavailable",
    "rst_mid": "SourceUnavailable",
    "truncate": "SourceUnavailable",
    "wrong_length": "SourceUnavailable",
    "500": "SourceUnavailable",
    "503_retry_after": "SourceUnavailable",
    "429": "SourceThrottled",
    "no_json": "InvalidSourceResponse",
    "half_json": "InvalidSourceResponse",
    "html": "InvalidSourceResponse",
    "bad_gzip": "InvalidSourceResponse",
    "gzip_bomb": "InvalidSourceResponse",
    "huge": "InvalidSourceResponse",
    "401": "InvalidSourceResponse",
    "403": "InvalidSourceResponse",
    "404": "InvalidSourceResponse",
    "204": "InvalidSourceResponse",
    "200_empty": "InvalidSourceResponse",
    "redirect_meta": "InvalidSourceResponse",
    "redirect_loop": "InvalidSourceResponse",
    "bad_utf8": "InvalidSourceResponse",
    "deep": "InvalidSourceResponse",
    "dup": "InvalidSourceResponse",
    "nan": "InvalidSourceResponse",
    "null": "InvalidSourceResponse",
    "list": "InvalidSourceResponse",
    "string": "InvalidSourceResponse",
    "big_headers": "SourceUnavailable",
    "set_cookie": "answered",
    "nul": "answered",
    "1xx": "answered",
    "keepalive_close": "answered",
    "flaky": "answered",
    "flaky_once": "answered",
}
QUERY = {"slow": "?s=2", "drip": "?s=0.1", "gzip_bomb": "?mb=8"}
OURS = Path(__file__).with_name("faulty.py")
THEIRS = os.environ.get("FAULTY_UPSTREAM", "")


class Price(msgspec.Struct):
    sku: str
    price: int


ANSWER = msgspec.json.Decoder(Price)
UNTRIPPED = BreakerPolicy(min_calls=10**9, in_a_row=10**9)
POLICY = UpstreamPolicy(
    DataSource.PRICING,
    deadline=DeadlinePolicy(total_s=TOTAL_S),
    breaker=UNTRIPPED,
    wire=WireLimits(answer_bytes=1 << 20),
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"expected a faulty upstream on port {port}, got none within 20 s")


@pytest.fixture(scope="module")
def ours() -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(OURS)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()


@pytest.fixture(scope="module")
def theirs() -> Iterator[str]:
    if not THEIRS:
        pytest.skip("FAULTY_UPSTREAM names no second implementation of the modes")
    port = free_port()
    with subprocess.Popen([sys.executable, THEIRS, str(port)]) as process:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
async def guard() -> AsyncIterator[GuardedUpstream]:
    guard = GuardedUpstream(POLICY, WireEngine(POLICY.wire))
    guard.retry_budget.left = 10.0
    yield guard
    await guard.aclose()


async def ask(guard: GuardedUpstream, base_url: str, mode: str) -> str:
    """`answered` or the name of our error; any other exception is a failure of the test."""
    try:
        await Upstream(DataSource.PRICING, base_url, guard).post(f"/{mode}", {}, ANSWER, operation="pricing.prices")
    except SourceError as error:
        return "TELLS TOO MUCH" if "10.0.0.5" in str(error) else type(error).__name__
    return "answered"


async def log_of(base_url: str, guard: GuardedUpstream) -> list[dict[str, object]]:
    engine = WireEngine()
    try:
        response = await engine.handle_async_request(httpx.Request("GET", f"{base_url}/log"))
        rows: list[dict[str, object]] = response.json()
        return rows
    finally:
        await engine.aclose()


def test_the_table_covers_all_forty_modes() -> None:
    """No mode without an expectation, no expectation without a mode."""
    assert sorted(EXPECTED) == MODES
    assert len(MODES) == 40


async def objection(guard: GuardedUpstream, base_url: str, mode: str) -> str:
    """What is wrong with how a mode is answered; nothing when nothing is."""
    started = time.monotonic()
    got = await ask(guard, base_url, f"{mode}{QUERY.get(mode, '')}")
    took_s = time.monotonic() - started
    left_running = guard.snapshot().running
    afterwards = "answered" if mode == "429" else await ask(guard, base_url, "ok")
    if (got, left_running, afterwards) == (EXPECTED[mode], 0, "answered") and took_s <= TOTAL_S + 0.1:
        return ""
    return (
        f"{mode}: expected {EXPECTED[mode]} in {TOTAL_S} s and a good answer after it, "
        f"got {got} in {took_s:.2f} s, {left_running} left running, then {afterwards}"
    )


@pytest.mark.alone
@pytest.mark.parametrize("mode", MODES)
async def test_every_fault_becomes_one_of_our_errors_in_time(mode: str, ours: str, guard: GuardedUpstream) -> None:
    """The right word, not later than the deadline and 100 ms, nothing left running, and the next call is answered."""
    assert await objection(guard, ours, mode) == ""


@pytest.mark.alone
async def test_the_table_holds_for_another_implementation_of_the_modes(theirs: str) -> None:
    """The same forty cases against somebody else's faulty upstream; its `flaky` draws lots and may fail twice."""
    objections = []
    for mode in MODES:
        guard = GuardedUpstream(POLICY, WireEngine(POLICY.wire))
        guard.retry_budget.left = 10.0
        objections.append(await objection(guard, theirs, mode))
        await guard.aclose()
    print(f"{len(MODES)} cases, {sum(map(bool, objections))} failures")
    assert [said for said in objections if said and not said.startswith("flaky:")] == []


async def test_nothing_follows_redirects_or_carries_cookies(ours: str, guard: GuardedUpstream) -> None:
    """After a cookie and two redirects the upstream has seen exactly the calls that we made, without a cookie."""
    engine = WireEngine()
    await engine.handle_async_request(httpx.Request("GET", f"{ours}/reset"))
    await engine.aclose()
    for mode in ("set_cookie", "redirect_meta", "redirect_loop", "set_cookie", "ok"):
        await ask(guard, ours, mode)
    rows = await log_of(ours, guard)
    assert [row["target"] for row in rows] == [
        "/set_cookie", "/redirect_meta", "/redirect_loop", "/set_cookie", "/ok"
    ]  # fmt: skip
    assert not [row for row in rows if "cookie" in row["headers"]]  # type: ignore[operator]


@pytest.mark.parametrize("mode", ["gzip_bomb", "huge", "endless"])
async def test_bodies_without_end_cost_no_memory(mode: str, ours: str) -> None:
    """Forty of them, eight at a time, capped at 1 MB: the process grows by less than 20 MB."""
    engine = WireEngine(WireLimits(answer_bytes=1 << 20, total_s=TOTAL_S))

    async def swallow() -> None:
        with pytest.raises(httpx.RequestError):
            await engine.handle_async_request(httpx.Request("GET", f"{ours}/{mode}"))

    await asyncio.gather(*(swallow() for _ in range(8)))
    gc.collect()
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(4):
        await asyncio.gather(*(swallow() for _ in range(8)))
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    await engine.aclose()
    assert grown_kb < 20 * 1024
