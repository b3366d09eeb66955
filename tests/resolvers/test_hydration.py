"""Putting other systems' objects in the place of their keys."""

from collections.abc import Sequence
from typing import Any

import pytest

from clients.errors import SourceError, SourceTimeout, SourceUnavailable
from clients.eventual import is_pending
from clients.values import DataSource
from resolvers.hydration import drop_absent, hydrate, load_mentioned

DOWN = SourceUnavailable(DataSource.CATALOGUE)
LATE = SourceTimeout(DataSource.CATALOGUE)
KNOWN: dict[str, Any] = {"a": "A", "b": "B", "down": DOWN, "late": LATE}


class Asked(list[list[str]]):
    def load(self, keys: Sequence[str]) -> list[Any]:
        self.append(list(keys))
        return [KNOWN.get(key) for key in keys]

    async def load_later(self, keys: Sequence[str]) -> list[Any]:
        return self.load(keys)


def mentions(*lists: str) -> list[list[tuple[int, str]]]:
    """Each text is a list of keys, numbered by place."""
    return [list(enumerate(keys.split())) for keys in lists]


def build(item: int, value: str) -> str:
    return f"{item}{value}"


@pytest.mark.parametrize(
    ("lists", "filled"),
    [
        (["a b", "b"], [["0A", "1B"], ["0B"]]),
        (["a gone b"], [["0A", "2B"]]),
        (["gone"], [[]]),
        (["", "a"], [[], ["0A"]]),
        (["a down", "down"], [["0A"], DOWN]),
        (["gone late down"], [LATE]),
        (["a a"], [["0A", "1A"]]),
    ],
)
def test_lists_are_filled_in_order_without_what_is_not_there(lists: list[str], filled: list[Any]) -> None:
    """Unknown keys are left out; a list fails only when its owner failed and nothing at all could be had."""
    asked = Asked()
    assert hydrate(mentions(*lists), asked.load, build) == filled
    assert asked == [[key for keys in lists for key in keys.split()]]


def test_nothing_mentioned_asks_nobody() -> None:
    """Empty lists are answers, not questions."""
    asked = Asked()
    assert hydrate(mentions("", ""), asked.load, build) == [[], []]
    assert asked == []


async def test_what_comes_later_is_filled_later() -> None:
    """An awaitable of objects gives an awaitable of lists."""
    pending = hydrate(mentions("a", "b"), Asked().load_later, build)
    assert is_pending(pending)
    assert await pending == [["0A"], ["0B"]]


def test_only_what_is_mentioned_is_loaded() -> None:
    """Parents that mention nothing have no outcome, and nobody is asked on their behalf."""
    asked = Asked()
    assert load_mentioned(asked.load, [None, "a", None, "down", "gone"]) == [None, "A", None, DOWN, None]
    assert asked == [["a", "down", "gone"]]
    assert load_mentioned(asked.load, [None, None]) == [None, None]
    assert len(asked) == 1


def test_absences_are_dropped_and_failures_kept() -> None:
    """A list that failed stays a failure."""
    lists: list[list[str | None] | SourceError] = [["A", None], DOWN, [None]]
    assert drop_absent(lists) == [["A"], DOWN, []]
