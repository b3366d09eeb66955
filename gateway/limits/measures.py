"""Measure a document in one pass.

The one hard thing here is that a document of 750 bytes can spread fragments into fragments until
its expansion has a million fields. So nothing is ever expanded: a fragment is measured once, and a
spread adds the fragment's numbers. Sums and products of numbers are cheap however large they get.

A fragment on a connection is measured once per page size that reaches it, since the size of the
page multiplies what stands in `edges` (see `Sized`). Variables decide page sizes, so a document
is measured once per combination of theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import DocumentNode, GraphQLField, GraphQLSchema, get_named_type, get_nullable_type, is_list_type
from graphql.language import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)
from graphql.pyutils import Undefined
from graphql.type import GraphQLInterfaceType, GraphQLNamedType, GraphQLObjectType, is_leaf_type

from gateway.limits.sizes import NO_DEMAND, DemandTable, FieldDemand

DEFAULT_LIST_SIZE = 5
MUTATION_COST = 10
INTROSPECTION_COST = 100
TOO_DEEP = 1_000_000


class Measures(NamedTuple):
    """The numbers of one operation with all that it spreads; `variables` are those that decide page sizes."""

    operations: int
    fragments: int
    depth: int
    fields: int
    aliases: int
    directives: int
    directives_per_field: int
    root_fields: int
    mutations: int
    page: int
    cost: int
    variables: frozenset[str]


class Sized(NamedTuple):
    """A page size on its way from a connection to the fields that have it."""

    fields: frozenset[str]
    size: int


@dataclass(slots=True)
class _Sum:
    """The numbers of one selection set."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    roots: int = 0
    cost: int = 0

    def add(self, other: "_Sum") -> None:
        self.depth = max(self.depth, other.depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.roots += other.roots
        self.cost += other.cost


def measure(
    schema: GraphQLSchema,
    demands: DemandTable,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> Measures:
    """Measure one operation; a document that is nested beyond reason has the depth `TOO_DEEP`."""
    return _Meter(schema, demands, document, operation, variables).measure()


class _Meter:
    """One pass over one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        demands: DemandTable,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._demands = demands
        self._operation = operation
        self._operations = sum(isinstance(node, OperationDefinitionNode) for node in document.definitions)
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._variables = {**_defaults(operation), **variables}
        self._known: dict[tuple[str, Sized | None], _Sum] = {}
        self._open: set[str] = set()
        self._deciding: set[str] = set()
        self._most_directives = 0
        self._page = 0

    def measure(self) -> Measures:
        kind = self._operation.operation
        try:
            total = self._selections(self._operation.selection_set, self._schema.get_root_type(kind), None)
        except RecursionError:
            total = _Sum(depth=TOO_DEEP)
        mutations = total.roots if kind is OperationType.MUTATION else 0
        return Measures(
            operations=self._operations,
            fragments=len(self._fragments),
            depth=total.depth,
            fields=total.fields,
            aliases=total.aliases,
            directives=total.directives + len(self._operation.directives or ()),
            directives_per_field=self._most_directives,
            root_fields=total.roots,
            mutations=mutations,
            page=self._page,
            cost=total.cost + mutations * MUTATION_COST,
            variables=frozenset(self._deciding),
        )

    def _selections(self, node: SelectionSetNode, parent: GraphQLNamedType | None, sized: Sized | None) -> _Sum:
        total = _Sum()
        for selection in node.selections:
            count = len(selection.directives or ())
            self._most_directives = max(self._most_directives, count)
            total.directives += count
            if isinstance(selection, FieldNode):
                total.add(self._field(selection, parent, sized))
            elif isinstance(selection, InlineFragmentNode):
                total.add(self._selections(selection.selection_set, self._narrowed(selection, parent), sized))
            elif isinstance(selection, FragmentSpreadNode):
                total.add(self._fragment(selection.name.value, sized))
        return total

    def _fragment(self, name: str, sized: Sized | None) -> _Sum:
        """Measure a fragment once; an unknown one, or one within itself, is for validation to refuse."""
        known = self._known.get((name, sized))
        if known is not None:
            return known
        node = self._fragments.get(name)
        if node is None or name in self._open:
            return _Sum()
        self._open.add(name)
        total = self._selections(node.selection_set, self._narrowed(node, None), sized)
        self._open.discard(name)
        self._known[name, sized] = total
        return total

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, sized: Sized | None) -> _Sum:
        name = node.name.value
        own = _Sum(depth=1, fields=1, aliases=node.alias is not None, roots=1)
        if name.startswith("__"):
            own.cost = 0 if name == "__typename" else INTROSPECTION_COST
            return own if node.selection_set is None else _beside(own, self._count_only(node.selection_set))
        field = _field_of(parent, name)
        demand = self._demands.get((parent.name, name), NO_DEMAND) if parent else NO_DEMAND
        page = self._page_size(node, field, demand)
        below = _Sum()
        if node.selection_set is not None:
            passed = Sized(demand.sized, page) if demand.sized and page is not None else None
            type_ = get_named_type(field.type) if field else None
            below = self._selections(node.selection_set, type_, passed)
        own.cost = _cost(field, demand, _length(name, field, demand, page, sized), below.cost)
        return _under(own, below)

    def _count_only(self, node: SelectionSetNode) -> _Sum:
        """Count what stands under an introspection field; graphql-core bounds its depth itself."""
        below = self._selections(node, None, None)
        return _Sum(fields=below.fields, aliases=below.aliases, directives=below.directives)

    def _narrowed(
        self, node: InlineFragmentNode | FragmentDefinitionNode, parent: GraphQLNamedType | None
    ) -> GraphQLNamedType | None:
        condition = node.type_condition
        return self._schema.get_type(condition.name.value) if condition else parent

    def _page_size(self, node: FieldNode, field: GraphQLField | None, demand: FieldDemand) -> int | None:
        """Read the page size out of the slicing arguments; None where nothing bounds the list."""
        if not demand.slicing:
            return demand.assumed
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        sizes: list[Any] = []
        for name in demand.slicing:
            value = given.get(name)
            if isinstance(value, IntValueNode):
                sizes.append(int(value.value))
            elif isinstance(value, VariableNode):
                self._deciding.add(value.name.value)
                sizes.append(self._variables.get(value.name.value))
            elif field is not None and name in field.args:
                sizes.append(_default_of(field.args[name]))
        known = [size for size in sizes if isinstance(size, int) and size >= 0]
        self._page = max([self._page, *known])
        return max(known, default=demand.assumed)


def _defaults(operation: OperationDefinitionNode) -> dict[str, int]:
    return {
        definition.variable.name.value: int(definition.default_value.value)
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }


def _default_of(argument: Any) -> Any:
    default = argument.default_value
    if default is not Undefined:
        return default
    wrapped = getattr(argument, "default", None)
    literal = getattr(wrapped, "literal", None)
    if isinstance(literal, IntValueNode):
        return int(literal.value)
    return getattr(wrapped, "value", None)


def _field_of(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    return parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None


def _length(
    name: str, field: GraphQLField | None, demand: FieldDemand, page: int | None, sized: Sized | None
) -> int | None:
    """How many objects the field gives; None for one."""
    if field is None or not is_list_type(get_nullable_type(field.type)):
        return None
    if sized is not None and name in sized.fields:
        return sized.size
    if page is not None and not demand.sized:
        return page
    return DEFAULT_LIST_SIZE


def _cost(field: GraphQLField | None, demand: FieldDemand, length: int | None, below: int) -> int:
    """Apollo's rule: an object costs 1, a leaf nothing, a list its length times its objects; `@cost` is added."""
    if field is None or is_leaf_type(get_named_type(field.type)):
        return demand.weight or 0
    if length is not None:
        return (demand.weight or 0) + length * (1 + below)
    return (1 if demand.weight is None else demand.weight) + below


def _under(own: _Sum, below: _Sum) -> _Sum:
    own.depth += below.depth
    return _beside(own, below)


def _beside(own: _Sum, below: _Sum) -> _Sum:
    own.fields += below.fields
    own.aliases += below.aliases
    own.directives += below.directives
    return own
