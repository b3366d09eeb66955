"""Blanks of a draft: the places that one call of a batch field fills, for one customer after the other.

The parents are the same each time, so what can be known of the call is known from the first. What it gives
is nearly always values of which the JSON is kept: that is put in its place as it is. Anything else (values
that are new, failures, what must be waited for) is filled in as in any run.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql.pyutils import Path

from gateway.execution.waves import Call, Gaps, info_of

if TYPE_CHECKING:
    from gateway.execution.completion import PathTuple
    from gateway.execution.executor import CompiledExecutor
    from gateway.execution.selection import Field


class Place(NamedTuple):
    """A batch field of one selection: its parents, where they stand, and which pieces of the draft are its blanks."""

    field: "Field"
    parents: list[Any]
    paths: list["PathTuple"]
    first: Path
    slots: list[int]

    def open(self, run: "CompiledExecutor") -> Gaps:
        """The gaps that a run has here."""
        gaps = Gaps(run, (self.field,))
        gaps.parents, gaps.paths, gaps.first = self.parents, self.paths, self.first
        gaps.results = [{} for _ in self.slots]
        return gaps

    def json_of(self, run: "CompiledExecutor", outcomes: Sequence[Any]) -> list[bytes] | None:
        """The JSON that is kept of the outcomes; None if there is none of one of them."""
        fragments = self.field.fragments_by_type.get(self.field.position.bare_type)
        return None if fragments is None else fragments.json_of_all(run, outcomes)


class Blanks:
    """One call of a batch field, and the places that it fills."""

    __slots__ = ("_head", "_parents", "_places", "slots")

    def __init__(self, places: Sequence[Place]) -> None:
        field, first = places[0].field, places[0].first
        self._head = field.info_head(Path(first, field.key, field.parent_type.name))
        self._places = places
        self._parents = [parent for place in places for parent in place.parents]
        self.slots = [slot for place in places for slot in place.slots]

    def ask(self, run: "CompiledExecutor") -> Any:
        """What the batch field gives: outcomes, or an awaitable of them; what it raises is everybody's outcome."""
        field = self._places[0].field
        try:
            info = info_of(run, field, self._head)
            return field.kind.call(self._parents, info, **field.arguments(run))  # type: ignore[union-attr]
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            return [error] * len(self._parents)

    def json_of(self, run: "CompiledExecutor", outcomes: Any) -> list[bytes] | None:
        """The JSON of all blanks in the order of `slots`, if it is kept."""
        if type(outcomes) is not list or len(outcomes) != len(self._parents):
            return None
        if len(self._places) == 1:
            return self._places[0].json_of(run, outcomes)
        written: list[bytes] = []
        for place in self._places:
            found = place.json_of(run, outcomes[len(written) : len(written) + len(place.slots)])
            if found is None:
                return None
            written += found
        return written

    def take(self, run: "CompiledExecutor", outcomes: Any) -> list[tuple[Place, Gaps]]:
        """Fill the blanks in as any run fills its gaps."""
        call = Call({})
        call.parts = [(place.open(run), place.field) for place in self._places]
        run.waves.take(call, outcomes)
        return [(place, gaps) for place, (gaps, _) in zip(self._places, call.parts, strict=True)]
