"""Results as Markdown for people and as JSON for the tests that hold documents to them."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.harness.machine import Machine
from benchmarks.harness.rounds import Row, medians
from benchmarks.harness.table import Contender


class Result(msgspec.Struct, frozen=True):
    """Everything of one run. `facts` are figures that are no load runs, by scenario."""

    name: str
    written: str
    machine: Machine
    rows: list[Row]
    medians: list[Row]
    facts: dict[str, list[dict[str, Any]]] = {}


def fewest_rounds(rows: Sequence[Row]) -> int:
    """The fewest rounds that any figure of these is a median of."""
    runs = Counter((row.scenario, row.page, row.signed_in, row.connections, row.tiles, row.contender) for row in rows)
    return min(runs.values(), default=0)


def make_result(name: str, machine: Machine, rows: list[Row], facts: Mapping[str, list[dict[str, Any]]]) -> Result:
    written = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return Result(name, written, machine, rows, medians(rows), dict(facts))


def write(result: Result, folder: Path, titles: Mapping[str, Contender]) -> Path:
    """Write `<date>-<name>.json` and `.md`; returns the latter."""
    base = folder / f"{result.written[:10]}-{result.name}"
    base.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    page = base.with_suffix(".md")
    page.write_text("\n".join(lines(result, titles)) + "\n")
    return page


def lines(result: Result, titles: Mapping[str, Contender]) -> Iterator[str]:
    yield f"# {result.name}, {result.written[:10]}"
    yield ""
    yield from about(result)
    for scenario in dict.fromkeys(row.scenario for row in result.medians):
        yield from of_scenario([row for row in result.medians if row.scenario == scenario], titles)
    for scenario, facts in result.facts.items():
        yield from of_facts(scenario, facts)


def about(result: Result) -> Iterator[str]:
    machine = result.machine
    loads = [row.load_average for row in result.rows] or list(machine.load_average)
    yield (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gb} GB, Linux {machine.kernel}; Python "
        f"{machine.python} ({machine.python_build}), Node {machine.node}; commit {machine.commit}. Load average "
        f"{min(loads):.1f} to {max(loads):.1f}. {told_rounds(fewest_rounds(result.rows))}"
    )
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in machine.packages.items()) + "."


def told_rounds(rounds: int) -> str:
    return f"Medians of {rounds} rounds." if rounds > 1 else "One round."


def of_scenario(rows: Sequence[Row], titles: Mapping[str, Contender]) -> Iterator[str]:
    """One table per page and load."""
    loads = dict.fromkeys((row.page, row.signed_in, row.connections, row.tiles) for row in rows)
    for page, signed_in, connections, tiles in loads:
        load = (page, signed_in, connections, tiles)
        chosen = [row for row in rows if (row.page, row.signed_in, row.connections, row.tiles) == load]
        asker = "signed in" if signed_in else "anonymous"
        sized = f", {tiles} tiles" if page == "listing" else ""
        yield from ("", f"## {rows[0].scenario}: {page}{sized}, {asker}, {connections} connections", "")
        yield from table(chosen, titles)


COLUMNS = (
    "contender", "CPU us/page", "ratio", "pages/s", "p50 ms", "p99 ms", "calls/page", "refused", "RSS MB", "others",
    "load",
)  # fmt: skip


def table(rows: Sequence[Row], titles: Mapping[str, Contender]) -> Iterator[str]:
    """The first row is what the ratios are relative to."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|" + "---:|" * (len(COLUMNS) - 1)
    for row in rows:
        title = titles[row.contender].title if row.contender in titles else row.contender
        cells = (
            title,
            f"{row.cpu_us:,.0f}",
            f"{row.cpu_us / rows[0].cpu_us:.2f}" if rows[0].cpu_us else "",
            f"{row.per_s:,.0f}",
            f"{row.p50_ms:,.1f}",
            f"{row.p99_ms:,.1f}",
            f"{row.calls:.2f}",
            f"{row.refused:.1%}",
            f"{row.resident_mb:.0f}",
            f"{row.others:.0%}",
            f"{row.load_average:.1f}",
        )
        yield f"| {' | '.join(cells)} |"


def of_facts(scenario: str, facts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    several = list(facts)
    if not several:
        return
    names = list(dict.fromkeys(name for fact in several for name in fact))
    yield from ("", f"## {scenario}", "", f"| {' | '.join(names)} |", "|---|" + "---:|" * (len(names) - 1))
    for fact in several:
        yield f"| {' | '.join(shown(fact.get(name, '')) for name in names)} |"


def shown(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
