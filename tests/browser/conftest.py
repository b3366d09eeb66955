"""Real Chromium, with the network closed except for this machine."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

ARTEFACTS = Path(__file__).resolve().parents[2] / ".artifacts"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage", "--disable-gpu"]
# Any name but this machine's resolves to nothing, so the page cannot reach the internet by any road.
CLOSED_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

expect.set_options(timeout=20_000)  # a busy machine may need some seconds to show a page


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium: expected `chromium` on PATH (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, CLOSED_NETWORK])
        yield browser
        await browser.close()


class Visit:
    """A page, and all that went wrong on it: errors of scripts, refusals by the policy, calls to other hosts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", lambda said: self.faults.append(f"console: {said.text}") if said.type == "error" else None)

    async def open_graphiql(self, address: str) -> None:
        """Go there, and wait until the first tab can be edited: a tab chosen before that is lost."""
        await self.page.goto(f"{address.rstrip('/')}/graphiql")
        await expect(self.page.locator(".graphiql-query-editor .monaco-editor").first).to_contain_text("HomePage")

    async def keep_local(self, route: Route) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            await route.continue_()
        else:
            self.faults.append(f"another host: {route.request.url}")
            await route.abort()

    async def keep_screenshot(self, name: str) -> Path:
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        await self.page.screenshot(path=path)
        return path


@pytest.fixture
async def visit(request: pytest.FixtureRequest, chromium: Browser) -> AsyncIterator[Visit]:
    """A fresh profile; the colour scheme is light unless the test's parameter says otherwise."""
    scheme = getattr(request, "param", "light")
    context = await chromium.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": 1440, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = await context.new_page()
    visit = Visit(page)
    await context.route("**/*", visit.keep_local)
    yield visit
    await context.close()
