"""The four kinds of fields, on an unmodified graphql-core: what they promise does not need our own executor."""

from collections.abc import Sequence
from typing import Annotated, Any

import pytest
import strawberry
from graphql import ExecutionResult, graphql

from clients.errors import InvalidSourceResponse, SourceThrottled
from clients.eventual import Eventual
from clients.values import DataSource, Value
from resolvers.batch import Batch, Hole, Pure
from resolvers.context import Context, Info
from resolvers.fields import Argument, batch, describes, hole, input_object, optional, plain, pure, reads, seam
from tests.resolvers.fakes import make_context, make_sources

THROTTLED = SourceThrottled(DataSource.STOCK, retry_after_s=1.5)


class Box(Value):
    number: int


class Shelf(Value):
    inner: tuple[Box, ...]


class Calls(list[tuple[list[int], dict[str, Any]]]):
    """Which boxes each call of a batch field got, and its arguments."""

    def note(self, boxes: Sequence[Box], **arguments: Any) -> None:
        self.append(([box.number for box in boxes], arguments))


CALLS = Calls()


@input_object()
class Size:
    """A size."""

    width: int = plain("Width.")
    height: int | None = optional("Height.")


@describes(Box)
class ABox:
    """A box."""

    number: int = plain("Number.")

    @pure(str)
    @staticmethod
    def label(value: Box, context: Context, /, mark: Annotated[str, Argument(description="Mark.")] = "#") -> str:
        """Number with a mark, in the language."""
        return f"{mark}{value.number} {context.fragment_key}"

    @hole(int)
    @staticmethod
    def now(value: Box, context: Context, /) -> int:
        """The moment of writing."""
        return int(context.clock.now()) + value.number

    @batch(int | None)
    @staticmethod
    def doubled(
        boxes: Sequence[Box],
        info: Info,
        /,
        plus: Annotated[int, Argument(description="To add.")] = 0,
        size: Annotated[Size | None, Argument(description="Size.")] = None,
    ) -> list[int]:
        """Twice the number."""
        CALLS.note(boxes, plus=plus, size=size)
        return [box.number * 2 + plus for box in boxes]

    @seam(int | None, source=DataSource.STOCK)
    @staticmethod
    def stock(boxes: Sequence[Box], info: Info, /) -> Eventual[list[int | None | Exception]]:
        """Stock; box 2 fails, box 3 is left out."""
        CALLS.note(boxes)
        return _later([{2: THROTTLED, 3: None}.get(box.number, box.number) for box in boxes])

    @seam(int | None, source=DataSource.STOCK, semantic_non_null=False)
    @staticmethod
    def maybe(boxes: Sequence[Box], info: Info, /) -> list[int | None]:
        """Nothing."""
        return [None for _ in boxes]

    @batch(int, promised_by=DataSource.CATALOGUE)
    @staticmethod
    def sure(boxes: Sequence[Box], info: Info, /) -> list[int | None]:
        """Never null, and left out all the same."""
        return [None for _ in boxes]

    @batch(int | None)
    @staticmethod
    def refused(boxes: Sequence[Box], info: Info, /) -> list[int | None]:
        """Refuses its arguments."""
        raise THROTTLED


@describes(Shelf)
class AShelf:
    """A shelf."""

    boxes = reads("inner", list[ABox], "What is on it.")


async def _later(outcomes: list[int | None | Exception]) -> list[int | None | Exception]:
    return outcomes


BOXES = tuple(Box(number=number) for number in (1, 2, 3))
SHELVES = tuple(Shelf(inner=(Box(number=n * 10), Box(number=n * 10 + 1))) for n in (1, 2, 3))


@strawberry.type
class Root:
    @strawberry.field
    def boxes(self) -> list[ABox]:
        return list(BOXES)  # type: ignore[arg-type]

    @strawberry.field
    def shelves(self) -> list[AShelf]:
        return list(SHELVES)  # type: ignore[arg-type]


SCHEMA = strawberry.Schema(Root)


async def run(query: str) -> ExecutionResult:
    CALLS.clear()
    return await graphql(SCHEMA._schema, query, root_value=Root(), context_value=make_context(make_sources()))


async def test_a_type_describes_foreign_values() -> None:
    """A plain field reads the value's own attribute, `reads` one of another name; nothing is copied."""
    result = await run("{ shelves { boxes { number } } }")
    assert result.data == {
        "shelves": [{"boxes": [{"number": n * 10}, {"number": n * 10 + 1}]} for n in (1, 2, 3)],
    }


