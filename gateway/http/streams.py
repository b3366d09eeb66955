"""Send an answer that takes its time, and stop as soon as nobody reads it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from gateway.http.answer import Headers, Send, Stream
from gateway.http.body import Disconnected, Receive

T = TypeVar("T")


async def until_disconnected(work: Awaitable[T], receive: Receive) -> T:
    """Do the work while the client is there; raises Disconnected, and cancels it, when the client leaves."""
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Disconnected
    finally:
        await _cancel(working, watching)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(*futures: asyncio.Future[Any]) -> None:
    for future in futures:
        if not future.done():
            future.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await future


async def send_stream(send: Send, receive: Receive, stream: Stream, headers: Headers) -> None:
    """Send part by part, each when the one before is on its way."""

    async def pump() -> None:
        async with aclosing(stream.parts) as parts:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    with stream.held, suppress(Disconnected):
        await until_disconnected(pump(), receive)


async def with_heartbeats(payloads: AsyncGenerator[bytes, None], every_s: float) -> AsyncGenerator[bytes | None, None]:
    """Yield None whenever nothing came for a while, so that proxies keep the connection."""
    coming: asyncio.Future[bytes] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(payloads))
            done, _ = await asyncio.wait((coming,), timeout=every_s)
            if not done:
                yield None
                continue
            try:
                payload = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield payload
    finally:
        if coming is not None:
            await _cancel(coming)
        await payloads.aclose()
