"""How long each dataset may be served, to whom, and under which tags it is purged."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clients.scope import ForCustomer, InContext, OfCustomer, Public, Scope
from clients.values import Dataset, DataSource
from gateway.cache import tags

TagsOf = Callable[[Any, Any], Iterable[str]]
"""`(key, value or None) -> tags`: pure and cheap, asked again whenever something is purged."""


LONGEST_KEPT_S = 7 * 86_400.0
"""Purges are remembered for a day longer than that."""


class InvalidPolicy(ValueError):
    """A policy that contradicts itself; the message says what was expected and what it got."""


def no_tags(_key: object, _value: object) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One dataset's terms. All times are seconds of a value's age, counted from when we received it.

    * up to `fresh_s`: served as it is;
    * for `stale_while_revalidate_s` more: served, and refreshed in the background;
    * for `stale_if_error_s` more: served only when its source fails or is late;
    * `negative_s`: how long "there is none" is believed;
    * `scope`: what an answer depends on; the cache key holds an object of exactly this type;
    * `load_timeout_s`: how long one load may take, whoever waits for it;
    * `max_batch`: the most keys in one call of the source;
    * `signed_in`: other terms for answers to a signed-in customer, when they differ.
    """

    fresh_s: float
    scope: type[Scope]
    stale_while_revalidate_s: float = 0.0
    stale_if_error_s: float = 0.0
    negative_s: float = 0.0
    tags: TagsOf = field(default=no_tags)
    load_timeout_s: float = 3.0
    max_batch: int = 500
    signed_in: "Policy | None" = None

    def __post_init__(self) -> None:
        for name in ("fresh_s", "stale_while_revalidate_s", "stale_if_error_s", "negative_s"):
            _require(name, getattr(self, name), "a finite number of seconds, 0 or more", _is_seconds)
        _require("load_timeout_s", self.load_timeout_s, "more than 0 seconds", lambda s: _is_seconds(s) and s > 0)
        _require("max_batch", self.max_batch, "1 key or more", lambda keys: isinstance(keys, int) and keys >= 1)
        _require("scope", self.scope, "one of Public, InContext, ForCustomer, OfCustomer", _is_scope)
        if self.fresh_s == 0 and (self.stale_while_revalidate_s or self.stale_if_error_s):
            raise InvalidPolicy(
                "expected fresh_s above 0 where a stale value may be served: a value that was never fresh "
                f"cannot go stale; got fresh_s=0, stale_while_revalidate_s={self.stale_while_revalidate_s}, "
                f"stale_if_error_s={self.stale_if_error_s}"
            )
        if self.kept_s > LONGEST_KEPT_S:
            raise InvalidPolicy(f"expected to keep nothing for more than 7 days, got {self.kept_s / 86_400:.1f} days")
        if self.signed_in is not None and (self.signed_in.scope is not self.scope or self.scope is not ForCustomer):
            raise InvalidPolicy(
                "signed_in: expected terms of scope ForCustomer beside general terms of scope ForCustomer; got "
                f"{self.signed_in.scope.__name__} beside {self.scope.__name__}"
            )

    def terms_for(self, scope: Scope) -> "Policy":
        """The terms for answers under one scope."""
        if self.signed_in is not None and isinstance(scope, ForCustomer) and scope.customer_id is not None:
            return self.signed_in
        return self

    @property
    def served_s(self) -> float:
        """The age up to which a value is served while its source is well."""
        return self.fresh_s + self.stale_while_revalidate_s

    @property
    def kept_s(self) -> float:
        """The age after which a value is of no use to anybody."""
        return self.served_s + self.stale_if_error_s


def _require(name: str, got: object, expected: str, holds: Callable[[Any], bool]) -> None:
    if not holds(got):
        raise InvalidPolicy(f"{name}: expected {expected}; got {got!r}")


def _is_seconds(got: object) -> bool:
    return isinstance(got, int | float) and not isinstance(got, bool) and math.isfinite(got) and got >= 0


def _is_scope(got: object) -> bool:
    return got in (Public, InContext, ForCustomer, OfCustomer)


