"""Drafts: what was written of an answer, with the parts that belong to whoever asked left blank.

A page that shows a customer's own prices cannot be kept for others. Most of it can: only some batch
fields asked for something personal. A `Sketch` watches one run and finds out which. What was written
without them is a `Draft`; filling it in for the next customer calls those batch fields, with the same
parents, and puts what comes between the pieces that are written already.

    {"data": {"search": ... "title": "Cream", "price": [blank], "availability": ... "price": [blank] ...

Whether the pieces are still true is for whoever keeps a draft to know. A draft is made only of a run
in which nothing but batch fields asked for something personal, and holds no value but those that every
request shares (`__memoised__`).
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from inspect import isawaitable
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult
from orjson import Fragment

from gateway.execution.blanks import Blanks, Place
from gateway.execution.classes import facts_of
from gateway.execution.gaps import nulled
from gateway.execution.waves import Call, Gaps
from gateway.execution.writing import Written, dump, write

if TYPE_CHECKING:
    from gateway.execution.executor import CompiledExecutor
    from gateway.execution.plan import Request
    from gateway.execution.selection import Field

_MARK = b"\0"
"""Stands on both sides of a blank's number: JSON writes that character in no other way than as an escape."""

_BYTES_PER_BLANK = 400


class Sketch:
    """Finds out which batch fields of a run asked for something personal.

    `count` tells how often this request has done so. Afterwards `draft` is there if one could be made;
    `is_hopeless` when no run of the operation can give one, and not just this one because something had
    to be waited for.
    """

    __slots__ = ("_began", "_calls", "count", "draft", "is_hopeless", "is_spoiled")

    def __init__(self, count: Callable[[], int]) -> None:
        self.count = count
        self.draft: Draft | None = None
        self.is_hopeless = False
        self.is_spoiled = False
        self._began = count()
        self._calls: list[Call] = []

    def end_root(self, *, is_pending: bool) -> None:
        """The root's own fields were executed; batch fields have not been called yet."""
        self.is_spoiled = self.is_spoiled or is_pending
        self._expect(self._began)

    def note_call(self, call: Call, before: int, *, is_pending: bool) -> bool:
        """A batch field was called; True if that was personal, so that its places become blanks."""
        if self.count() != before:
            self._calls.append(call)
            return True
        self.is_spoiled = self.is_spoiled or is_pending
        return False

    def note_filling(self, before: int) -> None:
        """What a batch field gave for everybody alike was filled in."""
        self._expect(before)

    def _expect(self, before: int) -> None:
        if self.count() != before:
            self.is_hopeless = self.is_spoiled = True

    def make(self, run: "CompiledExecutor", data: Any) -> "Draft | None":
        """The draft of an answer without errors, whose tree is used up for it; None when there can be none."""
        if self.is_spoiled or not self._calls:
            return None
        numbers = count()
        marked = [[(*part, _mark(*part, numbers)) for part in call.parts] for call in self._calls]
        try:
            pieces = dump(data).split(_MARK)
        except ValueError:  # something that only the standard library writes
            return None
        slots = {int(number): 2 * index + 1 for index, number in enumerate(pieces[1::2])}
        blanks = []
        for parts in marked:
            places = []
            for gaps, field, marks in parts:
                found = [slots[number] for number in marks if number in slots]
                if not found:  # inside another blank
                    continue
                if len(found) < len(marks) or len(slots) != len(pieces) // 2:
                    return None
                if not all(map(_is_shared, gaps.parents)):
                    self.is_hopeless = True
                    return None
                places.append(Place(field, gaps.parents, gaps.paths, gaps.path(), found))
            if places:
                blanks.append(Blanks(places))
        return Draft(run, pieces, blanks)


def _mark(gaps: Gaps, field: "Field", numbers: Iterator[int]) -> list[int]:
    marks = []
    for result in gaps.results:
        marks.append(next(numbers))
        result[field.key] = Fragment(b"%b%d%b" % (_MARK, marks[-1], _MARK))
    return marks


def _is_shared(parent: Any) -> bool:
    """Whether a parent is no request's own: the operation's root has none, values are everybody's."""
    cls: type = type(parent)
    return parent is None or facts_of(cls).is_memoised


