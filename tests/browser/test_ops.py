"""The operations page in real Chromium, over a real gateway that shoppers keep busy."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Visit
from tests.journeys.shop import Sandbox, open_sandbox
from tests.ops.watched import Shoppers, Watched, open_watched

REFRESH_MS = 1_500
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
SKU = "LUM-000001-01"
PRICE = """query PriceOf {
  product(by: {handle: "sapogi-lumera-siena-1"}) { variant { price { current { amount } } } }
}"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with open_sandbox(tmp_path_factory.mktemp("sandbox")) as opened:
        yield opened


@pytest.fixture(scope="module")
def watched(sandbox: Sandbox) -> Iterator[Watched]:
    """Waterfalls and lines are of no use here; the page is."""
    with open_watched(sandbox, GATEWAY_TELEMETRY__OPERATION_LINES="none") as opened:
        yield opened


@pytest.fixture
def busy(watched: Watched, sandbox: Sandbox) -> Iterator[Watched]:
    """A gateway that has been busy for some seconds and still is."""
    sandbox.reset()
    with Shoppers(watched.gateway):
        time.sleep(6)
        yield watched
    sandbox.reset()


async def open_ops(visit: Visit, watched: Watched) -> Locator:
    """Go to the page and wait for its first word; gives the tiles."""
    await visit.page.goto(f"{str(watched.ops.base_url).rstrip('/')}/ops")
    tiles = visit.page.locator(".tile[data-source]:not(#memory)")
    await expect(tiles).to_have_count(9)
    return tiles


async def told(visit: Visit, source: str, name: str) -> float:
    """A figure that a tile holds."""
    value = await visit.page.locator(f'.tile[data-source="{source}"]').get_attribute(f"data-{name}")
    return float(value or 0)


async def test_the_page_tells_what_metrics_and_systems_tell(visit: Visit, watched: Watched, sandbox: Sandbox) -> None:
    """Within one refresh the hit rates equal those of /metrics, and the calls those that the systems counted."""
    sandbox.reset()
    sent_before = {
        name: watched.figures("gateway_upstream_sent_total", source=name.upper()) for name in sandbox.addresses
    }
    with Shoppers(watched.gateway):
        await open_ops(visit, watched)
        await visit.page.wait_for_timeout(8_000)
    await visit.page.wait_for_timeout(2 * REFRESH_MS)
    page, counted = watched.ops.get("/metrics").text, sandbox.calls()
    assert sum(counted["pricing"].values()) > 10
    for domain in sandbox.addresses:
        source = domain.upper()
        asked = watched.figures("gateway_cache_requests_total", source=source)
        waited = sum(
            watched.figures("gateway_cache_requests_total", source=source, result=r) for r in ("miss", "coalesced")
        )
        assert await told(visit, source, "asked") == asked
        if asked:
            assert await told(visit, source, "hit-rate") == pytest.approx(1 - waited / asked)
        sent = await told(visit, source, "calls") - sent_before[domain]
        assert sent == sum(counted.get(domain, {}).values()), f"{domain}: {page.count(source)} series"
    assert visit.faults == []


async def test_a_dead_system_is_red_within_five_seconds(visit: Visit, busy: Watched, sandbox: Sandbox) -> None:
    """The tile of a system that was killed turns red and its stale share rises; the headline says so."""
    await open_ops(visit, busy)
    tile = visit.page.locator('.tile[data-source="STOCK"]')
    await expect(tile).to_have_attribute("data-state", "well")
    await visit.page.wait_for_timeout(3_000)
    sandbox.faults("stock", mode="down")
    died_at = time.monotonic()
    await expect(tile).to_have_attribute("data-state", "failing", timeout=5_000)
    red_after_s = time.monotonic() - died_at
    await expect(tile).not_to_have_attribute("data-stale", "0", timeout=max(1, 5_000 - red_after_s * 1000))
    stale_after_s = time.monotonic() - died_at
    print(f"red after {red_after_s:.1f} s, stale after {stale_after_s:.1f} s")
    await expect(visit.page.locator("#headline")).to_contain_text("of 9 systems failing")
    await visit.keep_screenshot("ops-system-down")
    assert visit.faults == []


async def test_a_purged_sku_is_missed(visit: Visit, watched: Watched, sandbox: Sandbox) -> None:
    """Looked up, purged after a question, gone; the next reader misses it because it was purged."""
    sandbox.reset()
    assert "errors" not in watched.gateway.ask(PRICE).json()
    await open_ops(visit, watched)
    await visit.page.get_by_label("Tag or key").fill(f"sku:{SKU}")
    await visit.page.get_by_role("button", name="Look up").click()
    entries = visit.page.locator("#found .entry")
    await expect(entries.first).to_contain_text(f"sku:{SKU}")
    purged = watched.figures("gateway_cache_requests_total", result="miss", reason="purged")

    await visit.page.get_by_role("button", name="Purge tag").click()
    await visit.page.locator("dialog").get_by_role("button", name="Leave it").click()
    assert await entries.count() > 0
    await visit.page.get_by_role("button", name="Purge tag").click()
    await expect(visit.page.locator("dialog")).to_contain_text(f"forgets what carries sku:{SKU}")
    await visit.page.locator("dialog").get_by_role("button", name="Purge", exact=True).click()
    await expect(visit.page.locator("#look-up-note")).to_have_text(f"Purged sku:{SKU} in 1 of 1 workers.")
    await expect(entries).to_have_count(0)
    await expect(visit.page.locator("#deeds")).to_contain_text(f"purged sku:{SKU}")

    watched.gateway.ask(PRICE)
    assert watched.figures("gateway_cache_requests_total", result="miss", reason="purged") > purged
    assert visit.faults == []


