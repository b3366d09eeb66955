"""The response as JSON bytes.

What a run assembles while writing is a thin tree: dictionaries where something was asked anew, and
ready fragments everywhere else. One call of the JSON library turns it into bytes; fragments are
copied as they are.
"""

import inspect
import json
from collections.abc import Awaitable
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError

_OPTIONS = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


class Written:
    """A response: the JSON of `data`, and the errors, which are few and still objects."""

    __slots__ = ("data", "errors")

    def __init__(self, data: bytes, errors: list[GraphQLError] | None) -> None:
        self.data = data
        self.errors = errors

    def body(self, extensions: bytes | None = None) -> bytes:
        """The whole JSON object: `data`, then `errors` if any, then `extensions` if given."""
        pieces = [b'{"data":', self.data]
        if self.errors:
            pieces += [b',"errors":', dump([error.formatted for error in self.errors])]
        if extensions is not None:
            pieces += [b',"extensions":', extensions]
        pieces.append(b"}")
        return b"".join(pieces)


def write(result: Any) -> Any:
    """Turn an execution's result, or the awaitable of it, into `Written`; leave incremental results alone."""
    if inspect.isawaitable(result):
        return _write_later(result)
    return Written(dump(result.data), result.errors) if isinstance(result, ExecutionResult) else result


async def _write_later(result: Awaitable[Any]) -> Any:
    return write(await result)


def dump(value: Any) -> bytes:
    """JSON of a tree that may hold fragments.

    Raises TypeError for what JSON has no form for, as `json.dumps` does.
    """
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # integers over 64 bits, lone surrogates, subclasses: the standard library knows them
        return json.dumps(_without_fragments(value), separators=(",", ":")).encode()


def _without_fragments(value: Any) -> Any:
    if isinstance(value, orjson.Fragment):
        return orjson.loads(orjson.dumps(value))
    if isinstance(value, dict):
        return {key: _without_fragments(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_fragments(item) for item in value]
    return value
