"""The shop's own schema under generated operations, on data that fits and data that does not."""

import asyncio
import os
from functools import lru_cache
from random import Random
from types import SimpleNamespace
from typing import Any

import graphql
from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    is_abstract_type,
    parse,
    print_schema,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import queries

from gateway.execution import Execution, executable_schema
from resolvers.schema import build_schema as build_shop
from tests.execution.comparison import told

CASES = int(os.environ.get("EXECUTION_CASES", "1000")) // 20


@lru_cache(maxsize=1)
def text_of_schema() -> str:
    return print_schema(executable_schema(build_shop()))


@lru_cache(maxsize=1)
def plain_schema() -> GraphQLSchema:
    """The shop's types without its resolvers: every field reads an attribute."""
    return build_schema(text_of_schema())


def scalars() -> dict[str, Any]:
    """Literals for the schema's own scalars."""
    known = {"Int", "Float", "String", "Boolean", "ID"}
    own = [t.name for t in plain_schema().type_map.values() if isinstance(t, GraphQLScalarType) and t.name not in known]
    literal = st.just(graphql.StringValueNode(value="x"))
    return dict.fromkeys(own, literal)


class Filler:
    """Makes data for the fields that a document names."""

    def __init__(self, document: graphql.DocumentNode, seed: int) -> None:
        self.rnd = Random(seed)
        self.trouble = self.rnd.choice([0.0, 0.0, 0.05])
        self.names = {node.value for node in _names(document)}

    def value(self, type_: Any, depth: int = 0) -> Any:
        rnd = self.rnd
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        elif rnd.random() < 0.1:
            return None
        if rnd.random() < self.trouble:
            return rnd.choice([None, 5, "text", ValueError("wrong"), [1], 2**40])
        if isinstance(type_, GraphQLList):
            return [self.value(type_.of_type, depth) for _ in range(rnd.randrange(5 if depth < 3 else 2))]
        if isinstance(type_, GraphQLEnumType):
            return rnd.choice(list(type_.values))
        if isinstance(type_, GraphQLScalarType):
            return {"Int": 7, "Float": 1.5, "Boolean": True}.get(type_.name, "text")
        return self.object(type_, depth)

    def object(self, type_: Any, depth: int) -> Any:
        if is_abstract_type(type_):
            type_ = self.rnd.choice(list(plain_schema().get_possible_types(type_)))
        if depth > 8:
            return {"__typename": type_.name}
        wanted = {name: field for name, field in type_.fields.items() if name in self.names}
        values = {name: self.value(field.type, depth + 1) for name, field in wanted.items()}
        values["__typename"] = values["_SimpleNamespace__typename"] = type_.name
        return self.rnd.choice([dict, dict, SimpleNamespace])(**values)


def _names(document: graphql.DocumentNode) -> list[graphql.NameNode]:
    found: list[graphql.NameNode] = []

    class Collect(graphql.Visitor):
        def enter_field(self, node: graphql.FieldNode, *_: Any) -> None:
            found.append(node.name)

    graphql.visit(document, Collect())
    return found


@settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=st.integers(min_value=0, max_value=2**32))
def test_generated_operations(data: st.DataObject, seed: int) -> None:
    """Any valid operation of the shop gives what the reference gives, cold and warm."""
    document = parse(data.draw(queries(text_of_schema(), custom_scalars=scalars())))
    schema = plain_schema()
    root = Filler(document, seed).object(schema.query_type, 0)
    expected = told(_run(graphql.experimental_execute_incrementally, schema, document, root))
    execution = Execution()
    for _ in range(3):
        assert told(_run(execution.execute_incrementally, schema, document, root)) == expected
    assert not execution.fallbacks


def _run(execute: Any, schema: GraphQLSchema, document: graphql.DocumentNode, root: Any) -> Any:
    result = execute(schema, document, root)
    return asyncio.run(result) if hasattr(result, "__await__") else result
