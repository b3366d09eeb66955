"""The GraphQL endpoint: one ASGI application, nothing between it and the server.

    documents = Documents(schema, LimitGuard(schema))
    operations = Operations(
        schema=schema,
        lookup=TextLookup(documents),
        executor=GraphQLCoreExecutor(schema),
        make_context=lambda facts: Context(...),
        rules=rules,
        journal=LogJournal(),
    )
    endpoint = GraphQLEndpoint(operations, authenticate=lambda headers: ANONYMOUS, rules=rules, journal=LogJournal())
    app = Starlette(routes=[Route("/graphql", endpoint)])    # Starlette routes, and sees nothing else

The way of a request: negotiate, read, ask who is there, look the document up, execute, write.
Whatever is refused on the way ends as `Refused`, and is written in one place.
"""

import time
from collections.abc import AsyncGenerator, Hashable, Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gateway.http.addresses import parse_address
from gateway.http.answer import WHOLE_ANSWERS, Answer, Headers, Send, Stream, send_answer, write_head
from gateway.http.body import Disconnected, Receive, parse_body, read_body
from gateway.http.caching import NO_STORE, cache_headers, entity_tag, is_known
from gateway.http.delivery import deliver_increments, deliver_result, deliver_results
from gateway.http.documents import Prepared, is_mutation, is_subscription
from gateway.http.envelope import write_result
from gateway.http.errors import OF_THE_DOCUMENT, Code, Refused, codes_of, fault_entry
from gateway.http.events import write_events
from gateway.http.identifiers import make_request_ids
from gateway.http.multipart import content_type, write_parts, write_subscription
from gateway.http.negotiation import Accepts, Media, is_json, read_accept
from gateway.http.operations import Operations, Visit, name_of
from gateway.http.origins import is_preflighted, refuse_simple
from gateway.http.params import Params
from gateway.http.persisted import is_hashed
from gateway.http.ports import (
    Answered,
    Authenticate,
    Incremental,
    Journal,
    Places,
    RequestFacts,
    Result,
)
from gateway.http.recognition import Recognition, while_recognised
from gateway.http.rules import EdgeRules
from gateway.http.streams import send_stream, until_disconnected, with_heartbeats
from gateway.http.ways import Question, Way, Ways, is_lasting, way_of
from gateway.limits.slots import Slots
from resolvers.context import ANONYMOUS, Viewer

Scope = MutableMapping[str, Any]

_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
    (b"vary", b"Accept, Accept-Encoding, Authorization, Origin"),
]
_SINGULAR = frozenset({b"authorization", b"content-type", b"content-length", b"content-encoding", b"origin", b"host"})
_UNREAD = Accepts(single=Media.JSON)


@dataclass(slots=True)
class _Exchange:
    """One request on its way, and what became known of it so far."""

    scope: Scope
    receive: Receive
    headers: Mapping[bytes, bytes]
    request_id: str
    started_s: float
    accepts: Accepts = _UNREAD
    facts: RequestFacts | None = None
    operation: str | None = None
    document: str | None = None

    @property
    def client(self) -> str:
        """The peer's address."""
        client = self.scope.get("client")
        return client[0] if client else ""


