"""What the front door needs of the rooms behind it: the smallest interfaces that serve it."""

from collections.abc import AsyncGenerator, Awaitable, Hashable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from graphql import GraphQLError
from graphql.language import OperationDefinitionNode

from clients.eventual import Eventual
from gateway.http.documents import Prepared
from gateway.http.errors import Limit
from gateway.http.terms import CacheTerms
from resolvers.context import Viewer


class RequestFacts(msgspec.Struct, frozen=True, gc=False):
    """All that is known of a request when its execution begins.

    `headers` in lower case, values as sent. `client` is the peer's address. `received_at` is in
    epoch seconds, `deadline` on the event loop's clock. `variables` are the client's, not yet coerced;
    `cost` is the static cost with them.
    `sketch` and `draft` are the engine's own: a wish for a draft of this answer, and one to fill in.
    """

    request_id: str
    viewer: Viewer
    headers: Mapping[bytes, bytes]
    client: str
    prepared: Prepared
    operation: OperationDefinitionNode
    variables: Mapping[str, Any]
    received_at: float
    deadline: float
    cost: int = 0
    sketch: Any = None
    draft: Any = None


class KeptAnswer(Protocol):
    """A whole answer without errors that the response level keeps.

    `place` is where: `Recall` finds it there for everybody for whom it is. `forms` are its bodies by
    content coding, kept for as long as it is; whoever makes one puts it there.
    """

    @property
    def body(self) -> bytes: ...
    @property
    def place(self) -> Hashable: ...
    @property
    def forms(self) -> MutableMapping[bytes, bytes]: ...


class Result(msgspec.Struct, frozen=True):
    """One whole answer. `data` is JSON, `b"null"` when null reached the root, None when execution never began.

    `terms` say what caches may do with it; without them it is not kept anywhere. `kept` is the same answer in the
    response level, if that is where it was found.
    """

    data: bytes | None
    errors: Sequence[GraphQLError] = ()
    extensions: bytes | None = None
    terms: CacheTerms | None = None
    kept: KeptAnswer | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A part that will come later: where it belongs, and the client's label for it."""

    id: str
    path: Sequence[str | int]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """One part that came: `data` of a fragment, or `items` of a list, as JSON."""

    id: str
    data: bytes | None = None
    items: bytes | None = None
    sub_path: Sequence[str | int] = ()
    errors: Sequence[GraphQLError] = ()


@dataclass(frozen=True, slots=True)
class Completed:
    """A pending part is done; `errors` say that it failed as a whole."""

    id: str
    errors: Sequence[GraphQLError] = ()


@dataclass(frozen=True, slots=True)
class Increment:
    """What came at one moment."""

    pending: Sequence[Pending] = ()
    patches: Sequence[Patch] = ()
    completed: Sequence[Completed] = ()
    has_next: bool = True


@dataclass(frozen=True, slots=True)
class Incremental:
    """An answer in parts: the first at once, the rest as it comes. `rest` must be closed when abandoned."""

    first: Result
    pending: Sequence[Pending]
    rest: AsyncGenerator[Increment, None]


class Executor(Protocol):
    """Whoever runs prepared documents: graphql-core (`gateway/http/reference.py`) or the gateway's own engine.

    Variables come as the client sent them; when they cannot be coerced, the Result has no data
    and errors at the variables' definitions.
    """

    def execute(self, facts: RequestFacts, context: Any) -> Eventual[Result | Incremental]:
        """Run a query or a mutation; answers at once when nothing had to be waited for."""

    def subscribe(self, facts: RequestFacts, context: Any) -> Awaitable[AsyncGenerator[Result, None] | Result]:
        """Start a subscription; a Result says why it could not be started."""


class Recall(Protocol):
    """Find an answer where the response level keeps it; None when it is gone, purged or no longer true."""

    def __call__(self, place: Hashable, /) -> KeptAnswer | None: ...


class Authenticate(Protocol):
    """Tell who asks from the headers; raises Refused(UNAUTHENTICATED) for a token that is not good."""

    def __call__(self, headers: Mapping[bytes, bytes]) -> Eventual[Viewer]: ...


class MakeContext(Protocol):
    """Make the context that resolvers see."""

    def __call__(self, facts: RequestFacts) -> Any: ...


class Quota(Protocol):
    """Who may ask how much; both methods raise Refused(RATE_LIMITED) when it is used up."""

    def admit(self, customer_id: str | None, address: str) -> Eventual[None]:
        """Count one request, before its document is looked at."""

    def charge(self, customer_id: str | None, address: str, cost: int) -> Eventual[None]:
        """Count the static cost of what the request asks for."""


class Permissions(Protocol):
    """Who may ask for what; raises Refused, UNAUTHENTICATED or FORBIDDEN."""

    def check(self, prepared: Prepared, operation: OperationDefinitionNode, viewer: Viewer) -> None: ...


class Places(Protocol):
    """Places for long answers; `hold` raises Refused when none is free."""

    def hold(self, customer_id: str | None, address: str) -> AbstractContextManager[None]: ...


class Journal(Protocol):
    """Where the front door reports; nothing here holds variables, tokens or bodies."""

    def fault(self, request_id: str, operation: str | None, error: BaseException) -> None:
        """Record what a client read as "Internal error."."""

    def refused(self, limit: Limit) -> None:
        """Count a request that was refused for asking too much."""

    def answered(self, answer: "Answered") -> None:
        """Record an answer that was given."""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """One answer, for access logs and metrics: times in seconds, `codes` of the errors in it."""

    request_id: str
    operation: str | None
    document: str | None
    status: int
    codes: tuple[str, ...]
    took_s: float
    is_signed_in: bool
