import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.errors import (
    InvalidSourceResponse,
    SourceError,
    SourceThrottled,
    SourceTimeout,
    SourceUnavailable,
)
from clients.http import LONGEST_WAIT_S, CallTerms, Priority, Upstream, call_terms, retry_after_s, translated
from clients.values import DataSource

ANSWER = msgspec.json.Decoder(dict[str, int])


class Scripted(httpx.AsyncBaseTransport):
    """Answers with one response, or raises, and remembers the request."""

    def __init__(self, outcome: httpx.Response | BaseException) -> None:
        self.outcome = outcome
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def over(outcome: httpx.Response | BaseException, base_url: str = "http://upstream.example:8080") -> Upstream:
    """An upstream whose transport has this one outcome."""
    return Upstream(
        source=DataSource.PRICING,
        base_url=base_url,
        transport=Scripted(outcome),
        headers={"authorization": "Bearer secret-key"},
    )


async def post(upstream: Upstream) -> dict[str, int]:
    """Some call; the path and the body do not matter."""
    return await upstream.post("/v1/x", {"q": 1}, ANSWER, operation="pricing.x")


def sent_by(upstream: Upstream) -> httpx.Request:
    """The one request that was sent."""
    assert isinstance(upstream.transport, Scripted)
    (request,) = upstream.transport.requests
    return request


def every(kind: type[Exception]) -> set[type[Exception]]:
    """An exception class and all below it."""
    return {kind}.union(*(every(derived) for derived in kind.__subclasses__()))


def an(error: type[Exception]) -> Exception:
    """An instance of an exception class of httpx, whatever its constructor wants."""
    if issubclass(error, httpx.HTTPStatusError):
        request = httpx.Request("GET", "http://x")
        return error("vendor text", request=request, response=httpx.Response(500, request=request))
    if error in {httpx.StreamConsumed, httpx.ResponseNotRead, httpx.RequestNotRead, httpx.StreamClosed}:
        return error()
    return error("vendor text")


HTTPX_ERRORS = sorted(
    {
        named
        for name in httpx.__all__
        if isinstance(named := getattr(httpx, name), type) and issubclass(named, Exception)
    }.union(*(every(kind) for kind in (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict))),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", [*HTTPX_ERRORS, TimeoutError, OSError, ConnectionResetError], ids=lambda k: k.__name__)
async def test_every_foreign_exception_becomes_ours(kind: type[Exception]) -> None:
    """No exception of httpx or of the system passes, and nothing that it says reaches a client."""
    with pytest.raises(SourceError) as caught:
        await post(over(an(kind)))

    assert "vendor" not in f"{caught.value} {caught.value.extensions}"
    assert caught.value.detail
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (httpx.ConnectTimeout("x"), SourceTimeout),
        (httpx.PoolTimeout("x"), SourceTimeout),
        (TimeoutError(), SourceTimeout),
        (httpx.ConnectError("x"), SourceUnavailable),
        (httpx.RemoteProtocolError("x"), SourceUnavailable),
        (ConnectionResetError(), SourceUnavailable),
        (httpx.DecodingError("x"), InvalidSourceResponse),
        (httpx.TooManyRedirects("x"), InvalidSourceResponse),
    ],
)
def test_exception_keeps_its_meaning(foreign: Exception, ours: type[SourceError]) -> None:
    """A timeout stays a timeout, a broken connection an outage, an unreadable body a broken contract."""
    assert type(translated(DataSource.PRICING, foreign)) is ours


async def test_error_of_a_guard_passes_as_it_is() -> None:
    """What a guard below already said in our words is not said again."""
    refused = SourceThrottled(DataSource.PRICING, "our own quota", 2.0)

    with pytest.raises(SourceThrottled) as caught:
        await post(over(refused))

    assert caught.value is refused


async def test_cancellation_is_never_an_answer() -> None:
    """A cancelled call ends as cancelled, also in the middle of a body, and gives the connection back."""

    class Endless(httpx.AsyncByteStream):
        closed = False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        async def aclose(self) -> None:
            self.closed = True

    body = Endless()
    call = asyncio.ensure_future(post(over(httpx.Response(200, stream=body))))
    for _ in range(5):
        await asyncio.sleep(0)
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert body.closed


@pytest.mark.parametrize("status", [201, 204, 206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 409, 413, 422])
async def test_any_other_status_breaks_the_contract(status: int) -> None:
    """Only 200 is an answer; a redirect above all is not followed, since it would carry our key away."""
    upstream = over(httpx.Response(status, headers={"location": "http://evil.example/"}, json={"a": 1}))

    with pytest.raises(InvalidSourceResponse):
        await post(upstream)

    sent_by(upstream)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 599])
async def test_fault_of_the_server_is_an_outage(status: int) -> None:
    """A server fault says that asking again makes sense, and when if it was said."""
    with pytest.raises(SourceUnavailable) as caught:
        await post(over(httpx.Response(status, headers={"retry-after": "7"})))

    assert caught.value.extensions == {
        "code": "UNAVAILABLE",
        "source": "PRICING",
        "retryable": True,
        "retryAfterSeconds": 7,
    }