async def test_pure_fields_get_arguments_and_the_language() -> None:
    """A pure field is a function of its value, its arguments and the context's `fragment_key`."""
    result = await run('{ boxes { label other: label(mark: "!") } }')
    assert result.data is not None
    assert result.data["boxes"][0] == {"label": "#1 ru", "other": "!1 ru"}


async def test_holes_read_the_clock() -> None:
    """A hole is computed from the injected clock."""
    result = await run("{ boxes { now } }")
    assert result.data == {"boxes": [{"now": 1772355601}, {"now": 1772355602}, {"now": 1772355603}]}


async def test_a_level_is_one_call() -> None:
    """However many lists the parents come from, a batch field is called once per level with all of them."""
    result = await run("{ shelves { boxes { doubled } } }")
    assert result.errors is None
    assert CALLS == [([10, 11, 20, 21, 30, 31], {"plus": 0, "size": None})]


async def test_equal_arguments_are_asked_together() -> None:
    """Two aliases of a field share a call exactly when their arguments are equal."""
    result = await run("{ boxes { a: doubled b: doubled(plus: 0) c: doubled(plus: 1) } }")
    assert result.data is not None
    assert result.data["boxes"][0] == {"a": 2, "b": 2, "c": 3}
    assert sorted(arguments["plus"] for _, arguments in CALLS) == [0, 1]


@pytest.mark.parametrize(
    ("argument", "size"),
    [
        ("", None),
        ("(size: null)", None),
        ("(size: {width: 1})", Size(width=1, height=strawberry.UNSET)),
        ("(size: {width: 1, height: null})", Size(width=1, height=None)),
    ],
)
async def test_left_out_is_told_from_null_only_inside_inputs(argument: str, size: Size | None) -> None:
    """An argument that is left out or null reaches the function as None; a field of an input keeps the difference."""
    result = await run(f"{{ boxes {{ doubled{argument} }} }}")
    assert result.errors is None
    assert CALLS[0][1]["size"] == size


async def test_each_parent_has_its_own_outcome() -> None:
    """One parent's failure is its own null with its own typed error; its siblings keep their values."""
    result = await run("{ boxes { stock } }")
    assert result.data == {"boxes": [{"stock": 1}, {"stock": None}, {"stock": None}]}
    assert [(e.path, e.extensions) for e in result.errors or ()] == [
        (
            ["boxes", 1, "stock"],
            {"code": "THROTTLED", "source": "STOCK", "retryable": True, "retryAfterSeconds": 2},
        ),
        (
            ["boxes", 2, "stock"],
            {"code": "INVALID_RESPONSE", "source": "STOCK", "retryable": False, "retryAfterSeconds": None},
        ),
    ]


async def test_absence_without_a_promise_is_a_plain_null() -> None:
    """Where null may mean "there is none" it comes without an error."""
    result = await run("{ boxes { maybe } }")
    assert result.errors is None
    assert result.data == {"boxes": [{"maybe": None}] * 3}


async def test_an_absence_that_breaks_a_promise_names_who_broke_it() -> None:
    """A field that is never null blames its source with a typed error, not the gateway with a fault."""
    result = await run("{ boxes { sure } }")
    assert [type(error.original_error) for error in result.errors or ()] == [InvalidSourceResponse]
    assert [(error.extensions or {})["source"] for error in result.errors or ()] == ["CATALOGUE"]


async def test_a_call_that_raises_fails_all_its_parents() -> None:
    """A refusal of the arguments is an error at every parent that was asked about."""
    result = await run("{ boxes { number refused } }")
    assert [error.path for error in result.errors or ()] == [["boxes", n, "refused"] for n in range(3)]
    assert result.data == {"boxes": [{"number": n, "refused": None} for n in (1, 2, 3)]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("label", Pure), ("now", Hole), ("doubled", Batch), ("stock", Batch), ("number", None)],
)
def test_each_kind_leaves_its_function_where_an_executor_finds_it(name: str, kind: type | None) -> None:
    """The declaration is in the field's metadata under its own name; a plain field has none."""
    found = SCHEMA._schema.type_map["ABox"].fields[name].extensions["strawberry-definition"].metadata  # type: ignore[attr-defined]
    assert [type(declared) for declared in found.values()] == ([kind] if kind else [])


def test_a_description_is_never_forgotten() -> None:
    """A type or a field without a docstring does not get into the schema."""
    with pytest.raises(TypeError, match="to have a docstring"):
        describes(Box)(type("Silent", (), {}))
    with pytest.raises(TypeError, match="to have a docstring"):

        @pure(str)
        def silent(value: Box, context: Context, /) -> str:
            return ""
