"""An issuer of tokens, good and bad."""

import base64
import json
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from gateway.identity.bearer import BearerTokens
from gateway.identity.keys import KeyRing
from gateway.identity.tokens import TokenRules

NOW = 1_790_000_000.0
ISSUER = "https://id.shop.example"
AUDIENCE = "commerce-gateway"
RULES = TokenRules(ISSUER, AUDIENCE)


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


class Issuer:
    """Signs with one key per algorithm and publishes their public parts."""

    def __init__(self) -> None:
        use: Any = {"use": "sig"}
        self.keys: dict[str, Any] = {
            "ES256": ECKey.generate_key("P-256", use, private=True, auto_kid=True),
            "RS256": RSAKey.generate_key(2048, use, private=True, auto_kid=True),
            "EdDSA": OKPKey.generate_key("Ed25519", use, private=True, auto_kid=True),
        }
        self.fetches = 0
        self.is_down = False

    async def fetch(self) -> bytes:
        self.fetches += 1
        if self.is_down:
            raise OSError("down")
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys.values()]}).encode()

    def sign(self, algorithm: str = "ES256", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Sign a token that is good but for what is changed; a claim of None is left out."""
        key = self.keys[algorithm]
        whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "c-1", "exp": int(NOW) + 600, **claims}
        payload = {name: value for name, value in whole.items() if value is not None}
        return make_token({"alg": algorithm, "kid": key.kid, **(header or {})}, payload, key, algorithm)


def make_token(header: dict[str, Any], payload: Any, key: Any, algorithm: str) -> str:
    """Sign any header and payload, also those that a proper library refuses to write."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signed = f"{encode(json.dumps(header).encode())}.{encode(body)}"
    return f"{signed}.{encode(sign_bytes(signed.encode(), key, algorithm))}"


def sign_bytes(data: bytes, key: Any, algorithm: str) -> bytes:

    signature: bytes = JWSRegistry.algorithms[algorithm].sign(data, key)
    return signature


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_tokens(issuer: Issuer, clock: Clock) -> BearerTokens:
    return BearerTokens(KeyRing(issuer.fetch, clock), RULES, clock)


def bearer(token: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + token.encode()}
