"""No key comes out in a log line, a span or a table, wherever its vendor wants it."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from clients.values import DataSource
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import Look, get_log, logging_to
from gateway.telemetry.scrubbing import Scrubber
from gateway.telemetry.traces import TracedWire, open_tracer

KEY = "5b333f5297a528b0184b6017"
RETAIL_ROCKET = f"https://vendor.example/api/3.0/partnerRecommendations/popular/?partnerId=1&apiKey={KEY}&stockId=msk"
BITRIX24 = f"https://shop.example/rest/17/{KEY}/catalog.product.list.json"
RECOMBEE = f"https://vendor.example/db/recomms/users/u/items/?hmac_timestamp=1&hmac_sign={KEY}"
SIGNED = f"valkey://default:{KEY}@cache.example:6379/0"
ODD = 'k"e\\y +ключ/1'


@pytest.mark.parametrize("address", [RETAIL_ROCKET, BITRIX24, RECOMBEE, SIGNED, f"Authorization: Bearer {KEY}"])
def test_what_looks_like_a_key_is_hidden(address: str) -> None:
    """Also the key of a system that no setting names; the rest of the line stays."""
    said = Scrubber().scrub(f"cannot reach {address}: refused")
    assert KEY not in said
    assert "***" in said
    assert said.startswith("cannot reach ")
    assert said.endswith(" refused")


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "operation", "document": "5b333f5297a528b0184b60175b333f52", "ms": 12.5}',
        "GET https://vendor.example/rest/v2/catalogue?category=12&page=2",
        "bearer of bad news, basic facts",
        "http://127.0.0.1:8080/graphql",
    ],
)
def test_what_is_no_key_stays(line: str) -> None:
    """Hashes, pages, words and ports are what logs are for."""
    assert Scrubber().scrub(line) == line


@pytest.mark.parametrize(
    "spelled",
    [ODD, json.dumps(ODD), json.dumps(ODD, ensure_ascii=False), repr(ODD), str(httpx.QueryParams({"x": ODD}))],
)
def test_a_known_secret_is_hidden_however_it_is_spelled(spelled: str) -> None:
    """As it is, in JSON, in Python and in an address; the longest first, so that no end of one is left."""
    said = Scrubber([ODD, ODD[:6]]).scrub(f"it was {spelled} here")
    assert "1" not in said
    assert "ey" not in said.replace("here", "")
    assert "***" in said


def test_words_are_not_secrets() -> None:
    """A secret of a few letters hides nothing: half of all lines would be stars."""
    assert Scrubber(["", "on"]).scrub("down upon") == "down upon"


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[LineWriter, Path]]:
    path = tmp_path / "lines"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    with LineWriter(descriptor) as writer:
        yield writer, path
    os.close(descriptor)


@pytest.mark.parametrize("look", ["json", "terminal"])
def test_every_line_is_searched(written: tuple[LineWriter, Path], look: Look) -> None:
    """Ours, a library's, and the trace of an exception whose message has an address in it."""
    writer, path = written
    with logging_to(writer, look, Scrubber(["secret of settings"]).scrub):
        get_log("gateway.test").warning("asked", address=RETAIL_ROCKET)
        logging.getLogger("some.library").warning("connecting to %s with %s", BITRIX24, "secret of settings")
        try:
            raise httpx.UnsupportedProtocol(RECOMBEE)  # noqa: TRY301
        except httpx.UnsupportedProtocol:
            logging.getLogger("some.library").exception("it failed")
    writer.__exit__()
    text = path.read_text()
    assert "UnsupportedProtocol" in text
    assert "secret of settings" not in text
    assert KEY not in text
    if look == "json":
        assert [json.loads(line)["level"] for line in text.splitlines()] == ["warning", "warning", "error"]


@pytest.mark.parametrize("address", [RETAIL_ROCKET, BITRIX24, RECOMBEE])
async def test_no_span_has_an_address(address: str) -> None:
    """A call's span names the operation and the source, also when the call fails with the address in its words."""

    class Wire(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "popular" in request.url.path:
                raise httpx.ConnectError(f"cannot reach {request.url}", request=request)
            return httpx.Response(200, json={})

    kept = InMemorySpanExporter()
    notes = {"source": DataSource.RECOMMENDATIONS, "operation": "vendor.asked"}
    with open_tracer(kept, 1.0) as tracer:
        request = httpx.Request("GET", address, extensions=notes)
        try:
            await TracedWire(Wire(), tracer).handle_async_request(request)
        except httpx.ConnectError:
            assert address == RETAIL_ROCKET
    (span,) = kept.get_finished_spans()
    assert KEY not in span.to_json()
    assert "vendor.example" not in span.to_json()
    assert "shop.example" not in span.to_json()
