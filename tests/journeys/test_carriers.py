"""Two carriers over real sockets: the retailer's own delivery, and CDEK beside it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.pages import BY_NAME
from tests.journeys.shop import Gateway, Sandbox, open_gateway, open_sandbox
from tests.journeys.vendored import RECIPES

BESIDE = "GATEWAY_UPSTREAMS__DELIVERY__BESIDE__CDEK__"
PROMISE = """{ product(by: {handle: "sapogi-lumera-siena-1"}) { variant { deliveryPromise {
  methods { method costFrom { amount } } failures { provider code } } } } }"""
MAP = "{ locations(first: 100, near: {latitude: 55.75, longitude: 37.61}) { nodes { id operator } } }"


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of which only the carrier is used."""
    with open_sandbox(tmp_path_factory.mktemp("carrier"), products=60, vendors="delivery=cdek") as opened:
        yield opened


@pytest.fixture(scope="module")
def both(sandbox: Sandbox, carrier: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    options = {**RECIPES["delivery", "cdek"](carrier.known["vendors"]["delivery"], ""), "quote_s": 0.001}
    told = {
        "GATEWAY_UPSTREAMS__DELIVERY__TITLE": "Галерея",
        f"{BESIDE}URL": carrier.addresses["delivery"],
        f"{BESIDE}VENDOR": "cdek",
        f"{BESIDE}TITLE": "СДЭК",
        f"{BESIDE}OPTIONS": json.dumps(options),
        f"{BESIDE}HAS_BREAKER": "false",
        "GATEWAY_UPSTREAMS__DELIVERY__HAS_BREAKER": "false",
        "GATEWAY_CACHE__IS_ENABLED": "false",
        "GATEWAY_TELEMETRY__OPERATION_LINES": "none",
    }
    with open_gateway(sandbox, **told) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def well(sandbox: Sandbox, carrier: Sandbox) -> Iterator[None]:
    for each in (sandbox, carrier):
        each.reset()
    yield
    for each in (sandbox, carrier):
        each.reset()


def data(gateway: Gateway, document: str, variables: Any = None) -> Any:
    answer = gateway.ask(document, variables).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def promised(gateway: Gateway) -> Any:
    return data(gateway, PROMISE)["product"]["variant"]["deliveryPromise"]


def test_one_list_of_both(both: Gateway) -> None:
    """Methods of both, stores of the one and points of the other on one map, and the stores of a product's page."""
    promise = promised(both)
    assert {"STORE_PICKUP", "POST", "COURIER", "PICKUP_POINT"} <= {method["method"] for method in promise["methods"]}
    assert promise["failures"] == []

    places = data(both, MAP)["locations"]
    assert {"СДЭК", "Галерея"} <= {place["operator"] for place in places["nodes"]}
    page = BY_NAME["06_product_in_stores"]
    assert data(both, page.document, page.variables)["variant"]["availability"]["locations"]["edges"]


@pytest.mark.parametrize("mode", ["down", "hang", "html"])
def test_one_carrier_failing_leaves_the_other(both: Gateway, sandbox: Sandbox, carrier: Sandbox, mode: str) -> None:
    """However it fails: the page has the other's promises, and says who is missing."""
    whole = promised(both)
    carrier.faults("delivery", mode=mode)

    part = promised(both)

    assert [failure["provider"] for failure in part["failures"]] == ["СДЭК"]
    assert {method["method"] for method in part["methods"]} == {method["method"] for method in whole["methods"]}
    carrier.reset()
    sandbox.faults("delivery", mode=mode)

    part = promised(both)

    assert [failure["provider"] for failure in part["failures"]] == ["Галерея"]
    assert {method["method"] for method in part["methods"]} == {"COURIER", "PICKUP_POINT", "PARCEL_LOCKER"}
