"""Session cookies: the same tokens, kept by the browser out of reach of scripts.

A browser sends cookies with every request to us, whichever page caused it. So a request that is
signed in by its cookie must prove that a page of ours made it: the header `x-csrf-token` repeats
the cookie `__Host-csrf`, which only pages of our own origin can read (OWASP, signed double submit
is not needed under the `__Host-` prefix, which no sibling domain can set).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from clients.eventual import Eventual
from gateway.http.errors import Code, Refused
from gateway.identity.bearer import BearerTokens
from resolvers.context import Viewer

MIN_CSRF = 16


@dataclass(frozen=True, slots=True)
class CookieNames:
    """What the login page sets: `session` is HttpOnly and holds the token, `csrf` is random and readable."""

    session: str = "__Host-session"
    csrf: str = "__Host-csrf"


class SessionCookies:
    """Tells who asks from the Authorization header or, when there is none, from the session cookie."""

    def __init__(self, tokens: BearerTokens, names: CookieNames | None = None) -> None:
        self._tokens = tokens
        self._names = names or CookieNames()

    def authenticate(self, headers: Mapping[bytes, bytes]) -> Eventual[Viewer]:
        """Raises Refused: UNAUTHENTICATED for a bad token, CSRF_REFUSED for a cookie without its proof."""
        cookie = headers.get(b"cookie")
        if cookie is None or b"authorization" in headers:
            return self._tokens.authenticate(headers)
        jar = _read(cookie)
        session = jar.get(self._names.session)
        if session is None:
            return self._tokens.authenticate(headers)
        self._require_proof(jar.get(self._names.csrf), headers.get(b"x-csrf-token", b""))
        return self._tokens.verify(session.encode())

    def _require_proof(self, expected: str | None, given: bytes) -> None:
        if expected is None or len(expected) < MIN_CSRF or not hmac.compare_digest(expected.encode(), given):
            raise Refused(
                Code.CSRF_REFUSED,
                f"Expected the header x-csrf-token to repeat the cookie {self._names.csrf}; it does not.",
            )


def _read(header: bytes) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header.decode("latin-1"))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}
