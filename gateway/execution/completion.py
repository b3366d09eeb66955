"""CompleteValue of the specification, specialised by the class of the value.

A `Position` is a place in the response that has a type: a field, or the items of a list. For each
class of value seen there it keeps one step, a function that completes such a value; None when
there is nothing to do, because the value is its own result (a `str` for a `String`).

Steps cover what a healthy page is made of. Everything else (awaitables, exceptions, foreign
iterables, streams) goes through the reference's own code, so it behaves as the reference does.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import (
    default_type_resolver,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.executor import invalid_return_type_error
from graphql.type import GraphQLObjectType
from orjson import Fragment

from gateway.execution.classes import facts_of, ignores_info
from gateway.execution.fragments import joined_paths, part_like
from gateway.execution.leaves import leaf_step

if TYPE_CHECKING:
    from gateway.execution.executor import CompiledExecutor
    from gateway.execution.selection import Field

# The path of a place, as cheap as it can be made: (path of the parent, key, type name) or None.
PathTuple: TypeAlias = Any
# (run, value, path of the place, the reference's position context) -> completed value
Step: TypeAlias = Callable[["CompiledExecutor", Any, PathTuple, Any], Any]

UNKNOWN: Any = object()
COMPLETE = frozenset({dict, list, str, int, float, bool, type(None), Fragment})
"""Classes of completed values that need no look whether they are awaitable."""

MAX_CLASSES = 64
"""Classes, or sets of classes, that a position remembers what to do for."""

SHORTEST_COLUMN = 3
"""Lists shorter than this are executed item by item."""


class Position:
    """A typed place in the response and the steps that complete values there."""

    __slots__ = ("bare_type", "columns", "credit", "field", "is_item", "items", "steps", "type")

    def __init__(self, field: "Field", type_: Any, is_item: bool) -> None:  # noqa: FBT001 - passed by position on the hot road
        self.field = field
        self.type = type_
        self.is_item = is_item
        self.bare_type = type_.of_type if is_non_null_type(type_) else type_
        self.items: Position | None = None
        self.credit = 4
        self.columns: dict[Any, Any] = {}
        self.steps: dict[type, Step | None] = {}

    def learn(self, cls: type) -> Step | None:
        """Make and keep the step for a class of value not seen here before."""
        step = _make_step(self, cls)
        if len(self.steps) < MAX_CLASSES:
            self.steps[cls] = step
        return step

    def item_position(self) -> "Position":
        if self.items is None:
            self.items = Position(self.field, self.bare_type.of_type, is_item=True)
        return self.items


def _make_step(position: Position, cls: type) -> Step | None:
    if position.field.is_streamed or not facts_of(cls).is_settled:
        return _by_reference_item(position) if position.is_item else _by_reference(position)
    if cls is type(None):
        return None if position.bare_type is position.type else _null_is_wrong(position)
    bare = position.bare_type
    if is_leaf_type(bare):
        return leaf_step(bare, cls)
    if is_list_type(bare):
        return _list(position) if cls in (list, tuple) else _by_reference(position)
    return _abstract(position, cls) if is_abstract_type(bare) else _object(position, bare, cls)


def _by_reference(position: Position) -> Step:
    field, type_ = position.field, position.type

    def complete(run: "CompiledExecutor", value: Any, path: PathTuple, scope: Any) -> Any:
        return run.finish_field(field, type_, value, path, scope)

    return complete


def _by_reference_item(position: Position) -> Step:
    field, type_ = position.field, position.type

    def complete(run: "CompiledExecutor", value: Any, path: PathTuple, scope: Any) -> Any:
        return run.finish_item(field, type_, value, path, scope)

    return complete


def _null_is_wrong(position: Position) -> Step:
    field = position.field
    message = f"Cannot return null for non-nullable field {field.parent_type}.{field.name}."

    def complete(run: "CompiledExecutor", value: Any, path: PathTuple, scope: Any) -> Any:  # noqa: ARG001 - every step has one signature
        raise TypeError(message)

    return complete


def _list(position: Position) -> Step:  # noqa: C901 - one loop, as in the reference
    items = position.item_position()
    steps = items.steps
    field, type_ = position.field, items.type
    is_of_objects = is_object_type(items.bare_type)

    def complete(run: "CompiledExecutor", value: Any, path: PathTuple, scope: Any) -> Any:
        if is_of_objects and scope is None and value:
            at_once = _at_once(run, items, value, path)
            if at_once is not None:
                return at_once
        completed: list[Any] = []
        append = completed.append
        waiting: list[int] = []
        iterator = enumerate(value)
        while True:
            try:
                for index, item in iterator:
                    step = steps.get(type(item), UNKNOWN)
                    if step is UNKNOWN:
                        step = items.learn(type(item))
                    if step is None:
                        append(item)
                        continue
                    done = step(run, item, (path, index, None), scope)
                    if type(done) not in COMPLETE and run.is_awaitable(done):
                        done = run.guarded_item(done, field, type_, (path, index, None))
                        waiting.append(index)
                    append(done)
                break
            except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
                try:
                    run.field_failed(error, field, type_, (path, index, None))  # type: ignore[possibly-undefined]
                except Exception:
                    run.abandon_items(completed, waiting, value[index + 1 :])  # type: ignore[possibly-undefined]
                    raise
                append(None)
        return run.gathered_items(completed, waiting) if waiting else completed

    return complete


def _at_once(run: "CompiledExecutor", items: Position, value: Any, path: PathTuple) -> list[Any] | None:
    """Complete all objects of a list together, if nothing about them is unusual."""
    return _together(run, items, value, lambda index: (path, index, None))


def complete_column(
    run: "CompiledExecutor", position: Position, values: Sequence[Any], path_at: Callable[[int], PathTuple]
) -> list[Any] | None:
    """Complete what a batch field gave all its parents: objects, or lists of objects. None when one by one is right."""
    classes = set(map(type, values))
    if not all(facts_of(cls).is_settled for cls in classes):
        return None
    if position.items is None or classes != {list}:
        return _together(run, position, values, path_at)
    joined = list(chain.from_iterable(values))
    done = _together(run, position.items, joined, joined_paths(values, path_at)) if joined else None
    return None if done is None else part_like(values, done)


def _together(
    run: "CompiledExecutor", position: Position, values: Sequence[Any], path_at: Callable[[int], PathTuple]
) -> list[Any] | None:
    """Splice what is kept of all values, or complete them as a column if nothing shall be kept of them."""
    sample = values[0] if values[0] is not None else next((value for value in values if value is not None), None)
    if not run.keeps(type(sample)):
        return _as_column(run, position, values, path_at)
    fragments = position.field.fragments_by_type.get(position.bare_type)
    if fragments is None:
        return None
    spliced = fragments.splice_all(run, values, path_at)
    if spliced is not None or not fragments.are_rare(run, values):
        return spliced
    done = _as_column(run, position, values, path_at)
    if done is not None:  # else they are completed one by one, and each is counted then
        fragments.count_all(run, values)
    return done


def _as_column(
    run: "CompiledExecutor", position: Position, values: Sequence[Any], path_at: Callable[[int], PathTuple]
) -> list[Any] | None:
    if len(values) < SHORTEST_COLUMN or position.credit <= 0:
        return None
    return run.complete_all(run, position, values, path_at)


def _object(position: Position, type_: GraphQLObjectType, cls: type) -> Step:
    """Complete a value of a class as an object of a known type."""
    field = position.field
    is_type_of = type_.is_type_of
    run_selection = _selection_runner(field, type_, cls)
    if is_type_of is None:
        return run_selection
    needs_info = not ignores_info(is_type_of)

    def complete(run: "CompiledExecutor", value: Any, path: PathTuple, scope: Any) -> Any:
        is_one = is_type_of(value, run.info_at(field, path) if needs_info else None)  # type: ignore[arg-type]
        if is_one is True:
            return run_selection(run, value, path, scope)
        if run.is_awaitable(is_one):
            return run.check_type_later(is_one, field, type_, value, path, scope)
        if not is_one:
            raise invalid_return_type_error(type_, value, field.details)
        return run_selection(run, value, path, scope)

    if not facts_of(cls).is_memoised:
        return complete
    return field.fragments(type_).remembering(complete)


def _selection_runner(field: "Field", type_: GraphQLObjectType, cls: type) -> Step:
    def complete(run: "CompiledExecutor", value: Any, path: PathTuple, scope: Any) -> Any:
        selection = field.selections.get(type_) or field.selection(run, type_, is_wanted=False)
        if scope is not None or selection is None or selection.defers:
            return run.collect_and_execute_subfields(type_, field.details, run.path(path), value, scope)
        return selection.run(run, value, path)

    if facts_of(cls).is_memoised and type_.is_type_of is None:
        return field.fragments(type_).remembering(complete)
    return complete


def _abstract(position: Position, cls: type) -> Step:
    field, abstract = position.field, position.bare_type
    by_name: dict[str, Step] = {}

    def complete(run: "CompiledExecutor", value: Any, path: PathTuple, scope: Any) -> Any:
        resolve_type = abstract.resolve_type or run.type_resolver
        needs_info = resolve_type is default_type_resolver or not ignores_info(resolve_type)
        name = resolve_type(value, run.info_at(field, path) if needs_info else None, abstract)  # type: ignore[arg-type]
        try:
            step = by_name[name]  # type: ignore[index]
        except (KeyError, TypeError):
            if run.is_awaitable(name):
                return run.find_type_later(name, field, abstract, value, path, scope)
            type_ = run.ensure_valid_runtime_type(name, abstract, field.details, run.info_at(field, path), value)
            step = by_name[name] = _object(position, type_, cls)  # type: ignore[index]
        return step(run, value, path, scope)

    return complete
