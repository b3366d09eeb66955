"""Real clients and the conformance audits, in Node, against the small shop on a real server.

They need `npm ci` in tests/http/node; the further suites need `CONFORMANCE_SUITES` to name their folder.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.http.served import served

pytestmark = pytest.mark.sockets

NODE = Path(__file__).parent / "node"
SUITES = Path(os.environ.get("CONFORMANCE_SUITES", "nowhere"))

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").is_dir(),
    reason="needs node, and `npm ci` in tests/http/node",
)
needs_suites = pytest.mark.skipif(not SUITES.is_dir(), reason="needs CONFORMANCE_SUITES, the folder of the suites")


def run(command: list[str], timeout_s: float, env: dict[str, str] | None = None) -> None:
    """Run a suite; its output is the message when anything in it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False, env={**os.environ, **(env or {})}
    )
    summary = re.search(r"ok=(\d+)/(\d+)", done.stdout)
    assert summary is not None, done.stdout + done.stderr
    assert summary.group(1) == summary.group(2), done.stdout
    assert int(summary.group(2)) > 0


@needs_node
@pytest.mark.parametrize("client", ["apollo", "urql"])
def test_real_clients_need_no_workaround(client: str) -> None:
    """Apollo Client and urql query, mutate, defer, stream, persist and subscribe as their documentation says."""
    with served("production") as host:
        run(["node", str(NODE / f"{client}.mjs"), f"http://{host}/graphql", f"ws://{host}/graphql"], 60)


@needs_node
def test_conforms_to_graphql_over_http() -> None:
    """All 61 audits of graphql-http hold, those for what a server may do included."""
    with served("audit") as host:
        run(["node", str(NODE / "audit.mjs"), f"http://{host}/graphql"], 60)


@needs_suites
@pytest.mark.parametrize("suite", ["badbodies.py", "csrf_cors.py", "raw_http.py"])
def test_hostile_suites(suite: str) -> None:
    """Every hostile body, forged origin and smuggled or slow request is refused."""
    further = {"csrf_cors.py": ["{boom}", "secret"], "raw_http.py": ["12", "100"]}
    with served("production") as host:
        run([sys.executable, str(SUITES / suite), f"http://{host}/graphql", *further.get(suite, [])], 180)


@needs_node
@needs_suites
def test_socket_and_event_suites() -> None:
    """The protocols of graphql-ws and graphql-sse hold to the letter, for their own clients too."""
    env = {"REL_NPM": str(NODE)}
    with served("production") as host:
        ticks = "subscription{ticks(count:5,every:0.3)}"
        run(["node", str(SUITES / "ws_protocol.mjs"), f"ws://{host}/graphql", ticks, "8"], 120, env)
        run(["node", str(SUITES / "sse.mjs"), f"http://{host}/graphql", "subscription{ticks}"], 60, env)
