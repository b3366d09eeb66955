"""The schema: every type, the scalars and directives, and its text as clients get it."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.directives import DEFINITIONS, in_context
from resolvers.listing import ListFacet, RangeFacet
from resolvers.query import Query
from resolvers.scalars import scalar_map


def build_schema() -> strawberry.Schema:
    """Make the schema; costs about a tenth of a second, once per process."""
    return strawberry.Schema(
        query=Query,
        types=[ListFacet, RangeFacet],
        directives=[in_context],
        config=StrawberryConfig(scalar_map=scalar_map()),
    )


def export_schema(schema: strawberry.Schema) -> str:
    """The schema as SDL, with the definitions of the directives that Strawberry only applies."""
    return f"{DEFINITIONS}\n{schema.as_str()}\n"
