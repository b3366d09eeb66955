"""What stands in for a system that fails, on whole pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.pages import BY_NAME
from tests.journeys.shop import Gateway, Sandbox, open_gateway

PRICE = """query @inContext(locality: "cty_msk") { product(by: { handle: "sapogi-lumera-siena-1" }) {
  price { lowest { current { amount } isPersonal } freshness { state } }
  variant { price { current { amount } isPersonal freshness { state } } }
} }"""
CONTRACT_CUSTOMER = "cust-daria"


@pytest.fixture
def fresh_gateway(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway that remembers nothing yet."""
    with open_gateway(sandbox) as opened:
        yield opened


def product_of(gateway: Gateway, token: str | None = None) -> Any:
    """The prices of one product; fails when there is an error."""
    body = gateway.ask(PRICE, token=token).json()
    assert "errors" not in body, body["errors"]
    return body["data"]["product"]


def test_best_sellers_stand_in_for_every_shelf(fresh_gateway: Gateway, sandbox: Sandbox) -> None:
    """While the recommender is down the shelves of home and product are full, marked, and nobody reports an error."""
    sandbox.faults("recommendations", mode="down")
    home, product = BY_NAME["01_home"], BY_NAME["05_product"]
    of_home = fresh_gateway.ask(home.document, home.variables).json()
    of_product = fresh_gateway.ask(product.document, product.variables).json()
    assert not {"errors"} & {*of_home, *of_product}
    shown = of_product["data"]["product"]
    blocks = [of_home["data"]["personal"], of_home["data"]["popular"], shown["similar"], shown["together"]]
    assert [block["freshness"]["state"] for block in blocks[:2]] == ["FALLBACK", "FALLBACK"]
    assert all(len(block["items"]) >= 8 for block in blocks)
    assert shown["id"] not in {item["product"]["id"] for item in shown["similar"]["items"]}


def test_a_customer_with_a_contract_sees_the_list_price_while_pricing_is_down(
    fresh_gateway: Gateway, sandbox: Sandbox
) -> None:
    """The visitor's price to the kopeck, marked and not personal; and the own one is never shown to a visitor."""
    listed = product_of(fresh_gateway)
    sandbox.faults("pricing", mode="down")
    stand_in = product_of(fresh_gateway, sandbox.token(CONTRACT_CUSTOMER))
    sandbox.reset()
    own = product_of(fresh_gateway, sandbox.token(CONTRACT_CUSTOMER))
    assert stand_in["price"]["lowest"] == listed["price"]["lowest"]
    assert stand_in["price"]["freshness"]["state"] == stand_in["variant"]["price"]["freshness"]["state"] == "FALLBACK"
    assert stand_in["variant"]["price"]["current"] == listed["variant"]["price"]["current"]
    assert (listed["price"]["lowest"]["isPersonal"], own["price"]["lowest"]["isPersonal"]) == (False, True)
    assert own["price"]["lowest"]["current"] != listed["price"]["lowest"]["current"]
    assert product_of(fresh_gateway)["price"]["lowest"] == listed["price"]["lowest"]


def test_a_customer_gets_an_error_when_no_list_price_is_known(fresh_gateway: Gateway, sandbox: Sandbox) -> None:
    """Nothing is made up: a price that nobody has seen is null, with the error of pricing."""
    sandbox.faults("pricing", mode="down")
    body = fresh_gateway.ask(PRICE, token=sandbox.token(CONTRACT_CUSTOMER)).json()
    assert {error["extensions"]["code"] for error in body["errors"]} == {"UNAVAILABLE"}
    assert body["data"]["product"]["price"] is None
