"""Fragments: what was written of a value that never changes, kept on the value itself.

A memoised value (`__memoised__`, with an instance `__dict__`) is shared by every request that reads
it. After a few runs that wrote a selection of it, the next keeps the JSON on the value, and later
runs splice it; a value that few runs write costs no more than the counting, and what is inside of
it not even that. Nothing has to be invalidated: the fragments die with the value.

Where a selection also has fields that must be asked anew (batch fields, holes, resolvers), what is
kept is a *stencil*: the finished part, and the entries that remain to be done.

What a fragment depends on is in its key: the place in the plan, the context's `fragment_key`, and
the variables used below the place. Keys are small integers that are never used twice.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from graphql import FieldNode, FragmentSpreadNode, GraphQLObjectType, SelectionSetNode, is_leaf_type

from gateway.execution.arguments import variables_of
from gateway.execution.writing import dump
from resolvers.batch import Hole

if TYPE_CHECKING:
    from gateway.execution.completion import PathTuple, Step
    from gateway.execution.executor import CompiledExecutor
    from gateway.execution.selection import Entry, Field

MAX_SELECTIONS = 16
"""Fragments and their bytes kept per value; beyond that they are all dropped and written anew."""

WORTH_KEEPING = 4
"""So many runs only write a value before one keeps what it writes. Keeping costs as much as two or three writings,
and a value that no cache keeps is written by two to four pages that asked for it together."""

MOST_KEPT = 256
"""One run begins to keep no more once it has kept so many: the rest is for the next, so that no page pays for all."""

_MAX_KEYS = 256
_PLACE = "__written__"
_fresh_key = count(1)
"""Above 0: -1 stands for no key, and a key's complement for the same in bytes."""


class Stencil(NamedTuple):
    """A half-written object: copy `template`, then do the `entries`.

    `is_moments` if nothing but holes of leaves is left: then what it becomes is the same wherever one
    run writes it, and need not be asked again. One provenance is that of many values.
    """

    template: dict[str, Any]
    entries: tuple["Entry", ...]
    is_moments: bool


