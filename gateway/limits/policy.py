"""The limits of a document, and what is beyond them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.limits.measures import Measures


class Mode(enum.Enum):
    """ENFORCE refuses; MEASURE only reports, so that limits can be tried on live traffic.

    The caps on tokens and comments act in both, because they protect the measuring itself.
    """

    ENFORCE = "enforce"
    MEASURE = "measure"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may have; counts are after fragments are expanded.

    `depth` counts fields from the root. `page` is the largest slicing argument (`first`).
    `cost` is static cost in the form of Apollo's demand control, per operation. The pages of a shop
    need at most 568 tokens, depth 10, 183 fields and cost 3,500, but for one: a map of 300 pickup
    places costs 12,121, and decides `page` and `cost`.
    """

    tokens: int = 1_000
    comments: int = 200
    operations: int = 10
    fragments: int = 50
    depth: int = 12
    fields: int = 400
    aliases: int = 30
    directives: int = 20
    directives_per_field: int = 4
    root_fields: int = 20
    mutations: int = 4
    page: int = 300
    cost: int = 15_000


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """Limits for everybody, and exceptions for single documents by the SHA-256 of their text.

    An exception cannot be bound to an operation's name: anybody may call their operation so.
    """

    limits: Limits = field(default_factory=Limits)
    exceptions: Mapping[str, Limits] = field(default_factory=dict)
    mode: Mode = Mode.ENFORCE

    def limits_of(self, sha256: str) -> Limits:
        return self.exceptions.get(sha256, self.limits)


@dataclass(frozen=True, slots=True)
class Excess:
    """One limit that a document is beyond."""

    limit: str
    most: int
    got: int

    def __str__(self) -> str:
        return f"Expected at most {self.most} {self.limit.replace('_', ' ')}; got {min(self.got, 1_000_000)}."


_MEASURED = ("operations", "fragments", "depth", "fields", "aliases", "directives", "directives_per_field")
_ROOTS = ("root_fields", "mutations")
_WITH_VARIABLES = ("page", "cost")


def find_shape_excess(measures: Measures, limits: Limits) -> list[Excess]:
    """Compare what does not depend on variables."""
    return _compare(measures, limits, _MEASURED + _ROOTS)


def find_demand_excess(measures: Measures, limits: Limits) -> list[Excess]:
    """Compare what depends on variables: page sizes and cost."""
    return _compare(measures, limits, _WITH_VARIABLES)


def _compare(measures: Measures, limits: Limits, names: tuple[str, ...]) -> list[Excess]:
    pairs = ((name, getattr(limits, name), getattr(measures, name)) for name in names)
    return [Excess(name, most, got) for name, most, got in pairs if got > most]
