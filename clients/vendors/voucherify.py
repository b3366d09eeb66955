"""How Voucherify's API is called: its keys, its errors, its money.

Source: the vendor's OpenAPI document, version v2018-08-01 (snapshot of 2026-08). Nothing is written:
qualifications and validations without a session leave no trace that a shopper would notice.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Final, Generic, NamedTuple, TypeVar

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from clients.errors import InvalidSourceResponse, SourceError, SourceThrottled, SourceUnavailable
from clients.http import LONGEST_WAIT_S, UNDECODABLE, Decodes, Reply, Upstream, decide_objection
from clients.values import Dataset, DataSource, Freshness, Money

T = TypeVar("T")

API_VERSION: Final = "v2018-08-01"
_NOT_FOUND, _LOCKED, _TOO_MANY = 404, 423, 429
_EPOCH_DIGITS = 11


class VoucherifyAccount(BaseModel):
    """What every domain that Voucherify serves is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    application_id: SecretStr = Field(min_length=1, description="Application id of a server-side key: `X-App-Id`.")
    secret_key: SecretStr = Field(min_length=1, description="Its secret: `X-App-Token`.")
    currency: str = Field(
        pattern="^[A-Z]{3}$", description="Currency of the project's prices; Voucherify says none with an amount."
    )


class _Problem(msgspec.Struct, frozen=True):
    """An error's body; `key` is a short word, the rest is the vendor's text and goes nowhere."""

    code: int
    key: str | None = None


_PROBLEM: Final = msgspec.json.Decoder(_Problem)


class Answered(NamedTuple, Generic[T]):
    """A decoded answer, and when Voucherify gave it."""

    value: T
    observed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Voucherify:
    """One project, asked with one key."""

    upstream: Upstream
    account: VoucherifyAccount
    now: Callable[[], float]

    async def ask(
        self, method: str, path: str, answer: Decodes[T], *, operation: str, body: object = None
    ) -> Answered[T]:
        """The decoded answer; raises a SourceError for everything else."""
        reply = await self._send(method, path, operation, body)
        objection = decide_refusal(self.upstream.source, reply, self.now())
        if objection is not None:
            raise objection
        return self._read(reply, answer, operation)

    async def find(self, path: str, answer: Decodes[T], *, operation: str) -> Answered[T] | None:
        """The same for one thing by its key; None when Voucherify says that there is none."""
        reply = await self._send("GET", path, operation, None)
        if reply.status == _NOT_FOUND and read_problem(reply) is not None:
            return None
        objection = decide_refusal(self.upstream.source, reply, self.now())
        if objection is not None:
            raise objection
        return self._read(reply, answer, operation)

    async def _send(self, method: str, path: str, operation: str, body: object) -> Reply:
        headers = (
            ("x-app-id", self.account.application_id.get_secret_value()),
            ("x-app-token", self.account.secret_key.get_secret_value()),
            ("x-voucherify-api-version", API_VERSION),
        )
        content = b"" if body is None else msgspec.json.encode(body)
        return await self.upstream.send(method, path, operation=operation, content=content, headers=headers)

    def _read(self, reply: Reply, answer: Decodes[T], operation: str) -> Answered[T]:
        try:
            return Answered(answer.decode(reply.payload), moment_of(reply.headers, self.now()))
        except UNDECODABLE as error:
            raise InvalidSourceResponse(self.upstream.source, f"{operation}: {error}") from None

    def received(self, observed_at: dt.datetime, dataset: Dataset) -> Freshness:
        """The provenance of everything in one answer."""
        return Freshness(source=self.upstream.source, dataset=dataset, observed_at=observed_at, received_at=self.now())

    def broken(self, detail: str) -> InvalidSourceResponse:
        """The error for an answer that contradicts itself; `detail` is for logs."""
        return InvalidSourceResponse(self.upstream.source, detail)

    def money(self, minor: Decimal) -> Money:
        """Voucherify's integers are hundredths in every currency, also where a currency has no such unit."""
        return Money(amount=minor.scaleb(-2), currency_code=self.account.currency)


def decide_refusal(source: DataSource, reply: Reply, now: float) -> SourceError | None:
    """What is wrong with an answer before its body is read; None when nothing is."""
    objection = decide_objection(source, reply.status, reply.headers)
    if objection is None:
        return None
    problem = read_problem(reply)
    detail = objection.detail if problem is None or not problem.key else f"{objection.detail} {problem.key[:60]}"
    if reply.status == _TOO_MANY:
        return SourceThrottled(source, detail, _said_wait_s(objection, reply.headers, now))
    if reply.status == _LOCKED:
        return SourceUnavailable(source, detail)
    return type(objection)(source, detail, objection.retry_after_s)


def read_problem(reply: Reply) -> _Problem | None:
    """Voucherify's own error; None for a page of somebody else, such as a proxy's."""
    try:
        problem = _PROBLEM.decode(reply.payload)
    except UNDECODABLE:
        return None
    return problem if problem.code == reply.status else None


def _said_wait_s(objection: SourceError, headers: httpx.Headers, now: float) -> float | None:
    """`Retry-After` is seconds, `X-Rate-Limit-Retry` is a moment in epoch seconds."""
    if objection.retry_after_s is not None:
        return objection.retry_after_s
    said = headers.get("x-rate-limit-retry", "")
    is_moment = said.isascii() and said.isdigit() and len(said) <= _EPOCH_DIGITS
    return min(max(int(said) - now, 0.0), LONGEST_WAIT_S) if is_moment else None


def moment_of(headers: Mapping[str, str], now: float) -> dt.datetime:
    """When an answer was given: its `Date`, because bodies do not say; ours where there is none."""
    try:
        said = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return dt.datetime.fromtimestamp(now, dt.UTC)
    return said if said.tzinfo is not None else said.replace(tzinfo=dt.UTC)
