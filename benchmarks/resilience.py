"""What one system that hangs costs the pages that do not need it: `python -m benchmarks.resilience`.

One gateway process without memory on core 0, upstreams and clients on core 1. Healthy and hanging
rounds alternate, under the same requests: a hundred home pages a second, and listings, which need
five other systems, at a third of what the process could do with a whole core. In a hanging round the
recommender never answers. Home pages share a call, which is given up after three seconds; those who waited
for it are told over the next second and a half, while others wait for the next call: so up to three hundred
of them wait at a time, two hundred on average.

A neighbour who takes the core for a moment makes a few of a round's listings late, which is what a p99
shows. So rounds are short and many, each hanging round is compared with the healthy ones just before and
after it, and the median of these ratios counts; rounds in which neighbours took more than `--others` of
the core are told, and left out.
"""

import argparse
import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.machine import describe_machine
from benchmarks.harness.pace import Answers, Crowd
from benchmarks.harness.processes import Meter, wait_idle
from benchmarks.harness.servers import Bench, Server
from benchmarks.harness.table import read_table
from benchmarks.harness.traffic import Request, Variety, prepare, send
from benchmarks.harness.upstreams import NEVER_MS, USUAL_MS
from benchmarks.run import open_bench

HOMES_PER_S, FILLING_S = 100, 1.5
HANGING = "recommendations.blocks"
OWN = {
    # No end before a round's: so the 300 are under way for all of it.
    "GATEWAY_UPSTREAMS__RECOMMENDATIONS__TIMEOUT_S": "20",
    "GATEWAY_UPSTREAMS__RECOMMENDATIONS__HAS_BREAKER": "false",
    "GATEWAY_TELEMETRY__OPERATION_LINES": "none",
    "GATEWAY_LIMITS__SHEDS_LOAD": "true",
}


@dataclass(frozen=True)
class Round:
    """What visitors of listings saw, and how many home pages were under way beside them, looked at now and then."""

    listings: Answers
    under_way: list[int]
    others: float

    @property
    def p99_ms(self) -> float:
        """Of the listings."""
        return self.listings.quantile_ms(0.99)


async def run_round(bench: Bench, server: Server, crowd: Crowd, per_s: float, seconds: float, *, hangs: bool) -> Round:
    """Home pages come at one pace and listings at another; only the recommender differs between rounds."""
    meter = Meter(server.process.pid)
    bench.upstreams.set_latencies({HANGING: NEVER_MS if hangs else USUAL_MS[HANGING]})
    listings = prepare("listing", Variety(200), bench.tokens, bench.upstreams.products, seed=1)
    homes = asyncio.create_task(crowd.ask_evenly([crowd.write(Request("home", {}))], HOMES_PER_S, FILLING_S + seconds))
    await asyncio.sleep(FILLING_S)
    asked = asyncio.create_task(crowd.ask_evenly([crowd.write(each) for each in listings], per_s, seconds))
    under_way = []
    while not asked.done():
        under_way.append(len(asyncio.all_tasks()))
        await asyncio.sleep(0.1)
    await homes
    return Round(await asked, under_way, meter.read()[1])


async def measure(bench: Bench, server: Server, told: argparse.Namespace) -> None:
    """Alternate, and tell the median of the ratios."""
    listings = prepare("listing", Variety(200), bench.tokens, bench.upstreams.products, seed=0)
    await asyncio.to_thread(send, listings, server.address, 16, 3.0, bench.folder)
    meter = Meter(server.process.pid)
    sent = await asyncio.to_thread(send, listings, server.address, 16, 3.0, bench.folder)
    per_s = sent.good / meter.read()[0] / 3
    crowd = Crowd(server.address)
    ran: list[Round] = []
    for number in range(2 * told.rounds + 1):
        hangs = bool(number % 2)
        ran.append(await run_round(bench, server, crowd, per_s, told.seconds, hangs=hangs))
        tell("hanging" if hangs else "healthy", ran[-1])
        wait_idle(server.pids)
    crowd.close()
    ratios = compare(ran, told.others)
    print(f"listings at {per_s:.0f}/s; {len(ratios)} of {told.rounds} hanging rounds had the core mostly to themselves")
    if ratios:
        print(
            f"p99 while the recommender hangs: {statistics.median(ratios):.2f} times that of the healthy rounds "
            f"beside it ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def compare(ran: Sequence[Round], most_others: float) -> list[float]:
    """The p99 of each hanging round over the mean of its healthy neighbours', where all three were let alone."""
    triples = [ran[number - 1 : number + 2] for number in range(1, len(ran) - 1, 2)]
    return [
        hanging.p99_ms / statistics.mean((before.p99_ms, after.p99_ms))
        for before, hanging, after in triples
        if max(before.others, hanging.others, after.others) <= most_others
    ]


def tell(name: str, ran: Round) -> None:
    """One line per round."""
    answers = ran.listings
    print(
        f"{name}: {dict(answers.seen)} p50 {answers.quantile_ms(0.5):.1f} ms p99 {answers.quantile_ms(0.99):.1f} ms, "
        f"{max(ran.under_way)} requests under way at most, {statistics.mean(ran.under_way):.0f} on average; "
        f"others took {ran.others:.0%} of the core",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.resilience", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="hanging ones (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one round (default: %(default)s)")
    parser.add_argument("--others", type=float, default=0.25, help="most of the core for neighbours in a round")
    told = parser.parse_args()
    print(describe_machine())
    with open_bench() as bench, bench.serving(read_table().named(["gateway"]), more=OWN) as (server,):
        asyncio.run(measure(bench, server, told))


if __name__ == "__main__":
    main()
