"""GraphQL over HTTP: methods, media types and status codes."""

from urllib.parse import urlencode

import pytest

from gateway.http.rules import EdgeRules
from tests.http.door import GRAPHQL, KeptJournal, knock, make_endpoint
from tests.http.shop import make_schema

SCHEMA = make_schema()
PREFLIGHTED = {"graphql-require-preflight": "1"}


async def test_answers_a_query() -> None:
    """A POST of a query is answered with its data and the client's request id."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello}"}, headers={"x-request-id": "abc-1"})
    assert (reply.status, reply.json) == (200, {"data": {"hello": "Hello, world!"}})
    assert reply.headers["x-request-id"] == "abc-1"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("sent", ["a" * 65, "a b", "a\tb", "", "é"])
async def test_replaces_an_odd_request_id(sent: str) -> None:
    """A request id that could harm a log or a header is replaced by ours."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello}"}, headers={"x-request-id": sent})
    assert reply.headers["x-request-id"] not in (sent, "")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, application/json", GRAPHQL),
        (f"{GRAPHQL};q=0.5, application/json", "application/json"),
        (f"{GRAPHQL};q=0, */*", "application/json"),
        ("text/html, application/json;q=0.1", "application/json"),
        ("application/json;q=nonsense, application/graphql-response+json", GRAPHQL),
    ],
)
async def test_negotiates_the_media_type(accept: str | None, media: str) -> None:
    """The answer has the media type that the client prefers."""
    headers = {"accept": accept} if accept else {}
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello}"}, headers=headers)
    assert reply.headers["content-type"] == f"{media}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "image/png;q=1", "application/json;q=0"])
async def test_refuses_to_answer_in_what_it_cannot_write(accept: str) -> None:
    """A client that takes none of our media types reads 406."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello}"}, headers={"accept": accept})
    assert (reply.status, reply.codes) == (406, ["NOT_ACCEPTABLE"])


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": ""}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "fragment F on Query { hello }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{nope}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A{hello} query B{hello}"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A{hello}", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query($n:Int!){products(first:$n){id}}"}, "BAD_USER_INPUT"),
        ({"query": "{__schema{types{name}}}"}, "INTROSPECTION_DISABLED"),
        ({"query": '{__type(name:"Query"){name}}'}, "INTROSPECTION_DISABLED"),
    ],
)
async def test_tells_what_is_wrong_with_a_document(params: dict[str, str], code: str) -> None:
    """A wrong document has status 400 in the GraphQL media type, and 200 in plain JSON as old clients want it."""
    endpoint = make_endpoint(SCHEMA)
    reply = await knock(endpoint, params, headers={"accept": GRAPHQL})
    assert (reply.status, reply.codes) == (400, [code])
    reply = await knock(endpoint, params, headers={"accept": "application/json"})
    assert (reply.status, reply.codes) == (200, [code])


async def test_never_suggests_names() -> None:
    """An anonymous guesser does not learn names from suggestions."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{helo prodcts(frst:1){id}}"})
    assert "Did you mean" not in reply.body.decode()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "TRACE", "FOO"])
async def test_refuses_other_methods(method: str) -> None:
    """Other methods than GET and POST are refused, and told which are allowed."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello}"}, method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/graphql", "application/jsonx", "multipart/form-data; boundary=x", ";",
     "application/x-www-form-urlencoded", "application/json; charset=utf-16", "text/plain;charset=application/json"],
)  # fmt: skip
async def test_reads_json_only(content_type: str) -> None:
    """A body that a browser would send without asking first is refused by its content type."""
    headers = {"content-type": content_type} if content_type else {}
    reply = await knock(make_endpoint(SCHEMA), b'{"query":"{hello}"}', headers=headers)
    assert (reply.status, reply.codes) == (415, ["UNSUPPORTED_MEDIA_TYPE"])


async def test_refuses_encoded_bodies() -> None:
    """A compressed body could be a bomb; none is unpacked."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{hello}"}, headers={"content-encoding": "gzip"})
    assert (reply.status, reply.codes) == (415, ["UNSUPPORTED_MEDIA_TYPE"])


