"""Measure contenders side by side: `python -m benchmarks.run [scenario ...]`.

Prints Markdown and writes it, with JSON beside it, to `benchmarks/results/<date>-<name>`.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.experiments import EXPERIMENTS
from benchmarks.harness.checking import compare, samples
from benchmarks.harness.machine import describe_machine
from benchmarks.harness.report import make_result, write
from benchmarks.harness.rounds import Row
from benchmarks.harness.servers import Bench, write_tokens
from benchmarks.harness.table import BENCHMARKS, Table, read_table
from benchmarks.harness.upstreams import PRODUCTS, USUAL_MS, open_upstreams, ready_tape
from benchmarks.scenarios import CUSTOMERS, SCENARIOS, Effort

RESULTS = BENCHMARKS / "results"
_STARTED = time.monotonic()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that everything started is stopped
    arguments = parse()
    table = read_table()
    with open_bench(arguments.products) as bench:
        if arguments.zero:
            bench.upstreams.set_latencies(dict.fromkeys(USUAL_MS, 0.0))
        keep_bytes(bench, table)
        return check(bench, table) if arguments.check else run(bench, table, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.run", description=__doc__)
    known = [*SCENARIOS, *EXPERIMENTS]
    parser.add_argument("scenarios", nargs="*", default=["quick"], metavar="scenario", help=f"all, or {known}")
    parser.add_argument("--check", action="store_true", help="only compare the answers of all contenders")
    parser.add_argument("--name", default="run", help="name of the result (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run (default: %(default)s)")
    parser.add_argument("--connections", default="1,16,64", help="(default: %(default)s)")
    parser.add_argument("--pages", default="listing,product,home", help="(default: %(default)s)")
    parser.add_argument("--products", type=int, default=12 * PRODUCTS, help="size of the catalogue")
    parser.add_argument("--zero", action="store_true", help="upstreams answer at once")
    arguments = parser.parse_args()
    if arguments.scenarios == ["all"]:
        arguments.scenarios = [name for name in known if name != "quick"]
    if unknown := set(arguments.scenarios) - set(known):
        parser.error(f"expected scenarios among {', '.join(known)}, got {', '.join(sorted(unknown))}")
    return arguments


@contextmanager
def open_bench(products: int = 12 * PRODUCTS) -> Iterator[Bench]:
    """The upstreams, a temporary folder and signed tokens."""
    tape = ready_tape()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, open_upstreams(products) as upstreams:
        tokens = write_tokens(tape.with_suffix(".key.json"), Path(folder), CUSTOMERS)
        yield Bench(upstreams, Path(folder), tokens)


def keep_bytes(bench: Bench, table: Table) -> None:
    """Write down our own pages for the contenders that answer ready bytes."""
    with bench.serving(table.named(["gateway"])) as (ours,):
        for request in samples(bench):
            file = bench.folder / f"{request.page}.json"
            if not file.exists():
                file.write_bytes(ours.ask(request))


def check(bench: Bench, table: Table) -> int:
    """Compare everybody's answers with those of the reference executor."""
    names = ["gateway-reference", *(name for name, it in table.contenders.items() if it.keeps != "bytes")]
    with bench.serving(table.named(names)) as servers:
        found = compare(servers, samples(bench))
    for each in found:
        print(f"{each.contender}: {each.request.page} {each.request.variables}: {each.place}")
    print(f"{len(servers)} contenders, {len(samples(bench))} pages each, {len(found)} differences")
    return 1 if found else 0


def run(bench: Bench, table: Table, arguments: argparse.Namespace) -> int:
    effort = Effort(
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        connections=tuple(map(int, arguments.connections.split(","))),
        pages=tuple(arguments.pages.split(",")),
    )
    machine, rows, facts = describe_machine(), list[Row](), {}
    try:
        for name in arguments.scenarios:
            if name in EXPERIMENTS:
                facts[name] = EXPERIMENTS[name](bench, table, effort.rounds)
            else:
                rows += SCENARIOS[name](bench, table, effort, tell)
    finally:  # what was measured before somebody stopped the run is kept
        if rows or facts:
            print(write(make_result(arguments.name, machine, rows, facts), RESULTS, table.contenders).read_text())
    return 0


def tell(row: Row) -> None:
    """One line per run while it runs."""
    print(
        f"{time.monotonic() - _STARTED:4.0f} s "
        f"{row.scenario}, {row.round}: {row.page} {row.connections:>3} {row.contender:<18} {row.cpu_us:8,.0f} us "
        f"{row.per_s:7,.0f}/s p50 {row.p50_ms:7.1f} ms calls {row.calls:5.2f} refused {row.refused:.1%} "
        f"others {row.others:.0%} load {row.load_average:.1f}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
