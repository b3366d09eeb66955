from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.journeys.shop import Gateway, open_gateway, open_sandbox


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with open_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox, open_gateway(sandbox) as opened:
        yield opened


async def run_tab(visit: Visit, name: str, awaited: str) -> str:
    """Open a tab, run its operation, and wait until the answer shows `awaited`; gives the whole answer."""
    answer = visit.page.locator(".result-window")
    await visit.page.get_by_role("tab", name=name).click()
    await expect(visit.page.locator(".graphiql-query-editor")).to_contain_text(name)
    said = await execute(visit)
    while "OPERATION_RESOLUTION_FAILURE" in said:  # GraphiQL reads the operation's name a moment after the tab
        said = await execute(visit)
    await expect(answer).to_contain_text(awaited)
    return said


async def execute(visit: Visit) -> str:
    async with visit.page.expect_response("**/graphql") as answered:
        await visit.page.get_by_role("button", name="Execute query").click()
    return await (await answered.value).text()


async def test_a_page_operation_shows_the_whole_product(visit: Visit, gateway: Gateway) -> None:
    """A visitor runs the product page as it stands in its tab, and sees what every system knows of it."""
    await visit.open_graphiql(str(gateway.client.base_url))
    answer = await run_tab(visit, "ProductPage", "Lumera Siena")
    assert '"errors"' not in answer
    await visit.keep_screenshot("graphiql-product-page")
    assert visit.faults == []


@pytest.mark.parametrize("visit", ["dark"], indirect=True)
async def test_a_signed_in_customer_sees_their_points(visit: Visit, gateway: Gateway) -> None:
    """The sandbox's customers are offered, and the loyalty page shows the account of who was chosen."""
    await visit.open_graphiql(str(gateway.client.base_url))
    async with visit.page.expect_response("**/graphiql/token"):
        await visit.page.get_by_label("Signed in as").select_option("cust-anna")
    answer = await run_tab(visit, "LoyaltyCabinet", "Анна")
    assert '"errors"' not in answer
    await visit.keep_screenshot("graphiql-loyalty")
    assert visit.faults == []


async def test_the_schema_is_explored(visit: Visit, gateway: Gateway) -> None:
    """GraphiQL reads the schema, so that a newcomer finds the words of the shop in the documentation."""
    await visit.open_graphiql(str(gateway.client.base_url))
    await visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(visit.page.locator(".graphiql-plugin")).to_contain_text("Query")
    assert visit.faults == []
