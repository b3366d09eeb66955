"""How a field says what it is, so that an executor can do better than one call per object.

A field of a type is one of four kinds:

* plain: read an attribute of the value. Nothing to declare.
* pure:  computed from the value, the arguments and `context.fragment_key` only, so what was
         written of it may be kept (`Money.formatted`, `Image.url(width:)`).
* hole:  depends on the moment of writing, so it is never kept (`Freshness.ageSeconds`).
* batch: needs a source. Written once, over all parents, one outcome per parent.

Each declaration carries its function in the field's metadata under `pure`, `hole` or `batch`,
where an executor finds it. Under plain graphql-core every declaration also works object by
object: batch fields collect their parents through a DataLoader, so both give the same answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
Outcome: TypeAlias = T | None | Exception


class PureCall(Protocol):
    """`(value, context, **arguments) -> result`; reads nothing of the context but its `fragment_key`."""

    def __call__(self, value: Any, context: Any, /, **arguments: Any) -> Any: ...


class BatchCall(Protocol):
    """`(parents, info, **arguments) -> outcomes`, in the parents' order, now or later."""

    def __call__(
        self, parents: Sequence[Any], info: Any, /, **arguments: Any
    ) -> Sequence[Outcome[Any]] | Awaitable[Sequence[Outcome[Any]]]: ...


@dataclass(frozen=True, slots=True)
class Pure:
    """A field that is a pure function of its value, its arguments and `context.fragment_key`."""

    call: PureCall


@dataclass(frozen=True, slots=True)
class Hole:
    """A field that must be computed at the moment of writing; cheap and never failing."""

    call: PureCall


@dataclass(frozen=True, slots=True)
class Batch:
    """A field that is resolved for many parents at once.

    `needs` names the parents' attributes that the call reads. A parent that is still on its way
    but whose needed attributes are known already (see `Early`) can be asked about at once.
    """

    call: BatchCall
    needs: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Early:
    """What a resolver may return in place of an awaitable: a part of the value, known before the rest.

    `known` has some of the value's attributes under the same names; `value` is the awaitable of
    the whole. Batch fields whose `needs` are all attributes of `known` start without waiting.
    """

    known: object
    value: Awaitable[Any]


W = TypeVar("W", bound=Callable[[Any], Any])


def pure_leaf(write: W) -> W:
    """Declare of a scalar's function that its result depends on the value alone and is never None.

    Then it may be called at any moment, and once more.
    """
    write.__pure_leaf__ = True  # type: ignore[attr-defined]
    return write


def is_pure_leaf(write: object) -> bool:
    """Whether a scalar's function was declared pure."""
    return getattr(write, "__pure_leaf__", False) is True