async def test_throttling_says_how_long() -> None:
    """429 is our rate, not an outage."""
    with pytest.raises(SourceThrottled) as caught:
        await post(over(httpx.Response(429, headers={"retry-after": "3"})))

    assert caught.value.retry_after_s == 3.0


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 12 "}, 12.0),
        ({"retry-after": "9" * 400}, LONGEST_WAIT_S),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2099 11:00:00 GMT", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, LONGEST_WAIT_S),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, None),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 -0000", "date": "Sun, 01 Mar 2026 12:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], wait_s: float | None) -> None:
    """Seconds, or a date measured from the answer's own Date; anything else is unknown, never a crash."""
    assert retry_after_s(headers) == wait_s


@given(said=st.text(max_size=40), date=st.text(max_size=40))
def test_retry_after_never_crashes(said: str, date: str) -> None:
    """Whatever a source writes there, it is a wait within a day or none; `²` is a digit to Python."""
    wait_s = retry_after_s({"retry-after": said, "date": date})

    assert wait_s is None or 0 <= wait_s <= LONGEST_WAIT_S


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "text/plain", "application/xml", ""])
async def test_answer_of_another_type_breaks_the_contract(media_type: str) -> None:
    """A proxy's page that says 200 is no answer, even if it could be read as JSON."""
    with pytest.raises(InvalidSourceResponse):
        await post(over(httpx.Response(200, content=b'{"a":1}', headers={"content-type": media_type})))


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"]
)
async def test_json_under_any_of_its_names_is_read(media_type: str) -> None:
    """Parameters, letter case and vendor types do not matter."""
    answer = httpx.Response(200, content=b'{"a":1}', headers={"content-type": media_type})

    assert await post(over(answer)) == {"a": 1}


async def test_answer_without_a_type_is_tried() -> None:
    """A source that forgets the header is read like any other."""
    assert await post(over(httpx.Response(200, content=b'{"a":1}'))) == {"a": 1}


async def test_request_is_complete() -> None:
    """Headers, body and all that guards need are there; a body can be sent again."""
    upstream = over(httpx.Response(200, json={"a": 1}))
    token = call_terms.set(CallTerms(deadline=12.5, priority=Priority.CHECKOUT))
    try:
        await upstream.post("/v1/x?y=1", {"q": "ё"}, ANSWER, operation="pricing.x", idempotent=False)
    finally:
        call_terms.reset(token)

    request = sent_by(upstream)
    assert str(request.url) == "http://upstream.example:8080/v1/x?y=1"
    assert request.headers["host"] == "upstream.example:8080"
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"
    assert request.headers["authorization"] == "Bearer secret-key"
    assert request.headers["content-length"] == str(len(request.content))
    assert json.loads(request.content) == {"q": "ё"}
    assert b"".join([chunk async for chunk in request.stream]) == request.content  # type: ignore[union-attr]
    assert request.extensions == {
        "source": DataSource.PRICING,
        "operation": "pricing.x",
        "idempotent": False,
        "deadline": 12.5,
        "priority": Priority.CHECKOUT,
    }


async def test_parameters_are_encoded() -> None:
    """What goes into a query string cannot get out of it."""
    upstream = over(httpx.Response(200, json={}))

    await upstream.get("/v1/x", ANSWER, operation="pricing.x", params={"language": "ru&admin=1#"})

    assert dict(sent_by(upstream).url.params) == {"language": "ru&admin=1#"}
    assert "content-length" not in sent_by(upstream).headers


@pytest.mark.parametrize("base_url", ["http://bus.example/pricing", "http://bus.example/pricing/"])
async def test_upstream_may_live_under_a_path(base_url: str) -> None:
    """Systems behind one bus are told apart by a path, with or without a slash at its end."""
    upstream = over(httpx.Response(200, json={}), base_url)

    await post(upstream)

    assert str(sent_by(upstream).url) == "http://bus.example/pricing/v1/x"


async def test_cookies_are_neither_kept_nor_sent() -> None:
    """A session that a vendor starts would mix the shoppers who share our connection."""
    upstream = over(httpx.Response(200, json={}, headers={"set-cookie": "sid=1"}))

    await post(upstream)
    await post(upstream)

    assert isinstance(upstream.transport, Scripted)
    assert all("cookie" not in request.headers for request in upstream.transport.requests)


async def test_one_request_s_headers_are_not_another_s() -> None:
    """A guard that adds a header to one call has not added it to the next."""
    upstream = over(httpx.Response(200, json={}))

    for _ in range(2):
        await upstream.get("/v1/x", ANSWER, operation="pricing.x")

    assert isinstance(upstream.transport, Scripted)
    one, other = upstream.transport.requests
    one.headers["traceparent"] = "00-1"
    assert "traceparent" not in other.headers
    await upstream.get("/v1/x", ANSWER, operation="pricing.x")
    assert "traceparent" not in upstream.transport.requests[-1].headers


def test_key_is_not_in_a_repr() -> None:
    """An upstream in a log or a traceback does not give its API key away."""
    assert "secret-key" not in repr(over(httpx.Response(200)))
