"""Looking into the cache for people: entries by tag or key, and the heaviest ones.

There may be a hundred thousand entries, so whoever walks over them lets others have a turn now and then.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from clients.scope import OfCustomer, Scope
from clients.values import Dataset
from gateway.cache.entry import Entry
from gateway.cache.freshness import Verdict
from gateway.cache.kept import Answer
from gateway.cache.shared import Shared
from gateway.cache.source import CachedSource
from gateway.ops.questions import Found
from gateway.ops.sizes import Load
from gateway.ops.stored import compare, find_stored, places_of_tag
from gateway.telemetry.top_keys import describe_key

AT_A_TIME: Final = 200
MOST_FOUND: Final = 50
LARGEST: Final = 10
PERSONAL: Final = frozenset({Dataset.ADDRESS_SUGGESTION})
"""Datasets whose keys hold what somebody typed about where they live."""

Cached = CachedSource[Any, Any, Any]


async def look_up(sources: Iterable[Cached], text: str, now: float, shared: Shared | None) -> list[Found]:
    """Entries that carry the tag `text`, or whose key has it in it; with what the shared store has of each."""
    found: list[tuple[Cached, Entry]] = []
    async for source, entry in walk(sources):
        if text in source.tags_of(entry) or (
            not is_personal(source, entry.shelf.scope) and text in describe_key(entry.key)
        ):
            found.append((source, entry))
            if len(found) >= MOST_FOUND:
                break
    told = [(entry, describe(source, entry, source.tags_of(entry), now)) for source, entry in found]
    if shared is None:
        return [said for _, said in told]
    stored = await find_stored(shared, ((source, entry.shelf.scope, entry.key) for source, entry in found))
    places = [(source.dataset, entry.shelf.scope, entry.key) for source, entry in found]
    return [
        replace(said, stored=compare(entry, place, stored, now))
        for place, (entry, said) in zip(places, told, strict=True)
    ]


async def look_up_stored(
    sources: Mapping[Dataset, Cached], text: str, scopes: Iterable[Scope], now: float, shared: Shared
) -> list[Found]:
    """What the shared store has under the keys that a tag spells out."""
    found = await find_stored(shared, places_of_tag(text, sources, scopes)) or {}
    return [
        describe_stored(sources[dataset], scope, key, answer, now) for (dataset, scope, key), answer in found.items()
    ][:MOST_FOUND]


async def find_largest(sources: Iterable[Cached], now: float) -> list[Found]:
    """The heaviest entries of all datasets."""
    heaviest: list[tuple[int, int, Cached, Entry]] = []
    number = 0
    async for source, entry in walk(sources):
        number += 1
        heapq.heappush(heaviest, (entry.weight, number, source, entry))
        if len(heaviest) > LARGEST:
            heapq.heappop(heaviest)
    return [
        describe(source, entry, source.tags_of(entry), now) for _, _, source, entry in sorted(heaviest, reverse=True)
    ]


async def weigh_datasets(sources: Iterable[Cached]) -> dict[Dataset, Load]:
    """How many entries of each dataset are kept, and their weight."""
    loads: dict[Dataset, Load] = {}
    async for source, entry in walk(sources):
        entries, weight = loads.get(source.dataset, (0, 0))
        loads[source.dataset] = Load(entries + 1, weight + entry.weight)
    return loads


async def walk(sources: Iterable[Cached]) -> AsyncIterator[tuple[Cached, Entry]]:
    """Every entry that is kept, a few hundred at a time."""
    passed = 0
    for source in sources:
        for entry in source.entries():
            passed += 1
            if passed % AT_A_TIME == 0:
                await asyncio.sleep(0)
            if entry.weight:
                yield source, entry


def describe(source: Cached, entry: Entry, tags: list[str], now: float) -> Found:
    """An entry in words; what names a person is masked."""
    scope, is_masked = entry.shelf.scope, is_personal(source, entry.shelf.scope)
    return Found(
        dataset=source.dataset.value,
        scope=describe_scope(scope),
        key="(personal)" if is_masked else describe_key(entry.key),
        age_s=round(now - entry.received_at, 1),
        fresh_for_s=round(entry.fresh_until - now, 1),
        state=STATES[source.judge(entry)],
        weight=entry.weight,
        tags=[tag for tag in tags if not tag.startswith("customer:")][:20],
        is_absence=entry.is_absence,
    )


def describe_stored(source: Cached, scope: Scope, key: Hashable, answer: Answer, now: float) -> Found:
    """What the store has, as an entry; it weighs nothing here, and its own freshness is drawn when it is read."""
    age_s = now - answer.received_at
    return Found(
        dataset=source.dataset.value,
        scope=describe_scope(scope),
        key=describe_key(key),
        age_s=round(age_s, 1),
        fresh_for_s=round(source.policy.terms_for(scope).fresh_s - age_s, 1),
        state=STATES[source.judge_stored(scope, answer)],
        weight=answer.encoded_bytes or 0,
        tags=source.tags_under(scope, key, answer.value)[:20],
        is_absence=answer.value is None,
    )


STATES: Final = {
    Verdict.FRESH: "fresh",
    Verdict.REVALIDATE: "served while refreshed",
    Verdict.STALE_IF_ERROR: "kept for failures",
    Verdict.MISS: "past its time",
}


def is_personal(source: Cached, scope: Scope) -> bool:
    """Whether the key would tell something about a person."""
    return source.dataset in PERSONAL or isinstance(scope, OfCustomer) or bool(getattr(scope, "customer_id", None))


def describe_scope(scope: Scope) -> str:
    """Where and for whom, without saying who."""
    parts = [str(getattr(scope, name)) for name in ("locality_id", "currency", "language") if hasattr(scope, name)]
    channel = getattr(scope, "channel", None)
    parts += [channel.value] if channel is not None else []
    return " ".join([*parts, *(["one customer"] if getattr(scope, "customer_id", None) else [])])
