"""Nobody gets in where they don't belong, and trying costs us little: by the kernel's accounts of the real gateway."""

import hmac
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from tests.identity.issuer import AUDIENCE, Issuer, encode, make_token
from tests.journeys.attacks import FAMILIES, JSON, Attack
from tests.journeys.kernel import cpu_s, memory_bytes, settled_cpu_s
from tests.journeys.publishing import ISSUER, believing
from tests.journeys.shop import PRODUCTION, ROOT, Gateway, Sandbox, open_gateway

pytestmark = pytest.mark.alone

MOST_CPU_S = 0.05
MOST_GROWTH = 64 * 1024 * 1024
WELL = b'{"query":"{ sources { source } }"}'


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """Who signs this module's tokens."""
    return Issuer()


@pytest.fixture(scope="module")
def fortress(sandbox: Sandbox, issuer: Issuer) -> Iterator[Gateway]:
    """A gateway as the internet meets it, warmed by one request."""
    with believing(issuer) as identity, open_gateway(sandbox, **PRODUCTION, **identity) as opened:
        for _ in range(3):
            assert ask_well(opened).status_code == 200
        yield opened


def ask_well(gateway: Gateway, **headers: str) -> httpx.Response:
    return gateway.client.post("/graphql", content=WELL, headers={**JSON, **headers})


def send(gateway: Gateway, attack: Attack) -> tuple[httpx.Response, float]:
    """The answer, and the CPU that it took the gateway, in seconds."""
    pid = gateway.process.pid
    before = settled_cpu_s(pid)
    answer = gateway.client.request(attack.method, attack.address, content=attack.content, headers=attack.headers)
    return answer, settled_cpu_s(pid) - before


def refusal_of(answer: httpx.Response) -> tuple[str, str]:
    """Code and message of a refusal; empty for one below HTTP's threshold, which has a status alone."""
    if not answer.content:
        return "", answer.reason_phrase
    error = answer.json().get("errors", [{"extensions": {"code": "answered"}, "message": ""}])[0]
    return error["extensions"]["code"], error["message"]


