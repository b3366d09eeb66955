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

    def fill_with_kept(self, run: "CompiledExecutor", outcomes: Sequence[Any], pieces: list[bytes]) -> bool:
        """Fill in the JSON that is kept of the outcomes; False if one of them has none."""
        fragments = self.field.fragments_by_type.get(self.field.position.bare_type)
        written = None if fragments is None else fragments.json_of_all(run, outcomes)
        if written is None:
            return False
        for slot, piece in zip(self.slots, written, strict=True):
            pieces[slot] = piece
        return True


class Blanks:
    """One call of a batch field, and the places that it fills."""

    __slots__ = ("_parents", "_path", "_places")

    def __init__(self, places: Sequence[Place]) -> None:
        field, first = places[0].field, places[0].first
        self._path = Path(first, field.key, field.parent_type.name)
        self._places = places
        self._parents = [parent for place in places for parent in place.parents]

    def __len__(self) -> int:
        return len(self._parents)

    def ask(self, run: "CompiledExecutor") -> Any:
        """What the batch field gives: outcomes, or an awaitable of them; what it raises is everybody's outcome."""
        field = self._places[0].field
        try:
            info = info_of(run, field, self._path)
            return field.kind.call(self._parents, info, **field.arguments(run))  # type: ignore[union-attr]
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            return [error] * len(self._parents)

    def fill_with_kept(self, run: "CompiledExecutor", outcomes: Any, pieces: list[bytes]) -> bool:
        """Fill all blanks in at once; False if that cannot be, and some may have been filled in."""
        if type(outcomes) is not list or len(outcomes) != len(self._parents):
            return False
        if len(self._places) == 1:
            return self._places[0].fill_with_kept(run, outcomes, pieces)
        start = 0
        for place in self._places:
            end = start + len(place.slots)
            if not place.fill_with_kept(run, outcomes[start:end], pieces):
                return False
            start = end
        return True

    def take(self, run: "CompiledExecutor", outcomes: Any) -> list[tuple[Place, Gaps]]:
        """Fill the blanks in as any run fills its gaps."""
        call = Call({})
        call.parts = [(place.open(run), place.field) for place in self._places]
        run.waves.take(call, outcomes)
        return [(place, gaps) for place, (gaps, _) in zip(self._places, call.parts, strict=True)]
