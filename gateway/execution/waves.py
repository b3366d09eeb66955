"""Batch fields: one call for all parents that a wave of execution has brought up.

Execution goes depth first, as the reference does, and leaves a gap in the response for every batch
field. The parents of a gap are remembered by selection: one entry per object, whatever the number
of its batch fields. When the run can go no further the wave is flushed: each batch field is called
once with all its parents, and the gaps are filled. Filling brings up the parents of the next wave.

    depth-first run -> gaps -> flush: call, call, call -> fill -> next wave of gaps -> ...

What is in memory comes back as a plain list and is filled in on the spot: no task, no await. An
awaitable becomes a task, all of a wave run at the same time, and each goes on to its own next wave
as soon as its own answer is there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from graphql.pyutils import Path

from gateway.execution.completion import COMPLETE, UNKNOWN, PathTuple, complete_column
from resolvers.batch import Batch

if TYPE_CHECKING:
    from gateway.execution.drafts import Sketch
    from gateway.execution.executor import CompiledExecutor
    from gateway.execution.selection import Field


class Gaps:
    """Gaps of one selection in one wave: three parallel lists."""

    __slots__ = ("fields", "first", "is_claimed", "outcomes", "parents", "paths", "results", "run")

    def __init__(self, run: "CompiledExecutor", fields: Sequence["Field"]) -> None:
        self.run = run
        self.fields = fields
        self.parents: list[Any] = []
        self.results: list[dict[str, Any]] = []
        self.paths: list[PathTuple] = []
        self.is_claimed = True
        self.outcomes: dict[Field, Sequence[Any]] = {}
        self.first: Any = None

    def path(self) -> Any:
        """The reference's Path of the first parent; all fields of the gaps tell their functions of it."""
        if self.first is None:
            self.first = self.run.path(self.paths[0])
        return self.first


class Call:
    """One call of a batch function for the gaps of one or more places with equal arguments."""

    __slots__ = ("arguments", "parts")

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self.parts: list[tuple[Gaps, Field]] = []

    @property
    def parents(self) -> Sequence[Any]:
        if len(self.parts) == 1:
            return self.parts[0][0].parents
        return [parent for gaps, _ in self.parts for parent in gaps.parents]


