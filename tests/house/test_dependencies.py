import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from tests.house.repository import ROOMS, ROOT, product_modules, tracked_files

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCUMENTED = re.compile(r"^\| `([^`]+)` \| (\S.*\S) \| (\S.*\S) \|$", re.MULTILINE)
LOCKED = re.compile(r"^([a-z0-9][a-z0-9.-]*)==\S+", re.MULTILINE)
# Loaded by name by uvicorn; nothing imports them.
LOADED_BY_NAME = {"uvloop", "httptools", "websockets"}


# Programs and plugins: found by name, not imported.
TOOLS = {"import-linter", "looptime", "mypy", "pytest-asyncio", "pytest-timeout", "pytest-xdist", "ruff", "uv"}


def canonical(requirement: str) -> str:
    name = re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def runtime() -> set[str]:
    return {canonical(requirement) for requirement in PROJECT["dependencies"]}


def development() -> set[str]:
    return {canonical(requirement) for requirement in PROJECT["optional-dependencies"]["dev"]}


def imported_modules(paths: Iterable[Path]) -> set[str]:
    """Top-level names that these modules import, less our own rooms and the standard library."""
    names: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(ROOMS) - sys.stdlib_module_names


def modules_of_tests() -> list[Path]:
    return [ROOT / path for path in tracked_files() if path.startswith("tests/") and path.endswith(".py")]


def undeclared(paths: Iterable[Path], declared: set[str]) -> set[str]:
    distributions = packages_distributions()
    imported = imported_modules(paths) - {"tests", "benchmarks"}
    return {m for m in imported if not {canonical(name) for name in distributions.get(m, [m])} & declared}


def test_every_dependency_is_explained() -> None:
    """docs/dependencies.md has one line per dependency in pyproject.toml, and no other."""
    documented = [name for name, _, _ in DOCUMENTED.findall((ROOT / "docs" / "dependencies.md").read_text())]
    assert sorted(documented) == sorted(runtime() | development())


def test_every_runtime_dependency_is_used() -> None:
    """What is installed in production is imported by the product, or loaded by name by the server."""
    distributions = packages_distributions()
    used = {canonical(name) for module in imported_modules(product_modules()) for name in distributions.get(module, [])}
    assert runtime() - used - LOADED_BY_NAME == set()


def test_every_development_dependency_is_used() -> None:
    """What is installed for tests is imported by a test, or a program or plugin of the checks, or types."""
    distributions = packages_distributions()
    used = {
        canonical(name) for module in imported_modules(modules_of_tests()) for name in distributions.get(module, [])
    }
    assert {name for name in development() - used - TOOLS if not name.startswith("types-")} == set()


def test_tests_import_only_what_is_declared() -> None:
    """A fresh machine has all that the tests import."""
    assert undeclared(modules_of_tests(), runtime() | development()) == set()


def test_the_product_imports_only_what_it_declares() -> None:
    """Nothing works by the accident that another package brought it along."""
    assert undeclared(product_modules(), runtime()) == set()


def test_locks_hold_every_dependency() -> None:
    """locks/runtime.txt holds all that production needs, locks/dev.txt the same versions and the rest."""
    locked = {name: dict(_locked(name)) for name in ("runtime", "dev")}
    assert runtime() <= locked["runtime"].keys()
    assert development() <= locked["dev"].keys()
    assert {name: locked["dev"].get(name) for name in locked["runtime"]} == locked["runtime"]


def test_every_locked_version_has_a_hash() -> None:
    """Pip refuses a lock of which one package has no hash; here it is seen before."""
    for lock in (ROOT / "locks").glob("*.txt"):
        for block in re.split(r"\n(?=[a-z0-9])", lock.read_text().partition("\n")[2]):
            assert "--hash=sha256:" in block, f"{lock.name}: expected a hash, got {block!r}"


def _locked(name: str) -> list[tuple[str, str]]:
    text = (ROOT / "locks" / f"{name}.txt").read_text()
    return [(found.group(1), found.group(0).partition("==")[2]) for found in LOCKED.finditer(text)]
