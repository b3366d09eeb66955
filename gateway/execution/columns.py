"""Pure subtrees, column by column.

Where a list's items are plain attributes all the way down, nobody can tell in which order they are
read. Then all items are executed at once: each field is a column, each nested list is joined to one
long column, and the work per value is done by C loops (`map(type, ...)`, `zip`, `attrgetter`).
Batch fields leave their gaps at any depth, and are told of them when the whole has succeeded.

A column goes on only while every class of value in it is one whose completion runs nobody's code
and cannot fail. At the first surprise `Surprise` ends the attempt and the list is executed item by
item, which leaves no trace of the attempt.
"""

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import (
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLInt,
    GraphQLObjectType,
    is_leaf_type,
    is_list_type,
    is_object_type,
)

from gateway.execution.classes import facts_of, ignores_info, is_instance_check
from gateway.execution.completion import MAX_CLASSES, Position
from gateway.execution.fragments import joined_paths, part_like
from gateway.execution.kinds import Attribute, Typename
from gateway.execution.leaves import MAX_INT, MIN_INT, has_own_result, pure_writer
from resolvers.batch import Batch, Hole, Pure

if TYPE_CHECKING:
    from gateway.execution.executor import CompiledExecutor
    from gateway.execution.selection import Field, Selection, View

Column: TypeAlias = Sequence[Any]
PathAt: TypeAlias = Callable[[int], Any]
"""The path of the value with an index in its column."""
Work: TypeAlias = Callable[["CompiledExecutor", Column, PathAt], Column]

_NOTHING = type(None)
_CREDIT = 16


class Surprise(Exception):
    """A value that has to be looked at on its own."""


_SURPRISE = Surprise()


def complete_all(
    run: "CompiledExecutor", position: Position, values: Sequence[Any], path_at: PathAt
) -> list[Any] | None:
    """Complete all values of one position at once; None when they have to be taken one by one."""
    outer, run.column_gaps = run.column_gaps, []
    try:
        done = _work_for(position, _shape(values))(run, values, path_at)
        gaps = run.column_gaps
    except Surprise:
        position.credit -= _CREDIT // 2
        return None
    finally:
        run.column_gaps = outer
    position.credit = min(position.credit + 1, _CREDIT)
    for fields, parents, results, paths in gaps:
        run.waves.register_all(run, fields, parents, results, paths)
    return done if type(done) is list else list(done)


def _shape(column: Column) -> Any:
    """The classes in a column: the only one, or the set of them."""
    classes = set(map(type, column))
    return classes.pop() if len(classes) == 1 else frozenset(classes)


def _work_for(position: Position, shape: Any) -> Work:
    work = position.columns.get(shape)
    if work is None:
        work = _make_work(position, shape if isinstance(shape, frozenset) else frozenset((shape,)))
        if len(position.columns) < MAX_CLASSES:
            position.columns[shape] = work
    return work


def _make_work(position: Position, classes: frozenset[type]) -> Work:
    present = classes - {_NOTHING}
    if len(present) > 1 or position.field.is_streamed:
        return _refuse
    if _NOTHING in classes and position.bare_type is not position.type:
        return _refuse
    if not present:
        return _as_is
    (cls,) = present
    work = _work_on(position, cls)
    if work in (_as_is, _refuse) or _NOTHING not in classes:
        return work
    return _around_nothing(work)


def _work_on(position: Position, cls: type) -> Work:
    bare = position.bare_type
    if not facts_of(cls).is_settled:
        return _refuse
    if is_leaf_type(bare):
        return _leaves(bare, cls)
    if is_list_type(bare):
        return _lists(position) if cls in (list, tuple) else _refuse
    if is_object_type(bare):
        return _objects(position, bare, cls)
    return _refuse


def _as_is(_run: "CompiledExecutor", column: Column, _path_at: PathAt) -> Column:
    return column


def _refuse(_run: "CompiledExecutor", _column: Column, _path_at: PathAt) -> Column:
    raise _SURPRISE


def _around_nothing(work: Work) -> Work:
    def around(run: "CompiledExecutor", column: Column, path_at: PathAt) -> Column:
        places = [index for index, value in enumerate(column) if value is not None]
        done: list[Any] = [None] * len(column)
        some = work(run, [column[index] for index in places], lambda index: path_at(places[index]))
        for index, value in zip(places, some, strict=True):
            done[index] = value
        return done

    return around


