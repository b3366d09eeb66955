"""Loymax Processing: what goods cost and what they bring, and whose token asks.

Its models name no shopper, so a calculation is for whoever owns the token: the shop's own till, or a
shopper. Which token a web shop is given is not published; both are here, and the operator chooses.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from clients.errors import InvalidSourceResponse
from clients.http import UNDECODABLE, Reply, Upstream
from clients.renewed import REFUSED_S, Lease, Renewed
from clients.vendors.loymax import API, BAD_REQUEST, TOKEN_PATH, UNAUTHORIZED, Data, Wire, judged
from clients.vendors.tables import FromJson

FORM: Final = ("content-type", "application/x-www-form-urlencoded")
RENEWED_EARLY_S: Final = 60.0
FOR_EVER_S: Final = 86_400.0 * 365
GOODS_AT_ONCE: Final = 200
"""Loymax publishes no limit; a page has fewer, and a catalogue is not asked for at once."""


class ProcessingOptions(BaseModel):
    """How Processing is reached in the name of the shop, and which of its goods, places and money are meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr | None = Field(default=None, description="A token of the till that does not expire.")
    username: str | None = Field(default=None, description="Account of the till, instead of a token.")
    password: SecretStr | None = Field(default=None, description="Its password.")
    area: str = Field(default="Default", description="Area that the account signs in to.")
    loyalty_program_uid: str | None = Field(default=None, description="Uid of the programme, where there are several.")
    catalog_uid: str | None = Field(default=None, description="Uid of the catalogue of goods, if there are several.")
    merchant_uid: str = Field(description="Uid of the place of sale whose prices are shown.")
    merchants: Annotated[dict[str, str], FromJson] = Field(
        default_factory=dict, description="Other places of sale by the shop's locality ids, as JSON."
    )
    amount_attribute_id: int = Field(description="Id of the attribute of goods that holds the price before discounts.")
    money: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217 code of the money of those prices.")

    @model_validator(mode="after")
    def _has_one_way_in(self) -> "ProcessingOptions":
        has_account = self.username is not None and self.password is not None
        if (self.token is not None) == has_account or (self.username is None) != (self.password is None):
            raise ValueError("expected either token, or username and password")
        return self


class Offer(Wire):
    """A promotion of Loymax's, as a calculation names it."""

    id: int | None = None
    name: str | None = None
    external_id: str | None = None


class OffDiscount(Wire):
    """What an offer takes off; a line's offer may be unknown."""

    amount: Decimal
    offer_info: Offer | None = None


class Discounts(Wire):
    result_amount: Decimal
    goods_calculation_discount_result: tuple[OffDiscount, ...] | None = None


class Cashbacks(Wire):
    amount: Decimal


class _Key(Wire):
    name: str | None = None
    value: str | None = None


class Calculation(Wire):
    """Discounts and bonuses for whom `keys` describe; without keys, for everybody."""

    keys: tuple[_Key, ...] | None = None
    discount: Discounts | None = None
    cashback: Cashbacks | None = None


class Goods(Wire):
    """One unit of a variant. `original_amount` is what it costs before discounts."""

    goods_id: str
    original_amount: Decimal
    calculation_results: tuple[Calculation, ...] | None = None

    def for_everybody(self) -> Calculation | None:
        """The calculation that depends on no card and no status."""
        return next((one for one in self.calculation_results or () if not one.keys), None)


class _GoodsAnswer(Wire):
    goods: tuple[Goods, ...]