class Fragments:
    """What is remembered of the values at one place, as objects of one type."""

    __slots__ = ("field", "keys", "type", "variables")

    def __init__(self, field: "Field", type_: GraphQLObjectType) -> None:
        self.field = field
        self.type = type_
        self.variables = tuple(sorted(_variables_below(field)))
        self.keys: dict[Any, int] = {}

    def key(self, run: "CompiledExecutor") -> int:
        """The key of this place in this run; -1 when nothing may be kept."""
        depends: Any = run.fragment_key
        if self.variables:
            coerced = run.variable_values.coerced
            depends = (depends, *[_frozen(coerced.get(name)) for name in self.variables])
        try:
            found = self.keys.get(depends)
        except TypeError:
            found = -1
        if found is None:
            if len(self.keys) >= _MAX_KEYS:
                self.keys.clear()
            found = self.keys[depends] = next(_fresh_key)
        run.fragment_keys[self] = found
        return found

    def remembering(self, complete: "Step") -> "Step":
        """Wrap the step that completes such a value so that it remembers, when bytes are written."""
        fill = self._fill

        def spliced(run: "CompiledExecutor", value: Any, path: "PathTuple", scope: Any) -> Any:
            if not run.is_writing or scope is not None:
                return complete(run, value, path, scope)
            key = run.fragment_keys.get(self)
            if key is None:
                key = self.key(run)
            written = getattr(value, _PLACE, None)
            kept = 0 if written is None else written.get(key, 0)
            if type(kept) is orjson.Fragment:
                return kept
            if type(kept) is Stencil:
                return fill(kept, run, value, path)
            if run.is_keeping or (kept >= WORTH_KEEPING and run.kept < MOST_KEPT):
                return self._write(complete, run, value, path, key)
            if run.is_counted:
                return complete(run, value, path, None)
            return _write_counted(complete, run, value, path, key)

        return spliced

    def are_rare(self, run: "CompiledExecutor", values: Sequence[Any]) -> bool:
        """Whether too few runs wrote these values for keeping anything, so that they are best written together."""
        if run.is_keeping:
            return False
        key = self._key_in(run)
        for value in values:
            written = getattr(value, _PLACE, None)
            if written is not None:
                kept = written.get(key, 0)
                if type(kept) is not int or kept >= WORTH_KEEPING:
                    return False
        return True

    def count_all(self, run: "CompiledExecutor", values: Sequence[Any]) -> None:
        """Note that these values were written now, unless what they are part of was counted."""
        if not run.is_counted:
            key = run.fragment_keys[self]
            for value in values:
                if value is not None:
                    _count(value, key)

    def splice_all(
        self, run: "CompiledExecutor", values: Sequence[Any], path_at: Callable[[int], Any]
    ) -> list[Any] | None:
        """What is kept of all values at once; None when something has to be done for one of them."""
        kept = _all_under(self._key_in(run), values)
        if kept is None:
            return None
        classes = set(map(type, kept))
        if classes == {orjson.Fragment}:
            return kept
        if classes != {Stencil} or any([stencil.entries for stencil in kept]):  # noqa: C419 - a list is faster here
            return None
        results = [stencil.template.copy() for stencil in kept]
        batches = self.field.selections[self.type].batches
        if batches:
            run.waves.register_all(run, batches, values, results, path_at)
        return results

    def json_of_all(self, run: "CompiledExecutor", values: Sequence[Any]) -> list[bytes] | None:
        """The JSON of all values, if all of it is kept.

        A fragment does not give its bytes out, so they stand beside it, under the complement of its key.
        """
        key = self._key_in(run)
        if key < 0:
            return None
        found = _all_under(~key, values)
        if found is not None:
            return found
        kept = _all_under(key, values)
        if kept is None or set(map(type, kept)) != {orjson.Fragment}:
            return None
        written = list(map(orjson.dumps, kept))
        for value, json in zip(values, written, strict=True):
            _keep(value, ~key, json)
        return written

    def _key_in(self, run: "CompiledExecutor") -> int:
        key = run.fragment_keys.get(self)
        return self.key(run) if key is None else key

    def _fill(self, stencil: Stencil, run: "CompiledExecutor", value: Any, path: "PathTuple") -> Any:
        if stencil.is_moments:
            return self._fill_of_moment(stencil, run, value, path)
        selection = self.field.selections[self.type]
        result = stencil.template.copy()
        completed = run.follow(stencil.entries, result, run, value, path, None) if stencil.entries else result
        if selection.batches:
            run.waves.register(run, selection.batches, value, result, path)
        return completed

    @staticmethod
    def _fill_of_moment(stencil: Stencil, run: "CompiledExecutor", value: Any, path: "PathTuple") -> Any:
        known = run.moments.get(id(stencil))
        if known is not None:
            return known[1]
        errors = len(run.collected_errors.errors)
        completed = run.follow(stencil.entries, stencil.template.copy(), run, value, path, None)
        if type(completed) is dict and len(run.collected_errors.errors) == errors:
            run.moments[id(stencil)] = stencil, completed  # the stencil is held, so that its id stays its own
        return completed

    def _write(self, complete: "Step", run: "CompiledExecutor", value: Any, path: "PathTuple", key: int) -> Any:
        errors = len(run.collected_errors.errors)
        run.kept += 1
        outer, run.is_keeping = run.is_keeping, True  # what is below is kept as well, or this could not be
        try:
            completed = complete(run, value, path, None)
        finally:
            run.is_keeping = outer
        if key < 0 or type(completed) is not dict or len(run.collected_errors.errors) != errors:
            return completed
        selection = self.field.selections.get(self.type)
        if selection is None or selection.defers:
            return completed
        entries = self._remaining(value, completed)
        try:
            if not entries and not selection.batches:
                return _keep(value, key, orjson.Fragment(dump(completed)))
            is_moments = not selection.batches and all(map(_is_moment, entries))
            _keep(value, key, Stencil(self._template(value, completed, entries), entries, is_moments))
        except TypeError:  # something that JSON does not know: only the whole answer can tell what to do
            pass
        return completed

    def _remaining(self, value: Any, completed: dict[str, Any]) -> tuple["Entry", ...]:
        view = self.field.selections[self.type].view_of(type(value))
        shape = tuple(map(type, view.read(value)))
        entries = view.entries.get(shape)
        if entries is None:
            entries = view.learn(shape)
        return tuple(e for e in entries if e.is_dynamic or not _is_final(completed[e.key]))

    def _template(self, value: Any, completed: dict[str, Any], entries: tuple["Entry", ...]) -> dict[str, Any]:
        view = self.field.selections[self.type].view_of(type(value))
        raw = dict(zip(view.keys, view.read(value), strict=True))
        template = {key: _compact(done) for key, done in completed.items()}
        for entry in entries:
            template[entry.key] = raw.get(entry.key)
        for field in self.field.selections[self.type].batches:
            template[field.key] = None
        return template


