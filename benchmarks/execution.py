"""What executing a listing costs: graphql-core under Strawberry, compiled, and with fragments.

    python -m benchmarks.execution [--rounds N]

All contenders run in one process, in turns, on the same data and schema; times are CPU time, the
figure of a contender is the median over the rounds. The page is a listing of 24 tiles with data at
hand, about 800 fields, in three forms: all of it plain attributes; with five batch fields per tile
whose sources answer from memory; and the same with a time-dependent field.
"""

import argparse
import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import graphql
import strawberry
from graphql import GraphQLSchema, parse

from clients.values import Value
from gateway.execution import Execution, Request, compile_plan
from resolvers.batch import Batch, Hole, Pure

TILES = 24


class Label(Value):
    code: str
    title: str
    color: str | None = None


class Option(Value):
    code: str
    values: list[Label]


class Variant(Value):
    id: str
    sku: str
    selected: list[Label]


class Picture(Value):
    url: str
    alt: str | None = None


class Tile(Value):
    id: str
    handle: str
    title: str
    brand: Label
    image: Picture
    badges: list[Label]
    options: list[Option]
    variants: list[Variant]


class Answer(Value):
    """What a source said of a tile."""

    status: str
    amount: str
    count: int
    label: Label


@dataclass(frozen=True)
class Context:
    fragment_key: str = "ru"
    now: int = 7


def _describes(value: type) -> Callable[[type], Any]:
    def decorate(cls: type) -> Any:
        cls.is_type_of = staticmethod(lambda obj, _info: isinstance(obj, value))  # type: ignore[attr-defined]
        return strawberry.type(cls)

    return decorate


@_describes(Label)
class GraphLabel:
    code: str
    title: str
    color: str | None


@_describes(Option)
class GraphOption:
    code: str
    values: list[GraphLabel]


@_describes(Variant)
class GraphVariant:
    id: strawberry.ID
    sku: str
    selected: list[GraphLabel]


@_describes(Picture)
class GraphPicture:
    alt: str | None

    @strawberry.field(metadata={"pure": Pure(lambda picture, _context, /, **_: picture.url.replace("{width}", "480"))})  # type: ignore[untyped-decorator]
    @staticmethod
    def url(root: strawberry.Parent[Picture]) -> str:
        return root.url.replace("{width}", "480")


@_describes(Answer)
class GraphAnswer:
    status: str
    amount: str
    count: int
    label: GraphLabel

    @strawberry.field(metadata={"hole": Hole(lambda _answer, context, /, **_: context.now)})  # type: ignore[untyped-decorator]
    @staticmethod
    def age(info: strawberry.Info) -> int:
        age: int = info.context.now
        return age


def answers() -> dict[str, Answer]:
    """What one source knows of all tiles."""
    label = Label(code="a", title="Label")
    return {str(n): Answer(status="OK", amount="1990.00", count=n, label=label) for n in range(TILES)}


def _from_memory(known: dict[str, Answer]) -> Any:
    def ask(tiles: Sequence[Tile], _info: Any, /, **_: Any) -> list[Answer]:
        return [known[tile.id] for tile in tiles]

    def resolve(root: strawberry.Parent[Tile]) -> GraphAnswer:
        return known[root.id]  # type: ignore[return-value]

    return strawberry.field(resolver=staticmethod(resolve), metadata={"batch": Batch(ask)})


@_describes(Tile)
class GraphTile:
    id: strawberry.ID
    handle: str
    title: str
    brand: GraphLabel
    image: GraphPicture
    badges: list[GraphLabel]
    options: list[GraphOption]
    variants: list[GraphVariant]
    price: GraphAnswer = _from_memory(answers())
    stock: GraphAnswer = _from_memory(answers())
    points: GraphAnswer = _from_memory(answers())
    promotion: GraphAnswer = _from_memory(answers())
    delivery: GraphAnswer = _from_memory(answers())


@strawberry.type
class Query:
    tiles: list[GraphTile]


@dataclass(frozen=True)
class Root:
    tiles: list[Tile]


TILE = """
    id handle title brand { title } image { url alt } badges { code title color }
    options { code values { code title } } variants { id sku selected { code title } }
"""
SOURCES = ("price", "stock", "points", "promotion", "delivery")
BATCHED = " ".join(f"{name} {{ status amount label {{ title }} }}" for name in SOURCES)
TIMED = " ".join(f"{name} {{ status amount age }}" for name in SOURCES)
PAGES = {"plain": TILE, "batched": TILE + BATCHED, "timed": TILE + TIMED}


