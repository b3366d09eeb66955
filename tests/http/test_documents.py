"""Documents are prepared once, and what is kept of them is bounded."""

from typing import Any

import pytest
from graphql import DocumentNode

from gateway.http.documents import Documents
from gateway.http.errors import Refused
from gateway.limits.guard import LimitGuard
from tests.http.shop import make_schema

SCHEMA = make_schema()


class CountingGuard(LimitGuard):
    def __init__(self) -> None:
        super().__init__(SCHEMA)
        self.parsed = 0

    def parse(self, source: str) -> DocumentNode:
        self.parsed += 1
        return super().parse(source)


def refusal_of(documents: Documents, source: str) -> Refused:
    with pytest.raises(Refused) as caught:
        documents.find(source)
    return caught.value


def test_prepares_a_document_once() -> None:
    """The second request with the same text finds the same prepared document."""
    guard = CountingGuard()
    documents = Documents(SCHEMA, guard)
    assert documents.find("{hello}") is documents.find("{hello}")
    assert guard.parsed == 1


def test_remembers_refusals() -> None:
    """A document that is refused again and again costs its parsing once."""
    guard = CountingGuard()
    documents = Documents(SCHEMA, guard)
    assert refusal_of(documents, "{nope}").code is refusal_of(documents, "{nope}").code
    assert guard.parsed == 1


def test_forgets_the_least_used() -> None:
    """The sum of texts stays bounded, and what is used often stays."""
    documents = Documents(SCHEMA, LimitGuard(SCHEMA), max_characters=1_000)
    often = documents.find("{hello}")
    for number in range(200):
        documents.find(f"{{a{number}:hello}}")
        assert documents.find("{hello}") is often
    assert len(documents) < 120
    assert documents.recall(often.sha256) is often


def test_keeps_registered_documents_for_ever() -> None:
    """A pinned document is not forgotten, whatever else is asked."""
    documents = Documents(SCHEMA, LimitGuard(SCHEMA), max_characters=50)
    pinned = documents.pin("{hello}")
    for number in range(50):
        documents.find(f"{{a{number}:hello}}")
    assert documents.find("{hello}") is pinned


def test_bad_documents_push_out_no_good_ones() -> None:
    """Refusals have room of their own."""
    documents = Documents(SCHEMA, LimitGuard(SCHEMA), max_characters=100, max_refusals=10)
    good = documents.find("{hello}")
    for number in range(500):
        refusal_of(documents, f"{{nope{number}}}")
    assert documents.find("{hello}") is good


def test_lists_at_most_five_errors() -> None:
    """A document with a thousand mistakes has a short answer."""
    refusal = refusal_of(Documents(SCHEMA, LimitGuard(SCHEMA)), "{" + " ".join(f"n{i}" for i in range(300)) + "}")
    assert len(refusal.entries) <= 6


def test_picks_the_operation_by_name() -> None:
    """Of several operations the named one is executed; without a name there must be one only."""
    prepared = Documents(SCHEMA, LimitGuard(SCHEMA)).find("query A{hello} mutation B{ring}")
    assert prepared.operation("B").operation.value == "mutation"
    with pytest.raises(Refused, match="one of 'A', 'B'; got no operationName"):
        prepared.operation(None)


def test_makes_a_whole_variant_of_deferred_documents() -> None:
    """For clients that read one answer only, a document is kept without @defer and @stream."""
    prepared = Documents(SCHEMA, LimitGuard(SCHEMA)).find("{hello ... @defer {slow} products @stream {id}}")
    directives: list[Any] = []
    assert prepared.whole is not None
    for selection in prepared.whole.operation(None).selection_set.selections:
        directives.extend(selection.directives or ())
    assert directives == []
    assert Documents(SCHEMA, LimitGuard(SCHEMA)).find("{hello}").whole is None
