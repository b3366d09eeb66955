"""What an answer may depend on, as types.

A client method takes one of these and sees nothing else of the shopper; a cache key holds the
same object. So whatever reaches an upstream is in the key, and a method that wanted more would
not type-check.
"""

from collections.abc import Hashable
from typing import Protocol

from clients.values import SalesChannel, Value


class Public(Value, cache_hash=True):
    """The same for everybody who reads this language."""

    language: str


class InContext(Value, cache_hash=True):
    """Depends on where, through which channel, in which currency and language one shops."""

    locality_id: str
    channel: SalesChannel
    currency: str
    language: str


class ForCustomer(Value, cache_hash=True):
    """Depends on who asks; `customer_id` is None for every anonymous visitor alike."""

    customer_id: str | None
    locality_id: str
    channel: SalesChannel
    currency: str
    language: str


class OfCustomer(Value, cache_hash=True):
    """Belongs to one signed-in customer and does not depend on where they shop."""

    customer_id: str
    language: str


Scope = Public | InContext | ForCustomer | OfCustomer


class Asker(Protocol):
    """Who asks and in which context; each scope is a narrower view of it."""

    @property
    def public(self) -> Public: ...
    @property
    def in_context(self) -> InContext: ...
    @property
    def for_customer(self) -> ForCustomer: ...
    @property
    def of_customer(self) -> OfCustomer: ...


Key = Hashable
