"""Say what is wrong with a client's variables without repeating their values.

graphql-core's messages quote what the client sent; a card number or a password in a variable
would end in somebody's error log. These name the place and the type only.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from graphql import GraphQLError, GraphQLSchema, Undefined, get_named_type, is_input_type, type_from_ast
from graphql.language import OperationDefinitionNode, VariableDefinitionNode
from graphql.type import GraphQLInputObjectType, GraphQLInputType, GraphQLList, GraphQLNonNull
from graphql.utilities import validate_input_value

from gateway.http.errors import Code, Entry, entry_of

MAX_ENTRIES = 10

_MISSING = re.compile(r"to include required field '(\w+)'")


class _Enough(Exception):
    """Stops the walk through a value with a thousand mistakes."""


def explain_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> list[Entry]:
    """List what is wrong with variables that could not be coerced: one entry at least, ten at most."""
    entries: list[Entry] = []
    for definition in operation.variable_definitions or ():
        entries.extend(_explain(schema, definition, variables))
    unexplained = entry_of(Code.BAD_USER_INPUT, "Expected variables that fit their types; got one that does not.")
    return entries[:MAX_ENTRIES] or [unexplained]


def _explain(schema: GraphQLSchema, definition: VariableDefinitionNode, variables: Mapping[str, Any]) -> list[Entry]:
    name = definition.variable.name.value
    expected = type_from_ast(schema, definition.type)
    if expected is None or not is_input_type(expected):
        return []
    value = variables.get(name, Undefined)
    if value is Undefined and definition.default_value is not None:
        return []
    entries: list[Entry] = []

    def report(error: GraphQLError, path: list[str | int]) -> None:
        place = ".".join(str(step) for step in (name, *path))
        message = f"Variable '${place}' {_expectation(error, expected, path)}."
        entries.append(entry_of(Code.BAD_USER_INPUT, message))
        if len(entries) >= MAX_ENTRIES:
            raise _Enough

    with suppress(_Enough):
        validate_input_value(value, expected, report, hide_suggestions=True)
    return entries


def _expectation(error: GraphQLError, expected: GraphQLInputType, path: list[str | int]) -> str:
    at = _type_at(expected, path)
    if (missing := _MISSING.search(error.message)) is not None:
        return f"misses the field '{missing.group(1)}', which type '{get_named_type(at)}' requires"
    if "unknown field" in error.message:
        return f"has a field that type '{get_named_type(at)}' does not define"
    return f"expected a value of type '{at}', got one that it does not allow"


def _type_at(expected: GraphQLInputType, path: list[str | int]) -> GraphQLInputType:
    at = expected
    for step in path:
        at = _bare(at)
        if isinstance(step, int):
            at = at.of_type if isinstance(at, GraphQLList) else at
        elif isinstance(bare := _bare(get_named_type(at)), GraphQLInputObjectType) and step in bare.fields:
            at = bare.fields[step].type
    return at


def _bare(expected: Any) -> Any:
    return expected.of_type if isinstance(expected, GraphQLNonNull) else expected
