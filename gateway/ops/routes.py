"""Everything that the operations listener answers.

GET  /metrics              all workers' figures, for Prometheus
GET  /ops                  the page, or the form that asks for the token
POST /ops/session          {token, who} -> 204 and a cookie
GET  /ops/live             the board, once a second, as server-sent events
GET  /ops/past             the last hour: {step, sources: {name: {at, hit, stale, sent}}}
GET  /ops/keys             {missed: {dataset: [[key, count]]}, largest: [entry], deeds: [deed]}
GET  /ops/entries?q=       entries by tag or key
GET  /ops/lab/{dataset}    what other terms would have done
GET  /ops/lab/{dataset}/sizes   what another size of memory would have done
POST /ops/purge            {tags} -> {done, notes}
POST /ops/breakers         {source, operation, state} -> {done, notes}

What changes something needs the header `x-ops`, which no other site's page can send.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clients.values import Dataset, DataSource
from gateway.cache.tags import InvalidTag, parse_tag
from gateway.ops.access import COOKIE, SESSION_S, SOMEBODY, Access, is_own_page
from gateway.ops.desk import HOLDS
from gateway.ops.office import Office

ASSETS: Final = Path(__file__).parent / "assets"
PAGE: Final = Path(__file__).parent / "page"
EVERY_S: Final = 1.0
LONGEST_BODY: Final = 16 * 1024
WRONG_TOKEN_S: Final = 0.5
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
T = TypeVar("T")
Handler = Callable[[Request, str], Awaitable[Response]]


class Credentials(msgspec.Struct, frozen=True):
    """What the form sends."""

    token: str
    who: str = SOMEBODY


class TagsToPurge(msgspec.Struct, frozen=True):
    """What a purge names."""

    tags: list[str]


SOURCE: Final = rf"^({'|'.join(DataSource.__members__)})(/[a-z0-9_]{{1,20}})?$"
"""A source as figures name it: `DELIVERY`, and `DELIVERY/cdek` for a system beside its first one."""


class BreakerToHold(msgspec.Struct, frozen=True):
    """Which breaker, and "open", "closed" or "auto"."""

    source: Annotated[str, msgspec.Meta(pattern=SOURCE)]
    operation: str
    state: str


class _Unreadable(Exception):
    """A request that is not what it should be; the message says what was expected."""

    def __init__(self, said: str, status: int = 400) -> None:
        super().__init__(said)
        self.status = status


def make_ops_app(office: Office, access: Access, *, is_secure: bool) -> ASGIApp:
    """The application of the second listener; `is_secure` marks the cookie for HTTPS only."""
    return OpsRoutes(office, access, is_secure=is_secure).app()


class OpsRoutes:
    """The handlers, over one worker's office."""

    def __init__(self, office: Office, access: Access, *, is_secure: bool) -> None:
        self._office = office
        self._access = access
        self._is_secure = is_secure

    def app(self) -> ASGIApp:
        """All routes."""
        reading: list[tuple[str, Handler]] = [
            ("/metrics", self.metrics),
            ("/ops/live", self.live),
            ("/ops/past", self.past),
            ("/ops/keys", self.keys),
            ("/ops/entries", self.entries),
            ("/ops/lab/{dataset}", self.lab),
            ("/ops/lab/{dataset}/sizes", self.sizes),
        ]
        acting: list[tuple[str, Handler]] = [("/ops/purge", self.purge), ("/ops/breakers", self.breakers)]
        routes: list[BaseRoute] = [
            Route("/", lambda _: RedirectResponse("/ops")),
            Route("/ops", self.page),
            Route("/ops/session", self.enter, methods=["POST"]),
            *(Route(path, self._guarded(handler)) for path, handler in reading),
            *(Route(path, self._guarded(_own(handler)), methods=["POST"]) for path, handler in acting),
            Mount("/ops/assets", app=_with_headers(StaticFiles(directory=ASSETS))),
            Mount("/ops/page", app=_with_headers(StaticFiles(directory=PAGE))),
        ]
        return Starlette(routes=routes)

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            who = self._access.find_visitor(request)
            if who is None:
                return refuse(401, "Expected the operations token as a bearer token or a session; got neither.")
            try:
                return await handler(request, who)
            except _Unreadable as error:
                return refuse(error.status, str(error))

        return guarded

    async def page(self, request: Request) -> Response:
        """The page itself has nothing in it; what it shows is guarded."""
        is_known = self._access.find_visitor(request) is not None
        if not is_known and not self._access.token:
            return refuse(403, "Expected an address of this machine, such as 127.0.0.1; got another name.")
        name, status = ("index.html", 200) if is_known else ("enter.html", 401)
        return FileResponse(PAGE / name, status, HEADERS)

    async def enter(self, request: Request) -> Response:
        """Trade the token for a session."""
        try:
            given = await read_body(request, Credentials)
        except _Unreadable as error:
            return refuse(400, str(error))
        if not is_own_page(request) or not self._access.token or not self._access.is_token(given.token):
            await asyncio.sleep(WRONG_TOKEN_S)
            return refuse(401, "Expected the operations token; got another.")
        answer = Response(status_code=204, headers=HEADERS)
        session = self._access.write_session(given.who or SOMEBODY)
        answer.set_cookie(COOKIE, session, max_age=SESSION_S, httponly=True, samesite="strict", secure=self._is_secure)
        return answer

    async def metrics(self, request: Request, _: str) -> Response:
        page = await self._office.expose(request.headers.get("accept", ""))
        return Response(page.body, headers=HEADERS | {"content-type": page.content_type})

    async def live(self, request: Request, _: str) -> Response:
        events = self._events(request)
        return StreamingResponse(events, headers=HEADERS | {"x-accel-buffering": "no"}, media_type="text/event-stream")

    async def _events(self, request: Request) -> AsyncIterator[bytes]:
        closing = self._office.closing
        while not closing.is_set() and not await request.is_disconnected():
            yield b"data: " + msgspec.json.encode(await self._office.draw()) + b"\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), EVERY_S)

    async def past(self, _: Request, __: str) -> Response:
        return answer_json(await self._office.recall())

    async def keys(self, _: Request, __: str) -> Response:
        return answer_json(await self._office.describe_keys())

    async def entries(self, request: Request, _: str) -> Response:
        text = request.query_params.get("q", "").strip()
        if not text:
            return refuse(400, "Expected ?q= with a tag or a part of a key; got nothing.")
        return answer_json(await self._office.look_up(text))

    async def lab(self, request: Request, _: str) -> Response:
        return answer_json(await self._office.try_terms(read_dataset(request)))

    async def sizes(self, request: Request, _: str) -> Response:
        return answer_json(await self._office.try_sizes(read_dataset(request)))

    async def purge(self, request: Request, who: str) -> Response:
        given = await read_body(request, TagsToPurge)
        try:
            tags = tuple(parse_tag(tag.strip()) for tag in given.tags)
        except InvalidTag as error:
            return refuse(400, str(error))
        return answer_json(await self._office.purge(tags, who)) if tags else refuse(400, "Expected a tag; got none.")

    async def breakers(self, request: Request, who: str) -> Response:
        given = await read_body(request, BreakerToHold)
        if given.state not in HOLDS:
            return refuse(400, f"Expected state to be one of {', '.join(HOLDS)}; got {given.state!r}.")
        return answer_json(await self._office.hold(given.source, given.operation, given.state, who))


