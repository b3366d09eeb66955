"""Reading where a shopper wants something delivered."""

from clients.customers.protocol import ME, Customer
from clients.delivery.protocol import Destination, DestinationAddress
from clients.errors import SourceError
from clients.eventual import Eventual, then
from clients.values import Address
from resolvers.context import Info
from resolvers.delivery import DestinationInput
from resolvers.geo import read_address, read_point
from resolvers.node import Kind, expected_key
from resolvers.refusals import BadInput


def read_destination(given: DestinationInput | None, info: Info) -> Eventual[Destination]:
    """The destination as delivery systems take it; the locality in context when none is given.

    A saved address is looked up in the customer's own address book only. Raises BadInput for what
    names no place, and the SourceError that kept us from the address book.
    """
    if not given:
        return Destination(locality_id=info.context.shopper.locality_id)
    if given.address_id:
        return _saved(expected_key(Kind.ADDRESS, given.address_id.value, "addressId"), info)
    if given.address:
        return Destination(address=read_address(given.address.value))
    if given.point:
        return Destination(point=read_point(given.point.value))
    if given.locality_id:
        return Destination(locality_id=expected_key(Kind.LOCALITY, given.locality_id.value, "localityId"))
    raise BadInput("Expected exactly one way to name the destination, got none.")


def _saved(address_id: str, info: Info) -> Eventual[Destination]:
    if info.context.viewer.customer_id is None:
        raise BadInput("Expected a signed-in customer for `addressId`, got an anonymous visitor.")

    def pick(customer: Customer | SourceError | None) -> Destination:
        if isinstance(customer, SourceError):
            raise customer
        saved = customer.addresses if customer else ()
        address = next((a for a in saved if a.id == address_id), None)
        if address is None:
            raise BadInput("Expected a saved address of yours, got another.")
        return Destination(address=named_like(address))

    return then(info.context.loaders.customers.load(ME), pick)


def named_like(address: Address) -> DestinationAddress:
    """A saved address as delivery systems take it."""
    return DestinationAddress(
        city=address.city,
        country_code=address.country_code,
        region=address.region,
        locality_id=address.locality_id,
        street=address.street,
        house=address.house,
        flat=address.flat,
        postal_code=address.postal_code,
        note=address.note,
        point=address.point,
    )
