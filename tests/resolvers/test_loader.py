"""A loader: each key is asked for once per request, whoever waits for it and whatever becomes of them."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from clients.errors import SourceUnavailable
from clients.eventual import is_pending
from clients.scope import Asker
from clients.values import DataSource
from resolvers.context import ShopperAsker, ShopperScopes
from resolvers.loaders.loader import Loader
from tests.resolvers.fakes import ANNA, MOSCOW, FakeSource

ASKER = ShopperAsker(ShopperScopes(ANNA, MOSCOW))
DOWN = SourceUnavailable(DataSource.PRICING)


def make_loader(source: FakeSource) -> Loader[Any, Any]:
    return Loader(source, ASKER)


class Broken:
    """A source with a fault of its own: it raises instead of giving outcomes."""

    is_of_customer = False

    def __init__(self, fault: Exception, *, is_late: bool) -> None:
        self.fault, self.is_late, self.times = fault, is_late, 0

    def load_many(self, keys: Sequence[Any], asker: Asker) -> Any:
        self.times += 1
        if self.is_late:
            return self._later()
        raise self.fault

    async def _later(self) -> list[Any]:
        await asyncio.sleep(0)
        raise self.fault


def test_what_is_at_hand_comes_as_a_plain_list_in_the_keys_order() -> None:
    """A source that answers at once costs no coroutine, and absences and errors are outcomes like values."""
    source = FakeSource({"a": 1, "b": DOWN})
    assert make_loader(source).load_many(["b", "x", "a", "b"]) == [DOWN, None, 1, DOWN]
    assert source.asked == [["b", "x", "a"]]


def test_a_known_key_is_never_asked_again() -> None:
    """Values, absences and errors are all remembered for the life of the request."""
    source = FakeSource({"a": 1, "b": DOWN})
    loader = make_loader(source)
    assert loader.load_many([]) == []
    loader.load_many(["a", "b", "x"])
    assert [loader.load(key) for key in ("a", "b", "x")] == [1, DOWN, None]
    assert loader.load_many([]) == []
    assert source.asked == [["a", "b", "x"]]


def test_only_what_is_new_is_asked() -> None:
    """A question that overlaps with an earlier one asks for the rest."""
    source = FakeSource({"a": 1, "b": 2})
    loader = make_loader(source)
    loader.load("a")
    assert loader.load_many(["a", "b"]) == [1, 2]
    assert source.asked == [["a"], ["b"]]


def test_a_value_is_known_under_its_aliases() -> None:
    """What was found under one key is not asked for under another, and an alias hides no key that was asked."""
    source = FakeSource({"handle": "value", "id": "older"})
    loader: Loader[str, str] = Loader(source, ASKER, aliases=lambda key, value: ["id", "handle"])
    loader.load("handle")
    assert loader.load("id") == "value"
    assert source.asked == [["handle"]]


def test_aliases_are_not_asked_of_absences_and_errors() -> None:
    """Only a value has other names."""
    loader: Loader[str, str] = Loader(FakeSource({"b": DOWN}), ASKER, aliases=lambda key, value: [value.upper()])
    assert loader.load_many(["a", "b"]) == [None, DOWN]


async def test_a_key_on_its_way_is_shared() -> None:
    """Two fields that want the same key wait for one question, also when each wants more besides."""
    source = FakeSource({"a": 1, "b": 2, "c": 3}, is_late=True)
    loader = make_loader(source)
    first, second = loader.load_many(["a", "b"]), loader.load_many(["b", "c"])
    assert is_pending(first)
    assert is_pending(second)
    assert [*await asyncio.gather(first, second)] == [[1, 2], [2, 3]]
    assert source.asked == [["a", "b"], ["c"]]


async def test_what_is_at_hand_does_not_wait_for_other_keys_on_their_way() -> None:
    """While one key is in flight, a question that was answered on the spot still comes as a plain list."""
    source = FakeSource({"slow": 1, "fast": 2}, is_late=True)
    loader = make_loader(source)
    slow = loader.load("slow")
    source.is_late = False
    assert loader.load_many(["fast"]) == [2]
    assert is_pending(slow)
    assert await slow == 1


async def test_a_cancelled_waiter_leaves_the_load_to_the_others() -> None:
    """One field's cancellation neither stops the question nor reaches those who wait for the same key."""
    gate = asyncio.Event()
    source = FakeSource({"a": 1}, gate=gate)
    loader = make_loader(source)
    first, second = (asyncio.ensure_future(one) for one in (loader.load("a"), loader.load("a")) if is_pending(one))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await second == 1
    assert first.cancelled()
    assert loader.load("a") == 1
    assert source.asked == [["a"]]


