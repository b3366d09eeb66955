"""Writing: the bytes say what the dict says, and what never changes is written once."""

import asyncio
import inspect
import json
from collections.abc import Sequence
from typing import Any

import pytest
from graphql import GraphQLScalarType, graphql_sync, parse
from hypothesis import given, settings
from hypothesis import strategies as st
from orjson import Fragment

from gateway.execution import Request, Written, compile_plan, fragments
from gateway.execution.fragments import MAX_SELECTIONS, WORTH_KEEPING, Stencil
from resolvers.batch import Hole, Pure
from tests.execution.shop import Context, Money, Shop, Tile, tiles
from tests.execution.worlds import World


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def kept_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second writing keeps."""
    monkeypatch.setattr(fragments, "WORTH_KEEPING", 1)


class Writer:
    """A plan that writes."""

    def __init__(self, shop: Shop, query: str) -> None:
        self.plan = compile_plan(shop.schema, parse(query))
        for _ in range(2):  # what runs for the first time is not learned yet
            self.plan.write(Request(variable_values={"w": 1, "yes": True}))

    def __call__(self, context: Any = None, variables: dict[str, Any] | None = None, **root: Any) -> Any:
        written = self.plan.write(
            Request(root_value=root, context_value=context or Context(), variable_values=variables)
        )
        assert isinstance(written, Written)
        return json.loads(written.body())


def kept_of(value: Any) -> dict[int, Any]:
    kept: dict[int, Any] = vars(value).get("__written__", {})
    return kept


def test_bytes_are_the_dict(shop: Shop) -> None:
    """Cold and warm, the JSON is what the dict would have been, keys in order."""
    query = "{ tiles { t: title id image(width: 3) age price { amount formatted } } __typename }"
    shop.batch("Tile.price", lambda parents: [Money(amount=7) for _ in parents])
    values = tiles("1", "2")
    plan = compile_plan(shop.schema, parse(query))
    request = Request(root_value={"tiles": values}, context_value=Context(now=5))
    expected = json.dumps(plan.execute(request).data, separators=(",", ":")).encode()
    writings = WORTH_KEEPING + 3
    assert [plan.write(request).data for _ in range(writings)] == [expected] * writings


@pytest.mark.parametrize("number", [2, 5])
def test_a_value_is_kept_when_a_few_runs_wrote_it(shop: Shop, number: int) -> None:
    """Column by column or, a short list, one by one: the first runs keep nothing, one keeps, later ones ask nothing."""
    computed: list[str] = []

    def image(tile: Any, _context: Any, /, **_: Any) -> str:
        computed.append(tile.id)
        return "url"

    shop.declare("Tile", "image", Pure(image))
    write = Writer(shop, "{ tiles { id image } }")
    ids = [str(n) for n in range(number)]
    values = tiles(*ids)
    expected = [{"id": each, "image": "url"} for each in ids]
    for writing in range(WORTH_KEEPING):
        assert write(tiles=values)["data"]["tiles"] == expected
        assert [list(kept_of(value).values()) for value in values] == [[writing + 1]] * number
    for _ in range(3):
        assert write(tiles=values)["data"]["tiles"] == expected
        assert write(tiles=values + values)["data"]["tiles"] == expected + expected
    assert computed == ids * (WORTH_KEEPING + 1)


@pytest.mark.parametrize("number", [2, 5])
def test_what_is_inside_of_a_counted_value_is_not_counted(shop: Shop, number: int) -> None:
    """A value that may never come again costs one count, and what it is made of none."""
    below = tiles(*map(str, range(number)))
    shop.batch("Tile.price", lambda parents: [Money(amount=1, tile=below[int(p.id)]) for p in parents])
    write = Writer(shop, "{ tiles { price { amount tile { id } } } }")
    write(tiles=tiles(*map(str, range(number))))
    assert not any(map(kept_of, below))


@pytest.mark.usefixtures("kept_soon")
def test_what_is_below_a_fragment_is_kept_with_it(shop: Shop) -> None:
    """The second writing leaves nothing below it to be done again, whatever was met for the first time."""
    computed: list[int] = []

    def formatted(money: Any, context: Any, /, **_: Any) -> str:
        computed.append(money.amount)
        return f"{money.amount} {context.fragment_key}"

    shop.declare("Money", "formatted", Pure(formatted))
    price: Any = Money(amount=7)
    shop.batch("Tile.price", lambda parents: [price for _ in parents])
    write = Writer(shop, "{ tiles { id price { amount formatted } } }")
    answers = [write(tiles=tiles("1", "2", "3", "4"))["data"]["tiles"] for _ in range(4)]
    assert answers[1:] == answers[:-1]
    assert len(computed) <= 2


@pytest.mark.usefixtures("kept_soon")
def test_holes_are_filled_at_every_writing(shop: Shop) -> None:
    """What depends on the moment is never kept."""
    write = Writer(shop, "{ tile { id age } }")
    (value,) = tiles("1")
    ages = [write(Context(now=moment), tile=value)["data"]["tile"]["age"] for moment in (1, 2, 3)]
    assert ages == [1, 2, 3]
    assert any(isinstance(kept, Stencil) for kept in kept_of(value).values())


@pytest.mark.usefixtures("kept_soon")
def test_one_moment_is_one_writings(shop: Shop) -> None:
    """What only holes are left of is asked once per writing, in however many places it stands, and anew by the next."""
    filled: list[tuple[str, int]] = []

    def age(tile: Any, context: Context, /, **_: Any) -> int:
        filled.append((tile.id, context.now))
        return context.now

    shop.declare("Tile", "age", Hole(age))
    write = Writer(shop, "{ tiles { id age } tile { id age } }")
    one, two = tiles("1", "2")
    for moment in range(3):
        write(Context(now=moment), tiles=[one, two, one], tile=one)
    filled.clear()
    for moment in (7, 8):
        written = write(Context(now=moment), tiles=[one, two, one], tile=one)["data"]
        assert written["tiles"] == [{"id": each, "age": moment} for each in ("1", "2", "1")]
        assert written["tile"] == {"id": "1", "age": moment}
    places = {"tiles": ["1", "2"], "tile": ["1"]}
    assert sorted(filled) == sorted((each, moment) for moment in (7, 8) for ids in places.values() for each in ids)


@pytest.mark.usefixtures("kept_soon")
def test_a_hole_that_fails_fails_everywhere(shop: Shop) -> None:
    """A failure is told at every place that it leaves empty."""

    def age(tile: Any, context: Context, /, **_: Any) -> int:
        if context.now:
            raise ValueError("no age")
        return 0

    shop.declare("Tile", "age", Hole(age))
    write = Writer(shop, "{ tiles { id age } }")
    (one,) = tiles("1")
    for _ in range(3):
        write(tiles=[one, one])
    written = write(Context(now=1), tiles=[one, one])
    assert written["data"]["tiles"] == [{"id": "1", "age": None}] * 2
    assert [error["path"] for error in written["errors"]] == [["tiles", 0, "age"], ["tiles", 1, "age"]]


@pytest.mark.usefixtures("kept_soon")
def test_batch_fields_of_a_remembered_value_are_asked_again(shop: Shop) -> None:
    """A stencil leaves a gap where a source must be asked."""
    amounts = iter(range(10))
    shop.batch("Tile.price", lambda parents: [Money(amount=next(amounts)) for _ in parents])
    write = Writer(shop, "{ tile { id price { amount } } }")
    (value,) = tiles("1")
    assert [write(tile=value)["data"]["tile"] for _ in range(3)] == [
        {"id": "1", "price": {"amount": n}} for n in range(3)
    ]


@pytest.mark.usefixtures("kept_soon")
def test_languages_do_not_mix(shop: Shop) -> None:
    """A fragment of one `fragment_key` is never spliced into another's answer."""
    write = Writer(shop, "{ tile { image } }")
    (value,) = tiles("1")
    seen = [write(Context(fragment_key=key), tile=value)["data"]["tile"]["image"] for key in ("ru", "en", "ru")]
    assert seen == ["1-100-ru", "1-100-en", "1-100-ru"]


