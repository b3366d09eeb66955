"""Scopes to fields: what a token must allow (RFC 6749, 3.3; RFC 8693, 4.2) for a field to be asked for.

Operators say which fields need one; a document that asks for such a field is refused as a whole,
before anything runs. So nothing that was kept for one customer is ever given to one who may not see it.
"""

from collections.abc import Iterable, Mapping

from graphql import GraphQLSchema, TypeInfo, TypeInfoVisitor, Visitor, separate_operations, visit
from graphql.language import FieldNode, OperationDefinitionNode
from graphql.type import GraphQLInterfaceType, GraphQLNamedType, GraphQLObjectType

from gateway.http.documents import Prepared
from gateway.http.errors import Code, Refused
from resolvers.context import Viewer

MAX_KEPT = 1_000

Needs = Mapping[str, str]
"""Scopes by the coordinate of the field that needs them, such as `Query.customer`."""


class UnknownField(ValueError):
    """A coordinate that names no field of the schema."""


class FieldPermissions:
    """Which fields need which scope; raises UnknownField for a field that the schema does not have."""

    def __init__(self, schema: GraphQLSchema, needs: Needs) -> None:
        for coordinate in needs:
            _require(schema, coordinate)
        self._schema = schema
        self._needs = _spread(schema, needs)
        self._known: dict[tuple[str, str | None], Needs] = {}

    def check(self, prepared: Prepared, operation: OperationDefinitionNode, viewer: Viewer) -> None:
        """Raise Refused when the operation asks for a field whose scope the viewer does not have."""
        if not self._needs:
            return
        for coordinate, scope in self._find(prepared, operation).items():
            if scope not in viewer.scopes:
                raise _refusal(coordinate, scope, viewer)

    def _find(self, prepared: Prepared, operation: OperationDefinitionNode) -> Needs:
        name = operation.name.value if operation.name else None
        key = (prepared.sha256, name)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            found = self._known[key] = self._survey(prepared, name)
        return found

    def _survey(self, prepared: Prepared, name: str | None) -> Needs:
        survey = _Survey(self._schema, self._needs)
        alone = separate_operations(prepared.document)[name or ""]
        visit(alone, TypeInfoVisitor(survey.types, survey))
        return survey.found


class _Survey(Visitor):
    """See which of the fields in a document need a scope."""

    def __init__(self, schema: GraphQLSchema, needs: Needs) -> None:
        super().__init__()
        self.types = TypeInfo(schema)
        self.found: dict[str, str] = {}
        self._needs = needs

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self.types.get_parent_type()
        coordinate = f"{parent.name}.{node.name.value}" if parent else ""
        if coordinate in self._needs:
            self.found[coordinate] = self._needs[coordinate]


def _require(schema: GraphQLSchema, coordinate: str) -> None:
    type_name, _, field_name = coordinate.partition(".")
    found = schema.get_type(type_name)
    if not isinstance(found, GraphQLObjectType | GraphQLInterfaceType) or field_name not in found.fields:
        raise UnknownField(
            f"Expected fields of the schema, such as Query.product, to need a scope; got {coordinate!r}."
        )


def _spread(schema: GraphQLSchema, needs: Needs) -> Needs:
    """The same field is also asked for by the interfaces of its type, and by the types of its interface.

    An interface's field needs the scope as soon as one of its types does: which type comes is not known beforehand.
    """
    spread = {}
    for coordinate, scope in needs.items():
        type_name, _, field_name = coordinate.partition(".")
        for name in _relatives(schema, schema.type_map[type_name]):
            spread[f"{name}.{field_name}"] = scope
    return spread | dict(needs)


def _relatives(schema: GraphQLSchema, given: GraphQLNamedType) -> Iterable[str]:
    yield given.name
    if isinstance(given, GraphQLObjectType | GraphQLInterfaceType):
        yield from (interface.name for interface in given.interfaces)
    if isinstance(given, GraphQLInterfaceType):
        yield from (implementer.name for implementer in schema.get_implementations(given).objects)
        yield from (implementer.name for implementer in schema.get_implementations(given).interfaces)


def _refusal(coordinate: str, scope: str, viewer: Viewer) -> Refused:
    """RFC 6750, 3.1: nobody is asked to sign in, somebody is told what the token lacks."""
    if viewer.customer_id is None:
        return Refused(
            Code.UNAUTHENTICATED,
            f"Expected a token with the scope {scope!r} for {coordinate}; got none.",
            headers=((b"www-authenticate", f'Bearer scope="{scope}"'.encode()),),
        )
    return Refused(
        Code.FORBIDDEN,
        f"Expected a token with the scope {scope!r} for {coordinate}; got one without it.",
        headers=((b"www-authenticate", f'Bearer error="insufficient_scope", scope="{scope}"'.encode()),),
    )
