"""The GraphQL endpoint: one ASGI application, nothing between it and the server.

    documents = Documents(schema, guard)
    endpoint = GraphQLEndpoint(
        lookup=TextLookup(documents),
        executor=GraphQLCoreExecutor(schema),
        authenticate=lambda headers: ANONYMOUS,
        make_context=lambda facts: Context(...),
        rules=EdgeRules(),
        schema=schema,
    )
    app = Starlette(routes=[Route("/graphql", endpoint)])    # Starlette routes, and sees nothing else

The way of a request: negotiate, read, look the document up, ask who is there, execute, write.
Whatever is refused on the way ends as `Refused`, and is written in one place.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, TypeVar

from graphql import GraphQLSchema
from graphql.language import VariableDefinitionNode

from clients.eventual import Eventual
from clients.http import CallTerms, call_terms
from gateway.http.addresses import parse_address
from gateway.http.answer import Answer, Headers, Send, Stream, send_answer
from gateway.http.body import BodyLimits, Disconnected, Receive, parse_body, read_body
from gateway.http.coercion import explain_variables
from gateway.http.documents import Prepared, is_mutation, is_subscription
from gateway.http.envelope import write_result
from gateway.http.errors import OF_THE_DOCUMENT, Code, Entry, Refused, describe
from gateway.http.identifiers import make_request_ids
from gateway.http.journal import LogJournal
from gateway.http.lookup import Lookup
from gateway.http.negotiation import Accepts, Media, is_json, read_accept
from gateway.http.origins import Origins, refuse_simple
from gateway.http.params import Params
from gateway.http.ports import (
    Answered,
    Authenticate,
    Executor,
    Incremental,
    Journal,
    MakeContext,
    RequestFacts,
    Result,
)

T = TypeVar("T")
Scope = MutableMapping[str, Any]

_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
    (b"vary", b"Accept, Accept-Encoding, Origin"),
]
_NO_STORE = (b"cache-control", b"no-store")
_SINGULAR = frozenset({b"authorization", b"content-type", b"content-length", b"content-encoding", b"origin", b"host"})
_PLAIN = Accepts(single=Media.JSON)


@dataclass(frozen=True, slots=True)
class EdgeRules:
    """How open the door is. The defaults are production's; seconds are of the loop's clock.

    `get_queries` lets queries travel in addresses. `introspection` opens `__schema` and `__type`.
    """

    get_queries: bool = False
    introspection: bool = False
    query_deadline_s: float = 8.0
    mutation_deadline_s: float = 12.0
    body: BodyLimits = field(default_factory=BodyLimits)
    origins: Origins = field(default_factory=Origins)


@dataclass(slots=True)
class _Exchange:
    """One request on its way, and what became known of it so far."""

    scope: Scope
    receive: Receive
    headers: Mapping[bytes, bytes]
    request_id: str
    started_s: float
    accepts: Accepts = _PLAIN
    facts: RequestFacts | None = None


class GraphQLEndpoint:
    """Serve GraphQL over HTTP at whatever path it is mounted."""

    def __init__(
        self,
        *,
        schema: GraphQLSchema,
        lookup: Lookup,
        executor: Executor,
        authenticate: Authenticate,
        make_context: MakeContext,
        rules: EdgeRules | None = None,
        journal: Journal | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._schema = schema
        self._lookup = lookup
        self._executor = executor
        self._authenticate = authenticate
        self._make_context = make_context
        self._rules = rules or EdgeRules()
        self._journal = journal or LogJournal()
        self._wall_clock = wall_clock
        self._request_id = make_request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        exchange = _Exchange(scope, receive, headers, self._request_id(headers.get(b"x-request-id")), time.monotonic())
        try:
            answer = await self._answer(exchange)
        except Refused as refusal:
            answer = _refusal(refusal, exchange.accepts)
        except Disconnected:
            return
        except Exception as fault:  # noqa: BLE001
            answer = self._fault(exchange, fault)
        await self._send(exchange, send, answer)

    async def _answer(self, exchange: _Exchange) -> Answer | Stream:
        method = exchange.scope["method"]
        if method == "OPTIONS":
            return Answer(204, Media.JSON, b"", self._rules.origins.preflight(exchange.headers.get(b"origin")))
        _refuse_repeated(exchange)
        exchange.accepts = read_accept(exchange.headers.get(b"accept", b""))
        params = await self._read(method, exchange)
        prepared = await _soon(self._lookup.find(params))
        facts = await self._facts(exchange, params, prepared)
        exchange.facts = facts
        return await self._execute(exchange, facts)

    async def _read(self, method: str, exchange: _Exchange) -> Params:
        headers = exchange.headers
        if method == "POST":
            if not is_json(headers.get(b"content-type", b"")):
                raise Refused(
                    Code.UNSUPPORTED_MEDIA_TYPE, "Expected content-type application/json, UTF-8; got another."
                )
            if b"content-encoding" in headers:
                raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Expected a body without content-encoding; got one with it.")
            body = await read_body(exchange.receive, headers.get(b"content-length"), self._rules.body)
            return parse_body(body, self._rules.body)
        if method == "GET":
            refuse_simple(headers)
            params = parse_address(exchange.scope["query_string"])
            if params.query is not None and not self._rules.get_queries:
                raise _not_allowed("Expected a registered document; a 'query' in an address is not taken.", b"POST")
            return params
        raise _not_allowed("Expected POST or GET.", b"GET, POST")

    async def _facts(self, exchange: _Exchange, params: Params, prepared: Prepared) -> RequestFacts:
        operation = prepared.operation(params.operation_name)
        if exchange.scope["method"] == "GET" and (is_mutation(operation) or is_subscription(operation)):
            raise _not_allowed("Expected a query in a GET request; other operations are sent with POST.", b"POST")
        viewer = await _soon(self._authenticate(exchange.headers))
        if prepared.introspects and not self._rules.introspection:
            raise Refused(Code.INTROSPECTION_DISABLED, "Expected no __schema and no __type; introspection is off here.")
        variables = params.variables or {}
        prepared.demand.check_variables(operation, variables)
        limit_s = self._rules.mutation_deadline_s if is_mutation(operation) else self._rules.query_deadline_s
        client = exchange.scope.get("client")
        return RequestFacts(
            request_id=exchange.request_id,
            viewer=viewer,
            headers=exchange.headers,
            client=client[0] if client else "",
            prepared=prepared,
            operation=operation,
            variables=variables,
            received_at=self._wall_clock(),
            deadline=asyncio.get_running_loop().time() + limit_s,
        )

    async def _execute(self, exchange: _Exchange, facts: RequestFacts) -> Answer | Stream:
        call_terms.set(CallTerms(deadline=facts.deadline))
        outcome = self._executor.execute(facts, self._make_context(facts))
        if isawaitable(outcome):
            try:
                async with asyncio.timeout_at(facts.deadline):
                    outcome = await outcome
            except TimeoutError:
                raise Refused(Code.DEADLINE_EXCEEDED, "The operation did not end within its time.") from None
        assert not isinstance(outcome, Incremental)
        return self._whole(exchange, facts, outcome)

    def _whole(self, exchange: _Exchange, facts: RequestFacts, result: Result) -> Answer:
        media = exchange.accepts.single or Media.JSON
        entries = self._entries(facts, result) if result.errors else []
        body = write_result(result.data, entries, result.extensions)
        status = 400 if result.data is None and media is Media.GRAPHQL else 200
        return Answer(status, media, body, codes=_codes(entries))

    def _entries(self, facts: RequestFacts, result: Result) -> list[Entry]:
        if result.data is None and any(_is_of_variables(error.nodes) for error in result.errors):
            return explain_variables(self._schema, facts.operation, facts.variables)
        entries = []
        for error in result.errors:
            entry, fault = describe(error, facts.request_id)
            if fault is not None:
                self._journal.fault(facts.request_id, _name(facts), fault)
            entries.append(entry)
        return entries

    def _fault(self, exchange: _Exchange, fault: Exception) -> Answer:
        self._journal.fault(exchange.request_id, _name(exchange.facts), fault)
        refusal = Refused(Code.INTERNAL_ERROR, "Internal error.")
        refusal.entries[0]["extensions"]["requestId"] = exchange.request_id
        return _refusal(refusal, exchange.accepts)

    async def _send(self, exchange: _Exchange, send: Send, answer: Answer | Stream) -> None:
        assert isinstance(answer, Answer)
        headers = [
            (b"content-type", answer.media.value),
            (b"x-request-id", exchange.request_id.encode("ascii")),
            _NO_STORE,
            *_SAFE,
            *answer.headers,
            *self._rules.origins.headers(exchange.headers.get(b"origin")),
        ]
        await send_answer(send, answer, headers)
        facts = exchange.facts
        self._journal.answered(
            Answered(
                request_id=exchange.request_id,
                operation=_name(facts),
                document=facts.prepared.sha256 if facts else None,
                status=answer.status,
                codes=answer.codes,
                took_s=time.monotonic() - exchange.started_s,
                is_signed_in=facts is not None and facts.viewer.customer_id is not None,
            )
        )


async def _soon(eventual: Eventual[T]) -> T:
    return await eventual if isinstance(eventual, Awaitable) else eventual


def _refuse_repeated(exchange: _Exchange) -> None:
    pairs = exchange.scope["headers"]
    if len(pairs) == len(exchange.headers):
        return
    names = [name for name, _ in pairs if name in _SINGULAR]
    if len(names) != len(set(names)):
        raise Refused(Code.BAD_REQUEST, "Expected each of authorization, content-type, host and origin once; got two.")


def _refusal(refusal: Refused, accepts: Accepts) -> Answer:
    media = accepts.single or Media.JSON
    lenient = media is Media.JSON and refusal.code in OF_THE_DOCUMENT
    body = write_result(None, refusal.entries)
    status = 200 if lenient else refusal.code.status
    return Answer(status, media, body, list(refusal.headers), _codes(refusal.entries))


def _not_allowed(message: str, allow: bytes) -> Refused:
    return Refused(Code.METHOD_NOT_ALLOWED, message, headers=((b"allow", allow),))


def _codes(entries: Any) -> tuple[str, ...]:
    return tuple(entry["extensions"]["code"] for entry in entries)


def _is_of_variables(nodes: Any) -> bool:
    return bool(nodes) and isinstance(nodes[0], VariableDefinitionNode)


def _name(facts: RequestFacts | None) -> str | None:
    return facts.operation.name.value if facts and facts.operation.name else None
