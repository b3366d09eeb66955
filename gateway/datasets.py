"""Every dataset: which client method fetches it, and what of the shopper it may depend on."""

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from clients.scope import Asker, ForCustomer, InContext, OfCustomer, Public, Scope
from clients.values import Dataset
from gateway.cache.fetcher import Fetch
from gateway.cache.levels import Levels
from gateway.cache.policy import DEFAULT_POLICIES, Policy
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from gateway.upstreams import Clients
from resolvers.loaders.loaders import Sources

LAST_LOADS_S = 1.0

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S", bound=Scope)


def public(asker: Asker) -> Public:
    """The same for everybody who reads the language."""
    return asker.public


def in_context(asker: Asker) -> InContext:
    """By locality, channel, currency and language."""
    return asker.in_context


def for_customer(asker: Asker) -> ForCustomer:
    """By customer, where they shop."""
    return asker.for_customer


def of_customer(asker: Asker) -> OfCustomer:
    """By signed-in customer."""
    return asker.of_customer


@dataclass(slots=True)
class Datasets:
    """The sources for resolvers, and all of them by dataset, for purges and metrics."""

    sources: Sources
    by_dataset: dict[Dataset, CachedSource[Any, Any, Any]] = field(default_factory=dict)

    def recall(self, dataset: Dataset, keys: Sequence[Hashable], asker: Asker, /) -> Sequence[Any | None]:
        """Per key the last good value that `asker` may still be given when the source fails; nobody is asked."""
        return self.by_dataset[dataset].recall(keys, asker)

    async def aclose(self) -> None:
        """Give loads under way a moment to bring home what others could use, then stop them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_LOADS_S):
                await asyncio.gather(*(source.settle() for source in self.by_dataset.values()))
        for source in self.by_dataset.values():
            await source.aclose()


def decide_policies(*, is_enabled: bool) -> Mapping[Dataset, Policy]:
    """The policies in force: the defaults, or nothing kept at all when the cache is off."""
    return DEFAULT_POLICIES if is_enabled else {dataset: keep_nothing(p) for dataset, p in DEFAULT_POLICIES.items()}


def keep_nothing(policy: Policy) -> Policy:
    """The same dataset without memory: calls still leave together, but nothing outlives its request."""
    return replace(policy, fresh_s=0, stale_while_revalidate_s=0, stale_if_error_s=0, negative_s=0, signed_in=None)


def open_datasets(
    clients: Clients,
    levels: Levels,
    policies: Mapping[Dataset, Policy],
    shared: Shared | None = None,
    watch: Callable[[Dataset, Any], Any] = lambda _dataset, fetch: fetch,
) -> Datasets:
    """Put the cache between loaders and clients."""
    opened: dict[Dataset, CachedSource[Any, Any, Any]] = {}

    def cached(dataset: Dataset, fetch: Fetch[K, S, V], project: Callable[[Asker], S]) -> CachedSource[K, V, S]:
        source = CachedSource(dataset, policies[dataset], watch(dataset, fetch), project, levels, shared)
        opened[dataset] = source
        return source

    sources = Sources(
        products=cached(Dataset.PRODUCT, clients.catalogue.fetch_products, public),
        category_tree=cached(Dataset.CATEGORY_TREE, clients.catalogue.fetch_category_tree, public),
        listings=cached(Dataset.LISTING, clients.search.fetch_listings, in_context),
        suggestions=cached(Dataset.SUGGESTION, clients.search.fetch_suggestions, in_context),
        prices=cached(Dataset.PRICE, clients.pricing.fetch_prices, for_customer),
        product_prices=cached(Dataset.PRODUCT_PRICE, clients.pricing.fetch_product_prices, for_customer),
        promotions=cached(Dataset.PROMOTION, clients.pricing.fetch_promotions, for_customer),
        current_promotions=cached(Dataset.CURRENT_PROMOTIONS, clients.pricing.fetch_current_promotions, for_customer),
        availability=cached(Dataset.AVAILABILITY, clients.stock.fetch_availability, in_context),
        product_availability=cached(Dataset.PRODUCT_AVAILABILITY, clients.stock.fetch_product_availability, in_context),
        stock_at_locations=cached(Dataset.STOCK_AT_LOCATIONS, clients.stock.fetch_stock_at_locations, in_context),
        accounts=cached(Dataset.LOYALTY_ACCOUNT, clients.loyalty.fetch_accounts, of_customer),
        history=cached(Dataset.POINTS_HISTORY, clients.loyalty.fetch_history, of_customer),
        estimates=cached(Dataset.POINTS_ESTIMATE, clients.loyalty.fetch_estimates, for_customer),
        blocks=cached(Dataset.RECOMMENDATION, clients.recommendations.fetch_blocks, for_customer),
        promises=cached(Dataset.DELIVERY_PROMISE, clients.delivery.fetch_promises, in_context),
        locations=cached(Dataset.LOCATION, clients.delivery.fetch_locations, public),
        location_search=cached(Dataset.LOCATION_SEARCH, clients.delivery.search_locations, public),
        customers=cached(Dataset.CUSTOMER, clients.customers.fetch_customers, of_customer),
        localities=cached(Dataset.LOCALITY, clients.geo.fetch_localities, public),
        locality_search=cached(Dataset.LOCALITY_SEARCH, clients.geo.search_localities, public),
        address_search=cached(Dataset.ADDRESS_SUGGESTION, clients.geo.search_addresses, public),
    )
    return Datasets(sources, opened)
