"""Purging by tag, for operators and for systems that push changes."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.cache.levels import Levels
from gateway.cache.shared import Shared
from gateway.cache.tags import parse_tag


class Purged(NamedTuple):
    """What was purged: `is_everywhere` is False while the shared store has not taken it for the other processes."""

    tags: tuple[str, ...]
    is_everywhere: bool


async def purge(texts: Iterable[str], levels: Levels, shared: Shared | None = None) -> Purged:
    """Purge in this process now and in all others within a second; raises InvalidTag before anything is purged.

    A tag that nothing carries is purged all the same: what is under way to the cache may carry it.
    """
    tags = tuple(dict.fromkeys(parse_tag(text) for text in texts))
    levels.metrics.purged_tags += len(tags)
    if not tags:
        return Purged(tags, is_everywhere=True)
    if shared is not None:
        return Purged(tags, await shared.purge(tags))
    levels.purges.mark(tags)
    return Purged(tags, is_everywhere=True)
