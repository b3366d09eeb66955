"""CDEK's tokens, and the settings of its adapter."""

import asyncio
import datetime as dt
from typing import Any

import httpx
import pytest

from clients.delivery.cdek_settings import CdekSettings
from clients.delivery.protocol import (
    DeliveryPromise,
    Destination,
    PromiseKey,
)
from clients.errors import InvalidSourceResponse, SourceTimeout, SourceUnavailable
from clients.http import CallTerms, call_terms
from clients.values import DataSource
from gateway.resilience.policy import default_policy
from gateway.resilience.stack import GuardedUpstream
from gateway.vendors import VENDORS
from sandbox.vendors.cdek import CLIENT_SECRET, CODES
from tests.vendors.carriers import Rig, Time, Wire, cdek, cdek_settings
from tests.vendors.cdek_asked import (
    CONTEXT,
    TARIFFS,
    TOKEN,
    ask,
    promised,
    rig,
    settle,
    time,
)
from tests.vendors.contracts import Judge, Tally, slim

Json = Any
__all__ = ["rig", "time"]


async def test_one_token_for_many_who_ask_at_once(rig: Rig) -> None:
    """Single flight."""
    keys = [PromiseKey(sku="X", to=Destination(locality_id=key)) for key in CODES]

    outcomes = await rig.adapter.fetch_promises(keys, CONTEXT)

    assert all(isinstance(outcome, DeliveryPromise) for outcome in outcomes.values())
    assert len(rig.wire.to(TARIFFS)) == len(CODES)
    assert len(rig.wire.to(TOKEN)) == 1


async def test_a_token_is_renewed_before_it_expires(rig: Rig) -> None:
    """In its last minute, behind the back of whoever asks; the old one is good until then."""
    await promised(rig)
    rig.time.pass_(3600 - 59)

    await promised(rig)
    assert rig.wire.to(TARIFFS)[-1].headers["authorization"] == "Bearer sandbox.1.token"
    await settle()
    rig.time.pass_(31)
    await promised(rig)

    assert rig.wire.to(TARIFFS)[-1].headers["authorization"] == "Bearer sandbox.2.token"
    assert len(rig.wire.to(TOKEN)) == 2


async def test_v2_token_expired_is_tried_once_more(rig: Rig) -> None:
    """With a new token; the shopper sees nothing of it."""
    await promised(rig)
    await settle()
    rig.simulator.switch({"expireTokens": True})
    rig.time.pass_(60)

    assert (await promised(rig)).methods
    assert len(rig.wire.to(TOKEN)) == 2
    assert len(rig.wire.to(TARIFFS)) == 3


async def test_a_token_that_is_always_refused_is_tried_once_and_no_more(rig: Rig) -> None:
    """Two calls and an error, no circle."""
    rig.wire.fault = lambda request: (
        httpx.Response(401, json={"errors": [{"code": "v2_authorization_incorrect", "message": ""}]})
        if request.url.path == TARIFFS
        else None
    )

    assert isinstance(await ask(rig), InvalidSourceResponse)
    assert len(rig.wire.to(TARIFFS)) == 2
    assert len(rig.wire.to(TOKEN)) == 2


async def test_wrong_credentials_are_an_error_and_are_not_tried_again_at_once(time: Time, tally: Tally) -> None:
    """Half a minute passes before a refused key is shown again; the secret is in no error."""
    rig = cdek(time, lambda wire: Judge(wire, [slim("cdek")], tally), client_secret="s3cret-and-wrong")
    for _ in range(5):
        outcome = await ask(rig)
        assert isinstance(outcome, InvalidSourceResponse)
        assert "credentials" in outcome.detail
        assert "s3cret" not in f"{outcome!r} {outcome.detail} {outcome.extensions}"
        time.pass_(1)

    assert len(rig.wire.to(TOKEN)) == 1
    time.pass_(30)
    await ask(rig)
    assert len(rig.wire.to(TOKEN)) == 2


async def test_a_hanging_token_is_waited_for_no_longer_than_the_page_allows(time: Time) -> None:
    """The caller's deadline ends its own wait; the token may still come for the next one."""
    rig = cdek(time)
    gate = asyncio.Event()
    beneath = rig.wire.beneath

    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await gate.wait()
            return await beneath.handle_async_request(request)

    rig.wire.beneath = Hanging()
    call_terms.set(CallTerms(deadline=asyncio.get_running_loop().time() + 0.02))
    assert isinstance(await ask(rig), SourceTimeout)
    call_terms.set(CallTerms())
    gate.set()
    await settle()
    time.pass_(2)

    assert isinstance(await ask(rig), DeliveryPromise)
    assert len(rig.wire.to(TOKEN)) == 1


async def test_expired_tokens_open_no_breaker(time: Time) -> None:
    """Behind the guards a 401 is read by the adapter: twenty in a row are twenty good answers."""
    wires: list[Wire] = []

    def guarded(wire: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        wires.append(Wire(wire))
        return GuardedUpstream(VENDORS["delivery"]["cdek"].limits(default_policy(DataSource.DELIVERY)), wires[0])

    rig = cdek(time, guarded)
    await promised(rig)
    await settle()
    for _ in range(20):
        rig.simulator.switch({"expireTokens": True})
        time.pass_(60)
        await promised(rig)

    assert len(wires[0].to(TARIFFS)) == 41


async def test_an_html_page_of_the_edge_is_an_outage(rig: Rig) -> None:
    """The proxy in front of CDEK speaks HTML."""
    await promised(rig)
    rig.time.pass_(60)
    rig.simulator.switch({"isEdgeDown": True})

    assert isinstance(await ask(rig), SourceUnavailable)


# ---- settings -------------------------------------------------------------------------------------


def test_settings_come_as_text_too() -> None:
    """A variable of the environment brings tables as JSON."""
    settings = cdek_settings(
        cities='{"msk": 44}', parcel='{"weight_g": 1, "length_cm": 1, "width_cm": 1, "height_cm": 1}', tariffs="[136]",
        from_city="44", cut_off="17:30",
    )  # fmt: skip

    assert (dict(settings.cities), settings.from_city, [*settings.tariffs]) == ({"msk": 44}, 44, [136])
    assert (settings.parcel.weight_g, settings.cut_off) == (1, dt.time(17, 30))
    assert CLIENT_SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"time_zone": "Moscow"}, "IANA time zone"),
        ({"currency": "SEK"}, "a currency that CDEK counts in"),
        ({"cities": "{msk: 44}"}, "expected a JSON object or list"),
        ({"cities": {}}, "at least 1 item"),
        ({"parcel": {"weight_g": 0}}, "greater than or equal to 1"),
        ({"page_size": 10_001}, "less than or equal to 10000"),
        ({"quota": 5}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_setting_says_what_was_expected(wrong: dict[str, Any], said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=said):
        cdek_settings(**wrong)


@pytest.mark.parametrize("name", ["client_id", "client_secret", "from_city", "time_zone", "cities", "parcel"])
def test_what_cannot_be_guessed_has_no_default(name: str) -> None:
    """A zone, a city or a weight that was made up would be a wrong promise."""
    given = cdek_settings().model_dump(exclude={name})
    with pytest.raises(ValueError, match=rf"{name}\n.*Field required"):
        CdekSettings.model_validate(given)
