"""Starlette routes of the GraphiQL page: for development, never mounted on a public gateway.

GET  /graphiql             the page
GET  /graphiql/assets/...  its scripts, styles and fonts
GET  /graphiql/settings    {product, endpoint, signIn, tabs: [{query, variables}]}
GET  /graphiql/customers   [{id, name, note}]            only when signing in is offered
POST /graphiql/token       {customerId} -> {token}       only when signing in is offered
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.graphiql.pages import read_page_operations

ASSETS = Path(__file__).parent / "assets"
MAX_BODY_BYTES = 1024
# style-src: Monaco writes every line of text as HTML with a style attribute and makes style elements
# for its themes, and neither a hash nor a nonce can cover an attribute. data: holds its fonts and icons.
POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self' data:",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
HEADERS = {
    "content-security-policy": "; ".join(POLICY),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody to sign in as; `note` says in a few words why one would."""

    id: str
    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who may be signed in as: `issue_token` gives a bearer token, or None for an unknown customer."""

    list_customers: Callable[[], Awaitable[Sequence[Customer]]]
    issue_token: Callable[[str], Awaitable[str | None]]


def routes(*, product: str, endpoint: str = "/graphql", sign_in: SignIn | None = None) -> list[BaseRoute]:
    """What to mount at the root for a page that asks `endpoint`; `product` is the name in its header."""
    tabs = [{"query": tab.query, "variables": tab.variables} for tab in read_page_operations()]
    settings = {"product": product, "endpoint": endpoint, "signIn": sign_in is not None, "tabs": tabs}

    async def show_settings(_: Request) -> Response:
        return JSONResponse(settings, headers=HEADERS)

    return [
        Route("/graphiql", _show_page),
        Route("/graphiql/settings", show_settings),
        *(_sign_in_routes(sign_in) if sign_in else ()),
        Mount("/graphiql/assets", app=_with_headers(StaticFiles(directory=ASSETS))),
    ]


async def _show_page(_: Request) -> Response:
    return FileResponse(ASSETS / "index.html", headers=HEADERS)


def _sign_in_routes(sign_in: SignIn) -> list[BaseRoute]:
    async def list_customers(_: Request) -> Response:
        return JSONResponse([asdict(customer) for customer in await sign_in.list_customers()], headers=HEADERS)

    async def issue_token(request: Request) -> Response:
        customer_id = await _read_customer_id(request)
        if customer_id is None:
            return _refusal(400, 'Expected a JSON body {"customerId": "..."} of type application/json.')
        token = await sign_in.issue_token(customer_id)
        if token is None:
            return _refusal(404, f"Expected the id of a listed customer, got {customer_id!r}.")
        return JSONResponse({"token": token}, headers=HEADERS | {"cache-control": "no-store"})

    return [
        Route("/graphiql/customers", list_customers),
        Route("/graphiql/token", issue_token, methods=["POST"]),
    ]


async def _read_customer_id(request: Request) -> str | None:
    """The `customerId` of the body. A form of another site cannot send application/json unasked."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    try:
        said = json.loads(body)
    except ValueError:
        return None
    customer_id = said.get("customerId") if isinstance(said, dict) else None
    return customer_id if isinstance(customer_id, str) else None


def _refusal(status: int, detail: str) -> Response:
    return JSONResponse({"status": status, "detail": detail}, status, HEADERS, "application/problem+json")


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Static files with the page's headers: a worker obeys the policy of its own script's answer."""
    extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await app(scope, receive, send_more)

    return serve
