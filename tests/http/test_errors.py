"""What a client reads when something goes wrong, and what it never reads."""

import logging
import re
import time
from pathlib import Path

import pytest
from graphql import GraphQLError

from clients.errors import CONFIRMATION_REQUIRED, NOT_OFFERED, ConfirmationRequired, NotOffered, SourceFailureCode
from clients.values import DataSource
from gateway.http.errors import Code, describe
from gateway.http.journal import LogJournal
from resolvers.context import NotSignedIn
from tests.http.door import KeptJournal, knock, make_endpoint
from tests.http.shop import SECRET, make_schema

SCHEMA = make_schema()
DOCUMENTED = Path(__file__).parents[2] / "docs" / "errors.md"


async def test_masks_faults() -> None:
    """A fault is masked with the request id; the journal has what really happened."""
    journal = KeptJournal()
    reply = await knock(make_endpoint(SCHEMA, journal=journal), {"query": "{boom}"}, headers={"x-request-id": "r-1"})
    (error,) = reply.json["errors"]
    assert error["message"] == "Internal error."
    assert error["path"] == ["boom"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "requestId": "r-1"}
    assert SECRET not in reply.body.decode()
    assert SECRET in str(journal.faults[0])


async def test_passes_on_what_a_source_error_may_say() -> None:
    """A failed source is named with its code; what the vendor said is not."""
    reply = await knock(make_endpoint(SCHEMA), {"query": "{seam}"})
    (error,) = reply.json["errors"]
    assert error["extensions"] == {
        "code": "THROTTLED",
        "source": "PRICING",
        "retryable": True,
        "retryAfterSeconds": 3,
    }
    assert SECRET not in reply.body.decode()
    assert reply.json["data"] == {"seam": None}


def test_customer_s_turn_has_a_code_of_its_own() -> None:
    """A page can tell a customer who has to sign in to a source from a source that failed; nothing is masked."""
    error = ConfirmationRequired(DataSource.LOYALTY, f"refused {SECRET}")
    entry, fault = describe(GraphQLError("x", original_error=error), "r")
    assert fault is None
    assert entry["extensions"] == {
        "code": "CONFIRMATION_REQUIRED",
        "source": "LOYALTY",
        "retryable": False,
        "retryAfterSeconds": None,
    }
    assert SECRET not in str(entry)


def test_what_a_system_does_not_offer_is_no_failure_of_it() -> None:
    """A page can leave a part out for good where the system behind it has no such function."""
    entry, fault = describe(GraphQLError("x", original_error=NotOffered(DataSource.LOYALTY)), "r")
    assert fault is None
    assert entry["message"] == "LOYALTY does not offer this."
    assert (entry["extensions"]["code"], entry["extensions"]["retryable"]) == ("NOT_OFFERED", False)


def test_lets_documented_codes_through_alone() -> None:
    """An error with a code of ours keeps its message; other extensions, and other codes, do not get out."""
    entry, fault = describe(GraphQLError("Not yours.", extensions={"code": "FORBIDDEN", "row": 7}), "r")
    assert (entry["message"], entry["extensions"], fault) == ("Not yours.", {"code": "FORBIDDEN"}, None)
    entry, fault = describe(GraphQLError("SELECT *", extensions={"code": "SQL"}), "r")
    assert entry["message"] == "Internal error."
    assert fault is not None


def test_finds_the_cause_under_wrapped_errors() -> None:
    """An error that was located twice is still known by its cause."""
    wrapped = GraphQLError("a", original_error=GraphQLError("b", original_error=NotSignedIn("c")))
    entry, fault = describe(wrapped, "r")
    assert (entry["extensions"]["code"], fault) == ("UNAUTHENTICATED", None)


@pytest.mark.parametrize(
    ("query", "variables", "said"),
    [
        ("query($x:Int!){__typename products(first:$x){id}}", {"x": SECRET}, "Variable '$x' expected"),
        ("query($c:CardInput!){card(number:$c)}", {"c": {"digits": SECRET, "holder": "a"}}, "'$c.digits' expected"),
        ("query($c:CardInput!){card(number:$c)}", {"c": {"digits": 1}}, "misses the field 'holder'"),
        ("query($c:CardInput!){card(number:$c)}", {"c": {"digits": 1, "holder": "a", SECRET: 1}}, "does not define"),
        ("query($c:CardInput!){card(number:$c)}", {"c": SECRET}, "of type 'CardInput!'"),
    ],
)
async def test_never_echoes_variables(query: str, variables: dict[str, object], said: str) -> None:
    """A wrong variable is named with its place and type, its value is not repeated."""
    reply = await knock(make_endpoint(SCHEMA), {"query": query, "variables": variables})
    assert reply.codes == ["BAD_USER_INPUT"]
    assert said in reply.json["errors"][0]["message"]
    assert SECRET not in reply.body.decode()


async def test_lists_at_most_ten_wrong_values() -> None:
    """A list of ten thousand wrong values has a short answer, soon."""
    query = "query($c:[CardInput!]!){cards(numbers:$c)}"
    wrong = [{"digits": "x", "holder": 1}] * 2_000
    started = time.process_time()
    reply = await knock(make_endpoint(SCHEMA), {"query": query, "variables": {"c": wrong}})
    assert time.process_time() - started < 0.1
    assert reply.codes == ["BAD_USER_INPUT"] * 10


async def test_logs_hold_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a client sends and whatever breaks, neither variables nor messages of faults get into a log."""
    caplog.set_level(logging.DEBUG)
    endpoint = make_endpoint(SCHEMA, journal=LogJournal())
    canary = "canary-9d1e@mail.example"
    headers = {"authorization": f"Bearer {canary}", "cookie": canary, "x-any": canary}
    for query, variables in (
        ("query Boom{boom}", {}),
        ("query Seam{seam}", {}),
        ("query Hi($n:String){hello(name:$n)}", {"n": canary}),
        ("query Card($c:CardInput!){card(number:$c)}", {"c": {"digits": canary, "holder": canary}}),
        ("subscription{boomed}", {}),
        (f'{{hello(name:"{canary}")}}', {}),
        (f'{{nope(name:"{canary}")}}', {}),
    ):
        await knock(endpoint, {"query": query, "variables": variables}, headers=headers)
        await knock(
            endpoint, {"query": query, "variables": variables}, headers={**headers, "accept": "text/event-stream"}
        )
    assert "error=RuntimeError way=boom (" in caplog.text
    assert "operation='Hi'" in caplog.text
    assert SECRET not in caplog.text
    assert canary not in caplog.text


def test_every_code_is_documented() -> None:
    """docs/errors.md explains exactly the codes that exist, with the status that each has."""
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (\d+|–) \|", DOCUMENTED.read_text(), re.MULTILINE))
    ours = {code.public: str(code.status) for code in Code}
    of_sources = {CONFIRMATION_REQUIRED, NOT_OFFERED, *(code.value for code in SourceFailureCode)}
    assert rows == {**ours, **dict.fromkeys(of_sources, "–")}
