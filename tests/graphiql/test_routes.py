import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from graphql import OperationDefinitionNode, parse
from starlette.applications import Starlette

from gateway.graphiql import Customer, SignIn, read_page_operations, routes

ASSETS = Path(__file__).resolve().parents[2] / "gateway" / "graphiql" / "assets"


async def list_customers() -> Sequence[Customer]:
    return [Customer("anna", "Anna", "gold tier")]


async def issue_token(customer_id: str) -> str | None:
    return {"anna": "signed"}.get(customer_id)


def browse(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with browse(Starlette(routes=routes(product="Shop", sign_in=SignIn(list_customers, issue_token)))) as client:
        yield client


@pytest.mark.parametrize("path", ["/graphiql", "/graphiql/assets/page.js", "/graphiql/assets/graphql.worker.js"])
async def test_page_and_assets_stand_under_the_policy(client: httpx.AsyncClient, path: str) -> None:
    """No script but ours may run and no other host may be asked, in the page and in its workers."""
    answer = await client.get(path)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert answer.status_code == 200
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_settings_carry_the_page_operations(client: httpx.AsyncClient) -> None:
    """The tabs are the page operations, each with variables that are a JSON object."""
    settings = (await client.get("/graphiql/settings")).json()
    assert settings["product"] == "Shop"
    assert settings["endpoint"] == "/graphql"
    assert settings["signIn"] is True
    assert [tab["query"] for tab in settings["tabs"]] == [operation.query for operation in read_page_operations()]
    assert all(isinstance(json.loads(tab["variables"]), dict) for tab in settings["tabs"])


def test_each_tab_holds_one_operation_that_takes_its_variables() -> None:
    """One operation per tab, so running it never asks which; its variables are those that it declares."""
    for page in read_page_operations():
        (operation,) = (part for part in parse(page.query).definitions if isinstance(part, OperationDefinitionNode))
        declared = {definition.variable.name.value for definition in operation.variable_definitions or ()}
        assert json.loads(page.variables).keys() <= declared, page.name


async def test_signing_in_gives_a_token(client: httpx.AsyncClient) -> None:
    """A listed customer gets a token, which no cache may keep."""
    assert (await client.get("/graphiql/customers")).json() == [{"id": "anna", "name": "Anna", "note": "gold tier"}]
    answer = await client.post("/graphiql/token", json={"customerId": "anna"})
    assert answer.json() == {"token": "signed"}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"customerId": "nobody"}', 404),
        ("application/json", b'{"customerId": 7}', 400),
        ("application/json", b"[]", 400),
        ("application/json", b"\xff{", 400),
        ("application/json", b'{"customerId": "' + b"a" * 2000 + b'"}', 400),
        ("text/plain", b'{"customerId": "anna"}', 400),
        ("application/x-www-form-urlencoded", b"customerId=anna", 400),
    ],
    ids=["unknown", "number", "list", "not JSON", "too long", "text of another site", "form of another site"],
)
async def test_misuse_of_signing_in_is_refused(
    client: httpx.AsyncClient, content_type: str, body: bytes, status: int
) -> None:
    """What is no sign-in of this page gives a refusal that says what was expected, and no token."""
    answer = await client.post("/graphiql/token", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert answer.json()["detail"].startswith("Expected ")


async def test_without_sign_in_there_is_no_token_to_be_had() -> None:
    """A gateway that offers no signing in has neither the list nor the token."""
    async with browse(Starlette(routes=routes(product="Shop"))) as client:
        assert (await client.get("/graphiql/settings")).json()["signIn"] is False
        assert (await client.get("/graphiql/customers")).status_code == 404
        assert (await client.post("/graphiql/token", json={"customerId": "anna"})).status_code == 404


async def test_assets_cannot_be_left(client: httpx.AsyncClient) -> None:
    """A path that climbs out of the assets finds nothing."""
    assert (await client.get("/graphiql/assets/%2e%2e/routes.py")).status_code == 404


def test_assets_are_as_they_were_built() -> None:
    """Every file is listed in manifest.json with its SHA-256: nothing was edited by hand or left over."""
    sums = json.loads((ASSETS / "manifest.json").read_text())
    files = {path.relative_to(ASSETS).as_posix(): path for path in ASSETS.rglob("*") if path.is_file()}
    del files["manifest.json"]
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()} == sums


def test_every_bundled_package_has_its_notice() -> None:
    """THIRD-PARTY.md and LICENSES.txt name the same packages in the same versions."""
    page = (ASSETS.parents[2] / "THIRD-PARTY.md").read_text()
    table = page.partition("<!-- graphiql packages -->")[2].partition("<!-- end -->")[0]
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]
    texts = (ASSETS / "LICENSES.txt").read_text()
    assert rows
    assert [row for row in rows if f"\n{row[0]} {row[1]} ({row[2]})\n" not in texts] == []
