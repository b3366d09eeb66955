"""Batch fields: once per wave with all parents, each going on as soon as its answer is there."""

import asyncio
import inspect
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import ExecutionResult, parse

from gateway.execution import execute
from resolvers.batch import Early
from tests.execution.shop import Context, Money, Shop, Tile, tiles


@pytest.fixture
def shop() -> Shop:
    return Shop()


def ask(shop: Shop, query: str, **root: Any) -> Any:
    return execute(shop.schema, parse(query), root, Context(), fallback=False)


def now(result: Any) -> ExecutionResult:
    assert isinstance(result, ExecutionResult), "expected an answer at once"
    return result


async def eventually(result: Any) -> ExecutionResult:
    assert inspect.isawaitable(result), "expected an awaitable"
    answer: ExecutionResult = await result
    return answer


def amounts(parents: Sequence[Tile], quantity: int = 1) -> list[Money]:
    return [Money(amount=int(parent.id) * quantity) for parent in parents]


def later(turns: int, outcomes: Any) -> Any:
    async def wait() -> Any:
        for _ in range(turns):
            await asyncio.sleep(0)
        return outcomes

    return wait()


def test_one_call_for_all_parents_of_a_wave(shop: Shop) -> None:
    """All parents of a level come in one call, in the order of the response, without a task."""
    shop.batch("Tile.price", amounts)
    result = now(ask(shop, "{ tiles { price { amount } } }", tiles=tiles("1", "2", "3")))
    assert result.data == {"tiles": [{"price": {"amount": n}} for n in (1, 2, 3)]}
    assert shop.asked == [("price", ["1", "2", "3"])]


def test_equal_calls_in_different_places_are_one(shop: Shop) -> None:
    """The same field with the same arguments asks once per wave, wherever it stands; others ask apart."""
    shop.batch("Tile.price", amounts)
    query = "{ tiles { price(quantity: 1) { amount } } other { price(quantity: 1) { amount } } tile { price(quantity: 2) { amount } } }"  # noqa: E501 - one table
    result = now(ask(shop, query, tiles=tiles("1"), other=[*tiles("2"), None], tile=tiles("3")[0]))
    assert shop.asked == [("price", ["1", "2"]), ("price", ["3"])]
    assert result.data == {
        "tiles": [{"price": {"amount": 1}}],
        "other": [{"price": {"amount": 2}}, None],
        "tile": {"price": {"amount": 6}},
    }


def test_order_of_keys_is_the_order_of_the_document(shop: Shop) -> None:
    """Gaps are filled where they stand."""
    shop.batch("Tile.price", amounts)
    result = now(ask(shop, "{ tiles { id price { amount } t: title } }", tiles=tiles("1", "2", "3", "4")))
    assert result.data is not None
    assert [list(tile) for tile in result.data["tiles"]] == [["id", "price", "t"]] * 4


def test_waves_follow_each_other(shop: Shop) -> None:
    """What a batch brings up is asked about in the next wave, again all at once."""
    shop.batch("Tile.related", lambda parents: [tiles("7", "8") for _ in parents])
    shop.batch("Tile.price", amounts)
    now(ask(shop, "{ tiles { related { price { amount } } } }", tiles=tiles("1", "2")))
    assert shop.asked == [("related", ["1", "2"]), ("price", ["7", "8", "7", "8"])]


def test_an_outcome_that_is_an_exception_fails_its_parent_alone(shop: Shop) -> None:
    """The error stands at its path and location, as if it had been raised there."""
    shop.batch("Tile.price", lambda parents: [ValueError("no price"), *amounts(parents[1:])])
    result = now(ask(shop, "{ tiles { price { amount } } }", tiles=tiles("1", "2")))
    assert result.data == {"tiles": [{"price": None}, {"price": {"amount": 2}}]}
    (error,) = result.errors or []
    assert (error.message, error.path, error.locations) == ("no price", ["tiles", 0, "price"], [(1, 11)])
    assert isinstance(error.original_error, ValueError)


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_call_that_raises_fails_all_its_parents(shop: Shop, is_late: bool) -> None:
    """An exception of the call itself is everybody's error."""

    async def fail() -> Any:
        raise KeyError("down")

    def fail_now() -> Any:
        raise KeyError("down")

    shop.batch("Tile.price", lambda parents: fail() if is_late else fail_now())
    result = ask(shop, "{ tiles { price { amount } } }", tiles=tiles("1", "2"))
    answer = await eventually(result) if is_late else now(result)
    assert answer.data == {"tiles": [{"price": None}, {"price": None}]}
    assert [e.path for e in answer.errors or []] == [["tiles", 0, "price"], ["tiles", 1, "price"]]


