"""The pages of the shop with real vendors in its domains, as far as each has an adapter and a simulator."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.secrets import secrets_in as secrets_of_part
from gateway.settings import UpstreamSettings
from gateway.vendors import choose_vendor
from tests.journeys.pages import BRIDGED, BY_NAME, PAGES, lists_by_path
from tests.journeys.shop import ROOT, Gateway, Sandbox, gateway_settings
from tests.journeys.test_faults import assert_clean
from tests.journeys.test_logs import forms_of
from tests.journeys.vendored import SHOPS, open_over, open_vendors, settings_of, vendors_of
from tests.ops.collector import Collector, open_collector

FAULTS = {"down": {"UNAVAILABLE"}, "html": {"INVALID_RESPONSE"}}
REMEMBERING = {"onec", "moysklad", "cdek"}
"""Whose adapters answer from what they were told before: a page loses nothing for a while."""

MOST_CALLS = 12
RECOMMENDED = """query($first: Int!) {
  recommendations(placement: "home_popular", first: $first) { items { product { id } } freshness { state } }
}"""
KNOWN_GAPS = {"first": {".variant.availability.locations.edges"}, "second": set[str]()}
"""A carrier alone knows its own points, and not the shop's stores; in the second shop it stands beside who does."""


@pytest.fixture(scope="module", params=sorted(SHOPS))
def shop(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def folder(shop: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(f"{shop}-shop")


@pytest.fixture(scope="module")
def vendors(shop: str, folder: Path) -> Iterator[Sandbox]:
    """The shop's vendors."""
    with open_vendors(shop, folder) as opened:
        yield opened


@pytest.fixture(autouse=True)
def well_vendors(vendors: Sandbox) -> Iterator[None]:
    """Every journey starts and ends with vendors that are well."""
    vendors.reset()
    yield
    vendors.reset()


@pytest.fixture(scope="module")
def log(folder: Path) -> Path:
    """What the gateway logs."""
    return folder / "gateway.log"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Where the gateway's traces and figures go."""
    with open_collector() as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(
    vendors: Sandbox, sandbox: Sandbox, shop: str, folder: Path, log: Path, collector: Collector
) -> Iterator[Gateway]:
    """A gateway that keeps nothing and gives up on nobody, so that every page asks every system.

    It writes down and traces all it may.
    """
    # Without memory pages ask more often than vendors' plans allow; the simulators forget that at each reset.
    each = {"HAS_BREAKER": "false", "QUOTA_CALLS": "1000", "QUOTA_PERIOD_S": "1"}
    told = {f"GATEWAY_UPSTREAMS__{domain.upper()}__{n}": v for domain in vendors.addresses for n, v in each.items()} | {
        "GATEWAY_CACHE__IS_ENABLED": "false",
        "GATEWAY_TELEMETRY__LOGS": "json",
        "GATEWAY_TELEMETRY__SLOW_S": "0.000001",
        "GATEWAY_TELEMETRY__TRACES_URL": f"{collector.address}/v1/traces",
        "GATEWAY_TELEMETRY__TRACES_SHARE": "1",
    }
    with log.open("wb") as opened, open_over(vendors, shop, folder, sandbox, told, opened) as gateway:
        yield gateway


def see(gateway: Gateway, name: str, token: str | None) -> Any:
    """A page, with its errors but for those of what a vendor does not offer at all."""
    page = BY_NAME[name]
    answer = gateway.ask(page.document, page.variables, token=token)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    body["errors"] = [one for one in body.get("errors", ()) if one["extensions"]["code"] != "NOT_OFFERED"]
    return body


@pytest.mark.parametrize("customer", [None, "cust-anna"], ids=["visitor", "customer"])
def test_every_page_is_whole(
    whole: Gateway, forgetful: Gateway, vendors: Sandbox, sandbox: Sandbox, shop: str, customer: str | None
) -> None:
    """No page has an error, and where our own contract's systems would show something, vendors show something too."""
    ours, theirs = (where.token(customer) if customer else None for where in (sandbox, vendors))
    for page in PAGES:
        body = see(whole, page.name, theirs)
        assert body["errors"] == [], page.name
        usual, here = (lists_by_path(seen["data"]) for seen in (see(forgetful, page.name, ours), body))
        empty = {path for path, length in usual.items() if length and here.get(path) == 0}
        assert empty <= KNOWN_GAPS[shop], page.name
    print(f"{shop}: {', '.join(f'{domain}={vendor}' for domain, vendor in vendors_of(shop).items())}")


def test_a_listing_asks_each_vendor_a_few_times(whole: Gateway, vendors: Sandbox) -> None:
    """48 tiles with prices, stock and points: no vendor is asked once per tile, nor anything near it."""
    tiles = see(whole, "02_category", None)["data"]["category"]["products"]["edges"]
    calls = {domain: sum(operations.values()) for domain, operations in vendors.calls().items()}
    assert len(tiles) == 48
    assert max(calls.values()) <= MOST_CALLS, calls


@pytest.mark.parametrize("fault", FAULTS)
def test_a_page_answers_whatever_one_vendor_does(whole: Gateway, vendors: Sandbox, shop: str, fault: str) -> None:
    """Each vendor in turn is away, or answers with a page of HTML: nobody else's fields are lost, nothing leaks."""
    token = vendors.token("cust-anna")
    for domain, vendor in vendors_of(shop).items():
        vendors.faults(domain, mode=fault)
        seen = [see(whole, name, token) for name in ("05_product", "07_loyalty")]
        vendors.reset()
        said = [error["extensions"] for body in seen for error in body["errors"]]
        sources = {one["source"] for one in said}
        assert sources <= {domain.upper()}, domain
        assert sources or domain in BRIDGED or vendor in REMEMBERING, domain
        assert {one["code"] for one in said} <= FAULTS[fault], domain
        assert all(body["data"] is not None for body in seen)
        assert_clean({"errors": [error for body in seen for error in body["errors"]]})


def test_the_doctor_finds_every_vendor_well(
    whole: Gateway, vendors: Sandbox, sandbox: Sandbox, shop: str, folder: Path
) -> None:
    """And shows no key of any."""
    settings = settings_of(vendors, shop, folder, sandbox)
    env = {**os.environ, **gateway_settings(vendors, **settings)}
    command = [sys.executable, "-m", "gateway", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [secret for secret in secrets_in(settings) if secret in done.stdout + done.stderr]
    assert whole.process.poll() is None


def secrets_in(settings: Mapping[str, str]) -> list[str]:
    """The keys that the vendors' options hold."""
    found = []
    for name, value in settings.items():
        if name.endswith("__OPTIONS"):
            prefix = name.removesuffix("OPTIONS")
            domain: Any = prefix.split("__")[1].lower()
            upstream = UpstreamSettings.model_validate(
                {"url": "http://x.test", "vendor": settings[f"{prefix}VENDOR"], "options": json.loads(value)}
            )
            found += list(secrets_of_part(choose_vendor(domain, upstream).options))
    return [secret for secret in found if secret]


def test_no_key_is_in_a_log_a_span_or_a_figure(
    whole: Gateway, vendors: Sandbox, sandbox: Sandbox, shop: str, folder: Path, log: Path, collector: Collector
) -> None:
    """Of a gateway that writes down all it may, over every page, well and with all vendors broken."""
    keys = secrets_in(settings_of(vendors, shop, folder, sandbox))
    keys += [key.rpartition("/")[2] for key in keys if "/" in key]
    assert len(keys) >= len(vendors_of(shop)) - 1
    token = vendors.token("cust-anna")
    for fault in ("none", *FAULTS):
        for domain in vendors_of(shop):
            vendors.faults(domain, mode=fault)
        for page in PAGES:
            see(whole, page.name, token)
    collector.wait_for(lambda: len(collector.spans()) > 100)
    texts = [log.read_text("utf-8"), *map(str, collector.traces), *map(str, collector.figures)]
    assert texts[0].count("\n") > len(PAGES) * len(FAULTS)
    assert {key for key in keys for text in texts for form in forms_of(key) if form in text} == set()
    print(f"{shop}: {len(keys)} keys sought in {sum(map(len, texts))} characters of logs and spans: 0 hits")


def test_what_retail_rocket_lets_us_keep_is_kept_and_nothing_else(
    vendors: Sandbox, sandbox: Sandbox, shop: str, folder: Path
) -> None:
    """`no-store` is asked every time and is live; `max-age` is asked once, and cached from then on."""
    if vendors_of(shop).get("recommendations") != "retail_rocket":
        pytest.skip("only Retail Rocket says how long its answers may be kept")
    with open_over(vendors, shop, folder, sandbox, {}) as gateway:
        assert recommended(gateway, vendors, "no-store", first=5) == (3, ["LIVE", "LIVE", "LIVE"])
        assert recommended(gateway, vendors, "private, max-age=600", first=6) == (1, ["LIVE", "CACHED", "CACHED"])


def recommended(gateway: Gateway, vendors: Sandbox, said: str, first: int) -> tuple[int, list[str]]:
    """Ask three times while the vendor says this of keeping: its calls, and what our answers are called."""
    vendors.reset()
    switched = vendors.control.put("/vendors/recommendations/switches", json={"cacheControl": said})
    assert switched.status_code == 200
    bodies = [gateway.ask(RECOMMENDED, {"first": first}).json() for _ in range(3)]
    states = [body["data"]["recommendations"]["freshness"]["state"] for body in bodies]
    return vendors.calls()["recommendations"]["partner.popular"], states


def test_every_vendor_of_the_shop_is_there(shop: str) -> None:
    """Those without an adapter, a simulator or a recipe are named; our own contract stands in for them above."""
    missing = {vendor for vendor in SHOPS[shop].values() if vendor not in vendors_of(shop).values()}
    if missing:
        pytest.skip(f"no adapter, simulator or recipe yet: {', '.join(sorted(missing))}")
