"""What any customer system promises: the profile of the customer who asks."""

import datetime as dt
from collections.abc import Sequence
from typing import Final, Protocol

from clients.errors import Outcomes
from clients.scope import OfCustomer
from clients.values import Address, Value

ME: Final = "me"
"""The one key of the profile that the scope's customer has."""


class Contact(Value):
    """Name and ways to reach a person; `phone` in E.164 form."""

    first_name: str
    phone: str
    last_name: str | None = None
    email: str | None = None


class Company(Value):
    """A company that the customer buys for."""

    id: str
    legal_name: str
    tax_id: str
    registration_code: str | None = None
    legal_address: Address | None = None


class Customer(Value):
    """A signed-in customer, with all saved addresses and companies."""

    id: str
    contact: Contact
    addresses: tuple[Address, ...]
    companies: tuple[Company, ...]
    birthday: dt.date | None = None


class Customers(Protocol):
    """The system that owns profiles."""

    async def fetch_customers(self, keys: Sequence[str], scope: OfCustomer) -> Outcomes[str, Customer]:
        """The profile of the scope's customer under the one key `ME`."""
        ...