@pytest.mark.usefixtures("kept_soon")
@pytest.mark.parametrize(("first", "second"), [(1, 2), (1, None)])
def test_variables_do_not_mix(shop: Shop, first: Any, second: Any) -> None:
    """A fragment depends on the variables used below it."""
    shop.declare("Tile", "image", Pure(lambda tile, context, /, **given: f"w{given['width']}"))
    write = Writer(shop, "query ($w: Int) { tile { image(width: $w) } }")
    (value,) = tiles("1")
    seen = [write(variables={"w": w}, tile=value)["data"]["tile"]["image"] for w in (first, second, first)]
    assert seen == [f"w{first}", f"w{second}", f"w{first}"]


@pytest.mark.usefixtures("kept_soon")
def test_switches_do_not_mix(shop: Shop) -> None:
    """What @include left out of one answer is in the other."""
    write = Writer(shop, "query ($yes: Boolean!) { tile { id title @include(if: $yes) } }")
    (value,) = tiles("1")
    seen = [list(write(variables={"yes": yes}, tile=value)["data"]["tile"]) for yes in (True, False, True)]
    assert seen == [["id", "title"], ["id"], ["id", "title"]]


def test_operations_do_not_mix(shop: Shop) -> None:
    """Two plans keep their fragments apart on one value."""
    (value,) = tiles("1")
    assert Writer(shop, "{ tile { id } }")(tile=value)["data"]["tile"] == {"id": "1"}
    assert Writer(shop, "{ tile { title } }")(tile=value)["data"]["tile"] == {"title": "Tile 1"}


