"""Bare uvicorn: reads the request and answers ready bytes, by the name of the operation."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

OPERATIONS = {b"query Listing": "listing", b"query ProductPage": "product", b"query HomePage": "home"}
BYTES = [(name, (Path(os.environ["BYTES"]) / f"{page}.json").read_bytes()) for name, page in OPERATIONS.items()]

Json = dict[str, Any]


async def app(scope: Json, receive: Callable[[], Awaitable[Json]], send: Callable[[Json], Awaitable[None]]) -> None:
    if scope["type"] != "http":
        raise RuntimeError(f"expected http, got {scope['type']}")
    body, has_more = b"", True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
    answer = next(page for operation, page in BYTES if operation in body)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
