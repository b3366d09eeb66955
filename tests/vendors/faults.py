"""What can go wrong with any vendor's system, and which of our errors it is."""

from collections.abc import Callable
from typing import Final

import httpx

from clients.errors import InvalidSourceResponse, SourceError, SourceThrottled, SourceTimeout, SourceUnavailable

VENDOR_TEXT: Final = "Traceback of the vendor"
JSON: Final = {"content-type": "application/json"}

Answering = Callable[[httpx.Request], httpx.Response]


def raising(error: Exception) -> Answering:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    return fail


FAULTS: Final[list[tuple[Answering, type[SourceError]]]] = [
    (lambda _: httpx.Response(500, text=VENDOR_TEXT), SourceUnavailable),
    (lambda _: httpx.Response(502, html=f"<h1>{VENDOR_TEXT}</h1>"), SourceUnavailable),
    (lambda _: httpx.Response(429, json={}, headers={"retry-after": "7"}), SourceThrottled),
    (lambda _: httpx.Response(404, json={"message": VENDOR_TEXT}), InvalidSourceResponse),
    (lambda _: httpx.Response(200, html=f"<h1>{VENDOR_TEXT}</h1>"), InvalidSourceResponse),
    (lambda _: httpx.Response(200, json={}), InvalidSourceResponse),
    (lambda _: httpx.Response(200, json=None), InvalidSourceResponse),
    (lambda _: httpx.Response(200, json={"items": [VENDOR_TEXT], "observedAt": 1}), InvalidSourceResponse),
    (lambda _: httpx.Response(200, content=b'{"cut":', headers=JSON), InvalidSourceResponse),
    (lambda _: httpx.Response(301, headers={"location": "http://evil.test"}), InvalidSourceResponse),
    (raising(httpx.ReadTimeout(VENDOR_TEXT)), SourceTimeout),
    (raising(httpx.ConnectError(VENDOR_TEXT)), SourceUnavailable),
]
