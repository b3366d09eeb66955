"""The measures of a document, by example and against full expansion."""

import time
from typing import Any

import pytest
from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode, build_schema, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limits.measures import TOO_DEEP, Measures, measure
from gateway.limits.sizes import read_demands

SCHEMA = build_schema("""
directive @cost(weight: Int!) on FIELD_DEFINITION
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION
type Query {
  name: String
  me: Person
  sized: [Person!] @listSize(assumedSize: 7)
  plain: [Person!]
  page(first: Int = 20, last: Int): [Person!] @listSize(slicingArguments: ["first", "last"])
  people(first: Int!): People @cost(weight: 10) @listSize(slicingArguments: ["first"], sizedFields: ["edges", "nodes"])
  dear: Person @cost(weight: 50)
  tag: String @cost(weight: 3)
}
type People { edges: [Edge!]! nodes: [Person!]! total: Int }
type Edge { cursor: String node: Person! }
type Person { name: String friend: Person friends: [Person!] @listSize(assumedSize: 2) }
type Mutation { rename: Person }
""")
DEMANDS = read_demands(SCHEMA)


def measure_text(source: str, variables: dict[str, Any] | None = None) -> Measures:
    document = parse(source)
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return measure(SCHEMA, DEMANDS, document, operation, variables or {})


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{name}", 0),
        ("{tag}", 3),
        ("{me{name}}", 1),
        ("{me{friend{name}}}", 2),
        ("{dear{name}}", 50),
        ("{sized{name}}", 7),
        ("{sized{friend{name}}}", 14),
        ("{plain{name}}", 5),
        ("{page{name}}", 20),
        ("{page(first:3){name}}", 3),
        ("{page(first:3,last:9){name}}", 9),
        ("{people(first:4){total}}", 10),
        ("{people(first:4){edges{cursor node{name}}}}", 10 + 4 * 2),
        ("{people(first:4){nodes{friends{name}}}}", 10 + 4 * (1 + 2)),
        ("{people(first:4){...P}} fragment P on People{edges{node{name}}}", 10 + 4 * 2),
        ("mutation{rename{name}}", 11),
        ("{a:me{name} b:me{name}}", 2),
        ("{__typename}", 0),
        ("{__schema{types{name}}}", 100),
    ],
)
def test_costs(query: str, cost: int) -> None:
    """Objects cost 1, leaves nothing, lists multiply by their page, weights are added."""
    assert measure_text(query).cost == cost


def test_variables_decide_page_sizes() -> None:
    """A page size may come in a variable; its default counts when it is not sent."""
    query = "query($n:Int=6){people(first:$n){nodes{name}}}"
    assert measure_text(query).cost == 16
    measures = measure_text(query, {"n": 100})
    assert (measures.cost, measures.page, measures.variables) == (110, 100, frozenset({"n"}))


def test_a_fragment_costs_by_where_it_stands() -> None:
    """One fragment under two connections is multiplied by the page of each."""
    query = "{a:people(first:2){...P} b:people(first:30){...P}} fragment P on People{nodes{name}}"
    assert measure_text(query).cost == 20 + 2 + 30


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{name}", {"depth": 1, "fields": 1, "aliases": 0, "root_fields": 1}),
        ("{a:name b:name}", {"aliases": 2, "root_fields": 2}),
        ("{me{friend{friend{name}}}}", {"depth": 4, "fields": 4, "root_fields": 1}),
        ("{...{...{...{name}}}}", {"depth": 1, "fields": 1}),
        ("{...F ...F} fragment F on Query{a:name me{name}}", {"depth": 2, "fields": 6, "aliases": 2, "root_fields": 4}),
        ("query @skip(if:true){name @skip(if:true) @include(if:true)}", {"directives": 3, "directives_per_field": 2}),
        ("{...F} fragment F on Query{name} fragment G on Query{name}", {"fragments": 2}),
        ("query A{name} query B{name}", {"operations": 2}),
        ("mutation{a:rename{name} b:rename{name}}", {"mutations": 2}),
    ],
)
def test_counts(query: str, expected: dict[str, int]) -> None:
    """Counts are those of the document with its fragments expanded."""
    measures = measure_text(query)._asdict()
    assert {name: measures[name] for name in expected} == expected


def doubling(levels: int) -> str:
    fragments = [f"fragment F{n} on Query{{...F{n + 1} ...F{n + 1}}}" for n in range(levels)]
    return "{...F0} " + " ".join(fragments) + f" fragment F{levels} on Query{{name}}"


def test_never_expands_anything() -> None:
    """Forty fragments that double each other are a million million fields, counted in milliseconds."""
    started = time.process_time()
    assert measure_text(doubling(40)).fields == 2**40
    assert time.process_time() - started < 0.05


def test_survives_fragments_in_a_circle() -> None:
    """A circle of fragments is measured without turning in it; validation refuses it later."""
    assert measure_text("{...A} fragment A on Query{name ...B} fragment B on Query{name ...A}").fields == 2


def test_survives_a_chain_beyond_reason() -> None:
    """A document nested beyond what can be walked is simply too deep."""
    chain = " ".join(f"fragment F{n} on Query{{...{{...{{...F{n + 1}}}}}}}" for n in range(400))
    assert measure_text("{...F0} " + chain + " fragment F400 on Query{name}").depth in (1, TOO_DEEP)


selection = st.recursive(
    st.sampled_from(["name", "a:name", "...F0", "...F1", "...F2"]),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda parts: "me{" + " ".join(parts) + "}"),
    max_leaves=6,
)


def expand(node: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> tuple[int, int, int]:
    """Fields, aliases and depth by full expansion."""
    fields = aliases = depth = 0
    for item in node.selections:
        if isinstance(item, FieldNode):
            below = expand(item.selection_set, fragments) if item.selection_set else (0, 0, 0)
            fields, aliases = fields + 1 + below[0], aliases + (item.alias is not None) + below[1]
            depth = max(depth, 1 + below[2])
        else:
            inner = expand(fragments[item.name.value].selection_set, fragments)  # type: ignore[attr-defined]
            fields, aliases, depth = fields + inner[0], aliases + inner[1], max(depth, inner[2])
    return fields, aliases, depth


@settings(max_examples=100, deadline=None)
@given(st.lists(selection, min_size=1, max_size=3), st.tuples(*[st.lists(selection, min_size=1, max_size=2)] * 3))
def test_agrees_with_expansion(root: list[str], bodies: tuple[list[str], ...]) -> None:
    """What is counted without expanding is what expanding would count."""

    def later(parts: list[str], number: int) -> str:
        text = " ".join(parts)
        for target in range(number + 1):  # a fragment spreads later ones only, or the name
            text = text.replace(f"...F{target}", "name")
        return text

    fragments = " ".join(f"fragment F{n} on Query{{{later(body, n)}}}" for n, body in enumerate(bodies))
    source = "{" + " ".join(root) + "} " + fragments.replace("on Query", "on Person")
    document = parse(source)
    named = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    measures = measure_text(source)
    assert (measures.fields, measures.aliases, measures.depth) == expand(operation.selection_set, named)
