"""Loymax's public API, version 1.2: its envelope, its errors, and calls with a shopper's own token.

There is no contract of the vendor's to hold this against. It is modelled on two third-party
clients (15web/loymax-php, MIT; semdelion/loymaxKotlinSdk, generated from the vendor's Swagger of
2022) and on what they quote of docs.loymax.net; `docs/vendors/loymax.md` says what to check.

HTTP 200 is not success: `result.state` is.
"""

import asyncio
import datetime as dt
import ipaddress
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator

from clients.errors import ConfirmationRequired, InvalidSourceResponse, SourceError, SourceUnavailable
from clients.http import UNDECODABLE, Reply, Upstream, decide_objection, shopper_address
from clients.values import Dataset, DataSource, Freshness, Value, refuse_absurd
from clients.vendors.loymax_desk import desk_at
from clients.vendors.loymax_tokens import ShopperTokens, Tokens, TokensRefused

T = TypeVar("T")

API: Final = "/publicapi/v1.2"
SUCCESS: Final = "Success"
FAIL: Final = "Fail"
BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401

TOKEN_PATH: Final = "/authorizationService/token"  # noqa: S105 (an address)
NEEDS_CODE: Final = "TwoFactorAuthenticationCodeRequired"
SPENT: Final = frozenset({"invalid_grant", "invalid_token"})


class LoymaxOptions(BaseModel):
    """What every domain of Loymax has to be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens_url: HttpUrl = Field(description="Where the desk answers, which keeps each shopper's Loymax tokens.")
    tokens_key: SecretStr = Field(description="Sent to the desk as `Authorization: Bearer`.")
    zone: str = Field(description="Time zone of dates that Loymax sends without one, e.g. Europe/Moscow.")

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("expected a time zone by its IANA name, such as Europe/Moscow") from None
        return given


class Wire(Value):
    """A part of an answer. Fields that are not named are left alone; states and types are texts, an open set."""


class Currency(Wire):
    """A bonus currency; the programme may have several."""

    id: int
    uid: str | None = None
    code: str | None = None
    external_id: str | None = None

    def is_one_of(self, names: Collection[str]) -> bool:
        """Whether its code, uid or external id is among these."""
        return any(name in names for name in (self.code, self.uid, self.external_id) if name)


ABSURD: Final = (ValueError, ArithmeticError)
"""What numbers raise that nobody means: out of every range, or no number at all."""


def in_zone(moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """A moment with an offset: its own, or that of the programme's zone where Loymax sent none."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def exact(number: Decimal) -> Decimal:
    """The same number without needless zeros (`1240.0000` is 1240); raises one of `ABSURD`."""
    refuse_absurd(number)
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


@dataclass(frozen=True, slots=True)
class Watch:
    """Moments of one source's answers. Loymax does not date them, so they are as old as the question."""

    source: DataSource
    now: Callable[[], float]

    def moment(self) -> dt.datetime:
        """Now, in UTC."""
        return dt.datetime.fromtimestamp(self.now(), dt.UTC)

    def asked_now(self, dataset: Dataset) -> Callable[[], Freshness]:
        """The provenance of what is asked at this moment; called when it was answered."""
        asked_at = self.moment()
        return lambda: Freshness(source=self.source, dataset=dataset, observed_at=asked_at, received_at=self.now())


class Outcome(Wire):
    """`result` of every answer; `state` is an open set, `messageCode` is the machine's word for `message`."""

    state: str
    message_code: str | None = None


class _Envelope(msgspec.Struct, frozen=True):
    result: Outcome
    data: msgspec.Raw = msgspec.Raw(b"null")


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


class Data(Generic[T]):
    """Reads what is in an envelope; raises a SourceError for everything but success."""

    def __init__(self, kind: Any) -> None:
        self._data: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def read(self, source: DataSource, operation: str, payload: bytes) -> T:
        try:
            envelope = _ENVELOPE.decode(payload)
            objection = decide_failure(source, operation, envelope.result)
            if objection is not None:
                raise objection
            return self._data.decode(envelope.data)
        except UNDECODABLE as error:
            raise InvalidSourceResponse(source, f"{operation}: {error}") from None


def decide_failure(source: DataSource, operation: str, result: Outcome) -> SourceError | None:
    """What `result` says went wrong; None for success.

    `Fail` is a fault of the vendor's, so asking again may help. `Error` and `ValidationError` speak of
    what was asked, and a state that nobody knows is no answer that anybody may trust.
    """
    if result.state == SUCCESS:
        return None
    detail = f"{operation}: state {result.state[:40]!r}, code {(result.message_code or '')[:80]!r}"
    return SourceUnavailable(source, detail) if result.state == FAIL else InvalidSourceResponse(source, detail)


def address_headers() -> list[tuple[str, str]]:
    """The shopper's own address for `X-Forwarded-For`: else Loymax would see all shoppers at ours, and block it."""
    said = shopper_address.get()
    try:
        return [("x-forwarded-for", str(ipaddress.ip_address(said)))] if said else []
    except ValueError:
        return []


