"""What stands in `deploy/` fits the gateway: queries ask for metrics that exist, alerts fire, settings are settings."""

import json
import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import Settings, require_upstreams
from gateway.telemetry.vocabulary import METRICS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
ALL_RULES = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in ALL_RULES if "alert" in rule]
BOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
NAME = re.compile(r"\b(?:gateway|process)_\w+")
SELECTOR = re.compile(r"\b((?:gateway|process)_\w+)\{([^}]*)\}")
BY = re.compile(r"\bby \(([^)]*)\)")
OF_HISTOGRAMS = re.compile(r"_(?:count|sum|bucket)$")
EVERYWHERE = {"worker", "job", "instance", "le"}
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool (Debian: apt-get install prometheus)")


def metric_of(name: str) -> str:
    return name if name in METRICS else OF_HISTOGRAMS.sub("", name)


def queries_of(board: Path) -> list[str]:
    return [target["expr"] for panel in json.loads(board.read_text())["panels"] for target in panel["targets"]]


QUERIES = [
    *[(f"{board.stem}: {query}", query) for board in BOARDS for query in queries_of(board)],
    *[(rule.get("alert") or rule["record"], rule["expr"]) for rule in ALL_RULES],
]


@pytest.mark.parametrize("query", [query for _, query in QUERIES], ids=[name for name, _ in QUERIES])
def test_queries_ask_for_what_there_is(query: str) -> None:
    """Each name is a metric with the ending of its kind, and each label one that this metric has."""
    for name in NAME.findall(query):
        metric = METRICS.get(metric_of(name))
        assert metric is not None, f"expected a metric of docs/metrics.md, got {name}"
        assert (name != metric.name) == (metric.kind == "histogram"), f"{name} is a {metric.kind}"
    for name, selector in SELECTOR.findall(query):
        asked = {re.split(r"[=!~]", part, maxsplit=1)[0].strip() for part in selector.split(",")}
        assert asked <= {*METRICS[metric_of(name)].labels, *EVERYWHERE}
    grouped = {label.strip() for labels in BY.findall(query) for label in labels.split(",")}
    known = {label for name in NAME.findall(query) for label in METRICS[metric_of(name)].labels}
    assert grouped <= known | EVERYWHERE


def test_there_are_four_boards() -> None:
    """Overview, cache, vendors and operations, with something on each."""
    assert [board.stem for board in BOARDS] == ["cache", "operations", "overview", "vendors"]
    assert all(len(queries_of(board)) >= 5 for board in BOARDS)


def test_boards_are_as_their_script_writes_them(tmp_path: Path) -> None:
    """Nobody edited the JSON by hand."""
    runpy.run_path(str(ROOT / "scripts" / "draw_boards"))["write_boards"](tmp_path)
    assert {board.name: board.read_text() for board in BOARDS} == {f.name: f.read_text() for f in tmp_path.iterdir()}


def test_every_alert_has_its_chapter() -> None:
    """The link of each alert leads to a chapter of the runbook, and no chapter is about an alert that is not there."""
    chapters = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert sorted(chapters) == sorted(rule["alert"] for rule in ALERTS)
    for rule in ALERTS:
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_every_alert_is_fired_in_a_test() -> None:
    """`rules_test.yml` has a moment at which each alert fires."""
    tests = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in ALERTS}


@needs_promtool
@pytest.mark.parametrize(
    "command",
    [
        ["check", "rules", "rules.yml"],
        ["check", "config", "--syntax-only", "prometheus.yml"],
        ["test", "rules", "rules_test.yml"],
    ],
    ids=" ".join,
)
def test_promtool_agrees(command: list[str]) -> None:
    """Prometheus itself reads the rules, and its own tests of the alerts pass."""
    assert PROMTOOL
    done = subprocess.run([PROMTOOL, *command], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_composition_speaks_of_real_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway accepts the variables of `compose.yaml`, and every system has an address in it."""
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["gateway"]
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATEWAY_OPS__TOKEN", "from the secret")
    settings = Settings()
    require_upstreams(settings)
    assert settings.ops.is_enabled
    assert settings.cache.shared_url is not None


def test_the_image_copies_what_there_is() -> None:
    """Every file that the Dockerfile copies from the repository is in it."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert [path for paths in copied for path in paths if not (ROOT / path).exists()] == []
