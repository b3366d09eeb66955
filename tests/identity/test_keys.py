"""The issuer's keys: fetched seldom, rotated quickly, kept through failures."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from gateway.identity.keys import KeyRing, KeysUnavailable, read_keys
from gateway.identity.published import MAX_BYTES, fetch_published
from tests.identity.issuer import Clock, Issuer

ISSUED = Issuer()
KID = ISSUED.keys["ES256"].kid


def key(**changes: Any) -> dict[str, Any]:
    return {**ECKey.generate_key("P-256", private=True).as_dict(private=False), "kid": "k", **changes}


async def test_fetches_once_for_all() -> None:
    """A hundred requests at the start cause one fetch."""
    issuer = Issuer()
    ring = KeyRing(issuer.fetch, Clock())
    kid = issuer.keys["ES256"].kid
    assert all(await asyncio.gather(*(ring.find(kid) for _ in range(100))))
    assert issuer.fetches == 1


async def test_finds_a_new_key_at_once() -> None:
    """A token of a key that is new is good as soon as the issuer publishes it."""
    issuer, clock = Issuer(), Clock()
    ring = KeyRing(issuer.fetch, clock)
    await ring.find(issuer.keys["ES256"].kid)
    clock.at += 31
    issuer.keys["new"] = new = ECKey.generate_key("P-256", private=True, auto_kid=True)
    assert await ring.find(new.kid) is not None
    assert (issuer.fetches, ring.version) == (2, 2)


async def test_invented_key_ids_cause_no_storm() -> None:
    """Two hundred unknown key ids within half a minute cause one fetch."""
    issuer, clock = Issuer(), Clock()
    ring = KeyRing(issuer.fetch, clock)
    for number in range(200):
        assert await ring.find(f"invented-{number}") is None
        clock.at += 0.1
    assert issuer.fetches == 1


async def test_keeps_its_keys_while_the_issuer_is_away() -> None:
    """Keys that are known go on verifying, and are fetched anew when the issuer is back."""
    issuer, clock = Issuer(), Clock()
    ring = KeyRing(issuer.fetch, clock)
    kid = issuer.keys["ES256"].kid
    await ring.find(kid)
    issuer.is_down = True
    clock.at += 10_000
    assert await ring.find(kid) is not None
    issuer.is_down = False
    clock.at += 31
    await ring.find(kid)
    assert issuer.fetches == 3


async def test_knows_nothing_before_the_first_fetch() -> None:
    """Without any key there is an error of its own, not a wrong answer."""
    issuer = Issuer()
    issuer.is_down = True
    with pytest.raises(KeysUnavailable):
        await KeyRing(issuer.fetch, Clock()).find(KID)


async def test_a_waiter_that_leaves_takes_nothing_along() -> None:
    """A cancelled request does not cancel the fetch that others wait for."""
    gate = asyncio.Event()

    async def fetch() -> bytes:
        await gate.wait()
        return await ISSUED.fetch()

    ring = KeyRing(fetch, Clock())
    first, second = asyncio.ensure_future(ring.find(KID)), asyncio.ensure_future(ring.find(KID))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert await second is not None


@pytest.mark.parametrize(
    "changes",
    [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"kty": "oct", "k": "AAAA"}, {"kty": None},
     {"kid": None}, {"kid": 7}, {"x": "!"}, {"crv": "P-1"}],
)  # fmt: skip
def test_leaves_out_keys_for_something_else(changes: dict[str, Any]) -> None:
    """A key that is no public signature key, or broken, verifies nothing; its neighbours do."""
    document = json.dumps({"keys": [key(**changes), key(kid="good")]}).encode()
    assert list(read_keys(document)) == ["good"]


def test_takes_the_public_part_only() -> None:
    """A private key published by mistake is used as a public one."""
    private = ECKey.generate_key("P-256", private=True)
    document = json.dumps({"keys": [{**private.as_dict(private=True), "kid": "k"}]}).encode()
    assert not read_keys(document)["k"].is_private


@pytest.mark.parametrize("document", [b"", b"[]", b"<html>", b'{"keys":5}', b"\xff"])
def test_refuses_what_is_no_key_set(document: bytes) -> None:
    """Whatever else comes from the address is an error, not an empty set."""
    with pytest.raises(KeysUnavailable):
        read_keys(document)


def served(status: int = 200, body: bytes = b"{}") -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, content=body))


async def test_fetches_over_http() -> None:
    """The key set is fetched with GET from where it is published."""
    assert await fetch_published(served(), "http://id.example/jwks.json")() == b"{}"


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (302, b"{}"), (200, b"x" * (MAX_BYTES + 1))])
async def test_refuses_odd_answers(status: int, body: bytes) -> None:
    """Errors, redirects and endless answers are no key sets."""
    with pytest.raises(KeysUnavailable):
        await fetch_published(served(status, body), "http://id.example/jwks.json")()


async def test_does_not_wait_for_ever() -> None:
    """An issuer that does not answer is given up."""

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(60)
            raise AssertionError("unreachable")

    with pytest.raises(TimeoutError):
        await fetch_published(Silent(), "http://id.example/jwks.json", timeout_s=0.02)()
