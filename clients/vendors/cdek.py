"""How CDEK's API v2 is called: its token, its envelope of errors.

Source: the vendor's OpenAPI documents, `gateway.cdek.ru/api-cdek-docs` (snapshot of 2026-01).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec

from clients.errors import InvalidSourceResponse, SourceError, SourceUnavailable
from clients.http import UNDECODABLE, Decodes, Reply, Upstream, decide_objection
from clients.renewed import REFUSED_S, Lease, Renewed
from clients.values import DataSource

T = TypeVar("T")

EARLY_S: Final = 60.0
"""A token is renewed so long before it expires; CDEK's live for an hour."""

BAD_TOKEN: Final = frozenset({"v2_token_expired", "v2_authorization_incorrect"})
THEIR_FAULT: Final = frozenset({"v2_internal_error"})
FORM: Final = ("content-type", "application/x-www-form-urlencoded")
_OK, _BAD_REQUEST, _UNAUTHORIZED = 200, 400, 401


class Note(msgspec.Struct, frozen=True):
    """An error or a warning; the message is the vendor's and goes nowhere."""

    code: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """What stands beside, or instead of, an answer."""

    errors: tuple[Note, ...] | None = None
    warnings: tuple[Note, ...] | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the errors, short enough for a line in a log."""
        return tuple(error.code[:60] for error in (self.errors or ())[:5])


class CdekRefusal(InvalidSourceResponse):
    """CDEK understood and said no; `codes` are its own words for why."""

    def __init__(self, source: DataSource, codes: tuple[str, ...]) -> None:
        super().__init__(source, f"refused: {', '.join(codes) or 'without a code'}")
        self.codes = codes


class Answered(NamedTuple):
    """A decoded answer with the headers that say where in a list it stands."""

    value: Any
    headers: httpx.Headers


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int


_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_TOKEN: Final = msgspec.json.Decoder(_Token)


def read_envelope(payload: bytes) -> Envelope:
    """The errors of an answer; none for what is not an object."""
    try:
        return _ENVELOPE.decode(payload)
    except UNDECODABLE:
        return Envelope()


def refusal(source: DataSource, codes: tuple[str, ...]) -> SourceError:
    """What errors inside an answer come to: their fault, or a refusal."""
    if THEIR_FAULT.intersection(codes):
        return SourceUnavailable(source, f"said {', '.join(codes)}")
    return CdekRefusal(source, codes)


class Cdek:
    """Calls with a token. One expired token costs one more call, never two."""

    def __init__(
        self,
        upstream: Upstream,
        client_id: str,
        client_secret: str,
        credentials_in: Literal["query", "form"],
        now: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._credentials = urlencode(
            {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        )
        self._credentials_in = credentials_in
        self._now = now
        self._token = Renewed(self._fetch_token, upstream.source, now, refused_s=REFUSED_S)

    @property
    def source(self) -> DataSource:
        """The role that CDEK has here."""
        return self._upstream.source

    async def get(
        self, path: str, answer: Decodes[Any], params: Mapping[str, str | int], *, operation: str
    ) -> Answered:
        """GET and decode; raises a SourceError."""
        reply = await self._ask("GET", f"{path}?{urlencode(params)}", b"", operation)
        return Answered(self._decode(reply, answer, operation), reply.headers)

    async def post(self, path: str, body: object, answer: Decodes[T], *, operation: str) -> T:
        """POST what only asks, and decode; raises a SourceError. An answer of 200 may hold errors all the same."""
        reply = await self._ask("POST", path, msgspec.json.encode(body), operation)
        return self._decode(reply, answer, operation)

    async def _ask(self, method: str, path: str, content: bytes, operation: str) -> Reply:
        token = await self._token.get()
        reply = await self._send(method, path, content, operation, token)
        if is_token_refused(reply):
            self._token.drop(token)
            reply = await self._send(method, path, content, operation, await self._token.get())
        self._judge(reply)
        return reply

    async def _send(self, method: str, path: str, content: bytes, operation: str, token: str) -> Reply:
        return await self._upstream.send(
            method, path, content=content, headers=[("authorization", f"Bearer {token}")], operation=operation
        )

    def _judge(self, reply: Reply) -> None:
        if reply.status == _BAD_REQUEST:
            raise refusal(self.source, read_envelope(reply.payload).codes)
        objection = decide_objection(self.source, reply.status, reply.headers)
        if objection is not None:
            raise objection

    def _decode(self, reply: Reply, answer: Decodes[T], operation: str) -> T:
        try:
            return answer.decode(reply.payload)
        except UNDECODABLE as error:
            raise InvalidSourceResponse(self.source, f"{operation}: {error}") from None

    async def _fetch_token(self) -> Lease[str]:
        """The contract has the credentials in the query; as a form they stay out of the logs of proxies between."""
        path = "/v2/oauth/token"
        if self._credentials_in == "query":
            reply = await self._upstream.send("POST", f"{path}?{self._credentials}", operation="delivery.token")
        else:
            form = self._credentials.encode()
            reply = await self._upstream.send("POST", path, content=form, headers=[FORM], operation="delivery.token")
        if reply.status in (_BAD_REQUEST, _UNAUTHORIZED):
            raise InvalidSourceResponse(self.source, f"the credentials were refused with HTTP {reply.status}")
        self._judge(reply)
        token = self._decode(reply, _TOKEN, "delivery.token")
        early_s = min(EARLY_S, token.expires_in / 2)
        expires_at = self._now() + token.expires_in
        return Lease(token.access_token, expires_at - early_s, expires_at)


def is_token_refused(reply: Reply) -> bool:
    """Whether an answer speaks against the token that was sent and not against the question."""
    if reply.status == _UNAUTHORIZED:
        return True
    return reply.status != _OK and bool(BAD_TOKEN.intersection(read_envelope(reply.payload).codes))
