"""The suites of other people, and the audits of graphql-http, against the real gateway over the whole shop."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.http.suites import SUITES, needs_node, needs_suites, run_node, run_suite
from tests.journeys.shop import PRODUCTION, Gateway, Sandbox, open_gateway

PRICED = '{ product(by: { handle: "sapogi-lumera-siena-1" }) { price { lowest { current { amount } } } } }'
OF_A_VENDOR = "ORA-12154"


@pytest.fixture(scope="module")
def public(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway as the internet meets it, without memory, so that a broken system is always asked."""
    with open_gateway(sandbox, GATEWAY_CACHE__IS_ENABLED="false", **PRODUCTION) as opened:
        yield opened


def address_of(gateway: Gateway) -> str:
    return f"{str(gateway.client.base_url).rstrip('/')}/graphql"


@needs_node
def test_conforms_to_graphql_over_http(gateway: Gateway) -> None:
    """All 61 audits of graphql-http hold on a developer's gateway, those for what a server may do included."""
    assert run_node("audit.mjs", address_of(gateway)) == 61


@needs_suites
def test_hostile_bodies(public: Gateway) -> None:
    """722 bodies that are no requests: none is executed, none is a fault."""
    assert run_suite("badbodies.py", address_of(public)) == 722


@needs_suites
def test_foreign_pages_and_leaks(public: Gateway, sandbox: Sandbox) -> None:
    """34 rules on forged requests, other origins and headers; what a broken vendor says never reaches a client."""
    sandbox.faults("pricing", status=500)
    assert "UNAVAILABLE" in public.ask(PRICED).text
    assert run_suite("csrf_cors.py", address_of(public), PRICED, OF_A_VENDOR) == 34


@needs_suites
def test_smuggled_and_slow_requests(public: Gateway) -> None:
    """39 rules on raw connections: no hidden request is run, and 100 slow clients keep nobody waiting."""
    assert run_suite("raw_http.py", address_of(public), "12", "100") == 39


@needs_suites
def test_stops_without_losing_an_answer(sandbox: Sandbox) -> None:
    """Told to stop while 32 clients keep asking, the gateway answers whoever asked before, and ends."""
    with open_gateway(sandbox, **PRODUCTION) as leaving:
        command = [sys.executable, str(SUITES / "drain.py"), address_of(leaving), str(leaving.process.pid), PRICED]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=os.environ)
        told = re.search(r"lost=(\d+) stopped-in=([\d.]+)s", done.stdout)
        assert told is not None, done.stdout + done.stderr
        assert int(told[1]) == 0, done.stdout
        assert float(told[2]) < 30
        assert leaving.process.wait(timeout=30) == -signal.SIGTERM
