import tomllib
from typing import Any

from tests.house.repository import ROOT

TOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS: list[dict[str, Any]] = TOOLS["importlinter"]["contracts"]


def test_every_domain_is_under_contract() -> None:
    """A new folder in clients/ must be named in the contract that keeps domains apart."""
    domains = {f"clients.{path.parent.name}" for path in (ROOT / "clients").glob("*/__init__.py")} - {"clients.vendors"}
    (apart,) = (contract for contract in CONTRACTS if contract["type"] == "independence")
    assert set(apart["modules"]) == domains


def test_only_one_file_touches_aiocache() -> None:
    """Aiocache is untyped and old: one adapter knows it, so that it can be replaced in one place."""
    users = [
        path.relative_to(ROOT).as_posix()
        for room in ("gateway", "resolvers", "clients", "sandbox")
        for path in (ROOT / room).rglob("*.py")
        if "import aiocache" in (text := path.read_text()) or "from aiocache" in text
    ]
    assert users == ["gateway/cache/aiocache_store.py"]
