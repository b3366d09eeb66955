"""The signed-in customer."""

import datetime as dt
from collections.abc import Sequence

from clients.customers import protocol as profile
from clients.loyalty import protocol as loyalty_protocol
from clients.loyalty.protocol import ACCOUNT
from clients.values import DataSource
from resolvers.context import Info
from resolvers.fields import Outcomes, describes, plain, seam
from resolvers.geo import Address
from resolvers.loyalty import LoyaltyAccount
from resolvers.node import Kind, Node, identity
from resolvers.scalars import PhoneNumber


@describes(profile.Contact)
class Contact:
    """Name and ways to reach a person."""

    first_name: str = plain("First name.")
    last_name: str | None = plain("Last name.")
    phone: PhoneNumber = plain("Telephone.")
    email: str | None = plain("E-mail.")


@describes(profile.Company)
class Company(Node):
    """A company the customer buys for."""

    id = identity(Kind.COMPANY)
    legal_name: str = plain("Legal name.")
    tax_id: str = plain("Taxpayer number (INN).")
    registration_code: str | None = plain("Registration reason code (KPP).")
    legal_address: Address | None = plain("Legal address.")


@describes(profile.Customer)
class Customer(Node):
    """The signed-in customer."""

    id = identity(Kind.CUSTOMER)
    contact: Contact = plain("Name and ways to reach.")
    birthday: dt.date | None = plain("Birthday.")
    addresses: list[Address] = plain("Saved addresses; complete.")
    companies: list[Company] = plain("Companies the customer buys for; complete.")

    @seam(LoyaltyAccount | None, source=DataSource.LOYALTY, needs=["id"])
    @staticmethod
    def loyalty(customers: Sequence[profile.Customer], info: Info, /) -> Outcomes[loyalty_protocol.LoyaltyAccount]:
        """Loyalty programme."""
        return info.context.loaders.accounts.load_many([ACCOUNT] * len(customers))
