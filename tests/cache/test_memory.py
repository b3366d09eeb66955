"""The memory level's bounds: who stays, who leaves, and what the books say."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.scope import ForCustomer
from clients.values import Dataset
from gateway.cache.freshness import MissReason
from gateway.cache.kept import Answer, Kept
from gateway.cache.memory import ENTRY_BYTES, Memory, weigh
from gateway.cache.metrics import MemoryCounters
from gateway.cache.policy import Policy
from tests.cache.scripted import TERMS, Asker, levels_at

Prices = Kept[str, str, ForCustomer]
SCOPE = Asker().for_customer


class Clock:
    """Seconds, as set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fill(kept: Prices, clock: Clock, *keys: str) -> None:
    """Keep a value for each key."""
    for key in keys:
        kept.keep(SCOPE, key, Answer("x" * 10, clock(), 0.0))


def made(**bounds: int) -> tuple[Prices, Clock, MemoryCounters]:
    """Kept entries in a memory with these bounds, and its counters."""
    clock = Clock()
    levels = levels_at(clock, **bounds)
    return Kept(Dataset.PRICE, TERMS, levels), clock, levels.metrics.memory


def standing(kept: Prices) -> set[str]:
    """The keys that are on a shelf."""
    return {key for shelf in kept.shelves.values() for key in shelf}


def test_the_number_of_entries_is_bounded_under_churn() -> None:
    """A hundred thousand different keys through a memory of a thousand: never more, and no empty shelf remains."""
    kept, clock, counters = made(max_entries=1000)
    for number in range(100_000):
        kept.keep(Asker(f"c{number % 5000}").for_customer, f"k{number}", Answer("x", clock(), 0.0))
    assert len(standing(kept)) == counters.entries == 1000
    assert len(kept.shelves) <= 1000
    assert counters.evicted == 99_000


def test_bytes_are_bounded() -> None:
    """Large values push out more than one small one; the sum never passes the bound."""
    kept, clock, counters = made(max_bytes=100_000)
    for number in range(1000):
        kept.keep(SCOPE, f"k{number}", Answer("x" * (number % 3000), clock(), 0.0))
        assert counters.weight_bytes <= 100_000
    assert counters.entries == len(standing(kept)) > 1


def test_what_is_read_stays_longer() -> None:
    """Of a full memory, what nobody has read leaves first."""
    kept, clock, _ = made(max_entries=10)
    fill(kept, clock, *(f"k{number}" for number in range(10)))
    for key in ("k0", "k1", "k2"):
        kept.shelves[SCOPE][key].used = True
    fill(kept, clock, *(f"new{number}" for number in range(7)))
    assert {"k0", "k1", "k2"} <= standing(kept)


def test_the_dead_leave_without_a_timer() -> None:
    """With room for all, entries past their time are dropped as others come: two looked at per insert."""
    kept, clock, counters = made(max_entries=10_000)
    fill(kept, clock, *(f"old{number}" for number in range(100)))
    clock.now += TERMS.kept_s + 1
    fill(kept, clock, *(f"new{number}" for number in range(50)))
    assert standing(kept) == {f"new{number}" for number in range(50)}
    assert counters.expired == 100
    assert kept.why_missing(SCOPE, ["old3"]) == [MissReason.EXPIRED]


def test_each_missing_key_has_its_own_reason() -> None:
    """Of keys that are asked for together one was never here, one is known under another scope, one is too old."""
    kept, clock, _ = made(max_entries=10)
    assert kept.why_missing(SCOPE, ["a", "b"]) == [MissReason.COLD] * 2
    fill(kept, clock, "old")
    kept.keep(Asker("another").for_customer, "theirs", Answer("x", clock(), 0.0))
    assert kept.why_missing(SCOPE, ["new", "theirs", "old"]) == [
        MissReason.COLD,
        MissReason.SCOPE,
        MissReason.EXPIRED,
    ]


@pytest.mark.parametrize("value", ["x", None])
def test_what_is_never_kept_makes_no_entry(value: str | None) -> None:
    """Under a policy that keeps nothing, neither a value nor its absence takes any place."""
    clock = Clock()
    levels = levels_at(clock)
    kept: Prices = Kept(Dataset.PRICE, Policy(fresh_s=0, scope=ForCustomer), levels)
    kept.keep(SCOPE, "a", Answer(value, clock(), 0.0))
    assert not kept.shelves
    assert kept.why_missing(SCOPE, ["a"]) == [MissReason.COLD]
    assert levels.metrics.memory.entries == 0


@pytest.mark.parametrize(("fresh_s", "negative_s", "value"), [(1, 0, "x"), (0, 1, None)])
def test_what_is_kept_for_a_second_is_kept(fresh_s: float, negative_s: float, value: str | None) -> None:
    """Values without absence and absence without values are policies that keep something."""
    clock = Clock()
    kept: Prices = Kept(
        Dataset.PRICE, Policy(fresh_s=fresh_s, negative_s=negative_s, scope=ForCustomer), levels_at(clock)
    )
    kept.keep(SCOPE, "a", Answer(value, clock(), 0.0))
    assert standing(kept) == {"a"}


def test_rewriting_a_key_keeps_one_entry() -> None:
    """A thousand refreshes of one key: one entry, the weight of the last value."""
    kept, clock, counters = made(max_entries=10)
    for number in range(1000):
        kept.keep(SCOPE, "a", Answer("x" * number, clock(), 0.0))
    assert counters.entries == 1
    assert counters.weight_bytes == weigh("x" * 999)


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["keep", "purge", "age"])), max_size=200))
def test_the_books_agree_with_the_shelves(steps: list[tuple[int, str]]) -> None:
    """After any order of keeping, dropping and ageing: entries and bytes counted are those that stand."""
    kept, clock, counters = made(max_entries=12, max_bytes=12 * (ENTRY_BYTES + 200))
    for number, step in steps:
        if step == "keep":
            kept.keep(Asker(f"c{number % 3}").for_customer, f"k{number}", Answer("x" * number, clock(), 0.0))
        elif step == "age":
            clock.now += number
        else:
            for shelf in list(kept.shelves.values()):
                if f"k{number}" in shelf:
                    kept._memory.drop(shelf[f"k{number}"], MissReason.PURGED)
    entries = [entry for shelf in kept.shelves.values() for entry in shelf.values()]
    assert counters.entries == len(entries) <= 12
    assert counters.weight_bytes == sum(entry.weight for entry in entries)


def test_a_hot_few_survive_a_long_scan() -> None:
    """Twenty hot keys among ten thousand cold ones: nine in ten reads of the hot ones are answered."""
    kept, clock, _ = made(max_entries=100)
    chance, hits, reads = random.Random(7), 0, 0
    for number in range(10_000):
        fill(kept, clock, f"cold{number}")
        key = f"hot{chance.randrange(20)}"
        entry = kept.find(kept.shelves.get(SCOPE), key)
        reads += 1
        if entry is None:
            fill(kept, clock, key)
        else:
            entry.used = True
            hits += 1
    assert hits / reads > 0.9


@pytest.mark.parametrize("bounds", [{"max_entries": 0}, {"max_bytes": 0}, {"max_entries": -5}])
def test_a_memory_without_room_is_refused(bounds: dict[str, Any]) -> None:
    """The message names both bounds."""
    with pytest.raises(ValueError, match="expected max_entries and max_bytes of 1 or more; got"):
        Memory(**bounds)


def test_what_cannot_be_encoded_has_a_weight_too() -> None:
    """A value of no known shape is weighed by a guess."""
    assert weigh(object()) > ENTRY_BYTES