@pytest.mark.parametrize("outcomes", [[], [1, 2, 3], None, 7, "ab"])
def test_miscounted_outcomes_are_an_error(shop: Shop, outcomes: Any) -> None:
    """A batch that does not give one outcome per parent says what was expected and what came."""
    shop.batch("Tile.price", lambda parents: outcomes)
    result = now(ask(shop, "{ tile { price { amount } } }", tile=tiles("1")[0]))
    assert "Expected 1 outcomes of batch field Tile.price, got " in (result.errors or [])[0].message


def test_null_goes_up_to_the_nearest_nullable_place(shop: Shop) -> None:
    """A failed non-null batch field takes its non-null ancestors along, and no more."""
    shop.batch("Tile.stock", lambda parents: [None if p.id == "2" else 5 for p in parents])
    result = now(ask(shop, "{ other { id stock } }", other=tiles("1", "2")))
    assert result.data == {"other": [{"id": "1", "stock": 5}, None]}
    assert (result.errors or [])[0].message == "Cannot return null for non-nullable field Tile.stock."
    result = now(ask(shop, "{ tiles { id stock } }", tiles=tiles("1", "2")))
    assert result.data is None
    assert (result.errors or [])[0].path == ["tiles", 1, "stock"]


def test_null_goes_up_over_several_objects(shop: Shop) -> None:
    """Null travels through non-null objects above the batch field's own parent."""
    shop.batch("Must.price", lambda parents: [ValueError("gone")])
    result = now(ask(shop, "{ strict { must { note price { amount } } } }", strict={"must": {"note": "x"}}))
    assert result.data == {"strict": None}
    assert (result.errors or [])[0].path == ["strict", "must", "price"]


async def test_independent_calls_run_at_the_same_time(shop: Shop) -> None:
    """Two sources of a wave are awaited together, and children of the quick one do not wait for the slow."""
    done: list[str] = []

    async def slow(parents: Sequence[Any]) -> list[int]:
        for _ in range(20):
            await asyncio.sleep(0)
        done.append("stock")
        return [1 for _ in parents]

    def prices(parents: Sequence[Tile], quantity: int = 1) -> Any:
        done.append("price" + parents[0].id)
        return later(1, [Money(amount=1, tile=Tile(id="9")) if p.id != "9" else Money(amount=2) for p in parents])

    shop.batch("Tile.stock", slow)
    shop.batch("Tile.price", prices)
    answer = await eventually(
        ask(shop, "{ tiles { stock price { tile { price { amount } } } } }", tiles=tiles("1", "2"))
    )
    assert done == ["price1", "price9", "stock"]
    assert answer.data is not None
    assert answer.data["tiles"][1] == {"stock": 1, "price": {"tile": {"price": {"amount": 2}}}}


async def test_parents_from_plain_resolvers_are_asked_together(shop: Shop) -> None:
    """Objects that plain asynchronous resolvers bring up in one turn share a call."""
    shop.batch("Tile.price", amounts)
    root = {"tile": lambda info: later(2, tiles("1")[0]), "other": lambda info: later(2, tiles("2", "3"))}
    answer = await eventually(ask(shop, "{ tile { price { amount } } other { price { amount } } }", **root))
    assert sorted(ids for _, asked in shop.asked for ids in asked) == ["1", "2", "3"]
    assert len(shop.asked) == 1
    assert answer.data == {
        "tile": {"price": {"amount": 1}},
        "other": [{"price": {"amount": 2}}, {"price": {"amount": 3}}],
    }


async def test_awaitables_inside_outcomes_are_awaited(shop: Shop) -> None:
    """An outcome may hold what still has to be awaited, and it may fail."""
    shop.batch("Tile.price", lambda parents: [{"amount": later(1, 5)}, {"amount": later(1, "many")}])
    answer = await eventually(ask(shop, "{ tiles { price { amount } } }", tiles=tiles("1", "2")))
    assert answer.data == {"tiles": [{"price": {"amount": 5}}, {"price": {"amount": None}}]}
    assert [e.path for e in answer.errors or []] == [["tiles", 1, "price", "amount"]]


