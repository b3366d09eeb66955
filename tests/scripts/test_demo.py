import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack

import httpx
import pytest

from tests.house.repository import ROOT

pytestmark = pytest.mark.sockets
SANDBOX_PORTS = 10


def pick_ports() -> tuple[int, int]:
    """A port for the gateway, with another free one after it, and the first of ten free ones in a row."""
    for first in range(20_000, 30_000, 16):
        if are_free(range(first, first + SANDBOX_PORTS + 2)):
            return first + SANDBOX_PORTS, first
    raise AssertionError("expected twelve free ports in a row, found none")


def are_free(ports: range) -> bool:
    with ExitStack() as held:
        try:
            for port in ports:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            return False
        return True


def start(gateway_port: int, sandbox_port: int, *further: str) -> subprocess.Popen[str]:
    ports = [f"--port={gateway_port}", f"--ops-port={gateway_port + 1}", f"--sandbox-port={sandbox_port}"]
    command = [sys.executable, str(ROOT / "scripts" / "demo"), *ports, "--products=100", "--latency=none", *further]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def read_welcome(demo: subprocess.Popen[str]) -> str:
    assert demo.stdout
    said = ""
    for line in demo.stdout:
        said += line
        if "Ctrl-C stops everything" in line:
            return said
    raise AssertionError(f"expected a welcome, got {said!r} and {demo.communicate()[1]!r}")


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_answers_and_leaves_nothing_behind(number: signal.Signals) -> None:
    """The addresses that it prints answer, its ready-made query finds a price, and the end is complete."""
    gateway_port, sandbox_port = pick_ports()
    demo = start(gateway_port, sandbox_port)
    try:
        said = read_welcome(demo)
        query = json.loads(said.partition("-d '")[2].partition("'")[0])
        with httpx.Client() as client:
            answer = client.post(f"http://127.0.0.1:{gateway_port}/graphql", json=query).json()
            addresses = [word for word in said.split() if word.startswith("http://") and not word.endswith("/graphql")]
            assert [client.get(address).status_code for address in addresses] == [200] * len(addresses)
        assert answer["data"]["product"]["price"]["lowest"]["current"]["formatted"]
        assert len(addresses) >= 4
    finally:
        os.kill(demo.pid, number)
        rest, errors = demo.communicate(timeout=30)
    assert (demo.returncode, rest.strip(), errors) == (0, "Stopped.", "")
    assert [port for port in range(sandbox_port, gateway_port + 2) if is_listening(port)] == []


@pytest.mark.parametrize("taken", ["gateway", "sandbox"])
def test_a_taken_port_gives_one_line(taken: str) -> None:
    """Whose port is taken is said in one line, with what to do, and nothing is started."""
    gateway_port, sandbox_port = pick_ports()
    port = gateway_port if taken == "gateway" else sandbox_port + 3
    with socket.create_server(("127.0.0.1", port)):
        said, errors = start(gateway_port, sandbox_port).communicate(timeout=30)
    assert said == ""
    assert errors.count("\n") == 1
    assert f"expected port {port} to be free for" in errors
    assert taken in errors
    assert "--port" in errors


def test_an_upstream_that_cannot_start_ends_the_demo() -> None:
    """When a part ends, the demo ends too, with its status and no traceback."""
    gateway_port, sandbox_port = pick_ports()
    demo = start(gateway_port, sandbox_port, "--products=none")
    _, errors = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert errors.endswith("demo: the sandbox ended with status 2; the lines above say why\n")
    assert "Traceback" not in errors
