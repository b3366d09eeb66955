"""`docs/resilience.md` says what the code does."""

import asyncio
import dataclasses
import re
from functools import partial
from pathlib import Path

import httpx
import pytest

from clients.values import DataSource
from gateway.resilience import policy
from gateway.resilience.admission import AdmissionPolicy
from gateway.resilience.policy import TOTAL_S, default_policy
from gateway.resilience.stack import GuardedUpstream, Surroundings, layers

PAGE = (Path(__file__).parents[2] / "docs" / "resilience.md").read_text()
DESCRIBED = (
    policy.DeadlinePolicy,
    policy.BulkheadPolicy,
    policy.Quota,
    policy.RetryPolicy,
    policy.BreakerPolicy,
    policy.HedgePolicy,
    policy.WireLimits,
    AdmissionPolicy,
)


class Nothing(httpx.AsyncBaseTransport):
    pass


def test_every_default_stands_in_the_table() -> None:
    """All settings with their defaults, none invented, none forgotten, in the code's order."""
    written = re.findall(r"^\| `(\w+\.\w+)` \| (\S+) \|$", PAGE, re.MULTILINE)
    assert written == [
        (f"{described.__name__}.{field.name}", str(field.default))
        for described in DESCRIBED
        for field in dataclasses.fields(described)
        if field.default is not dataclasses.MISSING
    ]


def test_every_source_stands_in_the_table() -> None:
    """All sources with their limits, and each has a default policy that keeps to it."""
    written = re.findall(r"^\| `([A-Z]+)` \| (\S+) \|$", PAGE, re.MULTILINE)
    assert written == [(source.value, str(total_s)) for source, total_s in TOTAL_S.items()]
    assert set(TOTAL_S) == set(DataSource)
    assert {source: default_policy(source).deadline.total_s for source in DataSource} == TOTAL_S


@pytest.mark.looptime
async def test_the_layers_stand_in_the_documented_order() -> None:
    """The literal list in `stack.py`, guard by guard, and that is how they are stacked."""
    written = re.findall(r"^\| `(\w+Guard)` \|", PAGE, re.MULTILINE)
    guarded = GuardedUpstream(default_policy(DataSource.PRICING), Nothing())
    listed = layers(guarded, Surroundings(clock=asyncio.get_running_loop().time))
    assert written == [layer.func.__name__ for layer in listed if isinstance(layer, partial)]
    stacked, transport = [], guarded._outermost
    while not isinstance(transport, Nothing):
        stacked.append(type(transport).__name__)
        transport = transport.inner  # type: ignore[attr-defined]
    assert stacked == written
