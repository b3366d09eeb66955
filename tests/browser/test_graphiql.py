from collections.abc import AsyncIterator, Sequence

import pytest
from playwright.async_api import expect

from gateway.graphiql import Customer, SignIn
from tests.browser.conftest import Visit
from tests.browser.small_shop import issue_token, serve

PAGES = [
    "HomePage",
    "CategoryPage",
    "SearchPage",
    "SearchSuggest",
    "ProductPage",
    "VariantInStores",
    "LoyaltyCabinet",
    "LoyaltyHistory",
]


@pytest.fixture
async def shop() -> AsyncIterator[str]:
    async with serve() as address:
        yield address


async def write_query(visit: Visit, name: str, selection: str) -> None:
    """Paste a query into a new tab (typed, the editor would close its brackets itself) until it has its name."""
    query = f"query {name} {selection}"
    editor = visit.page.locator(".graphiql-query-editor .monaco-editor").first
    await visit.page.get_by_role("button", name="New tab").click()
    await expect(editor).not_to_contain_text("HomePage")
    await editor.click()
    await visit.page.keyboard.press("Control+A")
    await visit.page.evaluate("text => navigator.clipboard.writeText(text)", query)
    await visit.page.keyboard.press("Control+V")
    await expect(visit.page.locator(".graphiql-tab-active")).to_contain_text(name)


@pytest.mark.parametrize("visit", ["light", "dark"], indirect=True)
async def test_graphiql_opens_with_every_page_as_a_tab(visit: Visit, shop: str, request: pytest.FixtureRequest) -> None:
    """With no internet and under the strict policy the page opens, and each page operation has its tab."""
    await visit.open_graphiql(shop)
    tabs = visit.page.locator(".graphiql-tab-button")
    await expect(tabs).to_have_text(PAGES)
    await expect(visit.page.get_by_label("Variables").last).to_contain_text("cty_msk")
    await expect(visit.page.locator("header")).to_contain_text("Commerce gateway")
    await visit.keep_screenshot(f"graphiql-{request.node.callspec.params['visit']}")
    assert visit.faults == []


async def test_a_second_visit_finds_the_tabs_of_the_first(visit: Visit, shop: str) -> None:
    """What the visitor left in the tabs is there again, and no tab comes twice."""
    await visit.open_graphiql(shop)
    await write_query(visit, "Probe", "{ viewer }")
    await visit.page.wait_for_timeout(1000)  # GraphiQL stores the tabs half a second after the last edit
    await visit.page.reload()
    await expect(visit.page.locator(".graphiql-tab-button")).to_have_text([*PAGES, "Probe"])


async def test_graphiql_asks_as_the_chosen_customer(visit: Visit, shop: str) -> None:
    """An operation is run and its answer is shown; signing in changes in whose name it is asked."""
    await visit.open_graphiql(shop)
    await write_query(visit, "Probe", '{ viewer product(by: {handle: "siena"}) { title price } }')
    answer = visit.page.locator(".result-window")
    await visit.page.get_by_role("button", name="Execute query").click()
    await expect(answer).to_contain_text("nobody")

    async with visit.page.expect_response("**/graphiql/token"):
        await visit.page.get_by_label("Signed in as").select_option("anna")
    await visit.page.get_by_role("button", name="Execute query").click()
    await expect(answer).to_contain_text("token-of-anna")
    await expect(answer).to_contain_text("Product siena")
    await visit.keep_screenshot("graphiql-signed-in")
    assert visit.faults == []


async def test_a_refused_sign_in_is_said(visit: Visit, shop: str) -> None:
    """When no token is given the page says so and stays anonymous."""
    await visit.open_graphiql(shop)
    await visit.page.get_by_label("Signed in as").select_option("boris")
    await expect(visit.page.locator("header").get_by_role("alert")).to_contain_text("expected 200, got 404")
    await expect(visit.page.get_by_label("Signed in as")).to_have_value("")


async def test_the_page_opens_when_nobody_can_sign_in(visit: Visit) -> None:
    """When the customers cannot be listed the page says so, and everything else works."""

    async def fail_to_list() -> Sequence[Customer]:
        raise TimeoutError

    async with serve(SignIn(fail_to_list, issue_token)) as address:
        await visit.open_graphiql(address)
        await expect(visit.page.get_by_role("status")).to_contain_text("Signing in is not available now")
