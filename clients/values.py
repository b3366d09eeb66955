"""The vocabulary that all domains share: frozen values as other systems gave them.

A value is built once, when an upstream's answer is decoded, and then shared by every request
that reads it. Nothing may change it afterwards, so caches hand out the same object to everybody
and writers may keep what they wrote of it.
"""

import datetime as dt
import enum
from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from itertools import repeat
from typing import Annotated, Any, ClassVar, dataclass_transform

import msgspec
from msgspec import StructMeta


class _ValueMeta(StructMeta):
    """Gives every value class the same shape; msgspec itself inherits only some of these settings."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any) -> Any:
        return super().__new__(mcls, name, bases, namespace, **{**SHAPE_OF_VALUES, **config})


SHAPE_OF_VALUES = {"frozen": True, "kw_only": True, "rename": "camel", "dict": True}


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, metaclass=_ValueMeta, frozen=True):
    """Base of all values: immutable, named arguments only, decoded straight from camelCase JSON.

    `__memoised__` tells a writer that the object lives long and never changes, so that what was
    written of it may be kept in its `__dict__` and dies with it.
    """

    __memoised__: ClassVar[bool] = True


Count = Annotated[int, msgspec.Meta(ge=0, le=2_147_483_647)]
"""A whole number that GraphQL's `Int` can carry and that is never negative."""

Instant = Annotated[dt.datetime, msgspec.Meta(tz=True)]
"""A moment with its offset; one without is refused, because nobody knows what it means."""


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


class DeliveryMethod(enum.Enum):
    """Method of receiving goods."""

    COURIER = "COURIER"
    EXPRESS = "EXPRESS"
    PICKUP_POINT = "PICKUP_POINT"
    PARCEL_LOCKER = "PARCEL_LOCKER"
    STORE_PICKUP = "STORE_PICKUP"
    POST = "POST"


class LocationKind(enum.Enum):
    """Kind of physical place."""

    STORE = "STORE"
    WAREHOUSE = "WAREHOUSE"
    PICKUP_POINT = "PICKUP_POINT"
    PARCEL_LOCKER = "PARCEL_LOCKER"


class Problem(enum.Enum):
    """What a source found wrong with a question; the question must change, asking again will not help."""

    BAD_CURSOR = "BAD_CURSOR"
    BAD_FILTER = "BAD_FILTER"
    NOT_FOUND = "NOT_FOUND"
    UNKNOWN_PLACEMENT = "UNKNOWN_PLACEMENT"


class Allowance(Value):
    """For how long a source itself lets its answer be used; instants in seconds since the epoch.

    Until `fresh_until` as it is, until `served_until` while a newer one is fetched, until
    `kept_until` when the source fails. It shortens the dataset's policy and never lengthens it.
    """

    fresh_until: float
    served_until: float
    kept_until: float


class Freshness(Value):
    """Where a value came from and when.

    `observed_at` is the source's own word. `received_at` is when we got it, in seconds since the
    epoch. Whether that is live, cached or stale is decided when the value is written, from the
    dataset's agreed age: see `resolvers/freshness.py`. `allowance` is there when the source said more.
    """

    source: DataSource
    dataset: Dataset
    observed_at: Instant
    received_at: float
    is_fallback: bool = False
    allowance: Allowance | None = None


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


def write_once(values: Iterable[Value], field: str, content: object) -> None:
    """Write one attribute of values that were just decoded and that nobody else has seen.

    The loop runs in C: a page brings hundreds of variants and prices.
    """
    deque(map(msgspec.structs.force_setattr, values, repeat(field), repeat(content)), maxlen=0)


def refuse_absurd(*numbers: Decimal | None) -> None:
    """Raise ValueError for a number that no shop means: NaN, infinite, from 10^16 on, below 10^-12.

    A decimal of a few bytes such as `1E+999999` would otherwise be written as a megabyte of zeros.
    """
    for number in numbers:
        if number is not None and not (number.is_finite() and -13 < number.adjusted() < 16):  # noqa: PLR2004
            raise ValueError(f"Expected a decimal between 10^-12 and 10^16, got {str(number)[:24]!r}.")


class Money(Value):
    """An exact amount in major units, e.g. `Decimal("1990.00")` roubles."""

    amount: Decimal
    currency_code: str

    def __post_init__(self) -> None:
        # The same rule written out: a page of 48 products brings a thousand amounts.
        if not (self.amount.is_finite() and -13 < self.amount.adjusted() < 16):  # noqa: PLR2004
            refuse_absurd(self.amount)


class PointsAmount(Value):
    """Loyalty points and what they are worth, when the programme publishes a rate."""

    points: Decimal
    worth: Money | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.points)


class Image(Value):
    """A picture; `url` may hold `{width}`, which is replaced by the wanted width in pixels."""

    url: str
    alt: str | None = None
    width: Count | None = None
    height: Count | None = None


class GeoPoint(Value):
    """Degrees north and east, WGS 84."""

    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]


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
    has_previous_page: bool
    start_cursor: str | None = None
    end_cursor: str | None = None


LAST_PAGE = Page(has_next_page=False, has_previous_page=False)


class Brand(Value):
    """A brand, as the catalogue and the search index know it."""

    id: str
    handle: str
    name: str
    logo: Image | None = None


class Swatch(Value):
    """How to paint a value: `#rrggbb`, a texture, or both."""

    color: str | None = None
    image: Image | None = None


class Badge(Value):
    """A merchandising label; `color` is the background as `#rrggbb`."""

    code: str
    title: str
    color: str | None = None


class ProductSkus(Value, cache_hash=True):
    """A product and the stock-keeping units of all its variants: what is priced and counted as one."""

    id: str
    skus: tuple[str, ...]


_encode = msgspec.json.Encoder().encode


def tells_same(old: object, new: object) -> bool:
    """Whether two values tell the same to the letter (1.0 is not 1.00), but for when each was observed and received."""
    if old is new:
        return True
    if type(old) is not type(new):
        return False
    if isinstance(old, tuple) and isinstance(new, tuple):
        return len(old) == len(new) and all(map(tells_same, old, new))
    former, latter = _unstamped(old), _unstamped(new)
    if _is_written_alike(former, latter):
        return True
    # Not alike, perhaps only because of a stamp deeper inside; what is alike is found so at one go.
    return isinstance(former, Value) and all(
        tells_same(getattr(former, name), getattr(latter, name)) for name in former.__struct_fields__
    )


def _unstamped(value: object) -> object:
    return msgspec.structs.replace(value, freshness=NEVER_STAMPED) if isinstance(value, Sourced) else value


def _is_written_alike(old: object, new: object) -> bool:
    try:
        # Equal are 1.0 and 1.00, and a moment in two zones; of the same form are values of two classes.
        return old == new and _encode(old) == _encode(new)
    except (TypeError, ValueError):  # what has no form as JSON: nothing is known of it
        return False
