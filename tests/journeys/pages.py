"""The pages that real clients send, with variables that find something in the sandbox."""

import json
from dataclasses import dataclass
from typing import Any

from tests.journeys.shop import OPERATIONS


@dataclass(frozen=True)
class Page:
    """One page operation. `of_customer`: it is about whoever is signed in."""

    name: str
    document: str
    variables: dict[str, Any]

    @property
    def of_customer(self) -> bool:
        return "loyalty" in self.name or self.name.endswith("home")


def read_pages() -> list[Page]:
    """All pages that the gateway serves."""
    return [
        Page(file.stem, file.read_text(), json.loads(file.with_suffix(".json").read_text()))
        for file in sorted(OPERATIONS.glob("*.graphql"))
    ]


PAGES = read_pages()
BY_NAME = {page.name: page for page in PAGES}


def lists_by_path(value: Any, path: str = "") -> dict[str, int]:
    """The longest list found at every path, indices left out."""
    found: dict[str, int] = {}
    if isinstance(value, list):
        found[path] = len(value)
        children = [lists_by_path(item, path) for item in value]
    elif isinstance(value, dict):
        children = [lists_by_path(item, f"{path}.{name}") for name, item in value.items()]
    else:
        return found
    for child in children:
        for at, length in child.items():
            found[at] = max(found.get(at, 0), length)
    return found


# Whose absence a page bridges by itself: a town that is not known is taken on trust, and best sellers stand in.
BRIDGED = {"geo", "recommendations"}
BLOCKS = {"personal", "popular", "similar", "together", "fallback", "recommendations"}


def is_bridged(domain: str, path: tuple[str | int, ...]) -> bool:
    """Whether something else stands at this place of a page while this system fails."""
    return domain == "recommendations" and not BLOCKS.isdisjoint(path)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Any]:
    """Every value that is no object and no list, by its path; empty lists count as values."""
    if isinstance(value, dict):
        return {at: leaf for name, item in value.items() for at, leaf in leaves(item, (*path, name)).items()}
    if isinstance(value, list) and value:
        return {at: leaf for index, item in enumerate(value) for at, leaf in leaves(item, (*path, index)).items()}
    return {path: value}
