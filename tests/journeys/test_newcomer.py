"""What somebody sees who starts the shop for the first time."""

import pytest

from tests.journeys.pages import BY_NAME, PAGES, Page, lists_by_path
from tests.journeys.shop import Gateway, Sandbox

# Empty when all is well: carriers that failed.
EMPTY_WHEN_WELL = ".failures"


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_page_answers_in_full(gateway: Gateway, sandbox: Sandbox, page: Page) -> None:
    """Every page answers 200 without errors, and no list of it is empty everywhere."""
    answer = gateway.ask(page.document, page.variables, token=sandbox.token("cust-anna"))
    assert answer.status_code == 200
    body = answer.json()
    assert "errors" not in body
    empty = [path for path, longest in lists_by_path(body["data"]).items() if longest == 0]
    assert [path for path in empty if not path.endswith(EMPTY_WHEN_WELL)] == []


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_page_answers_strangers(gateway: Gateway, page: Page) -> None:
    """Without signing in every page answers without errors; what is about a customer is null."""
    body = gateway.ask(page.document, page.variables).json()
    assert "errors" not in body
    assert body["data"].get("me", None) is None


def test_category_page_asks_each_system_once_per_level(forgetful: Gateway, sandbox: Sandbox) -> None:
    """48 tiles cost one call per system: no N+1, however many tiles and variants."""
    page = BY_NAME["02_category"]
    body = forgetful.ask(page.document, page.variables).json()
    assert len(body["data"]["category"]["products"]["edges"]) == 48
    assert sandbox.calls() == {
        "geo": {"geo.localities": 1},
        "catalogue": {"catalogue.categories": 1, "catalogue.products": 1},
        "search": {"search.listings": 1},
        "pricing": {"pricing.products": 1},
        "stock": {"stock.products": 1},
        "loyalty": {"loyalty.estimates": 1},
    }


def test_warm_page_asks_nobody(gateway: Gateway, sandbox: Sandbox) -> None:
    """A page asked again within its freshness costs no call; stock's two seconds may pass meanwhile."""
    page = BY_NAME["02_category"]
    gateway.ask(page.document, page.variables)
    gateway.ask(page.document, page.variables)
    sandbox.reset()
    assert gateway.ask(page.document, page.variables).json()["data"]["category"]
    assert set(sandbox.calls()) <= {"stock"}


def test_ready_names_every_upstream(gateway: Gateway, sandbox: Sandbox) -> None:
    """`/ready` pings every system, and says degraded, not down, when one of nine is away."""
    assert gateway.client.get("/live").json() == {"status": "live"}
    assert gateway.client.get("/ready").json()["status"] == "ready"
    sandbox.faults("recommendations", mode="down")
    answer = gateway.client.get("/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["upstreams"]["recommendations"] == {"status": "failing", "code": "UNAVAILABLE"}
