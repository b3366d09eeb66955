"""1C behind the gateway: a shopper's page shows what 1C told, over real sockets and processes."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.shop import Gateway, open_gateway, open_sandbox

AVAILABILITY = """query Stock($sku: String!) { product(by: {sku: $sku}) { variant { availability {
  status quantity freshness { state ageSeconds }
  locations(first: 50) { nodes { quantity location { id } } }
} } } }"""
LOGIN = {"login": "обмен", "password": "тайна"}


@dataclass
class Shop:
    """A gateway, and 1C beside it."""

    gateway: Gateway
    onec: httpx.Client
    control: httpx.Client
    sku: str

    def sell(self, location_id: str, pieces: int) -> None:
        """From now on so many lie there."""
        told = {"sku": self.sku, "locationId": location_id, "pieces": pieces}
        assert self.onec.post("/sales", json=told).status_code == 204

    def exchange(self, *, full: bool, **switches: Any) -> list[str]:
        """What the site said."""
        usual = self.control.get("/vendors/stock/switches").json()
        assert self.control.put("/vendors/stock/switches", json=switches).status_code == 200
        site = f"{self.gateway.client.base_url}/exchange/commerceml"
        told: list[str] = self.onec.post("/exchange", json={"site": site, "full": full, **LOGIN}).json()["told"]
        assert self.control.put("/vendors/stock/switches", json=usual).status_code == 200
        return told

    def push(self) -> Any:
        site = f"{self.gateway.client.base_url}/exchange/stock"
        return self.onec.post("/push", json={"site": site, "key": "push-key"}).json()

    def told(self) -> Any:
        """What a shopper is told."""
        return self.gateway.ask(AVAILABILITY, {"sku": self.sku}).json()["data"]["product"]["variant"]["availability"]

    def elsewhere(self) -> int:
        """Pieces in warehouses other than Moscow's."""
        places = {node["location"]["id"]: node["quantity"] for node in self.told()["locations"]["nodes"]}
        return sum(pieces for key, pieces in places.items() if key.startswith("loc_wh-") and key != "loc_wh-msk")

    def wait_for(self, quantity: int) -> float:
        """Seconds until a shopper is told so."""
        began = time.monotonic()
        while (told := self.told()["quantity"]) != quantity:
            assert time.monotonic() - began < 10, f"expected {quantity}, still told {told}"
            time.sleep(0.05)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("onec")
    with open_sandbox(folder, products=60, vendors="stock=onec") as sandbox:
        known = sandbox.known["vendors"]["stock"]
        options = {
            "folder": str(folder / "ledger"),
            "push_key": "push-key",
            "exchange_login": LOGIN["login"],
            "exchange_password": LOGIN["password"],
            "time_zone": known["timeZone"],
            "sku_from": known["skuFrom"],
            "warehouses": known["warehouses"],
            "cap": 1000,
        }
        settings = {
            "GATEWAY_UPSTREAMS__STOCK__VENDOR": "onec",
            "GATEWAY_UPSTREAMS__STOCK__API_KEY": "",
            "GATEWAY_UPSTREAMS__STOCK__OPTIONS": json.dumps(options),
        }
        with (
            open_gateway(sandbox, **settings) as gateway,
            httpx.Client(base_url=sandbox.addresses["stock"], timeout=60) as onec,
        ):
            yield Shop(gateway, onec, sandbox.control, "LUM-000001-01")


def test_pages_show_what_1c_told(shop: Shop) -> None:
    """Nothing before the first exchange, then all stock, then each change soon after it was answered."""
    answer = shop.gateway.ask(AVAILABILITY, {"sku": shop.sku}).json()
    assert answer["data"]["product"]["variant"]["availability"] is None
    assert answer["errors"][0]["extensions"]["source"] == "STOCK"

    assert shop.exchange(full=True, packs=True, encoding="windows-1251", chunkBytes=4000)[-1] == "success"
    wait_until_known(shop)
    elsewhere = shop.elsewhere()

    shop.sell("wh-msk", 77)
    told = shop.push()
    assert (told["status"], json.loads(told["told"])) == (200, {"accepted": told["items"], "rejected": []})
    print(f"a push was on the page after {shop.wait_for(elsewhere + 77):.2f} s")

    shop.sell("wh-msk", 55)
    assert shop.exchange(full=False, form="rests", repeatsChunks=True)[-1] == "success"
    print(f"a package was on the page after {shop.wait_for(elsewhere + 55):.2f} s")


def wait_until_known(shop: Shop) -> None:
    """An error is remembered for a second."""
    deadline = time.monotonic() + 10
    while shop.told() is None:
        assert time.monotonic() < deadline, "expected stock after the first exchange"
        time.sleep(0.1)


def test_package_that_is_cut_off_leaves_pages_as_they_were(shop: Shop) -> None:
    """A failed exchange is 1C's to repeat, and a late one does not turn back the clock."""
    shop.sell("wh-msk", 33)
    assert shop.exchange(full=True)[-1] == "success"
    elsewhere = shop.elsewhere()
    shop.wait_for(elsewhere + 33)
    shop.sell("wh-msk", 5)
    assert shop.exchange(full=True, cutsOff=True)[-1].startswith("failure\nexpected well-formed XML")
    assert shop.exchange(full=True, lateS=3600)[-1] == "success"
    time.sleep(1)
    assert shop.told()["quantity"] == elsewhere + 33
    assert shop.exchange(full=True)[-1] == "success"
    shop.wait_for(elsewhere + 5)


def test_pages_show_what_moysklad_counts(tmp_path: Path) -> None:
    """Copied over real sockets within the vendor's limits; a storm of pages asks it nothing."""
    with open_sandbox(tmp_path, products=60, vendors="stock=moysklad") as sandbox:
        known = sandbox.known["vendors"]["stock"]
        options = {
            "folder": str(tmp_path / "ledger"),
            "token": known["token"],
            "warehouses": known["warehouses"],
            "cap": 1000,
            "look_every_s": 5,
            "webhook_secret": "0123456789abcdefSECRET",
        }
        settings = {
            "GATEWAY_UPSTREAMS__STOCK__VENDOR": "moysklad",
            "GATEWAY_UPSTREAMS__STOCK__URL": f"{sandbox.addresses['stock']}/api/remap/1.2",
            "GATEWAY_UPSTREAMS__STOCK__API_KEY": "",
            "GATEWAY_UPSTREAMS__STOCK__OPTIONS": json.dumps(options),
        }
        with (
            open_gateway(sandbox, **settings) as gateway,
            httpx.Client(base_url=sandbox.addresses["stock"], timeout=60) as moysklad,
        ):
            shop = Shop(gateway, moysklad, sandbox.control, "LUM-000001-01")
            wait_until_known(shop)
            elsewhere = shop.elsewhere()
            shop.sell("wh-msk", 77)
            hint = {
                "accountId": "a",
                "stockType": "stock",
                "reportType": "bystore",
                "reportUrl": "http://127.0.0.1:9/x",
            }
            hook = f"{gateway.client.base_url}/exchange/moysklad/0123456789abcdefSECRET"
            assert httpx.post(hook, json=hint).status_code == 204
            print(f"a change was on the page {shop.wait_for(elsewhere + 77):.2f} s after its webhook")
            for _ in range(300):
                shop.told()
            told = sandbox.control.get("/upstreams/stock").json()
        print(f"MoySklad was asked: { {name: count['calls'] for name, count in told['operations'].items()} }")
        assert set(told["statuses"]) == {"200", "204"}
        assert sum(count["calls"] for count in told["operations"].values()) < 15
