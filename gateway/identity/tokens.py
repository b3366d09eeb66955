"""Decide whether a token is good (RFC 7519; RFC 8725 for what can go wrong). Pure: no clock, no network.

Of the header only `alg`, `kid` and `typ` are believed, and `alg` only when it is on our list and
fits the key. Whatever names keys of its own (`jku`, `x5u`, `jwk`, `x5c`) is never looked at.
"""

import base64
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

MAX_BYTES = 8 * 1024
MAX_SUBJECT = 256

PublicKey = RSAKey | ECKey | OKPKey
Claims = Mapping[str, Any]

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_KEY_OF: Mapping[str, type[object]] = {"RS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey, "Ed25519": OKPKey}
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_claims = msgspec.json.Decoder(dict[str, Any])


class BadToken(Exception):
    """A token that is not good; the message is for logs and says which rule it breaks, never what it holds."""


class Header(msgspec.Struct, frozen=True):
    """The part of a token's header that is believed."""

    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: Any = None
    b64: Any = None


_header = msgspec.json.Decoder(Header)


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Whose tokens are believed: the exact `iss`, one of `aud`; clocks may differ by `leeway_s`."""

    issuer: str
    audience: str
    algorithms: frozenset[str] = frozenset(_KEY_OF)
    leeway_s: float = 30.0


def read_header(token: str, rules: TokenRules) -> Header:
    """Read the header of a compact token; raises BadToken for what no issuer of ours would send."""
    if len(token) > MAX_BYTES:
        raise BadToken(f"longer than {MAX_BYTES} bytes")
    found = _COMPACT.match(token)
    if found is None:
        raise BadToken("not three base64url parts")
    try:
        header = _header.decode(_unpadded(found.group(1)))
    except (ValueError, msgspec.DecodeError):
        raise BadToken("its header is not a JSON object with alg") from None
    if header.alg not in rules.algorithms:
        raise BadToken("its algorithm is not allowed")
    if header.crit is not None or header.b64 is not None:
        raise BadToken("it needs an extension (crit)")
    if header.typ is not None and header.typ.lower() not in _TYPES:
        raise BadToken("its type is not JWT")
    return header


def _unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify_signature(token: str, header: Header, key: PublicKey) -> Claims:
    """Verify with this key and no other; raises BadToken."""
    if not isinstance(key, _KEY_OF[header.alg]):
        raise BadToken("its algorithm does not fit the key")
    try:
        with warnings.catch_warnings():
            # EdDSA is called deprecated in favour of the name Ed25519; issuers use it all the same.
            warnings.simplefilter("ignore", SecurityWarning)
            verified = jws.deserialize_compact(token, key, algorithms=[header.alg])
        return _claims.decode(verified.payload or b"")
    except (JoseError, ValueError, TypeError, msgspec.DecodeError):
        raise BadToken("its signature or payload is not valid") from None


def check_claims(claims: Claims, rules: TokenRules, now: float) -> float:
    """Check who issued it, for whom and for how long; returns when it ends (epoch seconds), raises BadToken."""
    if claims.get("iss") != rules.issuer:
        raise BadToken("its issuer is another")
    audience = claims.get("aud")
    if rules.audience not in (
        [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    ):
        raise BadToken("it is meant for somebody else")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise BadToken("it has no subject")
    ends = _instant(claims, "exp")
    if ends is None:
        raise BadToken("it never expires")
    if now >= ends + rules.leeway_s:
        raise BadToken("it has expired")
    for name in ("nbf", "iat"):
        begins = _instant(claims, name)
        if begins is not None and begins > now + rules.leeway_s:
            raise BadToken(f"its {name} is in the future")
    return ends + rules.leeway_s


def _instant(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken(f"its {name} is not a number")
    return float(value)