def given_by(answer: httpx.Response) -> list[Any]:
    """What an answer gives away: the root fields that are not null."""
    return (
        [value for value in (answer.json().get("data") or {}).values() if value is not None] if answer.content else []
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_attacks_are_refused_at_little_cost(fortress: Gateway, family: str) -> None:
    """Each attack is refused with its code, a sentence and no data, within 50 ms of CPU and without keeping memory."""
    attacks = list(FAMILIES[family]())
    memory = memory_bytes(fortress.process.pid)
    worst_s = 0.0
    for attack in attacks:
        answer, took_s = send(fortress, attack)
        code, message = refusal_of(answer)
        assert code in attack.codes, (attack.name, answer.status_code, answer.text[:300])
        assert answer.status_code < 500
        assert message
        assert given_by(answer) == []
        assert took_s < MOST_CPU_S, (attack.name, took_s)
        worst_s = max(worst_s, took_s)
    assert memory_bytes(fortress.process.pid) - memory < MOST_GROWTH
    assert ask_well(fortress).status_code == 200
    print(f"{family}: {len(attacks)} of {len(attacks)} refused, the dearest in {worst_s * 1000:.1f} ms of CPU")


def forged_tokens(issuer: Issuer) -> dict[str, str]:
    """Tokens that are good but for one thing."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "cust-anna", "exp": now + 600}
    payload = encode(json.dumps(good).encode())
    rsa, ec = issuer.keys["RS256"], issuer.keys["ES256"]
    own = ECKey.generate_key("P-256", private=True)
    confused = f"{encode(json.dumps({'alg': 'HS256', 'kid': rsa.kid}).encode())}.{payload}"

    def signed(header: dict[str, Any] | None = None, **claims: Any) -> str:
        return issuer.sign("ES256", header, **{**good, **claims})

    return {
        **{
            f"alg {name}": f"{encode(json.dumps({'alg': name}).encode())}.{payload}."
            for name in ("none", "None", "nOnE")
        },
        "key confusion": f"{confused}.{encode(hmac.digest(rsa.as_pem(private=False), confused.encode(), 'sha256'))}",
        "own key under their kid": make_token({"alg": "ES256", "kid": ec.kid}, good, own, "ES256"),
        "own key in the header": make_token({"alg": "ES256", "jwk": own.as_dict(private=False)}, good, own, "ES256"),
        "own key elsewhere": make_token(
            {"alg": "ES256", "kid": ec.kid, "jku": "http://127.0.0.1:1/"}, good, own, "ES256"
        ),
        "unknown kid": signed({"kid": "nobody"}),
        "kid is a path": signed({"kid": "../../../dev/null"}),
        "another key's kid": signed({"kid": rsa.kid}),
        "expired": signed(exp=now - 60),
        "not yet": signed(nbf=now + 600),
        "never expires": signed(exp=None),
        "foreign issuer": signed(iss="https://evil.example"),
        "foreign audience": signed(aud="other"),
        "no subject": signed(sub=None),
        "changed payload": ".".join([signed().split(".")[0], payload, signed(sub="cust-boris").split(".")[2]]),
        "cut": signed().rpartition(".")[0],
        "no token": "x",
        "9 KB": "a" * 9_000,
        "9 KB in three parts": f"{'a' * 3000}.{'b' * 3000}.{'c' * 3000}",
        "deep header": f"{encode(b'[' * 3000)}.{payload}.{payload}",
    }


def test_forged_tokens_open_nothing(fortress: Gateway, issuer: Issuer) -> None:
    """A good token signs in; every forgery of it gets 401, one message, and costs under 50 ms of CPU."""
    good = issuer.sign("ES256", iss=ISSUER, sub="cust-anna", exp=int(time.time()) + 600)
    me = b'{"query":"{ me { id } }"}'
    asked = fortress.client.post("/graphql", content=me, headers={**JSON, "authorization": f"Bearer {good}"})
    assert asked.json()["data"]["me"]["id"]
    messages, worst_s = set(), 0.0
    forged = forged_tokens(issuer)
    for name, token in forged.items():
        headers = {**JSON, "authorization": f"Bearer {token}"}
        answer, took_s = send(fortress, Attack(name, me, frozenset(), headers=headers))
        code, message = refusal_of(answer)
        assert (answer.status_code, code) == (401, "UNAUTHENTICATED"), (name, answer.text)
        assert took_s < MOST_CPU_S, (name, took_s)
        messages.add(message)
        worst_s = max(worst_s, took_s)
    assert len(messages) == 1
    print(f"forged tokens: {len(forged)} of {len(forged)} refused, the dearest in {worst_s * 1000:.1f} ms of CPU")


FOREIGN = (
    "https://evil.example",
    "null",
    "https://shop.example.evil.com",
    "http://127.0.0.1:1",
    "https://evilshop.example",
)


@pytest.mark.parametrize("origin", FOREIGN)
def test_foreign_pages_read_nothing(fortress: Gateway, origin: str) -> None:
    """A page of another origin gets no leave to ask, and none to read what it was answered."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    leave = fortress.client.request("OPTIONS", "/graphql", headers={"origin": origin, **asked})
    for answer in (leave, ask_well(fortress, origin=origin)):
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers


def test_slow_clients_cost_nothing(fortress: Gateway) -> None:
    """200 clients that drip a request for three seconds cost a few milliseconds each, and nobody waits for them."""
    address = fortress.client.base_url
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n"
    with ExitStack() as closing:
        clients = [
            closing.enter_context(socket.create_connection((address.host, address.port or 80), 5)) for _ in range(200)
        ]
        before = cpu_s(fortress.process.pid)
        for client in clients:
            client.sendall(head)
        waits = []
        for _ in range(6):
            for client in clients:
                client.sendall(b" ")
            started = time.monotonic()
            assert ask_well(fortress).status_code == 200
            waits.append(time.monotonic() - started)
            time.sleep(0.5)
        each_s = (settled_cpu_s(fortress.process.pid) - before) / len(clients)
    assert max(waits) < 0.5
    assert each_s < MOST_CPU_S / 10
    print(f"slow clients: 200, {each_s * 1000:.2f} ms of CPU each; others waited {max(waits) * 1000:.0f} ms at most")


def test_pipelined_requests_are_answered_in_order_or_not_at_all(fortress: Gateway) -> None:
    """A hundred requests in one breath, every third of them bad, get a hundred answers in their order."""
    address = fortress.client.base_url
    bodies = [b"{" if number % 3 == 0 else WELL for number in range(100)]
    head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n"
    before = cpu_s(fortress.process.pid)
    with socket.create_connection((address.host, address.port or 80), 5) as client:
        client.settimeout(5)
        client.sendall(b"".join(head.format(len(body)).encode() + body for body in bodies))
        heard = b""
        while heard.count(b"HTTP/1.1 ") < len(bodies) or not heard.endswith(b"}"):
            piece = client.recv(65536)
            assert piece, f"expected {len(bodies)} answers, got {heard.count(b'HTTP/1.1 ')}"
            heard += piece
    each_s = (settled_cpu_s(fortress.process.pid) - before) / len(bodies)
    statuses = [int(part[:3]) for part in heard.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [400 if number % 3 == 0 else 200 for number in range(100)]
    assert each_s < MOST_CPU_S
    print(f"pipelined requests: 100 of 100 in order, {each_s * 1000:.2f} ms of CPU each")


def test_the_documented_number_of_attacks_is_true(issuer: Issuer) -> None:
    """docs/http.md counts as many attacks as there are."""
    number = sum(len(list(attacks())) for attacks in FAMILIES.values()) + len(forged_tokens(issuer))
    documented = (ROOT / "docs" / "http.md").read_text("utf-8")
    assert f"(`tests/journeys/test_abuse.py`) | {number} |" in documented
