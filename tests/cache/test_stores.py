"""One contract for all stores: memory, Valkey over a socket, Memcached over a socket."""

import asyncio

import pytest

from gateway.cache.aiocache_store import open_store
from gateway.cache.store import Store

pytestmark = pytest.mark.sockets

BINARY = bytes(range(256)) * 40


async def test_bytes_come_back_as_they_went(store: Store) -> None:
    """Any bytes under any of our names, in the order of the names, None for what is not there."""
    await store.set_many([("a", BINARY), ("b", b""), ("price:4becee3043:" + "0" * 32, b"x")], 60)
    names = ["b", "missing", "a", "price:4becee3043:" + "0" * 32]
    assert await store.get_many(names) == [b"", None, BINARY, b"x"]


async def test_the_same_name_may_be_asked_twice(store: Store) -> None:
    """Doubled names get doubled answers."""
    await store.set_many([("a", b"1")], 60)
    assert await store.get_many(["a", "a", "b", "b"]) == [b"1", b"1", None, None]


async def test_a_later_write_wins(store: Store) -> None:
    """Setting again replaces."""
    await store.set_many([("a", b"1")], 60)
    await store.set_many([("a", b"2")], 60)
    assert await store.get_many(["a"]) == [b"2"]


async def test_what_is_stored_goes_after_its_time(store: Store) -> None:
    """A second later it is gone (Memcached counts in its own whole seconds: up to two)."""
    await store.set_many([("a", b"1")], 1)
    await store.add_many(["l"], b"1", 1)
    await asyncio.sleep(2.1)
    assert await store.get_many(["a", "l"]) == [None, None]


async def test_only_one_adds(store: Store) -> None:
    """Of many who add the same names at once, one wins all of them and the others none."""
    names = [f"l{number}" for number in range(24)]
    won = await asyncio.gather(*(store.add_many(names, b"%d" % n, 60) for n in range(8)))
    assert sorted(map(sum, won)) == [0] * 7 + [24]


async def test_what_was_deleted_can_be_added_again(store: Store) -> None:
    """Deleting frees the name; deleting what is not there is fine."""
    assert await store.add_many(["l"], b"1", 60) == [True]
    await store.delete_many(["l", "never"])
    assert await store.get_many(["l"]) == [None]
    assert await store.add_many(["l"], b"1", 60) == [True]


async def test_a_number_counts_on_from_what_was_added(store: Store) -> None:
    """A counter of the purge log's size goes up by one for each of many at once, and reads as digits."""
    start = 1_800_000_000_000 << 20
    await store.add_many(["n"], str(start).encode(), 60)
    numbers = await asyncio.gather(*(store.increment("n") for _ in range(20)))
    assert sorted(numbers) == list(range(start + 1, start + 21))
    assert await store.get_many(["n"]) == [str(start + 20).encode()]


async def test_calls_that_are_given_up_leave_nothing_behind(store: Store) -> None:
    """After fifty calls cancelled at any moment, every answer still belongs to its question."""
    await store.set_many([(f"k{n}", b"%d" % n) for n in range(50)], 60)
    for n in range(50):
        call = asyncio.ensure_future(store.get_many([f"k{n}"]))
        for _ in range(n % 6):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        other = (n + 7) % 50
        assert await store.get_many([f"k{other}", "none"]) == [b"%d" % other, None]


async def test_namespaces_are_apart(store_url: str) -> None:
    """Two gateways on one server do not see each other's entries."""
    if store_url == "memory://":
        pytest.skip("memory is not shared")
    one, two = open_store(store_url, namespace="one"), open_store(store_url, namespace="two")
    await one.set_many([("a", b"1")], 60)
    assert await two.get_many(["a"]) == [None]
    await one.aclose()
    await two.aclose()


async def test_an_unknown_address_is_refused() -> None:
    """The message names the kinds of address there are."""
    with pytest.raises(ValueError, match=r"expected a cache address of valkey://.*got mysql://"):
        open_store("mysql://localhost")
