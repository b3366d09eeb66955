"""A stand-in for the retailer's identity service: signs tokens for the sandbox's customers."""

import time

from joserfc import jwt
from joserfc.jwk import ECKey

from sandbox.upstreams.contract import Json
from sandbox.world.people import Person

AUDIENCE = "commerce-gateway"
LIFETIME_S = 12 * 3600


class Identity:
    """Makes its ES256 key at the start; nothing that it signed outlives the process."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)

    def key_set(self) -> Json:
        """RFC 7517, public part only."""
        return {"keys": [self._key.as_dict(private=False)]}

    def token(self, person: Person, claims: dict[str, str], lifetime_s: int = LIFETIME_S) -> str:
        """A bearer token with the customer's preferences; `claims` go over them."""
        now = int(time.time())
        preferences = {"locality": person.locality_id, "language": person.language, "currency": person.currency}
        payload = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": person.id,
            "iat": now,
            "exp": now + lifetime_s,
            **preferences,
            **claims,
        }
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, payload, self._key)
