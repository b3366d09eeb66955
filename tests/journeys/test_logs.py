"""Logs hold no secret and nothing of a person, whatever happened."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.pages import PAGES
from tests.journeys.shop import Gateway, Sandbox, open_logged_gateway

PERSONAL = """{ me {
  id birthday
  contact { firstName lastName phone email }
  addresses { city street house flat postalCode note formatted }
  loyalty { id card { number barcode } coupons { code } }
} }"""
SEARCHED = "+7 999 000-11-22 anna.secret@example.com"
FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzcHkifQ.c2VjcmV0"
COOKIE = "cookie-of-a-customer-4711"
SHORTEST = 6
"""Shorter texts (a house number, a first name in four letters) occur in logs by accident; they are sought as JSON."""
EXPECTED_LINES = ("operation", "slow operation")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gateway logs to."""
    return tmp_path_factory.mktemp("logs") / "gateway.log"


@pytest.fixture(scope="module")
def told(sandbox: Sandbox, log: Path) -> set[str]:
    """All that must not be in the log of a gateway that writes down everything it may, after a long day."""
    settings = {
        "GATEWAY_TELEMETRY__SLOW_S": "0.000001",
        "GATEWAY_TELEMETRY__LOGS": "json",
        "GATEWAY_CACHE__IS_ENABLED": "false",
        "GATEWAY_LIMITS__MODE": "measure",
    }
    with log.open("wb") as opened, open_logged_gateway(sandbox, opened, **settings) as gateway:
        secrets = {SEARCHED, FORGED, COOKIE, sandbox.known["apiKey"]}
        for customer in sandbox.known["customers"]:
            secrets |= be_a_customer(gateway, sandbox.token(customer["id"])) | {customer["id"]}
        be_a_spy(gateway, sandbox.token("cust-anna"))
        break_everything(gateway, sandbox, sandbox.token("cust-anna"))
    return secrets | {sandbox.token("cust-anna").rpartition(".")[0]}


def be_a_customer(gateway: Gateway, token: str) -> set[str]:
    """Look at every page, and at all that is personal; returns what nobody else may know."""
    for page in PAGES:
        assert gateway.ask(page.document, page.variables, token=token).status_code == 200
    mine = gateway.ask(PERSONAL, token=token).json()["data"]["me"]
    gateway.ask("query($q: String!) { search(query: $q) { totalCount } }", {"q": SEARCHED}, token=token)
    return {token, *strings_in(mine)}


def be_a_spy(gateway: Gateway, token: str) -> None:
    """Send secrets wherever they do not belong."""
    gateway.ask(PERSONAL, token=FORGED)
    gateway.ask(f'{{ search(query: "{SEARCHED}", first: 1000) {{ totalCount }} }}', token=token)
    gateway.ask("query($n: Int!) { search(query: $n) { totalCount } }", {"n": SEARCHED}, token=token)
    gateway.ask("{" + " ".join(f'a{n}: search(query: "{SEARCHED}") {{ totalCount }}' for n in range(25)) + "}")
    gateway.ask(f'{{ nope(secret: "{SEARCHED}") }}', token=token)
    gateway.ask(f'{{ "{SEARCHED}', token=token)
    get, post = gateway.client.get, gateway.client.post
    get("/graphql", params={"query": "{ sources { source } }", "token": token, "note": SEARCHED})
    get(f"/{token}/{SEARCHED}")
    post("/graphql", content=f'{{"query": "{SEARCHED}'.encode(), headers={"content-type": "application/json"})
    post("/graphql", content=b"x", headers={"cookie": f"__Host-session={COOKIE}", "content-type": "application/json"})
    post(
        "/graphql", json={"query": "{ sources { source } }"}, headers={"cookie": f"__Host-session={COOKIE}; a={token}"}
    )
    post("/graphql", json={"query": "{ sources { source } }", "operationName": SEARCHED})


def break_everything(gateway: Gateway, sandbox: Sandbox, token: str) -> None:
    """Ask for every page while each system in turn fails in each way."""
    for faults in ({"mode": "down"}, {"mode": "garbage"}, {"mode": "wrong_types"}, {"status": 500}):
        for domain in sandbox.addresses:
            sandbox.faults(domain, **faults)
        for page in PAGES:
            assert gateway.ask(page.document, page.variables, token=token).status_code == 200
        gateway.ask(PERSONAL, token=token)
        sandbox.reset()


def strings_in(value: Any) -> Iterator[str]:
    """Every text in an answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings_in(item)


def forms_of(secret: str) -> set[str]:
    """How a secret may stand in a line: as it is, escaped, or, where it is short, as a JSON text of its own."""
    if len(secret) < SHORTEST:
        return {f'"{secret}"', json.dumps(secret)}
    return {secret, json.dumps(secret)[1:-1]}


def test_logs_hold_no_secret_and_no_person(told: set[str], log: Path) -> None:
    """Of tokens, cookies, names, telephones, addresses, cards and searches not one is in the log of a whole day."""
    text = log.read_text("utf-8")
    assert len(told) > 50
    hits = {secret: text.count(form) for secret in told for form in forms_of(secret) if form in text}
    assert hits == {}
    print(f"{len(told)} secrets sought in {text.count(chr(10))} lines: 0 hits")


def test_the_log_was_worth_searching(told: set[str], log: Path) -> None:
    """Every line is JSON; operations, slow ones, faults of systems and excesses are all in it."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    events = [line["event"] for line in lines]
    assert all(events.count(expected) > len(PAGES) for expected in EXPECTED_LINES)
    assert any(event.startswith("limit exceeded, measured") for event in events)
    codes = {code for line in lines for code in line.get("codes", ())}
    assert {"UNAUTHENTICATED", "UNAVAILABLE", "INVALID_RESPONSE", "GRAPHQL_PARSE_FAILED", "BAD_REQUEST"} <= codes
