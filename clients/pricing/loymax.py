"""Prices by Loymax Processing: the catalogue's preview for everybody, and a calculation where that is not enough.

The preview prices hundreds of variants in one call, one unit of each, without a shopper. What depends
on how many are bought, and what is a shopper's own, takes a cheque with that line alone: in a cheque
of a whole page the variants would change each other's prices. So those are asked for only where they
differ: for more than one unit, and for signed-in customers when the operator says that prices are
calculated for them.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from pydantic import Field, HttpUrl, SecretStr, model_validator

from clients.contract import in_batches
from clients.errors import InvalidSourceResponse, NotOffered, Outcomes, SourceError
from clients.http import Upstream
from clients.pricing.lines import PricedLine, keys_of, product_prices
from clients.pricing.loymax_prices import (
    CALCULATED,
    Calculated,
    Words,
    calculated_price,
    cheque_of,
    decide_calculated,
    is_said_already,
    listed_of,
    previewed,
)
from clients.pricing.protocol import CurrentPromotions, Price, PriceKey, ProductPrice, Promotion
from clients.scope import ForCustomer
from clients.values import Dataset, ProductSkus
from clients.vendors.loymax import ABSURD, ShopperCalls, Watch, judged, shopper_calls
from clients.vendors.loymax_processing import GOODS_AT_ONCE, GoodsPreview, ProcessingOptions, Till, TillToken
from clients.vendors.loymax_tokens import NotEnrolled

CALCULATED_AT_ONCE: Final = 8
"""Calculations under way for one question: each is a call of its own."""

NOBODY: Final = "gateway-ping"


class LoymaxPricingOptions(ProcessingOptions):
    """What the pricing domain has to be told."""

    calculated_for: Literal["till", "shopper"] = Field(
        default="till", description="Whose prices signed-in customers see: everybody's, or their own, a call each."
    )
    tokens_url: HttpUrl | None = Field(default=None, description="The desk of shoppers' tokens, for their own prices.")
    tokens_key: SecretStr | None = Field(default=None, description="Sent to the desk as `Authorization: Bearer`.")
    base_title: str = Field(default="Цена по прейскуранту", min_length=1, description="Title of the price before.")
    base_title_en: str = Field(default="List price", min_length=1, description="The same in English.")

    @model_validator(mode="after")
    def _shoppers_need_a_desk(self) -> "LoymaxPricingOptions":
        if self.calculated_for == "shopper" and (self.tokens_url is None or self.tokens_key is None):
            raise ValueError("expected tokens_url and tokens_key where prices are calculated for the shopper")
        return self


class LoymaxPricing:
    """Fulfils `clients.pricing.protocol.Pricing`."""

    def __init__(
        self,
        upstream: Upstream,
        options: LoymaxPricingOptions,
        now: Callable[[], float],
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._upstream = upstream
        self._options = options
        self._now = now
        self._watch = Watch(upstream.source, now)
        self._new_id = new_id
        self._till = Till(upstream, TillToken(upstream, options, now))
        self._preview = GoodsPreview(self._till, options, now)
        self._shoppers = self._shopper_calls()

    async def ping(self) -> None:
        """Preview goods that there are none of; raises a SourceError."""
        await self._preview.fetch([NOBODY], "", operation="pricing.ping", has_cashback=False)

    async def fetch_prices(self, keys: Sequence[PriceKey], scope: ForCustomer) -> Outcomes[PriceKey, Price]:
        """Of one unit each, out of previews; what a preview cannot tell is calculated key by key."""
        goods = await self._goods([key.sku for key in keys], scope, Dataset.PRICE)
        is_personal = self._shoppers is not None and scope.customer_id is not None
        at_once = asyncio.Semaphore(CALCULATED_AT_ONCE)

        async def fetch(one: Sequence[PriceKey]) -> Mapping[PriceKey, Price | SourceError]:
            (key,) = one
            found = goods.get(key.sku)
            if found is None:
                return {}
            if isinstance(found, SourceError):
                return {key: found}
            if key.quantity == 1 and not is_personal:
                return {key: found.price}
            async with at_once:
                return {key: await self._calculated(key, found, scope, is_personal=is_personal)}

        return await in_batches(keys, 1, fetch)

    async def fetch_product_prices(
        self, keys: Sequence[ProductSkus], scope: ForCustomer
    ) -> Outcomes[ProductSkus, ProductPrice]:
        """Ranges are everybody's, whoever asks: a page of tiles would be hundreds of calculations."""
        goods = await self._goods([key.sku for key in keys_of(keys)], scope, Dataset.PRODUCT_PRICE)
        return product_prices(keys, {PriceKey(sku=sku): line for sku, line in goods.items()})

    async def fetch_promotions(self, keys: Sequence[str], scope: ForCustomer) -> Outcomes[str, Promotion]:
        """None: Processing names the offers that work on goods, and lists none by itself."""
        del scope
        return dict.fromkeys(keys, NotOffered(self._upstream.source))

    async def fetch_current_promotions(
        self, keys: Sequence[str], scope: ForCustomer
    ) -> Outcomes[str, CurrentPromotions]:
        """None, for the same reason."""
        del scope
        return dict.fromkeys(keys, NotOffered(self._upstream.source))

    # -- previews -----------------------------------------------------------------------------

    async def _goods(self, skus: Sequence[str], scope: ForCustomer, dataset: Dataset) -> Outcomes[str, PricedLine]:
        async def fetch(some: Sequence[str]) -> Mapping[str, PricedLine | SourceError]:
            freshness = self._watch.asked_now(dataset)
            goods = await self._preview.fetch(some, scope.locality_id, operation="pricing.prices", has_cashback=False)
            words = self._words(scope)
            priced: dict[str, PricedLine | SourceError] = {}
            for sku, one in goods.items():
                try:
                    priced[sku] = previewed(one, self._options.money, words, freshness())
                except ABSURD as error:
                    priced[sku] = self._broken(f"goods: {error}")
            return priced

        return await in_batches(skus, GOODS_AT_ONCE, fetch)

    # -- calculations -------------------------------------------------------------------------

    async def _calculated(
        self, key: PriceKey, goods: PricedLine, scope: ForCustomer, *, is_personal: bool
    ) -> Price | SourceError:
        """One line's cheque. An operation's id that Loymax saw before was ours, sent twice: it gets another, once."""
        try:
            freshness = self._watch.asked_now(Dataset.PRICE)
            said = await self._calculate(key, goods, scope if is_personal else None)
            if is_said_already(said):
                said = await self._calculate(key, goods, scope if is_personal else None)
            line = decide_calculated(self._upstream.source, said, key, listed_of(goods))
            money, words = self._options.money, self._words(scope)
            return calculated_price(key, listed_of(goods), line, money, words, freshness(), is_personal=is_personal)
        except NotEnrolled:
            return goods.price if key.quantity == 1 else await self._calculated(key, goods, scope, is_personal=False)
        except SourceError as error:
            return error
        except ABSURD as error:
            return self._broken(f"a cheque: {error}")

    async def _calculate(self, key: PriceKey, goods: PricedLine, scope: ForCustomer | None) -> Sequence[Calculated]:
        """Ask with the till's token, or with a shopper's; raises NotEnrolled or a SourceError."""
        operation_id, operation = self._new_id(), "pricing.calculate"
        path = f"/Processing/Purchases/{operation_id}/Calculate"
        body = cheque_of(key, listed_of(goods), operation_id, self._watch.moment())
        if scope is not None and scope.customer_id is not None and self._shoppers is not None:
            return await self._shoppers.post(scope.customer_id, path, body, CALCULATED, operation=operation)
        reply = await self._till.post(path, body, operation=operation)
        source = self._upstream.source
        return CALCULATED.read(source, operation, judged(source, operation, reply))

    def _shopper_calls(self) -> ShopperCalls | None:
        options = self._options
        if options.calculated_for != "shopper" or options.tokens_url is None or options.tokens_key is None:
            return None
        return shopper_calls(self._upstream, str(options.tokens_url), options.tokens_key.get_secret_value(), self._now)

    # -- both ---------------------------------------------------------------------------------

    def _words(self, scope: ForCustomer) -> Words:
        if scope.language[:2].lower() == "en":
            return Words(self._options.base_title_en, "Discount", "Rounding")
        return Words(self._options.base_title, "Скидка", "Округление")

    def _broken(self, detail: str) -> InvalidSourceResponse:
        return InvalidSourceResponse(self._upstream.source, detail)
