"""The gaps that batch fields leave: what is outstanding, what failed, and what becomes null for it."""

import asyncio
from typing import Any

from graphql import GraphQLError, located_error
from graphql.execution.collect_fields import CollectedFields
from graphql.execution.incremental.incremental_executor import IncrementalExecutor
from graphql.pyutils import Path
from graphql.type import is_non_null_type

from gateway.execution.completion import PathTuple
from gateway.execution.selection import Field
from gateway.execution.waves import Waves


class GapExecutor(IncrementalExecutor):
    """The part of a run that knows what is still to be filled in."""

    _root: CollectedFields
    waves: Waves
    outstanding: int
    nulled: list[list[str | int]]
    is_part = False
    """Whether this executes a deferred part of the operation, or an item of a stream."""
    waiter: asyncio.Future[None] | None = None
    fatal: GraphQLError | None = None
    base = 0
    highest = 1

    @staticmethod
    def path(path: PathTuple) -> Any:
        """The reference's Path of a cheap path."""
        if path is None or type(path) is Path:
            return path
        steps = []
        while path is not None and type(path) is not Path:
            steps.append(path)
            path = path[0]
        for _, key, type_name in reversed(steps):
            path = Path(path, key, type_name)
        return path

    def arrived(self) -> None:
        """One of the things outstanding is here."""
        self.outstanding -= 1
        if not self.outstanding and self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def gap_failed(self, raw: Exception, field: Field, parent_path: PathTuple) -> None:
        """Note that a batch field failed, and which place becomes null for it."""
        path = self.path((parent_path, field.key, field.parent_type.name))
        error = located_error(raw, field.nodes, path.as_list())
        place: Path | None = path
        if self.error_propagation and is_non_null_type(field.position.type):
            place = self._nullable_place(path)
        keys = place.as_list() if place is not None else []
        if len(keys) < self.highest:
            self.fatal = self.fatal or error
        else:
            self.collected_errors.add(error, place)
            self.nulled.append(keys[self.base :])

    def _nullable_place(self, path: Path) -> Path | None:
        """The nearest place at or above a path that may be null; None when only the whole answer may."""
        places: list[Path] = []
        place: Path | None = path
        while place is not None:
            places.append(place)
            place = place.prev
        nullable: Path | None = None
        type_: Any = None
        details: Any = None
        for place in reversed(places):
            if place.typename is None:
                type_ = (type_.of_type if is_non_null_type(type_) else type_).of_type
            else:
                parent = self.schema.get_type(place.typename)
                grouped = self._root if details is None else self.collect_subfields(parent, details)  # type: ignore[arg-type]
                details = grouped.grouped_field_set[str(place.key)]
                type_ = self.schema.get_field(parent, details[0].node.name.value).type  # type: ignore[arg-type,union-attr]
            if not is_non_null_type(type_):
                nullable = place
        return nullable

    def settle(self, data: Any) -> Any:
        """Fill the gaps: now if that is possible, else later."""
        waves = self.waves
        if not self.is_part:
            if waves.sketch is not None:
                waves.sketch.end_root(is_pending=self.is_awaitable(data))
            waves.flush()
            waves.is_held = False
        if self.is_awaitable(data) or self.outstanding:
            return self.settle_later(data)
        return self._with_nulls(data)

    async def settle_later(self, data: Any) -> Any:
        """Wait for what is outstanding, and fill the gaps."""
        waves = self.waves
        try:
            if self.is_awaitable(data):
                waves.launch()
                data = await data
            await self.until_filled()
            return self._with_nulls(data)
        finally:
            if not self.is_part:
                await waves.end()

    async def until_filled(self) -> None:
        """Wait until nothing is outstanding."""
        waves = self.waves
        while self.outstanding:
            if not self.is_part and waves.is_single:
                await waves.advance()
                continue
            waves.launch()
            self.waiter = asyncio.get_running_loop().create_future()
            try:
                await self.waiter
            finally:
                self.waiter = None

    def _with_nulls(self, data: Any) -> Any:
        if self.fatal is not None:
            raise self.fatal
        for keys in self.nulled:
            data = nulled(data, keys)
        return data


def nulled(data: Any, keys: list[str | int]) -> Any:
    """The data with null at a place; a place above it may be null already."""
    if not keys:
        return None
    place = data
    for key in keys[:-1]:
        if place is None:
            return data
        place = place[key]
    if place is not None:
        place[keys[-1]] = None
    return data