def _own(handler: Handler) -> Handler:
    async def own(request: Request, who: str) -> Response:
        if not is_own_page(request):
            return refuse(403, "Expected the header `x-ops: 1`; got none.")
        return await handler(request, who)

    return own


def read_dataset(request: Request) -> Dataset:
    """The dataset that the address names."""
    name = request.path_params["dataset"]
    if name not in Dataset.__members__.values():
        raise _Unreadable(f"Expected one of {', '.join(Dataset)}; got {name!r}.", 404)
    return Dataset(name)


async def read_body(request: Request, shape: type[T]) -> T:
    """A JSON body of this shape."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise _Unreadable(f"Expected a body of at most {LONGEST_BODY} bytes; got more.")
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Unreadable(f"Expected a JSON body; {error}.") from None


def answer_json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), headers=HEADERS, media_type="application/json")


def refuse(status: int, detail: str) -> Response:
    """A refusal in RFC 9457's shape."""
    body = msgspec.json.encode({"status": status, "detail": detail})
    return Response(body, status, HEADERS, "application/problem+json")


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Static files under the page's own policy; they may be kept, but are asked about anew."""
    extra = [(name.encode(), value.encode()) for name, value in (HEADERS | {"cache-control": "no-cache"}).items()]

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await app(scope, receive, send_more)

    return serve
