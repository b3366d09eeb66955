"""Documents as they are worked with: parsed, within limits, valid; done once per text and kept."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

from graphql import DocumentNode, GraphQLSchema, GraphQLSyntaxError, validate
from graphql.language import REMOVE, FieldNode, OperationDefinitionNode, OperationType, Visitor, visit

from gateway.http.errors import Code, Refused, refuse_document

MAX_ERRORS = 5


class DocumentGuard(Protocol):
    """What refuses a document for its size; both methods raise `Refused`."""

    def parse(self, source: str) -> DocumentNode:
        """Parse, and stop where the text becomes too long; GraphQLSyntaxError for what is no document."""

    def check_document(self, document: DocumentNode, sha256: str) -> "Demand":
        """Look at the parsed document before it is validated, which can be slow for a hostile one."""


class Demand(Protocol):
    """What a document asks for, as far as that depends on variables."""

    def weigh(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """Tell the static cost with these variables; raises `Refused` when they make the operation too expensive."""

    def cost(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """Tell the static cost with these variables."""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Prepared:
    """A document that may be executed.

    `operations` by name; a lone operation stands under None as well. `compiled` belongs to the
    executor: what it keeps there (a plan per operation) lives exactly as long as the document.
    `whole` is the same document without `@defer` and `@stream`, where it has any: for clients that
    read one answer only.
    """

    document: DocumentNode
    source: str
    sha256: str
    operations: Mapping[str | None, OperationDefinitionNode]
    demand: Demand
    introspects: bool
    whole: "Prepared | None" = None
    compiled: dict[Any, Any] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Pick the operation to execute (GraphQL specification, 6.1)."""
        found = self.operations.get(name)
        if found is None:
            names = ", ".join(repr(known) for known in self.operations if known)
            got = "no operationName" if name is None else "an operationName that the document does not define"
            raise Refused(Code.OPERATION_RESOLUTION_FAILURE, f"Expected operationName to be one of {names}; got {got}.")
        return found


class Documents:
    """A bounded cache of prepared documents and of refusals, by text.

    `max_characters` bounds the sum of the texts kept (a prepared page takes about 75 times its text
    in memory, so the default is some 40 MB); refusals have a smaller cache of their own, so nobody can push out good
    documents by sending bad ones.
    """

    def __init__(
        self, schema: GraphQLSchema, guard: DocumentGuard, *, max_characters: int = 500_000, max_refusals: int = 200
    ) -> None:
        self.schema = schema
        self._guard = guard
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()
        self._refused: OrderedDict[str, Refused] = OrderedDict()
        self._pinned: dict[str, Prepared] = {}
        self._by_hash: dict[str, Prepared] = {}
        self._characters = 0
        self._max_characters = max_characters
        self._max_refusals = max_refusals

    def find(self, source: str) -> Prepared:
        """Prepare this text, or find it prepared; raises Refused for what may not be executed."""
        known = self._pinned.get(source) or self._prepared.get(source)
        if known is not None:
            if known.source in self._prepared:
                self._prepared.move_to_end(source)
            return known
        refused = self._refused.get(source)
        if refused is not None:
            raise refused.with_traceback(None)
        try:
            prepared = self._prepare(source)
        except Refused as refusal:
            self._keep_refusal(source, refusal)
            raise
        self._keep(prepared)
        return prepared

    def recall(self, sha256: str) -> Prepared | None:
        """Find a prepared document by the SHA-256 of its text, while it is kept."""
        return self._by_hash.get(sha256)

    def keep_in_use(self, prepared: Prepared) -> bool:
        """Count a prepared document as just used; False when it is no longer kept."""
        if self._prepared.get(prepared.source) is prepared:
            self._prepared.move_to_end(prepared.source)
            return True
        return self._pinned.get(prepared.source) is prepared

    def pin(self, source: str) -> Prepared:
        """Prepare a document that is never forgotten: one registered at start."""
        prepared = self._pinned.get(source) or self._prepare(source)
        self._pinned[source] = prepared
        return prepared

    def __len__(self) -> int:
        return len(self._prepared) + len(self._pinned)

    def _prepare(self, source: str) -> Prepared:
        document = self._parse(source)
        sha256 = hashlib.sha256(source.encode()).hexdigest()
        demand = self._guard.check_document(document, sha256)
        errors = validate(self.schema, document, max_errors=MAX_ERRORS, hide_suggestions=True)
        if errors:
            raise refuse_document(Code.GRAPHQL_VALIDATION_FAILED, errors)
        seen = _Survey()
        visit(document, seen)
        prepared = Prepared(document, source, sha256, _operations(document), demand, seen.introspects)
        if not seen.increments:
            return prepared
        plain = visit(document, _WithoutIncrements())
        whole = replace(prepared, document=plain, operations=_operations(plain), compiled={})
        return replace(prepared, whole=whole)

    def _parse(self, source: str) -> DocumentNode:
        try:
            return self._guard.parse(source)
        except GraphQLSyntaxError as error:
            raise refuse_document(Code.GRAPHQL_PARSE_FAILED, [error]) from None

    def _keep(self, prepared: Prepared) -> None:
        self._prepared[prepared.source] = prepared
        self._by_hash[prepared.sha256] = prepared
        self._characters += len(prepared.source)
        while self._characters > self._max_characters and len(self._prepared) > 1:
            source, gone = self._prepared.popitem(last=False)
            del self._by_hash[gone.sha256]
            self._characters -= len(source)

    def _keep_refusal(self, source: str, refusal: Refused) -> None:
        self._refused[source] = refusal
        if len(self._refused) > self._max_refusals:
            self._refused.popitem(last=False)


def _operations(document: DocumentNode) -> Mapping[str | None, OperationDefinitionNode]:
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    operations: dict[str | None, OperationDefinitionNode] = {
        node.name.value if node.name else None: node for node in found
    }
    if len(found) == 1:
        operations[None] = found[0]
    return MappingProxyType(operations)


class _Survey(Visitor):
    """See which documents need more than a plain answer."""

    def __init__(self) -> None:
        super().__init__()
        self.introspects = False
        self.increments = False

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value in ("__schema", "__type"):
            self.introspects = True

    def enter_directive(self, node: Any, *_: Any) -> None:
        if node.name.value in ("defer", "stream"):
            self.increments = True


class _WithoutIncrements(Visitor):
    """Make a document's answer come whole."""

    def enter_directive(self, node: Any, *_: Any) -> Any:
        return REMOVE if node.name.value in ("defer", "stream") else None


def is_mutation(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.MUTATION


def is_subscription(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.SUBSCRIPTION
