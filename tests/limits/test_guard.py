"""Limits refuse what asks for too much, and let everything through that a shop needs."""

import hashlib
import json
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, build_schema

from gateway.http.documents import Documents
from gateway.http.errors import Refused
from gateway.limits.guard import MAX_KEPT, LimitGuard
from gateway.limits.measures import Measures
from gateway.limits.policy import Excess, LimitPolicy, Limits, Mode
from gateway.limits.sizes import read_demands
from resolvers.schema import build_schema as build_shop

SCHEMA = build_schema("""
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION
directive @tag(n: Int) repeatable on FIELD | QUERY
type Query {
  name: String
  me: Query
  f(a: [[Int]]): Int
  page(first: Int!): [Query!] @listSize(slicingArguments: ["first"])
}
type Mutation { act: Query }
""")


def refusal(source: str, policy: LimitPolicy | None = None, schema: GraphQLSchema = SCHEMA) -> Refused:
    with pytest.raises(Refused) as caught:
        Documents(schema, LimitGuard(schema, policy)).find(source)
    return caught.value


ABUSE: dict[str, tuple[str, str]] = {
    "depth": ("{" + "me{" * 30 + "name" + "}" * 31, "depth"),
    "aliases": ("{" + " ".join(f"a{n}:name" for n in range(100)) + "}", "aliases"),
    "fields": ("{" + "name " * 500 + "}", "fields"),
    "directives": ("{" + " ".join(f"name @tag(n:{n})" for n in range(50)) + "}", "directives"),
    "directives of a field": ("{name " + "@tag(n:1) " * 10 + "}", "directives_per_field"),
    "root fields": ("{" + " ".join(f"a{n}:name" for n in range(25)) + "}", "root_fields"),
    "mutations": ("mutation{" + " ".join(f"a{n}:act{{name}}" for n in range(5)) + "}", "mutations"),
    "operations": (" ".join(f"query Q{n}{{name}}" for n in range(30)), "operations"),
    "fragments": ("{name} " + " ".join(f"fragment F{n} on Query{{name}}" for n in range(80)), "fragments"),
    "page": ("{page(first:1000){name}}", "page"),
    "cost": ("{page(first:200){page(first:200){name}}}", "cost"),
    "doubling fragments": (
        "{...F0} "
        + " ".join(f"fragment F{n} on Query{{...F{n + 1} ...F{n + 1}}}" for n in range(25))
        + "fragment F25 on Query{name}",
        "fields",
    ),
}


@pytest.mark.parametrize("name", ABUSE)
def test_refuses_abuse_quickly(name: str) -> None:
    """Each kind of abuse is refused by its limit, in less than 50 ms of CPU."""
    source, limit = ABUSE[name]
    started = time.process_time()
    refused = refusal(source)
    assert time.process_time() - started < 0.05
    assert refused.code.public == "LIMIT_EXCEEDED"
    assert limit in [entry["extensions"]["limit"] for entry in refused.entries]


UNREAD: dict[str, str] = {
    "tokens": "{" + "name " * 20_000 + "}",
    "deep selections": "{" + "me{" * 5_000,
    "deep lists": "{f(a:" + "[" * 5_000 + "]" * 5_000 + ")}",
    "deep types": "query($a:" + "[" * 5_000 + "Int" + "]" * 5_000 + "){name}",
    "comments": "{name}" + "#x\n" * 20_000,
    "one field 8,000 times": "{" + "me{name} " * 8_000 + "}",
}


@pytest.mark.parametrize("name", UNREAD)
def test_stops_reading_early(name: str) -> None:
    """A document beyond the caps is refused while it is read, in less than 50 ms of CPU."""
    started = time.process_time()
    refused = refusal(UNREAD[name])
    assert time.process_time() - started < 0.05
    assert refused.code.public in ("LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED")


def test_a_circle_of_fragments_is_refused_by_validation() -> None:
    """Fragments that spread each other are invalid, and cost nothing to find."""
    refused = refusal("{...A} fragment A on Query{...B} fragment B on Query{...A}")
    assert refused.code.public == "GRAPHQL_VALIDATION_FAILED"


def test_says_what_was_expected_and_got() -> None:
    """A developer reads the limit and the number."""
    assert str(refusal(ABUSE["aliases"][0])) == "Expected at most 30 aliases; got 100."


