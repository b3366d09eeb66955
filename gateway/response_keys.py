"""What names an answer in the response level, and what is known of the documents that ask for answers."""

from typing import Any

import msgspec
from graphql import DocumentNode
from graphql.language import FieldNode, Visitor, visit

from gateway.cache.response import ResponseKey, Shows
from gateway.http.documents import Prepared
from gateway.http.ports import RequestFacts

OF_THE_MOMENT = frozenset({"ageSeconds", "state", "sources"})
"""Fields whose value depends on when it is written."""

STAMPS = frozenset({"freshness", "observedAt"})
"""Fields that tell when a value was observed."""

_TRAITS = "response level"


class DocumentTraits(msgspec.Struct):
    """What is known of a document: what of time it shows, and what it proved for the signed-in.

    Private, and perhaps of such a kind that no draft of its answers can be made.
    """

    shows: Shows
    is_private: bool = False
    has_no_draft: bool = False


def response_key(facts: RequestFacts) -> ResponseKey:
    """What names the answer beside its audience."""
    name = facts.operation.name
    return ResponseKey(facts.prepared.sha256, name.value if name else None, msgspec.json.encode(facts.variables))


def traits_of(prepared: Prepared) -> DocumentTraits:
    """The traits of a document; found once and kept with it."""
    traits = prepared.compiled.get(_TRAITS)
    if not isinstance(traits, DocumentTraits):
        traits = prepared.compiled[_TRAITS] = DocumentTraits(shows=what_shows(prepared.document))
    return traits


def what_shows(document: DocumentNode) -> Shows:
    """What of time the answers to a document show."""
    names = _FieldNames()
    visit(document, names)
    if names.found & OF_THE_MOMENT:
        return Shows.AGES
    return Shows.STAMPS if names.found & STAMPS else Shows.VALUES


class _FieldNames(Visitor):
    """The names of all fields of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.found.add(node.name.value)
