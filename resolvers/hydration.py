"""Putting another system's objects in the place of their keys.

What cannot be hydrated is left out of its list: a search index may know a product that the
catalogue does not sell any more. When nothing at all could be fetched because the owner of the
objects failed, the list fails with it: an empty list would say that there is nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from clients.catalogue.protocol import Product, ProductKey
from clients.errors import SourceError
from clients.eventual import Eventual, then
from resolvers.batch import Outcome
from resolvers.context import Info
from resolvers.fields import first_failure

K = TypeVar("K")
V = TypeVar("V")
I = TypeVar("I")  # noqa: E741
T = TypeVar("T")


def hydrate(
    mentions: Sequence[Sequence[tuple[I, K]]],
    load: Callable[[Sequence[K]], Eventual[Sequence[Outcome[V]]]],
    build: Callable[[I, V], T],
) -> Eventual[list[list[T] | SourceError]]:
    """For every list of (item, key): the items built with their objects, in order.

    All keys of all lists are loaded at once.
    """
    keys = [key for mentioned in mentions for _, key in mentioned]

    def fill(outcomes: Sequence[Outcome[V]]) -> list[list[T] | SourceError]:
        remaining = iter(outcomes)
        return [_fill_one(mentioned, [next(remaining) for _ in mentioned], build) for mentioned in mentions]

    return then(load(keys), fill) if keys else [[] for _ in mentions]


def _fill_one(
    mentioned: Sequence[tuple[I, K]], outcomes: Sequence[Outcome[V]], build: Callable[[I, V], T]
) -> list[T] | SourceError:
    filled = [
        build(item, outcome)
        for (item, _), outcome in zip(mentioned, outcomes, strict=True)
        if outcome is not None and not isinstance(outcome, Exception)
    ]
    failure = first_failure(outcomes)
    return failure if failure is not None and not filled else filled


def found(outcomes: Iterable[Outcome[V]]) -> list[V]:
    """The values among outcomes."""
    return [o for o in outcomes if o is not None and not isinstance(o, Exception)]


def drop_absent(lists: Sequence[list[T | None] | SourceError]) -> list[list[T] | SourceError]:
    """The lists without what turned out not to be there."""
    return [x if isinstance(x, SourceError) else [item for item in x if item is not None] for x in lists]


def load_mentioned(
    load: Callable[[Sequence[K]], Eventual[Sequence[Outcome[V]]]], keys: Sequence[K | None]
) -> Eventual[Sequence[Outcome[V]]]:
    """One outcome per key; None where nothing is mentioned."""
    named = [key for key in keys if key is not None]
    if not named:
        return [None] * len(keys)

    def spread(outcomes: Sequence[Outcome[V]]) -> Sequence[Outcome[V]]:
        remaining = iter(outcomes)
        return [None if key is None else next(remaining) for key in keys]

    return then(load(named), spread)


def by_product_id(product_id: str) -> ProductKey:
    """The key of a product that another system mentions."""
    return ProductKey(kind="id", key=product_id)


def load_products(lists: Sequence[Sequence[str]], info: Info) -> Eventual[list[list[Product] | SourceError]]:
    """For every list of product ids its products, without those that the catalogue does not have."""
    mentions = [[(key, by_product_id(key)) for key in keys] for keys in lists]
    return hydrate(mentions, info.context.loaders.products.load_many, lambda _key, product: product)
