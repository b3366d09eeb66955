"""Suites of other people, and clients from npm: where they are, and how one is run.

The clients need `scripts/prepare clients`. The suites are looked for beside the repository, in
`shared/suites`, or where `CONFORMANCE_SUITES` says.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node"
ARIADNE = Path(__file__).parent / "python" / ".venv" / "bin"
SUITES = Path(os.environ.get("CONFORMANCE_SUITES", ROOT.parent / "shared" / "suites"))

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules" / ".package-lock.json").is_file(),
    reason="needs node, and `scripts/prepare clients`",
)
needs_ariadne = pytest.mark.skipif(
    not (ARIADNE / "ariadne-codegen").is_file(), reason="needs ariadne-codegen: `scripts/prepare clients`"
)
needs_suites = pytest.mark.skipif(
    not SUITES.is_dir(), reason="needs the suites: a folder shared/suites beside the repository, or CONFORMANCE_SUITES"
)


def run(command: list[str], timeout_s: float, env: Mapping[str, str] | None = None) -> int:
    """Run a suite all of whose checks must hold; returns their number. Its output is the message of a failure."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False, env={**os.environ, **(env or {})}
    )
    summary = re.search(r"ok=(\d+)/(\d+)", done.stdout)
    assert summary is not None, done.stdout + done.stderr
    held, checks = int(summary[1]), int(summary[2])
    assert held == checks > 0, failures(done.stdout)
    return checks


def failures(said: str) -> str:
    """The lines of a suite's output that are worth reading."""
    lines = [line for line in said.splitlines() if not re.match(r"ok\b", line, re.IGNORECASE)]
    return "\n".join(lines[-60:])


def run_node(script: str, *arguments: str, timeout_s: float = 60, env: Mapping[str, str] | None = None) -> int:
    """Run a script of tests/http/node; returns the number of its checks."""
    return run(["node", str(NODE / script), *arguments], timeout_s, env)


def run_suite(script: str, *arguments: str, timeout_s: float = 180) -> int:
    """Run a suite of other people; returns the number of its checks."""
    program = "node" if script.endswith(".mjs") else sys.executable
    return run([program, str(SUITES / script), *arguments], timeout_s, {"REL_NPM": str(NODE)})
