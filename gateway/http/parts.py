"""Increments as clients read them.

Two formats are alive. By path (deferSpec=20220824): each patch says where it belongs. By id
(incrementalSpec=v0.2): a part is announced as pending, patched by its id, and completed. Executors
speak the second; the first is made of it here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.http.envelope import encode
from gateway.http.errors import Entry
from gateway.http.negotiation import Increments
from gateway.http.ports import Completed, Increment, Incremental, Patch, Pending, Result

Shape = Callable[[Result], list[Entry]]
Payload = dict[str, Any]


class PartWriter:
    """Write one incremental answer, part by part; `shape` makes entries of errors."""

    def __init__(self, style: Increments, shape: Shape) -> None:
        self._by_path = style is Increments.BY_PATH
        self._shape = shape
        self._pending: dict[str, Pending] = {}
        self._tree: Any = None

    def first(self, incremental: Incremental) -> bytes:
        """Write what is there at once."""
        result = incremental.first
        payload: Payload = {"data": msgspec.Raw(result.data or b"null"), "hasNext": True}
        if result.errors:
            payload["errors"] = self._shape(result)
        self._announce(incremental.pending)
        if self._by_path:
            self._tree = msgspec.json.decode(result.data or b"null")
        else:
            payload["pending"] = [_announced(item) for item in incremental.pending]
        return encode(payload)

    def later(self, increment: Increment) -> bytes:
        """Write what came later."""
        self._announce(increment.pending)
        payload = self._paths(increment) if self._by_path else self._ids(increment)
        for item in increment.completed:
            self._pending.pop(item.id, None)
        return encode({**payload, "hasNext": increment.has_next})

    def failed(self, entries: list[Entry]) -> bytes:
        """Write the end of an answer that broke; whatever is pending will never come."""
        if self._by_path:
            return encode({"hasNext": False, "incremental": [{"data": None, "path": [], "errors": entries}]})
        completed = [{"id": key, "errors": entries} for key in self._pending]
        return encode({"hasNext": False, "completed": completed})

    def _announce(self, pending: Sequence[Pending]) -> None:
        self._pending.update((item.id, item) for item in pending)

    def _errors(self, errors: Sequence[Any]) -> Payload:
        return {"errors": self._shape(Result(b"null", errors))} if errors else {}

    def _ids(self, increment: Increment) -> Payload:
        payload: Payload = {}
        if increment.pending:
            payload["pending"] = [_announced(item) for item in increment.pending]
        if increment.patches:
            payload["incremental"] = [self._patch_by_id(patch) for patch in increment.patches]
        if increment.completed:
            payload["completed"] = [{"id": item.id, **self._errors(item.errors)} for item in increment.completed]
        return payload

    def _patch_by_id(self, patch: Patch) -> Payload:
        payload: Payload = {"id": patch.id, **_content(patch), **self._errors(patch.errors)}
        if patch.sub_path:
            payload["subPath"] = list(patch.sub_path)
        return payload

    def _paths(self, increment: Increment) -> Payload:
        patches = [self._patch_by_path(patch) for patch in increment.patches]
        patches += [self._failure_by_path(item) for item in increment.completed if item.errors]
        return {"incremental": patches} if patches else {}

    def _patch_by_path(self, patch: Patch) -> Payload:
        pending = self._pending[patch.id]
        path = [*pending.path, *patch.sub_path]
        return {**_content(patch), **_label(pending), "path": self._keep(path, patch), **self._errors(patch.errors)}

    def _failure_by_path(self, item: Completed) -> Payload:
        pending = self._pending[item.id]
        return {"data": None, "path": list(pending.path), **_label(pending), **self._errors(item.errors)}

    def _keep(self, path: list[str | int], patch: Patch) -> list[str | int]:
        """Keep what was sent: the path of streamed items ends with the index of the first of them."""
        place = self._tree
        for step in path:
            place = place[step]
        if patch.items is not None:
            path = [*path, len(place)]
            place.extend(msgspec.json.decode(patch.items))
        elif patch.data is not None:
            _merge(place, msgspec.json.decode(patch.data))
        return path


def _merge(into: Any, came: Any) -> None:
    for name, value in came.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _announced(item: Pending) -> Payload:
    return {"id": item.id, "path": list(item.path), **_label(item)}


def _label(item: Pending) -> Payload:
    return {"label": item.label} if item.label else {}


def _content(patch: Patch) -> Payload:
    if patch.items is not None:
        return {"items": msgspec.Raw(patch.items)}
    return {"data": msgspec.Raw(patch.data or b"null")}
