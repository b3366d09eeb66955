"""What the shared store holds: beside entries in memory, and of keys that a tag spells out whole.

The store can be asked by whole keys only, so it cannot be searched as memory can.
"""

import asyncio
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from clients.catalogue.protocol import ProductKey
from clients.pricing.protocol import PriceKey
from clients.scope import Scope
from clients.values import Dataset
from gateway.cache.entry import Entry
from gateway.cache.kept import Answer
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from gateway.ops.questions import StoredCopy

MOST_SCOPES: Final = 50
LOOK_WITHIN_S: Final = 0.5
"""Whoever asked for it waits for a second at most."""

SAME_S: Final = 0.001
"""Moments of receipt that differ by less are one: they travel as floats."""

Cached = CachedSource[Any, Any, Any]
Place = tuple[Dataset, Scope, Hashable]
Places = Iterable[tuple[Cached, Scope, Hashable]]


async def find_stored(shared: Shared, places: Places) -> dict[Place, Answer] | None:
    """What the store holds at these places and nothing has purged; None when it does not answer.

    One round trip per dataset and scope, all at once.
    """
    keys: dict[tuple[Dataset, Scope], list[Hashable]] = {}
    sources: dict[Dataset, Cached] = {}
    for source, scope, key in places:
        sources[source.dataset] = source
        keys.setdefault((source.dataset, scope), []).append(key)
    asked = [sources[dataset].find_shared(scope, some) for (dataset, scope), some in keys.items()]
    try:
        async with asyncio.timeout(LOOK_WITHIN_S):
            found = await asyncio.gather(*asked)
    except TimeoutError:
        return None
    if shared.note() is not None:
        return None
    return {
        (dataset, scope, key): answer
        for (dataset, scope), answers in zip(keys, found, strict=True)
        for key, answer in answers.items()
    }


def compare(entry: Entry, place: Place, found: Mapping[Place, Answer] | None, now: float) -> StoredCopy:
    """The store's copy of an entry, in words."""
    if found is None:
        return StoredCopy("the shared store does not answer")
    stored = found.get(place)
    if stored is None:
        return StoredCopy("not in the shared store")
    apart_s = stored.received_at - entry.received_at
    word = "the same" if abs(apart_s) < SAME_S else "newer" if apart_s > 0 else "older"
    return StoredCopy(f"{word} in the shared store", round(now - stored.received_at, 1))


def keys_of_tag(text: str) -> Iterator[tuple[Dataset, Hashable]]:
    """Keys that a tag spells out whole; other datasets ask for more than a tag says."""
    kind, _, quoted = text.partition(":")
    name = unquote(quoted)
    if kind == "sku":
        yield from ((Dataset.AVAILABILITY, name), (Dataset.PRICE, PriceKey(sku=name)))
        yield Dataset.PRODUCT, ProductKey(kind="sku", key=name)
    elif kind in ("product", "handle"):
        yield Dataset.PRODUCT, ProductKey(kind="id" if kind == "product" else "handle", key=name)
    elif kind in KEYED_BY_NAME:
        yield KEYED_BY_NAME[kind], name


KEYED_BY_NAME: Final[Mapping[str, Dataset]] = {
    "promotion": Dataset.PROMOTION,
    "location": Dataset.LOCATION,
    "locality": Dataset.LOCALITY,
}


def places_of_tag(
    text: str, sources: Mapping[Dataset, Cached], scopes: Iterable[Scope]
) -> list[tuple[Cached, Scope, Hashable]]:
    """Where the store may have what a tag names: under the scopes that were asked for lately, but nobody's own."""
    shared_by_many = [scope for scope in scopes if getattr(scope, "customer_id", None) is None]
    by_kind: dict[type[Scope], Sequence[Scope]] = {
        kind: list(islice((scope for scope in shared_by_many if type(scope) is kind), MOST_SCOPES))
        for kind in {type(scope) for scope in shared_by_many}
    }
    return [
        (source, scope, key)
        for dataset, key in keys_of_tag(text)
        for source in [sources[dataset]]
        for scope in by_kind.get(source.policy.scope, ())
    ]
