"""Figures in documents: `python -m benchmarks.figures` writes them anew from the results that they name.

A document holds `<!-- figures: <result>, <scenario>, <connections> [, signed in] -->` and, on a later line,
`<!-- end of figures -->`; what stands between is made here. A test compares, so no figure can be stale or invented.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from benchmarks.harness.report import Result, fewest_rounds, told_rounds
from benchmarks.harness.rounds import Row
from benchmarks.harness.table import BENCHMARKS, ROOT, read_table

RESULTS = BENCHMARKS / "results"
WORTH_TELLING = 0.005
DOCUMENTS = (ROOT / "README.md", BENCHMARKS / "README.md")
_BLOCK = re.compile(r"(<!-- figures: (.+?) -->\n)(.*?)(<!-- end of figures -->)", re.DOTALL)


@dataclass(frozen=True)
class Wanted:
    """Which figures a document shows. Scenarios have commas in their names, so the whole is read from both ends."""

    result: str
    scenario: str
    connections: int
    signed_in: bool

    def among(self, rows: Sequence[Row]) -> list[Row]:
        wanted = (self.scenario, self.connections, self.signed_in)
        return [row for row in rows if (row.scenario, row.connections, row.signed_in) == wanted]


def read_wanted(text: str) -> Wanted:
    """Read `2026-11-22-all, warm, regular customers, 64, signed in`; raises ValueError."""
    parts = [part.strip() for part in text.split(",")]
    signed_in = parts[-1] == "signed in"
    if signed_in:
        parts.pop()
    if len(parts) < 3 or not parts[-1].isdigit():  # noqa: PLR2004
        raise ValueError(f"expected `<result>, <scenario>, <connections>[, signed in]`, got {text!r}")
    return Wanted(parts[0], ", ".join(parts[1:-1]), int(parts[-1]), signed_in)


def read_result(name: str) -> Result:
    return msgspec.json.decode((RESULTS / f"{name}.json").read_bytes(), type=Result)


def renewed(document: str) -> str:
    """The document with all its figures made anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}{made(read_wanted(found[2]))}{found[4]}", document)


def outside(document: str) -> str:
    """What of a document is not made here."""
    return _BLOCK.sub("", document)


def made(wanted: Wanted) -> str:
    """The table between the two comments."""
    result = read_result(wanted.result)
    rows = wanted.among(result.medians)
    if not rows:
        raise ValueError(f"expected figures of {wanted} in the result, got none")
    return "\n".join(("", *summary(rows), "", *about(result, wanted.among(result.rows)), ""))


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """CPU per page with its ratio to ours and the median latency: contenders down, pages across."""
    titles = {name: it.title for name, it in read_table().contenders.items()}
    pages = list(dict.fromkeys(row.page for row in rows))
    by_place = {(row.contender, row.page): row for row in rows}
    ours = next(iter(rows)).contender
    yield f"| CPU per page, p50 | {' | '.join(pages)} | calls per {pages[0]} |"
    yield "|---|" + "---:|" * (len(pages) + 1)
    for contender in dict.fromkeys(row.contender for row in rows):
        cells = [shown(by_place.get((contender, page)), by_place[ours, page]) for page in pages]
        first = by_place.get((contender, pages[0]))
        yield f"| {titles.get(contender, contender)} | {' | '.join(cells)} | {f'{first.calls:.1f}' if first else ''} |"


def shown(row: Row | None, ours: Row) -> str:
    if row is None:
        return ""
    refused = f", {row.refused:.0%} refused" if row.refused >= WORTH_TELLING else ""
    return f"{row.cpu_us:,.0f} us ({row.cpu_us / ours.cpu_us:.2f}), {row.p50_ms:,.1f} ms{refused}"


def about(result: Result, runs: Sequence[Row]) -> Iterator[str]:
    """The machine, and the load and number of the runs behind a table."""
    machine = result.machine
    loads = [row.load_average for row in runs]
    yield (
        f"{machine.processor}, one core for the server; Python {machine.python} {machine.python_build}, Node "
        f"{machine.node}; {result.written[:10]}, load average {min(loads):.1f} to {max(loads):.1f}. "
        f"{told_rounds(fewest_rounds(runs))} In brackets: the ratio to the first line."
    )


def main() -> int:
    for path in DOCUMENTS:
        before = path.read_text()
        after = renewed(before)
        if after != before:
            path.write_text(after)
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
