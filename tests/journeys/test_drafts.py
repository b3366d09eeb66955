"""Pages that differ in prices and points alone are written once for everybody, and filled in for each customer."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.journeys.shop import Gateway, Sandbox
from tests.ops.watched import open_watched

TILES = """
query Tiles($category: String!) @inContext(locality: "cty_msk", language: "ru", currency: "RUB", channel: WEB) {
  category(by: {handle: $category}) {
    products(first: 24) {
      edges {
        node {
          title
          price { lowest { current { amount } isPersonal } }
          promotions { title }
          variants {
            sku
            price { current { amount } isPersonal explanation { kind amount { amount } } }
            pointsToEarn { amount { points } isPersonal }
          }
        }
      }
    }
  }
}
"""
CATEGORY = {"category": "obuv-zhenskaya"}
WHO = ("cust-anna", "cust-daria", None)
ROUNDS = 20


def test_filled_in_for_one_it_is_not_for_another(sandbox: Sandbox, forgetful: Gateway) -> None:
    """Customers and strangers by turns, all at once: each gets what a gateway that keeps nothing tells them."""
    tokens = {who: sandbox.token(who) if who else None for who in WHO}

    def ask(asked: Gateway, who: str | None) -> Any:
        body = asked.ask(TILES, CATEGORY, token=tokens[who]).json()
        assert "errors" not in body, body
        return body["data"]

    alone = {who: ask(forgetful, who) for who in WHO}
    assert len({json.dumps(answer) for answer in alone.values()}) == len(WHO)
    with open_watched(sandbox) as watched, ThreadPoolExecutor(12) as pool:
        for who in WHO * 2:
            assert ask(watched.gateway, who) == alone[who]
        turns = [(who, pool.submit(ask, watched.gateway, who)) for _ in range(ROUNDS) for who in WHO]
        for who, turn in turns:
            assert turn.result() == alone[who]
        assert watched.figures("gateway_response_drafts_total", result="filled") > ROUNDS
        assert watched.figures("gateway_response_drafts_total", result="made") >= 1


def test_a_page_is_whole_while_what_fills_it_is_down(sandbox: Sandbox) -> None:
    """Loyalty fails for somebody whose points nobody knows yet: that seam is null everywhere, the rest stands."""
    with open_watched(sandbox) as watched:
        for who in ("cust-anna", "cust-anna", "cust-anna"):
            assert "errors" not in watched.gateway.ask(TILES, CATEGORY, token=sandbox.token(who)).json()
        before = watched.figures("gateway_response_drafts_total", result="filled")
        sandbox.faults("loyalty", mode="down")
        try:
            body = watched.gateway.ask(TILES, CATEGORY, token=sandbox.token("cust-boris")).json()
        finally:
            sandbox.reset()
        assert watched.figures("gateway_response_drafts_total", result="filled") == before + 1
    variants = [v for edge in body["data"]["category"]["products"]["edges"] for v in edge["node"]["variants"]]
    assert variants
    assert all(variant["pointsToEarn"] is None for variant in variants)
    assert all(variant["price"] for variant in variants)
    assert {error["path"][-1] for error in body["errors"]} == {"pointsToEarn"}
