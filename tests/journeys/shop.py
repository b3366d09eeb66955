"""A whole shop on this machine: the sandbox and the gateway as their users start them, and a client."""

import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "gateway" / "graphiql" / "operations"
START_S = 60.0
# httpx closes a surplus idle connection even when a thread has just been given it, so a pool that
# many threads share keeps them all (httpcore 1.0, `_assign_requests_to_connections`).
KEEP_ALL = httpx.Limits(max_connections=None, max_keepalive_connections=None)


@contextmanager
def running(
    command: list[str], env: Mapping[str, str] | None = None, log: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a program of the project until the block ends; what it logs goes to `log`, or is shown."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def read_line(process: subprocess.Popen[str], pattern: str) -> str:
    """Wait for a line of the program's output, and return what the pattern's group found in it."""
    assert process.stdout
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 0.5)[0] and (found := re.search(pattern, process.stdout.readline())):
            return found[1]
    raise AssertionError(
        f"expected a line like {pattern!r} within {START_S} s; the program's status is {process.poll()}"
    )


@dataclass
class Sandbox:
    """The control server of a running sandbox."""

    control: httpx.Client
    addresses: dict[str, str]
    known: dict[str, Any]

    def faults(self, domain: str, **faults: Any) -> None:
        """Make an upstream misbehave."""
        answer = self.control.put(f"/upstreams/{domain}/faults", json=faults)
        assert answer.status_code < 300, answer.text

    def reset(self) -> None:
        """Forget counters and faults."""
        assert self.control.post("/reset", json={}).status_code < 300

    def calls(self) -> dict[str, dict[str, int]]:
        """Calls by upstream and operation since the last reset."""
        told = self.control.get("/upstreams").json()
        return {d: {o: c["calls"] for o, c in u["operations"].items()} for d, u in told.items() if u["operations"]}

    def token(self, customer_id: str) -> str:
        """A bearer token of one of the sandbox's customers."""
        token: str = self.control.post("/token", json={"customerId": customer_id}).json()["token"]
        return token


@dataclass
class Gateway:
    """A running gateway and how to ask it."""

    client: httpx.Client
    process: subprocess.Popen[str]
    documents: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        token: str | None = None,
        operation: str | None = None,
    ) -> httpx.Response:
        """POST one operation."""
        body: dict[str, Any] = {"query": document, "variables": dict(variables or {})}
        if operation:
            body["operationName"] = operation
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.client.post(
            "/graphql", content=json.dumps(body), headers={"content-type": "application/json", **headers}
        )


@contextmanager
def open_sandbox(folder: Path, products: int = 400, vendors: str = "") -> Iterator[Sandbox]:
    """Start a sandbox on free ports; `vendors` are simulators by domain, `stock=onec,delivery=cdek`."""
    ports = folder / "ports.json"
    command = [
        "sandbox",
        "--products",
        str(products),
        "--base-port",
        "0",
        "--control-port",
        "0",
        "--ports-file",
        str(ports),
        *(("--vendors", vendors) if vendors else ()),
    ]
    with running(command) as process:
        deadline = time.monotonic() + START_S
        while not ports.exists():
            assert process.poll() is None, f"the sandbox ended with status {process.returncode}"
            assert time.monotonic() < deadline, "the sandbox did not write its ports"
            time.sleep(0.05)
        told = json.loads(ports.read_text())
        with httpx.Client(base_url=told["control"], timeout=10) as client:
            yield Sandbox(client, told["upstreams"], client.get("/known").json())


def gateway_settings(sandbox: Sandbox, **more: str) -> dict[str, str]:
    """The variables of a gateway over this sandbox."""
    upstreams = {
        f"GATEWAY_UPSTREAMS__{name.upper()}__{setting}": value
        for name, address in sandbox.addresses.items()
        for setting, value in (("URL", address), ("API_KEY", sandbox.known["apiKey"]))
    }
    control = str(sandbox.control.base_url).rstrip("/")
    return {
        **upstreams,
        "GATEWAY_PORT": "0",
        "GATEWAY_IDENTITY__ISSUER": sandbox.known["issuer"],
        "GATEWAY_IDENTITY__JWKS_URL": f"{control}/.well-known/jwks.json",
        "GATEWAY_DEVELOPMENT__IS_ENABLED": "true",
        "GATEWAY_DEVELOPMENT__SANDBOX_CONTROL_URL": control,
        **more,
    }


# As strangers find it, but for the count of requests: the suites ask more often than any client may.
PRODUCTION = {
    "GATEWAY_DEVELOPMENT__IS_ENABLED": "false",
    "GATEWAY_LIMITS__REQUESTS_PER_S": "0",
    "GATEWAY_TELEMETRY__OPERATION_LINES": "none",
}


@contextmanager
def open_logged_gateway(sandbox: Sandbox, log: IO[bytes] | None, **settings: str) -> Iterator[Gateway]:
    """Start a gateway over a sandbox that logs to a file; `settings` are further variables."""
    with running(["gateway", "serve"], gateway_settings(sandbox, **settings), log) as process:
        address = read_line(process, r"serving (http://\S+)/graphql")
        with httpx.Client(base_url=address, timeout=30, limits=KEEP_ALL) as client:
            wait_live(client, process)
            yield Gateway(client, process)


def open_gateway(sandbox: Sandbox, **settings: str) -> AbstractContextManager[Gateway]:
    """Start a gateway over a sandbox; `settings` are further variables."""
    return open_logged_gateway(sandbox, None, **settings)


def wait_live(client: httpx.Client, process: subprocess.Popen[str]) -> None:
    """Wait until the gateway answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the gateway ended with status {process.returncode}"
        try:
            if client.get("/live").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the gateway did not answer /live")
