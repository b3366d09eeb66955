"""Arguments of a field, coerced as seldom as may be.

What the reference coerces anew for every object is coerced once per document when it cannot
differ, and once per run when only variables can make it differ. Values that a resolver could
change in place are never shared.
"""

import enum
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    VariableNode,
    get_argument_values,
    get_named_type,
    is_enum_type,
    is_specified_scalar_type,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.language import ListValueNode, ObjectValueNode, ValueNode
from graphql.pyutils import Undefined
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

NONE: dict[str, Any] = {}
_UNCHANGEABLE = (str, int, float, bool, type(None), enum.Enum)


class Bound(Protocol):
    """What coercion needs of a run."""

    variable_values: Any
    hide_suggestions: bool
    coerced_arguments: dict[tuple[int, int], dict[str, Any]]


Arguments = Callable[[Any], dict[str, Any]]


def variables_in(value: ValueNode | None) -> Iterator[str]:
    """Names of the variables in a literal."""
    if isinstance(value, VariableNode):
        yield value.name.value
    elif isinstance(value, ListValueNode):
        for item in value.values:
            yield from variables_in(item)
    elif isinstance(value, ObjectValueNode):
        for field in value.fields:
            yield from variables_in(field.value)


def variables_of(arguments: tuple[ArgumentNode, ...] | list[ArgumentNode] | None) -> set[str]:
    """Names of the variables in a field's or a directive's arguments."""
    return {name for argument in arguments or () for name in variables_in(argument.value)}


def arguments_of(definition: GraphQLField, details: FieldDetails) -> Arguments:
    """Make the function that gives a field's keyword arguments in a run.

    It raises GraphQLError as `get_argument_values` of the reference does.
    """
    if not definition.args:
        return _no_arguments
    if details.fragment_variable_values is not None or not _is_repeatable(definition, details.node):
        return lambda run: _coerce(definition, details, run)
    if not variables_of(details.node.arguments):
        return _constant(definition, details)
    return _once_per_run(definition, details)


def _no_arguments(_run: Any) -> dict[str, Any]:
    return NONE


def converted(arguments: Arguments, field: StrawberryField | None, schema: GraphQLSchema) -> Arguments:
    """Arguments under their Python names and as Strawberry's input types, for a Strawberry field."""
    if field is None or not field.arguments:
        return arguments
    strawberry_schema = schema._strawberry_schema  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name
    config = strawberry_schema.config
    registry = strawberry_schema.schema_converter.scalar_registry
    declared = field.arguments
    kept: tuple[dict[str, Any] | None, dict[str, Any]] = None, NONE

    def convert(run: Any) -> dict[str, Any]:
        nonlocal kept
        plain = arguments(run)
        if plain is kept[0]:
            return kept[1]
        made = convert_arguments(plain, declared, registry, config)
        if _is_shareable(plain) and _is_shareable(made):
            kept = plain, made  # the very same arguments come again where they are constants
        return made

    return convert


def _coerce(definition: GraphQLField, details: FieldDetails, run: Bound) -> dict[str, Any]:
    node: FieldNode = details.node
    return get_argument_values(
        definition, node, run.variable_values, details.fragment_variable_values, run.hide_suggestions
    )


def _is_repeatable(definition: GraphQLField, node: FieldNode) -> bool:
    """Whether coercing twice gives equal values: nobody's own scalars or input objects take part.

    An argument that is neither given nor has a default takes no part.
    """
    given = {argument.name.value for argument in node.arguments or ()}
    taking_part = [
        argument
        for name, argument in definition.args.items()
        if name in given or argument.default is not None or argument.default_value is not Undefined
    ]
    named = [get_named_type(argument.type) for argument in taking_part]
    return all(is_specified_scalar_type(t) or is_enum_type(t) for t in named)


def _is_shareable(values: dict[str, Any]) -> bool:
    return all(isinstance(value, _UNCHANGEABLE) for value in values.values())


def _constant(definition: GraphQLField, details: FieldDetails) -> Arguments:
    try:
        values = get_argument_values(definition, details.node)
    except GraphQLError:
        values = {"": []}  # wrong in the document: let every call say so, with its own error
    if _is_shareable(values):
        return lambda run: values  # noqa: ARG005 - every step has one signature
    return lambda run: _coerce(definition, details, run)


def _once_per_run(definition: GraphQLField, details: FieldDetails) -> Arguments:
    identity = (id(definition), id(details.node))

    def values(run: Bound) -> dict[str, Any]:
        kept = run.coerced_arguments.get(identity)
        if kept is not None:
            return kept
        coerced = _coerce(definition, details, run)
        if _is_shareable(coerced):
            run.coerced_arguments[identity] = coerced
        return coerced

    return values
