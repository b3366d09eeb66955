"""Whose systems can stand in each domain: how each adapter is made, and what its vendor publishes of its limits."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from clients.catalogue.bitrix24 import Bitrix24Catalogue
from clients.catalogue.bitrix24_settings import Bitrix24Settings
from clients.catalogue.generic import GenericCatalogue
from clients.contract import ContractAdapter
from clients.customers.generic import GenericCustomers
from clients.delivery.cdek import CdekDelivery
from clients.delivery.cdek_settings import CdekSettings
from clients.delivery.generic import GenericDelivery
from clients.geo.generic import GenericGeo
from clients.http import Upstream
from clients.loyalty.generic import GenericLoyalty
from clients.loyalty.loymax import LoymaxLoyalty, LoymaxLoyaltyOptions
from clients.loyalty.voucherify import VoucherifyLoyalty, VoucherifyLoyaltySettings
from clients.pricing.generic import GenericPricing
from clients.pricing.loymax import LoymaxPricing, LoymaxPricingOptions
from clients.pricing.talon_one import TalonOnePricing
from clients.pricing.talon_one_sessions import TalonOneSettings
from clients.pricing.voucherify import VoucherifyPricing, VoucherifyPricingSettings
from clients.recommendations.generic import GenericRecommendations
from clients.recommendations.recombee import RecombeeRecommendations, RecombeeSettings
from clients.recommendations.retail_rocket import RetailRocketRecommendations, RetailRocketSettings
from clients.search.generic import GenericSearch
from clients.stock.generic import GenericStock
from clients.stock.moysklad import MoyskladSettings, MoyskladStock
from clients.stock.onec import OnecSettings, OnecStock
from gateway.resilience import throttling
from gateway.resilience.policy import Quota, UpstreamPolicy
from gateway.settings import SOURCE_OF_UPSTREAM, Settings, UpstreamName, UpstreamSettings

GENERIC: Final = "generic"
"""The vendor of every system that speaks our own contract, `docs/contracts/`."""

SEVERAL_IN: Final[UpstreamName] = "delivery"
"""Where several systems give one list."""

BESIDE: Final = re.compile(r"[a-z0-9_]{1,20}")
"""Names of systems beside the first one; they are part of the names of figures."""

Clock = Callable[[], float]


class Pinged(Protocol):
    """What every adapter can do, whatever its domain."""

    async def ping(self) -> None:
        """Ask the cheapest question that shows that the system is well; raises a SourceError when it is not."""
        ...


class NoOptions(BaseModel):
    """A system that needs no more than its address and its key."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor in one domain.

    `options` reads what the operator wrote below `options`; `adapter` makes what fulfils the
    domain's protocol; `limits` changes the guards' policy to what the vendor publishes.
    """

    options: type[BaseModel]
    adapter: Callable[[Upstream, Any, Clock], Any]
    limits: Callable[[UpstreamPolicy], UpstreamPolicy] = lambda policy: policy


def generic(kind: type[ContractAdapter]) -> Vendor:
    """A domain's adapter of our own contract."""
    return Vendor(NoOptions, lambda upstream, _options, now: kind(upstream, now))


def publishes(dialect: throttling.Dialect, quota: Quota | None = None) -> Callable[[UpstreamPolicy], UpstreamPolicy]:
    """How a vendor says that it is asked too often, and how often it may be asked, where it publishes that."""
    return lambda policy: replace(policy, dialect=dialect, quota=quota or policy.quota)


def limits_of_moysklad(policy: UpstreamPolicy) -> UpstreamPolicy:
    """45 units in 3 s, of which a report with a user's token takes 20 (weight 5 by 4); no page waits for an answer."""
    return replace(
        publishes(throttling.MOYSKLAD, Quota(calls=2, period_s=3.0, reserve=0.0))(policy),
        wire=replace(policy.wire, read_s=30.0, total_s=60.0, answer_bytes=64 * 1024 * 1024),
        deadline=replace(policy.deadline, total_s=60.0),
    )


VOUCHERIFY_BUSINESS: Final = Quota(calls=100, period_s=60.0)
"""Of the plan Business, and of a whole project: where it serves two domains each is given its share."""


def bitrix24_limits(policy: UpstreamPolicy) -> UpstreamPolicy:
    """A bucket that holds fifty calls and leaks two a second never overflows at fifty in any 25 seconds.

    A portal takes half a second where another catalogue takes a hundredth.
    """
    deadline = replace(policy.deadline, total_s=2.5)
    wire = replace(policy.wire, read_s=2.5)
    return replace(policy, dialect=throttling.BITRIX24, quota=Quota(50, 25.0), deadline=deadline, wire=wire)


