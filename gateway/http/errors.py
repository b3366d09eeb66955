"""The one shape of everything that goes wrong, and the only place where it is given.

    {"errors": [{"message": ..., "locations"?: ..., "path"?: ..., "extensions": {"code": ...}}]}

Every `code` is a member of `Code` or a `SourceFailureCode`; docs/errors.md explains each of them.
A message is either ours, or graphql-core's about the client's own document. Whatever else was
raised is a fault: the client reads "Internal error." and the request id, the journal gets the rest.
"""

import enum
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from graphql import GraphQLError
from graphql.language import ArgumentNode, ListValueNode, ObjectFieldNode, ObjectValueNode, ValueNode

from clients.errors import RequestRefused, SourceError, SourceFailureCode
from resolvers.context import NotSignedIn
from resolvers.refusals import BadInput

Entry: TypeAlias = dict[str, Any]
HeaderPairs: TypeAlias = tuple[tuple[bytes, bytes], ...]
Limit: TypeAlias = Literal["rate", "cost", "connections", "document", "body"]
"""What a client may be refused for asking too much of; `gateway/limits/` has the rules."""


class Code(enum.Enum):
    """Why a request was not answered; the value is public, `status` is its HTTP status."""

    BAD_REQUEST = ("BAD_REQUEST", 400)
    METHOD_NOT_ALLOWED = ("METHOD_NOT_ALLOWED", 405)
    NOT_ACCEPTABLE = ("NOT_ACCEPTABLE", 406)
    PAYLOAD_TOO_LARGE = ("PAYLOAD_TOO_LARGE", 413)
    UNSUPPORTED_MEDIA_TYPE = ("UNSUPPORTED_MEDIA_TYPE", 415)
    BATCHING_DISABLED = ("BATCHING_DISABLED", 400)
    CSRF_REFUSED = ("CSRF_REFUSED", 403)

    UNAUTHENTICATED = ("UNAUTHENTICATED", 401)
    FORBIDDEN = ("FORBIDDEN", 403)

    GRAPHQL_PARSE_FAILED = ("GRAPHQL_PARSE_FAILED", 400)
    GRAPHQL_VALIDATION_FAILED = ("GRAPHQL_VALIDATION_FAILED", 400)
    OPERATION_RESOLUTION_FAILURE = ("OPERATION_RESOLUTION_FAILURE", 400)
    BAD_USER_INPUT = ("BAD_USER_INPUT", 400)
    INTROSPECTION_DISABLED = ("INTROSPECTION_DISABLED", 400)
    LIMIT_EXCEEDED = ("LIMIT_EXCEEDED", 400)

    PERSISTED_QUERY_NOT_FOUND = ("PERSISTED_QUERY_NOT_FOUND", 200)
    PERSISTED_QUERY_NOT_SUPPORTED = ("PERSISTED_QUERY_NOT_SUPPORTED", 200)
    PERSISTED_QUERY_MISMATCH = ("PERSISTED_QUERY_MISMATCH", 400)
    DOCUMENT_NOT_FOUND = ("DOCUMENT_NOT_FOUND", 400)
    DOCUMENT_NOT_TRUSTED = ("DOCUMENT_NOT_TRUSTED", 403)

    RATE_LIMITED = ("RATE_LIMITED", 429)
    OVERLOADED = ("OVERLOADED", 503)
    DEADLINE_EXCEEDED = ("DEADLINE_EXCEEDED", 504)
    INTERNAL_ERROR = ("INTERNAL_ERROR", 500)

    def __init__(self, public: str, status: int) -> None:
        self.public = public
        self.status = status


# A well-formed request whose document or variables are wrong: media type `application/json` answers
# it with 200 (GraphQL over HTTP, 6.4.1), `application/graphql-response+json` with the code's status.
OF_THE_DOCUMENT = frozenset(
    {
        Code.GRAPHQL_PARSE_FAILED,
        Code.GRAPHQL_VALIDATION_FAILED,
        Code.OPERATION_RESOLUTION_FAILURE,
        Code.BAD_USER_INPUT,
        Code.INTROSPECTION_DISABLED,
        Code.LIMIT_EXCEEDED,
    }
)

_OURS = frozenset(code.public for code in Code)
_SOURCES = frozenset(code.value for code in SourceFailureCode)
_OF_SOURCES = ("code", "source", "retryable", "retryAfterSeconds")


class Refused(Exception):
    """A request that ends before anything is executed.

    `entries` replace the one entry made of the message, for a document with several errors.
    `headers` are added to the answer (`allow`, `retry-after`, `www-authenticate`). `limit` names the
    limit that the client is beyond, for whoever counts that.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        headers: HeaderPairs = (),
        entries: Sequence[Entry] | None = None,
        limit: Limit | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.headers = headers
        self.limit = limit
        self.entries: Sequence[Entry] = entries if entries is not None else [entry_of(code, message)]


def entry_of(code: Code, message: str, **more: Any) -> Entry:
    """Make one entry of `errors`; `more` goes to its extensions."""
    return {"message": message, "extensions": {"code": code.public, **more}}


def fault_entry(request_id: str) -> Entry:
    """Make the entry that masks a fault; the request id leads to it in the journal."""
    return entry_of(Code.INTERNAL_ERROR, "Internal error.", requestId=request_id)


def codes_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(entry["extensions"]["code"] for entry in entries)


def refuse_document(code: Code, errors: Iterable[GraphQLError]) -> Refused:
    """Refuse a document for what graphql-core says about it; its messages quote the client's text only."""
    entries = [_located(error, entry_of(code, error.message)) for error in errors]
    return Refused(code, entries[0]["message"], entries=entries)


def describe(error: GraphQLError, request_id: str) -> tuple[Entry, Exception | None]:
    """Shape an error of the execution: the public entry, and the fault that it masks, if it does."""
    cause = _cause_of(error)
    if isinstance(cause, SourceError):
        said = cause.extensions
        entry = {"message": str(cause), "extensions": {key: said[key] for key in _OF_SOURCES}}
        return _located(error, entry), None
    known = _known(cause)
    if known is not None:
        return _located(error, known), None
    return _located(error, fault_entry(request_id)), cause


def _cause_of(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and isinstance(cause.original_error, Exception):
        cause = cause.original_error
    return cause


def _known(cause: Exception) -> Entry | None:
    if isinstance(cause, NotSignedIn):
        return entry_of(Code.UNAUTHENTICATED, "This needs a signed-in customer.")
    if isinstance(cause, BadInput | RequestRefused):
        return entry_of(Code.BAD_USER_INPUT, str(cause))
    if not isinstance(cause, GraphQLError):
        return None
    if (code := (cause.extensions or {}).get("code")) in _OURS or code in _SOURCES:
        return {"message": cause.message, "extensions": {"code": code}}
    if (argument := _argument_of(cause)) is not None:
        return entry_of(Code.BAD_USER_INPUT, f"{argument} has a value that its type does not allow.")
    return None


def _argument_of(error: GraphQLError) -> str | None:
    """Name the argument that graphql-core could not coerce; its own message quotes the value."""
    node = error.nodes[0] if error.nodes else None
    if isinstance(node, ArgumentNode):
        return f"Argument '{node.name.value}'"
    if isinstance(node, ValueNode | ListValueNode | ObjectValueNode | ObjectFieldNode):
        return "An argument"
    return None


def _located(error: GraphQLError, entry: Entry) -> Entry:
    located: Entry = {"message": entry["message"]}
    if error.locations:
        located["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        located["path"] = list(error.path)
    located["extensions"] = entry["extensions"]
    return located