class Waves:
    """The gaps of a run and the calls under way. One per request, shared by deferred parts."""

    __slots__ = ("early", "gaps", "is_held", "is_scheduled", "sketch", "tasks", "unstarted")

    def __init__(self) -> None:
        self.gaps: dict[Any, Gaps] = {}
        self.early: dict[Any, Gaps] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.unstarted: list[tuple[Coroutine[Any, Any, None], Awaitable[Any]]] = []
        self.is_held = True
        self.is_scheduled = False
        self.sketch: Sketch | None = None

    def register(
        self,
        run: "CompiledExecutor",
        fields: tuple["Field", ...],
        parent: Any,
        result: dict[str, Any],
        path: PathTuple,
    ) -> None:
        """Remember the gaps of one object; `fields` are its selection's batch fields."""
        if self.early:
            fields = self._claim(run, fields, result, path)
        place = (id(fields), id(run)) if run.is_part else id(fields)
        gaps = self.gaps.get(place)
        if gaps is None:
            gaps = self._open(run, fields, place)
        gaps.parents.append(parent)
        gaps.results.append(result)
        gaps.paths.append(path)

    def register_all(
        self,
        run: "CompiledExecutor",
        fields: tuple["Field", ...],
        parents: Sequence[Any],
        results: list[dict[str, Any]],
        path_at: Callable[[int], Any],
    ) -> None:
        """Remember the gaps of many objects of one selection."""
        if self.early or run.is_part or None in results:
            for index, (parent, result) in enumerate(zip(parents, results, strict=True)):
                if parent is not None:
                    self.register(run, fields, parent, result, path_at(index))
            return
        gaps = self.gaps.get(id(fields)) or self._open(run, fields, id(fields))
        gaps.parents += parents
        gaps.results += results
        gaps.paths += map(path_at, range(len(parents)))

    def _open(self, run: "CompiledExecutor", fields: tuple["Field", ...], place: Any) -> Gaps:
        gaps = self.gaps[place] = Gaps(run, fields)
        run.outstanding += 1
        if not self.is_held and not self.is_scheduled:
            self.is_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_scheduled)
        return gaps

    def _flush_scheduled(self) -> None:
        self.is_scheduled = False
        self.flush()
        self.launch()

    def flush(self) -> None:
        """Call the batch fields of all gaps, fill in what is at hand, and go on until nothing is."""
        while self.gaps:
            wave, self.gaps = list(self.gaps.values()), {}
            for call in _merged(wave):
                self._start(call)
            for gaps in wave:
                gaps.run.arrived()

    def ask_early(self, run: "CompiledExecutor", fields: Sequence["Field"], known: Any, path: Any) -> None:
        """Ask about a parent that is still on its way; the answer is kept until it comes."""
        ready = tuple(f for f in fields if isinstance(f.kind, Batch) and _is_enough(f.kind, known))
        if not ready:
            return
        gaps = Gaps(run, ready)
        gaps.is_claimed = False
        gaps.parents.append(known)
        gaps.results.append({})
        gaps.paths.append(path)
        self.early[path] = gaps
        for call in _merged([gaps]):
            self._start(call)
        if not self.is_held:
            self.launch()

    def _claim(
        self, run: "CompiledExecutor", fields: tuple["Field", ...], result: dict[str, Any], path: PathTuple
    ) -> tuple["Field", ...]:
        """Connect the outcomes that were asked for early to their object, now that it is here."""
        gaps = self.early.pop(run.path(path), None)
        if gaps is None:
            return fields
        gaps.is_claimed = True
        gaps.results[0] = result
        for field in gaps.fields:
            run.outstanding += 1
            if field in gaps.outcomes:
                self._fill(gaps, field, gaps.outcomes[field])
        return tuple(field for field in fields if field not in gaps.fields)

    def _start(self, call: Call) -> None:
        gaps, field = call.parts[0]
        sketch = self.sketch
        before = 0 if sketch is None else sketch.count()
        try:
            path = Path(gaps.path(), field.key, field.parent_type.name)
            info = info_of(gaps.run, field, field.info_head(path))
            outcomes = field.kind.call(call.parents, info, **call.arguments)  # type: ignore[union-attr]
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            outcomes = [error] * len(call.parents)
        is_blank = sketch is not None and sketch.note_call(call, before, is_pending=is_late(outcomes))
        self.take(call, outcomes)
        del outcomes  # what was raised in here holds this frame: it must not be held by it
        if sketch is not None and not is_blank:
            sketch.note_filling(before)

    def take(self, call: Call, outcomes: Any) -> None:
        """Fill in what a call gave, or wait for it."""
        for part, _ in call.parts:
            part.run.outstanding += part.is_claimed
        if is_late(outcomes):
            self.unstarted.append((self._await(call, outcomes), outcomes))
        else:
            self._deliver(call, outcomes)

    def launch(self) -> None:
        """Let the work under way run; needs a running loop."""
        for work, _ in self.unstarted:
            task = asyncio.ensure_future(work)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        self.unstarted.clear()

    @property
    def is_single(self) -> bool:
        """Whether one piece of work is all that there is."""
        return len(self.unstarted) == 1 and not self.tasks and not self.gaps

    async def advance(self) -> None:
        """Do a single piece of work under way without the cost of a task."""
        work, _ = self.unstarted.pop()
        await work

    async def _await(self, call: Call, awaitable: Awaitable[Sequence[Any]]) -> None:
        try:
            outcomes = await call.parts[0][0].run.with_abort_signal(awaitable)
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            outcomes = [error] * len(call.parents)
        self.is_held = True  # the next wave is flushed right here
        self._deliver(call, outcomes)
        del outcomes  # as in `_start`
        self.flush()
        self.is_held = False
        self.launch()

    def later(self, awaitable: Awaitable[Any], gaps: Gaps, index: int, field: "Field") -> None:
        """Put the result of an awaitable into its gap when it comes."""
        gaps.run.outstanding += 1
        if self.sketch is not None:
            self.sketch.is_spoiled = True
        self.unstarted.append((self._settle(awaitable, gaps, index, field), awaitable))

    async def _settle(self, awaitable: Awaitable[Any], gaps: Gaps, index: int, field: "Field") -> None:
        try:
            gaps.results[index][field.key] = await awaitable
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            gaps.run.gap_failed(error, field, gaps.paths[index])
        finally:
            gaps.run.arrived()

    def _deliver(self, call: Call, outcomes: Any) -> None:
        expected = len(call.parents)
        if not isinstance(outcomes, list | Sequence) or len(outcomes) != expected:
            outcomes = [_miscounted(call.parts[0][1], expected, outcomes)] * expected
        start = 0
        for gaps, field in call.parts:
            end = start + len(gaps.parents)
            part = outcomes if len(call.parts) == 1 else outcomes[start:end]
            start = end
            if gaps.is_claimed:
                self._fill(gaps, field, part)
            else:
                gaps.outcomes[field] = part

    def _fill(self, gaps: Gaps, field: "Field", outcomes: Sequence[Any]) -> None:
        if not self._fill_at_once(gaps, field, outcomes):
            for index, outcome in enumerate(outcomes):
                self._fill_one(gaps, field, index, outcome)
        gaps.run.arrived()

    def _fill_at_once(self, gaps: Gaps, field: "Field", outcomes: Sequence[Any]) -> bool:
        run, paths, key, type_name = gaps.run, gaps.paths, field.key, field.parent_type.name

        def path_at(index: int) -> PathTuple:
            return (paths[index], key, type_name)

        done = complete_column(run, field.position, outcomes, path_at)
        if done is None:
            return False
        for result, value in zip(gaps.results, done, strict=True):
            result[key] = value
        return True

    def _fill_one(self, gaps: Gaps, field: "Field", index: int, outcome: Any) -> None:
        run, position, path = gaps.run, field.position, gaps.paths[index]
        if isinstance(outcome, Exception):
            # Not raised and caught: its traceback would hold this frame, and with it the whole run, which holds it.
            run.gap_failed(outcome, field, path)
            return
        step = position.steps.get(type(outcome), UNKNOWN)
        if step is UNKNOWN:
            step = position.learn(type(outcome))
        try:
            done = outcome if step is None else step(run, outcome, (path, field.key, field.parent_type.name), None)
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            run.gap_failed(error, field, path)
            return
        if type(done) not in COMPLETE and run.is_awaitable(done):
            self.later(done, gaps, index, field)
        else:
            gaps.results[index][field.key] = done

    async def end(self) -> None:
        """Stop what is still under way and wait until it stopped."""
        self.early.clear()
        if not self.tasks and not self.unstarted:
            return
        for work, awaited in self.unstarted:
            work.close()
            if asyncio.iscoroutine(awaited):
                awaited.close()
        self.unstarted.clear()
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _merged(wave: list[Gaps]) -> list[Call]:
    """The calls of a wave: equal fields with equal arguments ask together."""
    calls: dict[Any, Call] = {}
    for gaps in wave:
        for field in gaps.fields:
            try:
                arguments = field.arguments(gaps.run)
            except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
                _refuse(gaps, field, error)
                continue
            key = _call_key(field, arguments)
            if key not in calls:
                calls[key] = Call(arguments)
            calls[key].parts.append((gaps, field))
    return list(calls.values())


