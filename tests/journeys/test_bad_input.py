"""Input that no answer fits: what the schema's descriptions promise, and never a 500."""

from typing import Any

import pytest

from tests.journeys.shop import Gateway

NOTHING: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown handle": ('{ product(by: { handle: "no-such-thing" }) { id } }', {"product": None}),
    "unknown sku": ('{ variant(by: { sku: "NO-SUCH" }) { id } }', {"variant": None}),
    "unknown category": ('{ category(by: { handle: "nowhere" }) { id } }', {"category": None}),
    "malformed id": ('{ product(by: { id: "🙈" }) { id } }', {"product": None}),
    "id of another kind": ('{ product(by: { id: "cat_c-1" }) { id } }', {"product": None}),
    "malformed node ids": ('{ nodes(ids: ["", "_", "prd_", "x_1", "prd"]) { id } }', {"nodes": [None] * 5}),
    "unknown promotion": ('{ promotion(id: "pro_none") { id } }', {"promotion": None}),
    "nothing found": (
        '{ search(query: "щщщщ") { totalCount nodes { id } } }',
        {"search": {"totalCount": 0, "nodes": []}},
    ),
    "empty search": ('{ search(query: "") { totalCount nodes { id } } }', {"search": {"totalCount": 0, "nodes": []}}),
    "blank suggestions": (
        '{ searchSuggestions(query: " ") { queries products { id } } }',
        {"searchSuggestions": {"queries": [], "products": []}},
    ),
}

REFUSED: dict[str, tuple[str, str]] = {
    "unknown locality": ('query @inContext(locality: "cty_atlantis") { sources { source } }', "known locality"),
    "malformed locality": ('query @inContext(locality: "Moscow") { sources { source } }', "`locality`"),
    "oversized first": ('{ search(query: "a", first: 1000) { totalCount } }', "Expected at most"),
    "first of zero": ('{ search(query: "a", first: 0) { totalCount } }', "`first` between 1 and 100"),
    "negative first": ('{ recommendations(placement: "home_popular", first: -1) { title } }', "`first`"),
    "bad cursor": ('{ search(query: "сапоги", after: "garbage") { totalCount } }', "cursor"),
    "bad facet token": ('{ search(query: "сапоги", filter: { facets: ["x y"] }) { totalCount } }', "filter"),
    "unknown placement": ('{ recommendations(placement: "nowhere") { title } }', "placement"),
    "bad location": ('{ search(query: "a", filter: { availableAt: ["x"] }) { totalCount } }', "`availableAt`"),
    "endless text": ('{ search(query: "' + "я" * 600 + '") { totalCount } }', "500 characters"),
    "no quantity": ('{ variant(by: { sku: "LUM-000001-01" }) { price(quantity: 0) { isPersonal } } }', "`quantity`"),
    "two keys": ('{ product(by: { handle: "a", sku: "b" }) { id } }', ""),
    "a number for a decimal": (
        '{ search(query: "a", filter: { ranges: [{ code: "price", from: 1.5 }] }) { totalCount } }',
        "",
    ),
}


CODES = {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "LIMIT_EXCEEDED"}


@pytest.mark.parametrize("case", NOTHING)
def test_what_is_not_there_is_null_or_empty(gateway: Gateway, case: str) -> None:
    """Unknown keys name nothing: null or an empty list, without errors."""
    document, expected = NOTHING[case]
    answer = gateway.ask(document)
    assert (answer.status_code, answer.json()) == (200, {"data": expected})


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused_in_words(gateway: Gateway, case: str) -> None:
    """Arguments beyond their promise get an error that says what was expected, and no 500."""
    document, expected = REFUSED[case]
    answer = gateway.ask(document)
    errors = answer.json()["errors"]
    assert answer.status_code < 500
    assert errors[0]["extensions"]["code"] in CODES
    assert "xpected" in errors[0]["message"] or errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert expected in errors[0]["message"]