def judged(source: DataSource, operation: str, reply: Reply) -> bytes:
    """The body of an answer; raises the SourceError that its status or its media type deserves."""
    objection = decide_objection(source, reply.status, reply.headers)
    if objection is not None:
        objection.detail = f"{operation}: {objection.detail}"
        raise objection
    return reply.payload


class _Renewed(msgspec.Struct, frozen=True):
    access_token: str
    refresh_token: str
    expires_in: float


class _Refusal(msgspec.Struct, frozen=True):
    error: str


_RENEWED: Final = msgspec.json.Decoder(_Renewed)
_REFUSAL: Final = msgspec.json.Decoder(_Refusal)


@dataclass(frozen=True, slots=True)
class AuthorizationService:
    """Fulfils `Renews`: a refresh token and the expired access token for a new pair of both."""

    upstream: Upstream
    now: Callable[[], float]

    async def renew(self, old: Tokens) -> Tokens:
        operation = f"{self.upstream.source.value.lower()}.tokens.renew"
        asked_at = self.now()
        reply = await self.upstream.send(
            "POST",
            TOKEN_PATH,
            operation=operation,
            content=str(httpx.QueryParams({"grant_type": "refresh_token", "refresh_token": old.refresh})).encode(),
            headers=[
                ("content-type", "application/x-www-form-urlencoded"),
                ("authorization", f"Bearer {old.access}"),
                *address_headers(),
            ],
            idempotent=False,
        )
        if reply.status in (BAD_REQUEST, UNAUTHORIZED):
            raise self._refusal(operation, reply)
        try:
            fresh = _RENEWED.decode(judged(self.upstream.source, operation, reply))
        except UNDECODABLE as error:
            raise InvalidSourceResponse(self.upstream.source, f"{operation}: {error}") from None
        return replace(
            old, access=fresh.access_token, refresh=fresh.refresh_token, expires_at=asked_at + fresh.expires_in
        )

    def _refusal(self, operation: str, reply: Reply) -> Exception:
        """What a 400 or 401 means: a code is wanted, the token is spent, or we asked wrongly."""
        try:
            error = _REFUSAL.decode(reply.payload).error
        except UNDECODABLE:
            error = ""
        if error == NEEDS_CODE:
            return ConfirmationRequired(self.upstream.source, f"{operation}: a code is wanted")
        if error in SPENT or (reply.status == UNAUTHORIZED and not error):
            return TokensRefused()
        return InvalidSourceResponse(self.upstream.source, f"{operation}: HTTP {reply.status}, error {error[:40]!r}")


@dataclass(frozen=True, slots=True)
class ShopperCalls:
    """Calls in one shopper's name: each with that shopper's token, and once more with a new one if it is refused."""

    upstream: Upstream
    tokens: ShopperTokens

    async def get(
        self,
        customer_id: str,
        path: str,
        data: Data[T],
        *,
        operation: str,
        params: Mapping[str, str | Sequence[str]] | None = None,
    ) -> T:
        """GET below the public API and read the data; raises NotEnrolled or a SourceError."""
        address = f"{API}{path}?{httpx.QueryParams(params)}" if params else f"{API}{path}"
        return await self._ask("GET", customer_id, address, b"", data, operation)

    async def post(self, customer_id: str, path: str, body: object, data: Data[T], *, operation: str) -> T:
        """POST JSON below the public API and read the data; raises NotEnrolled or a SourceError."""
        return await self._ask("POST", customer_id, f"{API}{path}", msgspec.json.encode(body), data, operation)

    async def _ask(
        self, method: str, customer_id: str, address: str, content: bytes, data: Data[T], operation: str
    ) -> T:
        tokens = await self.tokens.of(customer_id)
        reply = await self._send(method, address, content, tokens, operation)
        if reply.status == UNAUTHORIZED:
            tokens = await self.tokens.instead_of(tokens, customer_id)
            reply = await self._send(method, address, content, tokens, operation)
        return data.read(self.upstream.source, operation, judged(self.upstream.source, operation, reply))

    async def _send(self, method: str, address: str, content: bytes, tokens: Tokens, operation: str) -> Reply:
        return await self.upstream.send(
            method,
            address,
            operation=operation,
            content=content,
            headers=[("authorization", f"Bearer {tokens.access}"), *address_headers()],
        )


def shopper_calls(upstream: Upstream, tokens_url: str, tokens_key: str, now: Callable[[], float]) -> ShopperCalls:
    """Calls with tokens out of the desk at this address."""
    desk = desk_at(upstream, tokens_url, tokens_key)
    tokens = ShopperTokens(upstream.source, desk, AuthorizationService(upstream, now), now)
    return ShopperCalls(upstream, tokens)


async def together(*calls: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """The results of calls that run at once; when one fails, the others are stopped and its error is raised."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
