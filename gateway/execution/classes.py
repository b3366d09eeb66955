"""What the class of a value promises, found out once per class.

The reference asks every value whether it is awaitable, an exception, or callable. The answer
nearly always follows from the class; where it does not, `is_settled` is False and the value takes
the reference's own road.
"""

import dis
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import CO_VARARGS, CO_VARKEYWORDS, getattr_static, unwrap
from types import (
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any, NamedTuple

from graphql.pyutils import Undefined

from resolvers.batch import Early

_ABSENT = object()
_TRUSTED_LOOKUPS = frozenset({"builtins", "datetime", "decimal", "collections", "types", "enum"})
_NamedTupleField = type(NamedTuple("_Sample", [("field", int)]).field)  # type: ignore[attr-defined]
_PASSIVE_DESCRIPTORS = (FunctionType, MemberDescriptorType, _NamedTupleField)


class Absent:
    """Stands for an attribute that is not there."""


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """Promises of a class.

    `is_settled`: instances are never awaitable, never exceptions, never `Early`.
    `is_callable`: the default resolver would call an instance.
    `is_memoised`: instances never change and may keep what was written of them.
    `has_own_lookup`: attributes may be made up by the class's own code.
    """

    is_settled: bool
    is_callable: bool
    is_memoised: bool
    is_mapping: bool
    has_own_lookup: bool


@lru_cache(maxsize=8192)
def facts_of(cls: type) -> ClassFacts:
    """Look at a class; pure, so the answer is kept."""
    has_own_lookup = _has_own_lookup(cls)
    return ClassFacts(
        is_settled=not (
            has_own_lookup
            or _defines(cls, "__await__")
            or issubclass(cls, (CoroutineType, GeneratorType, Exception, Early, Absent, type(Undefined)))
        ),
        is_callable=_defines(cls, "__call__"),
        is_memoised=getattr(cls, "__memoised__", False) is True and hasattr(cls, "__dict__"),
        is_mapping=issubclass(cls, Mapping),
        has_own_lookup=has_own_lookup,
    )


def _defines(cls: type, name: str) -> bool:
    """Whether instances have a special method; what the metaclass has does not count."""
    return any(name in vars(base) for base in cls.__mro__)


def _has_own_lookup(cls: type) -> bool:
    """Whether attributes of instances may come from code: `__getattr__`, or a `__getattribute__` we do not know."""
    if issubclass(cls, type | super | ModuleType) or _defines(cls, "__getattr__"):
        return True
    owner = next(base for base in cls.__mro__ if "__getattribute__" in vars(base))
    return owner.__module__ not in _TRUSTED_LOOKUPS


@lru_cache(maxsize=65536)
def is_plain_attribute(cls: type, name: str) -> bool:
    """Tell whether reading the attribute runs no code, so that it may be read at any moment."""
    if facts_of(cls).has_own_lookup:
        return False
    found = getattr_static(cls, name, _ABSENT)
    if found is _ABSENT or type(found) in _PASSIVE_DESCRIPTORS:
        return True
    return not hasattr(type(found), "__get__")


def ignores_info(function: Callable[..., Any]) -> bool:
    """Tell whether a `(value, info, ...)` function never looks at its `info`.

    Read from the bytecode: the parameter is neither loaded nor captured, and nothing that could
    reach it by name is called. Then no info needs to be made for the call.
    """
    bare = getattr(function, "__func__", function)
    if not isinstance(bare, FunctionType) or unwrap(bare) is not bare:
        return False
    return _never_loads(bare.__code__, 2 if isinstance(function, MethodType) else 1)


@lru_cache(maxsize=4096)
def _never_loads(code: CodeType, position: int) -> bool:
    if code.co_argcount <= position or code.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
        return False
    name = code.co_varnames[position]
    used: set[object] = set()
    for step in dis.get_instructions(code):
        used.update(step.argval if isinstance(step.argval, tuple) else {str(step.argval)})
    return not used & {name, "locals", "vars", "eval", "exec", "_getframe"}


_PLAIN_CALL = frozenset(
    [
        "RESUME",
        "COPY_FREE_VARS",
        "PUSH_NULL",
        "LOAD_GLOBAL",
        "LOAD_FAST",
        "LOAD_FAST_BORROW",
        "LOAD_DEREF",
        "PRECALL",
        "CALL",
        "RETURN_VALUE",
    ]
)


def is_instance_check(function: Callable[..., Any]) -> bool:
    """Tell whether `(value, info)` is exactly `isinstance(value, classes)`, so that the class decides.

    Read from the bytecode, which must be that one call and nothing else.
    """
    is_plain = isinstance(function, FunctionType) and "isinstance" not in function.__globals__
    return is_plain and _is_one_instance_check(function.__code__)


@lru_cache(maxsize=4096)
def _is_one_instance_check(code: CodeType) -> bool:
    steps = list(dis.get_instructions(code))
    loads = tuple(step.argval for step in steps if step.opname.startswith("LOAD_FAST"))
    return (
        all(step.opname in _PLAIN_CALL for step in steps)
        and loads == code.co_varnames[:1]
        and next((step.argval for step in steps if step.opname == "LOAD_GLOBAL"), None) == "isinstance"
        and sum(step.opname == "CALL" for step in steps) == 1
    )
