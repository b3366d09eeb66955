"""Twice the capacity for a minute: `python -m benchmarks.overload`.

Gateway processes without memory on core 0, upstreams and clients on core 1. Capacity is what visitors
get who ask, pause and ask again, so many that a process is never idle, of one that sends nobody away.
Overload is requests at an even pace, of `--factor` times the capacity, whether or not the earlier ones
are answered, of one with its door as usual. The pace follows the capacity of a whole core, also where
neighbours leave the server only a part of it.

First, rounds: capacity, quiet and overload in turn, a few seconds each, of which the medians of the
ratios are told. Then one long overload: errors, memory, and how long after it the pages come as they did
before, all of them whole and within twice their usual time, for a second.

Goodput is whole pages per second of CPU that the server got. Pages per second of the clock would count
how much of the core the neighbours took. They change the figure all the same: a server that is held up
finds more requests waiting, and makes fewer and larger calls for them. So rounds are left out in which
others took more than `--others` of the core, and what they took is told beside all. For the same reason
visitors pause: without pauses they march in step, share calls as no crowd does, and get a third more.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.harness.machine import describe_machine
from benchmarks.harness.pace import Answers, Crowd
from benchmarks.harness.processes import Meter, resident_mb
from benchmarks.harness.servers import Bench, Server
from benchmarks.harness.table import read_table
from benchmarks.harness.traffic import Request, Variety, prepare
from benchmarks.run import open_bench

QUIET_SHARE = 0.4
WARM_UP_S, QUIET_S, PHASE_S = 3.0, 3.0, 6.0
PAUSE_S = 0.25
RECOVERED_WITHIN_S = 30
OWN = {"GATEWAY_TELEMETRY__OPERATION_LINES": "none", "GATEWAY_LIMITS__SHEDS_LOAD": "true"}
DOORLESS = {**OWN, "GATEWAY_LIMITS__SHEDS_LOAD": "false"}


@dataclass(frozen=True)
class Phase:
    """What came of a few seconds. `used_s` is the CPU time of the server, `others` what neighbours took of its core."""

    name: str
    answers: Answers
    seconds: float
    used_s: float
    others: float

    @property
    def per_cpu_s(self) -> float:
        """Whole pages per second of CPU."""
        return self.answers.seen["page"] / self.used_s

    def tell(self) -> None:
        """One line. `sender late` is by how much the sender itself fell behind at worst."""
        answers = self.answers
        print(
            f"{self.name}: asked {answers.begun / self.seconds:.0f}/s, {dict(answers.seen)}, p50 "
            f"{answers.quantile_ms(0.5):.0f} ms, p99 {answers.quantile_ms(0.99):.0f} ms; {self.per_cpu_s:.0f} pages "
            f"per second of CPU, which had {self.used_s / self.seconds:.0%} of the core and others {self.others:.0%}; "
            f"sender late {answers.late_s * 1e3:.0f} ms",
            flush=True,
        )


@dataclass(frozen=True)
class Round:
    """The same server three times within seconds."""

    quiet: Phase
    capacity: Phase
    overload: Phase

    @property
    def goodput(self) -> float:
        """The overload's share of the capacity."""
        return self.overload.per_cpu_s / self.capacity.per_cpu_s

    @property
    def slowdown(self) -> float:
        """How many times longer a page takes in the overload than in quiet."""
        return self.overload.answers.quantile_ms(0.5) / self.quiet.answers.quantile_ms(0.5)

    @property
    def others(self) -> float:
        """The most that neighbours took."""
        return max(phase.others for phase in (self.quiet, self.capacity, self.overload))


class Visitors:
    """Who asks one server."""

    def __init__(self, server: Server, prepared: Sequence[Request]) -> None:
        self.server = server
        self.crowd = Crowd(server.address)
        self.requests = [self.crowd.write(each) for each in prepared]

    async def in_turn(self, clients: int, seconds: float) -> Phase:
        """So many who ask, pause and ask again."""
        meter = Meter(self.server.process.pid)
        answers = await self.crowd.ask_in_turn(self.requests, clients, seconds, PAUSE_S)
        return Phase("capacity", answers, seconds, *meter.read())

    async def at_pace(self, name: str, per_s: float, seconds: float) -> Phase:
        """So many a second."""
        meter = Meter(self.server.process.pid)
        answers = await self.crowd.ask_evenly(self.requests, per_s, seconds)
        return Phase(name, answers, seconds, *meter.read())


