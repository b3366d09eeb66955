"""What kind of field a schema declares: how its value is had from its parent.

The kinds of `resolvers/batch.py` are found in a field's extensions, or in the metadata of a
Strawberry field. Whatever is not recognised with certainty is a resolver, which is always right.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import GraphQLField, TypeNameMetaFieldDef, default_field_resolver
from strawberry.types.field import StrawberryField

from resolvers.batch import Batch, Hole, Pure

_BASIC_RESOLVER = "GraphQLCoreConverter.from_resolver.<locals>._get_basic_result"


@dataclass(frozen=True, slots=True)
class Typename:
    """`__typename`: known as soon as the object's type is."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """The parent's attribute `name`.

    `is_lenient` is the reference's default resolver: keys of mappings count as attributes, an
    absent one is null, a callable one is called. Otherwise it is `getattr` as Strawberry uses it.
    """

    name: str
    is_lenient: bool


@dataclass(frozen=True, slots=True)
class Resolver:
    """Any function `(parent, info, **arguments)`."""

    function: Callable[..., Any]


Kind: TypeAlias = Typename | Attribute | Resolver | Pure | Hole | Batch


def strawberry_field_of(definition: GraphQLField) -> StrawberryField | None:
    """The Strawberry field that a GraphQL field was made of, if it was."""
    found = definition.extensions.get("strawberry-definition")
    return found if isinstance(found, StrawberryField) else None


def kind_of(definition: GraphQLField, name: str, field_resolver: Callable[..., Any]) -> Kind:
    """Classify a field; `name` is its name in the schema."""
    if definition is TypeNameMetaFieldDef:
        return Typename()
    return (
        _declared(definition) or _attribute(definition, name, field_resolver) or _resolver(definition, field_resolver)
    )


def _declared(definition: GraphQLField) -> Pure | Hole | Batch | None:
    field = strawberry_field_of(definition)
    places: tuple[Mapping[Any, Any], ...] = (definition.extensions, field.metadata if field else {})
    if field is not None and (field.extensions or field.permission_classes):
        return None  # an extension or a permission around the field must keep its say
    for place in places:
        for key, cls in (("pure", Pure), ("hole", Hole), ("batch", Batch)):
            if isinstance(place.get(key), cls):
                found: Pure | Hole | Batch = place[key]
                return found
    return None


def _attribute(definition: GraphQLField, name: str, field_resolver: Callable[..., Any]) -> Attribute | None:
    if definition.args:
        return None  # reading must wait until the arguments proved right
    if definition.resolve is None or definition.resolve is default_field_resolver:
        is_default = definition.resolve is not None or field_resolver is default_field_resolver
        return Attribute(name, is_lenient=True) if is_default else None
    field = strawberry_field_of(definition)
    if field is not None and _reads_plainly(field, definition.resolve):
        return Attribute(field.python_name, is_lenient=False)
    return None


def _reads_plainly(field: StrawberryField, resolve: Callable[..., Any]) -> bool:
    """Tell whether Strawberry's resolver is the one that only calls `getattr`."""
    return (
        field.is_basic_field
        and getattr(resolve, "__qualname__", "") == _BASIC_RESOLVER
        and field.default_resolver is getattr
        and type(field).get_result is StrawberryField.get_result
    )


def _resolver(definition: GraphQLField, field_resolver: Callable[..., Any]) -> Resolver:
    return Resolver(definition.resolve or field_resolver)


def is_declared(definition: GraphQLField) -> bool:
    """Whether a field says that it is pure, a hole or a batch."""
    return _declared(definition) is not None
