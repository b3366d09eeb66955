"""Whose systems stand in the domains, and what an operator is told who names another."""

import asyncio
from typing import Any

import pytest

from clients.contract import ContractAdapter
from gateway.settings import SOURCE_OF_UPSTREAM, Settings
from gateway.upstreams import open_upstreams
from gateway.vendors import VENDORS, UnusableVendor, choose_vendors


def settings(**pricing: Any) -> Settings:
    """Every domain generic, pricing as told."""
    upstreams: Any = {name: {"url": f"http://{name}.local"} for name in SOURCE_OF_UPSTREAM}
    upstreams["pricing"] |= pricing
    return Settings(upstreams=upstreams)


def test_every_domain_can_be_generic() -> None:
    """Our own contract is spoken in each domain, and is what stands there when nothing is said."""
    assert set(VENDORS) == set(SOURCE_OF_UPSTREAM)
    assert all(one.vendor is VENDORS[name]["generic"] for name, one in choose_vendors(settings()).items())


async def test_each_domain_gets_its_adapter() -> None:
    """What is opened answers pings by domain, and each adapter is of its own source."""
    opened = open_upstreams(settings(), lambda: 0.0)
    try:
        adapters = {name: one for name, one in opened.adapters.items() if isinstance(one, ContractAdapter)}
        assert {name: one.upstream.source for name, one in adapters.items()} == SOURCE_OF_UPSTREAM
        assert id(opened.clients.pricing) == id(opened.adapters["pricing"])
    finally:
        await asyncio.wait_for(opened.aclose(), 5)


@pytest.mark.parametrize(
    ("pricing", "said"),
    [
        ({"vendor": "acme"}, r"^GATEWAY_UPSTREAMS__PRICING__VENDOR: expected one of generic.*, got 'acme'\.$"),
        ({"options": {"key": "s3cret"}}, r"^GATEWAY_UPSTREAMS__PRICING__OPTIONS__KEY: Extra inputs"),
    ],
)
def test_a_slip_is_named_without_its_value(pricing: dict[str, Any], said: str) -> None:
    """The one line says which variable and what was expected, and never an option's value: it may be a key."""
    with pytest.raises(UnusableVendor, match=said) as refused:
        choose_vendors(settings(**pricing))
    assert "s3cret" not in str(refused.value)


def test_options_are_read_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below OPTIONS arrive in small letters, values as they were written."""
    for name in SOURCE_OF_UPSTREAM:
        monkeypatch.setenv(f"GATEWAY_UPSTREAMS__{name.upper()}__URL", f"http://{name}.local")
    monkeypatch.setenv("GATEWAY_UPSTREAMS__PRICING__OPTIONS__CLIENT_ID", "007")
    assert Settings().upstreams["pricing"].options == {"client_id": "007"}
