import httpx
import pytest
import respx
from pydantic import HttpUrl
from starlette.routing import Route

from gateway.development import SandboxCustomers, development_routes
from gateway.graphiql import Customer
from gateway.settings import DevelopmentSettings

CONTROL = "http://sandbox.test:8100"


@pytest.fixture
def customers() -> SandboxCustomers:
    return SandboxCustomers(CONTROL)


def paths(settings: DevelopmentSettings) -> set[str]:
    return {route.path for route in development_routes(settings) if isinstance(route, Route)}


def test_nothing_is_open_unless_asked_for() -> None:
    """By default there is no GraphiQL and nobody to sign in as."""
    assert development_routes(DevelopmentSettings()) == []


def test_signing_in_needs_a_sandbox() -> None:
    """Tokens can be had only from a sandbox: without its address there is GraphiQL and no more."""
    alone = paths(DevelopmentSettings(is_enabled=True))
    beside = paths(DevelopmentSettings(is_enabled=True, sandbox_control_url=HttpUrl(CONTROL)))
    assert "/graphiql" in alone
    assert beside - alone == {"/graphiql/customers", "/graphiql/token"}


@respx.mock
async def test_customers_are_those_of_the_sandbox(customers: SandboxCustomers) -> None:
    """The list is the sandbox's, with what each customer is there for."""
    told = {"customers": [{"id": "cust-anna", "name": "Anna", "about": "silver"}, {"id": "c2", "name": "B"}], "more": 1}
    respx.get(f"{CONTROL}/known").respond(json=told)
    assert await customers.list_customers() == [Customer("cust-anna", "Anna", "silver"), Customer("c2", "B", "")]


@respx.mock
async def test_a_token_is_asked_for_by_customer(customers: SandboxCustomers) -> None:
    """The sandbox signs for the customer that was chosen."""
    asked = respx.post(f"{CONTROL}/token", json={"customerId": "cust-anna"}).respond(json={"token": "signed"})
    assert await customers.issue_token("cust-anna") == "signed"
    assert asked.call_count == 1


@respx.mock
async def test_an_unknown_customer_gets_no_token(customers: SandboxCustomers) -> None:
    """What the sandbox refuses is no token."""
    respx.post(f"{CONTROL}/token").respond(404, json={"status": 404})
    assert await customers.issue_token("nobody") is None


@respx.mock
async def test_a_sandbox_that_is_gone_is_not_hidden(customers: SandboxCustomers) -> None:
    """Nobody can sign in without the sandbox: the error goes up and is not taken for an empty list."""
    respx.get(f"{CONTROL}/known").mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(httpx.ConnectError):
        await customers.list_customers()
