"""Asking CDEK's adapter in tests, and answering in its place; the fixtures of all its tests."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from clients.delivery.protocol import (
    DeliveryPromise,
    Destination,
    LocationQuery,
    LocationsFound,
    MethodPromise,
    PromiseKey,
)
from clients.errors import SourceError
from clients.scope import InContext, Public
from clients.values import DeliveryMethod, SalesChannel
from tests.vendors.carriers import Rig, Time, cdek
from tests.vendors.contracts import Judge, Tally, slim

Json = Any
CONTEXT = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
PUBLIC = Public(language="ru")
TO_SPB = PromiseKey(sku="LUM-000001-01", to=Destination(locality_id="spb"))
JSON = {"content-type": "application/json"}
TOKEN, TARIFFS, POINTS = "/v2/oauth/token", "/v2/calculator/tarifflist", "/v2/deliverypoints"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def rig(time: Time, tally: Tally) -> Rig:
    """Judged by our own schemas, whatever a test does."""
    return cdek(time, lambda wire: Judge(wire, [slim("cdek")], tally))


async def ask(rig: Rig, key: PromiseKey = TO_SPB, context: InContext = CONTEXT) -> DeliveryPromise | SourceError:
    outcome = (await rig.adapter.fetch_promises([key], context))[key]
    assert isinstance(outcome, DeliveryPromise | SourceError)
    return outcome


async def promised(rig: Rig, key: PromiseKey = TO_SPB, context: InContext = CONTEXT) -> DeliveryPromise:
    outcome = await ask(rig, key, context)
    assert isinstance(outcome, DeliveryPromise), outcome.detail
    return outcome


def by_method(promise: DeliveryPromise) -> dict[DeliveryMethod, MethodPromise]:
    return {method.method: method for method in promise.methods}


async def settle() -> None:
    """Let what runs behind our back end."""
    own = asyncio.current_task()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not own))


def answering(path: str, *answers: httpx.Response) -> Callable[[httpx.Request], httpx.Response | None]:
    """These answers at this path, one after the other, and then the simulator's."""
    left = list(answers)
    return lambda request: left.pop(0) if left and request.url.path == path else None


async def raw_offices(rig: Rig) -> list[Json]:
    told = [*rig.simulator._by_code("MSK1", "rus")]
    assert told
    return told


async def places(rig: Rig, scope: Public = PUBLIC, **query: Any) -> LocationsFound:
    key = LocationQuery(first=500, **query)
    outcome = (await rig.adapter.search_locations([key], scope))[key]
    assert isinstance(outcome, LocationsFound), outcome.detail
    return outcome
