"""CDEK's pickup points: the list of a day, hours, and points that are not there any more."""

import asyncio
from typing import Any

import httpx
import pytest

from clients.delivery.protocol import (
    Location,
    LocationQuery,
    LocationService,
    LocationsFound,
)
from clients.errors import InvalidSourceResponse, SourceError
from clients.values import DeliveryMethod, GeoPoint
from tests.vendors.carriers import Rig, Time, cdek
from tests.vendors.cdek_asked import (
    POINTS,
    PUBLIC,
    answering,
    by_method,
    places,
    promised,
    raw_offices,
    rig,
    settle,
    time,
)

Json = Any
__all__ = ["rig", "time"]


async def test_silently_replaced_point_is_not_taken_for_the_asked_one(rig: Rig) -> None:
    """A closed point is answered by its neighbour with a warning: the one asked for does not exist any more."""
    rig.simulator.switch({"closedPoint": "MSK3"})

    outcomes = await rig.adapter.fetch_locations(["cdek-MSK3", "cdek-MSK4"], PUBLIC)

    assert set(outcomes) == {"cdek-MSK4"}
    assert [request.url.params["code"] for request in rig.wire.to(POINTS) if "code" in request.url.params] == ["MSK3"]


async def test_a_point_younger_than_the_list_is_found(rig: Rig) -> None:
    """A code that is not in the day's list is looked up before it is called absent, once within minutes."""
    rig.simulator.switch({"closedPoint": "MSK3"})
    await places(rig)
    rig.simulator.switch({"closedPoint": ""})

    first, again = [(await rig.adapter.fetch_locations(["cdek-MSK3"], PUBLIC))["cdek-MSK3"] for _ in range(2)]

    assert first == again
    place = first
    assert isinstance(place, Location)
    assert (place.title.split()[:3], place.operator) == (["Пункт", "выдачи", "СДЭК,"], "СДЭК")
    assert len([request for request in rig.wire.to(POINTS) if "code" in request.url.params]) == 1


async def test_only_codes_of_cdek_are_asked_about(rig: Rig) -> None:
    """Whatever a client writes into an id, it does not become part of a question."""
    asked = ["store-01", "cdek-", "cdek-a&page=2", "cdek-../x", "cdek-" + "A" * 99, "MSK1"]

    assert await rig.adapter.fetch_locations(asked, PUBLIC) == {}
    assert rig.wire.requests == []