async def test_a_fault_reaches_everybody_who_waits_and_is_not_remembered() -> None:
    """What a source raises is no outcome: all waiters get it, and the next question is asked anew."""
    fault = RuntimeError("a bug in a source")
    source = Broken(fault, is_late=True)
    loader: Loader[str, int] = Loader(source, ASKER)
    pending = [one for one in (loader.load("a"), loader.load("a")) if is_pending(one)]
    assert await asyncio.gather(*pending, return_exceptions=True) == [fault, fault]
    again = loader.load("a")
    assert is_pending(again)
    with pytest.raises(RuntimeError, match="a bug in a source"):
        await again
    assert source.times == 2


def test_a_fault_at_once_is_raised_at_once() -> None:
    """A source that raises on the spot leaves nothing behind that a later question would wait for."""
    loader: Loader[str, int] = Loader(Broken(RuntimeError("a bug"), is_late=False), ASKER)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="a bug"):
            loader.load("a")


async def complaints_of(scenario: Callable[[Loader[str, int]], Awaitable[None]]) -> list[Any]:
    """What asyncio complains of when all that a scenario held is gone; its source always fails."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said["message"]))
    await scenario(Loader(Broken(RuntimeError("a bug"), is_late=True), ASKER))
    gc.collect()
    return complaints


async def test_nobody_complains_of_a_fault_that_nobody_waits_for() -> None:
    """When all waiters of a failing load have gone, asyncio has no exception that was never retrieved."""

    async def leave(loader: Loader[str, int]) -> None:
        pending = loader.load("a")
        assert is_pending(pending)
        waiter = asyncio.ensure_future(pending)
        await asyncio.sleep(0)
        waiter.cancel()
        for _ in range(4):
            await asyncio.sleep(0)

    assert await complaints_of(leave) == []


async def test_two_failing_loads_of_one_question_are_both_noted() -> None:
    """A question that waits for two flights raises the first fault and leaves none unretrieved."""

    async def ask_for_both(loader: Loader[str, int]) -> None:
        early, both = loader.load("a"), loader.load_many(["a", "b"])
        assert is_pending(early)
        assert is_pending(both)
        outcomes = await asyncio.gather(early, both, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [RuntimeError, RuntimeError]

    assert await complaints_of(ask_for_both) == []


def test_a_source_that_miscounts_is_found_out() -> None:
    """Outcomes that do not match the keys would give one product another's price, so they are refused."""

    class Short:
        is_of_customer = False

        def load_many(self, keys: Sequence[str], asker: Asker) -> list[int | None | Any]:
            return [1]

    loader: Loader[str, int] = Loader(Short(), ASKER)
    with pytest.raises(ValueError, match="shorter"):
        loader.load_many(["a", "b"])
    assert loader.load("b") == 1


async def test_who_asks_in_the_moment_of_the_answer_gets_it() -> None:
    """An answer that is there and was not looked at yet serves whoever joins at that moment."""

    class OnCall:
        is_of_customer = False

        def __init__(self) -> None:
            self.answer: asyncio.Future[list[int | None | Any]] = asyncio.get_running_loop().create_future()

        def load_many(self, keys: Sequence[str], asker: Asker) -> asyncio.Future[list[int | None | Any]]:
            return self.answer

    source = OnCall()
    loader: Loader[str, int] = Loader(source, ASKER)
    first = asyncio.ensure_future(cast("Any", loader.load_many(["a", "b"])))
    await asyncio.sleep(0)
    source.answer.set_result([1, 2])
    assert await cast("Any", loader.load_many(["b", "a"])) == [2, 1]
    assert await first == [1, 2]


async def test_a_source_that_miscounts_later_is_found_out() -> None:
    """The same for an answer that had to be waited for."""

    class Long:
        is_of_customer = False

        async def load_many(self, keys: Sequence[str], asker: Asker) -> list[int | None | Any]:
            await asyncio.sleep(0)
            return [1, 2, 3]

    loader: Loader[str, int] = Loader(Long(), ASKER)
    for _ in range(2):
        with pytest.raises(ValueError, match="one outcome per key"):
            await cast("Any", loader.load_many(["a", "b"]))


def test_what_may_be_a_customers_own_is_counted_each_time() -> None:
    """Whoever keeps a page must know of every use, also of what the request knows already."""
    asker = ShopperAsker(ShopperScopes(ANNA, MOSCOW))
    own: Loader[str, int] = Loader(FakeSource({"a": 1}, is_of_customer=True), asker)
    everybodys: Loader[str, int] = Loader(FakeSource({"a": 1}), asker)
    own.load_many(["a"])
    assert asker.personal_reads == 1
    own.load_many(["a"])
    own.load("a")
    assert asker.personal_reads == 3
    everybodys.load_many(["a"])
    assert asker.personal_reads == 3
