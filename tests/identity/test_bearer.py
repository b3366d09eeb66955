"""Bearer tokens: the good ones are recognised, every forgery is refused alike."""

import hmac
import json
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from gateway.http.errors import Refused
from gateway.identity.bearer import BearerTokens, viewer_of
from gateway.identity.keys import KeyRing
from resolvers.context import ANONYMOUS, Viewer
from tests.identity.issuer import AUDIENCE, ISSUER, NOW, RULES, Clock, Issuer, bearer, encode, make_token, make_tokens

ISSUED = Issuer()


async def verify(tokens: BearerTokens, headers: dict[bytes, bytes]) -> Viewer:
    outcome = tokens.authenticate(headers)
    return outcome if isinstance(outcome, Viewer) else await outcome


async def refusal(headers: dict[bytes, bytes]) -> Refused:
    with pytest.raises(Refused) as caught:
        await verify(make_tokens(ISSUED, Clock()), headers)
    return caught.value


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_recognises_customers(algorithm: str) -> None:
    """A good token of each allowed algorithm tells the customer and their preferences."""
    token = ISSUED.sign(algorithm, locality="spb", language="en", currency="EUR")
    viewer = await verify(make_tokens(ISSUED, Clock()), bearer(token))
    assert viewer == Viewer(customer_id="c-1", locality_id="spb", language="en", currency="EUR")


async def test_takes_nobody_for_anonymous() -> None:
    """Without a token one is anonymous, at once and without asking the issuer."""
    assert make_tokens(ISSUED, Clock()).authenticate({}) is ANONYMOUS


def pair(header: dict[str, Any], **claims: Any) -> str:
    """A token signed properly, with an odd header."""
    return ISSUED.sign("ES256", header, **claims)


def forge_none(name: str) -> str:
    payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "c-1", "exp": int(NOW) + 600}
    return f"{encode(json.dumps({'alg': name}).encode())}.{encode(json.dumps(payload).encode())}."


def forge_confused() -> str:
    """Sign with HMAC, the issuer's public key as the secret."""
    rsa = ISSUED.keys["RS256"]
    payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "c-1", "exp": int(NOW) + 600}
    signed = f"{encode(json.dumps({'alg': 'HS256', 'kid': rsa.kid}).encode())}.{encode(json.dumps(payload).encode())}"
    return f"{signed}.{encode(hmac.digest(rsa.as_pem(private=False), signed.encode(), 'sha256'))}"


def forge_own_key(**header: Any) -> str:
    own = ECKey.generate_key("P-256", private=True)
    payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "c-1", "exp": int(NOW) + 600}
    kid = ISSUED.keys["ES256"].kid
    return make_token({"alg": "ES256", "kid": kid, **header}, payload, own, "ES256")


def own_public_key() -> dict[str, Any]:
    return dict(ECKey.generate_key("P-256", private=True).as_dict(private=False))


GOOD = ISSUED.sign()
HEAD, PAYLOAD, SIGNATURE = GOOD.split(".")

FORGED: dict[str, str] = {
    **{f"alg {name!r}": forge_none(name) for name in ("none", "None", "NONE", "nOnE", "")},
    "key confusion": forge_confused(),
    "own key": forge_own_key(),
    "own key in jwk": forge_own_key(jwk=own_public_key()),
    "own key at jku": forge_own_key(jku="https://evil.example/jwks.json"),
    "own key at x5u": forge_own_key(x5u="https://evil.example/cert.pem"),
    "own key in x5c": forge_own_key(x5c=["MIIB"]),
    "unknown kid": pair({"kid": "nobody"}),
    "kid is a path": pair({"kid": "../../dev/null"}),
    "kid is a number": pair({"kid": 7}),
    "kid of another algorithm's key": pair({"kid": ISSUED.keys["RS256"].kid}),
    "no kid where there are several keys": pair({"kid": None}),
    "critical extension": pair({"crit": ["exp"]}),
    "unencoded payload": pair({"b64": False, "crit": ["b64"]}),
    "type is not JWT": pair({"typ": "logout+jwt"}),
    "expired": ISSUED.sign(exp=int(NOW) - 31),
    "no exp": ISSUED.sign(exp=None),
    "exp is text": ISSUED.sign(exp="9999999999"),
    "exp is true": ISSUED.sign(exp=True),
    "not yet": ISSUED.sign(nbf=int(NOW) + 60),
    "issued in the future": ISSUED.sign(iat=int(NOW) + 60),
    "no issuer": ISSUED.sign(iss=None),
    "foreign issuer": ISSUED.sign(iss="https://evil.example"),
    "issuer with a slash more": ISSUED.sign(iss=ISSUER + "/"),
    "issuer in a list": ISSUED.sign(iss=[ISSUER]),
    "no audience": ISSUED.sign(aud=None),
    "foreign audience": ISSUED.sign(aud="other"),
    "audience as part of a text": ISSUED.sign(aud=AUDIENCE + " other"),
    "audience as an object": ISSUED.sign(aud={AUDIENCE: 1}),
    "no subject": ISSUED.sign(sub=None),
    "empty subject": ISSUED.sign(sub=""),
    "subject is a number": ISSUED.sign(sub=42),
    "huge subject": ISSUED.sign(sub="c" * 300),
    "payload is a list": make_token(
        {"alg": "ES256", "kid": ISSUED.keys["ES256"].kid}, [1], ISSUED.keys["ES256"], "ES256"
    ),
    "payload is no JSON": make_token(
        {"alg": "ES256", "kid": ISSUED.keys["ES256"].kid}, b"\xff", ISSUED.keys["ES256"], "ES256"
    ),
    "other payload": f"{HEAD}.{encode(b'{}')}.{SIGNATURE}",
    "no signature": f"{HEAD}.{PAYLOAD}.",
    "two parts": f"{HEAD}.{PAYLOAD}",
    "four parts": f"{GOOD}.x",
    "five parts": f"{GOOD}.x.y",
    "padding": f"{HEAD}.{PAYLOAD}.{SIGNATURE}==",
    "line end": f"{GOOD}\n",
    "plus and slash": f"{HEAD}.{PAYLOAD}.+/{SIGNATURE[2:]}",
    "signature of zeros": f"{HEAD}.{PAYLOAD}.{encode(bytes(64))}",
    "long": ISSUED.sign(note="x" * 9_000),
    "empty": "",
    "not ASCII": "é.é.é",
    "header is no JSON": f"{encode(b'{')}.{PAYLOAD}.{SIGNATURE}",
    "header is a list": f"{encode(b'[]')}.{PAYLOAD}.{SIGNATURE}",
    "deep header": f"{encode(b'[' * 3000)}.{PAYLOAD}.{SIGNATURE}",
}