class _Till(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float


_GOODS: Final = Data[_GoodsAnswer](_GoodsAnswer)
_TILL: Final = msgspec.json.Decoder(_Till)


class TillUnanswered(InvalidSourceResponse):
    """A sign-in was answered by something else, such as a proxy's page: that says nothing of the account."""

    retryable = True


class TillToken:
    """The till's token: as it was given, or fetched with its account and renewed a minute early."""

    def __init__(self, upstream: Upstream, options: ProcessingOptions, now: Callable[[], float]) -> None:
        self._upstream = upstream
        self._options = options
        self._now = now
        self._token = Renewed(self._fetch, upstream.source, now, refused_s=REFUSED_S)

    async def get(self) -> str:
        """Raises a SourceError."""
        return await self._token.get()

    def drop(self, token: str) -> None:
        """It was refused."""
        self._token.drop(token)

    async def _fetch(self) -> Lease[str]:
        options = self._options
        if options.token is not None:
            until = self._now() + FOR_EVER_S
            return Lease(options.token.get_secret_value(), until, until)
        assert options.password is not None
        operation, asked_at = f"{self._upstream.source.value.lower()}.tokens.till", self._now()
        form = {
            "grant_type": "password",
            "username": options.username,
            "password": options.password.get_secret_value(),
            "area": options.area,
        }
        reply = await self._upstream.send(
            "POST", TOKEN_PATH, operation=operation, content=str(httpx.QueryParams(form)).encode(), headers=[FORM]
        )
        if reply.status == BAD_REQUEST:
            refused = f"{operation}: HTTP 400, which is OAuth's 401: the account is refused"
            raise InvalidSourceResponse(self._upstream.source, refused)
        try:
            said = _TILL.decode(judged(self._upstream.source, operation, reply))
        except InvalidSourceResponse as error:
            raise TillUnanswered(self._upstream.source, error.detail) from None
        except UNDECODABLE as error:
            raise TillUnanswered(self._upstream.source, f"{operation}: {error}") from None
        return Lease(
            said.access_token,
            refresh_at=asked_at + said.expires_in - RENEWED_EARLY_S,
            gone_at=asked_at + said.expires_in,
        )


@dataclass(frozen=True, slots=True)
class Till:
    """Calls in the shop's own name: once more with a new token when the token is refused."""

    upstream: Upstream
    token: TillToken

    async def post(self, path: str, body: object, *, operation: str) -> Reply:
        """POST JSON below the public API; raises a SourceError only when there was no answer."""
        content = msgspec.json.encode(body)
        token = await self.token.get()
        reply = await self._send(path, content, token, operation)
        if reply.status != UNAUTHORIZED:
            return reply
        self.token.drop(token)
        return await self._send(path, content, await self.token.get(), operation)

    async def _send(self, path: str, content: bytes, token: str, operation: str) -> Reply:
        return await self.upstream.send(
            "POST",
            f"{API}{path}",
            operation=operation,
            content=content,
            headers=[("authorization", f"Bearer {token}")],
        )


@dataclass(frozen=True, slots=True)
class GoodsPreview:
    """What single goods cost and bring, for everybody."""

    till: Till
    options: ProcessingOptions
    now: Callable[[], float]

    async def fetch(
        self, goods_ids: Sequence[str], locality_id: str, *, operation: str, has_cashback: bool
    ) -> Mapping[str, Goods]:
        """At most `GOODS_AT_ONCE` of them; those that are unknown or have no price are absent. Raises a SourceError."""
        options = self.options
        asked = {
            "loyaltyProgramUid": options.loyalty_program_uid,
            "merchantUid": options.merchants.get(locality_id, options.merchant_uid),
            "catalogUid": options.catalog_uid,
            "date": dt.datetime.fromtimestamp(int(self.now()), dt.UTC),
            "isCalculateDiscount": True,
            "isCalculateCashback": has_cashback,
            "goods": [{"goodsId": goods_id} for goods_id in goods_ids],
            "goodsAmountAttributeId": options.amount_attribute_id,
        }
        body = {name: value for name, value in asked.items() if value is not None}
        reply = await self.till.post("/Processing/Goods", body, operation=operation)
        source = self.till.upstream.source
        answer = _GOODS.read(source, operation, judged(source, operation, reply))
        wanted = frozenset(goods_ids)
        return {
            one.goods_id: one for one in answer.goods if one.goods_id in wanted and not one.original_amount.is_zero()
        }
