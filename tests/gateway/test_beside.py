"""Several systems in one domain: each behind guards of its own, all of them in the figures and under the doctor."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from clients.delivery.generic import GenericDelivery
from clients.delivery.several import SeveralDelivery
from clients.errors import SourceUnavailable
from clients.values import DataSource
from gateway.doctor import System, advise
from gateway.health import GuardedSources
from gateway.resilience.breaker import BreakerState
from gateway.secrets import secrets_of
from gateway.settings import SOURCE_OF_UPSTREAM, Settings
from gateway.telemetry.upstream_readings import read_upstreams
from gateway.upstreams import Upstreams, open_upstreams
from gateway.vendors import UnusableVendor
from resolvers.health import SourceState
from tests.vendors.carriers import cdek_settings

CDEK: Any = {
    "url": "https://api.cdek.test",
    "vendor": "cdek",
    "title": "СДЭК",
    "options": {**cdek_settings().model_dump(), "client_secret": "a-secret-of-cdek", "client_id": "account"},
}


def settings(**delivery: Any) -> Settings:
    upstreams: Any = {name: {"url": f"http://{name}.local"} for name in SOURCE_OF_UPSTREAM}
    upstreams["delivery"] |= delivery
    return Settings(upstreams=upstreams)


@pytest.fixture
async def opened() -> AsyncIterator[Upstreams]:
    upstreams = open_upstreams(settings(title="Галерея", beside={"cdek": CDEK}), lambda: 0.0)
    yield upstreams
    await upstreams.aclose()


async def test_each_system_has_guards_of_its_own(opened: Upstreams) -> None:
    """One that hangs fills its own places, opens its own breakers and empties its own quota."""
    assert isinstance(opened.clients.delivery, SeveralDelivery)
    assert isinstance(opened.guarded, dict)
    first, beside = opened.guarded["delivery"], opened.guarded["delivery/cdek"]
    assert first is not beside
    assert first.breakers is not beside.breakers
    assert (first.policy.name, beside.policy.name) == ("DELIVERY", "DELIVERY/cdek")
    assert (first.policy.source, beside.policy.source) == (DataSource.DELIVERY, DataSource.DELIVERY)
    assert 401 in beside.policy.dialect.understood
    assert 401 not in first.policy.dialect.understood


async def test_one_alone_is_not_wrapped() -> None:
    """The usual shop has one delivery system, and pays for one."""
    upstreams = open_upstreams(settings(), lambda: 0.0)
    assert isinstance(upstreams.clients.delivery, GenericDelivery)
    assert upstreams.beside == {}
    await upstreams.aclose()


async def test_figures_tell_them_apart(opened: Upstreams) -> None:
    """No sample is there twice: Prometheus would refuse the whole scrape."""
    labels = [(sample.metric, sample.labels) for sample in read_upstreams(opened.guarded.values())]
    assert len(labels) == len(set(labels))
    assert {"DELIVERY", "DELIVERY/cdek"} <= {of_one[0] for _, of_one in labels}


async def test_some_of_several_down_is_degraded(opened: Upstreams) -> None:
    """Shoppers read of one source, whoever stands behind it."""

    def states() -> dict[DataSource, list[SourceState]]:
        told: dict[DataSource, list[SourceState]] = {}
        for status in GuardedSources(opened.guarded, {}).statuses():
            told.setdefault(status.source, []).append(status.state)
        return told

    assert states()[DataSource.DELIVERY] == [SourceState.OPERATIONAL]
    opened.guarded["delivery/cdek"].hold("delivery.promises", BreakerState.HELD_OPEN)
    assert states()[DataSource.DELIVERY] == [SourceState.DEGRADED]


def test_secrets_of_systems_beside_are_secrets() -> None:
    """They are taken out of whatever is logged."""
    assert {"a-secret-of-cdek", "account"} <= set(secrets_of(settings(beside={"cdek": CDEK})))


def test_the_doctor_names_the_setting_of_a_system_beside() -> None:
    """As an operator has to write it."""
    system = System("delivery/cdek", "cdek", "https://api.cdek.test", GenericDelivery)  # type: ignore[arg-type]

    assert "GATEWAY_UPSTREAMS__DELIVERY__BESIDE__CDEK__URL" in advise(system, SourceUnavailable(DataSource.DELIVERY))


@pytest.mark.parametrize(
    ("upstream", "told", "said"),
    [
        ("pricing", {"beside": {"other": {"url": "http://o.local"}}}, "PRICING__BESIDE: expected none"),
        ("delivery", {"beside": {"Ü": {"url": "http://o.local"}}}, "expected names of small letters"),
        ("delivery", {"beside": {"a": {**CDEK, "beside": {"b": CDEK}}}}, "stand beside the first"),
        ("delivery", {"beside": {"a": {**CDEK, "vendor": "acme"}}}, "DELIVERY__BESIDE__A__VENDOR"),
        ("delivery", {"beside": {"a": {**CDEK, "options": {}}}}, "DELIVERY__BESIDE__A__OPTIONS__FROM_CITY"),
    ],
)  # fmt: skip
async def test_a_slip_is_named(upstream: str, told: Any, said: str) -> None:
    """With the variable that it stands in."""
    upstreams: Any = {name: {"url": f"http://{name}.local"} for name in SOURCE_OF_UPSTREAM}
    upstreams[upstream] |= told

    with pytest.raises(UnusableVendor, match=said):
        open_upstreams(Settings(upstreams=upstreams), lambda: 0.0)


def test_settings_of_systems_beside_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable each."""
    monkeypatch.setenv("GATEWAY_UPSTREAMS__DELIVERY__URL", "http://own.local")
    monkeypatch.setenv("GATEWAY_UPSTREAMS__DELIVERY__BESIDE__CDEK__URL", "https://api.cdek.test")
    monkeypatch.setenv("GATEWAY_UPSTREAMS__DELIVERY__BESIDE__CDEK__OPTIONS__FROM_CITY", "44")

    beside = Settings().upstreams["delivery"].beside["cdek"]

    assert (str(beside.url), beside.options) == ("https://api.cdek.test/", {"from_city": "44"})
