"""Leaves of the response: scalars and enums, value by value.

The reference asks the leaf's type to coerce every value. For most classes the answer is known
beforehand: a `str` is its own result, a member of an enum has one name for ever, and a scalar may
declare that its function depends on nothing but the value (`resolvers.batch.pure_leaf`).
"""

import datetime as dt
import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLString
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from resolvers.batch import is_pure_leaf

if TYPE_CHECKING:
    from gateway.execution.completion import PathTuple, Step
    from gateway.execution.executor import CompiledExecutor

MIN_INT, MAX_INT = -(2**31), 2**31 - 1
_INFINITE = float("inf")

Write: TypeAlias = Callable[[Any], Any]

_OWN_RESULT: tuple[tuple[Any, type], ...] = (
    (GraphQLString.coerce_output_value, str),
    (GraphQLID.coerce_output_value, str),
    (GraphQLBoolean.coerce_output_value, bool),
    (str, str),
)
_BUILT_IN: tuple[tuple[Any, type], ...] = ((dt.datetime.isoformat, dt.datetime), (dt.date.isoformat, dt.date))


def has_own_result(type_: Any, cls: type) -> bool:
    """Whether a leaf's values of this class are their own results."""
    coerce = type_.coerce_output_value
    return any(coerce is known and cls is its for known, its in _OWN_RESULT)


def pure_writer(type_: Any, cls: type) -> Write | None:
    """What gives the results of a class and may be called at any moment; None when there is no such function.

    It raises for a value that has to be looked at on its own.
    """
    coerce: Write = type_.coerce_output_value
    if is_pure_leaf(coerce) or any(coerce is known and cls is its for known, its in _BUILT_IN):
        return coerce
    names = _names_of_members(type_, cls)
    return None if names is None else lambda member: names[id(member)]


def _names_of_members(type_: Any, cls: type) -> dict[int, str] | None:
    """The name of each member of the enum behind Strawberry's type, by identity: hashing a member is a Python call."""
    if type(type_) is not CustomGraphQLEnumType or type_.wrapped_cls is not cls or not issubclass(cls, enum.Enum):
        return None
    try:
        return {id(member): type_.coerce_output_value(member) for member in cls}
    except ValueError:  # a member that the schema does not know
        return None


def leaf_step(type_: Any, cls: type) -> "Step | None":
    """The step that completes a leaf's values of one class; None when they are their own results."""
    coerce = type_.coerce_output_value
    if has_own_result(type_, cls):
        return None
    if coerce is GraphQLInt.coerce_output_value and cls is int:
        return lambda run, value, path, scope: (  # noqa: ARG005 - every step has one signature
            value if MIN_INT <= value <= MAX_INT else run.complete_leaf_value(type_, value)
        )
    if coerce is GraphQLFloat.coerce_output_value and cls is float:
        return lambda run, value, path, scope: (  # noqa: ARG005 - every step has one signature
            value if -_INFINITE < value < _INFINITE else run.complete_leaf_value(type_, value)
        )
    if is_pure_leaf(coerce):
        return lambda run, value, path, scope: coerce(value)  # noqa: ARG005 - every step has one signature
    names = _names_of_members(type_, cls)
    return _by_reference(type_) if names is None else _by_name(type_, names)


def _by_reference(type_: Any) -> "Step":
    return lambda run, value, path, scope: run.complete_leaf_value(type_, value)  # noqa: ARG005 - every step has one signature


def _by_name(type_: Any, names: dict[int, str]) -> "Step":
    def complete(run: "CompiledExecutor", value: Any, path: "PathTuple", scope: Any) -> Any:  # noqa: ARG001 - every step has one signature
        name = names.get(id(value))
        return run.complete_leaf_value(type_, value) if name is None else name

    return complete
