"""How open the front door is."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from gateway.contexts import Contexts
from gateway.edge import EdgeParts, decide_limits, decide_rules, make_edge
from gateway.http.persisted import MemoryTexts
from gateway.http.reference import GraphQLCoreExecutor
from gateway.limits.excess_log import ExcessLog
from gateway.limits.policy import Excess, Limits, Mode
from gateway.limits.rate import LocalBuckets
from gateway.resilience.admission import Admission, AdmissionPolicy
from gateway.settings import Settings
from gateway.sharing import Sharing
from resolvers.context import ANONYMOUS
from tests.http.door import KeptJournal
from tests.resolvers.fakes import core_schema


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


@pytest.mark.looptime
async def test_a_page_of_the_shop_can_read_that_the_house_is_full() -> None:
    """The 503 of a full house tells a listed origin's page when to come back, and no other's."""
    shop, schema = "https://shop.example", core_schema()
    full = Admission(AdmissionPolicy(start=0))
    unused = cast("Contexts", SimpleNamespace(make=None))  # nobody comes so far
    sharing = Sharing(MemoryTexts(), LocalBuckets(lambda: 0.0))
    parts = EdgeParts(GraphQLCoreExecutor(schema), unused, lambda _: ANONYMOUS, KeptJournal(), full, sharing)
    edge = make_edge(Settings(origins=(shop,)), schema, parts)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge.http), base_url="http://gateway.test") as client:
        told = await client.post("/graphql", json={"query": "{__typename}"}, headers={"origin": shop})
        stranger = await client.post("/graphql", json={}, headers={"origin": "https://evil.example"})
    assert (told.status_code, stranger.status_code) == (503, 503)
    assert told.headers["access-control-allow-origin"] == shop
    assert "retry-after" in told.headers["access-control-expose-headers"]
    assert not [name for name in stranger.headers if name.startswith("access-control-")]
