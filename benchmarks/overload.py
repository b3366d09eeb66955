"""Twice the capacity for a minute: `python -m benchmarks.overload`.

One gateway process without memory on core 0, upstreams and clients on core 1. Requests come at an
even pace, whether or not the earlier ones are answered: first below the capacity, then at twice of
it, then below it again. Capacity is what a closed loop gets, before and after. Goodput is whole pages
per second, and per second of CPU that the server got, which neighbours on the core do not change.
Recovery is how long after the load whole pages first come without a refusal and within twice their
healthy time, for a whole second.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.machine import describe_machine
from benchmarks.harness.pace import Answers, Crowd
from benchmarks.harness.processes import Meter, resident_mb
from benchmarks.harness.servers import Bench, Server, write_tokens
from benchmarks.harness.table import read_table
from benchmarks.harness.traffic import Request, Variety, prepare, send
from benchmarks.harness.upstreams import open_upstreams, ready_tape

QUIET_SHARE = 0.5
RECOVERED_WITHIN_S = 30
OWN = {"GATEWAY_TELEMETRY__OPERATION_LINES": "none"}


@dataclass(frozen=True)
class Rate:
    """Whole pages per second, and per second of the server's CPU."""

    per_s: float
    per_cpu_s: float


def capacity_of(bench: Bench, server: Server, requests: list[Request], seconds: float) -> Rate:
    """What a closed loop of 32 gets."""
    meter = Meter(server.process.pid)
    sent = send(requests, server.address, 32, seconds, bench.folder)
    return Rate(sent.good / sent.seconds, sent.good / meter.read()[0])


@asynccontextmanager
async def watching_memory(server: Server) -> AsyncIterator[list[float]]:
    """Resident megabytes of the server, looked at twice a second."""
    seen: list[float] = []

    async def look() -> None:
        while True:
            seen.append(resident_mb(server.pids))
            await asyncio.sleep(0.5)

    task = asyncio.create_task(look())
    try:
        yield seen
    finally:
        task.cancel()


async def recovery_s(crowd: Crowd, requests: list[bytes], per_s: float, healthy_ms: float) -> float:
    """Seconds until a second goes by as it did before the overload."""
    began = time.monotonic()
    while (passed_s := time.monotonic() - began) < RECOVERED_WITHIN_S:
        answers = await crowd.ask_evenly(requests, per_s, 1.0)
        if set(answers.seen) == {"page"} and answers.quantile_ms(0.5) <= 2 * healthy_ms:
            return passed_s
    return float("inf")


async def measure(bench: Bench, server: Server, page: str, factor: float, seconds: float) -> None:
    """Quiet, overload, quiet again."""
    wanted = prepare(page, Variety(200), bench.tokens, bench.upstreams.products, seed=1)
    await asyncio.to_thread(capacity_of, bench, server, wanted, 5.0)
    before = await asyncio.to_thread(capacity_of, bench, server, wanted, 8.0)
    crowd = Crowd(server.address)
    requests = [crowd.write(each) for each in wanted]
    quiet_per_s = QUIET_SHARE * before.per_s
    healthy = await crowd.ask_evenly(requests, quiet_per_s, 5.0)
    tell("quiet", healthy, 5.0)
    meter = Meter(server.process.pid)
    async with watching_memory(server) as megabytes:
        overloaded = await crowd.ask_evenly(requests, factor * before.per_s, seconds)
    used_s, others = meter.read()
    tell("overload", overloaded, seconds)
    recovered_s = await recovery_s(crowd, requests, quiet_per_s, healthy.quantile_ms(0.5))
    crowd.close()
    after = await asyncio.to_thread(capacity_of, bench, server, wanted, 8.0)
    goodput = Rate(overloaded.seen["page"] / seconds, overloaded.seen["page"] / used_s)
    for name, rate in (("capacity before", before), ("goodput", goodput), ("capacity after", after)):
        print(f"{name}: {rate.per_s:.0f}/s, {rate.per_cpu_s:.0f} per second of CPU")
    share = goodput.per_cpu_s / ((before.per_cpu_s + after.per_cpu_s) / 2)
    print(f"goodput is {share:.0%} of capacity per second of CPU; others took {others:.0%} of the core")
    print(
        f"memory {megabytes[0]:.0f} MB at the start, {max(megabytes):.0f} MB at most, {megabytes[-1]:.0f} MB at the end"
    )
    print(f"recovered {recovered_s:.1f} s after the load")


def tell(name: str, answers: Answers, seconds: float) -> None:
    """One line per phase. `late` says by how much the sender itself fell behind at worst."""
    print(
        f"{name}: sent {answers.begun / seconds:.0f}/s, {dict(answers.seen)}, p50 {answers.quantile_ms(0.5):.0f} ms, "
        f"p99 {answers.quantile_ms(0.99):.0f} ms, sender late {answers.late_s * 1e3:.0f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the overload (default: %(default)s)")
    parser.add_argument("--factor", type=float, default=2.0, help="of the capacity (default: %(default)s)")
    parser.add_argument("--page", default="product", help="listing, product or home (default: %(default)s)")
    arguments = parser.parse_args()
    print(describe_machine())
    tape = ready_tape()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, open_upstreams() as upstreams:
        bench = Bench(upstreams, Path(folder), write_tokens(tape.with_suffix(".key.json"), Path(folder), 1))
        with bench.serving(read_table().named(["gateway"]), more=OWN) as (server,):
            asyncio.run(measure(bench, server, arguments.page, arguments.factor, arguments.seconds))


if __name__ == "__main__":
    main()
