"""What the schema says about costs and list sizes: `@cost` and `@listSize` in Apollo's form.

Directives applied by Strawberry and those of a schema made from SDL are read alike.
https://www.apollographql.com/docs/graphos/routing/security/demand-control
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField, GraphQLSchema, is_interface_type, is_object_type, value_from_ast_untyped
from graphql.language import DirectiveNode
from strawberry.types.field import StrawberryField


@dataclass(frozen=True, slots=True)
class FieldDemand:
    """`weight` is added when the field is selected. Sizes are of the field's list, or of its `sized` fields."""

    weight: int | None = None
    assumed: int | None = None
    slicing: tuple[str, ...] = ()
    sized: frozenset[str] = frozenset()


NO_DEMAND = FieldDemand()
DemandTable = Mapping[tuple[str, str], FieldDemand]


def read_demands(schema: GraphQLSchema) -> DemandTable:
    """Collect the demands of all fields that declare one, by type and field name."""
    table = {}
    for name, type_ in schema.type_map.items():
        if is_object_type(type_) or is_interface_type(type_):
            for field_name, field in type_.fields.items():
                if (demand := _demand(field)) is not None:
                    table[name, field_name] = demand
    return table


def _demand(field: GraphQLField) -> FieldDemand | None:
    applied = dict(_applied(field))
    cost, size = applied.get("cost"), applied.get("listSize")
    if cost is None and size is None:
        return None
    size = size or {}
    return FieldDemand(
        weight=int(cost["weight"]) if cost else None,
        assumed=size.get("assumedSize"),
        slicing=tuple(size.get("slicingArguments") or ()),
        sized=frozenset(size.get("sizedFields") or ()),
    )


def _applied(field: GraphQLField) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for node in field.ast_node.directives or () if field.ast_node else ():
        yield node.name.value, _arguments(node)
    definition = field.extensions.get("strawberry-definition")
    if isinstance(definition, StrawberryField):
        yield from _strawberry(definition.directives)


def _arguments(node: DirectiveNode) -> Mapping[str, Any]:
    return {argument.name.value: value_from_ast_untyped(argument.value) for argument in node.arguments or ()}


def _strawberry(directives: Sequence[object]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for directive in directives:
        definition = getattr(directive, "__strawberry_directive__", None)
        if definition is not None:
            yield definition.graphql_name or definition.python_name, _values(directive, definition.fields)


def _values(directive: object, fields: Iterable[Any]) -> Mapping[str, Any]:
    values = {field.graphql_name or field.python_name: getattr(directive, field.python_name) for field in fields}
    return {name: value for name, value in values.items() if isinstance(value, int | list | tuple)}