class CountingGuard(LimitGuard):
    measured = 0

    def measure(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Measures:
        self.measured += 1
        return super().measure(document, operation, variables)


def check(guard: LimitGuard, source: str, variables: dict[str, Any]) -> None:
    prepared = Documents(SCHEMA, guard).find(source)
    prepared.demand.weigh(prepared.operation(None), variables)


def test_judges_page_sizes_in_variables() -> None:
    """A page size that comes in a variable is judged when it comes."""
    source = "query($n:Int!){page(first:$n){page(first:$n){name}}}"
    check(LimitGuard(SCHEMA), source, {"n": 20})
    with pytest.raises(Refused, match="at most 300 page"):
        check(LimitGuard(SCHEMA), source, {"n": 301})
    with pytest.raises(Refused, match="at most 15000 cost"):
        check(LimitGuard(SCHEMA), source, {"n": 200})


def test_measures_each_page_size_once() -> None:
    """The cost of known page sizes is remembered, and what is remembered is bounded."""
    guard = CountingGuard(SCHEMA)
    prepared = Documents(SCHEMA, guard).find("query($n:Int!){page(first:$n){name}}")
    for _ in range(10):
        prepared.demand.weigh(prepared.operation(None), {"n": 24})
    assert guard.measured == 2
    for number in range(MAX_KEPT * 3):
        prepared.demand.weigh(prepared.operation(None), {"n": number})
    assert len(prepared.demand._known) <= MAX_KEPT  # type: ignore[attr-defined]


def test_odd_page_sizes_are_left_to_coercion() -> None:
    """A page size that is no number is not measured; the executor refuses it."""
    for value in ("24", None, -5, 1.5, [1], True):
        check(LimitGuard(SCHEMA), "query($n:Int!){page(first:$n){name}}", {"n": value})


def test_exceptions_are_bound_to_a_text() -> None:
    """One document may have limits of its own; the same operation name in another document has not."""
    source = "query Wide{" + " ".join(f"a{n}:name" for n in range(25)) + "}"
    exceptions = {hashlib.sha256(source.encode()).hexdigest(): Limits(root_fields=50)}
    policy = LimitPolicy(exceptions=exceptions)
    Documents(SCHEMA, LimitGuard(SCHEMA, policy)).find(source)
    assert refusal(source + " ", policy).code.public == "LIMIT_EXCEEDED"


def test_measure_mode_reports_and_lets_pass() -> None:
    """In measure mode an excess is reported with its document, and executed; the caps on reading stay."""
    reported: list[tuple[str, list[Excess]]] = []
    guard = LimitGuard(SCHEMA, LimitPolicy(mode=Mode.MEASURE), lambda sha256, excess: reported.append((sha256, excess)))
    source = ABUSE["depth"][0]
    Documents(SCHEMA, guard).find(source)
    assert reported == [(hashlib.sha256(source.encode()).hexdigest(), [Excess("depth", 12, 31)])]
    with pytest.raises(Refused):
        Documents(SCHEMA, guard).find(UNREAD["tokens"])


@cache
def shop_schema() -> GraphQLSchema:
    return build_shop()._schema


def test_measure_mode_knows_all_operations() -> None:
    """In measure mode a document with more operations than allowed is executed, whichever of them is named."""
    source = ABUSE["operations"][0]
    prepared = Documents(SCHEMA, LimitGuard(SCHEMA, LimitPolicy(mode=Mode.MEASURE))).find(source)
    prepared.demand.weigh(prepared.operation("Q29"), {})
    assert prepared.demand.cost(prepared.operation("Q29"), {}) == 0


def test_reads_the_demands_of_our_own_schema() -> None:
    """The costs and sizes that the shop's fields declare are found, as Strawberry applies them."""
    schema = shop_schema()
    demands = read_demands(schema)
    assert demands["Category", "products"].slicing == ("first",)
    assert demands["Category", "products"].sized == {"edges", "nodes"}
    assert demands["Product", "recommendations"].weight == 10
    assert demands["Product", "variants"].assumed == 10


def test_knows_operations_without_a_name() -> None:
    """An anonymous operation has its demand as well."""
    prepared = Documents(SCHEMA, LimitGuard(SCHEMA)).find("{page(first:3){name}}")
    operation = prepared.operation(None)
    assert isinstance(operation, OperationDefinitionNode)
    assert prepared.demand.cost(operation, {}) == 3


PAGES = sorted((Path(__file__).parents[2] / "gateway" / "graphiql" / "operations").glob("*.graphql"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_pages_of_a_shop_pass(page: Path) -> None:
    """The pages that a shop sends are within the default limits, with full pages of goods."""
    schema = shop_schema()
    prepared = Documents(schema, LimitGuard(schema)).find(page.read_text())
    variables = json.loads(page.with_suffix(".json").read_text())
    for operation in prepared.operations.values():
        prepared.demand.weigh(operation, {**variables, "first": 24})
        assert prepared.demand.cost(operation, {**variables, "first": 24}) > 0


def test_there_are_pages() -> None:
    """The test above has something to read."""
    assert len(PAGES) >= 6
