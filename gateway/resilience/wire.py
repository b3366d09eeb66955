"""The wire engine: one connection pool to one upstream, behind httpx's transport interface.

The work is aiohttp's. It was chosen by measurement (`benchmarks/wire.py`): httpcore's pool stays
dead after cancelled calls; pyreqwest costs less CPU but goes on with calls that nobody awaits any
more, so a page that gave up still loads the upstream and still holds a connection.

Whatever goes wrong leaves here as an httpx exception; `FOREIGN` is the only table of them.
"""

import asyncio
import contextvars
import math
import ssl
from typing import Any, Final

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from gateway.resilience.policy import WireLimits as WireLimits


class AnswerTooLarge(httpx.DecodingError):
    """The decoded body passed the cap; the rest was not read and the connection was closed."""


# The first row that fits wins, so a subclass stands above its base.
FOREIGN: Final[tuple[tuple[type[Exception], type[httpx.RequestError]], ...]] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerFingerprintMismatch, httpx.ConnectError),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.ClientError, httpx.NetworkError),
    (OSError, httpx.NetworkError),
    (ValueError, httpx.LocalProtocolError),
    (RuntimeError, httpx.NetworkError),
)

_CAUGHT = tuple(foreign for foreign, _ in FOREIGN)


class WireEngine(httpx.AsyncBaseTransport):
    """Talks HTTP/1.1 to one upstream; made inside a running loop, closed with `aclose`.

    No cookie is kept or sent, no redirect is followed, no proxy is taken from the environment.
    The answer comes fully read and decoded. Raises httpx exceptions only. `resent` counts the calls
    that met a closed idle connection and were sent again.
    """

    def __init__(self, limits: WireLimits | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._limits = limits or WireLimits()
        self._loop = asyncio.get_running_loop()
        self._session = _session(self._limits, tls)
        self.resent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send and read the whole answer, once more if an idle connection turned out to be closed."""
        _made_fresh.set(False)
        try:
            return await self._exchange(request)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not may_resend(request, was_reused=not _made_fresh.get()):
                raise translated(error, request) from error
        except _CAUGHT as error:
            raise translated(error, request) from error
        self.resent += 1
        try:
            return await self._exchange(request)
        except _CAUGHT as error:
            raise translated(error, request) from error

    async def aclose(self) -> None:
        """Close every connection; calls under way fail with `httpx.NetworkError`."""
        await self._session.close()

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        answer = await self._session.request(
            request.method,
            URL(str(request.url), encoded=True),
            data=request.content or None,
            headers=_text_headers(request.headers),
            allow_redirects=False,
            timeout=self._timeout(request),
        )
        try:
            body = await _read_capped(answer.content, self._limits.answer_bytes, request)
        except BaseException:
            answer.close()  # the connection is in the middle of an answer and of no use to anybody
            raise
        return ReadResponse(answer.status, answer.raw_headers, body, request)

    def _timeout(self, request: httpx.Request) -> aiohttp.ClientTimeout:
        limits = self._limits
        total_s = time_left_s(request.extensions.get("deadline"), self._loop.time(), limits.total_s)
        if total_s <= 0:
            raise httpx.PoolTimeout("The deadline had passed before the call was sent.", request=request)
        asked = request.extensions.get("timeout") or {}
        connect_s = min(asked.get("connect") or limits.connect_s, limits.connect_s)
        read_s = min(asked.get("read") or limits.read_s, limits.read_s)
        return aiohttp.ClientTimeout(
            total=total_s,
            connect=connect_s + limits.pool_s,
            sock_connect=connect_s,
            sock_read=read_s if read_s < total_s else None,  # a timer less, and the total bounds it anyway
            ceil_threshold=math.inf,
        )


class ReadResponse(httpx.Response):
    """An answer whose body is already here, decoded.

    httpx's own constructor would run the body through its stream and decoder machinery, which costs
    ten microseconds a call; here the finished state is set outright.
    """

    def __init__(
        self, status: int, headers: "tuple[tuple[bytes, bytes], ...]", body: bytes, request: httpx.Request
    ) -> None:
        kept = [pair for pair in headers if pair[0].lower() not in _SPENT_HEADERS]
        super().__init__(status, headers=kept, stream=_READ, request=request)
        self._content = body
        self.is_closed = True
        self.is_stream_consumed = True


def time_left_s(deadline: float | None, now: float, limit_s: float) -> float:
    """Seconds a call may take: its own limit, or less when its deadline comes first."""
    return limit_s if deadline is None else min(limit_s, deadline - now)


def may_resend(request: httpx.Request, *, was_reused: bool) -> bool:
    """Whether a call that met a closed connection may be sent again at once.

    An upstream may close an idle connection at the very moment we reuse it. Then nothing is wrong
    with it and one more try on another connection is right (RFC 9112, 9.3.1), unless sending the
    call twice could do a thing twice.
    """
    return was_reused and bool(request.extensions.get("idempotent", request.method in _SAFE))


def translated(error: Exception, request: httpx.Request) -> httpx.RequestError:
    """The httpx exception that says what a foreign one said."""
    if isinstance(error, httpx.RequestError):
        return error
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(error.__cause__, ContentEncodingError):
        return httpx.DecodingError(str(error), request=request)
    ours = next(ours for foreign, ours in FOREIGN if isinstance(error, foreign))
    return ours(str(error) or type(error).__name__, request=request)


async def _read_capped(stream: aiohttp.StreamReader, cap: int, request: httpx.Request) -> bytes:
    """Read all; aiohttp decompresses in bounded steps, so a gzip bomb is met chunk by chunk."""
    chunks: list[bytes] = []
    size = 0
    while chunk := await stream.readany():
        size += len(chunk)
        if size > cap:
            raise AnswerTooLarge(f"The answer is larger than {cap} bytes.", request=request)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _text_headers(headers: httpx.Headers) -> dict[str, str]:
    sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.raw}
    sent.setdefault("accept-encoding", "gzip")
    return sent


_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SPENT_HEADERS = frozenset({b"content-encoding", b"content-length", b"transfer-encoding", b"set-cookie"})
_READ = httpx.ByteStream(b"")

# Set by the connector for the task that asked it for a connection.
_made_fresh: contextvars.ContextVar[bool] = contextvars.ContextVar("connection_made_fresh", default=True)


class _Connector(aiohttp.TCPConnector):
    """Notes for the caller that its connection had to be made, and is not one that idled."""

    async def _create_connection(self, *args: Any, **kwargs: Any) -> ResponseHandler:
        handler = await super()._create_connection(*args, **kwargs)
        _made_fresh.set(True)
        return handler


def _session(limits: WireLimits, tls: ssl.SSLContext | None) -> aiohttp.ClientSession:
    connector = _Connector(
        limit=limits.connections, keepalive_timeout=limits.idle_s, ssl=tls or True, timeout_ceil_threshold=math.inf
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
    )
    # aiohttp would resend any failed GET, also on a fresh connection; whether to resend is `may_resend`'s to say.
    session._retry_connection = False  # noqa: SLF001
    return session
