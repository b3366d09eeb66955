import subprocess
import sys
import textwrap

import pytest

from tests.house.repository import ROOT

PREPARE = ROOT / "scripts" / "prepare"


def run_pretending(change: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/prepare in a Python in which `change` was done first."""
    program = f"""
    import runpy, sys
    {change}
    sys.argv = ["scripts/prepare", *{arguments!r}]
    runpy.run_path({str(PREPARE)!r}, run_name="__main__")
    """
    return subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)


def test_an_old_python_gets_one_line() -> None:
    """The line says which Python was found, which is needed, and what to type."""
    ended = run_pretending("sys.version_info = (3, 9, 2)", "runtime")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "expected Python 3.11 or newer, got 3.9.2" in ended.stderr
    assert "PYTHON=" in ended.stderr


def test_a_python_without_venv_gets_one_line() -> None:
    """Debian ships python3 without venv: the line names the package to install."""
    ended = run_pretending("sys.modules['ensurepip'] = None", "runtime")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "python3-venv" in ended.stderr


@pytest.mark.parametrize("arguments", [(), ("everything",)])
def test_an_unknown_purpose_is_refused(arguments: tuple[str, ...]) -> None:
    """A typing slip changes nothing and says what was expected."""
    ended = run_pretending("", *arguments)
    assert ended.returncode == 1
    assert "expected runtime, tests or clients, got" in ended.stderr


def test_make_names_a_missing_python() -> None:
    """`make` with a Python that is not there gives a line of its own and no shell error."""
    ended = subprocess.run(
        ["make", "--no-print-directory", "test", "PYTHON=python-of-nobody"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stderr.startswith("make: expected python-of-nobody on PATH, found none")


def test_a_machine_without_node_is_told_what_it_misses() -> None:
    """Without node nothing fails: one line says which tests are skipped."""
    without = "import shutil; which = shutil.which; shutil.which = lambda name: None if name == 'node' else which(name)"
    ended = run_pretending(without, "clients")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("node or npm is missing: the tests with Apollo Client")
    assert ended.stdout.count("\n") == 1


def test_an_old_node_is_told_from_a_new_one() -> None:
    """The line says which node was found and which is needed."""
    old = (
        "import subprocess; from types import SimpleNamespace;"
        "subprocess.run = lambda *a, **k: SimpleNamespace(stdout=b'v18.19.0', returncode=1);"
        "import shutil; shutil.which = lambda name: name"
    )
    assert run_pretending(old, "clients").stdout.startswith("expected node 20 or newer, got v18.19.0: ")
