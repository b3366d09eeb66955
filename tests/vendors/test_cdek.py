"""CDEK: every exchange fits the vendor's contract and ours, and what a naive adapter gets wrong is got right."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from clients.delivery.protocol import (
    Destination,
    DestinationAddress,
    LocationQuery,
    PromiseKey,
)
from clients.errors import InvalidSourceResponse, SourceFailureCode, SourceUnavailable
from clients.scope import Public
from clients.values import DeliveryMethod, GeoPoint, LocationKind, Money
from tests.vendors.carriers import PARCEL, Rig, Time, cdek
from tests.vendors.cdek_asked import (
    CONTEXT,
    JSON,
    POINTS,
    PUBLIC,
    TARIFFS,
    answering,
    ask,
    by_method,
    places,
    promised,
    raw_offices,
    rig,
    settle,
    time,
)
from tests.vendors.contracts import Contract, Judge, Tally, published, slim

Json = Any
__all__ = ["rig", "time"]


def exploded(document: Json) -> Json:
    """What the vendor's document means where its form cannot be taken at its word.

    The token's parameters are properties of one object parameter, which OpenAPI spreads over the
    query; the pattern of dates is Java's and not a regular expression; booleans are allowed texts.
    """
    for item in document["paths"].values():
        for described in item.values():
            described["parameters"] = [
                one for each in described.get("parameters", ()) for one in spread(document, each)
            ]
    request = document["components"]["schemas"].get("CalculatorTariffListRequestDto")
    if request is not None:
        del request["properties"]["date"]["pattern"]
    return document


def spread(document: Json, parameter: Json) -> list[Json]:
    reference = parameter.get("schema", {}).get("$ref")
    if reference is None:
        return [parameter]
    schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return [
        {"name": name, "in": "query", "required": name in schema["required"], "schema": inner}
        for name, inner in schema["properties"].items()
    ]


def vendor_s() -> Contract:
    return published(
        "cdek",
        "cdek_api_schemas.json",
        pick=lambda whole: [exploded(part["schema"]) for part in whole["schemas"][1:4]],
        lists_for_objects=True,
    )


@pytest.mark.parametrize("source", ["slim", "published"])
async def test_every_exchange_fits_the_contract(source: str, time: Time, tally: Tally) -> None:
    """Tokens both ways, quotes to a code, an address and a point, all points, one point, cities, refusals."""
    contract = slim("cdek") if source == "slim" else vendor_s()
    rig = cdek(time, lambda wire: Judge(wire, [contract], tally))
    places = (
        Destination(locality_id="kzn"),
        Destination(address=DestinationAddress(city="Казань", postal_code="420000")),
        Destination(address=DestinationAddress(city="Атлантида", country_code="KZ")),
        Destination(point=GeoPoint(latitude=55.7961, longitude=49.1064)),
    )
    await rig.adapter.ping()
    await rig.adapter.fetch_promises([PromiseKey(sku="X-1", to=to) for to in places], CONTEXT)
    for language in ("ru", "en", "zh", "kk"):
        await rig.adapter.search_locations([LocationQuery(first=500)], Public(language=language))
    await rig.adapter.fetch_locations(["cdek-MSK1", "cdek-NOWHERE1"], PUBLIC)
    rig.simulator.switch({"errorCode": "v2_internal_error", "expireTokens": True, "closedPoint": "MSK1"})
    time.pass_(600)
    await ask(rig, PromiseKey(sku="X-1", to=Destination(locality_id="nsk")))
    await rig.adapter.fetch_locations(["cdek-NOWHERE2"], PUBLIC)
    time.pass_(86_400)
    await rig.adapter.search_locations([LocationQuery(first=500)], PUBLIC)
    await settle()

    assert tally.requests[contract.name] >= 25
    assert tally.answers[contract.name] >= 25
    as_a_form = cdek(time, lambda wire: Judge(wire, [slim("cdek")], tally), credentials_in="form")
    assert await promised(as_a_form)


# ---- what a naive adapter gets wrong --------------------------------------------------------------


async def test_offset_is_written_without_a_colon(rig: Rig) -> None:
    """`+0300`, in the zone of the settings, whatever the zone of this machine."""
    await promised(rig)

    assert rig.wire.bodies(TARIFFS)[0]["date"] == "2026-03-02T18:00:00+0300"


async def test_calls_are_in_grams_and_limits_in_kilograms(time: Time) -> None:
    """A parcel of 16 kg is not sent to a locker that takes 15, and 15,000 is no number of kilograms."""
    counts = {}
    for weight_g in (15_000, 15_001):
        rig = cdek(time, parcel={**PARCEL, "weight_g": weight_g})
        await rig.adapter.search_locations([LocationQuery(first=1)], PUBLIC)
        counts[weight_g] = {m.method: m.location_count for m in (await promised(rig)).methods}
        assert rig.wire.bodies(TARIFFS)[0]["packages"][0]["weight"] == weight_g

    assert counts[15_000][DeliveryMethod.PARCEL_LOCKER] == 19
    assert DeliveryMethod.PARCEL_LOCKER not in counts[15_001]
    assert counts[15_001][DeliveryMethod.PICKUP_POINT] == 19
    assert DeliveryMethod.COURIER in counts[15_001]


async def test_what_fits_no_cell_goes_to_no_locker(time: Time) -> None:
    """Sides are compared in order of length, since a parcel can be turned."""
    turned = cdek(time, parcel={"weight_g": 100, "length_cm": 36, "width_cm": 60, "height_cm": 38})
    too_long = cdek(time, parcel={"weight_g": 100, "length_cm": 36, "width_cm": 61, "height_cm": 38})
    for one in (turned, too_long):
        await one.adapter.search_locations([LocationQuery(first=1)], PUBLIC)

    assert DeliveryMethod.PARCEL_LOCKER in by_method(await promised(turned))
    assert DeliveryMethod.PARCEL_LOCKER not in by_method(await promised(too_long))


async def test_money_is_exact(rig: Rig) -> None:
    """A number with a fraction becomes the same decimal, and not its neighbour in binary."""
    tariff = {"tariff_code": 1, "tariff_name": "", "delivery_mode": 3, "period_min": 1, "period_max": 2}
    body = b'{"tariff_codes": [%s, %s]}' % (
        httpx.Response(200, json=tariff).content[:-1] + b',"delivery_sum":290.10}',
        httpx.Response(200, json=tariff).content[:-1] + b',"delivery_sum":290.1000000000000001}',
    )
    rig.wire.fault = answering(TARIFFS, httpx.Response(200, content=body, headers=JSON))

    (courier,) = (await promised(rig)).methods
    assert courier.cost_from == Money(amount=Decimal("290.10"), currency_code="RUB")


async def test_200_with_errors_is_a_failure(rig: Rig) -> None:
    """An answer of 200 with errors and no tariffs is no promise without methods."""
    rig.simulator.switch({"errorCode": "v2_internal_error"})
    assert type(await ask(rig)) is SourceUnavailable
    rig.time.pass_(60)
    rig.simulator.switch({"errorCode": "v2_field_is_empty"})

    outcome = await ask(rig)

    assert isinstance(outcome, InvalidSourceResponse)
    assert "v2_field_is_empty" in outcome.detail
    assert "said by a switch" not in outcome.detail


@pytest.mark.parametrize("code", ["err_result_servicelist_empty", "v2_recipient_location_not_recognized"])
async def test_200_with_no_way_there_is_an_answer(rig: Rig, code: str) -> None:
    """CDEK brings nothing there: no methods, and nobody failed."""
    rig.simulator.switch({"errorCode": code})

    promise = await promised(rig)

    assert (promise.methods, promise.failures) == ((), ())


async def test_a_broken_tariff_costs_itself_only(time: Time) -> None:
    """The others are promised, and the promise says that something of the carrier could not be read."""
    rig = cdek(time)
    whole = await promised(rig)
    rig.simulator.switch({"brokenTariff": True})
    time.pass_(60)

    promise = await promised(rig)

    assert DeliveryMethod.COURIER in by_method(whole)
    assert set(by_method(promise)) == set(by_method(whole)) - {DeliveryMethod.COURIER}
    (failure,) = promise.failures
    assert (failure.provider, failure.code) == ("СДЭК", SourceFailureCode.INVALID_RESPONSE)


@pytest.mark.parametrize(
    "sum_", [-1, "free", None, 1e300, float("nan")], ids=["negative", "text", "null", "absurd", "not a number"]
)
async def test_a_cost_that_is_none_is_not_promised(time: Time, sum_: object) -> None:
    """When no tariff can be read the answer breaks its contract."""
    rig = cdek(time)
    tariff = {"tariff_code": 1, "delivery_mode": 3, "period_min": 1, "delivery_sum": sum_}
    content = str({"tariff_codes": [tariff]}).replace("'", '"').replace("None", "null").encode()
    rig.wire.fault = answering(
        TARIFFS, httpx.Response(200, content=content, headers={"content-type": "application/json"})
    )

    assert isinstance(await ask(rig), InvalidSourceResponse)


async def test_renamed_fields_are_no_empty_list(time: Time) -> None:
    """Tariffs and points in words that the contract does not have break it; nothing is called absent."""
    rig = cdek(time)
    rig.simulator.switch({"renameFields": True})

    assert isinstance(await ask(rig), InvalidSourceResponse)
    query = LocationQuery(first=5)
    assert isinstance((await rig.adapter.search_locations([query], PUBLIC))[query], InvalidSourceResponse)


async def test_unknown_modes_and_types_survive(time: Time) -> None:
    """A tariff that ends in a way we do not know is left out; an office of a new type is a place to pick up at."""
    rig = cdek(time)

    assert Decimal(1) not in {method.cost_from.amount for method in (await promised(rig)).methods}

    await settle()
    office = (await raw_offices(rig))[0] | {"type": "DRONE_PORT", "hovering": True}
    rig.wire.fault = answering(POINTS, httpx.Response(200, json=[office]))
    (place,) = (await places(rig, Public(language="en"))).locations
    assert place.kind is LocationKind.PICKUP_POINT
