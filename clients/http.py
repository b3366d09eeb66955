"""The one way from an adapter to its upstream.

An adapter builds a call out of httpx's words; the transport below may be a wire engine, a stack
of guards over it, or a fake. The adapter cannot tell and need not know. Foreign exceptions become
ours here and nowhere else.
"""

import contextvars
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, NamedTuple, Protocol, TypeVar

import httpx
import msgspec

from clients.errors import (
    InvalidSourceResponse,
    SourceError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from clients.values import DataSource

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

JSON_HEADERS: Final = {"accept": "application/json", "content-type": "application/json"}

UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding an answer raises when it is not what it should be; a thousand nested brackets are the last."""

LONGEST_WAIT_S: Final = 86_400.0
"""A source that asks to be left alone for more than a day is asked again tomorrow."""


class Decodes(Protocol[T_co]):
    """Turns the bytes of an answer into values, or raises one of `UNDECODABLE`."""

    def decode(self, buf: bytes, /) -> T_co: ...


class Priority(enum.IntEnum):
    """Whose call goes first when a quota or a queue is short; lower is more important."""

    CHECKOUT = 0
    PAGE = 1
    RECOMMENDATION = 2
    REFRESH = 3


class CallTerms(msgspec.Struct, frozen=True):
    """What a call may cost: an absolute deadline on the loop's clock, and its importance."""

    deadline: float | None = None
    priority: Priority = Priority.PAGE


call_terms: contextvars.ContextVar[CallTerms] = contextvars.ContextVar(
    "call_terms",
    default=CallTerms(),  # noqa: B039 (it is frozen)
)


shopper_address: contextvars.ContextVar[str | None] = contextvars.ContextVar("shopper_address", default=None)
"""The address of whoever's request led to a call, for vendors who count calls by it. Answers never depend on it, and
an adapter passes it on in that customer's own calls only: a load that many share began with one of them."""


class Reply(NamedTuple):
    """What a system said, whatever it was; `payload` is the whole body without its codings."""

    status: int
    headers: httpx.Headers
    payload: bytes


@dataclass(frozen=True, slots=True)
class Upstream:
    """One system at one address, reached through one transport.

    Guards and engines find in `request.extensions`: `source` (DataSource), `operation` (str, e.g.
    `pricing.prices`), `idempotent` (bool), `deadline` (loop time or None), `priority` (Priority).
    """

    source: DataSource
    base_url: str
    transport: httpx.AsyncBaseTransport
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    _raw_headers: list[tuple[bytes, bytes]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = httpx.Headers({"host": httpx.URL(self.base_url).netloc.decode(), **JSON_HEADERS, **self.headers})
        object.__setattr__(self, "_raw_headers", own.raw)
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    async def post(self, path: str, body: object, answer: Decodes[T], *, operation: str, idempotent: bool = True) -> T:
        """POST `body` as JSON and decode the answer; raises a SourceError for everything else."""
        request = self._request("POST", path, msgspec.json.encode(body), operation, idempotent=idempotent)
        return await self._ask(request, answer)

    async def get(self, path: str, answer: Decodes[T], *, operation: str, params: Mapping[str, str] | None = None) -> T:
        """GET and decode the answer; raises a SourceError for everything else."""
        if params:
            path = f"{path}?{httpx.QueryParams(params)}"
        return await self._ask(self._request("GET", path, b"", operation, idempotent=True), answer)

    async def send(
        self, method: str, path: str, *, operation: str, content: bytes = b"",
        headers: Sequence[tuple[str, str]] = (), idempotent: bool = True,
    ) -> Reply:  # fmt: skip
        """Send bytes and return whatever was said, for adapters that judge answers by their vendor's own rules.

        `path` may have a query; `headers` replace those of the same name. Raises a SourceError only
        when there was no answer, or when a guard said no.
        """
        request = self._request(method, path, content, operation, idempotent=idempotent)
        for name, value in headers:
            request.headers[name] = value
        return await self._exchange(request)

    def _request(self, method: str, path: str, content: bytes, operation: str, *, idempotent: bool) -> httpx.Request:
        # Parsing the address and sorting the headers is nine tenths of the cost of a request, so
        # both are done once, and the body is handed over as a stream, which httpx takes as it is.
        terms = call_terms.get()
        request = httpx.Request(
            method,
            _parsed(self.base_url + path),
            headers=[*self._raw_headers, (b"content-length", b"%d" % len(content))] if content else self._raw_headers,
            stream=httpx.ByteStream(content),
            extensions={
                "source": self.source,
                "operation": operation,
                "idempotent": idempotent,
                "deadline": terms.deadline,
                "priority": terms.priority,
            },
        )
        request.read()
        return request

    async def _ask(self, request: httpx.Request, answer: Decodes[T]) -> T:
        status, headers, payload = await self._exchange(request)
        operation = request.extensions["operation"]
        objection = decide_objection(self.source, status, headers)
        if objection is not None:
            raise objection
        try:
            return answer.decode(payload)
        except UNDECODABLE as error:
            raise InvalidSourceResponse(self.source, f"{operation}: {error}") from None

    async def _exchange(self, request: httpx.Request) -> Reply:
        try:
            response = await self.transport.handle_async_request(request)
            try:
                return Reply(response.status_code, response.headers, await response.aread())
            finally:
                await response.aclose()
        except SourceError:
            raise
        except FOREIGN as error:
            raise translated(self.source, error) from None


# A stream error says that the answer's body could not be read to its end. The last three are not
# under httpx.HTTPError: they come of an address or a cookie that httpx cannot read.
FOREIGN: Final = (
    TimeoutError,
    OSError,
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    httpx.CookieConflict,
)


def translated(source: DataSource, error: Exception) -> SourceError:
    """The error of ours that says what a foreign one said."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return SourceTimeout(source, repr(error))
    if isinstance(error, httpx.DecodingError | httpx.TooManyRedirects | httpx.CookieConflict):
        return InvalidSourceResponse(source, repr(error))
    return SourceUnavailable(source, repr(error))


def decide_objection(source: DataSource, status: int, headers: httpx.Headers) -> SourceError | None:
    """What is wrong with an answer before its body is read; None when nothing is.

    Only 200 is an answer. A redirect is not followed: it would carry our key to another address.
    """
    if status == 200:  # noqa: PLR2004
        media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if media_type == "application/json" or media_type.endswith("+json"):
            return None
        return InvalidSourceResponse(source, f"expected application/json, got {media_type!r}")
    if status == 429:  # noqa: PLR2004
        return SourceThrottled(source, f"HTTP {status}", retry_after_s(headers))
    if status >= 500 or status in (408, 425):  # noqa: PLR2004
        return SourceUnavailable(source, f"HTTP {status}", retry_after_s(headers))
    return InvalidSourceResponse(source, f"HTTP {status}")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, both forms of RFC 9110 (10.2.3); None when absent or unreadable.

    A date is measured from the answer's own `Date`, so the clocks of the two sides need not agree.
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:20]), LONGEST_WAIT_S)
    try:
        wait = parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT_S)


@lru_cache(maxsize=1024)
def _parsed(address: str) -> httpx.URL:
    return httpx.URL(address)
