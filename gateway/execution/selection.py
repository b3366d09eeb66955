"""ExecuteSelectionSet of the specification, compiled: the fields of one object type at one place.

The fields of a selection are collected once. For each class of parent the selection then learns
how to read all plain attributes in one C call (`attrgetter`, `itemgetter`), and for each
combination of classes of what was read (a *shape*) which fields still need work. In a healthy page
a handful of shapes covers everything: reading and assembling an object takes four C calls, and a
Python step runs only for fields that have something to do.

Reading many attributes at once is only done where reading runs no code (slots, instance
dictionaries, keys of a `dict`); properties and such are read one by one, in the field's turn.
"""

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from graphql import GraphQLObjectType, default_field_resolver
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import to_nodes

from gateway.execution.arguments import Arguments, arguments_of, converted
from gateway.execution.classes import Absent, facts_of, is_plain_attribute
from gateway.execution.completion import COMPLETE, UNKNOWN, PathTuple, Position, Step
from gateway.execution.fragments import Fragments
from gateway.execution.kinds import Attribute, Kind, Resolver, Typename, kind_of, strawberry_field_of
from gateway.execution.rows import EMPTY, READ, TYPENAME, rows_of
from resolvers.batch import Batch, Hole, Pure

if TYPE_CHECKING:
    from gateway.execution.executor import CompiledExecutor
    from gateway.execution.plan import Variant

_MAX_SHAPES = 128
_MAX_VIEWS = 32


_ABSENT = Absent()

# What an entry's step is given: the value read, the value and the path, or the parent and the path.
BY_VALUE, BY_PLACE, BY_PARENT = range(3)


class Entry(NamedTuple):
    """One field that has something to do for a shape."""

    key: str
    field: "Field"
    step: Step
    given: int
    is_dynamic: bool
    """Whether the outcome may differ next time, so that it must not be remembered."""


class Field:
    """A field of a selection: `details` as the reference collected them, and what follows from them."""

    __slots__ = (
        "arguments",
        "declared",
        "definition",
        "details",
        "fragments_by_type",
        "is_streamed",
        "key",
        "kind",
        "name",
        "nodes",
        "parent_type",
        "position",
        "selections",
        "variant",
    )

    def __init__(
        self, variant: "Variant", parent_type: GraphQLObjectType, key: str, details: FieldDetailsList, definition: Any
    ) -> None:
        self.variant = variant
        self.parent_type = parent_type
        self.key = key
        self.details = details
        self.definition = definition
        self.declared = strawberry_field_of(definition)
        self.nodes = to_nodes(details)
        self.name: str = self.nodes[0].name.value
        self.kind: Kind = kind_of(definition, self.name, variant.field_resolver)
        self.is_streamed = any(d.name.value == "stream" for node in self.nodes for d in node.directives or ())
        self.position = Position(self, definition.type, is_item=False)
        self.selections: dict[GraphQLObjectType, Selection] = {}
        self.fragments_by_type: dict[GraphQLObjectType, Fragments] = {}
        self.arguments: Arguments = self._bind_arguments()

    def _bind_arguments(self) -> Arguments:
        plain = arguments_of(self.definition, self.details[0])
        if isinstance(self.kind, Pure | Hole | Batch):
            return converted(plain, self.declared, self.variant.schema)
        return plain

    def info_head(self, path: Any) -> tuple[Any, ...]:
        """What the reference's info tells of this field at a place; the rest of it is the run's."""
        return self.name, list(self.nodes), self.position.type, self.parent_type, path

    def selection(self, run: "CompiledExecutor", type_: GraphQLObjectType, *, is_wanted: bool = True) -> Any:
        """The selection of this field's value when it is an object of that type.

        None when it was never executed before and is not `is_wanted` either.
        """
        collected = run.collect_subfields(type_, self.details)
        selection = self.variant.selection(
            type_, collected.grouped_field_set, collected.new_defer_usages, is_wanted=is_wanted
        )
        if selection is not None:
            self.selections[type_] = selection
        return selection

    def fragments(self, type_: GraphQLObjectType) -> Fragments:
        """Where what is written of this field's values is remembered."""
        if type_ not in self.fragments_by_type:
            self.fragments_by_type[type_] = Fragments(self, type_)
        return self.fragments_by_type[type_]


