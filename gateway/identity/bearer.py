"""Bearer tokens (RFC 6750): from the Authorization header to the viewer.

    ring = KeyRing(fetch, now)
    authenticate = BearerTokens(ring, TokenRules(issuer=..., audience=...), now).authenticate

A verified token is remembered by its hash until it ends, so that a known customer costs one hash
and one lookup; when the issuer's keys change, everything remembered is verified anew.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping

from clients.eventual import Eventual
from gateway.http.errors import Code, Refused
from gateway.identity.keys import KeyRing, KeysUnavailable
from gateway.identity.tokens import BadToken, Claims, TokenRules, check_claims, read_header, verify_signature
from resolvers.context import ANONYMOUS, Viewer

MAX_REMEMBERED = 10_000

_CHALLENGE = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
_LATER = ((b"retry-after", b"5"),)


def viewer_of(claims: Claims) -> Viewer:
    """Make a viewer of verified claims: `sub`, the preferences `locality`, `language` and `currency`, and `scope`."""

    def text(name: str) -> str | None:
        value = claims.get(name)
        return value if isinstance(value, str) else None

    return Viewer(
        customer_id=claims["sub"],
        locality_id=text("locality"),
        language=text("language"),
        currency=text("currency"),
        scopes=frozenset((text("scope") or "").split()),
    )


class BearerTokens:
    """Verifies tokens; `rejected` is told why one was not good, for the log."""

    def __init__(
        self,
        ring: KeyRing,
        rules: TokenRules,
        now: Callable[[], float],
        *,
        make_viewer: Callable[[Claims], Viewer] = viewer_of,
        rejected: Callable[[str], None] | None = None,
    ) -> None:
        self._ring = ring
        self._rules = rules
        self._now = now
        self._make_viewer = make_viewer
        self._rejected = rejected
        self._verified: OrderedDict[bytes, tuple[Viewer, float]] = OrderedDict()
        self._version = ring.version

    def authenticate(self, headers: Mapping[bytes, bytes]) -> Eventual[Viewer]:
        """Tell who asks; raises Refused(UNAUTHENTICATED) for a token that is not good."""
        header = headers.get(b"authorization")
        if header is None:
            return ANONYMOUS
        scheme, _, token = header.partition(b" ")
        if scheme.lower() != b"bearer":
            raise self._refuse("another scheme than Bearer")
        return self.verify(token.strip(b" "))

    def verify(self, token: bytes) -> Eventual[Viewer]:
        """Verify one token, or recognise it."""
        self._forget_after_rotation()
        digest = hashlib.sha256(token).digest()
        known = self._verified.get(digest)
        if known is not None and self._now() < known[1]:
            return known[0]
        return self._verify_anew(token, digest)

    async def _verify_anew(self, token: bytes, digest: bytes) -> Viewer:
        try:
            claims = await self._read(token.decode("latin-1"))
            ends = check_claims(claims, self._rules, self._now())
        except BadToken as bad:
            raise self._refuse(str(bad)) from None
        except KeysUnavailable:
            raise Refused(Code.OVERLOADED, "Sign-in cannot be checked now; try again.", headers=_LATER) from None
        viewer = self._make_viewer(claims)
        self._forget_after_rotation()
        self._remember(digest, viewer, ends)
        return viewer

    async def _read(self, token: str) -> Claims:
        header = read_header(token, self._rules)
        key = await self._ring.find(header.kid)
        if key is None:
            raise BadToken("its key is unknown")
        return verify_signature(token, header, key)

    def _forget_after_rotation(self) -> None:
        if self._version != self._ring.version:
            self._verified.clear()
            self._version = self._ring.version

    def _remember(self, digest: bytes, viewer: Viewer, ends: float) -> None:
        self._verified[digest] = (viewer, ends)
        if len(self._verified) > MAX_REMEMBERED:
            self._verified.popitem(last=False)

    def _refuse(self, reason: str) -> Refused:
        if self._rejected is not None:
            self._rejected(reason)
        return Refused(
            Code.UNAUTHENTICATED, "Expected a valid bearer token, or none; got one that is not.", headers=_CHALLENGE
        )
