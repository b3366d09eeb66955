"""CDEK's quotes: what is asked, how often, and what the answer means."""

import datetime as dt
from typing import Any

import httpx
import pytest

from clients.delivery.protocol import (
    Destination,
    DestinationAddress,
    PromiseKey,
)
from clients.scope import InContext
from clients.values import DeliveryMethod, GeoPoint, SalesChannel
from sandbox.vendors.cdek import CODES
from tests.vendors.carriers import PARCEL, Rig, Time, cdek
from tests.vendors.cdek_asked import CONTEXT, TARIFFS, TO_SPB, answering, by_method, promised, rig, time

Json = Any
__all__ = ["rig", "time"]


async def test_variants_that_are_packed_alike_share_one_quote(rig: Rig) -> None:
    """A page of tiles costs one call per parcel and place, not one per variant; so does the next page in moments."""
    keys = [PromiseKey(sku=f"X-{number}", to=TO_SPB.to) for number in range(48)]

    outcomes = await rig.adapter.fetch_promises(keys, CONTEXT)
    await rig.adapter.fetch_promises([PromiseKey(sku=f"Y-{number}", to=TO_SPB.to) for number in range(48)], CONTEXT)

    assert {outcome.sku for outcome in outcomes.values()} == {key.sku for key in keys}
    assert len(rig.wire.to(TARIFFS)) == 1
    rig.time.pass_(31)
    await promised(rig)
    assert len(rig.wire.to(TARIFFS)) == 2


async def test_a_shared_quote_does_not_grow_younger(rig: Rig) -> None:
    """Its promise says when it came, not when it was used again."""
    first = await promised(rig)
    rig.time.pass_(20)

    again = await promised(rig, PromiseKey(sku="other", to=TO_SPB.to))

    assert again.freshness.received_at == first.freshness.received_at == rig.time() - 20


async def test_parcels_are_by_the_beginning_of_the_sku(time: Time) -> None:
    """The longest beginning wins; what is packed differently is asked about separately."""
    rig = cdek(time, parcels={"LUM": {**PARCEL, "weight_g": 500}, "LUM-000001": {**PARCEL, "weight_g": 3000}})

    await rig.adapter.fetch_promises(
        [PromiseKey(sku=sku, to=TO_SPB.to) for sku in ("A", "LUM-2", "LUM-000001-7")], CONTEXT
    )

    assert sorted(body["packages"][0]["weight"] for body in rig.wire.bodies(TARIFFS)) == [500, 1200, 3000]


async def test_nobody_s_door_is_told(rig: Rig) -> None:
    """Tariffs are by city: street, house, flat and note of an address and the last digits of a point stay with us."""
    address = DestinationAddress(
        city="Казань", street="Баумана", house="7", flat="12", note="code 1234", postal_code="420111"
    )
    point = GeoPoint(latitude=55.796127, longitude=49.106405)
    places = (Destination(address=address), Destination(point=point))

    await rig.adapter.fetch_promises([PromiseKey(sku="X", to=to) for to in places], CONTEXT)

    assert [body["to_location"] for body in rig.wire.bodies(TARIFFS)] == [
        {"country_code": "RU", "city": "Казань", "postal_code": "420111"},
        {"longitude": 49.11, "latitude": 55.8},
    ]


async def test_currency_is_the_shopper_s_where_cdek_counts_in_it(rig: Rig) -> None:
    """By CDEK's own number of it; a currency that it does not have is answered in the one of the settings."""
    tenge = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="KZT", language="ru")
    crowns = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="SEK", language="ru")

    assert (await promised(rig, context=tenge)).methods[0].cost_from.currency_code == "KZT"
    assert (await promised(rig, context=crowns)).methods[0].cost_from.currency_code == "RUB"
    assert [body["currency"] for body in rig.wire.bodies(TARIFFS)] == [2, 1]


async def test_type_and_sender_are_settings(time: Time) -> None:
    """So are the tariffs that are offered at all."""
    rig = cdek(time, order_type=2, from_city=CODES["spb"], tariffs=[368])

    promise = await promised(rig, PromiseKey(sku="X", to=Destination(locality_id="kzn")))

    (body,) = rig.wire.bodies(TARIFFS)
    assert (body["type"], body["from_location"]) == (2, {"code": 137})
    assert set(by_method(promise)) == {DeliveryMethod.PARCEL_LOCKER}


@pytest.mark.parametrize(
    ("now", "handed_over", "order_before"),
    [
        ("2026-03-02T14:59:59+00:00", "2026-03-02T18:00:00+0300", "2026-03-02T18:00:00+03:00"),
        ("2026-03-02T15:00:00+00:00", "2026-03-03T18:00:00+0300", "2026-03-03T18:00:00+03:00"),
        ("2026-12-31T22:00:00+00:00", "2027-01-01T18:00:00+0300", "2027-01-01T18:00:00+03:00"),
    ],
)
async def test_an_order_after_the_cut_off_leaves_a_day_later(now: str, handed_over: str, order_before: str) -> None:
    """The promise says until when its date holds."""
    rig = cdek(Time(dt.datetime.fromisoformat(now)))

    promise = await promised(rig)

    assert rig.wire.bodies(TARIFFS)[0]["date"] == handed_over
    assert promise.methods[0].order_before == dt.datetime.fromisoformat(order_before)


@pytest.mark.parametrize(
    ("said", "earliest"),
    [
        ({"delivery_date_range": {"min": "2026-03-10", "max": "2026-03-12"}, "calendar_min": 1}, "2026-03-10"),
        ({"calendar_min": 3}, "2026-03-09"),
        ({"period_min": 1}, "2026-03-09"),
        ({"period_min": 6}, "2026-03-16"),
        ({"period_min": 0}, "2026-03-06"),
    ],
)
async def test_periods_are_working_days_unless_a_calendar_is_said(said: Json, earliest: str) -> None:
    """Handed over on a Friday, one working day later is Monday."""
    rig = cdek(Time(dt.datetime(2026, 3, 6, 9, tzinfo=dt.UTC)))
    tariff = {"tariff_code": 1, "delivery_mode": 3, "delivery_sum": 1, "period_min": 9, **said}
    rig.wire.fault = answering(TARIFFS, httpx.Response(200, json={"tariff_codes": [tariff]}))

    assert (await promised(rig)).methods[0].earliest.isoformat() == earliest
