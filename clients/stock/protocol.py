"""What any stock system promises: availability to promise, in all and per location."""

import datetime as dt
import enum
from collections.abc import Sequence
from typing import Protocol

from clients.errors import Outcomes
from clients.scope import InContext
from clients.values import (
    Count,
    GeoPoint,
    Instant,
    LocationKind,
    Page,
    Problem,
    ProductSkus,
    Sourced,
    Value,
)


class AvailabilityStatus(enum.Enum):
    """Status of availability."""

    IN_STOCK = "IN_STOCK"
    LOW_STOCK = "LOW_STOCK"
    BACKORDER = "BACKORDER"
    PREORDER = "PREORDER"
    STORE_ONLY = "STORE_ONLY"
    OUT_OF_STOCK = "OUT_OF_STOCK"


class PickupSupply(enum.Enum):
    """Where picked-up goods come from."""

    SHELF = "SHELF"
    TRANSFER = "TRANSFER"


class Availability(Sourced):
    """Available to promise of one variant; `quantity` is capped and None when it is not disclosed."""

    sku: str
    status: AvailabilityStatus
    is_quantity_capped: bool
    max_order_quantity: Count
    quantity: Count | None = None
    restock_on: dt.date | None = None
    store_count: Count | None = None


class ProductAvailability(Sourced):
    """Best status over a product's variants, and all those that can be bought."""

    id: str
    status: AvailabilityStatus
    available_skus: tuple[str, ...]


class PickupPromise(Value):
    """When and how it can be picked up."""

    supply: PickupSupply
    ready_from: Instant
    requires_confirmation: bool
    order_before: Instant | None = None
    confirmation_minutes: Count | None = None


class StockAtLocation(Sourced):
    """A variant's stock at one place; `distance` in metres from the point asked about."""

    location_id: str
    cursor: str
    status: AvailabilityStatus
    is_quantity_capped: bool
    quantity: Count | None = None
    distance: Count | None = None
    pickup: PickupPromise | None = None


class StockAtLocations(Sourced):
    """A page of a variant's stock over places. With a `problem` it has nothing else."""

    entries: tuple[StockAtLocation, ...]
    page: Page
    problem: Problem | None = None


class StockQuery(Value, omit_defaults=True, cache_hash=True):
    """Where one variant lies, nearest first; `near` is the locality's centre and `kinds` all when omitted."""

    sku: str
    first: int
    in_stock_only: bool
    after: str | None = None
    near: GeoPoint | None = None
    kinds: tuple[LocationKind, ...] = ()


class Stock(Protocol):
    """The system that knows what can be promised."""

    async def fetch_availability(self, keys: Sequence[str], scope: InContext) -> Outcomes[str, Availability]:
        """Availability of variants by stock-keeping unit."""
        ...

    async def fetch_product_availability(
        self, keys: Sequence[ProductSkus], scope: InContext
    ) -> Outcomes[ProductSkus, ProductAvailability]:
        """Availability of whole products."""
        ...

    async def fetch_stock_at_locations(
        self, keys: Sequence[StockQuery], scope: InContext
    ) -> Outcomes[StockQuery, StockAtLocations]:
        """Pages of stock over places; a bad cursor gets a page with its `problem`."""
        ...
