"""Foreign pages: what a browser sends for them is not executed, and what we answer they cannot read."""

import hashlib
from urllib.parse import urlencode

import pytest

from gateway.http.documents import Documents
from gateway.http.lookup import DocumentLookup
from gateway.http.origins import Origins
from gateway.http.rules import EdgeRules
from gateway.http.trusted import TrustedDocuments
from gateway.limits.guard import LimitGuard
from resolvers.context import ANONYMOUS, Viewer
from tests.http.door import Reply, knock, make_endpoint
from tests.http.shop import make_schema

SCHEMA = make_schema()
SHOP = "https://shop.example"
OPEN = EdgeRules(origins=Origins(frozenset({SHOP.encode()}), credentials=True), get_queries=True)


async def ask(origin: str | None = None, **changes: str) -> Reply:
    headers = {"origin": origin} if origin else {}
    return await knock(make_endpoint(SCHEMA, rules=OPEN), {"query": "{hello}"}, headers={**headers, **changes})


async def test_lets_a_listed_origin_read() -> None:
    """A page on the list may read our answers, with cookies if that is configured."""
    reply = await ask(SHOP)
    assert reply.headers["access-control-allow-origin"] == SHOP
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in reply.headers["vary"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "https://shop.example.evil.com", "https://evilshop.example", "http://shop.example",
     "https://shop.example:8443", "https://SHOP.example", "*"],
)  # fmt: skip
async def test_lets_no_other_origin_read(origin: str) -> None:
    """Nothing but the exact origins of the list is ever named in an answer."""
    reply = await ask(origin)
    assert not [name for name in reply.headers if name.startswith("access-control-")]
    preflight = await knock(make_endpoint(SCHEMA, rules=OPEN), method="OPTIONS", headers={"origin": origin})
    assert not [name for name in preflight.headers if name.startswith("access-control-")]


async def test_answers_a_preflight() -> None:
    """A listed page learns which methods and headers it may use."""
    reply = await knock(make_endpoint(SCHEMA, rules=OPEN), method="OPTIONS", headers={"origin": SHOP})
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-methods"] == "GET, POST"
    assert "authorization" in reply.headers["access-control-allow-headers"]


@pytest.mark.parametrize("proof", ["graphql-require-preflight", "apollo-require-preflight", "x-apollo-operation-name"])
async def test_executes_no_simple_query(proof: str) -> None:
    """A query in an address needs a header that no page can send to us without asking."""
    endpoint = make_endpoint(SCHEMA, rules=OPEN)
    reply = await knock(endpoint, method="GET", address="query={hello}")
    assert (reply.status, reply.codes) == (403, ["CSRF_REFUSED"])
    reply = await knock(endpoint, method="GET", address="query={hello}", headers={proof: "Page"})
    assert reply.status == 200


async def test_answers_a_simple_get_as_to_a_stranger() -> None:
    """A registered document may be asked for by anybody, but the browser's cookies do not count then."""
    documents = Documents(SCHEMA, LimitGuard(SCHEMA))
    trusted = TrustedDocuments(documents, [{"page": "{hello}"}])
    seen: list[bytes | None] = []

    def authenticate(headers: object) -> Viewer:
        seen.append(headers.get(b"cookie"))  # type: ignore[attr-defined]
        return ANONYMOUS

    endpoint = make_endpoint(SCHEMA, authenticate=authenticate, lookup=DocumentLookup(documents, trusted=trusted))
    address = urlencode({"documentId": "sha256:" + hashlib.sha256(b"{hello}").hexdigest()})
    for headers in ({"cookie": "s=1"}, {"cookie": "s=1", "graphql-require-preflight": "1"}):
        reply = await knock(endpoint, method="GET", address=address, headers=headers)
        assert reply.status == 200
    assert seen == [None, b"s=1"]


@pytest.mark.parametrize(
    ("origin", "is_foreign"),
    [(None, False), (b"https://shop.example", False), (b"https://api.example", False), (b"https://evil.example", True),
     (b"null", True), (b"https://api.example.evil.com", True)],
)  # fmt: skip
def test_knows_foreign_handshakes(origin: bytes | None, is_foreign: bool) -> None:
    """A handshake may come from a program, from our own host, or from the list."""
    assert OPEN.origins.is_foreign(origin, b"api.example") is is_foreign
