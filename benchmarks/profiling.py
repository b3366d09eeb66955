"""Where a page's time goes: `python -m benchmarks.profiling --page listing --cache warm`.

Samples the serving process with py-spy under load, prints microseconds by layer and by function, and
writes a flame graph to `benchmarks/results/profiles/`, which https://www.speedscope.app opens.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.harness.layers import Stack, as_speedscope, by_function, by_layer, read_stacks
from benchmarks.harness.processes import LOAD_CORE, Meter
from benchmarks.harness.servers import Bench
from benchmarks.harness.table import read_table
from benchmarks.harness.traffic import Sent, Variety, prepare, send
from benchmarks.run import RESULTS, open_bench
from benchmarks.scenarios import FEW, MANY, PAGES, REGULARS, warm_up

PROFILES = RESULTS / "profiles"
SAMPLES_PER_S = 200
WARM_S = 6.0
SHOWN_FUNCTIONS = 30
SERVERS = {"off": "gateway", "warm": "gateway-warm"}


@dataclass(frozen=True)
class Profile:
    """Stacks of one run, CPU per page while sampled, and what the load saw."""

    stacks: list[Stack]
    cpu_us: float
    sent: Sent


def main() -> int:
    arguments = parse()
    sampler = shutil.which("py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if sampler is None:
        print("profiling: expected py-spy beside the interpreter or on PATH; try: pip install py-spy", file=sys.stderr)
        return 1
    with open_bench(arguments.products) as bench:
        profile = take(bench, sampler, arguments)
    name = f"{arguments.page}-{arguments.cache}{'-signed-in' if arguments.signed_in else ''}"
    PROFILES.mkdir(parents=True, exist_ok=True)
    graph = PROFILES / f"{name}.speedscope.json"
    graph.write_bytes(msgspec.json.encode(as_speedscope(name, profile.stacks)))
    report(name, profile)
    print(f"\nFlame graph: {graph}")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.profiling", description=__doc__)
    parser.add_argument("--page", choices=PAGES, default="listing")
    parser.add_argument("--cache", choices=SERVERS, default="warm", help="(default: %(default)s)")
    parser.add_argument("--signed-in", action="store_true", help="16 regular customers instead of visitors")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--products", type=int, default=4800)
    return parser.parse_args()


def take(bench: Bench, sampler: str, arguments: argparse.Namespace) -> Profile:
    """Run the load and sample the server meanwhile."""
    questions = (FEW if arguments.cache == "warm" else MANY)[arguments.page]
    variety = Variety(questions, REGULARS if arguments.signed_in else 0, are_regulars=True)
    with bench.serving(read_table().named([SERVERS[arguments.cache]])) as (server,):
        warm_up(bench, [server], {arguments.page: variety}, WARM_S)
        raw = bench.folder / "stacks.txt"
        sampling = start_sampler(sampler, server.process.pid, arguments.seconds, raw)
        requests = prepare(arguments.page, variety, bench.tokens, bench.upstreams.products, seed=2)
        meter = Meter(server.process.pid)
        sent = send(requests, server.address, arguments.connections, arguments.seconds + 1, bench.folder)
        used_s, _ = meter.read()
        sampling.wait()
        return Profile(read_stacks(raw.read_text()), used_s / max(sent.good, 1) * 1e6, sent)


def start_sampler(sampler: str, pid: int, seconds: int, raw: Path) -> subprocess.Popen[bytes]:
    words = ["taskset", "-c", str(LOAD_CORE), sampler, "record", "--pid", str(pid), "--rate", str(SAMPLES_PER_S)]
    return subprocess.Popen(
        [*words, "--format", "raw", "--duration", str(seconds), "--output", str(raw)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def report(name: str, profile: Profile) -> None:
    total = sum(stack.samples for stack in profile.stacks)
    print(
        f"# {name}: {profile.cpu_us:,.0f} us CPU per page, {profile.sent.good / profile.sent.seconds:,.0f} pages/s, "
        f"{profile.sent.bad} refused, {total} samples, load average {os.getloadavg()[0]:.1f}"
    )
    table("layer", by_layer(profile.stacks), total, profile.cpu_us)
    table("function", Counter(dict(by_function(profile.stacks).most_common(SHOWN_FUNCTIONS))), total, profile.cpu_us)


def table(title: str, counted: Counter[str], total: int, cpu_us: float) -> None:
    print(f"\n| {title} | us/page | share |\n|---|---:|---:|")
    for place, samples in counted.most_common():
        print(f"| {place} | {samples / total * cpu_us:,.0f} | {samples / total:.1%} |")


if __name__ == "__main__":
    sys.exit(main())
