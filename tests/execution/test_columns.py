"""Columns: objects completed together give what each would have given alone, at the same places."""

import datetime as dt
import enum
from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import parse
from strawberry.schema.config import StrawberryConfig

from gateway.execution import Request, compile_plan, completion
from gateway.execution.columns import complete_all
from gateway.execution.executor import CompiledExecutor
from resolvers.batch import is_pure_leaf
from resolvers.scalars import scalar_map, write_decimal
from tests.execution.shop import Context, Money, Shop, Tile, tiles


class Family(Tile):
    """A tile that has others."""

    related: list[Tile] | None = None


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each attempt at a column succeeded."""
    attempts: list[bool] = []

    def watched(*given: Any) -> Any:
        done = complete_all(*given)
        attempts.append(done is not None)
        return done

    monkeypatch.setattr(CompiledExecutor, "complete_all", staticmethod(watched))
    return attempts


def told(schema: Any, query: str, root: Any) -> Any:
    """Data and errors of the second run of a plan; what runs for the first time is not learned yet."""
    plan = compile_plan(schema, parse(query))
    request = Request(root_value=root, context_value=Context())
    plan.execute(request)
    result = plan.execute(request)
    return result.data, [(error.message, error.path) for error in result.errors or []]


def one_by_one(monkeypatch: pytest.MonkeyPatch, *given: Any) -> Any:
    """The same with no column at all."""
    with monkeypatch.context() as patched:
        patched.setattr(completion, "SHORTEST_COLUMN", 10**9)
        return told(*given)


def stock_of(parents: Sequence[Any]) -> list[Any]:
    return [ValueError(f"none of {parent.id}") if int(parent.id) % 3 == 0 else int(parent.id) for parent in parents]


def test_batch_fields_inside_of_columns(shop: Shop, columns: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects below a column, some absent, leave gaps: one call asks for all, and errors have their own places."""
    shop.batch("Tile.stock", stock_of)
    shop.batch(
        "Tile.price",
        lambda parents: [Money(amount=1, tile=None if p.id == "2" else tiles(f"1{p.id}")[0]) for p in parents],
    )
    query = "{ other { id price { amount tile { id stock title } } } }"
    root = {"other": [*tiles("1", "2"), None, *tiles("3", "4", "5")]}
    expected = one_by_one(monkeypatch, shop.schema, query, root)
    shop.asked.clear()
    columns.clear()
    assert told(shop.schema, query, root) == expected
    assert [path for _, path in expected[1]] == [["other", n, "price", "tile", "stock"] for n in (3, 5)][
        ::2
    ] or expected[1]
    assert shop.asked[-1] == ("stock", ["11", "13", "14", "15"])
    assert columns[-2:] == [True, True]


