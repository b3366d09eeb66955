"""A page answers, whatever one system does."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.pages import BRIDGED, PAGES, Page, is_bridged, leaves
from tests.journeys.shop import Gateway, Sandbox, open_gateway

# A system that is well must answer within LIMIT_S, so nothing may run beside these.
pytestmark = pytest.mark.alone
DOMAINS = ("catalogue", "search", "pricing", "stock", "loyalty", "recommendations", "delivery", "customers", "geo")
LIMIT_S = 0.4
FAULTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "down": ({"mode": "down"}, {"UNAVAILABLE"}),
    "slow": ({"latencyMs": 3000}, {"TIMEOUT"}),
    "status 500": ({"status": 500}, {"UNAVAILABLE"}),
    "garbage": ({"mode": "garbage"}, {"INVALID_RESPONSE"}),
    "wrong types": ({"mode": "wrong_types"}, {"INVALID_RESPONSE"}),
    "missing keys": ({"mode": "missing_keys"}, {"INVALID_RESPONSE"}),
}
LEAKS = ("ORA-12154", "com.vendor", "127.0.0.1", "Traceback", "site-packages", "10.20.30.40", "<html")


@pytest.fixture(scope="module")
def impatient(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway without memory that waits 0.4 s for any system, and asks it however often it failed."""
    told = {"TIMEOUT_S": str(LIMIT_S), "HAS_BREAKER": "false"}
    limits = {f"GATEWAY_UPSTREAMS__{d.upper()}__{name}": value for d in DOMAINS for name, value in told.items()}
    with open_gateway(sandbox, GATEWAY_CACHE__IS_ENABLED="false", **limits) as opened:
        yield opened


@pytest.fixture(scope="module")
def healthy(sandbox: Sandbox, impatient: Gateway) -> dict[str, Any]:
    """Every page as it is when all is well."""
    sandbox.reset()
    token = sandbox.token("cust-anna")
    return {page.name: impatient.ask(page.document, page.variables, token=token).json()["data"] for page in PAGES}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_page_answers_whatever_one_system_does(
    impatient: Gateway, sandbox: Sandbox, healthy: dict[str, Any], domain: str, fault: str
) -> None:
    """Each page answers 200, is null only below that system's errors, and each error is typed and clean."""
    faults, codes = FAULTS[fault]
    token = sandbox.token("cust-anna")
    sandbox.faults(domain, **faults)
    seen: Counter[str] = Counter()
    for page in PAGES:
        answer = impatient.ask(page.document, page.variables, token=token)
        assert answer.status_code == 200, (page.name, answer.text)
        body = answer.json()
        said = [error["extensions"] for error in body.get("errors", ())]
        assert {entry["source"] for entry in said} <= {domain.upper()}, (page.name, body["errors"])
        assert all(set(entry) == {"code", "source", "retryable", "retryAfterSeconds"} for entry in said)
        seen.update(entry["code"] for entry in said)
        assert_lost_only_below_errors(page, domain, healthy[page.name], body)
        assert_clean(body)
    assert set(seen) == (codes if domain not in BRIDGED else set()), seen


def assert_lost_only_below_errors(page: Page, domain: str, healthy: Any, body: dict[str, Any]) -> None:
    """What a healthy page has and this one has not, lies below the path of an error."""
    told = [tuple(error["path"]) for error in body.get("errors", ())]
    here = leaves(body["data"])
    nulls = [path for path, value in here.items() if value is None]
    lost = [path for path, value in leaves(healthy).items() if value is not None and here.get(path) is None]
    for path in (path for path in lost if not is_bridged(domain, path)):
        null = next((at for at in nulls if path[: len(at)] == at), None)
        assert null is not None, (page.name, path)
        assert any(at[: len(null)] == null for at in told), (page.name, path, told)


def assert_clean(body: dict[str, Any]) -> None:
    """No text of the vendor, no address and no trace in any error."""
    said = str(body.get("errors", ""))
    assert [leak for leak in LEAKS if leak in said] == []