async def run_round(doorless: Visitors, usual: Visitors, clients: int, factor: float) -> Round:
    """Capacity first: it says what the pace of the others is."""
    capacity = await doorless.in_turn(clients, PHASE_S)
    quiet = await usual.at_pace("quiet", QUIET_SHARE * capacity.per_cpu_s, QUIET_S)
    overload = await usual.at_pace("overload", factor * capacity.per_cpu_s, PHASE_S)
    for phase in (capacity, quiet, overload):
        phase.tell()
    return Round(quiet, capacity, overload)


def tell_rounds(rounds: Sequence[Round], most_others: float) -> None:
    """Medians over the rounds that had the core mostly to themselves."""
    alone = [each for each in rounds if each.others <= most_others]
    print(f"{len(alone)} of {len(rounds)} rounds had the core mostly to themselves")
    if alone:
        goodput, slowdown = ([getattr(each, name) for each in alone] for name in ("goodput", "slowdown"))
        print(
            f"goodput is {statistics.median(goodput):.0%} of capacity per second of CPU ({min(goodput):.0%} to "
            f"{max(goodput):.0%}); a page takes {statistics.median(slowdown):.1f} times as long as in quiet"
        )


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


async def recovery_s(visitors: Visitors, quiet: Phase) -> float:
    """Seconds until a second goes by as it did before the overload."""
    began = time.monotonic()
    while (passed_s := time.monotonic() - began) < RECOVERED_WITHIN_S:
        answers = await visitors.crowd.ask_evenly(visitors.requests, quiet.answers.begun / quiet.seconds, 1.0)
        if set(answers.seen) == {"page"} and answers.quantile_ms(0.5) <= 2 * quiet.answers.quantile_ms(0.5):
            return passed_s
    return float("inf")


async def overload_long(visitors: Visitors, before: Round, factor: float, seconds: float) -> None:
    """One long overload, and what is left of it afterwards."""
    async with watching_memory(visitors.server) as megabytes:
        overload = await visitors.at_pace("overload", factor * before.capacity.per_cpu_s, seconds)
    overload.tell()
    recovered_s = await recovery_s(visitors, before.quiet)
    print(
        f"memory {megabytes[0]:.0f} MB at the start, {max(megabytes):.0f} MB at most, {megabytes[-1]:.0f} MB at the end"
    )
    print(f"recovered {recovered_s:.1f} s after the load")


async def measure(bench: Bench, servers: Sequence[Server], told: argparse.Namespace) -> None:
    """Rounds, and the long overload at the pace of the last of them."""
    prepared = prepare(told.page, Variety(told.questions), bench.tokens, bench.upstreams.products, seed=1)
    doorless, usual = (Visitors(server, prepared) for server in servers)
    for each in (doorless, usual):
        await each.in_turn(told.clients // 4, WARM_UP_S)
    rounds = [await run_round(doorless, usual, told.clients, told.factor) for _ in range(told.rounds)]
    tell_rounds(rounds, told.others)
    if told.seconds:
        await overload_long(usual, rounds[-1], told.factor, told.seconds)
    for each in (doorless, usual):
        each.crowd.close()


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the long overload (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of a few seconds before it (default: %(default)s)")
    parser.add_argument("--factor", type=float, default=2.0, help="of the capacity (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=96, help="who ask, pause and ask again (default: %(default)s)")
    parser.add_argument("--page", default="product", help="listing, product or home (default: %(default)s)")
    parser.add_argument("--questions", type=int, default=200, help="different pages (default: %(default)s)")
    parser.add_argument("--contender", default="gateway", help="or gateway-warm (default: %(default)s)")
    parser.add_argument("--others", type=float, default=0.25, help="most of the core for neighbours in a round")
    told = parser.parse_args()
    print(describe_machine())
    with open_bench() as bench:
        named = read_table().named([told.contender])
        with bench.serving(named, more=DOORLESS) as (doorless,), bench.serving(named, more=OWN) as (usual,):
            asyncio.run(measure(bench, (doorless, usual), told))


if __name__ == "__main__":
    main()
