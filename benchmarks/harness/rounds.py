"""Interleaved rounds: every contender under the same load in turn, so that a noisy neighbour hits all alike."""

import os
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from benchmarks.harness.processes import Meter, resident_mb, wait_idle
from benchmarks.harness.servers import Bench, Server
from benchmarks.harness.traffic import Variety, prepare, send

FEWEST_PER_CONNECTION = 4
LONGEST_S = 12.0
NOISY = 0.25
ATTEMPTS = 2


@dataclass(frozen=True)
class Load:
    """What is sent in one run; `lead_s` is how long it is sent before without being measured."""

    page: str
    variety: Variety
    connections: int
    seconds: float = 3.0
    lead_s: float = 0.0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one contender. `others` is the share of the server's core that went to other programs,
    `load_average` that of the whole machine; `refused` answers were not pages and count in no other figure.
    """

    scenario: str
    contender: str
    page: str
    signed_in: bool
    connections: int
    tiles: int
    round: int
    cpu_us: float
    per_s: float
    p50_ms: float
    p99_ms: float
    calls: float
    items: float
    refused: float
    resident_mb: float
    others: float
    load_average: float


def measure(bench: Bench, scenario: str, server: Server, load: Load, number: int) -> Row:
    """Run the load against one server; longer when too few pages came, again when others took its core."""
    seconds, row = load.seconds, None
    for _ in range(ATTEMPTS):
        row, good = run_once(bench, scenario, server, load, number, seconds)
        if good < FEWEST_PER_CONNECTION * load.connections:
            seconds = long_enough(seconds, good, FEWEST_PER_CONNECTION * load.connections)
        elif row.others < NOISY:
            break
    assert row is not None
    return row


def long_enough(seconds: float, good: int, wanted: int) -> float:
    """How long to run for the wanted number of pages, a fifth longer than it looks, after so many in `seconds`."""
    return min(LONGEST_S, 1.2 * seconds * wanted / max(good, 1))


def run_once(bench: Bench, scenario: str, server: Server, load: Load, number: int, seconds: float) -> tuple[Row, int]:
    requests = prepare(load.page, load.variety, bench.tokens, bench.upstreams.products, seed=number)
    if load.lead_s:
        send(requests, server.address, load.connections, load.lead_s, bench.folder)
    wait_idle(server.pids)
    bench.upstreams.forget()
    meter = Meter(server.process.pid)
    sent = send(requests, server.address, load.connections, seconds, bench.folder)
    used_s, others = meter.read()
    counted = bench.upstreams.counted().values()
    pages = max(sent.good, 1)
    row = Row(
        scenario=scenario,
        contender=server.contender.name,
        page=load.page,
        signed_in=load.variety.customers > 0,
        connections=load.connections,
        tiles=load.variety.tiles,
        round=number,
        cpu_us=used_s / pages * 1e6,
        per_s=sent.good / sent.seconds,
        p50_ms=sent.p50_ms,
        p99_ms=sent.p99_ms,
        calls=sum(each.calls for each in counted) / pages,
        items=sum(each.items for each in counted) / pages,
        refused=sent.bad / max(sent.requests, 1),
        resident_mb=resident_mb(server.pids),
        others=others,
        load_average=os.getloadavg()[0],
    )
    return row, sent.good


def interleave(
    bench: Bench,
    scenario: str,
    servers: Sequence[Server],
    loads: Iterable[Load],
    rounds: int,
    tell: Callable[[Row], None],
) -> list[Row]:
    """All loads in all rounds, each time beginning with another contender."""
    rows = []
    several = list(loads)
    for number in range(rounds):
        first = number % len(servers)
        for load in several:
            for server in (*servers[first:], *servers[:first]):
                row = measure(bench, scenario, server, load, number)
                tell(row)
                rows.append(row)
    return rows


MEDIANS = ("cpu_us", "per_s", "p50_ms", "p99_ms", "calls", "items", "refused", "resident_mb", "others", "load_average")


def medians(rows: Sequence[Row]) -> list[Row]:
    """One row per contender and load: the median of each figure over the rounds."""
    runs: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        key = (row.scenario, row.page, row.signed_in, row.connections, row.tiles, row.contender)
        runs.setdefault(key, []).append(row)
    return [
        msgspec.structs.replace(
            run[0], **{name: statistics.median(getattr(row, name) for row in run) for name in MEDIANS}
        )
        for run in runs.values()
    ]