class Selection:
    """All fields of one object type at one place, in the order of the response."""

    __slots__ = ("batches", "computed", "defers", "fields", "grouped", "type", "views")

    def __init__(self, variant: "Variant", type_: GraphQLObjectType, grouped: Any, defers: Any) -> None:
        self.type = type_
        self.grouped = grouped
        self.defers = defers
        self.fields = tuple(_fields(variant, type_, grouped))
        self.batches = tuple(field for field in self.fields if isinstance(field.kind, Batch))
        self.computed = tuple(field for field in self.fields if isinstance(field.kind, Pure | Hole))
        self.views: dict[type, View] = {}

    def run(self, run: "CompiledExecutor", parent: Any, path: PathTuple, scope: Any = None) -> Any:
        """Execute the selection on an object: a dict, or an awaitable of it."""
        cls = type(parent)
        view = self.views.get(cls) or self.look_at(cls)
        values = view.read(parent)
        shape = tuple(map(type, values))
        entries = view.entries.get(shape)
        if entries is None:
            entries = view.learn(shape)
        result = view.rows.one(values)
        completed = follow(entries, result, run, parent, path, scope) if entries else result
        if self.batches:
            run.waves.register(run, self.batches, parent, result, path)
        return completed

    def view_of(self, cls: type) -> "View":
        return self.views.get(cls) or self.look_at(cls)

    def look_at(self, cls: type) -> "View":
        view = View(self, cls)
        if len(self.views) < _MAX_VIEWS:
            self.views[cls] = view
        return view


def _fields(variant: "Variant", type_: GraphQLObjectType, grouped: Any) -> list[Field]:
    found = []
    for key, details in grouped.items():
        definition = variant.schema.get_field(type_, details[0].node.name.value)
        if definition is not None:
            found.append(Field(variant, type_, key, details, definition))
    return found


def follow(
    entries: tuple[Entry, ...],
    result: dict[str, Any],
    run: "CompiledExecutor",
    parent: Any,
    path: PathTuple,
    scope: Any,
) -> Any:
    """Do what the fields of a shape still need, in their order, as `execute_fields` of the reference."""
    waiting: list[str] = []
    iterator = iter(entries)
    while True:
        try:
            for key, field, step, given, _ in iterator:
                if given == BY_PLACE:
                    done = step(run, result[key], (path, key, field.parent_type.name), scope)
                elif given == BY_VALUE:
                    done = step(run, result[key], None, None)
                else:
                    done = step(run, parent, (path, key, field.parent_type.name), scope)
                if type(done) not in COMPLETE and run.is_awaitable(done):
                    done = run.guarded(done, field, (path, key, field.parent_type.name))
                    waiting.append(key)
                result[key] = done
            break
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            try:
                place = (path, key, field.parent_type.name)  # type: ignore[possibly-undefined]
                run.field_failed(error, field, field.position.type, place)  # type: ignore[possibly-undefined]
            except Exception:
                run.abandon([result[key] for key in waiting])
                raise
            result[key] = None  # type: ignore[possibly-undefined]
    return run.gathered_fields(result, waiting) if waiting else result


class View:
    """A selection as seen on parents of one class."""

    __slots__ = ("cls", "entries", "fields", "get", "get_one", "is_tabular", "keys", "read", "rows", "selection")

    def __init__(self, selection: Selection, cls: type) -> None:
        self.selection = selection
        self.cls = cls
        read_at_once = [f for f in selection.fields if _is_read_at_once(f, cls)]
        self.fields = tuple(read_at_once)
        self.keys = tuple(f.key for f in read_at_once)
        names = tuple((f.kind.name, f.kind.is_lenient) for f in read_at_once if isinstance(f.kind, Attribute))
        self.get, self.read = _readers(cls, names)
        self.get_one = _get_one(cls, names[0][0]) if len(names) == 1 else None
        keys = tuple(f.key for f in selection.fields)
        self.rows = rows_of(keys, _pattern(selection, frozenset(self.keys)), selection.type.name)
        self.entries: dict[tuple[type, ...], tuple[Entry, ...]] = {}
        self.is_tabular: bool | None = None

    def learn(self, shape: tuple[type, ...]) -> tuple[Entry, ...]:
        """Find out what is left to do for a shape, and keep it."""
        classes = dict(zip(self.keys, shape, strict=True))
        found = (_entry(field, classes.get(field.key), self.cls) for field in self.selection.fields)
        entries = tuple(entry for entry in found if entry is not None)
        if len(self.entries) < _MAX_SHAPES:
            self.entries[shape] = entries
        return entries


def _is_read_at_once(field: Field, cls: type) -> bool:
    kind = field.kind
    if not isinstance(kind, Attribute):
        return False
    if cls is dict:
        return kind.is_lenient
    return not (kind.is_lenient and facts_of(cls).is_mapping) and is_plain_attribute(cls, kind.name)


