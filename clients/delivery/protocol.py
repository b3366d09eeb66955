"""What any delivery system promises: soonest dates and costs per method, and places to pick up at."""

import datetime as dt
import enum
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from clients.errors import Outcomes, SourceFailureCode
from clients.scope import InContext, Public
from clients.values import (
    Address,
    Count,
    DataSource,
    DeliveryMethod,
    GeoBox,
    GeoPoint,
    Image,
    Instant,
    LocationKind,
    Money,
    Page,
    Problem,
    Sourced,
    Value,
)


class LocationService(enum.Enum):
    """Service at a location."""

    FITTING = "FITTING"
    CARD_PAYMENT = "CARD_PAYMENT"
    CASH_PAYMENT = "CASH_PAYMENT"
    PARTIAL_ACCEPTANCE = "PARTIAL_ACCEPTANCE"
    RETURNS = "RETURNS"
    ACCESSIBLE = "ACCESSIBLE"


class DestinationAddress(Value, omit_defaults=True, cache_hash=True):
    """An address as a shopper gave it; the shop's country when none is given."""

    city: str
    country_code: str | None = None
    region: str | None = None
    locality_id: str | None = None
    street: str | None = None
    house: str | None = None
    flat: str | None = None
    postal_code: str | None = None
    note: str | None = None
    point: GeoPoint | None = None


class Destination(Value, omit_defaults=True, cache_hash=True):
    """Where to deliver: exactly one of the three is given."""

    locality_id: str | None = None
    address: DestinationAddress | None = None
    point: GeoPoint | None = None


class PromiseKey(Value, cache_hash=True):
    """A variant and where it shall go."""

    sku: str
    to: Destination


class MethodPromise(Value):
    """Soonest date and least cost of one method; `location_count` for methods of picking up."""

    method: DeliveryMethod
    earliest: dt.date
    cost_from: Money
    order_before: Instant | None = None
    location_count: Count | None = None


class SourceFailure(Value):
    """One provider's failure inside an answer that is otherwise usable; `provider` in words for the shopper."""

    code: SourceFailureCode
    provider: str | None = None
    retry_after_seconds: Count | None = None
    source: DataSource = DataSource.DELIVERY


class DeliveryPromise(Sourced):
    """One entry per possible method, soonest first, and the providers that did not answer."""

    sku: str
    methods: tuple[MethodPromise, ...]
    failures: tuple[SourceFailure, ...]


class OpeningHours(Value):
    """Opening hours of one day; both moments None when it is closed."""

    date: dt.date
    opens_at: Instant | None = None
    closes_at: Instant | None = None


class Location(Value):
    """A store, warehouse, pickup point or locker; opening hours for the next seven days."""

    id: str
    kind: LocationKind
    title: str
    address: Address
    point: GeoPoint
    landmarks: tuple[str, ...]
    time_zone: str
    opening_hours: tuple[OpeningHours, ...]
    services: tuple[LocationService, ...]
    operator: str | None = None
    phone: str | None = None
    storage_days: Count | None = None
    photo: Image | None = None


class LocationQuery(Value, omit_defaults=True, cache_hash=True):
    """A page of places; nearest to `near` first when it is given."""

    first: int
    after: str | None = None
    near: GeoPoint | None = None
    within: GeoBox | None = None
    kinds: tuple[LocationKind, ...] = ()
    locality_id: str | None = None


class LocationEntry(Value):
    """One place found; `distance` in metres from the point asked about."""

    location_id: str
    cursor: str
    distance: Count | None = None


class LocationsFound(Value):
    """A page of places; `by_id` has every entry's location. With a `problem` it has nothing else."""

    entries: tuple[LocationEntry, ...]
    locations: tuple[Location, ...]
    total_count: Count
    page: Page
    problem: Problem | None = None

    @cached_property
    def by_id(self) -> dict[str, Location]:
        """Locations of this page by id."""
        return {location.id: location for location in self.locations}


class Delivery(Protocol):
    """The system that knows carriers, places and delivery times."""

    async def fetch_promises(
        self, keys: Sequence[PromiseKey], scope: InContext
    ) -> Outcomes[PromiseKey, DeliveryPromise]:
        """How soon and for how much variants can be received."""
        ...

    async def fetch_locations(self, keys: Sequence[str], scope: Public) -> Outcomes[str, Location]:
        """Places by id."""
        ...

    async def search_locations(
        self, keys: Sequence[LocationQuery], scope: Public
    ) -> Outcomes[LocationQuery, LocationsFound]:
        """Pages of places; a bad cursor gets a page with its `problem`."""
        ...
