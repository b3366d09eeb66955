"""Open the front door without a server: one ASGI call in, one answer out."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from graphql import GraphQLSchema

from gateway.http.documents import Documents
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.errors import Limit
from gateway.http.lookup import Lookup, TextLookup
from gateway.http.operations import Operations
from gateway.http.ports import Answered, Authenticate, Journal
from gateway.http.reference import GraphQLCoreExecutor
from gateway.http.rules import EdgeRules, SocketRules
from gateway.http.socket import SocketEndpoint, SocketParts
from gateway.limits.guard import LimitGuard
from gateway.limits.policy import LimitPolicy
from gateway.limits.slots import Slots
from resolvers.context import ANONYMOUS

GRAPHQL = "application/graphql-response+json"


class KeptJournal:
    """A journal to read in tests."""

    def __init__(self) -> None:
        self.faults: list[BaseException] = []
        self.answers: list[Answered] = []
        self.refusals: list[Limit] = []

    def fault(self, request_id: str, operation: str | None, error: BaseException) -> None:
        self.faults.append(error)

    def refused(self, limit: Limit) -> None:
        self.refusals.append(limit)

    def answered(self, answer: Answered) -> None:
        self.answers.append(answer)


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    parts: list[bytes] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.json["errors"]]


@dataclass
class Parts:
    """The parts of a front door; each may be replaced by its name in `make_parts`."""

    schema: GraphQLSchema
    lookup: Lookup
    authenticate: Authenticate
    rules: EdgeRules
    journal: Journal
    places: Slots
    operations: Operations


def make_parts(schema: GraphQLSchema, **changes: Any) -> Parts:
    """Make the parts over a schema; `policy` gives its limits, `quota` and `make_context` go to the operations."""
    policy: LimitPolicy | None = changes.pop("policy", None)
    lookup: Lookup = changes.pop("lookup", None) or TextLookup(Documents(schema, LimitGuard(schema, policy)))
    authenticate: Authenticate = changes.pop("authenticate", None) or (lambda headers: ANONYMOUS)
    rules: EdgeRules = changes.pop("rules", None) or EdgeRules()
    journal: Journal = changes.pop("journal", None) or KeptJournal()
    places: Slots = changes.pop("places", Slots())
    parts: dict[str, Any] = {
        "executor": GraphQLCoreExecutor(schema),
        "make_context": lambda facts: facts,
        **changes,
    }
    operations = Operations(schema=schema, lookup=lookup, rules=rules, journal=journal, **parts)
    return Parts(schema, lookup, authenticate, rules, journal, places, operations)


def make_endpoint(schema: GraphQLSchema, **changes: Any) -> GraphQLEndpoint:
    """Make the HTTP endpoint over a schema."""
    parts = make_parts(schema, **changes)
    return GraphQLEndpoint(
        parts.operations,
        authenticate=parts.authenticate,
        rules=parts.rules,
        journal=parts.journal,
        places=parts.places,
    )


def make_socket(schema: GraphQLSchema, socket_rules: SocketRules | None = None, **changes: Any) -> SocketEndpoint:
    """Make the WebSocket endpoint over a schema."""
    parts = make_parts(schema, **changes)
    return SocketEndpoint(
        SocketParts(
            operations=parts.operations,
            authenticate=parts.authenticate,
            journal=parts.journal,
            places=parts.places,
            origins=parts.rules.origins,
            rules=socket_rules or SocketRules(),
        )
    )


async def knock(
    app: Any,
    body: bytes | Mapping[str, Any] | None = None,
    *,
    method: str = "POST",
    address: str = "",
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    chunks: list[bytes] | None = None,
    leaves_after_s: float | None = None,
) -> Reply:
    """Send one request; a mapping is sent as JSON with the right content type.

    A client that leaves before anything was answered reads the status 0.
    """
    raw = msgspec.json.encode(body) if isinstance(body, Mapping) else (body or b"")
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers or [])
    if isinstance(body, Mapping) and not any(name == "content-type" for name, _ in pairs):
        pairs.append(("content-type", "application/json"))
    waiting = chunks if chunks is not None else [raw]
    messages = [
        {"type": "http.request", "body": part, "more_body": number + 1 < len(waiting)}
        for number, part in enumerate(waiting)
    ]
    sent: list[Any] = []
    gone = asyncio.Event()
    if leaves_after_s is not None:
        asyncio.get_running_loop().call_later(leaves_after_s, gone.set)

    async def receive() -> Any:
        if not messages:
            await gone.wait()
            return {"type": "http.disconnect"}
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": "/graphql",
        "query_string": address.encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    if not sent:
        return Reply(0, {}, b"")
    start, *rest = sent
    parts = [message["body"] for message in rest if message.get("body")]
    answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Reply(start["status"], answered, b"".join(parts), parts)
