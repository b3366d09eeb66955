"""Making the dictionary of an object: the one place where code is generated.

A dictionary display (`{"id": a, "title": b}`) is made four times faster than any call can make the
same dictionary, but needs code that knows the keys. So one function is compiled per *pattern* of
fields, with placeholders for the keys, and the real keys are put in as constants of the compiled
code. Nothing that a client sends is ever part of source text; the text depends on the number and
the kinds of fields alone.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, TypeAlias

READ, EMPTY, TYPENAME = "r", "e", "t"
"""How a field gets its first value: it is read, it is None for the time being, or the type's name."""

MakeOne: TypeAlias = Callable[[Sequence[Any]], dict[str, Any]]
MakeMany: TypeAlias = Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]]

_LONGEST = 128
_WORTH_COMPILING = 4


class Rows:
    """Makes the dictionaries of one selection; compiles its code when it has proved to be used."""

    __slots__ = ("_keys", "_pattern", "_type_name", "_uses", "many", "one")

    def __init__(self, keys: tuple[str, ...], pattern: str, type_name: str) -> None:
        self._keys = keys
        self._pattern = pattern
        self._type_name = type_name
        self._uses = 0
        one, many = _interpreted(keys, pattern, type_name)
        self.one: MakeOne = lambda row: self._counted(one)(row)  # noqa: PLW0108 - bound late: the method replaces it
        self.many: MakeMany = lambda rows: self._counted(many)(rows)  # noqa: PLW0108 - bound late: the method replaces it

    def _counted(self, make: Any) -> Any:
        self._uses += 1
        if self._uses >= _WORTH_COMPILING:
            self.one, self.many = row_makers(self._keys, self._pattern, self._type_name)
        return make


@lru_cache(maxsize=4096)
def rows_of(keys: tuple[str, ...], pattern: str, type_name: str) -> Rows:
    """The makers for a selection; equal selections of different documents share them."""
    return Rows(keys, pattern, type_name)


def row_makers(keys: Sequence[str], pattern: str, type_name: str) -> tuple[MakeOne, MakeMany]:
    """Functions that make the dictionary of one row of read values, and the list of those of many."""
    if len(keys) > _LONGEST:
        return _interpreted(keys, pattern, type_name)
    places = {_placeholder(index): key for index, key in enumerate(keys)} | {_TYPENAME: type_name}
    one, many = _compiled(pattern)
    return FunctionType(_with_constants(one, places), {}), FunctionType(_with_constants(many, places), {})


def _placeholder(index: int) -> str:
    return f"key {index}"


_TYPENAME = "type name"


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> tuple[CodeType, CodeType]:
    """The two functions of a pattern, with placeholders; the source is made of counted names only."""
    values = {READ: "v{0}", EMPTY: "None", TYPENAME: repr(_TYPENAME)}
    made = ", ".join(f"{_placeholder(i)!r}: {values[kind].format(i)}" for i, kind in enumerate(pattern))
    read = "".join(f"v{i}, " for i, kind in enumerate(pattern) if kind == READ)
    return (
        _function_code(f"def one(row):\n ({read}) = row\n return {{{made}}}"),
        _function_code(f"def many(rows):\n return [{{{made}}} for ({read}) in rows]"),
    )


def _function_code(source: str) -> CodeType:
    module = compile(source, "<row>", "exec")
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


def _with_constants(code: CodeType, places: dict[str, str]) -> CodeType:
    def real(constant: Any) -> Any:
        if isinstance(constant, CodeType):
            return _with_constants(constant, places)
        if isinstance(constant, tuple):
            return tuple(map(real, constant))
        return places.get(constant, constant) if isinstance(constant, str) else constant

    return code.replace(co_consts=tuple(map(real, code.co_consts)))


def _interpreted(keys: Sequence[str], pattern: str, type_name: str) -> tuple[MakeOne, MakeMany]:
    """The same for a selection so long that its code would be a burden."""
    template = {key: type_name if kind == TYPENAME else None for key, kind in zip(keys, pattern, strict=True)}
    read = [key for key, kind in zip(keys, pattern, strict=True) if kind == READ]

    def one(row: Sequence[Any]) -> dict[str, Any]:
        return template | dict(zip(read, row))  # noqa: B905 - a row has a value for every key that is read

    return one, lambda rows: [one(row) for row in rows]
