"""Points, addresses and localities."""

import strawberry

from clients import values
from clients.delivery.protocol import DestinationAddress
from clients.geo import protocol as geo
from resolvers.fields import describes, input_object, optional, plain
from resolvers.node import Kind, Node, expected_key, identity, reference
from resolvers.scalars import CountryCode


@describes(values.GeoPoint)
class GeoPoint:
    """A point on the map."""

    latitude: float = plain("Degrees north.")
    longitude: float = plain("Degrees east.")


@input_object()
class GeoPointInput:
    """A point on the map."""

    latitude: float = plain("Degrees north.")
    longitude: float = plain("Degrees east.")


@input_object()
class GeoBoxInput:
    """A map rectangle."""

    south_west: GeoPointInput = plain("South-west corner.")
    north_east: GeoPointInput = plain("North-east corner.")


@describes(values.Address)
class Address:
    """A postal address."""

    id = reference(Kind.ADDRESS, "id", "Id in the customer's address book, if it is saved there.")
    country_code: CountryCode = plain("Country.")
    region: str | None = plain("Region or state.")
    locality_id = reference(Kind.LOCALITY, "locality_id", "Locality (city) id; see `Query.localities`.")
    city: str = plain("City or settlement.")
    street: str | None = plain("Street.")
    house: str | None = plain("House and building.")
    flat: str | None = plain("Flat or office.")
    postal_code: str | None = plain("Postal code.")
    note: str | None = plain("Entrance, floor, door phone, comment to the courier.")
    point: GeoPoint | None = plain("Position, if known.")
    formatted: str = plain("Whole address on one line.")


@input_object()
class AddressInput:
    """A postal address."""

    country_code: CountryCode | None = optional("Country; the shop's country when omitted.")
    region: str | None = optional("Region or state.")
    locality_id: strawberry.ID | None = optional("Locality (city) id.")
    city: str = plain("City or settlement.")
    street: str | None = optional("Street.")
    house: str | None = optional("House and building.")
    flat: str | None = optional("Flat or office.")
    postal_code: str | None = optional("Postal code.")
    note: str | None = optional("Entrance, floor, door phone, comment to the courier.")
    point: GeoPointInput | None = optional("Position, if known.")


@describes(geo.Locality)
class Locality(Node):
    """A city or settlement: the unit by which prices, stock and delivery vary."""

    id = identity(Kind.LOCALITY, description="Id to pass to `@inContext(locality:)`.")
    name: str = plain("Name.")
    region: str | None = plain("Region.")
    country_code: CountryCode = plain("Country.")
    point: GeoPoint | None = plain("Centre.")


def read_point(given: GeoPointInput | None) -> values.GeoPoint | None:
    """A client's point as a value."""
    return values.GeoPoint(latitude=given.latitude, longitude=given.longitude) if given else None


def read_box(given: GeoBoxInput | None) -> values.GeoBox | None:
    """A client's rectangle as a value."""
    if not given:
        return None
    corners = given.south_west, given.north_east
    south_west, north_east = (values.GeoPoint(latitude=c.latitude, longitude=c.longitude) for c in corners)
    return values.GeoBox(south_west=south_west, north_east=north_east)


def read_address(given: AddressInput) -> DestinationAddress:
    """A client's address as delivery systems take it."""
    return DestinationAddress(
        country_code=given.country_code or None,
        city=given.city,
        region=given.region or None,
        locality_id=expected_key(Kind.LOCALITY, given.locality_id, "localityId") if given.locality_id else None,
        street=given.street or None,
        house=given.house or None,
        flat=given.flat or None,
        postal_code=given.postal_code or None,
        note=given.note or None,
        point=read_point(given.point or None),
    )
