"""Points, addresses and localities."""

import strawberry

from clients import values
from clients.delivery.protocol import DestinationAddress
from clients.geo import protocol as geo
from resolvers.fields import describes, input_object, optional, plain
from resolvers.node import Kind, Node, given_key, identity, reference
from resolvers.refusals import BadInput
from resolvers.scalars import CountryCode
from resolvers.texts import LONGEST_TEXT, bounded, named

NORTH_POLE = 90
DATE_LINE = 180


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
    """A client's point as a value; a BadInput for one that is not on the globe."""
    if not given:
        return None
    if not (abs(given.latitude) <= NORTH_POLE and abs(given.longitude) <= DATE_LINE):
        raise BadInput(
            f"Expected a point between -{NORTH_POLE} and {NORTH_POLE} degrees north and -{DATE_LINE} and {DATE_LINE} "
            f"degrees east, got {given.latitude}, {given.longitude}."
        )
    return values.GeoPoint(latitude=given.latitude, longitude=given.longitude)


def read_box(given: GeoBoxInput | None) -> values.GeoBox | None:
    """A client's rectangle as a value; it may lie across the date line, so only north and south have an order."""
    if not given:
        return None
    south_west, north_east = read_point(given.south_west), read_point(given.north_east)
    assert south_west is not None
    assert north_east is not None
    if south_west.latitude > north_east.latitude:
        raise BadInput("Expected `southWest` south of `northEast`, got it north of it.")
    return values.GeoBox(south_west=south_west, north_east=north_east)


def read_address(given: AddressInput) -> DestinationAddress:
    """A client's address as delivery systems take it; a BadInput for one without a city or beyond any envelope."""
    return DestinationAddress(
        country_code=given.country_code or None,
        city=named(given.city.strip(), "city"),
        region=_line(given.region, "region"),
        locality_id=given_key(Kind.LOCALITY, given.locality_id, "localityId"),
        street=_line(given.street, "street"),
        house=_line(given.house, "house"),
        flat=_line(given.flat, "flat"),
        postal_code=_line(given.postal_code, "postalCode"),
        note=bounded(given.note, "note", LONGEST_TEXT) if given.note else None,
        point=read_point(given.point or None),
    )


def _line(given: str | None, argument: str) -> str | None:
    return bounded(given, argument) if given else None
