"""How long each dataset may be served, to whom, and under which tags it is purged."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clients.scope import ForCustomer, InContext, OfCustomer, Public, Scope
from clients.values import Dataset, DataSource

TagsOf = Callable[[Any, Any], Iterable[str]]
"""`(key, value or None) -> tags`: pure and cheap, asked again whenever something is purged."""


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
    * `max_batch`: the most keys in one call of the source.
    """

    fresh_s: float
    scope: type[Scope]
    stale_while_revalidate_s: float = 0.0
    stale_if_error_s: float = 0.0
    negative_s: float = 0.0
    tags: TagsOf = field(default=no_tags)
    load_timeout_s: float = 3.0
    max_batch: int = 500

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
