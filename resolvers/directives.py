"""The schema's directives: what a field promises, what it costs, and the shopper's context.

Strawberry prints the applications; the definitions are written here once, because it knows
neither the defaults nor the descriptions of their arguments.
"""

from typing import Annotated, Any

import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.schema_directive import Location

from clients.values import DataSource, SalesChannel
from resolvers.enums import describe_enum
from resolvers.scalars import CurrencyCode, LanguageCode

describe_enum(
    DataSource,
    "Third-party systems by role. Vendor names never appear in the schema, so a vendor can be replaced.",
    {
        "CATALOGUE": "Products, categories, media.",
        "SEARCH": "Search, listing and facets.",
        "PRICING": "Prices, discounts and promotions.",
        "LOYALTY": "Loyalty programme.",
        "RECOMMENDATIONS": "Recommendations.",
        "STOCK": "Stock and reservations.",
        "DELIVERY": "Delivery quotes, pickup places, tracking.",
        "CART": "Cart storage.",
        "ORDERS": "Order management.",
        "PAYMENTS": "Payments.",
        "CUSTOMERS": "Customer profiles.",
        "NOTIFICATIONS": "Messages to the customer.",
        "GEO": "Localities and addresses.",
    },
)

describe_enum(
    SalesChannel,
    "Client channel.",
    {
        "WEB": "Website.",
        "IOS": "iOS app.",
        "ANDROID": "Android app.",
        "IN_STORE": "Terminal in a store.",
    },
)

FIELDS = [Location.FIELD_DEFINITION]


@strawberry.schema_directive(locations=FIELDS, name="seam", print_definition=False)
class Seam:
    """The field's value comes from a third-party system."""

    source: DataSource = strawberry.directive_field(name="source")


@strawberry.schema_directive(locations=FIELDS, name="semanticNonNull", print_definition=False)
class SemanticNonNull:
    """Null only on error."""


@strawberry.schema_directive(locations=FIELDS, name="cost", print_definition=False)
class Cost:
    """Static cost of a field."""

    weight: int = strawberry.directive_field(name="weight")


@strawberry.schema_directive(locations=FIELDS, name="listSize", print_definition=False)
class ListSize:
    """Expected size of a list."""

    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=strawberry.UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=strawberry.UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=strawberry.UNSET)


SIZED_BY_FIRST = ListSize(slicing_arguments=["first"], sized_fields=["edges", "nodes"])


@strawberry.directive(
    locations=[DirectiveLocation.QUERY, DirectiveLocation.MUTATION, DirectiveLocation.SUBSCRIPTION],
    name="inContext",
    description=(
        "The shopper's context for the whole operation. It decides prices, stock, delivery and language, so it "
        "is part of the operation (and of its cache key) and not a hidden header. Anything omitted falls back to "
        "the signed-in customer's preferences, then to the shop's defaults."
    ),
)
def in_context(
    value: DirectiveValue[Any],
    locality: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="Locality (city) the shopper is buying for; see `Query.localities`."),
    ] = strawberry.UNSET,
    location: Annotated[
        strawberry.ID | None, strawberry.argument(description="Preferred store or pickup place.")
    ] = strawberry.UNSET,
    channel: Annotated[
        SalesChannel | None,
        strawberry.argument(description="Client channel; promotions may differ between them."),
    ] = strawberry.UNSET,
    language: Annotated[
        LanguageCode | None, strawberry.argument(description="Language of titles and messages.")
    ] = strawberry.UNSET,
    currency: Annotated[
        CurrencyCode | None, strawberry.argument(description="Presentment currency.")
    ] = strawberry.UNSET,
) -> Any:
    """Stand in the schema only: `resolvers/shopper.py` reads the directive before anything runs."""
    del locality, location, channel, language, currency
    return value


DEFINITIONS = '''\
"""
The field's value comes from a third-party system reached through the gateway.
If that system fails and no acceptable cached value exists, the field is null and `errors` holds one
entry at its path with `extensions: { code, source, retryable, retryAfterSeconds }`, where `code` is a
`SourceFailureCode`. If a cached value is served instead, there is no error and the value's
`freshness.state` says so. Clients must use a partial-data error policy (Apollo: `errorPolicy: "all"`).
"""
directive @seam(
  """The system that owns the value."""
  source: DataSource!
) on FIELD_DEFINITION

"""
Null only on error (the convention shared by Relay, Apollo Kotlin and others): client code generators
that handle field errors out of band may type the field as non-null.
"""
directive @semanticNonNull(
  """List depths the promise applies to; 0 is the field itself."""
  levels: [Int!]! = [0]
) on FIELD_DEFINITION

"""
Static cost of a field, used to reject over-expensive operations before execution (Apollo demand-control form).
"""
directive @cost(
  """Cost added when the field is selected."""
  weight: Int!
) on FIELD_DEFINITION

"""Expected size of a list, used in static cost analysis (Apollo demand-control form)."""
directive @listSize(
  """Size assumed when no slicing argument decides it."""
  assumedSize: Int
  """Arguments that bound the list."""
  slicingArguments: [String!]
  """Fields of a connection that have the list's size."""
  sizedFields: [String!]
  """Whether exactly one slicing argument must be given."""
  requireOneSlicingArgument: Boolean = true
) on FIELD_DEFINITION
'''
