"""@defer and @stream over batch fields: parts share calls, and leave when their source has answered."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from graphql import ExecutionResult, parse

from gateway.execution import Execution, Request, compile_plan, dump
from tests.execution.shop import Context, Money, Shop, Tile, tiles


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def payloads(result: Any) -> list[Any]:
    result = await result if hasattr(result, "__await__") else result
    assert not isinstance(result, ExecutionResult), "expected increments"
    told = [result.initial_result.formatted, *[later.formatted async for later in result.subsequent_results]]
    return [json.loads(dump(payload)) for payload in told]


def ask(shop: Shop, query: str, **root: Any) -> Any:
    return Execution().execute_incrementally(shop.schema, parse(query), root, Context(), fallback=False)


def slow(turns: int) -> Any:
    async def answer(parents: Sequence[Tile]) -> list[Money]:
        for _ in range(turns):
            await asyncio.sleep(0)
        return [Money(amount=int(parent.id)) for parent in parents]

    return answer


@pytest.mark.parametrize("turns", [0, 3])
async def test_deferred_parts_share_their_calls(shop: Shop, turns: int) -> None:
    """A fragment deferred on every tile asks its source once for all tiles."""
    quick = lambda parents: [Money(amount=int(parent.id)) for parent in parents]  # noqa: E731 - one of two
    shop.batch("Tile.price", slow(turns) if turns else quick)
    told = await payloads(ask(shop, "{ tiles { id ... @defer { price { amount } } } }", tiles=tiles("1", "2", "3")))
    assert told[0]["data"] == {"tiles": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}
    later = [part["data"] for payload in told[1:] for part in payload.get("incremental", [])]
    assert later == [{"price": {"amount": n}} for n in (1, 2, 3)]
    assert shop.asked == [("price", ["1", "2", "3"])]


async def test_a_part_leaves_as_soon_as_its_source_answered(shop: Shop) -> None:
    """A quick part does not wait for a slow one."""
    shop.batch("Tile.price", slow(2))

    async def stock(parents: Sequence[Tile]) -> list[int]:
        await asyncio.sleep(0.05)
        return [1 for _ in parents]

    shop.batch("Tile.stock", stock)
    query = '{ tile { id ... @defer(label: "slow") { stock } ... @defer(label: "quick") { price { amount } } } }'
    told = await payloads(ask(shop, query, tile=tiles("1")[0]))
    later = [part["data"] for payload in told[1:] for part in payload.get("incremental", [])]
    assert later == [{"price": {"amount": 1}}, {"stock": 1}]
    assert len(told) == 3


async def test_a_gap_that_fails_in_a_part_stays_in_the_part(shop: Shop) -> None:
    """An error below a nullable place nulls that place of the part, and its payload carries the error."""
    shop.batch("Tile.related", lambda parents: [tiles("7", "8") for _ in parents])
    shop.batch("Tile.stock", lambda parents: [ValueError("no stock") if p.id == "8" else 1 for p in parents])
    told = await payloads(ask(shop, "{ tile { id ... @defer { related { id stock } } } }", tile=tiles("1")[0]))
    (part,) = told[1]["incremental"]
    assert part["data"] == {"related": None}
    assert part["errors"][0]["path"] == ["tile", "related", 1, "stock"]


async def test_a_gap_that_nulls_its_whole_part_fails_the_part(shop: Shop) -> None:
    """A non-null gap of the deferred fragment itself completes the part with errors and no data."""
    shop.batch("Tile.stock", lambda parents: [ValueError("no stock") for _ in parents])
    told = await payloads(ask(shop, "{ tile { id ... @defer { stock } } }", tile=tiles("1")[0]))
    assert told[0]["data"] == {"tile": {"id": "1"}}
    (completed,) = told[1]["completed"]
    assert completed["errors"][0]["path"] == ["tile", "stock"]


async def test_streamed_items_have_their_gaps_filled(shop: Shop) -> None:
    """Items of a stream come with the answers of their sources."""
    shop.batch("Tile.price", slow(1))
    told = await payloads(
        ask(shop, "{ tiles @stream(initialCount: 1) { price { amount } } }", tiles=tiles("1", "2", "3"))
    )
    assert told[0]["data"] == {"tiles": [{"price": {"amount": 1}}]}
    items = [item for payload in told[1:] for part in payload.get("incremental", []) for item in part["items"]]
    assert items == [{"price": {"amount": 2}}, {"price": {"amount": 3}}]


async def test_increments_are_written(shop: Shop) -> None:
    """A writing plan gives the same payloads; kept fragments are spliced into them."""
    shop.batch("Tile.price", slow(1))
    plan = compile_plan(
        shop.schema, parse("{ tiles { id ... @defer { title price { formatted } } } }"), is_trusted=True
    )
    request = Request(root_value={"tiles": tiles("1", "2")}, context_value=Context())
    first, second = [await payloads(plan.write(request)) for _ in range(2)]
    assert first == second
    later = [part["data"] for payload in second[1:] for part in payload.get("incremental", [])]
    assert later[1] == {"title": "Tile 2", "price": {"formatted": "2 ru"}}
