"""GraphiQL over the whole shop: the real gateway, the sandbox, and a browser that reaches nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.journeys.shop import Gateway, Sandbox, open_gateway, open_sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    with open_sandbox(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def gateway(sandbox: Sandbox) -> Iterator[Gateway]:
    with open_gateway(sandbox) as opened:
        yield opened


async def test_a_page_operation_runs_and_shows_its_result(visit: Visit, gateway: Gateway) -> None:
    """The product page's tab, run as a customer of the sandbox, shows prices, points and a delivery promise."""
    await visit.open_graphiql(str(gateway.client.base_url))
    async with visit.page.expect_response("**/graphiql/token"):
        await visit.page.get_by_label("Signed in as").select_option("cust-anna")
    await visit.page.locator(".graphiql-tab-button", has_text="ProductPage").click()
    async with visit.page.expect_response("**/graphql") as asked:
        await visit.page.get_by_role("button", name="Execute query").click()
    body = await (await asked.value).json()
    assert "errors" not in body
    assert body["data"]["product"]["variant"]["deliveryPromise"]["methods"]
    await expect(visit.page.locator(".result-window")).to_contain_text("Сапоги Lumera Siena")
    await visit.keep_screenshot("graphiql-product-page")
    assert visit.faults == []