class GraphQLEndpoint:
    """Serve GraphQL over HTTP at whatever path it is mounted."""

    def __init__(
        self,
        operations: Operations,
        *,
        authenticate: Authenticate,
        rules: EdgeRules,
        journal: Journal,
        places: Places | None = None,
    ) -> None:
        self._operations = operations
        self._authenticate = authenticate
        self._rules = rules
        self._journal = journal
        self._places = Slots() if places is None else places
        self._request_id = make_request_ids()
        self._ways = Ways()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        exchange = _Exchange(scope, receive, headers, self._request_id(headers.get(b"x-request-id")), time.monotonic())
        try:
            answer = await self._answer(exchange)
        except Refused as refusal:
            if refusal.limit is not None:
                self._journal.refused(refusal.limit)
            answer = _refusal(refusal, exchange.accepts)
        except Disconnected:
            return
        except Exception as fault:  # noqa: BLE001
            self._journal.fault(exchange.request_id, name_of(exchange.facts), fault)
            entry = fault_entry(exchange.request_id)
            answer = _refusal(Refused(Code.INTERNAL_ERROR, entry["message"], entries=[entry]), exchange.accepts)
        await self._send(exchange, send, answer)

    async def _answer(self, exchange: _Exchange) -> Answer | Stream:
        method = exchange.scope["method"]
        if method == "OPTIONS":
            return Answer(204, None, b"", self._rules.origins.preflight(exchange.headers.get(b"origin")))
        _refuse_repeated(exchange)
        exchange.accepts = read_accept(exchange.headers.get(b"accept", b""))
        if method == "POST":
            headers = exchange.headers
            _refuse_unreadable(headers)
            body = await read_body(exchange.receive, headers.get(b"content-length"), self._rules.body)
            question = body, headers.get(b"accept")
            way = self._ways.find(question)
            if way is not None:
                answer = await self._follow(exchange, question, way)
                if answer is not None:
                    return answer
            return await self._answer_anew(exchange, parse_body(body, self._rules.body), question)
        if method == "GET":
            return await self._answer_anew(exchange, self._read_address(exchange), None)
        raise _not_allowed("Expected POST or GET.", b"GET, POST")

    async def _follow(self, exchange: _Exchange, question: Question, way: Way) -> Answer | Stream | None:
        """Answer what was asked before, from the response level if it is there; None when all is to be found anew."""
        viewer = await self._recognise(exchange)
        if viewer is ANONYMOUS and way.place is not None:
            kept = await self._operations.recall(way, viewer, exchange.client)
            if kept is not None:
                exchange.operation, exchange.document = way.operation, way.document
                return Answer(200, way.media, kept.body, kept=kept)
        facts = await self._operations.resume(way, _visit(exchange, viewer))
        if facts is None:
            return None
        answer = await self._execute(exchange, facts)
        place = _place_of(answer, viewer)
        if place is not None and place != way.place:
            self._ways.remember(question, way._replace(place=place))
        return answer

    async def _answer_anew(self, exchange: _Exchange, params: Params, question: Question | None) -> Answer | Stream:
        viewer = await self._recognise(exchange)
        visit = _visit(exchange, viewer)
        prepared = await self._operations.find(params, visit)
        facts = await self._operations.prepare(params, prepared, visit)
        answer = await self._execute(exchange, facts)
        if question is not None and is_lasting(params) and isinstance(answer, Answer):
            self._remember(question, facts, prepared, answer)
        return answer

    def _remember(self, question: Question, facts: RequestFacts, found: Prepared, answer: Answer) -> None:
        """Remember the way of a query that was asked before and is answered."""
        if answer.status != HTTPStatus.OK or answer.media is None or is_mutation(facts.operation):
            return
        if self._ways.has_met(question):
            place = _place_of(answer, facts.viewer)
            self._ways.remember(question, way_of(facts, found, place, answer.media))

    async def _recognise(self, exchange: _Exchange) -> Viewer:
        viewer = self._authenticate(exchange.headers)
        return viewer if isinstance(viewer, Viewer) else await viewer

    async def _execute(self, exchange: _Exchange, facts: RequestFacts) -> Answer | Stream:
        exchange.facts = facts
        exchange.operation, exchange.document = name_of(facts), facts.prepared.sha256
        return await self._run(exchange, facts)

    def _read_address(self, exchange: _Exchange) -> Params:
        params = parse_address(exchange.scope["query_string"])
        if params.query is not None and not (self._rules.get_queries or is_hashed(params.extensions)):
            raise _not_allowed("Expected a registered document; a 'query' in an address is not taken.", b"POST")
        self._refuse_forgery(exchange, params)
        return params

    def _refuse_forgery(self, exchange: _Exchange, params: Params) -> None:
        """Any page can make a browser send a plain GET, with its cookies: a query in it is refused, and a
        document that we know is answered as to a stranger.
        """
        if is_preflighted(exchange.headers):
            return
        if params.query is not None:
            raise refuse_simple()
        exchange.headers = {name: value for name, value in exchange.headers.items() if name != b"cookie"}

    async def _run(self, exchange: _Exchange, facts: RequestFacts) -> Answer | Stream:
        accepts = exchange.accepts
        if is_subscription(facts.operation):
            return await self._subscribe(facts, accepts)
        started = self._operations.execute(facts)
        if not isinstance(started, Result | Incremental):
            # A mutation that began is ended even when nobody waits for it any more.
            is_read = not is_mutation(facts.operation)
            started = await (until_disconnected(started, exchange.receive) if is_read else started)
        if isinstance(started, Incremental):
            assert accepts.increments is not None
            payloads = deliver_increments(self._operations, facts, started, accepts.increments)
            return Stream(content_type(accepts.increments), write_parts(payloads))
        if accepts.single is None or accepts.prefers_events:
            return self._stream(deliver_result(self._operations, facts, started), accepts)
        written = self._operations.write(facts, started)
        status = 400 if not written.began and accepts.single is Media.GRAPHQL else 200
        may_be_kept = exchange.scope["method"] == "GET" and written.began and not written.codes
        terms = started.terms if may_be_kept else None
        return Answer(status, accepts.single, written.body, codes=written.codes, terms=terms, kept=started.kept)

    async def _subscribe(self, facts: RequestFacts, accepts: Accepts) -> Answer | Stream:
        if not (accepts.events or accepts.subscriptions):
            raise Refused(
                Code.NOT_ACCEPTABLE, "Expected Accept to allow text/event-stream for a subscription; it does not."
            )
        with ExitStack() as held:
            held.enter_context(self._places.hold(facts.viewer.customer_id, facts.client))
            results = await self._operations.subscribe(facts)
            if isinstance(results, Result):
                written = self._operations.write(facts, results)
                return Answer(400, accepts.single or Media.GRAPHQL, written.body, codes=written.codes)
            recognition = Recognition(self._authenticate, facts.headers, self._rules.recognise_s)
            stream = self._stream(deliver_results(self._operations, facts, results), accepts, recognition)
            stream.held = held.pop_all()
            return stream

    def _stream(
        self, payloads: AsyncGenerator[bytes, None], accepts: Accepts, recognition: Recognition | None = None
    ) -> Stream:
        if not (accepts.events or accepts.subscriptions):
            return Stream(content_type(None), write_parts(payloads))
        beating = with_heartbeats(payloads, self._rules.heartbeat_s)
        lasting = beating if recognition is None else while_recognised(beating, recognition)
        if accepts.events:
            return Stream(Media.EVENTS.value, write_events(lasting))
        return Stream(content_type(None), write_subscription(lasting))

    async def _send(self, exchange: _Exchange, send: Send, answer: Answer | Stream) -> None:
        request_id = exchange.request_id.encode("ascii")
        origin = self._rules.origins.headers(exchange.headers.get(b"origin"))
        if isinstance(answer, Answer) and is_plain(answer) and WHOLE_ANSWERS in exchange.scope.get("extensions", ()):
            await send(self._whole(exchange, answer, request_id, origin))
            self._report(exchange, answer)
            return
        headers = [(b"x-request-id", request_id), *_SAFE, *answer.headers, *origin]
        if isinstance(answer, Stream):
            headers += [*NO_STORE, (b"content-type", answer.content_type)]
            await send_stream(send, exchange.receive, answer, headers)
        else:
            headers += cache_headers(answer.terms)
            self._encode(exchange, answer, headers)
            await send_answer(send, answer, headers)
        self._report(exchange, answer)

    def _whole(
        self, exchange: _Exchange, answer: Answer, request_id: bytes, origin: Headers
    ) -> MutableMapping[str, Any]:
        """A plain answer as one message, with the same headers as any other."""
        assert answer.media is not None
        body, coding = self._compressed(exchange, answer)
        coded = () if coding is None else ((b"content-encoding", coding),)
        rest = write_head((*_SAFE, *origin, *NO_STORE, *coded, (b"content-type", answer.media.value)))
        head = b"x-request-id: %b\r\n%bcontent-length: %d\r\n" % (request_id, rest, len(body))
        return {"type": WHOLE_ANSWERS, "head": head, "body": body}

    def _compressed(self, exchange: _Exchange, answer: Answer) -> tuple[bytes, bytes | None]:
        accepted, compression = exchange.headers.get(b"accept-encoding"), self._rules.compression
        if answer.kept is None:
            return compression.apply(answer.body, accepted)
        return compression.apply_once(answer.body, accepted, answer.kept.forms)

    def _encode(self, exchange: _Exchange, answer: Answer, headers: Headers) -> None:
        """Leave out what the client has, and compress the rest."""
        if answer.terms is not None and not answer.terms.is_private:
            tag = entity_tag(answer.body)
            headers.append((b"etag", tag))
            if is_known(tag, exchange.headers):
                answer.status, answer.media, answer.body = 304, None, b""
                return
        answer.body, coding = self._compressed(exchange, answer)
        if coding is not None:
            headers.append((b"content-encoding", coding))

    def _report(self, exchange: _Exchange, answer: Answer | Stream) -> None:
        facts = exchange.facts
        self._journal.answered(
            Answered(
                request_id=exchange.request_id,
                operation=exchange.operation,
                document=exchange.document,
                status=answer.status,
                codes=answer.codes,
                took_s=time.monotonic() - exchange.started_s,
                is_signed_in=facts is not None and facts.viewer.customer_id is not None,
            )
        )