async def test_a_gateway_that_is_gone_is_said(visit: Visit, sandbox: Sandbox) -> None:
    """When the gateway dies the page says that it hears nothing, and a look-up says why there is no answer."""
    with open_watched(sandbox) as dying:
        await open_ops(visit, dying)
    await expect(visit.page.locator("#pulse")).to_contain_text("no word for")
    await visit.page.get_by_label("Tag or key").fill(f"sku:{SKU}")
    await visit.page.get_by_role("button", name="Look up").click()
    await expect(visit.page.locator("#look-up-note")).to_contain_text("Could not look")
    assert [fault for fault in visit.faults if fault.startswith("script")] == []


async def test_a_breaker_is_held_by_hand(visit: Visit, busy: Watched) -> None:
    """Held open after a question, its tile says why the system is not asked; then it decides by itself again."""
    await open_ops(visit, busy)
    row = visit.page.locator('#breakers tr[data-operation="recommendations.blocks"]')
    await row.get_by_role("button", name="hold open").click()
    await visit.page.locator("dialog").get_by_role("button", name="Hold open").click()
    await expect(row.locator(".pill")).to_have_text("held open")
    await expect(visit.page.locator("#breaker-note")).to_have_text("recommendations.blocks: done in 1 of 1 workers.")
    await expect(visit.page.locator("#deeds")).to_contain_text("breaker of recommendations.blocks: open")
    tile = visit.page.locator('.tile[data-source="RECOMMENDATIONS"]')
    await expect(tile).to_contain_text("held open by hand")
    await row.get_by_role("button", name="by itself").click()
    await visit.page.locator("dialog").get_by_role("button", name="Let it decide").click()
    await expect(row.locator(".pill")).to_have_text("closed")
    assert visit.faults == []


async def test_the_lab_agrees_with_what_was_measured(visit: Visit, busy: Watched) -> None:
    """For the terms in force the replayed hit rate is within two points of the cache's own."""
    await open_ops(visit, busy)
    for dataset in ("product_availability", "product_price", "price"):
        drawn = busy.ops.get(f"/ops/lab/{dataset}").json()
        in_force = next(point for point in drawn["points"] if point["freshS"] == drawn["freshS"])
        print(f"{dataset}: replayed {in_force['hitRate']:.3f}, measured {drawn['measured']:.3f}")
        assert drawn["questions"] > 20
        assert abs(in_force["hitRate"] - drawn["measured"]) < 0.02
    sized = busy.ops.get("/ops/lab/price/sizes").json()
    print(f"price: replayed at its size {sized['replayed']:.3f}, measured {sized['measured']:.3f}")
    assert abs(sized["replayed"] - sized["measured"]) < 0.02
    assert [point["factor"] for point in sized["points"]].count(1) == 1
    await visit.page.locator("#lab-dataset").select_option("product_availability")
    await expect(visit.page.locator("#size-points tr.in-force")).to_contain_text("268.4 MB")
    await expect(visit.page.locator("#size-chart canvas")).to_be_visible()
    await expect(visit.page.locator("#lab-points tr.in-force")).to_contain_text("2 s")
    await expect(visit.page.locator("#lab-chart canvas")).to_be_visible()


@pytest.mark.parametrize("visit", ["light", "dark"], indirect=True)
async def test_the_page_looks_right_on_every_screen(
    visit: Visit, busy: Watched, request: pytest.FixtureRequest
) -> None:
    """No script fails, nothing is fetched from elsewhere, nothing is wider than the screen; pictures are kept."""
    scheme = request.node.callspec.params["visit"]
    for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
        await visit.page.set_viewport_size(size)  # type: ignore[arg-type]
        await open_ops(visit, busy)
        await expect(visit.page.locator("#hour canvas")).to_be_visible()
        await visit.page.wait_for_timeout(REFRESH_MS)
        wide = await visit.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"]
        await visit.keep_screenshot(f"ops-{scheme}-{name}")
    assert visit.faults == []


async def test_the_token_opens_the_page(visit: Visit, sandbox: Sandbox) -> None:
    """A stranger sees a form and no figures; a wrong token is refused in words; the right one opens, with a name."""
    with open_watched(sandbox, GATEWAY_OPS__TOKEN="a token of tests") as guarded:
        assert guarded.ops.get("/metrics").status_code == 401
        assert guarded.ops.get("/metrics", headers={"authorization": "Bearer a token of tests"}).status_code == 200
        await visit.page.goto(f"{str(guarded.ops.base_url).rstrip('/')}/ops")
        await visit.page.get_by_label("Operations token").fill("a guess")
        await visit.page.get_by_label("Your name").fill("Анна")
        await visit.page.get_by_role("button", name="Open").click()
        await expect(visit.page.get_by_role("alert")).to_contain_text("Expected the operations token")
        await visit.keep_screenshot("ops-entrance")
        await visit.page.get_by_label("Operations token").fill("a token of tests")
        await visit.page.get_by_role("button", name="Open").click()
        await expect(visit.page.locator(".tile")).to_have_count(10)
        await visit.page.get_by_label("Tag or key").fill("dataset:price")
        await visit.page.get_by_role("button", name="Purge tag").click()
        await visit.page.locator("dialog").get_by_role("button", name="Purge", exact=True).click()
        await expect(visit.page.locator("#deeds")).to_contain_text(re.compile("Анна.*purged dataset:price"))