async def test_refuses_two_authorization_headers() -> None:
    """Of two Authorization headers someone before us may have read the other one."""
    headers = [("authorization", "Bearer a"), ("authorization", "Bearer b"), ("content-type", "application/json")]
    reply = await knock(make_endpoint(SCHEMA), b'{"query":"{hello}"}', headers=headers)
    assert (reply.status, reply.codes) == (400, ["BAD_REQUEST"])


async def test_takes_queries_in_addresses_when_open() -> None:
    """With GET queries open, a query in an address is answered and a mutation is not executed."""
    endpoint = make_endpoint(SCHEMA, rules=EdgeRules(get_queries=True))
    variables = '{"n":"Ann"}'
    address = urlencode({"query": "query($n:String){hello(name:$n)}", "variables": variables})
    reply = await knock(endpoint, method="GET", address=address, headers=PREFLIGHTED)
    assert reply.json == {"data": {"hello": "Hello, Ann!"}}
    for operation in ("mutation{ring}", "subscription{ticks}"):
        reply = await knock(endpoint, method="GET", address=urlencode({"query": operation}), headers=PREFLIGHTED)
        assert (reply.status, reply.headers["allow"]) == (405, "POST")


async def test_takes_no_queries_in_addresses_by_default() -> None:
    """In production only documents that are known travel in addresses."""
    reply = await knock(make_endpoint(SCHEMA), method="GET", address="query={hello}", headers=PREFLIGHTED)
    assert (reply.status, reply.codes) == (405, ["METHOD_NOT_ALLOWED"])


@pytest.mark.parametrize(
    "address",
    ["query={hello}&variables={", "query={hello}&variables=[1]", "query={hello}&extensions=5", "query=%ff%fe",
     "query={hello}&query={hello}", "variables={}", "query={hello}&operationName=" + "a" * 300],
)  # fmt: skip
async def test_refuses_malformed_addresses(address: str) -> None:
    """What is malformed in an address is refused before anything is executed."""
    endpoint = make_endpoint(SCHEMA, rules=EdgeRules(get_queries=True))
    reply = await knock(endpoint, method="GET", address=address, headers=PREFLIGHTED)
    assert (reply.status, reply.codes) == (400, ["BAD_REQUEST"])


async def test_ends_an_operation_at_its_deadline() -> None:
    """An operation that takes too long ends with 504, and a client may ask for less time."""
    endpoint = make_endpoint(SCHEMA, rules=EdgeRules(query_deadline_s=0.05))
    reply = await knock(endpoint, {"query": "{slow(seconds:5)}"})
    assert (reply.status, reply.codes) == (504, ["DEADLINE_EXCEEDED"])
    reply = await knock(make_endpoint(SCHEMA), {"query": "{slow(seconds:5)}"}, headers={"x-request-deadline-ms": "40"})
    assert reply.status == 504


async def test_stops_when_the_client_leaves() -> None:
    """Nobody waits for an answer any more: the work is cancelled and nothing is sent."""
    journal = KeptJournal()
    reply = await knock(make_endpoint(SCHEMA, journal=journal), {"query": "{slow(seconds:30)}"}, leaves_after_s=0.02)
    assert reply.status == 0
    assert journal.answers == []


async def test_reports_each_answer() -> None:
    """The journal learns what was asked and how it ended, and nothing of what was sent."""
    journal = KeptJournal()
    await knock(make_endpoint(SCHEMA, journal=journal), {"query": "query Page{boom}"})
    (answer,) = journal.answers
    assert (answer.operation, answer.status, answer.codes) == ("Page", 200, ("INTERNAL_ERROR",))
    assert answer.took_s >= 0


async def test_masks_a_fault_of_its_own() -> None:
    """An exception where none was expected becomes a masked 500, and the journal has the exception."""
    journal = KeptJournal()

    def broken(facts: object) -> None:
        raise ZeroDivisionError("secret")

    reply = await knock(make_endpoint(SCHEMA, journal=journal, make_context=broken), {"query": "{hello}"})
    assert (reply.status, reply.codes) == (500, ["INTERNAL_ERROR"])
    assert "secret" not in reply.body.decode()
    assert isinstance(journal.faults[0], ZeroDivisionError)
