"""A small shop whose schema has every kind of field, for tests of what the reference does not have."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLSchema, build_schema

from clients.values import Value
from resolvers.batch import Batch, Hole, Pure

SDL = """
type Query { tiles: [Tile!]! tile: Tile other: [Tile] strict: Strict }
type Mutation { first: Tile second: Tile }
type Strict { must: Must! }
type Must { price: Money! note: String }
type Tile {
  id: ID!
  title: String
  image(width: Int): String
  age: Int
  price(quantity: Int): Money
  stock: Int!
  related: [Tile!]
}
type Money { amount: Int formatted: String tile: Tile }
"""


class Tile(Value):
    """A tile as a source gave it."""

    id: str
    title: str | None = None


class Money(Value):
    """An amount as a source gave it."""

    amount: int
    tile: Tile | None = None


@dataclass(frozen=True)
class Context:
    """A request's context: the language, and the moment."""

    fragment_key: str = "ru"
    now: int = 0


class Shop:
    """The schema, and a record of what its batch fields were asked: (field, parents' ids)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.schema: GraphQLSchema = build_schema(SDL)
        self.declare("Tile", "image", Pure(_image))
        self.declare("Tile", "age", Hole(lambda tile, context, /, **_: context.now))
        self.declare(
            "Money", "formatted", Pure(lambda money, context, /, **_: f"{money.amount} {context.fragment_key}")
        )

    def declare(self, type_name: str, field_name: str, kind: Pure | Hole | Batch) -> None:
        """Say what kind a field is."""
        key = type(kind).__name__.lower()
        self.schema.type_map[type_name].fields[field_name].extensions[key] = kind  # type: ignore[attr-defined]

    def batch(self, place: str, answer: Any, needs: Sequence[str] | None = None) -> None:
        """Declare a batch field: `answer(parents, **arguments)` gives outcomes, now or later."""
        type_name, field_name = place.split(".")

        def call(parents: Sequence[Any], info: Any, /, **arguments: Any) -> Sequence[Any] | Awaitable[Sequence[Any]]:
            self.asked.append((field_name, [getattr(parent, "id", "?") for parent in parents]))
            outcomes: Sequence[Any] | Awaitable[Sequence[Any]] = answer(parents, **arguments)
            return outcomes

        self.declare(type_name, field_name, Batch(call, frozenset(needs) if needs is not None else None))


def _image(tile: Any, context: Any, /, **arguments: Any) -> str:
    width = arguments.get("width", 100)
    if width < 0:
        raise ValueError("width is negative")
    return f"{tile.id}-{width}-{context.fragment_key}"


def tiles(*ids: str) -> list[Tile]:
    return [Tile(id=i, title=f"Tile {i}") for i in ids]