def _visit(exchange: _Exchange, viewer: Viewer) -> Visit:
    return Visit(
        request_id=exchange.request_id,
        viewer=viewer,
        headers=exchange.headers,
        client=exchange.client,
        is_safe=exchange.scope["method"] == "GET",
        takes_parts=exchange.accepts.increments is not None,
    )


def _place_of(answer: Answer | Stream, viewer: Viewer) -> Hashable | None:
    """Where the response level keeps an answer for anonymous visitors, if it does."""
    if viewer is not ANONYMOUS or not isinstance(answer, Answer) or answer.kept is None:
        return None
    return answer.kept.place


def is_plain(answer: Answer) -> bool:
    """Whether an answer has no other head than what all answers have that no cache may keep."""
    return answer.status == HTTPStatus.OK and answer.media is not None and answer.terms is None and not answer.headers


def _refuse_unreadable(headers: Mapping[bytes, bytes]) -> None:
    if not is_json(headers.get(b"content-type", b"")):
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Expected content-type application/json, UTF-8; got another.")
    if b"content-encoding" in headers:
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Expected a body without content-encoding; got one with it.")


def _refuse_repeated(exchange: _Exchange) -> None:
    pairs = exchange.scope["headers"]
    if len(pairs) == len(exchange.headers):
        return
    names = [name for name, _ in pairs if name in _SINGULAR]
    if len(names) != len(set(names)):
        raise Refused(Code.BAD_REQUEST, "Expected each of authorization, content-type, host and origin once; got two.")


def _refusal(refusal: Refused, accepts: Accepts) -> Answer:
    """Write a refusal; `application/json` takes what is wrong with a document as 200."""
    media = accepts.single or Media.GRAPHQL
    lenient = media is Media.JSON and refusal.code in OF_THE_DOCUMENT
    status = 200 if lenient else refusal.code.status
    body = write_result(None, refusal.entries)
    return Answer(status, media, body, list(refusal.headers), codes_of(refusal.entries))


def _not_allowed(message: str, allow: bytes) -> Refused:
    return Refused(Code.METHOD_NOT_ALLOWED, message, headers=((b"allow", allow),))