def _all_under(key: int, values: Sequence[Any]) -> list[Any] | None:
    """What all values keep under a key; None if one of them keeps nothing there."""
    try:
        return [value.__written__[key] for value in values]
    except (AttributeError, KeyError):
        return None


def joined_paths(values: Sequence[Any], path_at: Callable[[int], Any]) -> Callable[[int], Any]:
    """Paths of the items of a column of lists, by their index in the joined lists; made when asked for."""
    places: list[tuple[int, int]] = []

    def path(index: int) -> Any:
        if not places:
            places.extend((row, item) for row, value in enumerate(values) for item in range(len(value)))
        row, item = places[index]
        return (path_at(row), item, None)

    return path


def part_like(values: Sequence[Sequence[Any]], joined: Sequence[Any]) -> list[Any]:
    """Cut the joined column into lists as long as the values."""
    lengths = set(map(len, values))
    if lengths == {1}:
        return [[item] for item in joined]
    if len(lengths) == 1 and 0 not in lengths:
        (length,) = lengths
        return [list(joined[start : start + length]) for start in range(0, len(joined), length)]
    parted, start = [], 0
    for value in values:
        end = start + len(value)
        parted.append(list(joined[start:end]))
        start = end
    return parted


def _write_counted(complete: "Step", run: "CompiledExecutor", value: Any, path: "PathTuple", key: int) -> Any:
    _count(value, key)
    run.is_counted = True
    try:
        return complete(run, value, path, None)
    finally:
        run.is_counted = False


def _count(value: Any, key: int) -> None:
    written = getattr(value, _PLACE, None)
    if written is None:
        value.__dict__[_PLACE] = {key: 1}
    else:
        _keep(value, key, written.get(key, 0) + 1)


def _keep(value: Any, key: int, kept: Any) -> Any:
    written = value.__dict__.setdefault(_PLACE, {})
    if len(written) >= MAX_SELECTIONS:
        written.clear()
    written[key] = kept
    return kept


def _is_moment(entry: "Entry") -> bool:
    """Whether an entry is a hole that becomes a leaf."""
    return isinstance(entry.field.kind, Hole) and is_leaf_type(entry.field.position.bare_type)


def _is_final(completed: Any) -> bool:
    """Whether a completed value holds nothing that must be done again."""
    if type(completed) is list:
        return all(map(_is_final, completed))
    return type(completed) in (orjson.Fragment, str, int, float, bool, type(None))


def _compact(completed: Any) -> Any:
    return orjson.Fragment(dump(completed)) if type(completed) is list and _is_final(completed) else completed


def _frozen(value: Any) -> Any:
    """The value with its class, so that 1, 1.0 and True are three keys."""
    return (type(value), value)


def _variables_below(field: "Field") -> set[str]:
    found: set[str] = set()
    seen: set[str] = set()
    for node in field.nodes:
        for below in _selections(node.selection_set, field, seen):
            found |= variables_of(below.arguments)
    return found


def _selections(selections: SelectionSetNode | None, field: "Field", seen: set[str]) -> Iterator[FieldNode]:
    for node in selections.selections if selections else ():
        if isinstance(node, FieldNode):
            yield node
            yield from _selections(node.selection_set, field, seen)
        elif isinstance(node, FragmentSpreadNode):
            details = field.variant.fragments.get(node.name.value)
            if details is not None and node.name.value not in seen:
                seen.add(node.name.value)
                yield from _selections(details.definition.selection_set, field, seen)
        else:
            yield from _selections(getattr(node, "selection_set", None), field, seen)