SOURCE_OF: Mapping[Dataset, DataSource] = {
    Dataset.PRODUCT: DataSource.CATALOGUE,
    Dataset.CATEGORY_TREE: DataSource.CATALOGUE,
    Dataset.LISTING: DataSource.SEARCH,
    Dataset.SUGGESTION: DataSource.SEARCH,
    Dataset.PRICE: DataSource.PRICING,
    Dataset.PRODUCT_PRICE: DataSource.PRICING,
    Dataset.PROMOTION: DataSource.PRICING,
    Dataset.CURRENT_PROMOTIONS: DataSource.PRICING,
    Dataset.AVAILABILITY: DataSource.STOCK,
    Dataset.PRODUCT_AVAILABILITY: DataSource.STOCK,
    Dataset.STOCK_AT_LOCATIONS: DataSource.STOCK,
    Dataset.LOYALTY_ACCOUNT: DataSource.LOYALTY,
    Dataset.POINTS_HISTORY: DataSource.LOYALTY,
    Dataset.POINTS_ESTIMATE: DataSource.LOYALTY,
    Dataset.RECOMMENDATION: DataSource.RECOMMENDATIONS,
    Dataset.DELIVERY_PROMISE: DataSource.DELIVERY,
    Dataset.LOCATION: DataSource.DELIVERY,
    Dataset.LOCATION_SEARCH: DataSource.DELIVERY,
    Dataset.CUSTOMER: DataSource.CUSTOMERS,
    Dataset.LOCALITY: DataSource.GEO,
    Dataset.LOCALITY_SEARCH: DataSource.GEO,
    Dataset.ADDRESS_SUGGESTION: DataSource.GEO,
}


