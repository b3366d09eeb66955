"""The cache as a whole shop sees it: storms, outages, purges, and several processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cache.conftest import valkey_url
from tests.journeys.pages import BY_NAME, PAGES
from tests.journeys.shop import OPERATIONS, ROOT, Gateway, Sandbox, gateway_settings, open_gateway

__all__ = ["valkey_url"]

LISTING = BY_NAME["02_category"]
ONE_CALL_PER_SOURCE = {
    "geo": {"geo.localities": 1},
    "catalogue": {"catalogue.categories": 1, "catalogue.products": 1},
    "search": {"search.listings": 1},
    "pricing": {"pricing.products": 1},
    "stock": {"stock.products": 1},
    "loyalty": {"loyalty.estimates": 1},
}

# Stock is fresh for two seconds; a storm that takes longer on a busy machine asks for it again.
OF_STOCK = {"stock": {"stock.products": 1}}
# A machine that is busy with other things must not look like an overloaded gateway or a dead store.
PATIENT = {"GATEWAY_LIMITS__SHEDS_LOAD": "false", "GATEWAY_CACHE__SHARED_TIMEOUT_S": "5"}


def wait_until(is_so: Callable[[], bool], within_s: float) -> float:
    """Wait; returns the seconds it took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < within_s, f"not so within {within_s} s"
        time.sleep(0.05)
    return time.monotonic() - began


def ask_listing(gateway: Gateway) -> Any:
    """The category page of an anonymous visitor."""
    body = gateway.ask(LISTING.document, LISTING.variables).json()
    assert "errors" not in body, body["errors"]
    return body["data"]


def test_a_storm_on_a_cold_page_asks_each_source_once(sandbox: Sandbox) -> None:
    """200 visitors open the same cold listing at once: one call per source, and all get the same page."""
    for domain in ("catalogue", "search", "pricing", "stock", "loyalty"):
        sandbox.faults(domain, latencyMs=300)
    with open_gateway(sandbox, **PATIENT) as cold, ThreadPoolExecutor(200) as pool:
        pages = list(pool.map(lambda _: ask_listing(cold)["category"]["id"], range(200)))
    assert pages == ["cat_c-11"] * 200
    assert sandbox.calls() | OF_STOCK == ONE_CALL_PER_SOURCE


def test_two_processes_ask_each_source_once(sandbox: Sandbox, valkey_url: str) -> None:
    """The same storm over two processes with a shared store: still one call per source."""
    for domain in ("catalogue", "search", "pricing", "stock", "loyalty"):
        sandbox.faults(domain, latencyMs=300)
    shared = {"GATEWAY_CACHE__SHARED_URL": f"{valkey_url}/1", **PATIENT}
    with (
        open_gateway(sandbox, **shared) as one,
        open_gateway(sandbox, **shared) as other,
        ThreadPoolExecutor(100) as pool,
    ):
        asked = [pool.submit(ask_listing, gateway) for _ in range(50) for gateway in (one, other)]
        assert all(turn.result()["category"] for turn in asked)
    assert sandbox.calls() | OF_STOCK == ONE_CALL_PER_SOURCE


def test_an_outage_of_stock_is_bridged_and_told(sandbox: Sandbox) -> None:
    """While stock is away pages stay whole and say STALE; when it is back they are fresh within its freshness."""
    product = BY_NAME["05_product"]

    def states(gateway: Gateway) -> tuple[bool, str]:
        body = gateway.ask(product.document, product.variables).json()
        return "errors" in body, body["data"]["product"]["availability"]["freshness"]["state"]

    with open_gateway(sandbox) as gateway:
        states(gateway)
        sandbox.faults("stock", mode="down")
        wait_until(lambda: states(gateway) == (False, "STALE"), within_s=12)
        sandbox.reset()
        wait_until(lambda: states(gateway)[1] in {"LIVE", "CACHED"}, within_s=10)
        assert states(gateway) == (False, states(gateway)[1])


