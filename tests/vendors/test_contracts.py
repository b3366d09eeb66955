"""The judge itself: what it lets through, what it objects to, and what is relaxed."""

import json

import httpx
import pytest

from tests.vendors.contracts import NO_CONTRACTS, Contract, Judge, Tally, folder, published
from tests.vendors.relaxation import relaxed_document

DOCUMENT = {
    "openapi": "3.0.1",
    "paths": {
        "/v1/carts/{id}": {
            "post": {
                "parameters": [{"$ref": "#/components/parameters/Key"}],
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/x/Cart"}}}},
                "responses": {"200": {"$ref": "#/y/Fine"}, "4XX": {"content": {}}},
            },
            "get": {
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 50}}],
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/x/Carts"}}}}},
            },
        },
        "/v1/carts/new": {"get": {"responses": {"204": {}}}},
        "/v1/token": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/x-www-form-urlencoded": {"schema": {"type": "object", "required": ["grant"]}}
                    }
                },
                "responses": {"200": {}},
            }
        },
    },
    "components": {"parameters": {"Key": {"name": "X-Key", "in": "header", "required": True}}},
    "x": {
        "Cart": {
            "type": "object",
            "required": ["lines", "nowhere"],
            "properties": {
                "lines": {"type": "array", "items": {"type": "integer", "minimum": 0, "exclusiveMinimum": True}},
                "note": {"type": "string", "nullable": True, "pattern": "[‐-a]"},
                "kind": {"oneOf": [{"type": "string"}, {"enum": ["A"]}]},
                "nullable": {"type": "string"},
            },
        },
        "Carts": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    },
    "y": {"Fine": {"content": {"application/json": {"schema": {"$ref": "#/x/Cart"}}}}},
}
CONTRACT = Contract("carts, published", [relaxed_document(DOCUMENT)], "/api", lists_for_objects=True)
FINE = {"lines": [1], "note": None, "kind": "A"}


def post(body: object, **headers: str) -> httpx.Request:
    return httpx.Request("POST", "http://shop.test/api/v1/carts/7", json=body, headers={"x-key": "k", **headers})


def get(query: str = "", path: str = "/api/v1/carts/7") -> httpx.Request:
    return httpx.Request("GET", f"http://shop.test{path}{query}")


def test_what_fits_is_not_objected_to() -> None:
    """References, null where it is allowed, overlapping alternatives and lost names of `required` are all fine."""
    assert CONTRACT.objections_to_request(post(FINE)) == []
    assert CONTRACT.objections_to_answer(post(FINE), httpx.Response(200, json=FINE)) == []


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (post({}), "'lines' is a required property"),
        (post({"lines": [0]}), "$.lines[0]: 0 is less than or equal to the minimum of 0"),
        (post({"lines": [], "note": 1}), "$.note: 1 is not of type 'string', 'null'"),
        (post({"lines": [], "nullable": None}), "$.nullable: None is not of type 'string'"),
        (httpx.Request("POST", "http://shop.test/api/v1/carts/7", json=FINE), "missing header parameter X-Key"),
        (httpx.Request("POST", "http://shop.test/api/v1/carts/7", headers={"x-key": "k"}), "expected a body"),
        (httpx.Request("POST", "http://shop.test/api/v1/carts/7", data={"a": "b"}), "got 'application/x-www-form-url"),
        (httpx.Request("POST", "http://shop.test/api/v1/token", data={"a": "b"}), "'grant' is a required property"),
        (get("?limit=51"), "query parameter limit: '51' does not fit"),
        (get("?page=1"), "unknown query parameter page"),
        (get(path="/api/v1/elsewhere"), "expected an operation of carts, published, got GET"),
        (httpx.Request("DELETE", "http://shop.test/api/v1/carts/7"), "expected an operation"),
    ],
)
def test_what_does_not_fit_is_named(request_: httpx.Request, said: str) -> None:
    """An objection says where and what."""
    assert said in " ".join(CONTRACT.objections_to_request(request_))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(200, json={"lines": "x"}), "$.lines: 'x' is not of type 'array'"),
        (httpx.Response(200, text="<html>"), "expected JSON with 200"),
        (httpx.Response(302), "302 is no status of POST"),
    ],
)
def test_an_answer_is_judged_by_its_status(answer: httpx.Response, said: str) -> None:
    """A body is held against the schema of its status; a status that the contract does not have is objected to."""
    assert said in " ".join(CONTRACT.objections_to_answer(post(FINE), answer))
    assert CONTRACT.objections_to_answer(post(FINE), httpx.Response(503)) == []


def test_the_most_literal_path_wins() -> None:
    """`/carts/new` is not the cart with the id `new`."""
    assert CONTRACT.objections_to_answer(get(path="/api/v1/carts/new"), httpx.Response(204)) == []
    assert CONTRACT.objections_to_answer(get(), httpx.Response(204)) != []


def test_a_list_where_an_object_is_said_is_judged_entry_by_entry() -> None:
    """Where a vendor says object and answers with a list, each entry must fit."""
    assert CONTRACT.objections_to_answer(get(), httpx.Response(200, json=[{"id": "a"}])) == []
    (said,) = CONTRACT.objections_to_answer(get(), httpx.Response(200, json=[{"id": "a"}, {}]))
    assert said.startswith("[1] ")


async def test_the_judge_counts_what_fits_and_stops_at_what_does_not() -> None:
    """The first objection fails the test that made the call, whichever side it is about."""
    answers = [httpx.Response(200, json=FINE), httpx.Response(200, json={})]
    tally = Tally()
    judge = Judge(httpx.MockTransport(lambda _: answers.pop(0)), [CONTRACT], tally)

    assert json.loads((await judge.handle_async_request(post(FINE))).content) == FINE
    with pytest.raises(AssertionError, match="answer to POST"):
        await judge.handle_async_request(post(FINE))
    with pytest.raises(AssertionError, match="'lines' is a required property"):
        await judge.handle_async_request(post({}))

    assert (tally.requests, tally.answers) == ({CONTRACT.name: 2}, {CONTRACT.name: 1})


@pytest.mark.skipif(folder() is None, reason=NO_CONTRACTS)
@pytest.mark.parametrize(
    ("vendor", "file", "path"),
    [
        ("voucherify", "voucherify-readOnly-openAPI.json", "/v1/validations"),
        ("talon-one", "talon-one-integration-api-openapi.yml", "/v2/customer_sessions/7"),
    ],
)
def test_published_contracts_can_be_read(vendor: str, file: str, path: str) -> None:
    """The vendors' documents load, and object to nonsense."""
    contract = published(vendor, file)
    method = "PUT" if "session" in path else "POST"

    assert contract.objections_to_request(httpx.Request(method, f"http://vendor.test{path}", json=[])) != []
    assert contract.objections_to_answer(
        httpx.Request(method, f"http://vendor.test{path}"), httpx.Response(200, json=[])
    )
