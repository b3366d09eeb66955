from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.journeys.shop import Gateway, open_gateway, open_sandbox


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with open_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox, open_gateway(sandbox) as opened:
        yield opened


async def run_tab(visit: Visit, name: str, awaited: str) -> Any:
    """Open a tab, run its operation, and wait until the answer shows `awaited`; gives its data."""
    answer = visit.page.locator(".result-window")
    await visit.page.get_by_role("tab", name=name).click()
    await expect(visit.page.locator(".graphiql-query-editor")).to_contain_text(name)
    async with visit.page.expect_response("**/graphql") as answered:
        await visit.page.get_by_role("button", name="Execute query").click()
    await expect(answer).to_contain_text(awaited)
    said: dict[str, Any] = await (await answered.value).json()
    assert "errors" not in said
    return said["data"]


async def test_a_page_operation_shows_the_whole_product(visit: Visit, gateway: Gateway) -> None:
    """The product page as it stands in its tab shows a price, points and a delivery promise."""
    await visit.open_graphiql(str(gateway.client.base_url))
    data = await run_tab(visit, "ProductPage", "Сапоги Lumera Siena")
    variant = data["product"]["variant"]
    assert variant["price"]["current"]["amount"]
    assert variant["pointsToEarn"]["amount"]["points"]
    assert variant["deliveryPromise"]["methods"]
    await visit.keep_screenshot("graphiql-product-page")
    assert visit.faults == []


@pytest.mark.parametrize("visit", ["dark"], indirect=True)
async def test_a_signed_in_customer_sees_their_points(visit: Visit, gateway: Gateway) -> None:
    """The sandbox's customers are offered, and the loyalty page shows the account of who was chosen."""
    await visit.open_graphiql(str(gateway.client.base_url))
    async with visit.page.expect_response("**/graphiql/token"):
        await visit.page.get_by_label("Signed in as").select_option("cust-anna")
    data = await run_tab(visit, "LoyaltyCabinet", "Анна")
    assert data["me"]["loyalty"]["membership"] == "ACTIVE"
    await visit.keep_screenshot("graphiql-loyalty")
    assert visit.faults == []


async def test_the_schema_is_explored(visit: Visit, gateway: Gateway) -> None:
    """GraphiQL reads the schema, so that a newcomer finds the words of the shop in the documentation."""
    await visit.open_graphiql(str(gateway.client.base_url))
    await visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(visit.page.locator(".graphiql-plugin")).to_contain_text("Query")
    assert visit.faults == []