def _leaves(type_: Any, cls: type) -> Work:
    if has_own_result(type_, cls):
        return _as_is
    if cls is int and type_.coerce_output_value is GraphQLInt.coerce_output_value:
        return _small_integers
    if cls is float and type_.coerce_output_value is GraphQLFloat.coerce_output_value:
        return _finite_numbers
    if isinstance(type_, GraphQLEnumType) and type(type_).coerce_output_value is GraphQLEnumType.coerce_output_value:
        return _written(type_._value_lookup.__getitem__)  # noqa: SLF001 - what coerce_output_value does
    write = pure_writer(type_, cls)
    return _refuse if write is None else _written(write)


def _small_integers(_run: "CompiledExecutor", column: Column, _path_at: PathAt) -> Column:
    if min(column) >= MIN_INT and max(column) <= MAX_INT:
        return column
    raise _SURPRISE


def _finite_numbers(_run: "CompiledExecutor", column: Column, _path_at: PathAt) -> Column:
    if all(map(isfinite, column)):
        return column
    raise _SURPRISE


def _written(write: Callable[[Any], Any]) -> Work:
    def written(_run: "CompiledExecutor", column: Column, _path_at: PathAt) -> Column:
        try:
            return list(map(write, column))
        except Exception:  # noqa: BLE001 - the value's own turn will tell
            raise _SURPRISE from None

    return written


def _lists(position: Position) -> Work:
    items = position.item_position()

    def lists(run: "CompiledExecutor", column: Column, path_at: PathAt) -> Column:
        joined = list(chain.from_iterable(column))
        done = _work_for(items, _shape(joined))(run, joined, joined_paths(column, path_at))
        return part_like(column, done)

    return lists


def _objects(position: Position, type_: GraphQLObjectType, cls: type) -> Work:
    field = position.field
    check = type_.is_type_of
    if (
        check is not None
        and not is_instance_check(check)
        and not ("strawberry-definition" in type_.extensions and ignores_info(check))
    ):
        return _refuse

    is_by_class = check is not None and is_instance_check(check)

    def objects(run: "CompiledExecutor", column: Column, path_at: PathAt) -> Column:
        if check is not None:
            asked = column[:1] if is_by_class else column
            if not all([check(value, None) is True for value in asked]):  # type: ignore[arg-type]  # noqa: C419 - a list is faster here
                raise _SURPRISE
        selection = field.selections.get(type_) or field.selection(run, type_)
        if selection.defers:
            raise _SURPRISE
        results = _rows(run, selection, selection.view_of(cls), column, path_at)
        if selection.batches:
            run.column_gaps.append((selection.batches, column, results, path_at))
        return results

    return objects


def _rows(
    run: "CompiledExecutor", selection: "Selection", view: "View", parents: Column, path_at: PathAt
) -> list[dict[str, Any]]:
    if view.is_tabular is None:
        view.is_tabular = all(_is_tabular(field, view) for field in selection.fields)
    if not view.is_tabular:
        raise _SURPRISE
    try:
        one = view.get_one
        read = list(zip(*map(view.get, parents), strict=True)) if one is None else _only(list(map(one, parents)))
    except (AttributeError, KeyError):
        read = list(zip(*map(view.read, parents), strict=True))
    if read:
        columns = [_column(run, field, column, path_at) for field, column in zip(view.fields, read, strict=True)]
        results = view.rows.many(zip(*columns))  # noqa: B905 - all are as long as their parents
    else:
        results = view.rows.many(repeat((), len(parents)))
    for field in selection.computed:
        for result, value in zip(results, _computed(run, field, parents, path_at), strict=True):
            result[field.key] = value
    return results


def _only(column: Column) -> list[Column]:
    return [column] if column else []


def _computed(run: "CompiledExecutor", field: "Field", parents: Column, path_at: PathAt) -> Column:
    """The column of a field that is declared to be a function of its parent."""
    try:
        arguments = field.arguments(run)
        call = field.kind.call  # type: ignore[union-attr]
        values = [call(parent, run.context_value, **arguments) for parent in parents]
    except Exception:  # noqa: BLE001 - whatever user code raises becomes an error of the response
        raise _SURPRISE from None
    return _column(run, field, values, path_at)


def _is_tabular(field: "Field", view: "View") -> bool:
    return isinstance(field.kind, Typename | Batch | Pure | Hole) or field.key in view.keys


def _column(run: "CompiledExecutor", field: "Field", column: Column, path_at: PathAt) -> Column:
    """The results of one field; `path_at` is for its parents."""
    shape = _shape(column)
    work = field.position.columns.get(shape)
    if work is None:
        if isinstance(field.kind, Attribute) and field.kind.is_lenient:  # noqa: SIM102 - two questions, one after the other
            if any(facts_of(cls).is_callable for cls in set(map(type, column))):
                raise _SURPRISE
        work = _work_for(field.position, shape)
    key, type_name = field.key, field.parent_type.name
    return work(run, column, lambda index: (path_at(index), key, type_name))