def listing() -> Root:
    """The data of the page."""
    values = [Label(code=f"v{n}", title=f"Value {n}") for n in range(3)]
    return Root(
        [
            Tile(
                id=str(n),
                handle=f"product-{n}",
                title=f"Product number {n}",
                brand=Label(code="b", title="Brand"),
                image=Picture(url=f"https://cdn.example/{n}/{{width}}.webp", alt="A picture"),
                badges=[Label(code="new", title="New", color="#ff0000")],
                options=[Option(code="size", values=values)],
                variants=[Variant(id=f"{n}-{v}", sku=f"sku-{n}-{v}", selected=values[:1]) for v in range(3)],
            )
            for n in range(TILES)
        ]
    )


def count_fields(data: Any) -> int:
    if isinstance(data, dict):
        return len(data) + sum(map(count_fields, data.values()))
    return sum(map(count_fields, data)) if isinstance(data, list) else 0


def cpu_us(run: Callable[[], Any], times: int) -> float:
    """CPU time of one run, in microseconds, over a number of runs."""
    started = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - started) / times * 1e6


def measure_page(schema: GraphQLSchema, selection: str, rounds: int) -> dict[str, float]:
    """Medians over the rounds, in microseconds, of each contender on one page."""
    document = parse(f"{{ tiles {{ {selection} }} }}")
    root, context, execution = listing(), Context(), Execution()
    plan = compile_plan(schema, document, is_trusted=True)
    request = Request(root_value=root, context_value=context)
    expected = graphql.execute(schema, document, root, context)
    assert isinstance(expected, graphql.ExecutionResult)
    assert not expected.errors
    contenders: dict[str, tuple[Callable[[], Any], int]] = {
        "reference": (lambda: graphql.execute(schema, document, root, context), 10),
        "compiled": (lambda: execution.execute(schema, document, root, context), 100),
        "fragments": (lambda: plan.write(request), 300),
    }
    for run, _ in contenders.values():
        for _ in range(5):
            run()
        result = run()
        data = json.loads(result.data) if isinstance(result.data, bytes) else result.data
        assert data == expected.data
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (run, number) in contenders.items():
            times[name].append(cpu_us(run, number))
    gc.unfreeze()
    return {"fields": count_fields(expected.data)} | {name: statistics.median(t) for name, t in times.items()}


def measure_first_compile(schema: GraphQLSchema, rounds: int) -> float:
    """Milliseconds that the first run of a page takes longer than the next: compiling and learning.

    The page has all sources and all of a tile four times over, under other names: 340 places, three
    times the largest page of the product.
    """
    root, context = listing(), Context()
    fourfold = " ".join(f"page{n}: tiles {{ {PAGES['batched']} }}" for n in range(4))
    document = parse(f"{{ {fourfold} }}")
    request = Request(root_value=root, context_value=context)
    differences = []
    for _ in range(rounds):
        started = time.process_time()
        plan = compile_plan(schema, document, is_trusted=True)
        plan.execute(request)
        first = time.process_time() - started
        started = time.process_time()
        plan.execute(request)
        differences.append(first - (time.process_time() - started))
    return statistics.median(differences) * 1e3


def measure_memory(schema: GraphQLSchema) -> float:
    """Megabytes of the plans of 1,000 different documents of the batched page, each run three times."""
    root, context, execution = listing(), Context(), Execution(max_plans=1000)
    documents = [parse(f"{{ page{n}: tiles {{ {PAGES['batched']} }} }}", no_location=True) for n in range(1000)]
    gc.collect()
    tracemalloc.start()
    for document in documents:
        for _ in range(3):
            execution.execute(schema, document, root, context)
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    schema = strawberry.Schema(Query)._schema  # noqa: SLF001 - it has no public name
    print(f"Python {sys.version.split()[0]}, medians of {rounds} rounds, CPU microseconds per page")
    print(f"{'page':10}{'fields':>8}{'reference':>12}{'compiled':>12}{'fragments':>12}{'ratios':>16}")
    for name, selection in PAGES.items():
        told = measure_page(schema, selection, rounds)
        ratios = f"{told['reference'] / told['compiled']:.0f} : 1, {told['reference'] / told['fragments']:.0f} : 1"
        figures = "".join(f"{told[key]:12.0f}" for key in ("reference", "compiled", "fragments"))
        print(f"{name:10}{told['fields']:8.0f}{figures}{ratios:>18}")
    print(f"first compile of 340 places: {measure_first_compile(schema, rounds):.1f} ms")
    print(f"plans of 1,000 documents: {measure_memory(schema):.1f} MB")


if __name__ == "__main__":
    main()