def _call_key(field: "Field", arguments: dict[str, Any]) -> Any:
    if not arguments:
        return id(field.kind)
    try:
        key = (id(field.kind), *((name, type(value), value) for name, value in arguments.items()))
        hash(key)
    except TypeError:
        return field
    return key


def _refuse(gaps: Gaps, field: "Field", error: Exception) -> None:
    if gaps.is_claimed:
        for path in gaps.paths:
            gaps.run.gap_failed(error, field, path)
    else:
        gaps.outcomes[field] = [error]


def _is_enough(kind: Batch, known: Any) -> bool:
    return kind.needs is not None and all(hasattr(known, name) for name in kind.needs)


def is_late(outcomes: Any) -> bool:
    """Whether what a batch field gave must be waited for."""
    return type(outcomes) is not list and isawaitable(outcomes)


def info_of(run: "CompiledExecutor", field: "Field", head: tuple[Any, ...]) -> Any:
    """The info of a field's function, as Strawberry gives it to those of its schemas."""
    info = run.info(head)
    return info if field.declared is None else field.variant.info_class(_raw_info=info, _field=field.declared)


def _miscounted(field: "Field", expected: int, outcomes: Any) -> TypeError:
    got = f"{len(outcomes)}" if isinstance(outcomes, Sequence) else type(outcomes).__name__
    return TypeError(f"Expected {expected} outcomes of batch field {field.parent_type}.{field.name}, got {got}.")