async def test_points_come_in_pages_once_a_day(rig: Rig) -> None:
    """The whole list is fetched page by page and kept; a day later it is fetched anew behind everybody's back."""
    first = await places(rig)
    pages = [request.url.params["page"] for request in rig.wire.to(POINTS)]
    assert pages == [str(number) for number in range(len(pages))]
    assert len(pages) == -(-first.total_count // 50) > 3
    rig.time.pass_(86_399)
    await places(rig)
    assert len(rig.wire.to(POINTS)) == len(pages)

    rig.time.pass_(1)
    rig.simulator.switch({"closedPoint": "MSK1"})
    assert (await places(rig)).total_count == first.total_count
    await settle()

    assert len(rig.wire.to(POINTS)) == 2 * len(pages)
    assert (await places(rig)).total_count == first.total_count - 1


async def test_many_who_ask_at_once_fetch_the_list_once(rig: Rig) -> None:
    """The first question's cancellation does not fail the others."""
    asking = [asyncio.ensure_future(places(rig, near=GeoPoint(latitude=55.0, longitude=37.0 + n))) for n in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()

    found = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(found[0], asyncio.CancelledError)
    assert {page.total_count for page in found[1:] if isinstance(page, LocationsFound)} == {440}
    assert len(rig.wire.to(POINTS)) == 9


async def test_the_list_outlives_an_outage_but_not_for_ever(rig: Rig) -> None:
    """A day's list serves while CDEK is down, for three days; then it is an error and no empty map."""
    before = await places(rig)
    rig.wire.fault = lambda _: httpx.Response(503)
    rig.time.pass_(2 * 86_400)
    assert (await places(rig)).total_count == before.total_count
    await settle()
    rig.time.pass_(86_400)
    query = LocationQuery(first=1)

    assert isinstance((await rig.adapter.search_locations([query], PUBLIC))[query], SourceError)


async def test_a_list_without_its_header_ends_at_a_short_page(time: Time) -> None:
    """One more page is asked for after a full one."""
    rig = cdek(time)
    offices = [{**(await raw_offices(rig))[0], "code": f"X{number}"} for number in range(75)]
    rig.wire.fault = answering(POINTS, httpx.Response(200, json=offices[:50]), httpx.Response(200, json=offices[50:]))

    assert (await places(rig)).total_count == 75


async def test_a_list_beyond_every_measure_is_refused(time: Time) -> None:
    """Memory has a limit, whatever the vendor sends."""
    rig = cdek(time, most_points=120)
    query = LocationQuery(first=1)

    outcome = (await rig.adapter.search_locations([query], PUBLIC))[query]

    assert isinstance(outcome, InvalidSourceResponse)
    assert "at most 120 points" in outcome.detail
    assert len(rig.wire.to(POINTS)) <= 4


async def test_nobody_waits_for_the_list_to_be_promised_a_date(time: Time) -> None:
    """A promise counts places once the list is there, and does without until then."""
    rig = cdek(time)
    gate = asyncio.Event()
    beneath = rig.wire.beneath

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == POINTS:
                await gate.wait()
            return await beneath.handle_async_request(request)

    rig.wire.beneath = Slow()
    before = by_method(await promised(rig))[DeliveryMethod.PICKUP_POINT]
    gate.set()
    await settle()
    after = by_method(await promised(rig))[DeliveryMethod.PICKUP_POINT]

    assert (before.location_count, after.location_count) == (None, 19)
    assert before.cost_from == after.cost_from


def monday(hours: str) -> Json:
    return {"work_time_list": [{"day": 1, "time": hours}]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (monday("10:00/22:30"), ("2026-03-02T10:00:00+03:00", "2026-03-02T22:30:00+03:00")),
        (monday("10:00-22:30"), ("2026-03-02T10:00:00+03:00", "2026-03-02T22:30:00+03:00")),
        (monday("22:00/02:00"), ("2026-03-02T22:00:00+03:00", "2026-03-03T02:00:00+03:00")),
        (monday("00:00/24:00"), ("2026-03-02T00:00:00+03:00", "2026-03-03T00:00:00+03:00")),
        ({"work_time_list": [{"day": 2, "time": "10:00/22:00"}]}, (None, None)),
        (
            {"work_time_exception_list": [{"date_start": "2026-03-01", "date_end": "2026-03-08", "is_working": False}]},
            (None, None),
        ),
        (
            {
                "work_time_exception_list": [
                    {
                        "date_start": "2026-03-02", "date_end": "2026-03-02", "is_working": True,
                        "time_start": "11:00", "time_end": "15:00",
                    }
                ]
            },
            ("2026-03-02T11:00:00+03:00", "2026-03-02T15:00:00+03:00"),
        ),
    ],
)  # fmt: skip
async def test_hours_are_of_the_place_s_own_clock(
    time: Time, change: Json, expected: tuple[str | None, str | None]
) -> None:
    """Also past midnight, and on days that are unlike others."""
    rig = cdek(time)
    rig.wire.fault = answering(POINTS, httpx.Response(200, json=[(await raw_offices(rig))[0] | change]))

    (place,) = (await places(rig)).locations

    today = place.opening_hours[0]
    assert tuple(moment and moment.isoformat() for moment in (today.opens_at, today.closes_at)) == expected


@pytest.mark.parametrize("hours", [[], [{"day": 1, "time": "round the clock"}], [{"day": 1, "time": "25:00/26:00"}]])
async def test_unreadable_hours_are_unknown_and_not_closed(time: Time, hours: Json) -> None:
    """No hours at all are said rather than wrong ones."""
    rig = cdek(time)
    office = (await raw_offices(rig))[0] | {"work_time_list": hours}
    rig.wire.fault = answering(POINTS, httpx.Response(200, json=[office]))

    (place,) = (await places(rig)).locations

    assert place.opening_hours == ()


async def test_what_a_place_offers_is_told(time: Time) -> None:
    """Services, telephone, stations, photo and time zone; offices that hand out nothing are not there."""
    rig = cdek(time)
    office = (await raw_offices(rig))[0]
    far = {
        **office,
        "code": "VVO1",
        "phones": [{"number": "доб. 5"}, {"number": "8 (423) 200-00-00"}],
        "nearest_station": "Вокзал",
        "have_cashless": False,
        "office_image_list": [{"number": 1, "url": "https://pictures.test/1.jpg"}],
        "location": {**office["location"], "latitude": 43.1155, "longitude": 131.8855, "city_code": 999_999},
    }
    back_office = {**office, "code": "MSK77", "is_handout": False}
    rig.wire.fault = answering(POINTS, httpx.Response(200, json=[far, back_office, {"code": "broken"}]))

    (place,) = (await places(rig)).locations

    assert (place.id, place.time_zone, place.phone) == ("cdek-VVO1", "Asia/Vladivostok", "+74232000000")
    assert place.services == (LocationService.FITTING, LocationService.CASH_PAYMENT)
    assert place.landmarks == ("Центральная", "Вокзал")
    assert place.photo is not None
    assert place.address.locality_id is None
