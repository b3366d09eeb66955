"""Answers are compressed when it pays and when the client can read it."""

import gzip
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard

from gateway.http.compression import Compression, choose_coding
from gateway.http.rules import EdgeRules
from tests.http.door import knock, make_endpoint
from tests.http.shop import make_schema

READ: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


@pytest.mark.parametrize("coding", READ)
async def test_compresses_long_answers(coding: str) -> None:
    """A long answer travels compressed and reads the same."""
    endpoint = make_endpoint(make_schema())
    query = {"query": "{products(first:100){id title}}"}
    plain = await knock(endpoint, query)
    packed = await knock(endpoint, query, headers={"accept-encoding": coding})
    assert packed.headers["content-encoding"] == coding
    assert packed.headers["content-length"] == str(len(packed.body))
    assert len(packed.body) < len(plain.body) / 3
    assert READ[coding](packed.body) == plain.body


async def test_sends_short_answers_as_they_are() -> None:
    """What fits one packet anyway is not compressed."""
    reply = await knock(make_endpoint(make_schema()), {"query": "{hello}"}, headers={"accept-encoding": "zstd"})
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"gzip, deflate, br", b"br"),
        (b"gzip;q=1, br;q=0.5", b"gzip"),
        (b"*", b"zstd"),
        (b"zstd;q=0, *;q=0.1", b"br"),
        (b"identity", None),
        (b"gzip;q=0", None),
        (b"gzip;q=x", None),
        (b"", None),
        (b"GZIP", b"gzip"),
    ],
)
def test_chooses_what_the_client_prefers(accepted: bytes, coding: bytes | None) -> None:
    """The client's weights decide, then what is cheapest for us."""
    assert choose_coding(accepted) == coding


async def test_can_be_switched_off() -> None:
    """Behind a proxy that compresses, a bound beyond every answer leaves it to the proxy."""
    rules = EdgeRules(compression=Compression(min_bytes=10**9))
    query = {"query": "{products(first:100){id title}}"}
    reply = await knock(make_endpoint(make_schema(), rules=rules), query, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in reply.headers