def _pattern(selection: Selection, read: frozenset[str]) -> str:
    return "".join(
        READ if f.key in read else TYPENAME if isinstance(f.kind, Typename) else EMPTY for f in selection.fields
    )


Read: TypeAlias = Callable[[Any], tuple[Any, ...]]


@lru_cache(maxsize=8192)
def _readers(cls: type, names: tuple[tuple[str, bool], ...]) -> tuple[Read, Read]:
    """Two ways to read a value's attributes: quick, and not minding what is absent. Plans share them."""
    get = _getter(cls, [name for name, _ in names])
    return get, _reader(cls, names, get)


def _getter(cls: type, names: list[str]) -> Read:
    """Reads all names in one C call; raises AttributeError or KeyError when one is absent."""
    if not names:
        return lambda parent: ()  # noqa: ARG005 - every step has one signature
    getter: Callable[[Any], Any] = itemgetter(*names) if cls is dict else attrgetter(*names)
    return getter if len(names) > 1 else lambda parent: (getter(parent),)


@lru_cache(maxsize=8192)
def _get_one(cls: type, name: str) -> Callable[[Any], Any]:
    """Reads the only name; as `_getter`, but gives the bare value."""
    return itemgetter(name) if cls is dict else attrgetter(name)


def _reader(cls: type, names: tuple[tuple[str, bool], ...], get: Read) -> Read:
    """Reads all names; what is absent is None where the reference takes it for null, else `Absent`."""

    def patiently(parent: Any) -> tuple[Any, ...]:
        if cls is dict:
            return tuple(parent.get(name) for name, _ in names)
        return tuple(getattr(parent, name, None if is_lenient else _ABSENT) for name, is_lenient in names)

    def read(parent: Any) -> tuple[Any, ...]:
        try:
            return get(parent)
        except (AttributeError, KeyError):
            return patiently(parent)

    return read


def _entry(field: Field, cls: type | None, parent_cls: type) -> Entry | None:
    """What is left to do for a field whose value of class `cls` was read; None when it was not read."""
    kind = field.kind
    if isinstance(kind, Typename | Batch):
        return None
    if cls is None:
        is_kept = isinstance(kind, Pure) or (isinstance(kind, Attribute) and facts_of(parent_cls).is_memoised)
        return Entry(field.key, field, _from_parent(field, kind, parent_cls), BY_PARENT, not is_kept)
    if cls is Absent or (isinstance(kind, Attribute) and kind.is_lenient and facts_of(cls).is_callable):
        return Entry(field.key, field, _resolve(field, _reference_resolver(field)), BY_PARENT, True)
    steps = field.position.steps
    step = steps[cls] if cls in steps else field.position.learn(cls)
    if step is None:
        return None
    return Entry(field.key, field, step, BY_PLACE, False)


def _reference_resolver(field: Field) -> Callable[..., Any]:
    resolver: Callable[..., Any] = field.definition.resolve or field.variant.field_resolver
    return resolver


def _from_parent(field: Field, kind: Kind, parent_cls: type) -> Step:
    if isinstance(kind, Pure | Hole):
        return _compute(field, kind)
    if isinstance(kind, Attribute):
        is_mapping = facts_of(parent_cls).is_mapping
        return _resolve(field, default_field_resolver if is_mapping and kind.is_lenient else _reference_resolver(field))
    assert isinstance(kind, Resolver)
    return _resolve(field, kind.function)


def _resolve(field: Field, function: Callable[..., Any]) -> Step:
    """ExecuteField of the specification: arguments, resolver, completion."""
    position, arguments = field.position, field.arguments
    steps = position.steps

    def resolve(run: "CompiledExecutor", parent: Any, path: PathTuple, scope: Any) -> Any:
        real_path = run.path(path)
        info = run.info_at(field, real_path)
        value = function(parent, info, **arguments(run))
        step = steps.get(type(value), UNKNOWN)
        if step is UNKNOWN:
            step = position.learn(type(value))
        return value if step is None else step(run, value, real_path, scope)

    return resolve


def _compute(field: Field, kind: Pure | Hole) -> Step:
    position, arguments, call = field.position, field.arguments, kind.call
    steps = position.steps

    def compute(run: "CompiledExecutor", parent: Any, path: PathTuple, scope: Any) -> Any:
        value = call(parent, run.context_value, **arguments(run))
        step = steps.get(type(value), UNKNOWN)
        if step is UNKNOWN:
            step = position.learn(type(value))
        return value if step is None else step(run, value, path, scope)

    return compute
