"""What any gazetteer promises: localities, and addresses by free text."""

from collections.abc import Sequence
from typing import Protocol

from clients.errors import Outcomes
from clients.scope import Public
from clients.values import Address, GeoPoint, Value


class Locality(Value):
    """A city or settlement: the unit by which prices, stock and delivery vary."""

    id: str
    name: str
    country_code: str
    region: str | None = None
    point: GeoPoint | None = None


class LocalityQuery(Value, cache_hash=True):
    """Beginning of a name, and how many to find at most."""

    text: str
    first: int


class LocalitiesFound(Value):
    """Localities found, best first."""

    localities: tuple[Locality, ...]


class AddressQuery(Value, cache_hash=True):
    """Free text, and how many addresses to find at most."""

    text: str
    first: int


class AddressesFound(Value):
    """Addresses found, best first."""

    addresses: tuple[Address, ...]


class Geo(Protocol):
    """The gazetteer."""

    async def fetch_localities(self, keys: Sequence[str], scope: Public) -> Outcomes[str, Locality]:
        """Localities by id."""
        ...

    async def search_localities(
        self, keys: Sequence[LocalityQuery], scope: Public
    ) -> Outcomes[LocalityQuery, LocalitiesFound]:
        """Localities by the beginning of their name."""
        ...

    async def search_addresses(
        self, keys: Sequence[AddressQuery], scope: Public
    ) -> Outcomes[AddressQuery, AddressesFound]:
        """Addresses by free text, for completion while typing."""
        ...
