"""Which foreign pages may talk to us: CORS (Fetch standard), and no simple requests (Apollo's CSRF prevention)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.http.answer import Headers
from gateway.http.errors import Code, Refused

PREFLIGHT_HEADERS = (b"graphql-require-preflight", b"apollo-require-preflight", b"x-apollo-operation-name")

_ALLOWED_HEADERS = (
    b"content-type, authorization, graphql-require-preflight, apollo-require-preflight, x-apollo-operation-name, "
    b"apollographql-client-name, apollographql-client-version, x-request-id, x-request-deadline-ms, x-csrf-token"
)
_EXPOSED_HEADERS = b"x-request-id, retry-after"
_KEPT_S = b"86400"


@dataclass(frozen=True, slots=True)
class Origins:
    """The pages that may read our answers, e.g. `https://shop.example`; never a pattern, never `*`.

    With `credentials` they may send cookies along.
    """

    allowed: frozenset[bytes] = frozenset()
    credentials: bool = False

    def is_foreign(self, origin: bytes | None, host: bytes) -> bool:
        """Whether a browser sent this from a page that is neither ours nor on the list; programs send no origin."""
        if origin is None or origin in self.allowed:
            return False
        return origin.partition(b"://")[2] != host

    def headers(self, origin: bytes | None) -> Headers:
        """Make the headers that let this origin read the answer; none for a stranger."""
        if origin is None or origin not in self.allowed:
            return []
        headers = [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", _EXPOSED_HEADERS)]
        if self.credentials:
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    def headers_for(self, scope: Mapping[str, Any]) -> Headers:
        """The same for a request whose headers nobody has read yet."""
        return self.headers(next((value for name, value in scope["headers"] if name == b"origin"), None))

    def preflight(self, origin: bytes | None) -> Headers:
        """Answer a preflight; without allow headers the browser refuses by itself."""
        allowed = self.headers(origin)
        if not allowed:
            return []
        return [
            *allowed,
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", _ALLOWED_HEADERS),
            (b"access-control-max-age", _KEPT_S),
        ]


def is_preflighted(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser must have asked first: it sends these headers to another origin only after a preflight."""
    return any(name in headers for name in PREFLIGHT_HEADERS) or headers.get(b"content-type", b"").startswith(
        b"application/json"
    )


def refuse_simple() -> Refused:
    """Make the refusal of what any page could make a browser send without asking us first."""
    return Refused(
        Code.CSRF_REFUSED,
        "Expected one of the headers graphql-require-preflight, apollo-require-preflight or "
        "x-apollo-operation-name, or content-type application/json; got none of them, and a page of "
        "another site could have sent this.",
    )
