"""Rules for every test: no socket in a unit test, and none beyond 127.0.0.1 in any other."""

import asyncio
import ipaddress
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
ROOMS_WITH_SOCKETS = ("journeys", "browser", "sandbox")
ALWAYS_LOCAL = tuple(getattr(socket, name) for name in ("AF_UNIX",) if hasattr(socket, name))


class SocketRefused(Exception):
    """A test reached for the network. Not an OSError, so no client takes it for an ordinary failure."""


VALIDATED = "validated against a vendor's contract"
"""The name under which a test reports `(contract, requests, answers)`."""


def pytest_sessionstart() -> None:
    # Before a test without a loop, looptime asks for "the" loop, and asyncio would make one that
    # nobody closes. After this it has none to give and makes none.
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def guarded_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python's sockets connect and bind only as far as this test may.

    A wire engine with sockets of its own (written in Rust or C) is not seen here.
    """
    local_is_fine = has_sockets(request.node)

    def guard(name: str) -> None:
        real = getattr(socket.socket, name)

        def checked(self: socket.socket, address: Any, *further: Any) -> Any:
            if self.family not in ALWAYS_LOCAL and not (local_is_fine and is_loopback(address)):
                raise SocketRefused(refusal(name, address, local_is_fine=local_is_fine))
            return real(self, address, *further)

        monkeypatch.setattr(socket.socket, name, checked)

    for name in ("connect", "connect_ex", "bind"):
        guard(name)


def has_sockets(node: pytest.Item) -> bool:
    room = node.path.relative_to(TESTS).parts[0]
    return room in ROOMS_WITH_SOCKETS or node.get_closest_marker("sockets") is not None


def is_loopback(address: Any) -> bool:
    host = address[0] if isinstance(address, tuple) else ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(name: str, address: Any, *, local_is_fine: bool) -> str:
    if local_is_fine:
        return f"expected an address of this machine (127.0.0.1, ::1), got {name}({address!r})"
    return f"expected no socket in a unit test, got {name}({address!r}): use a fake, or mark the test `sockets`"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many requests and answers were held against vendors' contracts: see `tests/vendors/contracts.py`."""
    requests, answers = Counter[str](), Counter[str]()
    endings = (report for reports in terminalreporter.stats.values() for report in reports)
    for report in endings:
        for name, said in report.user_properties if getattr(report, "when", "") == "teardown" else ():
            if name == VALIDATED:
                requests[said[0]] += said[1]
                answers[said[0]] += said[2]
    for contract in sorted(requests):
        terminalreporter.write_line(f"{contract}: {requests[contract]} requests and {answers[contract]} answers fit")
