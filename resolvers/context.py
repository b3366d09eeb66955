"""All that a field may see of a request."""

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import msgspec
import strawberry

from clients.scope import ForCustomer, InContext, OfCustomer, Public
from clients.values import Dataset, DataSource, SalesChannel, Value
from resolvers.health import SourceHealth
from resolvers.loaders.loaders import Loaders


class Viewer(Value, cache_hash=True):
    """Who signed in; `ANONYMOUS` when nobody did. Preferences and scopes come from the token's claims."""

    customer_id: str | None = None
    locality_id: str | None = None
    language: str | None = None
    currency: str | None = None
    scopes: frozenset[str] = frozenset()


ANONYMOUS = Viewer()


class Shopper(Value):
    """Where, through which channel, in which language and currency one shops."""

    locality_id: str
    channel: SalesChannel
    language: str
    currency: str
    location_id: str | None = None


class NotSignedIn(Exception):
    """A field of a customer was asked for by nobody."""


class ShopperScopes:
    """The narrower views of a viewer and a shopper's context, as keys and clients take them; each is made once."""

    def __init__(self, viewer: Viewer, shopper: Shopper) -> None:
        self.viewer = viewer
        self.shopper = shopper

    @cached_property
    def public(self) -> Public:
        return Public(language=self.shopper.language)

    @cached_property
    def in_context(self) -> InContext:
        s = self.shopper
        return InContext(locality_id=s.locality_id, channel=s.channel, currency=s.currency, language=s.language)

    @cached_property
    def for_customer(self) -> ForCustomer:
        s = self.shopper
        return ForCustomer(
            customer_id=self.viewer.customer_id,
            locality_id=s.locality_id,
            channel=s.channel,
            currency=s.currency,
            language=s.language,
        )

    @cached_property
    def of_customer(self) -> OfCustomer:
        if self.viewer.customer_id is None:
            raise NotSignedIn("Expected a signed-in customer, got an anonymous visitor.")
        return OfCustomer(customer_id=self.viewer.customer_id, language=self.shopper.language)


class ShopperAsker:
    """Who asks in one request. Requests of one viewer in one context may share their `scopes`.

    Whoever wants to keep the answer sets `reads`: sources note in it what was read. Loaders count in
    `personal_reads` how often they were asked for what may be the customer's own.
    """

    __slots__ = ("personal_reads", "reads", "scopes")

    def __init__(self, scopes: ShopperScopes) -> None:
        self.scopes = scopes
        self.reads: object = None
        self.personal_reads = 0

    @property
    def viewer(self) -> Viewer:
        return self.scopes.viewer

    @property
    def shopper(self) -> Shopper:
        return self.scopes.shopper

    @property
    def public(self) -> Public:
        return self.scopes.public

    @property
    def in_context(self) -> InContext:
        return self.scopes.in_context

    @property
    def for_customer(self) -> ForCustomer:
        return self.scopes.for_customer

    @property
    def of_customer(self) -> OfCustomer:
        return self.scopes.of_customer


class Clock(Protocol):
    """The wall clock, seconds since the epoch."""

    def now(self) -> float: ...


class Memory(Protocol):
    """What was loaded before, for when its source fails."""

    def recall(self, dataset: Dataset, keys: Sequence[Hashable], asker: ShopperAsker, /) -> Sequence[Any | None]:
        """Per key the last good value that `asker` may still be given when the source fails; nobody is asked."""


class NoMemory:
    """Remembers nothing."""

    def recall(self, _dataset: Dataset, keys: Sequence[Hashable], _asker: ShopperAsker, /) -> Sequence[Any | None]:
        return [None] * len(keys)


NO_MEMORY = NoMemory()


class Context(msgspec.Struct, frozen=True):
    """One request's view of the world.

    `started_at` is in epoch seconds; values received since then count as live. `agreed_s` tells,
    per dataset, up to which age in seconds a cached value counts as good.
    """

    asker: ShopperAsker
    loaders: Loaders
    clock: Clock
    started_at: float
    agreed_s: Mapping[Dataset, float]
    sources: SourceHealth
    memory: Memory = NO_MEMORY

    @property
    def viewer(self) -> Viewer:
        return self.asker.viewer

    @property
    def shopper(self) -> Shopper:
        return self.asker.shopper

    @property
    def fragment_key(self) -> Hashable:
        """What pure fields may depend on beside their value and arguments: the language."""
        return self.asker.shopper.language


Info = strawberry.Info[Context, None]

__all__ = [
    "ANONYMOUS", "Clock", "Context", "DataSource", "Info", "NotSignedIn", "Shopper", "ShopperAsker", "ShopperScopes",
    "Viewer",
]  # fmt: skip
