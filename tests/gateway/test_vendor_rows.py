"""Vendors' rows: options become the adapter, published limits become the guards' policy."""

import asyncio
from typing import Any

import pytest

from clients.loyalty.voucherify import VoucherifyLoyalty
from clients.pricing.talon_one import TalonOnePricing
from clients.pricing.voucherify import VoucherifyPricing
from gateway.resilience.policy import Quota
from gateway.resilience.throttling import TALON_ONE, VOUCHERIFY
from gateway.settings import SOURCE_OF_UPSTREAM, Settings
from gateway.upstreams import open_upstreams
from gateway.vendors import UnusableVendor, choose_vendors

KEYS = {"application_id": "an-application", "secret_key": "s3cret", "currency": "RUB"}
CLUB = {"programme": "camp-club", "zone": "Europe/Moscow"}


def settings(**chosen: Any) -> Settings:
    """Every domain generic but those that are chosen."""
    upstreams: Any = {name: {"url": f"http://{name}.local"} for name in SOURCE_OF_UPSTREAM}
    for name, said in chosen.items():
        upstreams[name] |= said
    return Settings(upstreams=upstreams)


async def test_voucherify_stands_in_two_domains() -> None:
    """With the limit that it publishes and its own way to say that it is asked too often."""
    told = settings(
        pricing={"vendor": "voucherify", "options": KEYS},
        loyalty={"vendor": "voucherify", "options": KEYS | CLUB, "quota_calls": 30, "quota_period_s": 60},
    )
    opened = open_upstreams(told, lambda: 0.0)
    try:
        assert isinstance(opened.clients.pricing, VoucherifyPricing)
        assert isinstance(opened.clients.loyalty, VoucherifyLoyalty)
        pricing, loyalty = opened.guarded["pricing"].policy, opened.guarded["loyalty"].policy
        assert pricing.dialect is loyalty.dialect is VOUCHERIFY
        assert pricing.quota == Quota(100, 60.0)
        assert loyalty.quota == Quota(30, 60.0)
    finally:
        await asyncio.wait_for(opened.aclose(), 5)


async def test_talon_one_stands_in_pricing() -> None:
    """It publishes no limit of this API, and says 409 when two requests for one profile meet."""
    options = {"api_key": "s3cret", "currency": "RUB", "price_tag": "catalogue-price"}
    opened = open_upstreams(settings(pricing={"vendor": "talon_one", "options": options}), lambda: 0.0)
    try:
        assert isinstance(opened.clients.pricing, TalonOnePricing)
        assert opened.guarded["pricing"].policy.dialect is TALON_ONE
        assert opened.guarded["pricing"].policy.quota is None
    finally:
        await asyncio.wait_for(opened.aclose(), 5)


@pytest.mark.parametrize(
    ("domain", "options", "said"),
    [
        ("pricing", {}, "OPTIONS__APPLICATION_ID: Field required"),
        ("pricing", KEYS | CLUB, "OPTIONS__PROGRAMME: Extra inputs"),
        ("loyalty", KEYS | CLUB | {"zone": "Moskau"}, "OPTIONS__ZONE: "),
        ("loyalty", KEYS | {"programme": "camp-club"}, "OPTIONS__ZONE: Field required"),
    ],
)
def test_slips_in_voucherify_s_options_are_named(domain: str, options: dict[str, Any], said: str) -> None:
    """Which variable, what was expected, and no secret; a zone has no default."""
    with pytest.raises(UnusableVendor, match=said) as refused:
        choose_vendors(settings(**{domain: {"vendor": "voucherify", "options": options}}))
    assert "s3cret" not in str(refused.value)
