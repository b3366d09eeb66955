"""An answer in parts over HTTP: `multipart/mixed` with the boundary `-`, as Apollo and urql read it."""

from collections.abc import AsyncGenerator, AsyncIterator

from gateway.http.negotiation import Increments

BOUNDARY = b"\r\n---"
END = b"--\r\n"
_HEAD = b"\r\ncontent-type: application/json; charset=utf-8\r\n\r\n"


def content_type(style: Increments | None) -> bytes:
    """Name the format, as clients look for it."""
    return b'multipart/mixed; boundary="-"' + (b"; " + style.value.encode("ascii") if style else b"")


async def write_parts(payloads: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Frame payloads. Each part ends with the boundary that begins the next, so that it can be read at once."""
    yield BOUNDARY
    async for payload in payloads:
        yield _HEAD + payload + BOUNDARY
    yield END


async def write_subscription(payloads: AsyncIterator[bytes | None]) -> AsyncGenerator[bytes, None]:
    """Frame the results of a subscription as Apollo reads them (`subscriptionSpec=1.0`); None is a heartbeat.

    https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
    """
    yield BOUNDARY
    async for payload in payloads:
        wrapped = b"{}" if payload is None else b'{"payload":' + payload + b"}"
        yield _HEAD + wrapped + BOUNDARY
    yield END