@pytest.mark.usefixtures("kept_soon")
def test_errors_are_not_remembered(shop: Shop) -> None:
    """A value that failed to be written fails again, with its error, at every writing."""
    write = Writer(shop, "{ tile { id image(width: -1) } }")
    (value,) = tiles("1")
    answers = [write(tile=value) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["errors"][0]["path"] == ["tile", "image"]
    assert not any(isinstance(kept, Fragment | Stencil) for kept in kept_of(value).values())


@pytest.mark.usefixtures("kept_soon")
def test_a_value_keeps_a_bounded_number_of_fragments(shop: Shop) -> None:
    """However many operations come, a value does not grow without end."""
    (value,) = tiles("1")
    for number in range(3 * MAX_SELECTIONS):
        write = Writer(shop, f"{{ tile {{ a{number}: id }} }}")
        write(tile=value)
        write(tile=value)
        assert 0 < len(kept_of(value)) <= MAX_SELECTIONS


def test_dicts_are_not_shared(shop: Shop) -> None:
    """Whoever changes a result changes nobody else's."""
    plan = compile_plan(shop.schema, parse("{ tile { id } }"))
    request = Request(root_value={"tile": tiles("1")[0]}, context_value=Context())
    plan.execute(request).data["tile"]["id"] = "changed"
    assert plan.execute(request).data == {"tile": {"id": "1"}}
    assert json.loads(plan.write(request).data) == {"tile": {"id": "1"}}


@pytest.mark.usefixtures("kept_soon")
def test_null_reaches_over_spliced_parts(shop: Shop) -> None:
    """A failed gap nulls its ancestors even where the rest was ready."""
    shop.batch("Tile.stock", lambda parents: [ValueError("no") for _ in parents])
    write = Writer(shop, "{ other { id stock } }")
    values = tiles("1", "2")
    for _ in range(2):
        answer = write(other=values)
        assert answer["data"] == {"other": [None, None]}
        assert [e["path"] for e in answer["errors"]] == [["other", 0, "stock"], ["other", 1, "stock"]]


def test_lists_of_remembered_values(shop: Shop) -> None:
    """Lists in gaps are spliced item by item."""
    shop.batch("Tile.related", lambda parents: [tiles("7", "8") for _ in parents])
    write = Writer(shop, "{ tile { related { id } } }")
    assert write(tile=Tile(id="1"))["data"] == {"tile": {"related": [{"id": "7"}, {"id": "8"}]}}


@pytest.mark.parametrize("value", [2**70, "\ud800", {"deep": [1, None, {"x": 2**65}]}, float("nan")])
def test_whatever_a_scalar_gives_is_written(value: Any) -> None:
    """Values beyond the fast JSON library's reach are written by the standard one."""
    shop = Shop()
    any_scalar = GraphQLScalarType("Anything")
    shop.schema.type_map["Tile"].fields["title"].type = any_scalar  # type: ignore[attr-defined]
    plan = compile_plan(shop.schema, parse("{ tile { id title } }"))
    request = Request(root_value={"tile": Tile(id="1", title=value)}, context_value=Context())
    for _ in range(2):
        written = json.loads(plan.write(request).body())["data"]["tile"]["title"]
        assert written == value or (written is None and value != value)  # noqa: PLR0124 - NaN has no JSON


def test_request_errors_are_written(shop: Shop) -> None:
    """Variables that cannot be coerced give errors and null data, as in the dict."""
    plan = compile_plan(shop.schema, parse("query ($w: Int!) { tile { image(width: $w) } }"))
    body = json.loads(plan.write(Request(variable_values={"w": "x"})).body(extensions=b'{"cost":1}'))
    assert body["data"] is None
    assert "got invalid value" in body["errors"][0]["message"] or "$w" in body["errors"][0]["message"]
    assert body["extensions"] == {"cost": 1}


async def test_late_answers_are_written(shop: Shop) -> None:
    """When something is awaited, so is the writing."""

    async def prices(parents: Sequence[Any]) -> list[Money]:
        await asyncio.sleep(0)
        return [Money(amount=1) for _ in parents]

    shop.batch("Tile.price", prices)
    plan = compile_plan(shop.schema, parse("{ tiles { price { formatted } } }"))
    written = plan.write(Request(root_value={"tiles": tiles("1", "2")}, context_value=Context()))
    assert inspect.isawaitable(written)
    assert json.loads((await written).data)["tiles"][1] == {"price": {"formatted": "1 ru"}}


@settings(max_examples=150, deadline=None, database=None)
@given(seed=st.integers(min_value=0, max_value=2**48))
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_worlds_are_written(seed: int) -> None:
    """Of any synchronous world, the bytes say what the reference's dict says."""
    world = World(seed)
    if world.delay:
        return
    expected = graphql_sync(world.schema, world.operation, world.root(), None, dict(world.variables))
    if expected.errors and expected.errors[0].path is None:
        return
    written = compile_plan(world.schema, world.document).write(
        Request(root_value=world.root(), variable_values=world.variables)
    )
    try:
        text = json.dumps(expected.data)
    except TypeError:
        return
    assert json.loads(written.data) == json.loads(text)
