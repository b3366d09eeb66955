"""Real clients and the conformance suites against the small shop, which has subscriptions and planted faults."""

import pytest

from tests.http.served import served
from tests.http.suites import needs_node, needs_suites, run_node, run_suite

pytestmark = pytest.mark.sockets


@needs_node
@pytest.mark.parametrize(("client", "checks"), [("apollo", 11), ("urql", 10)])
def test_real_clients_need_no_workaround(client: str, checks: int) -> None:
    """Apollo Client and urql query, mutate, defer, stream, persist and subscribe as their documentation says."""
    with served("production") as host:
        assert run_node(f"{client}.mjs", f"http://{host}/graphql", f"ws://{host}/graphql") == checks


@needs_suites
@pytest.mark.parametrize(("suite", "checks"), [("badbodies.py", 722), ("csrf_cors.py", 34)])
def test_hostile_suites(suite: str, checks: int) -> None:
    """Every hostile body and forged origin is refused, and what a fault says of our inside is masked."""
    further = ["{boom}", "secret"] if suite == "csrf_cors.py" else []
    with served("production") as host:
        assert run_suite(suite, f"http://{host}/graphql", *further) == checks


@needs_node
@needs_suites
def test_socket_and_event_suites() -> None:
    """The protocols of graphql-ws and graphql-sse hold to the letter, for their own clients too."""
    with served("production") as host:
        assert run_suite("ws_protocol.mjs", f"ws://{host}/graphql", "subscription{ticks(count:5,every:0.3)}", "8") > 0
        assert run_suite("sse.mjs", f"http://{host}/graphql", "subscription{ticks}") > 0
