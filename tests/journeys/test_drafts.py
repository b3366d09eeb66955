"""Pages that differ in prices and points alone are written once for everybody, and filled in for each customer."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.journeys.pages import PAGES, Page
from tests.journeys.shop import Gateway, Sandbox, open_gateway
from tests.journeys.test_engines import timeless
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


@pytest.fixture(scope="module")
def reference(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway that keeps nothing and runs everything on graphql-core."""
    with open_gateway(sandbox, GATEWAY_EXECUTOR="reference", GATEWAY_CACHE__IS_ENABLED="false") as opened:
        yield opened


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_page_by_turns(gateway: Gateway, reference: Gateway, sandbox: Sandbox, page: Page) -> None:
    """Customers of three kinds, each several times: whoever asked before leaves nothing of theirs in a page."""
    tokens = [sandbox.token(customer) for customer in ("cust-anna", "cust-daria", "cust-boris")]

    def ask(asked: Gateway, token: str) -> Any:
        return timeless(asked.ask(page.document, page.variables, token=token).json())

    alone = {token: ask(reference, token) for token in tokens}
    for token in tokens * 3:
        assert ask(gateway, token) == alone[token]


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
