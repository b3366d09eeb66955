"""All datasets: `Sources` live as long as the application, `Loaders` as long as a request."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from clients.catalogue.protocol import CategoryTree, Product, ProductKey
from clients.customers.protocol import Customer
from clients.delivery.protocol import DeliveryPromise, Location, LocationQuery, LocationsFound, PromiseKey
from clients.geo.protocol import AddressesFound, AddressQuery, LocalitiesFound, Locality, LocalityQuery
from clients.loyalty.protocol import EstimateKey, HistoryKey, LoyaltyAccount, PointsEstimate, PointsHistory
from clients.pricing.protocol import CurrentPromotions, Price, PriceKey, ProductPrice, Promotion
from clients.recommendations.protocol import BlockKey, RecommendationBlock
from clients.search.protocol import Listing, ListingKey, SuggestionKey, Suggestions
from clients.stock.protocol import Availability, ProductAvailability, StockAtLocations, StockQuery
from clients.values import ProductSkus
from resolvers.loaders.loader import Loader, no_aliases
from resolvers.loaders.source import CountedAsker, Source

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Sources:
    """Every dataset that a field may ask for, cached or not; made once by whoever composes the application."""

    products: Source[ProductKey, Product]
    category_tree: Source[str, CategoryTree]
    listings: Source[ListingKey, Listing]
    suggestions: Source[SuggestionKey, Suggestions]
    prices: Source[PriceKey, Price]
    product_prices: Source[ProductSkus, ProductPrice]
    promotions: Source[str, Promotion]
    current_promotions: Source[str, CurrentPromotions]
    availability: Source[str, Availability]
    product_availability: Source[ProductSkus, ProductAvailability]
    stock_at_locations: Source[StockQuery, StockAtLocations]
    accounts: Source[str, LoyaltyAccount]
    history: Source[HistoryKey, PointsHistory]
    estimates: Source[EstimateKey, PointsEstimate]
    blocks: Source[BlockKey, RecommendationBlock]
    promises: Source[PromiseKey, DeliveryPromise]
    locations: Source[str, Location]
    location_search: Source[LocationQuery, LocationsFound]
    customers: Source[str, Customer]
    localities: Source[str, Locality]
    locality_search: Source[LocalityQuery, LocalitiesFound]
    address_search: Source[AddressQuery, AddressesFound]


def other_keys(key: ProductKey, product: Product) -> Iterable[ProductKey]:
    """The key under which other systems mention a product that a client named in another way."""
    return () if key.kind == "id" else (ProductKey(kind="id", key=product.id),)


class Lazy(Generic[K, V]):
    """One dataset's loader, made when a request first asks for it: most pages need a third of them."""

    def __init__(self, aliases: Callable[[K, V], Iterable[K]] = no_aliases) -> None:
        self._aliases = aliases
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, loaders: "Loaders", owner: type) -> Loader[K, V]:
        source: Source[K, V] = getattr(loaders.sources, self._name)
        made = Loader(source, loaders.asker, self._aliases)
        loaders.__dict__[self._name] = made  # found before this descriptor from now on
        return made


class Loaders:
    """The datasets of one request, for one asker; `by_field` holds what a plain executor gathers per field."""

    def __init__(self, sources: Sources, asker: CountedAsker) -> None:
        self.sources = sources
        self.asker = asker
        self.by_field: dict[object, Any] = {}

    products: Lazy[ProductKey, Product] = Lazy(other_keys)
    category_tree: Lazy[str, CategoryTree] = Lazy()
    listings: Lazy[ListingKey, Listing] = Lazy()
    suggestions: Lazy[SuggestionKey, Suggestions] = Lazy()
    prices: Lazy[PriceKey, Price] = Lazy()
    product_prices: Lazy[ProductSkus, ProductPrice] = Lazy()
    promotions: Lazy[str, Promotion] = Lazy()
    current_promotions: Lazy[str, CurrentPromotions] = Lazy()
    availability: Lazy[str, Availability] = Lazy()
    product_availability: Lazy[ProductSkus, ProductAvailability] = Lazy()
    stock_at_locations: Lazy[StockQuery, StockAtLocations] = Lazy()
    accounts: Lazy[str, LoyaltyAccount] = Lazy()
    history: Lazy[HistoryKey, PointsHistory] = Lazy()
    estimates: Lazy[EstimateKey, PointsEstimate] = Lazy()
    blocks: Lazy[BlockKey, RecommendationBlock] = Lazy()
    promises: Lazy[PromiseKey, DeliveryPromise] = Lazy()
    locations: Lazy[str, Location] = Lazy()
    location_search: Lazy[LocationQuery, LocationsFound] = Lazy()
    customers: Lazy[str, Customer] = Lazy()
    localities: Lazy[str, Locality] = Lazy()
    locality_search: Lazy[LocalityQuery, LocalitiesFound] = Lazy()
    address_search: Lazy[AddressQuery, AddressesFound] = Lazy()
