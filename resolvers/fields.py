"""Declaring types and fields, in the four kinds that `resolvers/batch.py` defines.

What a type or a computed field promises is its docstring, once: it becomes the description in
the schema. Each declaration makes an ordinary Strawberry field, so the schema runs on any GraphQL
executor, and leaves its function in the field's metadata for an executor that can do better.

A computed field is declared with its GraphQL type, because what the function returns are the
clients' values, which the GraphQL types only describe:

    @seam(Price | None, source=DataSource.PRICING)
    @staticmethod
    def price(variants: Sequence[catalogue.Variant], info: Info, /, quantity: Quantity = 1) -> Outcomes[pricing.Price]:
        \"\"\"Price in this context.\"\"\"
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar, dataclass_transform

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.types.field import StrawberryField

from clients.errors import InvalidSourceResponse, SourceError
from clients.eventual import Eventual, then
from clients.values import DataSource
from resolvers.batch import Batch, BatchCall, Hole, Outcome, Pure, PureCall
from resolvers.context import Info
from resolvers.directives import Seam, SemanticNonNull
from resolvers.enums import describe_enum as describe_enum

T = TypeVar("T")
Outcomes: TypeAlias = Eventual[Sequence[Outcome[T]]]
Argument = strawberry.argument
Declared = Callable[[Any], Any]


def plain(description: str, *, directives: Sequence[object] = ()) -> Any:
    """Declare a field that reads the value's attribute of the same name."""
    return strawberry.field(description=description, directives=directives)


def optional(description: str, *, name: str | None = None) -> Any:
    """Declare a field of an input that may be left out."""
    return strawberry.field(description=description, name=name, default=strawberry.UNSET)


def _promise(described: object) -> str:
    """The docstring as one paragraph."""
    text = " ".join((getattr(described, "__doc__", None) or "").split())
    if not text:
        raise TypeError(f"Expected {described!r} to have a docstring, which is its description in the schema.")
    return text


@dataclass_transform(field_specifiers=(plain,), kw_only_default=True)
def describes(value: type | tuple[type, ...]) -> Callable[[type[T]], type[T]]:
    """Make a GraphQL type that describes foreign values of class `value`; nothing is copied."""

    def decorate(cls: type[T]) -> type[T]:
        cls.is_type_of = staticmethod(lambda obj, _info: isinstance(obj, value))  # type: ignore[attr-defined]
        return strawberry.type(cls, description=_promise(cls))

    return decorate


@dataclass_transform(field_specifiers=(plain,), kw_only_default=True)
def interface(cls: type[T]) -> type[T]:
    """Make a GraphQL interface."""
    return strawberry.interface(cls, description=_promise(cls))


@dataclass_transform(field_specifiers=(plain, optional), kw_only_default=True)
def input_object(*, one_of: bool = False) -> Callable[[type[T]], type[T]]:
    """Make a GraphQL input."""
    return lambda cls: strawberry.input(cls, description=_promise(cls), one_of=one_of)


def pure(returns: Any, *, directives: Sequence[object] = ()) -> Declared:
    """Declare a field computed from its value, its arguments and the language only."""

    def declare(function: Any) -> StrawberryField:
        call: PureCall = inspect.unwrap(function)
        return _field(call, _one_by_one(call), returns, directives, {"pure": Pure(call)})

    return declare


def reads(attribute: str, returns: Any, description: str) -> Any:
    """Declare a field that reads an attribute of another name."""

    def read(value: Any, _context: Any, /) -> Any:
        return getattr(value, attribute)

    read.__doc__ = description
    return pure(returns)(read)


def hole(returns: Any) -> Declared:
    """Declare a field that depends on the moment of writing."""

    def declare(function: Any) -> StrawberryField:
        call: PureCall = inspect.unwrap(function)
        return _field(call, _one_by_one(call), returns, (), {"hole": Hole(call)})

    return declare


def batch(
    returns: Any,
    *,
    promised_by: DataSource | None = None,
    needs: Sequence[str] | None = None,
    directives: Sequence[object] = (),
) -> Declared:
    """Declare a field that is resolved for all parents at once.

    Where the field is never null, `promised_by` is the source that broke its contract if a value
    is absent after all.
    """

    def declare(function: Any) -> StrawberryField:
        call: BatchCall = inspect.unwrap(function)
        guarded = _never_silently_null(call, promised_by) if promised_by else call
        return _batch_field(call, guarded, returns, needs, directives)

    return declare


