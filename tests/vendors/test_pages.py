"""The pages on vendors: each has one, and what they show as settings is read."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.resilience.policy import Quota
from gateway.secrets import secrets_of
from gateway.settings import SOURCE_OF_UPSTREAM, Settings, UpstreamSettings
from gateway.upstreams import decide_policy
from gateway.vendors import GENERIC, VENDORS, choose_vendor
from tests.vendors.recommenders import documented, recombee_simulator, retail_rocket_simulator

PAGES = Path(__file__).parents[2] / "docs" / "vendors"
NAMES = sorted({name for domain in VENDORS.values() for name in domain if name != GENERIC})
BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_every_vendor_has_its_page(name: str) -> None:
    """It says how it was verified, and has its row in the list of vendors."""
    assert "verified" in (PAGES / f"{name}.md").read_text().lower()
    assert f"[{name}.md]({name}.md)" in (PAGES / "README.md").read_text()


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("*.md")))
def test_settings_that_a_page_shows_are_read(page: str) -> None:
    """As an operator would copy them: the vendor stands in that domain, and takes the options."""
    for block in BLOCK.findall((PAGES / page).read_text()):
        for name, settings in tomllib.loads(block).get("upstreams", {}).items():
            choose_vendor(name, UpstreamSettings(**settings))


@pytest.mark.parametrize(
    ("vendor", "secrets"),
    [("retail_rocket", ("api_key", "session_key")), ("recombee", ("private_token",))],
)
def test_keys_of_recommenders_are_known_as_secrets(vendor: str, secrets: tuple[str, ...]) -> None:
    """So that they are taken out of whatever is logged."""
    options = documented(vendor)
    upstreams = {name: UpstreamSettings.model_validate({"url": f"http://{name}.local"}) for name in SOURCE_OF_UPSTREAM}
    upstreams["recommendations"] = UpstreamSettings.model_validate(
        {"url": "http://r.local", "vendor": vendor, "options": options}
    )
    assert set(secrets_of(Settings(upstreams=upstreams))) >= {options[name] for name in secrets}


def test_retail_rocket_s_published_quota_is_kept() -> None:
    """A hundred calls a second, unless the operator's contract says otherwise."""
    retail_rocket = VENDORS["recommendations"]["retail_rocket"]
    source = SOURCE_OF_UPSTREAM["recommendations"]
    plain = UpstreamSettings.model_validate({"url": "http://r.local"})
    richer = UpstreamSettings.model_validate({"url": "http://r.local", "quota_calls": 500})
    assert decide_policy(source, plain, retail_rocket).quota == Quota(100)
    assert decide_policy(source, richer, retail_rocket).quota == Quota(500)


@pytest.mark.parametrize(
    ("vendor", "simulator"), [("retail_rocket", retail_rocket_simulator), ("recombee", recombee_simulator)]
)
def test_every_switch_of_a_recommender_is_on_its_page(vendor: str, simulator: Callable[[], Any]) -> None:
    """By its name, so that somebody who wants to see it break knows how."""
    text = (PAGES / f"{vendor}.md").read_text()
    assert [name for name in simulator().switches() if f"`{name}`" not in text] == []
