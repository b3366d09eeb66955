"""`docs/metrics.md` says what the code does, and the code does what it says."""

import re
from pathlib import Path

from gateway.telemetry.vocabulary import METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.+?) \| (.+) \|$", re.MULTILINE)
MENTIONED = re.compile(r"\b((?:gateway|process)_[a-z_]+)\b")
OF_HISTOGRAMS = re.compile(r"_(?:count|sum|bucket)$")


def test_every_metric_stands_in_the_table() -> None:
    """All of the vocabulary with kind, labels and meaning, in the code's order, and none that is not there."""
    written = [(name, kind, labels, about) for name, kind, labels, about in ROW.findall(PAGE)]
    assert written == [
        (metric.name, metric.kind, ", ".join(f"`{label}`" for label in metric.labels) or "-", metric.help)
        for metric in METRICS.values()
    ]


def test_every_metric_in_the_text_exists() -> None:
    """What the text explains can be asked for."""
    said = {OF_HISTOGRAMS.sub("", name) for name in MENTIONED.findall(PAGE)}
    assert said - METRICS.keys() == set()


def test_names_follow_prometheus() -> None:
    """Counters end in _total, nothing else does, and only histograms have bounds."""
    assert {m.name for m in METRICS.values() if m.kind == "counter"} == {n for n in METRICS if n.endswith("_total")}
    assert {m.name for m in METRICS.values() if m.bounds} == {m.name for m in METRICS.values() if m.kind == "histogram"}
