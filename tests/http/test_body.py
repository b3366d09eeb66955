"""Hostile bodies: each is refused with a clear error, none is a fault."""

import json
import time

import pytest

from gateway.http.body import BodyLimits, parse_body
from gateway.http.errors import Refused
from tests.http.door import GRAPHQL, KeptJournal, knock, make_endpoint
from tests.http.shop import make_schema

SCHEMA = make_schema()
JSON = {"content-type": "application/json", "accept": GRAPHQL}
FINE = b'{"query":"{hello}"}'

REFUSED: dict[str, bytes] = {
    "null": b"null",
    "number": b"5",
    "string": b'"x"',
    "empty": b"",
    "array": b"[]",
    "batch": b"[" + FINE + b"]",
    "byte order mark": b"\xef\xbb\xbf" + FINE,
    "utf-16": FINE.decode().encode("utf-16"),
    "invalid utf-8": b'{"query":"{hello} #\xff\xfe"}',
    "invalid utf-8 in a member nobody reads": b'{"query":"{hello}","nobody":"\xff"}',
    "overlong utf-8": b'{"query":"{hello} #\xc0\xaf"}',
    "lone surrogate": b'{"query":"{hello} #\\ud800"}',
    "lone low surrogate": b'{"query":"{hello} #\\udc00"}',
    "surrogate in a name": b'{"query":"{hello}","operationName":"\\ud800"}',
    "NaN": b'{"query":"{hello}","variables":{"x":NaN}}',
    "Infinity": b'{"query":"{hello}","variables":{"x":-Infinity}}',
    "1e999": b'{"query":"{hello}","variables":{"x":1e999}}',
    "5000 digits": b'{"query":"{hello}","variables":{"x":' + b"9" * 5000 + b"}}",
    "endless arrays": b"[" * 90_000,
    "endless objects": b'{"a":' * 20_000,
    "deep variables": b'{"query":"{hello}","variables":{"a":' + b"[" * 65 + b"]" * 65 + b"}}",
    "query is a number": b'{"query":5}',
    "variables are a list": b'{"query":"{hello}","variables":[1]}',
    "name is an object": b'{"query":"{hello}","operationName":{}}',
    "extensions are text": b'{"query":"{hello}","extensions":"x"}',
    "no query": b"{}",
    "query twice": b'{"query":"{hello}","query":"mutation{ring}"}',
    "query twice, one of them escaped": b'{"query":"{hello}","\\u0071uery":"mutation{ring}"}',
    "query twice, beside a variable of that name": b'{"query":"{hello}","variables":{"query":"x"},"query":"{hello}"}',
    "variables twice, with a member's name": b'{"query":"{hello}","variables":{"query":"x"},"variables":{"query":1}}',
    "trailing text": FINE + b"x",
    "two objects": FINE + FINE,
}


@pytest.mark.parametrize("name", REFUSED)
async def test_refuses_hostile_bodies(name: str) -> None:
    """Whatever is not one well-formed request is refused with 400, in 50 ms of CPU, and never reaches the schema."""
    journal = KeptJournal()
    endpoint = make_endpoint(SCHEMA, journal=journal)
    started = time.process_time()
    reply = await knock(endpoint, REFUSED[name], headers=JSON)
    assert time.process_time() - started < 0.05
    assert reply.status == 400
    assert reply.codes[0] in ("BAD_REQUEST", "BATCHING_DISABLED")
    assert "data" not in reply.json
    assert journal.faults == []


@pytest.mark.parametrize("chunked", [True, False])
async def test_refuses_large_bodies(chunked: bool) -> None:
    """More than 100 KB is refused, in one piece or in many, with or without a declared length."""
    body = b'{"query":"{hello} #' + b"x" * 110_000 + b'"}'
    chunks = [body[at : at + 5000] for at in range(0, len(body), 5000)] if chunked else [body]
    reply = await knock(make_endpoint(SCHEMA), chunks=chunks, headers=JSON)
    assert (reply.status, reply.codes) == (413, ["PAYLOAD_TOO_LARGE"])


async def test_refuses_a_large_body_before_reading_it() -> None:
    """A declared length beyond the limit is enough to refuse."""
    reply = await knock(make_endpoint(SCHEMA), FINE, headers={**JSON, "content-length": "99999999"})
    assert reply.status == 413


async def test_reads_a_body_that_comes_in_pieces() -> None:
    """A body may be split anywhere."""
    reply = await knock(make_endpoint(SCHEMA), chunks=[FINE[:5], b"", FINE[5:]], headers=JSON)
    assert reply.json == {"data": {"hello": "Hello, world!"}}


def test_counts_nesting_outside_strings() -> None:
    """Brackets in a query's text are not nesting of the JSON around it."""
    query = "{" * 100 + '\\"}' + "}" * 100
    assert parse_body(json.dumps({"query": query}).encode(), BodyLimits()).query == query


def test_takes_as_much_nesting_as_allowed() -> None:
    """Sixty-four levels are read, one more is refused."""
    assert parse_body(b'{"variables":{"a":' + b"[" * 62 + b"]" * 62 + b"}}", BodyLimits()).variables
    with pytest.raises(Refused, match="at most 64 levels"):
        parse_body(b'{"variables":{"a":' + b"[" * 63 + b"]" * 63 + b"}}", BodyLimits())


def test_says_what_it_expected_and_got() -> None:
    """A client's developer reads which member is wrong, and how."""
    with pytest.raises(Refused, match=r"expected `str \| null`, got `int` - at `\$.query`"):
        parse_body(b'{"query":5}', BodyLimits())


@pytest.mark.parametrize("variables", [{"query": "x"}, {"a": {"extensions": {"query": 1}}}, {"a": '"query" "query"'}])
def test_a_variable_may_be_called_as_a_member(variables: dict[str, object]) -> None:
    """A search has a variable `query`; nothing is there twice."""
    body = json.dumps({"query": "{hello}", "variables": variables}).encode()
    assert parse_body(body, BodyLimits()).variables == variables
