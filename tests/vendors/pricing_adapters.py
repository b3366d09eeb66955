"""Every adapter of pricing over its own simulator of the same shop; a new one joins by its row in `ADAPTERS`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from clients.http import Upstream
from clients.pricing.generic import GenericPricing
from clients.pricing.loymax import LoymaxPricing, LoymaxPricingOptions
from clients.pricing.protocol import Pricing
from clients.pricing.talon_one import TalonOnePricing
from clients.pricing.talon_one_sessions import TalonOneSettings
from clients.pricing.voucherify import VoucherifyPricing, VoucherifyPricingSettings
from clients.scope import ForCustomer
from clients.values import DataSource, ProductSkus, SalesChannel
from sandbox.server.upstream import Upstream as GenericSimulator
from sandbox.upstreams.pricing import Pricing as GenericSystem
from sandbox.vendors.loymax import DESK_KEY, TILL
from sandbox.vendors.loymax import Loymax as LoymaxSimulator
from sandbox.vendors.loymax_processing import AMOUNT_ATTRIBUTE, MERCHANTS
from sandbox.vendors.talon_one import API_KEY, CHANNEL, PRICE_TAG
from sandbox.vendors.talon_one import TalonOne as TalonOneSimulator
from sandbox.vendors.voucherify import APP_ID, SECRET_KEY
from sandbox.vendors.voucherify import Voucherify as VoucherifySimulator
from sandbox.world.shop import Shop

NOW = 1_772_355_600.0


@dataclass(frozen=True)
class PricingAdapter:
    """`simulate` makes what answers; `make` the adapter over any transport.

    `lists_promotions`: whether the vendor lists promotions by themselves, and knows them by id.
    """

    simulate: Callable[[Shop], Any]
    make: Callable[[httpx.AsyncBaseTransport], Pricing]
    lists_promotions: bool = True


def upstream(transport: httpx.AsyncBaseTransport) -> Upstream:
    return Upstream(
        DataSource.PRICING, "https://pricing.example", transport, headers={"authorization": "Bearer the-key"}
    )


def voucherify_settings(**options: Any) -> VoucherifyPricingSettings:
    return VoucherifyPricingSettings(
        **{"application_id": APP_ID, "secret_key": SECRET_KEY, "currency": "RUB", **options}
    )


def loymax_settings(**options: Any) -> LoymaxPricingOptions:
    """As an operator would write them for the simulator, with prices of shoppers' own."""
    return LoymaxPricingOptions(
        **{
            "username": TILL[0],
            "password": TILL[1],
            "merchant_uid": MERCHANTS["west"],
            "amount_attribute_id": AMOUNT_ATTRIBUTE,
            "money": "RUB",
            "calculated_for": "shopper",
            "tokens_url": "https://pricing.example",
            "tokens_key": DESK_KEY,
            **options,
        }
    )


def talon_one_settings(**options: Any) -> TalonOneSettings:
    usual = {"api_key": API_KEY, "currency": "RUB", "price_tag": PRICE_TAG, "channel_attribute": CHANNEL}
    return TalonOneSettings(**{**usual, **options})


ADAPTERS: Final[Mapping[str, PricingAdapter]] = {
    "generic": PricingAdapter(
        lambda shop: GenericSimulator("pricing", shop, GenericSystem(shop).operations(), "the-key"),
        lambda transport: GenericPricing(upstream(transport), lambda: NOW),
    ),
    "loymax": PricingAdapter(
        lambda shop: LoymaxSimulator(shop).app(),
        lambda transport: LoymaxPricing(upstream(transport), loymax_settings(), lambda: NOW),
        lists_promotions=False,
    ),
    "talon-one": PricingAdapter(
        lambda shop: TalonOneSimulator(shop).app(),
        lambda transport: TalonOnePricing(upstream(transport), talon_one_settings(), lambda: NOW),
    ),
    "voucherify": PricingAdapter(
        lambda shop: VoucherifySimulator(shop).app(),
        lambda transport: VoucherifyPricing(upstream(transport), voucherify_settings(), lambda: NOW),
    ),
}


def shopper(customer_id: str | None = None, **context: Any) -> ForCustomer:
    """Somebody in Moscow on the web."""
    usual = {"locality_id": "msk", "channel": SalesChannel.WEB, "currency": "RUB", "language": "ru"}
    return ForCustomer(**{"customer_id": customer_id, **usual, **context})


def whole(shop: Shop, *numbers: int) -> list[ProductSkus]:
    """Products with all their variants."""
    products = (shop.goods.products[number - 1] for number in numbers)
    return [ProductSkus(id=one.id, skus=tuple(one.sku(at) for at in range(one.size))) for one in products]


class Recorder(httpx.AsyncBaseTransport):
    """Passes calls on and keeps them; with scripted answers they come first, one each."""

    def __init__(self, beneath: Any, *scripted: httpx.Response | Exception) -> None:
        self.beneath = httpx.ASGITransport(beneath)
        self.scripted = list(scripted)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if not self.scripted:
            return await self.beneath.handle_async_request(request)
        answer = self.scripted.pop(0) if len(self.scripted) > 1 else self.scripted[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