class Draft:
    """What was written, in pieces with blanks between them; holds nothing of the request that it was made in."""

    __slots__ = ("_blanks", "_in_order", "_pieces", "_variable_values", "_variant")

    def __init__(self, run: "CompiledExecutor", pieces: list[bytes], blanks: list[Blanks]) -> None:
        self._variant = run.variant
        self._variable_values = run.variable_values
        self._pieces = pieces
        self._blanks = blanks
        slots = [slot for each in blanks for slot in each.slots]
        self._in_order = _sorter([slot // 2 for slot in slots])

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return sum(map(len, self._pieces)) + _BYTES_PER_BLANK * (len(self._pieces) // 2)

    def fill(self, request: "Request") -> Any:
        """The whole answer as `Written`, or an awaitable of it; the request's variables must be the same.

        None in its place when an error in a blank reaches beyond it: then all has to be executed anew.
        """
        run = self._variant.resume(request, self._variable_values)
        written: list[bytes] = []
        left = []
        for blanks in self._blanks:
            outcomes = blanks.ask(run)
            found = blanks.json_of(run, outcomes)
            if found is None:
                left.append((blanks, outcomes))
                found = [b""] * len(blanks.slots)
            written += found
        pieces = self._pieces.copy()
        pieces[1::2] = self._in_order(written)
        return _fill_rest(run, pieces, left) if left else Written(b"".join(pieces), None)


def _sorter(places: list[int]) -> Callable[[list[bytes]], Sequence[bytes]]:
    """A function that puts what comes in the order of these places into the order of the places themselves."""
    order = sorted(range(len(places)), key=places.__getitem__)
    return itemgetter(*order) if len(order) > 1 else list


def _fill_rest(run: "CompiledExecutor", pieces: list[bytes], left: list[tuple[Blanks, Any]]) -> Any:
    """Fill in by executing what could not be filled in with what is kept."""
    filled = [part for blanks, outcomes in left for part in blanks.take(run, outcomes)]
    run.waves.flush()
    run.waves.is_held = False
    return _fill_later(run, pieces, filled) if run.outstanding else _written(run, pieces, filled)


async def _fill_later(run: "CompiledExecutor", pieces: list[bytes], filled: list[tuple[Place, Gaps]]) -> Written | None:
    try:
        await run.until_filled()
        return _written(run, pieces, filled)
    finally:
        await run.waves.end()


def _written(run: "CompiledExecutor", pieces: list[bytes], filled: list[tuple[Place, Gaps]]) -> Written | None:
    if run.fatal is not None or (run.nulled and not _null(run.nulled, run, filled)):
        return None
    for place, gaps in filled:
        key = place.field.key
        for slot, result in zip(place.slots, gaps.results, strict=True):
            pieces[slot] = dump(result[key])
    return Written(b"".join(pieces), run.collected_errors.errors or None)


def _null(failed: list[list[str | int]], run: "CompiledExecutor", filled: list[tuple[Place, Gaps]]) -> bool:
    """Put null where batch fields failed; False if one of these places is above a blank."""
    places = {
        tuple(run.path((path, place.field.key, None)).as_list()): result
        for place, gaps in filled
        for path, result in zip(place.paths, gaps.results, strict=True)
    }
    for keys in failed:
        found = next((size for size in range(1, len(keys) + 1) if tuple(keys[:size]) in places), None)
        if found is None:
            return False
        nulled(places[tuple(keys[:found])], keys[found - 1 :])
    return True


def write_sketched(run: "CompiledExecutor", sketch: Sketch) -> Any:
    """Run and write as `Plan.write` does, and leave a draft with the sketch if one can be made."""
    run.waves.sketch = sketch
    result = run.execute_operation()
    if isawaitable(result):
        return _write_sketched_later(run, sketch, result)
    return _with_draft(run, sketch, result)


async def _write_sketched_later(run: "CompiledExecutor", sketch: Sketch, result: Awaitable[Any]) -> Any:
    return _with_draft(run, sketch, await result)


def _with_draft(run: "CompiledExecutor", sketch: Sketch, result: Any) -> Any:
    written = write(result)
    if isinstance(result, ExecutionResult) and not result.errors and isinstance(written, Written):
        sketch.draft = sketch.make(run, result.data)
    return written