def test_wrong_arguments_are_an_error_of_every_parent(shop: Shop) -> None:
    """Arguments that cannot be coerced fail the field, and the batch is not called."""
    shop.batch("Tile.price", amounts)
    result = now(ask(shop, '{ tiles { price(quantity: "x") { amount } } }', tiles=tiles("1", "2")))
    assert result.data == {"tiles": [{"price": None}, {"price": None}]}
    assert len(result.errors or []) == 2
    assert not shop.asked


async def test_cancelling_the_request_cancels_the_calls(shop: Shop) -> None:
    """When the client goes away, what was asked on its behalf stops."""
    fates: list[str] = []

    async def endless(parents: Sequence[Any], quantity: int = 1) -> list[Any]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            fates.append("cancelled")
            raise
        return []

    shop.batch("Tile.price", endless)
    shop.batch("Tile.stock", endless)
    task = asyncio.ensure_future(eventually(ask(shop, "{ tiles { stock price { amount } } }", tiles=tiles("1"))))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert fates == ["cancelled", "cancelled"]


async def test_mutations_wait_for_their_batches(shop: Shop) -> None:
    """The second field of a mutation starts when the first is complete down to its last gap."""
    order: list[str] = []

    def step(name: str) -> Any:
        def resolve(info: Any) -> Tile:
            order.append(name)
            return Tile(id="1")

        return resolve

    async def prices(parents: Sequence[Any]) -> list[Money]:
        await asyncio.sleep(0.001)
        order.append("price")
        return [Money(amount=1) for _ in parents]

    shop.batch("Tile.price", lambda parents, quantity=1: prices(parents))
    query = "mutation { first { price { amount } } second { price { amount } } }"
    answer = await eventually(ask(shop, query, first=step("first"), second=step("second")))
    assert order == ["first", "price", "second", "price"]
    assert answer.data == {"first": {"price": {"amount": 1}}, "second": {"price": {"amount": 1}}}


async def test_a_value_on_its_way_is_asked_about_early(shop: Shop) -> None:
    """A batch field that needs only what is known already starts before the value is there."""
    order: list[str] = []

    async def whole() -> Tile:
        await asyncio.sleep(0.01)
        order.append("tile")
        return tiles("1")[0]

    async def related(parents: Sequence[Any]) -> list[Any]:
        order.append("related " + parents[0].id)
        await asyncio.sleep(0.001)
        return [tiles("7") for _ in parents]

    shop.batch("Tile.related", related, needs=["id"])
    shop.batch("Tile.price", amounts, needs=["id", "title"])
    early = Early(SimpleNamespace(id="1"), whole())
    answer = await eventually(ask(shop, "{ tile { title related { id } price { amount } } }", tile=lambda info: early))
    assert order == ["related 1", "tile"]
    assert shop.asked == [("related", ["1"]), ("price", ["1"])]
    assert answer.data == {"tile": {"title": "Tile 1", "related": [{"id": "7"}], "price": {"amount": 1}}}


@pytest.mark.parametrize("slow_answer", [True, False])
async def test_what_was_asked_early_about_nothing_leaves_no_trace(shop: Shop, slow_answer: bool) -> None:
    """When the value turns out to be null, early answers and early errors are forgotten."""
    shop.batch("Tile.related", lambda parents: later(50 if slow_answer else 0, [ValueError("no")]), needs=["id"])
    early = Early(SimpleNamespace(id="1"), later(5, None))
    answer = await eventually(ask(shop, "{ tile { related { id } } }", tile=lambda info: early))
    assert (answer.data, answer.errors) == ({"tile": None}, None)


async def test_early_answers_may_come_after_the_value(shop: Shop) -> None:
    """The gap of an early question is filled whenever its answer comes."""
    shop.batch("Tile.related", lambda parents: later(30, [tiles("7")]), needs=["id"])
    early = Early(SimpleNamespace(id="1"), later(2, tiles("1")[0]))
    answer = await eventually(ask(shop, "{ tile { id related { id } } }", tile=lambda info: early))
    assert answer.data == {"tile": {"id": "1", "related": [{"id": "7"}]}}


def test_an_awaitable_without_a_loop_can_still_be_run(shop: Shop) -> None:
    """As with the reference, the result may be made outside a loop and awaited inside one."""
    shop.batch("Tile.price", lambda parents: later(1, amounts(parents)))
    result = ask(shop, "{ tiles { price { amount } } }", tiles=tiles("4"))
    assert asyncio.run(eventually(result)).data == {"tiles": [{"price": {"amount": 4}}]}
