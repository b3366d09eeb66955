"""How values are written in the shared level, so that no release misreads what another wrote."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from clients.catalogue.protocol import CategoryTree, Product
from clients.customers.protocol import Customer
from clients.delivery.protocol import DeliveryPromise, Location, LocationsFound
from clients.geo.protocol import AddressesFound, LocalitiesFound, Locality
from clients.loyalty.protocol import LoyaltyAccount, PointsEstimate, PointsHistory
from clients.pricing.protocol import CurrentPromotions, Price, ProductPrice, Promotion
from clients.recommendations.protocol import RecommendationBlock
from clients.search.protocol import Listing, Suggestions
from clients.stock.protocol import Availability, ProductAvailability, StockAtLocations
from clients.values import Dataset

FORMAT = 1

VALUE_OF: Mapping[Dataset, type[msgspec.Struct]] = {
    Dataset.PRODUCT: Product,
    Dataset.CATEGORY_TREE: CategoryTree,
    Dataset.LISTING: Listing,
    Dataset.SUGGESTION: Suggestions,
    Dataset.PRICE: Price,
    Dataset.PRODUCT_PRICE: ProductPrice,
    Dataset.PROMOTION: Promotion,
    Dataset.CURRENT_PROMOTIONS: CurrentPromotions,
    Dataset.AVAILABILITY: Availability,
    Dataset.PRODUCT_AVAILABILITY: ProductAvailability,
    Dataset.STOCK_AT_LOCATIONS: StockAtLocations,
    Dataset.LOYALTY_ACCOUNT: LoyaltyAccount,
    Dataset.POINTS_HISTORY: PointsHistory,
    Dataset.POINTS_ESTIMATE: PointsEstimate,
    Dataset.RECOMMENDATION: RecommendationBlock,
    Dataset.DELIVERY_PROMISE: DeliveryPromise,
    Dataset.LOCATION: Location,
    Dataset.LOCATION_SEARCH: LocationsFound,
    Dataset.CUSTOMER: Customer,
    Dataset.LOCALITY: Locality,
    Dataset.LOCALITY_SEARCH: LocalitiesFound,
    Dataset.ADDRESS_SUGGESTION: AddressesFound,
}


class Unreadable(ValueError):
    """Bytes that are not an entry of this dataset, release and address."""


class Written(msgspec.Struct, array_like=True, frozen=True):
    """An entry as it is stored. `address` is the whole scope and key, `number` the purge log's at the load's start."""

    address: bytes
    number: int
    received_at: float
    load_s: float
    value: msgspec.Raw


class Codec:
    """Writes and reads one dataset's entries."""

    def __init__(self, dataset: Dataset, value_type: type[Any]) -> None:
        self._prefix = f"{dataset.value}:{fingerprint(value_type)}:"
        self._encoder = msgspec.msgpack.Encoder()
        self._envelopes = msgspec.msgpack.Decoder(Written)
        self._values: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(value_type | None)

    def address(self, scope: object, key: object) -> bytes:
        """Scope and key in full: it stands inside the entry too, so that no collision can ever mix two of them."""
        return self._encoder.encode((scope, key))

    def name(self, address: bytes) -> str:
        """The store's key for an address."""
        return self._prefix + hashlib.blake2b(address, digest_size=16).hexdigest()

    def write(self, address: bytes, number: int, received_at: float, load_s: float, value: object) -> bytes:
        raw = msgspec.Raw(self._encoder.encode(value))
        return self._encoder.encode(Written(address, number, received_at, load_s, raw))

    def read(self, address: bytes, stored: bytes) -> tuple[Written, Any]:
        """The envelope and its value; raises Unreadable."""
        try:
            written = self._envelopes.decode(stored)
            if written.address != address:
                raise Unreadable("an entry of another address")
            return written, self._values.decode(written.value)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Unreadable(str(error)) from None


def fingerprint(value_type: type[Any]) -> str:
    """A short name for the shape of a type: changes with its fields, types and our format, not with its wording."""
    shape = [FORMAT, _shape(msgspec.json.schema(value_type))]
    return hashlib.blake2b(json.dumps(shape, sort_keys=True).encode(), digest_size=5).hexdigest()


def _shape(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _shape(part) for name, part in schema.items() if not _is_wording(name, part)}
    return [_shape(part) for part in schema] if isinstance(schema, list) else schema


def _is_wording(name: str, part: object) -> bool:
    """A docstring's text; a field that is called `title` has a schema there, not a text."""
    return name in ("description", "title") and isinstance(part, str)
