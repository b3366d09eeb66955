"""Random small worlds: a schema, its data with everything that can go wrong, and an operation.

A world is a function of its seed, so two executors can be let loose on the same one. All choices
made while resolving depend on the path alone, not on the order of calls.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    parse,
)

OBJECTS = ("Cat", "Dog", "Box")
LEAVES = ("Int", "Float", "String", "Boolean", "ID", "Color", "Even")
NAMES = ("alpha", "beta", "gamma", "delta", "omega")
ODDITIES: tuple[Callable[[], Any], ...] = (
    lambda: 2**40,
    lambda: float("nan"),
    lambda: "text",
    lambda: 3.0,
    lambda: True,
    lambda: b"bytes",
    lambda: {"a": 1},
    lambda: [1, 2],
    lambda: object,
    lambda: "7",
)


class Named:
    """Something whose text is the same in every run."""

    __slots__ = ()

    def __repr__(self) -> str:
        return type(self).__name__


class Later(Named):
    """An awaitable that answers after some turns of the loop."""

    def __init__(self, turns: int, answer: Callable[[], Any]) -> None:
        self.turns = turns
        self.answer = answer

    def __await__(self) -> Generator[Any, None, Any]:
        for _ in range(self.turns):
            yield from asyncio.sleep(0).__await__()
        return self.answer()


class Thing(Named):
    """An ordinary object."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        vars(self).update(attributes, _Named__typename=attributes["__typename"])


class Slotted(Named):
    """An object without a dictionary; absent attributes raise."""

    __slots__ = ("_Slotted__typename", "tag", *NAMES)

    def __init__(self, attributes: dict[str, Any]) -> None:
        for name, value in attributes.items():
            if name != "__typename":
                setattr(self, name, value)
        self._Slotted__typename = attributes["__typename"]


class Guarded(Thing):
    """An object some of whose attributes are code."""

    @property
    def alpha(self) -> Any:
        return vars(self).get("alpha_")

    @alpha.setter
    def alpha(self, value: Any) -> None:
        vars(self)["alpha_"] = value

    @property
    def beta(self) -> Any:
        raise ValueError("beta is broken")


