"""`gateway doctor` finds what is wrong and says what to do about it."""

import os
import subprocess
import sys

import httpx
import pytest

from clients.contract import ContractAdapter
from clients.errors import (
    InvalidSourceResponse,
    NotOffered,
    SourceError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from clients.http import Upstream
from clients.values import DataSource
from gateway.doctor import System, advise, examine_system
from tests.journeys.shop import ROOT, Sandbox, gateway_settings


def ask_doctor(sandbox: Sandbox, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **gateway_settings(sandbox, **settings)}
    command = [sys.executable, "-m", "gateway", "doctor"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.sockets
def test_all_is_well(sandbox: Sandbox) -> None:
    """Nine systems that answer by their contract, keys that are there, and what is not set up is named."""
    done = ask_doctor(sandbox)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("answers by its contract") == 9
    assert "signing in" in done.stdout
    assert "GATEWAY_CACHE__SHARED_URL" in done.stdout


@pytest.mark.sockets
def test_what_is_broken_is_said_with_what_to_do(sandbox: Sandbox) -> None:
    """A dead system, a wrong key, a store and keys that nobody serves: each has its line, and the status is 1."""
    sandbox.faults("stock", mode="down")
    sandbox.faults("geo", mode="html")
    done = ask_doctor(
        sandbox,
        GATEWAY_UPSTREAMS__PRICING__API_KEY="wrong",
        GATEWAY_CACHE__SHARED_URL="valkey://127.0.0.1:9/0",
        GATEWAY_IDENTITY__JWKS_URL="http://127.0.0.1:9/keys",
    )
    sandbox.reset()
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert done.returncode == 1
    assert "is GATEWAY_UPSTREAMS__STOCK__URL its address?" in lines["system stock"]
    assert "set GATEWAY_UPSTREAMS__PRICING__API_KEY" in lines["system pricing"]
    assert "docs/contracts/geo.yaml" in lines["system geo"]
    assert "can this machine reach it?" in lines["shared store"]
    assert "is GATEWAY_IDENTITY__JWKS_URL right?" in lines["signing in"]
    assert "well" in lines["system catalogue"]


class Quiet:
    """An adapter that is well."""

    async def ping(self) -> None:
        """Nothing is wrong."""


@pytest.mark.parametrize(
    ("outcome", "state"),
    [({}, "well"), (NotOffered(DataSource.PRICING), "well"), (SourceUnavailable(DataSource.PRICING), "broken")],
    ids=["absent", "not offered", "an error"],
)
async def test_vendor_need_not_offer_everything(outcome: object, state: str) -> None:
    """The question that is asked everywhere may be one that this vendor has no answer to."""

    async def question() -> dict[str, object]:
        return {"promo": outcome}

    assert (await examine_system(System("pricing", "loymax", "http://x", Quiet()), question())).state == state


@pytest.mark.parametrize(
    ("vendor", "error", "advice"),
    [
        ("generic", InvalidSourceResponse(DataSource.DELIVERY, "HTTP 401"), "set GATEWAY_UPSTREAMS__DELIVERY__API_KEY"),
        ("generic", InvalidSourceResponse(DataSource.DELIVERY, "no list"), "docs/contracts/delivery.yaml"),
        ("cdek", InvalidSourceResponse(DataSource.DELIVERY, "HTTP 403"), "set GATEWAY_UPSTREAMS__DELIVERY__OPTIONS__"),
        ("cdek", InvalidSourceResponse(DataSource.DELIVERY, "no list"), "docs/vendors/cdek.md"),
        ("cdek", SourceTimeout(DataSource.DELIVERY), "GATEWAY_UPSTREAMS__DELIVERY__TIMEOUT_S"),
        ("cdek", SourceThrottled(DataSource.DELIVERY), "higher limit"),
        ("cdek", SourceUnavailable(DataSource.DELIVERY), "GATEWAY_UPSTREAMS__DELIVERY__URL"),
        (
            "onec",
            SourceUnavailable(DataSource.STOCK, "nothing was heard yet"),
            "has it ever, and does it still? see docs/",
        ),
    ],
)
def test_advice_names_what_the_vendor_is_told_by(vendor: str, error: SourceError, advice: str) -> None:
    """Our own contract has one key; a vendor has options and a page of its own."""
    adapter = ContractAdapter(
        Upstream(DataSource.DELIVERY, "http://delivery.test", httpx.AsyncHTTPTransport(), {}), float
    )
    assert advice in advise(System("delivery", vendor, "http://delivery.test", adapter), error)