def seam(
    returns: Any,
    *,
    source: DataSource,
    needs: Sequence[str] | None = None,
    semantic_non_null: bool = True,
    directives: Sequence[object] = (),
) -> Declared:
    """Declare a batch field at a third party's seam.

    Where null means "it failed" and nothing else, an absence becomes an InvalidSourceResponse:
    the source left out what it was asked for.
    """
    promises = (Seam(source=source), *([SemanticNonNull()] if semantic_non_null else ()), *directives)

    def declare(function: Any) -> StrawberryField:
        call: BatchCall = inspect.unwrap(function)
        guarded = _never_silently_null(call, source) if semantic_non_null else call
        return _batch_field(call, guarded, returns, needs, promises)

    return declare


def has_failed(outcomes: Sequence[Outcome[Any]]) -> bool:
    """Whether there is a failure among outcomes; most of a page's are of one class, so their classes are looked at."""
    return any(issubclass(cls, SourceError) for cls in set(map(type, outcomes)))


def first_failure(outcomes: Sequence[Outcome[Any]]) -> SourceError | None:
    """The first failure among outcomes, if there is one."""
    return next((o for o in outcomes if isinstance(o, SourceError)), None)


def _never_silently_null(call: BatchCall, source: DataSource) -> BatchCall:
    def explain(outcomes: Sequence[Outcome[Any]]) -> Sequence[Outcome[Any]]:
        if None not in outcomes:
            return outcomes
        return [InvalidSourceResponse(source, "left out what it was asked for") if o is None else o for o in outcomes]

    def guarded(parents: Sequence[Any], info: Any, /, **arguments: Any) -> Outcomes[Any]:
        return then(call(parents, info, **arguments), explain)

    return guarded


def _one_by_one(call: PureCall) -> Callable[..., Any]:
    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        return call(root, info.context, **arguments)

    return resolve


def _collected(call: BatchCall) -> Callable[..., Any]:
    """Resolve one parent through a DataLoader that gathers its siblings.

    A loader lives as long as its request: it is kept by the request's context, for one field and
    one set of arguments. It only gathers and remembers nothing, because a parent has no key that is
    sure to be its own for that long; the datasets' loaders below remember by key.
    """

    async def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        loaders: dict[object, DataLoader[Any, Any]] = info.context.loaders.by_field
        key = (call, repr(sorted(arguments.items())))
        if key not in loaders:
            loaders[key] = DataLoader(load_fn=_load_fn(call, info, arguments), cache=False)
        return await loaders[key].load(root)

    return resolve


def _load_fn(call: BatchCall, info: Info, arguments: dict[str, Any]) -> Callable[[list[Any]], Awaitable[list[Any]]]:
    async def load(parents: list[Any]) -> list[Any]:
        outcomes = call(parents, info, **arguments)
        return list(await outcomes if inspect.isawaitable(outcomes) else outcomes)

    return load


def _batch_field(
    named: BatchCall, call: BatchCall, returns: Any, needs: Sequence[str] | None, directives: Sequence[object]
) -> StrawberryField:
    kind = Batch(call, frozenset(needs) if needs is not None else None)
    return _field(named, _collected(call), returns, directives, {"batch": kind})


def _field(
    named: Callable[..., Any],
    resolve: Callable[..., Any],
    returns: Any,
    directives: Sequence[object],
    kind: dict[str, object],
) -> StrawberryField:
    """Give the generated resolver the name, the arguments and the module of the function it stands for."""
    arguments = list(inspect.signature(named).parameters.values())[2:]
    root = inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    info = inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
    asked = [a.replace(kind=inspect.Parameter.KEYWORD_ONLY, default=_unset(a.default)) for a in arguments]
    resolve.__signature__ = inspect.Signature([root, info, *asked], return_annotation=returns)  # type: ignore[attr-defined]
    resolve.__annotations__ = {"info": Info, "return": returns} | {a.name: a.annotation for a in arguments}
    resolve.__name__ = resolve.__qualname__ = getattr(named, "__name__", "field")
    resolve.__module__ = named.__module__
    made: StrawberryField = strawberry.field(
        resolver=resolve, description=_promise(named), directives=directives, metadata=kind
    )
    return made


def _unset(default: object) -> object:
    """An optional argument has no default in the schema: leaving it out is not the same as `null`."""
    return strawberry.UNSET if default is None else default
