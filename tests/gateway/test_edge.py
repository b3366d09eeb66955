"""How open the front door is."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.edge import decide_limits, decide_rules
from gateway.limits.excess_log import ExcessLog
from gateway.limits.policy import Excess, Limits, Mode
from gateway.settings import Settings


@pytest.mark.parametrize("is_open", [True, False])
def test_only_a_developers_gateway_is_open(is_open: bool) -> None:
    """Introspection and queries in addresses are for a developer's machine; foreign pages are those of the settings."""
    given: dict[str, Any] = {"development": {"is_enabled": is_open}, "origins": ["https://shop.example"]}
    rules = decide_rules(Settings(**given))
    assert (rules.introspection, rules.get_queries) == (is_open, is_open)
    assert rules.origins.allowed == {b"https://shop.example"}


def test_limits_can_be_measured_and_excepted() -> None:
    """An operator may try limits on live traffic, and give one document limits of its own."""
    given: dict[str, Any] = {"limits": {"mode": "measure", "exceptions": {"a" * 64: {"cost": 30_000}}}}
    policy = decide_limits(Settings(**given).limits)
    assert policy.mode is Mode.MEASURE
    assert policy.limits_of("b" * 64) == Limits()
    assert policy.limits_of("a" * 64) == replace(Limits(), cost=30_000)


def test_excess_is_written_without_the_document(caplog: pytest.LogCaptureFixture) -> None:
    """A line names the document by its hash, and the limits with what was asked for."""
    ExcessLog(Mode.MEASURE)("ab" * 32, [Excess("depth", 12, 20), Excess("cost", 15_000, 20_000)])
    ExcessLog(Mode.ENFORCE)("", [Excess("tokens", 1000, 1001)])
    assert [record.getMessage() for record in caplog.records] == [
        f"limit exceeded, measured: document={'ab' * 32} depth=20/12 cost=20000/15000",
        "limit exceeded, refused: document=- tokens=1001/1000",
    ]
