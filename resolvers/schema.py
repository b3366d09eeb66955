"""The schema: every type, the scalars and directives, and its text as clients get it."""

import strawberry
from graphql import GraphQLInputObjectType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from resolvers.directives import DEFINITIONS, in_context
from resolvers.listing import ListFacet, RangeFacet
from resolvers.query import Query
from resolvers.scalars import scalar_map


def build_schema() -> strawberry.Schema:
    """Make the schema, with `@defer` and `@stream`; costs about a tenth of a second, once per process."""
    schema = strawberry.Schema(
        query=Query,
        types=[ListFacet, RangeFacet],
        directives=[in_context],
        config=StrawberryConfig(scalar_map=scalar_map(), enable_experimental_incremental_execution=True),
    )
    declare_one_of(schema._schema)  # noqa: SLF001 -- it has no public name
    return schema


def declare_one_of(schema: GraphQLSchema) -> None:
    """Tell graphql-core which inputs are `@oneOf`, so that it validates them like any other input.

    Strawberry checks them by itself, in a rule of its own that only its own `execute` applies.
    """
    for described in schema.type_map.values():
        if isinstance(described, GraphQLInputObjectType):
            definition = described.extensions.get("strawberry-definition")
            described.is_one_of = bool(definition and definition.is_one_of)


def export_schema(schema: strawberry.Schema) -> str:
    """The schema as SDL, with the definitions of the directives that Strawberry only applies."""
    return f"{DEFINITIONS}\n{schema.as_str()}\n"
