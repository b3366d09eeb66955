"""The vocabulary that all domains share: frozen values as other systems gave them.

A value is built once, when an upstream's answer is decoded, and then shared by every request
that reads it. Nothing may change it afterwards, so caches hand out the same object to everybody
and writers may keep what they wrote of it.
"""

import datetime as dt
import enum
from decimal import Decimal
from typing import ClassVar

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel", dict=True):
    """Base of all values: immutable, decoded straight from camelCase JSON.

    `__memoised__` tells a writer that the object lives long and never changes, so that what was
    written of it may be kept in its `__dict__` and dies with it.
    """

    __memoised__: ClassVar[bool] = True


class DataSource(enum.Enum):
    """Third-party systems by role; vendor names never appear."""

    CATALOGUE = "CATALOGUE"
    SEARCH = "SEARCH"
    PRICING = "PRICING"
    LOYALTY = "LOYALTY"
    RECOMMENDATIONS = "RECOMMENDATIONS"
    STOCK = "STOCK"
    DELIVERY = "DELIVERY"
    CART = "CART"
    ORDERS = "ORDERS"
    PAYMENTS = "PAYMENTS"
    CUSTOMERS = "CUSTOMERS"
    NOTIFICATIONS = "NOTIFICATIONS"
    GEO = "GEO"


class Dataset(enum.StrEnum):
    """What a source is asked for. Each dataset has one cache policy and one kind of key."""

    PRODUCT = "product"
    CATEGORY_TREE = "category_tree"
    LISTING = "listing"
    SUGGESTION = "suggestion"
    PRICE = "price"
    PRODUCT_PRICE = "product_price"
    PROMOTION = "promotion"
    CURRENT_PROMOTIONS = "current_promotions"
    AVAILABILITY = "availability"
    PRODUCT_AVAILABILITY = "product_availability"
    STOCK_AT_LOCATIONS = "stock_at_locations"
    LOYALTY_ACCOUNT = "loyalty_account"
    POINTS_HISTORY = "points_history"
    POINTS_ESTIMATE = "points_estimate"
    RECOMMENDATION = "recommendation"
    DELIVERY_PROMISE = "delivery_promise"
    LOCATION = "location"
    LOCATION_SEARCH = "location_search"
    CUSTOMER = "customer"
    LOCALITY = "locality"
    LOCALITY_SEARCH = "locality_search"
    ADDRESS_SUGGESTION = "address_suggestion"


class SalesChannel(enum.Enum):
    """Client channel."""

    WEB = "WEB"
    IOS = "IOS"
    ANDROID = "ANDROID"
    IN_STORE = "IN_STORE"


class Freshness(Value):
    """Where a value came from and when.

    `observed_at` is the source's own word. `received_at` is when we got it, in seconds since the
    epoch. Whether that is live, cached or stale is decided when the value is written, from the
    dataset's agreed age: see `resolvers/freshness.py`.
    """

    source: DataSource
    dataset: Dataset
    observed_at: dt.datetime
    received_at: float
    is_fallback: bool = False


NEVER_STAMPED = Freshness(
    source=DataSource.CATALOGUE,
    dataset=Dataset.PRODUCT,
    observed_at=dt.datetime.fromtimestamp(0, dt.UTC),
    received_at=0.0,
)


class Sourced(Value):
    """A value that knows its provenance; adapters stamp it right after decoding."""

    freshness: Freshness = NEVER_STAMPED


def stamp(value: Sourced, freshness: Freshness) -> None:
    """Write the provenance into a value that was just decoded and that nobody else has seen."""
    msgspec.structs.force_setattr(value, "freshness", freshness)


class Money(Value):
    """An exact amount in major units, e.g. `Decimal("1990.00")` roubles."""

    amount: Decimal
    currency_code: str


class PointsAmount(Value):
    """Loyalty points and what they are worth, when the programme publishes a rate."""

    points: Decimal
    worth: Money | None = None


class Image(Value):
    """A picture; `url` may hold `{width}`, which is replaced by the wanted width in pixels."""

    url: str
    alt: str | None = None
    width: int | None = None
    height: int | None = None


class GeoPoint(Value):
    """Degrees north and east, WGS 84."""

    latitude: float
    longitude: float


class GeoBox(Value):
    """A map rectangle."""

    south_west: GeoPoint
    north_east: GeoPoint


class Address(Value):
    """A postal address; `formatted` is the whole of it on one line."""

    country_code: str
    city: str
    formatted: str
    id: str | None = None
    region: str | None = None
    locality_id: str | None = None
    street: str | None = None
    house: str | None = None
    flat: str | None = None
    postal_code: str | None = None
    note: str | None = None
    point: GeoPoint | None = None


class Page(Value):
    """How a page of a longer list ends; cursors are the owner's opaque strings."""

    has_next_page: bool
    has_previous_page: bool = False
    start_cursor: str | None = None
    end_cursor: str | None = None
