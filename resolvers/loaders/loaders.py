"""All datasets: `Sources` live as long as the application, `Loaders` as long as a request."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clients.catalogue.protocol import CategoryTree, Product, ProductKey
from clients.customers.protocol import Customer
from clients.delivery.protocol import DeliveryPromise, Location, LocationQuery, LocationsFound, PromiseKey
from clients.geo.protocol import AddressesFound, AddressQuery, LocalitiesFound, Locality, LocalityQuery
from clients.loyalty.protocol import EstimateKey, HistoryKey, LoyaltyAccount, PointsEstimate, PointsHistory
from clients.pricing.protocol import CurrentPromotions, Price, PriceKey, ProductPrice, Promotion
from clients.recommendations.protocol import BlockKey, RecommendationBlock
from clients.scope import Asker
from clients.search.protocol import Listing, ListingKey, SuggestionKey, Suggestions
from clients.stock.protocol import Availability, ProductAvailability, StockAtLocations, StockQuery
from clients.values import ProductSkus
from resolvers.loaders.loader import Loader
from resolvers.loaders.source import Source


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


class Loaders:
    """The datasets of one request, for one asker; `by_field` holds what a plain executor gathers per field."""

    __slots__ = (
        "accounts", "address_search", "availability", "blocks", "by_field", "category_tree", "current_promotions",
        "customers", "estimates", "history", "listings", "localities", "locality_search", "location_search",
        "locations", "prices", "product_availability", "product_prices", "products", "promises", "promotions",
        "stock_at_locations", "suggestions",
    )  # fmt: skip

    def __init__(self, sources: Sources, asker: Asker) -> None:
        self.by_field: dict[object, Any] = {}
        self.products = Loader(sources.products, asker, other_keys)
        self.category_tree = Loader(sources.category_tree, asker)
        self.listings = Loader(sources.listings, asker)
        self.suggestions = Loader(sources.suggestions, asker)
        self.prices = Loader(sources.prices, asker)
        self.product_prices = Loader(sources.product_prices, asker)
        self.promotions = Loader(sources.promotions, asker)
        self.current_promotions = Loader(sources.current_promotions, asker)
        self.availability = Loader(sources.availability, asker)
        self.product_availability = Loader(sources.product_availability, asker)
        self.stock_at_locations = Loader(sources.stock_at_locations, asker)
        self.accounts = Loader(sources.accounts, asker)
        self.history = Loader(sources.history, asker)
        self.estimates = Loader(sources.estimates, asker)
        self.blocks = Loader(sources.blocks, asker)
        self.promises = Loader(sources.promises, asker)
        self.locations = Loader(sources.locations, asker)
        self.location_search = Loader(sources.location_search, asker)
        self.customers = Loader(sources.customers, asker)
        self.localities = Loader(sources.localities, asker)
        self.locality_search = Loader(sources.locality_search, asker)
        self.address_search = Loader(sources.address_search, asker)