VENDORS: Final[Mapping[UpstreamName, Mapping[str, Vendor]]] = {
    "catalogue": {
        GENERIC: generic(GenericCatalogue),
        "bitrix24": Vendor(Bitrix24Settings, Bitrix24Catalogue, bitrix24_limits),
    },
    "search": {GENERIC: generic(GenericSearch)},
    "pricing": {
        GENERIC: generic(GenericPricing),
        "loymax": Vendor(LoymaxPricingOptions, LoymaxPricing, publishes(throttling.LOYMAX)),
        "talon_one": Vendor(TalonOneSettings, TalonOnePricing, publishes(throttling.TALON_ONE)),
        "voucherify": Vendor(
            VoucherifyPricingSettings, VoucherifyPricing, publishes(throttling.VOUCHERIFY, VOUCHERIFY_BUSINESS)
        ),
    },
    "stock": {
        GENERIC: generic(GenericStock),
        "onec": Vendor(OnecSettings, OnecStock),
        "moysklad": Vendor(MoyskladSettings, MoyskladStock, limits_of_moysklad),
    },
    "loyalty": {
        GENERIC: generic(GenericLoyalty),
        "loymax": Vendor(LoymaxLoyaltyOptions, LoymaxLoyalty, publishes(throttling.LOYMAX)),
        "voucherify": Vendor(
            VoucherifyLoyaltySettings, VoucherifyLoyalty, publishes(throttling.VOUCHERIFY, VOUCHERIFY_BUSINESS)
        ),
    },
    "recommendations": {
        GENERIC: generic(GenericRecommendations),
        "retail_rocket": Vendor(
            RetailRocketSettings, RetailRocketRecommendations, publishes(throttling.STANDARD, Quota(calls=100))
        ),
        "recombee": Vendor(RecombeeSettings, RecombeeRecommendations),
    },
    "delivery": {
        GENERIC: generic(GenericDelivery),
        "cdek": Vendor(CdekSettings, CdekDelivery, publishes(throttling.CDEK)),
    },
    "customers": {GENERIC: generic(GenericCustomers)},
    "geo": {GENERIC: generic(GenericGeo)},
}


class UnusableVendor(ValueError):
    """A vendor that does not stand in that domain, or options that it cannot use; says what was expected."""


@dataclass(frozen=True, slots=True)
class ChosenVendor:
    """A vendor with its options, read and checked."""

    vendor: Vendor
    options: BaseModel


def choose_vendors(settings: Settings) -> Mapping[UpstreamName, ChosenVendor]:
    """The vendor of every domain that has a system; raises UnusableVendor, also for systems beside the first ones."""
    for name in SOURCE_OF_UPSTREAM:
        choose_vendors_beside(name, settings.upstreams[name])
    return {name: choose_vendor(name, settings.upstreams[name]) for name in SOURCE_OF_UPSTREAM}


def choose_vendors_beside(name: UpstreamName, settings: UpstreamSettings) -> Mapping[str, ChosenVendor]:
    """The vendors of further systems in one domain; raises UnusableVendor."""
    setting = f"GATEWAY_UPSTREAMS__{name.upper()}__BESIDE"
    if settings.beside and name != SEVERAL_IN:
        raise UnusableVendor(f"{setting}: expected none, because only {SEVERAL_IN} can have several systems.")
    for key, more in settings.beside.items():
        if not BESIDE.fullmatch(key):
            raise UnusableVendor(f"{setting}: expected names of small letters, digits and _, got {key[:40]!r}.")
        if more.beside:
            raise UnusableVendor(
                f"{setting}__{key.upper()}__BESIDE: expected none, systems stand beside the first one."
            )
    return {key: choose_vendor(name, more, f"{setting}__{key.upper()}__") for key, more in settings.beside.items()}


def choose_vendor(name: UpstreamName, settings: UpstreamSettings, place: str = "") -> ChosenVendor:
    """One domain's vendor; `place` is where its settings stand, if not at the domain itself. Raises UnusableVendor."""
    setting, known = place or f"GATEWAY_UPSTREAMS__{name.upper()}__", VENDORS[name]
    vendor = known.get(settings.vendor)
    if vendor is None:
        raise UnusableVendor(f"{setting}VENDOR: expected one of {', '.join(known)}, got {settings.vendor!r}.")
    if settings.vendor != GENERIC and settings.api_key.get_secret_value():
        raise UnusableVendor(f"{setting}API_KEY: expected none, because {settings.vendor} is told its keys by OPTIONS.")
    try:
        return ChosenVendor(vendor, vendor.options.model_validate(settings.options))
    except ValidationError as error:
        wrong = "; ".join(
            f"{setting}OPTIONS__{'__'.join(map(str, one['loc'])).upper()}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        )
        raise UnusableVendor(f"{wrong}.") from None
