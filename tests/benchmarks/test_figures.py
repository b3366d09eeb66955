import re
from pathlib import Path

import msgspec
import pytest

from benchmarks.figures import DOCUMENTS, RESULTS, Wanted, outside, read_wanted, renewed
from benchmarks.harness.report import Result, lines
from benchmarks.harness.table import read_table

FIGURE = re.compile(r"\d\s*(us|µs|ms|pages/s|requests/s|req/s)\b")
KEPT = sorted(RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_figures_in_documents_are_those_of_the_results(path: Path) -> None:
    """Every figure was measured; `python -m benchmarks.figures` writes them anew."""
    document = path.read_text()
    assert renewed(document) == document


def test_the_readme_claims_no_speed_of_its_own() -> None:
    """A time or a rate stands only in a table that is made from results."""
    readme = next(path for path in DOCUMENTS if path.parent.name != "benchmarks")
    assert FIGURE.findall(outside(readme.read_text())) == []


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_results_are_whole(path: Path) -> None:
    """A result says on which machine it was measured, and its page shows the same figures."""
    result = msgspec.json.decode(path.read_bytes(), type=Result)
    assert result.machine.processor
    assert result.machine.python_build
    assert path.with_suffix(".md").read_text() == "\n".join(lines(result, read_table().contenders)) + "\n"


def test_what_a_document_wants_may_have_commas_in_its_name() -> None:
    """Scenarios are named in words."""
    assert read_wanted("2026-11-22-all, warm, regular customers, 64, signed in") == Wanted(
        "2026-11-22-all", "warm, regular customers", 64, signed_in=True
    )


@pytest.mark.parametrize("text", ["", "2026-11-22-all", "2026-11-22-all, uncached", "2026-11-22-all, uncached, many"])
def test_a_block_that_names_nothing_is_refused(text: str) -> None:
    """A slip in a comment is told, not passed over."""
    with pytest.raises(ValueError, match="expected `<result>, <scenario>, <connections>"):
        read_wanted(text)
