"""One customer's prices and points never reach another."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.journeys.shop import Gateway, Sandbox

CONTEXT = '@inContext(locality: "cty_msk", language: "ru", currency: "RUB", channel: WEB)'
WATCHED = (
    """
query Watched($skus: [ID!]!) """
    + CONTEXT
    + """ {
  me { id loyalty { id balance { available { points } } } }
  nodes(ids: $skus) {
    ... on ProductVariant {
      sku
      price { current { amount } isPersonal explanation { kind amount { amount } } }
      pointsToEarn { amount { points } isPersonal }
      product { price { lowest { current { amount } isPersonal } } }
    }
  }
}
"""
)
WHO = ("cust-anna", "cust-daria", None)
ROUNDS = 20


def watched_skus(sandbox: Sandbox) -> list[str]:
    """Skus of the well-known products, as global ids."""
    return [f"var_{product['skus'][0]}" for product in sandbox.known["products"]]


def test_customers_and_strangers_interleaved_never_mix(gateway: Gateway, forgetful: Gateway, sandbox: Sandbox) -> None:
    """Two customers and a stranger ask for the same goods at once, cached and not: each gets their own answer."""
    skus = watched_skus(sandbox)
    tokens = {who: sandbox.token(who) if who else None for who in WHO}

    def ask(asked: Gateway, who: str | None) -> Any:
        body = asked.ask(WATCHED, {"skus": skus}, token=tokens[who]).json()
        assert "errors" not in body, body
        return body["data"]

    alone = {who: ask(forgetful, who) for who in WHO}
    assert_told_apart(alone)
    for asked in (gateway, forgetful):
        with ThreadPoolExecutor(12) as pool:
            turns = [(who, pool.submit(ask, asked, who)) for _ in range(ROUNDS) for who in WHO]
            for who, turn in turns:
                assert turn.result() == alone[who]


def assert_told_apart(alone: dict[str | None, Any]) -> None:
    """The test could not fail if everybody had the same prices, so it makes sure that they have not."""
    prices = {who: json.dumps([node["price"] for node in data["nodes"]]) for who, data in alone.items()}
    points = {who: json.dumps([node["pointsToEarn"] for node in data["nodes"]]) for who, data in alone.items()}
    assert len(set(points.values())) == len(WHO)
    assert prices["cust-daria"] != prices[None]
    assert any(node["price"]["isPersonal"] for node in alone["cust-daria"]["nodes"])
    assert not any(node["price"]["isPersonal"] for node in alone[None]["nodes"])
    assert alone[None]["me"] is None


def test_ids_of_others_name_nothing(gateway: Gateway, sandbox: Sandbox) -> None:
    """A customer's id and loyalty account are nobody else's to fetch."""
    own = gateway.ask("{ me { id loyalty { id } } }", token=sandbox.token("cust-anna")).json()["data"]["me"]
    ids = [own["id"], own["loyalty"]["id"]]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert gateway.ask(document, {"ids": ids}, token=sandbox.token("cust-anna")).json()["data"]["nodes"] == [
        {"id": own["id"]},
        {"id": own["loyalty"]["id"]},
    ]
    for token in (sandbox.token("cust-daria"), None):
        assert gateway.ask(document, {"ids": ids}, token=token).json() == {"data": {"nodes": [None, None]}}


def test_bad_tokens_are_refused(gateway: Gateway, sandbox: Sandbox) -> None:
    """A token that is not the issuer's gets 401 and no data, never an anonymous page."""
    answer = gateway.ask("{ me { id } }", token=sandbox.token("cust-anna")[:-4] + "AAAA")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