class Dynamic(Named):
    """An object that makes its attributes up."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self._attributes = attributes

    def __getattr__(self, name: str) -> Any:
        if name == "_Dynamic__typename":
            return self._attributes["__typename"]
        if name.startswith("_") or name not in self._attributes:
            raise AttributeError(name)
        return self._attributes[name]


class Mapped(Named, Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self._attributes = attributes

    def __getitem__(self, key: str) -> Any:
        return self._attributes[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._attributes)

    def __len__(self) -> int:
        return len(self._attributes)


CARRIERS: tuple[Callable[[dict[str, Any]], Any], ...] = (
    dict,
    dict,
    dict,
    Thing,
    Thing,
    Slotted,
    Guarded,
    Dynamic,
    Mapped,
)


def tag_of(value: Any) -> Any:
    return value.get("tag") if isinstance(value, Mapping) else getattr(value, "tag", None)


@dataclass
class World:
    """One random world; `trouble` is how often things go wrong, `delay` how often they take time."""

    seed: int
    is_incremental: bool = False
    trouble: float = 0.0
    delay: float = 0.0
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rnd = Random(self.seed)
        self.trouble = rnd.choice([0.0, 0.02, 0.05, 0.2])
        self.delay = rnd.choice([0.0, 0.0, 0.1, 0.3])
        self.nonnull = rnd.choice([0.1, 0.35, 0.6])
        self.sdl = _Sdl(rnd, self.nonnull).text()
        self.schema = build_schema(self.sdl)
        self._equip(rnd)
        self.operation, self.variables = _Operation(rnd, self.schema, self.is_incremental).text_and_variables()
        self.document: DocumentNode = parse(self.operation)

    def root(self) -> Any:
        """A fresh root value."""
        rnd = Random(f"{self.seed}:root")
        is_mutation = self.operation.startswith("mutation")
        root = self.schema.mutation_type if is_mutation else self.schema.query_type
        assert root is not None
        return self._object(root, rnd, 0)

    def _equip(self, rnd: Random) -> None:
        color = self.schema.type_map["Color"]
        assert isinstance(color, GraphQLEnumType)
        even = self.schema.type_map["Even"]
        assert isinstance(even, GraphQLScalarType)
        even.coerce_output_value = _even
        for type_ in self.schema.type_map.values():
            if type_.name.startswith("__"):
                continue
            if isinstance(type_, GraphQLObjectType):
                self._equip_object(type_, rnd)
            elif isinstance(type_, (GraphQLInterfaceType, GraphQLUnionType)) and rnd.random() < 0.5:
                type_.resolve_type = self._type_resolver(type_.name)

    def _equip_object(self, type_: GraphQLObjectType, rnd: Random) -> None:
        if type_.name in OBJECTS and rnd.random() < 0.6:
            type_.is_type_of = self._type_check(type_.name, uses_info=rnd.random() < 0.5)
        for name, definition in type_.fields.items():
            if rnd.random() < 0.5:
                definition.resolve = self._resolver(type_.name, name, definition.type)

    def _type_check(self, name: str, uses_info: bool) -> Any:
        def check(value: Any, info: Any) -> Any:
            rnd = Random(f"{self.seed}:{name}:{info.path.as_list() if uses_info else ''}")
            if rnd.random() < self.trouble / 2:
                return False
            if rnd.random() < self.trouble / 2:
                raise ValueError(f"cannot tell {name}")
            answer = tag_of(value) == name
            return Later(rnd.randrange(3), lambda: answer) if rnd.random() < self.delay / 2 else answer

        def check_blindly(value: Any, _info: Any) -> Any:
            return tag_of(value) == name

        return check if uses_info else check_blindly

    def _type_resolver(self, name: str) -> Any:
        def resolve(value: Any, info: Any, _abstract: Any) -> Any:
            rnd = Random(f"{self.seed}:{name}:{info.path.as_list()}")
            answer = tag_of(value)
            if rnd.random() < self.trouble:
                answer = rnd.choice([None, "Nothing", "Color", 7, "Query", "Dog"])
            if rnd.random() < self.trouble / 3:
                raise GraphQLError("no type today")
            return Later(rnd.randrange(3), lambda: answer) if rnd.random() < self.delay / 2 else answer

        return resolve

    def _resolver(self, type_name: str, field_name: str, type_: Any) -> Any:
        def resolve(_source: Any, info: Any, **arguments: Any) -> Any:
            place = f"{type_name}.{field_name}{info.path.as_list()}{sorted(arguments.items(), key=str)}"
            self.log.append(place)
            rnd = Random(f"{self.seed}:{place}")
            if rnd.random() < self.trouble:
                raise rnd.choice([ValueError, GraphQLError, KeyError])(f"{field_name} failed")
            return self.value(type_, rnd, len(info.path.as_list()))

        return resolve

    def value(self, type_: Any, rnd: Random, depth: int) -> Any:
        """A value for a type: right, wrong, missing, or on its way."""
        if rnd.random() < self.delay:
            answer = self._now(type_, rnd, depth)
            turns = rnd.randrange(4)
            fails = rnd.random() < self.trouble
            return Later(turns, (lambda: _raise("late failure")) if fails else (lambda: answer))
        return self._now(type_, rnd, depth)

    def _now(self, type_: Any, rnd: Random, depth: int) -> Any:
        if isinstance(type_, GraphQLNonNull):
            if rnd.random() < self.trouble / 2:
                return None
            type_ = type_.of_type
        elif rnd.random() < 0.06:
            return None
        if rnd.random() < self.trouble:
            return rnd.choice([lambda: RuntimeError("returned"), *ODDITIES])()
        if isinstance(type_, GraphQLList):
            return self._list(type_.of_type, rnd, depth)
        if isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType)):
            return self._object(self._concrete(type_, rnd), rnd, depth)
        return _leaf(type_.name, rnd)

    def _list(self, item_type: Any, rnd: Random, depth: int) -> Any:
        items = [self.value(item_type, rnd, depth + 1) for _ in range(rnd.randrange(4))]
        form = rnd.randrange(12)
        if form == 0:
            return tuple(items)
        if form == 1:
            return (item for item in items)
        if form == 2 and self.delay:
            return _streamed(items)
        return items

    def _concrete(self, type_: Any, rnd: Random) -> GraphQLObjectType:
        possible = [type_] if isinstance(type_, GraphQLObjectType) else self.schema.get_possible_types(type_)
        return rnd.choice(list(possible))

    def _object(self, type_: GraphQLObjectType, rnd: Random, depth: int) -> Any:
        attributes: dict[str, Any] = {"tag": type_.name, "__typename": type_.name}
        for name, definition in type_.fields.items():
            if definition.resolve is None and depth < 4 and rnd.random() < 0.9:
                attributes[name] = self._attribute(definition.type, rnd, depth + 1)
        return rnd.choice(CARRIERS)(attributes)

    def _attribute(self, type_: Any, rnd: Random, depth: int) -> Any:
        if rnd.random() < 0.1:
            seed = rnd.random()
            return lambda info, **arguments: self.value(
                type_, Random(f"{seed}{sorted(arguments.items(), key=str)}"), depth
            )
        return self.value(type_, rnd, depth)


def _raise(message: str) -> Any:
    raise ValueError(message)


async def _streamed(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        yield item


def _even(value: Any) -> Any:
    if not isinstance(value, int) or value % 2:
        raise ValueError(f"{value!r} is not even")
    return None if value == 4 else value


def _leaf(name: str, rnd: Random) -> Any:
    match name:
        case "Int":
            return (
                rnd.choice([0, 1, -5, 2**31 - 1, 2**31, True, 4.0, "12"]) if rnd.random() < 0.2 else rnd.randrange(99)
            )
        case "Float":
            return rnd.choice([1.5, 2, True, float("inf")]) if rnd.random() < 0.2 else rnd.random()
        case "String" | "ID":
            return rnd.choice(["ю", 7, 1.5, True, ""]) if rnd.random() < 0.2 else rnd.choice(NAMES)
        case "Boolean":
            return rnd.choice([0, 1.0, True]) if rnd.random() < 0.2 else rnd.random() < 0.5
        case "Color":
            return rnd.choice(["RED", "GREEN", "PINK"]) if rnd.random() < 0.2 else "RED"
        case _:
            return rnd.choice([2, 4, 3]) if rnd.random() < 0.1 else 8


class _Sdl:
    """Writes the schema."""

    def __init__(self, rnd: Random, nonnull: float) -> None:
        self.rnd = rnd
        self.nonnull = nonnull

    def text(self) -> str:
        shared = {name: self._field() for name in NAMES[:2]}
        lines = [
            "enum Color { RED GREEN }",
            "scalar Even",
            "input Size { wide: Int = 3, high: Int!, inner: Size, tags: [String!] }",
            "input Pick @oneOf { id: ID, size: Size }",
            "interface Animal { " + self._fields({NAMES[0]: shared[NAMES[0]]}) + " }",
            "interface Pet implements Animal { " + self._fields(shared) + " }",
            "union Any = Cat | Dog | Box",
        ]
        for name, interfaces in (("Cat", "Animal & Pet"), ("Dog", "Animal & Pet"), ("Box", "")):
            own = (shared if interfaces else {}) | {n: self._field() for n in NAMES[2:4]}
            lines.append(f"type {name} {f'implements {interfaces}' if interfaces else ''} {{ {self._fields(own)} }}")
        for name in ("Query", "Mutation"):
            lines.append(f"type {name} {{ {self._fields({n: self._field(is_root=True) for n in NAMES})} }}")  # noqa: PERF401 - reads better
        return "\n".join(lines)

    def _fields(self, fields: dict[str, str]) -> str:
        return " ".join(f"{name}{rest}" for name, rest in fields.items())

    def _field(self, is_root: bool = False) -> str:
        rnd = self.rnd
        base = (
            rnd.choice([*OBJECTS, "Animal", "Pet", "Any"])
            if rnd.random() < (0.75 if is_root else 0.4)
            else rnd.choice(LEAVES)
        )
        type_ = base
        for _ in range(rnd.choice([0, 0, 0, 1, 1, 2])):
            type_ = f"[{self._maybe_non_null(type_)}]"
        return f"{self._arguments()}: {self._maybe_non_null(type_)}"

    def _maybe_non_null(self, type_: str) -> str:
        return f"{type_}!" if self.rnd.random() < self.nonnull else type_

    def _arguments(self) -> str:
        if self.rnd.random() < 0.7:
            return ""
        return self.rnd.choice(
            [
                "(n: Int)",
                "(n: Int! = 4, s: String)",
                "(size: Size)",
                "(pick: Pick)",
                "(colors: [Color!] = [RED])",
                "(e: Even)",
            ]
        )


class _Operation:
    """Writes an operation, mostly valid."""

    VARIABLES: Mapping[str, tuple[str, tuple[Any, ...]]] = {
        "n": ("Int", (1, None, 3)),
        "m": ("Int! = 6", (2, 5)),
        "yes": ("Boolean! = true", (True, False)),
        "no": ("Boolean!", (True, False)),
        "size": ("Size", ({"high": 2}, {"high": 1, "inner": {"high": 3, "tags": ["x"]}}, None)),
        "pick": ("Pick", ({"id": "a"}, {"size": {"high": 1}})),
        "colors": ("[Color!]", (["RED", "GREEN"], "RED")),
    }

    def __init__(self, rnd: Random, schema: GraphQLSchema, is_incremental: bool) -> None:
        self.rnd = rnd
        self.schema = schema
        self.is_incremental = is_incremental
        self.fragments: dict[str, str] = {}
        self.budget = 40

    def text_and_variables(self) -> tuple[str, dict[str, Any]]:
        rnd = self.rnd
        kind = "mutation" if rnd.random() < 0.15 else "query"
        root = self.schema.mutation_type if kind == "mutation" else self.schema.query_type
        body = self._selections(root, 0)
        declared = ", ".join(f"${name}: {type_}" for name, (type_, _) in self.VARIABLES.items())
        values = {
            name: rnd.choice(choices)
            for name, (type_, choices) in self.VARIABLES.items()
            if rnd.random() < 0.8 or type_ == "Boolean!"
        }
        if rnd.random() < 0.01:
            values["n"] = "wrong"
        return "\n".join([f"{kind} Q({declared}) {body}", *self.fragments.values()]), values

    def _selections(self, type_: Any, depth: int) -> str:
        count = self.rnd.randrange(1, 5) + 2 * (depth == 0)
        return "{ " + " ".join(self._selection(type_, depth) for _ in range(count)) + " }"

    def _selection(self, type_: Any, depth: int) -> str:
        rnd = self.rnd
        self.budget -= 1
        roll = rnd.random()
        if roll < 0.1 or (not getattr(type_, "fields", None) and roll < 0.3):
            return f"__typename{self._directives()}"
        if roll < 0.25 or not getattr(type_, "fields", None):
            condition = self._condition(type_)
            return (
                f"... on {condition}{self._directives()}{self._defer()} {self._selections(self.schema.type_map[condition], depth)}"  # noqa: E501 - one table
                if self.budget > 0
                else "__typename"
            )
        if roll < 0.35 and depth < 3 and self.budget > 0:
            return self._spread(type_, depth)
        return self._field(type_, depth)

    def _condition(self, type_: Any) -> str:
        if isinstance(type_, GraphQLObjectType):
            names: list[str] = [type_.name, *(i.name for i in type_.interfaces)]
            return self.rnd.choice(names)
        return self.rnd.choice(["Cat", "Dog", "Box", "Animal", "Pet"])

    def _spread(self, type_: Any, depth: int) -> str:
        name = f"F{len(self.fragments)}"
        condition = self._condition(type_)
        self.fragments[name] = ""
        self.fragments[name] = (
            f"fragment {name} on {condition} {self._selections(self.schema.type_map[condition], depth + 1)}"
        )
        return f"...{name}{self._directives()}{self._defer()}" + (f" ...{name}" if self.rnd.random() < 0.2 else "")

    def _field(self, type_: Any, depth: int) -> str:
        rnd = self.rnd
        name = rnd.choice(list(type_.fields))
        definition = type_.fields[name]
        below = get_named_type(definition.type)
        alias = f"{rnd.choice('xyz')}{rnd.randrange(30)}: " if definition.args or rnd.random() < 0.2 else ""
        text = f"{alias}{name}{self._arguments(definition)}{self._directives()}{self._stream(definition.type)}"
        if below.name in LEAVES:
            return text
        if depth > 3 or self.budget <= 0:
            return f"{text} {{ __typename }}"
        return f"{text} {self._selections(below, depth + 1)}"

    def _arguments(self, definition: Any) -> str:
        given = []
        for name in definition.args:
            if self.rnd.random() < 0.75:
                given.append(f"{name}: {self._argument(name)}")  # noqa: PERF401 - reads better
        return f"({', '.join(given)})" if given else ""

    def _argument(self, name: str) -> str:
        choices = {
            "n": ["1", "$n", "$m", "null", '"oops"'],
            "s": ['"s"', "$missing", "null"],
            "size": ["{high: 1}", "$size", "{high: $m, inner: {high: $n}}", "{}", '{high: 2, tags: ["a"]}'],
            "pick": ['{id: "z"}', "$pick", "{size: {high: 3}}", "{}", '{id: "a", size: {high: 1}}'],
            "colors": ["[RED, GREEN]", "$colors", "RED", "[BLUE]"],
            "e": ["2", "8", '"x"', "{a: $n}", "$n"],
        }[name]
        return self.rnd.choice(choices[:2] if self.rnd.random() < 0.9 else choices)

    def _defer(self) -> str:
        if not self.is_incremental or self.rnd.random() < 0.5:
            return ""
        return self.rnd.choice([" @defer", " @defer(if: $yes)", f' @defer(label: "L{self.rnd.randrange(99)}")'])

    def _stream(self, type_: Any) -> str:
        if not self.is_incremental or "[" not in str(type_) or self.rnd.random() < 0.6:
            return ""
        return self.rnd.choice(
            [" @stream", " @stream(initialCount: 1)", " @stream(initialCount: $n)", " @stream(if: $no)"]
        )

    def _directives(self) -> str:
        if self.rnd.random() < 0.85:
            return ""
        return self.rnd.choice(
            [
                " @include(if: $yes)",
                " @skip(if: $no)",
                " @include(if: true)",
                " @skip(if: true)",
                " @skip(if: false) @include(if: $no)",
            ]
        )
