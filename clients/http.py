"""The one way from an adapter to its upstream.

An adapter builds a call out of httpx's words; the transport below may be a wire engine, a stack
of guards over it, or a fake. The adapter cannot tell and need not know. Foreign exceptions become
ours here and nowhere else.
"""

import contextvars
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

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

T = TypeVar("T")

JSON_HEADERS = {"accept": "application/json", "content-type": "application/json"}


class Priority(enum.IntEnum):
    """Whose call goes first when a quota or a queue is short; lower is more important."""

    CHECKOUT = 0
    PAGE = 1
    RECOMMENDATION = 2
    REFRESH = 3


@dataclass(frozen=True, slots=True)
class CallTerms:
    """What a call may cost: an absolute deadline on the loop's clock, and its importance."""

    deadline: float | None = None
    priority: Priority = Priority.PAGE


call_terms: contextvars.ContextVar[CallTerms] = contextvars.ContextVar("call_terms", default=CallTerms())


@dataclass(frozen=True, slots=True)
class Upstream:
    """One system at one address, reached through one transport.

    Guards and engines find in `request.extensions`: `source` (DataSource), `operation` (str, e.g.
    `pricing.prices`), `idempotent` (bool), `deadline` (loop time or None), `priority` (Priority).
    """

    source: DataSource
    base_url: str
    transport: httpx.AsyncBaseTransport
    headers: Mapping[str, str] = field(default_factory=dict)

    async def post(
        self, path: str, body: object, answer: msgspec.json.Decoder[T], *, operation: str, idempotent: bool = True
    ) -> T:
        """POST `body` as JSON and decode the answer; raises a SourceError for everything else."""
        return await self._ask("POST", path, msgspec.json.encode(body), answer, operation, idempotent)

    async def get(
        self, path: str, answer: msgspec.json.Decoder[T], *, operation: str, params: Mapping[str, str] | None = None
    ) -> T:
        """GET and decode the answer; raises a SourceError for everything else."""
        if params:
            path = f"{path}?{httpx.QueryParams(params)}"
        return await self._ask("GET", path, None, answer, operation, idempotent=True)

    async def _ask(
        self, method: str, path: str, content: bytes | None, answer: msgspec.json.Decoder[T], operation: str, idempotent: bool
    ) -> T:
        terms = call_terms.get()
        request = httpx.Request(
            method,
            self.base_url + path,
            headers={**JSON_HEADERS, **self.headers},
            content=content,
            extensions={
                "source": self.source,
                "operation": operation,
                "idempotent": idempotent,
                "deadline": terms.deadline,
                "priority": terms.priority,
            },
        )
        status, headers, payload = await self._exchange(request)
        if status != 200:  # noqa: PLR2004
            raise refusal(self.source, status, headers)
        try:
            return answer.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidSourceResponse(self.source, f"{operation}: {error}") from None

    async def _exchange(self, request: httpx.Request) -> tuple[int, httpx.Headers, bytes]:
        try:
            response = await self.transport.handle_async_request(request)
            try:
                return response.status_code, response.headers, await response.aread()
            finally:
                await response.aclose()
        except SourceError:
            raise
        except (TimeoutError, httpx.TimeoutException) as error:
            raise SourceTimeout(self.source, repr(error)) from None
        except httpx.DecodingError as error:
            raise InvalidSourceResponse(self.source, repr(error)) from None
        except (httpx.HTTPError, OSError) as error:
            raise SourceUnavailable(self.source, repr(error)) from None


def refusal(source: DataSource, status: int, headers: httpx.Headers) -> SourceError:
    """Read a status other than 200 as one of our errors."""
    if status == 429:  # noqa: PLR2004
        return SourceThrottled(source, f"HTTP {status}", retry_after_s(headers))
    if status >= 500 or status in (408, 425):  # noqa: PLR2004
        return SourceUnavailable(source, f"HTTP {status}", retry_after_s(headers))
    return InvalidSourceResponse(source, f"HTTP {status}")


def retry_after_s(headers: Mapping[str, Any]) -> float | None:
    """`Retry-After` in whole seconds; the HTTP-date form is read as unknown (RFC 9110, 10.2.3)."""
    said = headers.get("retry-after", "")
    return float(said) if said.isdigit() else None
