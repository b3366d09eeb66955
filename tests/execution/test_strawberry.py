"""Strawberry schemas: what Strawberry promises its resolvers holds under compiled execution."""

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any

import graphql
import pytest
import strawberry
from graphql import ExecutionResult, GraphQLSchema, parse
from strawberry.extensions import FieldExtension, SchemaExtension
from strawberry.permission import BasePermission

from clients.values import Value
from gateway.execution import Execution, NotCompiled, executable_schema
from resolvers.batch import Batch, Pure


class Animal(Value):
    """A foreign value that Strawberry types describe."""

    name: str
    kind: str = "cat"
    life_left: int = 9


class Refused(BasePermission):
    message = "refused"

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        return False


class Loud(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        return next_(source, info, **kwargs).upper()


@strawberry.input
class Wanted:
    how_many: int = 2
    with_name: str | None = strawberry.UNSET


asked: list[Any] = []


def _friends(animals: Sequence[Animal], info: strawberry.Info, /, **given: Any) -> list[list[Animal]]:
    wanted = given["wanted_ones"]
    assert isinstance(wanted, Wanted)
    assert isinstance(info, strawberry.Info)
    asked.append((len(animals), info.field_name, wanted.how_many, wanted.with_name))
    return [[Animal(name=f"{animal.name}{n}") for n in range(wanted.how_many)] for animal in animals]


def _badge(animal: Animal, context: Any, /, **given: Any) -> str:
    return f"{animal.name}:{given.get('long_form', False)}"


@strawberry.interface
class Living:
    name: str


@strawberry.type
class Cat(Living):
    life_left: int
    secret: str | None = strawberry.field(default=None, permission_classes=[Refused])

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        return isinstance(obj, Animal) and obj.kind == "cat"

    @strawberry.field(extensions=[Loud()])  # type: ignore[untyped-decorator]
    def loud(self) -> str:
        return self.name

    @strawberry.field
    def twice(self, info: strawberry.Info, number: int = 2) -> str:
        return f"{self.name * number} {info.path.key}"

    @strawberry.field
    async def later(self) -> str:
        await asyncio.sleep(0)
        return self.name

    @strawberry.field(metadata={"batch": Batch(_friends)})  # type: ignore[untyped-decorator]
    def friends(self, wanted_ones: Wanted) -> list["Cat"]:
        raise AssertionError("the batch is asked instead")

    @strawberry.field(metadata={"pure": Pure(_badge)})  # type: ignore[untyped-decorator]
    def badge(self, long_form: bool = False) -> str:
        raise AssertionError("the pure function is called instead")


@strawberry.type
class Dog(Living):
    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        return isinstance(obj, Animal) and obj.kind == "dog"


@strawberry.type
class Query:
    cats: list[Cat]
    living: list[Living]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    found: GraphQLSchema = strawberry.Schema(Query, types=[Cat, Dog])._schema
    return found


class Root:
    cats = (Animal(name="Tom"), Animal(name="Kit"), Animal(name="Jim"))
    living = (Animal(name="Tom"), Animal(name="Rex", kind="dog"), Animal(name="Odd", kind="bird"))


async def told(result: Any) -> Any:
    answer = await result if inspect.isawaitable(result) else result
    assert isinstance(answer, ExecutionResult)
    return answer.data, [error.formatted for error in answer.errors or []]


@pytest.mark.parametrize(
    "query",
    [
        "{ cats { name lifeLeft } }",
        "{ cats { name secret } }",
        "{ cats { loud twice a: twice(number: 3) } }",
        "{ cats { later name } }",
        "{ living { __typename name ... on Cat { lifeLeft later } } }",
    ],
)
async def test_the_answer_is_strawberrys(schema: GraphQLSchema, query: str) -> None:
    """Attributes, permissions, extensions, infos and interfaces answer as under graphql-core."""
    execution, document = Execution(), parse(query)
    expected = await told(graphql.execute(schema, document, Root()))
    for _ in range(4):
        assert await told(execution.execute(schema, document, Root(), fallback=False)) == expected


async def test_batches_get_strawberrys_arguments(schema: GraphQLSchema) -> None:
    """A batch gets a Strawberry info, Python names, and inputs as their classes, defaults filled in."""
    asked.clear()
    literal, variable = 'friends(wantedOnes: {withName: "x"}) { name }', "b: friends(wantedOnes: $w) { name }"
    document = parse(f"query ($w: Wanted!) {{ cats {{ {literal} {variable} }} }}")
    result = Execution().execute(schema, document, Root(), None, {"w": {"howMany": 1}}, fallback=False)
    data, errors = await told(result)
    assert not errors
    assert asked == [(3, "friends", 2, "x"), (3, "friends", 1, strawberry.UNSET)]
    assert data["cats"][1] == {"friends": [{"name": "Kit0"}, {"name": "Kit1"}], "b": [{"name": "Kit0"}]}


async def test_pure_fields_get_python_names(schema: GraphQLSchema) -> None:
    """A pure function gets the value, the context and its arguments under their Python names."""
    execution, document = Execution(), parse("{ cats { badge(longForm: true) } }")
    for _ in range(3):
        data, errors = await told(execution.execute(schema, document, Root(), fallback=False))
        assert (data["cats"][0], errors) == ({"badge": "Tom:True"}, [])


class Watching(SchemaExtension):
    """An extension of the schema, which only Strawberry's own `execute` calls."""


def test_schema_extensions_are_refused_at_start() -> None:
    """What would silently not be called is refused when the server starts."""
    with pytest.raises(NotCompiled, match="schema extension Watching"):
        executable_schema(strawberry.Schema(Query, types=[Cat, Dog], extensions=[Watching]))
    assert isinstance(executable_schema(strawberry.Schema(Query, types=[Cat, Dog])), GraphQLSchema)
