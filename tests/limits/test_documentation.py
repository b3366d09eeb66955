"""The documentation of limits says what the code does."""

import dataclasses
import re
from pathlib import Path

from gateway.http.body import BodyLimits
from gateway.http.rules import EdgeRules, SocketRules
from gateway.http.server import ReceiveLimits
from gateway.limits.policy import Limits
from gateway.limits.rate import ClientRates, Rate
from gateway.limits.slots import Slots

TEXT = (Path(__file__).parents[2] / "docs" / "http.md").read_text()


def test_the_table_of_limits_is_true() -> None:
    """docs/http.md lists exactly the limits that exist, with their defaults."""
    rows = {name: int(most) for name, most in re.findall(r"^\| `([a-z_]+)` \| (\d+) \|$", TEXT, re.MULTILINE)}
    assert rows == dataclasses.asdict(Limits())


def test_the_other_defaults_are_true() -> None:
    """The defaults that docs/http.md names in its sentences are those of the code."""
    assert BodyLimits().max_bytes == 100 * 1024
    assert (EdgeRules().query_deadline_s, EdgeRules().mutation_deadline_s) == (8, 12)
    assert SocketRules() == SocketRules(init_wait_s=5, operations=20, lifetime_s=3600)
    assert Slots() == Slots(per_customer=10, per_address=50, in_all=5000)
    assert ClientRates() == ClientRates(requests=Rate(20, 40), cost=Rate(2500, 50_000))
    assert ReceiveLimits() == ReceiveLimits(5, 10, 20, 8 * 1024, 16 * 1024, 100)
