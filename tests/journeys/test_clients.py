"""Real clients against the real gateway: the pages of the shop, as Apollo Client, urql and gql send them.

The shop's schema has no subscription; those are shown on the small shop of `tests/http`.
"""

import subprocess
from pathlib import Path
from typing import Any

import gql
import pytest
from gql.transport.aiohttp import AIOHTTPTransport
from graphql import build_schema

from tests.http.projects import write_documents
from tests.http.suites import ARIADNE, ROOT, needs_ariadne, needs_node, run_node
from tests.journeys.pages import PAGES, Page
from tests.journeys.shop import OPERATIONS, Gateway, Sandbox

SDL = ROOT / "schema.graphql"
SCHEMA = build_schema(SDL.read_text("utf-8"))
TYPED = """
import asyncio, sys
from shop_client import Client

async def main() -> None:
    address, token, handle = sys.argv[1:]
    async with Client(url=address, headers={"authorization": f"Bearer {token}"}) as client:
        page = await client.product_page_query(handle=handle)
        mine = await client.loyalty_cabinet_query(first=3)
    print(page.product.title, page.product.variant.price.current.amount, mine.me.loyalty.card.number, sep="|")

asyncio.run(main())
"""


def address_of(gateway: Gateway) -> str:
    return f"{str(gateway.client.base_url).rstrip('/')}/graphql"


@needs_node
def test_apollo_and_urql_show_every_page(forgetful: Gateway, sandbox: Sandbox) -> None:
    """Both clients get all pages whole, by their hashes, and before a deferred seam that takes 0.3 s."""
    sandbox.faults("delivery", latencyMs=300)
    token = sandbox.token("cust-anna")
    assert run_node("pages.mjs", address_of(forgetful), str(OPERATIONS), token, timeout_s=90) == 4 * len(PAGES) + 3


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
async def test_gql_shows_every_page(gateway: Gateway, sandbox: Sandbox, page: Page) -> None:
    """Python's client checks each page against the exported schema, and gets it without an error."""
    transport = AIOHTTPTransport(
        url=address_of(gateway), headers={"authorization": f"Bearer {sandbox.token('cust-anna')}"}
    )
    async with gql.Client(transport=transport, schema=SCHEMA) as session:
        asked = gql.gql(page.document)
        asked.variable_values = page.variables
        answer: dict[str, Any] = await session.execute(asked)
    assert answer
    assert None not in answer.values()


@needs_ariadne
def test_ariadne_codegen_makes_a_client_that_works(gateway: Gateway, sandbox: Sandbox, tmp_path: Path) -> None:
    """A typed client made of the exported schema and all pages reads a product and a loyalty card."""
    write_documents(tmp_path / "documents")
    section = {"schema_path": SDL, "queries_path": tmp_path / "documents", "target_package_name": "shop_client"}
    settings = "".join(f'{name} = "{value}"\n' for name, value in section.items())
    (tmp_path / "pyproject.toml").write_text(f"[tool.ariadne-codegen]\n{settings}")
    run_there(tmp_path, ARIADNE / "ariadne-codegen", "client")
    handle = "sapogi-lumera-siena-1"
    said = run_there(tmp_path, ARIADNE / "python", "-c", TYPED, address_of(gateway), sandbox.token("cust-anna"), handle)
    title, price, card = said.strip().split("|")
    product = gateway.ask(f'{{ product(by: {{ handle: "{handle}" }}) {{ title }} }}').json()["data"]["product"]
    assert title == product["title"]
    assert float(price) > 0
    assert card


def run_there(folder: Path, *command: str | Path) -> str:
    """Run a program in a folder; its output, or a failure with what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