@pytest.mark.parametrize("name", FORGED)
async def test_refuses_forgeries(name: str) -> None:
    """Every forgery reads the same 401, and nothing of the token or the reason."""
    refused = await refusal(bearer(FORGED[name]))
    assert (refused.code.public, refused.code.status) == ("UNAUTHENTICATED", 401)
    assert str(refused) == "Expected a valid bearer token, or none; got one that is not."
    assert refused.headers == ((b"www-authenticate", b'Bearer error="invalid_token"'),)


@pytest.mark.parametrize("value", [b"Basic YTpi", b"Bearer", b"bearer  ", b"Token x", b""])
async def test_refuses_other_schemes(value: bytes) -> None:
    """A header that is there must hold a good bearer token; it is never ignored."""
    assert (await refusal({b"authorization": value})).code.public == "UNAUTHENTICATED"


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER"])
async def test_reads_the_scheme_in_any_case(scheme: bytes) -> None:
    """Schemes are compared without case (RFC 9110, 11.1)."""
    viewer = await verify(make_tokens(ISSUED, Clock()), {b"authorization": scheme + b" " + GOOD.encode()})
    assert viewer.customer_id == "c-1"


async def test_clocks_may_differ_a_little() -> None:
    """A token is good for half a minute longer than it says, and not for a second more."""
    clock = Clock()
    tokens = make_tokens(ISSUED, clock)
    headers = bearer(ISSUED.sign(exp=int(NOW), nbf=int(NOW) + 29))
    clock.at = NOW + 29
    assert (await verify(tokens, headers)).customer_id == "c-1"
    clock.at = NOW + 31
    with pytest.raises(Refused):
        await verify(tokens, headers)


async def test_remembers_a_verified_token() -> None:
    """A known customer is recognised at once, for microseconds, until the token ends."""
    clock = Clock()
    tokens = make_tokens(ISSUED, clock)
    headers = bearer(GOOD)
    await verify(tokens, headers)
    started = time.process_time()
    for _ in range(1_000):
        assert isinstance(tokens.authenticate(headers), Viewer)
    assert (time.process_time() - started) / 1_000 < 50e-6
    clock.at += 3_600
    with pytest.raises(Refused):
        await verify(tokens, headers)


async def test_forgets_tokens_of_a_key_that_is_gone() -> None:
    """When the issuer withdraws a key, its tokens are refused although they were known."""
    issuer, clock = Issuer(), Clock()
    tokens = make_tokens(issuer, clock)
    old, other = bearer(issuer.sign()), bearer(issuer.sign("RS256", exp=int(NOW) + 9_000))
    await verify(tokens, old)
    del issuer.keys["ES256"]
    clock.at += 301
    await verify(tokens, other)
    with pytest.raises(Refused):
        await verify(tokens, old)


async def test_tells_the_log_why() -> None:
    """The reason goes to the log, in words that hold nothing of the token."""
    reasons: list[str] = []
    tokens = BearerTokens(KeyRing(ISSUED.fetch, Clock()), RULES, Clock(), rejected=reasons.append)
    for name in ("expired", "key confusion", "foreign issuer"):
        with pytest.raises(Refused):
            await verify(tokens, bearer(FORGED[name]))
    assert reasons == ["it has expired", "its algorithm is not allowed", "its issuer is another"]


async def test_says_that_it_cannot_check() -> None:
    """While no key is known the answer is "later", not "no"."""
    issuer = Issuer()
    issuer.is_down = True
    with pytest.raises(Refused) as caught:
        await verify(make_tokens(issuer, Clock()), bearer(issuer.sign()))
    assert caught.value.code.public == "OVERLOADED"


def test_reads_preferences_that_are_text_only() -> None:
    """A preference of another type is as good as none."""
    assert viewer_of({"sub": "c", "locality": 7, "language": None}) == Viewer(customer_id="c")


def test_the_issuer_has_keys_of_three_kinds() -> None:
    """The tests above cover what they say."""
    assert isinstance(ISSUED.keys["RS256"], RSAKey)
