"""Names of GraphQL operations as labels: clients choose them, so their number must be bounded.

The unusual names have parentheses, which no name in GraphQL can have.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from graphql import OperationDefinitionNode, parse

from gateway.http.trusted import read_manifest

MOST_NAMES: Final = 100
LONGEST_NAME: Final = 64
OTHER: Final = "(other)"
UNNAMED: Final = "(unnamed)"
REFUSED: Final = "(refused)"


class OperationNames:
    """Registered names always, and the first `most` of all others that were executed."""

    def __init__(self, registered: Iterable[str] = (), most: int = MOST_NAMES) -> None:
        self._known = set(registered)
        self._room = most

    def label(self, name: str | None, *, is_known_document: bool = True) -> str:
        """The label of an operation; a request that never led to a document has no name that could be believed."""
        if not is_known_document:
            return REFUSED
        if name is None:
            return UNNAMED
        if name not in self._known:
            if self._room <= 0 or len(name) > LONGEST_NAME:
                return OTHER
            self._room -= 1
            self._known.add(name)
        return name


def read_registered(manifests: Iterable[Path]) -> Iterator[str]:
    """The names of all operations in these files of registered documents."""
    for manifest in manifests:
        for source in read_manifest(manifest.read_bytes()).values():
            for definition in parse(source).definitions:
                if isinstance(definition, OperationDefinitionNode) and definition.name:
                    yield definition.name.value
