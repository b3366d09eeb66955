"""What one system that hangs costs the pages that do not need it: `python -m benchmarks.resilience`.

One gateway process without memory on core 0, upstreams and clients on core 1. Healthy and hanging
rounds alternate, under the same requests: a hundred home pages a second, and listings, which need
five other systems, at a third of what the process could do. In a hanging round the recommender never
answers. Home pages share a call, which is given up after three seconds: so up to three hundred of them
wait at a time, half as many on average.
"""

import argparse
import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.machine import describe_machine
from benchmarks.harness.pace import Answers, Crowd
from benchmarks.harness.processes import wait_idle
from benchmarks.harness.servers import Bench, Server, write_tokens
from benchmarks.harness.table import read_table
from benchmarks.harness.traffic import Request, Variety, prepare, send
from benchmarks.harness.upstreams import NEVER_MS, USUAL_MS, open_upstreams, ready_tape

HOMES_PER_S, FILLING_S = 100, 1.5
HANGING = "recommendations.blocks"
OWN = {
    # No end before a round's: so the 300 are under way for all of it.
    "GATEWAY_UPSTREAMS__RECOMMENDATIONS__TIMEOUT_S": "20",
    "GATEWAY_UPSTREAMS__RECOMMENDATIONS__HAS_BREAKER": "false",
    "GATEWAY_TELEMETRY__OPERATION_LINES": "none",
}


@dataclass(frozen=True)
class Round:
    """What visitors of listings saw, and how many home pages were under way beside them, looked at now and then."""

    listings: Answers
    under_way: list[int]


async def run_round(bench: Bench, crowd: Crowd, per_s: float, seconds: float, *, hangs: bool) -> Round:
    """Home pages come at one pace and listings at another; only the recommender differs between rounds."""
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
    return Round(await asked, under_way)


async def measure(bench: Bench, server: Server, rounds: int, seconds: float) -> None:
    """Alternate, and tell the ratio of the medians."""
    listings = prepare("listing", Variety(200), bench.tokens, bench.upstreams.products, seed=0)
    await asyncio.to_thread(send, listings, server.address, 16, 3.0, bench.folder)
    per_s = (await asyncio.to_thread(send, listings, server.address, 16, 3.0, bench.folder)).good / 3.0 / 3
    p99_ms: dict[bool, list[float]] = {False: [], True: []}
    crowd = Crowd(server.address)
    for number in range(2 * rounds):
        hangs = bool(number % 2)
        ran = await run_round(bench, crowd, per_s, seconds, hangs=hangs)
        tell("hanging" if hangs else "healthy", ran)
        p99_ms[hangs].append(ran.listings.quantile_ms(0.99))
        wait_idle(server.pids)
    crowd.close()
    before, after = statistics.median(p99_ms[False]), statistics.median(p99_ms[True])
    print(
        f"p99 of listings at {per_s:.0f}/s: healthy {before:.1f} ms, hanging {after:.1f} ms: {after / before:.2f} times"
    )


def tell(name: str, ran: Round) -> None:
    """One line per round."""
    answers = ran.listings
    print(
        f"{name}: {dict(answers.seen)} p50 {answers.quantile_ms(0.5):.1f} ms p99 {answers.quantile_ms(0.99):.1f} ms, "
        f"{max(ran.under_way)} requests under way at most, {statistics.mean(ran.under_way):.0f} on average",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.resilience", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one round (default: %(default)s)")
    arguments = parser.parse_args()
    print(describe_machine())
    tape = ready_tape()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, open_upstreams() as upstreams:
        bench = Bench(upstreams, Path(folder), write_tokens(tape.with_suffix(".key.json"), Path(folder), 1))
        with bench.serving(read_table().named(["gateway"]), more=OWN) as (server,):
            asyncio.run(measure(bench, server, arguments.rounds, arguments.seconds))


if __name__ == "__main__":
    main()