DEFAULT_POLICIES: Mapping[Dataset, Policy] = {
    # Content changes a few times a day and is pushed or purged when it does; an old text hurts nobody for a day.
    Dataset.PRODUCT: Policy(
        fresh_s=300, stale_while_revalidate_s=3600, stale_if_error_s=86_400, negative_s=30, scope=Public,
        tags=tags.of_product, max_batch=500,
    ),
    # The menu of the shop: without it there is no page at all, so the last good one serves for a day.
    Dataset.CATEGORY_TREE: Policy(
        fresh_s=300, stale_while_revalidate_s=3600, stale_if_error_s=86_400, negative_s=10, scope=Public,
    ),
    # Order of goods follows sales and stock within minutes, and an hour-old listing is better than none.
    Dataset.LISTING: Policy(
        fresh_s=30, stale_while_revalidate_s=120, stale_if_error_s=3600, negative_s=10, scope=InContext,
        tags=tags.of_listing, max_batch=20,
    ),
    # What people type changes slowly; late suggestions are worthless, so they may be old.
    Dataset.SUGGESTION: Policy(
        fresh_s=300, stale_while_revalidate_s=600, stale_if_error_s=3600, negative_s=30, scope=InContext, max_batch=20,
    ),
    # A list price may be half a minute old; a customer's own 10 s and never behind the back, as it
    # follows what they just did; either outlives a short failure for display, checkout asks past the cache.
    Dataset.PRICE: Policy(
        fresh_s=30, stale_while_revalidate_s=30, stale_if_error_s=300, negative_s=10, scope=ForCustomer,
        tags=tags.of_price, max_batch=1000,
        signed_in=Policy(
            fresh_s=10, stale_if_error_s=60, negative_s=5, scope=ForCustomer, tags=tags.of_price, max_batch=1000,
        ),
    ),
    # The same prices in ranges: the same terms, or a tile and its page would disagree for longer.
    Dataset.PRODUCT_PRICE: Policy(
        fresh_s=30, stale_while_revalidate_s=30, stale_if_error_s=300, negative_s=10, scope=ForCustomer,
        tags=tags.of_product_price, max_batch=500,
        signed_in=Policy(
            fresh_s=10, stale_if_error_s=60, negative_s=5, scope=ForCustomer, tags=tags.of_product_price, max_batch=500,
        ),
    ),
    # Promotions start and end at set minutes, and a banner may linger while pricing is down.
    Dataset.PROMOTION: Policy(
        fresh_s=60, stale_while_revalidate_s=120, stale_if_error_s=3600, negative_s=30, scope=ForCustomer,
        tags=tags.of_promotion, max_batch=200,
    ),
    # The list of banners: as promotions.
    Dataset.CURRENT_PROMOTIONS: Policy(
        fresh_s=60, stale_while_revalidate_s=120, stale_if_error_s=3600, negative_s=10, scope=ForCustomer,
        tags=tags.of_current_promotions,
    ),
    # Stock moves by the second and is never promised from here: ordering asks the stock system itself.
    Dataset.AVAILABILITY: Policy(
        fresh_s=2, stale_while_revalidate_s=3, stale_if_error_s=30, negative_s=2, scope=InContext,
        tags=tags.of_availability, max_batch=1000,
    ),
    # A tile's "in stock" over all variants: as its variants.
    Dataset.PRODUCT_AVAILABILITY: Policy(
        fresh_s=2, stale_while_revalidate_s=3, stale_if_error_s=30, negative_s=2, scope=InContext,
        tags=tags.of_product_availability, max_batch=500,
    ),
    # Someone may set out for the shop because of it: a little older than the tile's at most.
    Dataset.STOCK_AT_LOCATIONS: Policy(
        fresh_s=5, stale_while_revalidate_s=5, stale_if_error_s=30, negative_s=5, scope=InContext,
        tags=tags.of_stock_at_locations, max_batch=20,
    ),
    # One's own balance after a purchase must not be an old one, but an old one is better than none.
    Dataset.LOYALTY_ACCOUNT: Policy(
        fresh_s=30, stale_if_error_s=300, negative_s=10, scope=OfCustomer, max_batch=100,
    ),
    # Past movements do not change, new ones come on top: as the balance they explain.
    Dataset.POINTS_HISTORY: Policy(
        fresh_s=30, stale_if_error_s=300, negative_s=10, scope=OfCustomer, max_batch=20,
    ),
    # "You will earn about": follows price and tier, both slow, and is an estimate by name.
    Dataset.POINTS_ESTIMATE: Policy(
        fresh_s=60, stale_while_revalidate_s=120, stale_if_error_s=600, negative_s=30, scope=ForCustomer,
        tags=tags.of_sku, max_batch=1000,
    ),
    # Cheapest to be wrong about and dearest to compute: an hour-old row of goods still sells.
    Dataset.RECOMMENDATION: Policy(
        fresh_s=60, stale_while_revalidate_s=300, stale_if_error_s=3600, negative_s=30, scope=ForCustomer,
        tags=tags.of_block, max_batch=20,
    ),
    # A date that was possible a minute ago may not be now, so an older promise serves in a failure only, and
    # without what has lapsed since (`resolvers/fallbacks.py`).
    Dataset.DELIVERY_PROMISE: Policy(
        fresh_s=60, stale_if_error_s=540, negative_s=10, scope=InContext, tags=tags.of_sku, max_batch=100,
    ),
    # Shops do not move; hours and services change by the day.
    Dataset.LOCATION: Policy(
        fresh_s=600, stale_while_revalidate_s=3600, stale_if_error_s=86_400, negative_s=60, scope=Public,
        tags=tags.of_location, max_batch=500,
    ),
    # The map of the same shops.
    Dataset.LOCATION_SEARCH: Policy(
        fresh_s=300, stale_while_revalidate_s=1800, stale_if_error_s=86_400, negative_s=30, scope=Public,
        tags=tags.of_locations_found, max_batch=20,
    ),
    # One's own profile: just edited elsewhere it must show soon, and checkout needs it even in a failure.
    Dataset.CUSTOMER: Policy(
        fresh_s=15, stale_if_error_s=300, negative_s=5, scope=OfCustomer, max_batch=100,
    ),
    # Towns change by the year.
    Dataset.LOCALITY: Policy(
        fresh_s=3600, stale_while_revalidate_s=43_200, stale_if_error_s=86_400, negative_s=300, scope=Public,
        tags=tags.of_locality, max_batch=200,
    ),
    # The same towns by name.
    Dataset.LOCALITY_SEARCH: Policy(
        fresh_s=3600, stale_while_revalidate_s=43_200, stale_if_error_s=86_400, negative_s=60, scope=Public,
        max_batch=20,
    ),
    # Streets and houses as typed: many different keys, each asked seldom, so no more than useful while typing.
    Dataset.ADDRESS_SUGGESTION: Policy(
        fresh_s=600, stale_while_revalidate_s=3600, stale_if_error_s=3600, negative_s=60, scope=Public, max_batch=20,
    ),
}  # fmt: skip
