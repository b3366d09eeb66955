"""Who asks: from the headers of a request to the viewer that fields see."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from clients.eventual import Eventual
from gateway.http.errors import Code, Refused
from gateway.http.ports import Authenticate
from gateway.identity.bearer import BearerTokens
from gateway.identity.keys import KeyRing
from gateway.identity.published import fetch_published
from gateway.identity.sessions import SessionCookies
from gateway.identity.tokens import TokenRules
from gateway.resilience.wire import WireEngine
from gateway.settings import IdentitySettings
from resolvers.context import ANONYMOUS, Viewer


@asynccontextmanager
async def open_viewers(settings: IdentitySettings, now: Callable[[], float]) -> AsyncIterator[Authenticate]:
    """Open whatever verifies tokens: the issuer's published keys, or nobody's when there is no issuer."""
    if settings.jwks_url is None:
        yield nobody
        return
    engine = WireEngine()
    try:
        ring = KeyRing(fetch_published(engine, str(settings.jwks_url)), now)
        tokens = BearerTokens(ring, TokenRules(settings.issuer, settings.audience), now)
        yield SessionCookies(tokens).authenticate
    finally:
        await engine.aclose()


def nobody(headers: Mapping[bytes, bytes]) -> Eventual[Viewer]:
    """Without an issuer everybody is anonymous, and whoever brings a token is told that it is of no use."""
    if b"authorization" in headers:
        raise Refused(Code.UNAUTHENTICATED, "Expected no token: signing in is not set up here.")
    return ANONYMOUS
