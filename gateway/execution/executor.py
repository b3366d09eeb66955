"""One run of a plan: graphql-core's executor with the hot road replaced.

The class extends the reference's executor and overrides the places where time is spent: executing
the fields of an object. What is rare (awaitables, errors, streams, deferred parts, aborting) stays
the reference's own code, so it cannot differ. A run keeps what belongs to one request; everything
that can be known before is in the plan.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import ref

from graphql import GraphQLResolveInfo as ResolveInfo
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList
from graphql.execution.executor import CollectedErrors, invalid_return_type_error
from graphql.execution.incremental.incremental_executor import IncrementalExecutor
from graphql.pyutils import Path, gather_with_cancel
from graphql.type import GraphQLResolveInfoHelpers, is_non_null_type, is_object_type

from gateway.execution.classes import facts_of
from gateway.execution.columns import complete_all
from gateway.execution.completion import PathTuple
from gateway.execution.gaps import GapExecutor
from gateway.execution.selection import Field, follow
from gateway.execution.waves import Waves
from resolvers.batch import Early

GraphInfo: TypeAlias = ResolveInfo[Any]

if TYPE_CHECKING:
    from gateway.execution.fragments import Fragments, Stencil
    from gateway.execution.plan import Request, Variant


_complete_value = IncrementalExecutor.complete_value


class CompiledExecutor(GapExecutor):
    """Executes one operation once."""

    follow = staticmethod(follow)
    complete_all = staticmethod(complete_all)
    column_gaps: Any = None
    """Gaps of batch fields in the columns that are being completed: what `Waves.register_all` is told."""
    kept = 0
    """How many fragments this run has made."""
    is_keeping = False
    """Whether what is written now becomes part of a fragment."""
    is_counted = False
    """Whether what is written now belongs to a value whose writing was counted."""

    # What is the same for nearly every run stands here: an instance with few attributes is a quick one
    # (CPython shares the keys of at most 30), and few have to be set for each request.
    middleware_manager = None
    async_work_finished_hook_task = None
    abort_signal = None
    hooks = None
    hide_suggestions = False
    enable_early_execution = False
    error_propagation = True
    defer_usage_set = None
    _info_tail: tuple[Any, ...] | None = None

    def __init__(self, variant: "Variant", request: "Request", variable_values: Any, is_writing: bool) -> None:  # noqa: FBT001 - passed by position on the hot road
        plan = variant.plan
        self.variant = variant
        self.schema = plan.schema
        self.fragment_definitions = plan.fragment_definitions
        self.fragments = plan.fragments
        self.operation = plan.operation
        self.root_value = request.root_value
        self.context_value = request.context_value
        self.variable_values = variable_values
        self.field_resolver = variant.field_resolver
        self.type_resolver = request.type_resolver
        self.is_awaitable = request.is_awaitable  # type: ignore[assignment]
        self.collected_errors = CollectedErrors()
        self.pending_incremental_futures = set()
        self.background_futures = set()
        self._relevant_sub_fields = variant.collected
        self.groups = []
        self.tasks = []
        self.streams = []
        self.is_writing = is_writing
        self.coerced_arguments: dict[tuple[int, int], dict[str, Any]] = {}
        self.fragment_key = getattr(request.context_value, "fragment_key", None)
        self.fragment_keys: dict[Fragments, int] = {}
        self.moments: dict[int, tuple[Stencil, Any]] = {}
        self.waves = Waves()
        self.outstanding = 0
        self.nulled: list[list[str | int]] = []
        for name, value in request.rare():
            setattr(self, name, value)
        if not plan.error_propagation:
            self.error_propagation = False

    @property
    def subscribe_field_resolver(self) -> Any:  # type: ignore[override]
        return self.field_resolver

    @property
    def _initial_execution_plans(self) -> Any:  # type: ignore[override]
        return self.variant.initial_execution_plans

    @property
    def _deferred_execution_plans(self) -> Any:  # type: ignore[override]
        return self.variant.deferred_execution_plans

    @property
    def _stream_usages(self) -> Any:  # type: ignore[override]
        return self.variant.stream_usages

    def create_sub_executor(self, defer_usage_set: Any = None) -> "CompiledExecutor":
        """A run of a deferred part: its own errors and gaps, the same waves."""
        part: CompiledExecutor = super().create_sub_executor(defer_usage_set)  # type: ignore[assignment]
        part.is_part = True
        part.outstanding, part.nulled, part.waiter, part.fatal = 0, [], None, None
        part.moments = {}  # another moment
        return part

    def resume(self, root: CollectedFields) -> None:
        """Stand where an earlier run stood when its root was executed."""
        self._root = root

    @property
    def async_helpers(self) -> Any:  # type: ignore[override]
        return self._tail()[-1]

    def _tail(self) -> tuple[Any, ...]:
        """What the info of every field of this run ends with; made once, and kept without a lock."""
        tail = self._info_tail
        if tail is None:
            tail = self._info_tail = (
                self.schema,
                self.fragment_definitions,
                self.root_value,
                self.operation,
                self.variable_values,
                self.context_value,
                self.is_awaitable,
                self.abort_signal,
                helpers_of(self),
            )
        return tail

    def keeps(self, cls: type) -> bool:
        """Whether values of a class keep what is written of them, so that it is best written one by one."""
        return self.is_writing and facts_of(cls).is_memoised

    # Where one is

    def info_at(self, field: Field, path: PathTuple) -> GraphInfo:
        """The info that the reference gives to the functions of a field; an item's path means its field."""
        path = self.path(path)
        while path.typename is None:
            path = path.prev
        return self.info(field.info_head(path))

    def info(self, head: tuple[Any, ...]) -> GraphInfo:
        """The info that begins with what `Field.info_head` gives."""
        return ResolveInfo._make(head + self._tail())

    # The hot road

    def execute_fields(
        self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any, position_context: Any
    ) -> Any:
        selection = self.variant.selection(parent_type, grouped_field_set, is_wanted=False)
        if selection is None:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        return selection.run(self, source_value, path, position_context)

    # The reference's roads, entered with a value at hand

    def finish_field(self, field: Field, type_: Any, value: Any, path: PathTuple, scope: Any) -> Any:
        """ExecuteField after its resolver: complete a value of any class."""
        path = self.path(path)
        info = self.info_at(field, path)
        if self.is_awaitable(value):
            return self.complete_awaitable_value(type_, field.details, info, path, value, scope)
        return self.complete_value(type_, field.details, info, path, value, scope)

    def finish_item(self, field: Field, type_: Any, value: Any, path: PathTuple, scope: Any) -> Any:
        """Complete a list's item of any class."""
        path = self.path(path)
        info = self.info_at(field, path)
        if self.is_awaitable(value):
            return self.complete_awaitable_list_item_value(value, type_, field.details, info, path, scope)
        return self.complete_value(type_, field.details, info, path, value, scope)

    def complete_value(
        self,
        return_type: Any,
        field_details_list: FieldDetailsList,
        info: GraphInfo,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        if type(result) is Early:
            return self.complete_early(return_type, field_details_list, info, path, result, position_context)
        return _complete_value(self, return_type, field_details_list, info, path, result, position_context)

    def complete_early(
        self, type_: Any, details: FieldDetailsList, info: GraphInfo, path: Path, early: Early, scope: Any
    ) -> Any:
        """Complete a value that is on its way, asking its batch fields what they can say already."""
        bare = type_.of_type if is_non_null_type(type_) else type_
        if is_object_type(bare) and scope is None:
            collected = self.collect_subfields(bare, details)
            selection = self.variant.selection(bare, collected.grouped_field_set, is_wanted=False)
            if selection is not None:
                self.waves.ask_early(self, selection.batches, early.known, path)
        return self._complete_whole(type_, details, info, path, early.value, scope)

    async def _complete_whole(
        self, type_: Any, details: FieldDetailsList, info: GraphInfo, path: Path, coming: Any, scope: Any
    ) -> Any:
        value = await self.with_abort_signal(coming)
        completed = self.complete_value(type_, details, info, path, value, scope)
        return await completed if self.is_awaitable(completed) else completed

    async def check_type_later(
        self, is_type_of: Awaitable[bool], field: Field, type_: Any, value: Any, path: PathTuple, scope: Any
    ) -> Any:
        """Complete an object whose `is_type_of` has to be awaited."""
        if not await self.with_abort_signal(is_type_of):
            raise invalid_return_type_error(type_, value, field.details)
        completed = self.collect_and_execute_subfields(type_, field.details, self.path(path), value, scope)
        return await completed if self.is_awaitable(completed) else completed

    async def find_type_later(
        self, name: Awaitable[Any], field: Field, abstract: Any, value: Any, path: PathTuple, scope: Any
    ) -> Any:
        """Complete an object whose type has to be awaited."""
        path = self.path(path)
        info = self.info_at(field, path)
        found = await self.with_abort_signal(name)
        type_ = self.ensure_valid_runtime_type(found, abstract, field.details, info, value)
        completed = self.complete_object_value(type_, field.details, info, path, value, scope)
        return await completed if self.is_awaitable(completed) else completed

    # What may still fail or come later

    def field_failed(self, error: Exception, field: Field, type_: Any, path: PathTuple) -> None:
        """HandleFieldError: note the error, or raise it on where the type allows no null."""
        self.handle_field_error(error, type_, field.details, self.path(path))

    def guarded(self, completed: Awaitable[Any], field: Field, path: PathTuple) -> Awaitable[Any]:
        return self._guard(completed, field, field.position.type, path)

    def guarded_item(self, completed: Awaitable[Any], field: Field, type_: Any, path: PathTuple) -> Awaitable[Any]:
        return self._guard(completed, field, type_, path)

    async def _guard(self, completed: Awaitable[Any], field: Field, type_: Any, path: PathTuple) -> Any:
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            self.field_failed(error, field, type_, path)
            return None

    async def gathered_fields(self, result: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
        """Await the fields that are on their way, as the reference does."""
        if len(waiting) == 1:
            result[waiting[0]] = await result[waiting[0]]
        else:
            done = await gather_with_cancel(*(result[key] for key in waiting))
            result.update(zip(waiting, done, strict=True))
        return result

    async def gathered_items(self, completed: list[Any], waiting: list[int]) -> list[Any]:
        """Await the items that are on their way, as the reference does."""
        if len(waiting) == 1:
            completed[waiting[0]] = await completed[waiting[0]]
        else:
            done = await gather_with_cancel(*(completed[index] for index in waiting))
            for index, item in zip(waiting, done, strict=True):
                completed[index] = item
        return completed

    def abandon(self, awaitables: list[Awaitable[Any]]) -> None:
        """Let awaitables end whose results nobody will read."""
        if awaitables:
            self.settle_in_background(awaitables)

    def abandon_items(self, completed: list[Any], waiting: list[int], rest: Sequence[Any]) -> None:
        unread = [completed[index] for index in waiting]
        self.abandon(unread + [item for item in rest if self.is_awaitable(item)])

    # Where the reference begins and ends a response, or a part of it

    def execute_collected_root_fields(
        self,
        root_type: Any,
        root_value: Any,
        grouped_field_set: Any,
        serially: bool,  # noqa: FBT001 - the signature of the reference
        new_defer_usages: Any,
    ) -> Any:
        root = self._root = self.variant.root(CollectedFields(grouped_field_set, new_defer_usages, []))
        return self.settle(
            super().execute_collected_root_fields(
                root_type, root_value, root.grouped_field_set, serially, root.new_defer_usages
            )
        )

    def execute_execution_group(
        self,
        delivery_groups: Any,
        parent_type: Any,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        delivery_group_map: Any,
    ) -> Any:
        self.base = len(path.as_list()) if path else 0
        self.highest = self.base + 1
        work = super().execute_execution_group(
            delivery_groups, parent_type, source_value, path, grouped_field_set, delivery_group_map
        )
        if not self.is_awaitable(work) and not self.outstanding and not self.nulled and self.fatal is None:
            return work
        return self._settle_part(work, lambda done: done.data, partial(self._group_result, delivery_groups, path))

    def _group_result(self, delivery_groups: Any, path: Path | None, data: Any) -> Any:
        return self.build_execution_group_result(delivery_groups, path, data)

    def complete_stream_item(
        self, item_path: Path, item: Any, field_details_list: FieldDetailsList, info: Any, item_type: Any
    ) -> Any:
        self.base = len(item_path.as_list())
        self.highest = self.base
        work = super().complete_stream_item(item_path, item, field_details_list, info, item_type)
        if not self.is_awaitable(work) and not self.outstanding and not self.nulled and self.fatal is None:
            return work
        return self._settle_part(work, lambda done: done.item, self.build_stream_item_result)

    async def _settle_part(self, work: Any, data_of: Callable[[Any], Any], build: Callable[[Any], Any]) -> Any:
        """Deliver a deferred part when its gaps are filled."""
        done = await work if self.is_awaitable(work) else work
        if not self.outstanding and not self.nulled and self.fatal is None:
            return done
        try:
            return build(await self.settle_later(data_of(done.value)))
        except Exception:
            self.abort_in_background()
            raise


class SerialExecutor(CompiledExecutor):
    """Executes a mutation, whose fields at the root go one after the other."""

    def execute_field(
        self, parent_type: Any, source: Any, field_details_list: FieldDetailsList, path: Path, position_context: Any
    ) -> Any:
        """Execute a field by the reference; one at the root down to its last gap."""
        completed = super().execute_field(parent_type, source, field_details_list, path, position_context)
        if path.prev is not None:
            return completed
        self.waves.flush()
        return self._complete_field(completed) if self.outstanding else completed

    async def _complete_field(self, completed: Any) -> Any:
        if self.is_awaitable(completed):
            self.waves.launch()
            completed = await completed
        await self.until_filled()
        return completed


def _gather(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    return gather_with_cancel(*values)


def helpers_of(run: CompiledExecutor) -> GraphQLResolveInfoHelpers:
    """What the info offers to functions that do several things at once.

    It holds the run weakly: a run that held its own methods would be a cycle, and with it the whole
    request, all that it loaded included, would stay until the garbage collector comes by.
    """
    held = ref(run)

    def track(values: Sequence[Any]) -> None:
        alive = held()
        if alive is not None:
            alive.track_async_work(values)

    return GraphQLResolveInfoHelpers(gather=_gather, track=track)