def test_every_page_survives_the_loss_of_everything(sandbox: Sandbox) -> None:
    """With every system down right after a visit, the same pages answer without errors from memory."""
    with open_gateway(sandbox) as gateway:
        token = sandbox.token("cust-anna")
        for page in PAGES:
            gateway.ask(page.document, page.variables, token=token)
        for domain in sandbox.addresses:
            sandbox.faults(domain, mode="down")
        for page in PAGES:
            body = gateway.ask(page.document, page.variables, token=token).json()
            assert "errors" not in body, (page.name, body["errors"])


@pytest.fixture(scope="module")
def pair(sandbox: Sandbox, valkey_url: str) -> Iterator[tuple[Gateway, Gateway, dict[str, str]]]:
    """Two processes that share a store, and their settings."""
    shared = {"GATEWAY_CACHE__SHARED_URL": f"{valkey_url}/2", **PATIENT}
    with open_gateway(sandbox, **shared) as one, open_gateway(sandbox, **shared) as other:
        yield one, other, gateway_settings(sandbox, **shared)


def test_a_purge_reaches_every_process(pair: tuple[Gateway, Gateway, dict[str, str]], sandbox: Sandbox) -> None:
    """`gateway purge` makes both processes ask the source again within a second; nothing else is asked."""
    one, other, settings = pair
    document = '{ product(by: { handle: "sapogi-lumera-siena-1" }) { title } }'
    for gateway in (one, other):
        assert gateway.ask(document).json()["data"]["product"]["title"]
    sandbox.reset()
    ran = command(["purge", "product:p-000001"], settings)
    assert (ran.returncode, ran.stdout) == (0, "purged product:p-000001\n")
    time.sleep(1.0)
    for gateway in (one, other):
        assert gateway.ask(document).json()["data"]["product"]["title"]
    assert sandbox.calls() == {"catalogue": {"catalogue.products": 1}}


def test_warm_fills_the_shared_store(sandbox: Sandbox, valkey_url: str, tmp_path: Path) -> None:
    """`gateway warm` runs operations before traffic; a process started later asks nobody for them."""
    shared = {"GATEWAY_CACHE__SHARED_URL": f"{valkey_url}/3", **PATIENT}
    file = tmp_path / "warm.json"
    document = (OPERATIONS / "02_category.graphql").read_text()
    file.write_text(json.dumps([{"query": document, "variables": LISTING.variables, "operationName": "CategoryPage"}]))
    ran = command(["warm", str(file)], gateway_settings(sandbox, **shared))
    assert (ran.returncode, ran.stdout) == (0, "CategoryPage: warm\n"), ran.stderr
    sandbox.reset()
    with open_gateway(sandbox, **shared) as gateway:
        ask_listing(gateway)
    assert set(sandbox.calls()) <= {"stock"}


def test_a_dead_store_costs_nothing_but_sharing(sandbox: Sandbox, tmp_path: Path) -> None:
    """With a shared store that does not answer pages are served all the same, and readiness says so."""
    with open_gateway(sandbox, GATEWAY_CACHE__SHARED_URL="valkey://127.0.0.1:1") as gateway:
        assert ask_listing(gateway)["category"]
        ready = gateway.client.get("/ready").json()
    assert ready["status"] == "ready"
    assert "shared cache" in ready["notes"][0]


def command(arguments: list[str], settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command of the gateway."""
    environment = {**settings, "PATH": ""}
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_worker_that_dies_is_replaced(sandbox: Sandbox) -> None:
    """Two workers serve from one socket; a killed one is started again, and all stop together."""
    with open_gateway(sandbox, GATEWAY_WORKERS="2") as gateway:
        workers = children_of(gateway.process.pid)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        wait_until(lambda: len(set(children_of(gateway.process.pid)) - set(workers)) == 1, within_s=15)
        wait_until(lambda: gateway.client.get("/live").status_code == 200, within_s=15)
    assert gateway.process.returncode == 0


def children_of(process: int) -> list[int]:
    """The processes that a process started."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
