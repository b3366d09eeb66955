"""Physical places: stores, warehouses, pickup points and lockers."""

import datetime as dt
from typing import NamedTuple

from clients import values
from clients.delivery import protocol as delivery
from clients.delivery.protocol import LocationService
from clients.values import LocationKind
from resolvers.fields import describe_enum, describes, plain
from resolvers.geo import Address, GeoPoint
from resolvers.image import Image
from resolvers.node import Kind, Node, identity
from resolvers.paging import PageInfo
from resolvers.scalars import PhoneNumber

describe_enum(
    LocationKind,
    "Kind of location.",
    {
        "STORE": "Retailer's own store.",
        "WAREHOUSE": "Warehouse; not open to shoppers.",
        "PICKUP_POINT": "Carrier's pickup point.",
        "PARCEL_LOCKER": "Parcel locker.",
    },
)

describe_enum(
    LocationService,
    "Service at a location.",
    {
        "FITTING": "Trying on.",
        "CARD_PAYMENT": "Card payment on receipt.",
        "CASH_PAYMENT": "Cash on receipt.",
        "PARTIAL_ACCEPTANCE": "Partial acceptance of an order.",
        "RETURNS": "Returns accepted.",
        "ACCESSIBLE": "Wheelchair access.",
    },
)


class FoundLocation(NamedTuple):
    """A place in a list of places."""

    cursor: str
    node: delivery.Location
    distance: int | None


class FoundLocations(NamedTuple):
    """A page of places."""

    edges: list[FoundLocation]
    nodes: list[delivery.Location]
    page_info: values.Page
    total_count: int


@describes(delivery.OpeningHours)
class OpeningHours:
    """Opening hours of one day."""

    date: dt.date = plain("Day.")
    opens_at: dt.datetime | None = plain("Opening moment; null when closed all day.")
    closes_at: dt.datetime | None = plain("Closing moment; null when closed all day.")


@describes(delivery.Location)
class Location(Node):
    """A physical place: store, warehouse, pickup point or parcel locker."""

    id = identity(Kind.LOCATION)
    kind: LocationKind = plain("Kind.")
    title: str = plain("Title.")
    operator: str | None = plain("Carrier or retailer it belongs to.")
    address: Address = plain("Address.")
    point: GeoPoint = plain("Position.")
    phone: PhoneNumber | None = plain("Telephone.")
    landmarks: list[str] = plain("Nearest underground stations or landmarks.")
    time_zone: str = plain("IANA time zone.")
    opening_hours: list[OpeningHours] = plain("Opening hours for the next seven days; complete.")
    services: list[LocationService] = plain("Services offered.")
    storage_days: int | None = plain("Days a parcel is kept.")
    photo: Image | None = plain("Photo.")


@describes(FoundLocation)
class LocationEdge:
    """One location in a connection."""

    cursor: str = plain("Cursor.")
    node: Location = plain("Location.")
    distance: int | None = plain("Metres from the point asked about.")


@describes(FoundLocations)
class LocationConnection:
    """Locations found."""

    edges: list[LocationEdge] = plain("Edges.")
    nodes: list[Location] = plain("Locations only.")
    page_info: PageInfo = plain("Page information.")
    total_count: int = plain("How many match in all.")


def read_found(found: delivery.LocationsFound) -> FoundLocations:
    """A page of places as its connection; an entry without its place is left out."""
    places = found.by_id
    edges = [
        FoundLocation(entry.cursor, places[entry.location_id], entry.distance)
        for entry in found.entries
        if entry.location_id in places
    ]
    return FoundLocations(edges, [edge.node for edge in edges], found.page, found.total_count)
