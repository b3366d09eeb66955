"""How soon and for how much something can be received."""

import datetime as dt

import strawberry

from clients.delivery import protocol as delivery
from clients.errors import SourceFailureCode
from clients.values import DataSource, DeliveryMethod
from resolvers.fields import describe_enum, describes, input_object, plain
from resolvers.freshness import Freshness, Sourced
from resolvers.geo import AddressInput, GeoPointInput
from resolvers.money import Money

describe_enum(
    DeliveryMethod,
    "Method of receiving goods.",
    {
        "COURIER": "Courier on a day.",
        "EXPRESS": "Courier within hours, from a nearby store.",
        "PICKUP_POINT": "Carrier's pickup point.",
        "PARCEL_LOCKER": "Parcel locker.",
        "STORE_PICKUP": "Retailer's own store.",
        "POST": "Post office.",
    },
)

describe_enum(
    SourceFailureCode,
    "Why a source gave no answer. Also used in `errors[].extensions.code`.",
    {
        "TIMEOUT": "No answer within the field's time budget.",
        "UNAVAILABLE": "Connection refused or a server fault.",
        "THROTTLED": "The source is limiting our rate.",
        "INVALID_RESPONSE": "An answer that breaks the source's contract.",
        "CIRCUIT_OPEN": "Not asked, because the source has been failing.",
    },
)


@input_object(one_of=True)
class DestinationInput:
    """Where to deliver; give exactly one."""

    locality_id: strawberry.Maybe[strawberry.ID] = plain("Somewhere in a locality; enough for estimates.")
    address_id: strawberry.Maybe[strawberry.ID] = plain("Saved address.")
    address: strawberry.Maybe[AddressInput] = plain("Full address.")
    point: strawberry.Maybe[GeoPointInput] = plain("Point on the map.")


@describes(delivery.SourceFailure)
class SourceFailure:
    """One provider's failure inside a result that is otherwise usable."""

    source: DataSource = plain("Failed system.")
    provider: str | None = plain("Which provider of that system, in words for the shopper, e.g. a carrier's name.")
    code: SourceFailureCode = plain("What happened.")
    retry_after_seconds: int | None = plain("When it is worth asking again.")


@describes(delivery.MethodPromise)
class MethodPromise:
    """Promise for one method."""

    method: DeliveryMethod = plain("Method.")
    earliest: dt.date = plain("Soonest date.")
    cost_from: Money = plain("Least cost.")
    order_before: dt.datetime | None = plain("Order before this moment to keep the date.")
    location_count: int | None = plain("For pickup methods, at how many places.")


@describes(delivery.DeliveryPromise)
class DeliveryPromise(Sourced):
    """How soon and for how much one variant can be received; for product pages and tiles."""

    methods: list[MethodPromise] = plain("One entry per possible method, soonest first; complete.")
    failures: list[SourceFailure] = plain("Providers that did not answer.")
    freshness: Freshness = plain("When it was computed.")
