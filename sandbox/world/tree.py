"""The category tree: roots, departments, kinds of goods, and the shelves under each kind."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.world.kinds import DEPARTMENTS, KINDS, ROOTS, Kind
from sandbox.world.text import Text


@dataclass(frozen=True, slots=True, eq=False)
class Category:
    """A node; `kind` is set on kinds and shelves. Products stand on shelves only."""

    id: str
    handle: str
    title: Text
    parent_id: str | None
    kind: Kind | None = None
    is_shelf: bool = False
    child_ids: list[str] = field(default_factory=list)


class Tree:
    """All categories, parents before children, siblings in display order."""

    def __init__(self) -> None:
        self.by_id: dict[str, Category] = {category.id: category for category in _grow()}
        for category in self.by_id.values():
            if category.parent_id is not None:
                self.by_id[category.parent_id].child_ids.append(category.id)
        self.shelves = tuple(category for category in self.by_id.values() if category.is_shelf)
        self.paths = {shelf.id: self._path(shelf) for shelf in self.shelves}

    def _path(self, category: Category) -> tuple[str, ...]:
        above = () if category.parent_id is None else self._path(self.by_id[category.parent_id])
        return (*above, category.id)


def _grow() -> Iterator[Category]:
    for number, (handle, title) in enumerate(ROOTS, 1):
        yield Category(f"c-{number}", handle, title, None)
    roots = {handle: f"c-{number}" for number, (handle, _) in enumerate(ROOTS, 1)}
    departments: dict[str, str] = {}
    for number, (root, handle, title) in enumerate(DEPARTMENTS, 1):
        departments[f"{root}-{handle}"] = f"{roots[root]}{number}"
        yield Category(f"{roots[root]}{number}", f"{root}-{handle}", title, roots[root])
    for number, kind in enumerate(KINDS, 1):
        yield from _grow_kind(kind, departments[kind.department], number)


def _grow_kind(kind: Kind, parent_id: str, number: int) -> Iterator[Category]:
    own = Category(f"{parent_id}{number:02d}", f"{kind.department}-{kind.handle}", kind.title, parent_id, kind)
    yield own
    for position, shelf in enumerate(kind.shelves, 1):
        yield Category(f"{own.id}{position}", f"{own.handle}-{shelf.handle}", shelf.title, own.id, kind, is_shelf=True)
