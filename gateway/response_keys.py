"""What names an answer in the response level, and what is known of the documents that ask for answers."""

from typing import Any

import msgspec
from graphql import DocumentNode
from graphql.language import FieldNode, Visitor, visit

from gateway.cache.response import ResponseKey
from gateway.http.documents import Prepared
from gateway.http.ports import RequestFacts

OF_THE_MOMENT = frozenset({"ageSeconds", "state", "sources"})
"""Fields whose value depends on when it is written."""

_TRAITS = "response level"


class DocumentTraits(msgspec.Struct):
    """What is known of a document: whether it tells ages, and what it proved for the signed-in.

    Private, and perhaps of such a kind that no draft of its answers can be made.
    """

    tells_ages: bool
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
        traits = prepared.compiled[_TRAITS] = DocumentTraits(tells_ages=tells_ages(prepared.document))
    return traits


def tells_ages(document: DocumentNode) -> bool:
    """Whether any field of the document depends on the moment of writing."""
    search = _MomentFinder()
    visit(document, search)
    return search.found


class _MomentFinder(Visitor):
    """Looks for the fields whose value depends on when it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.found = self.found or node.name.value in OF_THE_MOMENT
