"""Server-sent events in GraphQL over SSE's distinct connections mode.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

from collections.abc import AsyncGenerator, AsyncIterator

COMPLETE = b"event: complete\ndata:\n\n"
HEARTBEAT = b":\n\n"


async def write_events(payloads: AsyncIterator[bytes | None]) -> AsyncGenerator[bytes, None]:
    """Frame payloads as `next` events with a `complete` at the end; None is a heartbeat."""
    yield HEARTBEAT
    async for payload in payloads:
        yield HEARTBEAT if payload is None else b"event: next\ndata: " + payload + b"\n\n"
    yield COMPLETE