def test_batch_fields_inside_of_lists_of_columns(
    shop: Shop, columns: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists of different lengths below a column leave gaps with the right indices, and null goes up from there."""
    shop.batch("Tile.stock", stock_of)
    query = "{ tiles { id related { title stock } } }"
    families = [Family(id=str(n), related=tiles(*(f"{n}{m}" for m in range(n)))) for n in range(1, 6)]
    root = {"tiles": [*families, Family(id="9")]}
    expected = one_by_one(monkeypatch, shop.schema, query, root)
    columns.clear()
    assert told(shop.schema, query, root) == expected
    assert columns
    assert all(columns)
    assert expected[0]["tiles"][0] == {"id": "1", "related": [{"title": "Tile 10", "stock": 10}]}
    assert expected[0]["tiles"][2]["related"] is None
    assert (["tiles", 2, "related", 0, "stock"]) in [path for _, path in expected[1]]


def test_a_column_that_fails_leaves_no_gap(shop: Shop, columns: list[bool]) -> None:
    """What was read before the surprise is not asked about twice."""
    shop.batch("Tile.stock", stock_of)
    query = "{ tiles { related { stock } image(width: -1) } }"
    families = [Family(id=str(n), related=tiles(f"{n}1")) for n in range(4)]
    data, errors = told(shop.schema, query, {"tiles": families})
    assert False in columns
    assert shop.asked[-1] == ("stock", ["01", "11", "21", "31"])
    assert len(errors) == len(families) + sum(int(f"{n}1") % 3 == 0 for n in range(4))
    assert [tile["image"] for tile in data["tiles"]] == [None] * 4


def test_one_failed_outcome_does_not_end_columns(shop: Shop, columns: list[bool]) -> None:
    """Outcomes with an exception among them are taken one by one; the next healthy ones are a column again."""
    failing = [True]
    shop.batch(
        "Tile.price",
        lambda parents: [ValueError("no") if failing[0] and p.id == "1" else Money(amount=1) for p in parents],
    )
    plan = compile_plan(shop.schema, parse("{ tiles { price { amount } } }"))
    request = Request(root_value={"tiles": tiles("1", "2", "3", "4")}, context_value=Context())
    for _ in range(20):
        assert len(plan.execute(request).errors) == 1
    failing[0] = False
    columns.clear()
    assert plan.execute(request).errors is None
    assert columns == [True, True]


@strawberry.enum
class Colour(enum.Enum):
    RED = "red"
    CRIMSON = "red"  # noqa: PIE796 - an alias
    BLUE = "blue"


@strawberry.type
class Paint:
    colour: Colour
    price: Decimal
    made: dt.datetime
    until: dt.date | None


@strawberry.type
class Query:
    paints: list[Paint]


PAINTS = [
    Paint(colour=Colour.RED, price=Decimal("1E+2"), made=dt.datetime(2026, 1, 2, tzinfo=dt.UTC), until=None),
    Paint(colour=Colour.CRIMSON, price=Decimal("0.10"), made=dt.datetime(2026, 1, 3, tzinfo=dt.UTC), until=dt.date(2027, 1, 1)),  # noqa: E501 - one table
    Paint(colour=Colour.BLUE, price=Decimal(3), made=dt.datetime(2026, 1, 4, tzinfo=dt.UTC), until=None),
]  # fmt: skip
ALL_LEAVES = "{ paints { colour price made until } }"


def paint_schema() -> Any:
    return strawberry.Schema(Query, config=StrawberryConfig(scalar_map=scalar_map()))._schema


def test_enums_decimals_and_instants_are_columns(columns: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves whose function is known or declared are written column by column, aliases and absences included."""
    root = SimpleNamespace(paints=PAINTS)
    expected = one_by_one(monkeypatch, paint_schema(), ALL_LEAVES, root)
    columns.clear()
    assert told(paint_schema(), ALL_LEAVES, root) == expected
    assert columns == [True]
    assert expected[0]["paints"][1] == {
        "colour": "RED", "price": "0.10", "made": "2026-01-03T00:00:00+00:00", "until": "2027-01-01",
    }  # fmt: skip


@pytest.mark.parametrize("colour", ["red", "RED", 7])
def test_what_is_no_member_takes_its_own_turn(colour: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A foreign value where a member was expected gives what the reference gives."""
    root = SimpleNamespace(paints=[*PAINTS, Paint(colour=colour, price=Decimal(1), made=PAINTS[0].made, until=None)])
    assert told(paint_schema(), ALL_LEAVES, root) == one_by_one(monkeypatch, paint_schema(), ALL_LEAVES, root)


def test_a_scalars_function_that_nobody_declared_is_called_in_its_turn(columns: list[bool]) -> None:
    """Each value once and in order: such a function may do anything."""
    seen: list[Decimal] = []

    def noted(value: Decimal) -> str:
        seen.append(value)
        return str(value)

    schema = paint_schema()
    schema.type_map["Decimal"].coerce_output_value = noted
    plan = compile_plan(schema, parse(ALL_LEAVES))
    plan.execute(Request(root_value=SimpleNamespace(paints=PAINTS)))
    assert seen == [paint.price for paint in PAINTS]
    assert True not in columns
    assert is_pure_leaf(write_decimal)
