"""How open the front door is."""

from typing import Any

import pytest

from gateway.edge import decide_rules
from gateway.settings import Settings


@pytest.mark.parametrize("is_open", [True, False])
def test_only_a_developers_gateway_is_open(is_open: bool) -> None:
    """Introspection and queries in addresses are for a developer's machine; foreign pages are those of the settings."""
    given: dict[str, Any] = {"development": {"is_enabled": is_open}, "origins": ["https://shop.example"]}
    rules = decide_rules(Settings(**given))
    assert (rules.introspection, rules.get_queries) == (is_open, is_open)
    assert rules.origins.allowed == {b"https://shop.example"}
