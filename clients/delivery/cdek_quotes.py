"""What CDEK is asked for a price and a date, and what its tariffs mean for a shopper. All of it is pure.

Grams and centimetres go out; what comes back is in major units of the currency asked for, which the
answer does not repeat. Periods are working days where CDEK says no calendar date.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from clients.delivery.cdek_settings import CURRENCY_NUMBERS, CdekSettings
from clients.delivery.protocol import Destination, MethodPromise
from clients.values import DeliveryMethod, Money, Value, refuse_absurd
from clients.vendors.cdek import Envelope

METHOD_OF_MODE: Final[Mapping[int, DeliveryMethod]] = {
    1: DeliveryMethod.COURIER,
    2: DeliveryMethod.PICKUP_POINT,
    3: DeliveryMethod.COURIER,
    4: DeliveryMethod.PICKUP_POINT,
    6: DeliveryMethod.PARCEL_LOCKER,
    7: DeliveryMethod.PARCEL_LOCKER,
    8: DeliveryMethod.COURIER,
    9: DeliveryMethod.PICKUP_POINT,
    10: DeliveryMethod.PARCEL_LOCKER,
}
"""How a tariff ends, by its mode; a mode that is not here is one that we cannot promise."""

NO_WAY: Final = frozenset(
    {"v2_recipient_location_not_recognized", "err_result_servicelist_empty", "err_result_service_empty"}
)
"""CDEK knows no such place, or brings nothing there: an answer, not a failure."""

COARSE: Final = 2
"""Decimals of a degree that are sent, about a kilometre: tariffs are by city, and nobody's door is told."""

LONGEST: Final = 365
"""No parcel that is promised takes more days."""

_SATURDAY: Final = 6


class Place(Value, omit_defaults=True, cache_hash=True, rename=None):
    """A place as the calculator takes it; a code wins over everything else that is said."""

    code: int | None = None
    country_code: str | None = None
    city: str | None = None
    postal_code: str | None = None
    longitude: float | None = None
    latitude: float | None = None


class QuoteKey(Value, cache_hash=True):
    """Everything that a quote depends on: not a sku, so many variants share one."""

    to: Place
    weight_g: int
    length_cm: int
    width_cm: int
    height_cm: int
    currency: str
    handed_over: dt.datetime


class DateRange(msgspec.Struct, frozen=True):
    """Dates by CDEK's own calendar of work."""

    min: dt.date


class Tariff(msgspec.Struct, frozen=True):
    """One tariff of the seller's contract for one way."""

    tariff_code: int
    delivery_mode: int
    delivery_sum: Decimal
    period_min: int
    calendar_min: int | None = None
    delivery_date_range: DateRange | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.delivery_sum)
        if self.delivery_sum < 0 or not all(0 <= days <= LONGEST for days in (self.period_min, self.calendar_min or 0)):
            raise ValueError(f"expected a cost from 0 on and periods from 0 to {LONGEST} days")


class TariffList(Envelope, frozen=True):
    """Tariffs, and what was wrong; an answer of 200 may have errors and no tariffs."""

    tariff_codes: tuple[msgspec.Raw, ...] | None = None


def place_of(to: Destination, settings: CdekSettings) -> Place | None:
    """The destination in CDEK's words; None for a locality that is not in the table."""
    locality_id = to.locality_id or (to.address.locality_id if to.address else None)
    code = settings.cities.get(locality_id) if locality_id else None
    if code is not None:
        return Place(code=code)
    if to.address is not None:
        country = to.address.country_code or settings.country_code
        return Place(country_code=country, city=to.address.city, postal_code=to.address.postal_code)
    if to.point is not None:
        return Place(longitude=round(to.point.longitude, COARSE), latitude=round(to.point.latitude, COARSE))
    return None


def next_cut_off(now: float, settings: CdekSettings) -> dt.datetime:
    """Until when an order is handed over with this day's parcels."""
    here = dt.datetime.fromtimestamp(now, ZoneInfo(settings.time_zone))
    today = here.replace(hour=settings.cut_off.hour, minute=settings.cut_off.minute, second=0, microsecond=0)
    return today if here < today else today + dt.timedelta(days=1)


def ask_for(sku: str, to: Place, currency: str, now: float, settings: CdekSettings) -> QuoteKey:
    """The question that a variant comes to."""
    parcel = settings.parcel_of(sku)
    return QuoteKey(
        to=to,
        weight_g=parcel.weight_g,
        length_cm=parcel.length_cm,
        width_cm=parcel.width_cm,
        height_cm=parcel.height_cm,
        currency=currency if currency in CURRENCY_NUMBERS else settings.currency,
        handed_over=next_cut_off(now, settings) + dt.timedelta(days=settings.handling_days),
    )


def body_of(key: QuoteKey, settings: CdekSettings) -> dict[str, object]:
    """The request; the offset of its date has no colon, as CDEK wants it."""
    return {
        "date": key.handed_over.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "type": settings.order_type,
        "currency": CURRENCY_NUMBERS[key.currency],
        "lang": "rus",
        "from_location": {"code": settings.from_city},
        "to_location": key.to,
        "packages": [{"weight": key.weight_g, "length": key.length_cm, "width": key.width_cm, "height": key.height_cm}],
    }


def read_methods(
    tariffs: Iterable[Tariff], key: QuoteKey, order_before: dt.datetime, settings: CdekSettings
) -> tuple[MethodPromise, ...]:
    """Per method the soonest date and the least cost, soonest first, without tariffs that end in an unknown way."""
    by_method: dict[DeliveryMethod, list[Tariff]] = {}
    for tariff in tariffs:
        method = METHOD_OF_MODE.get(tariff.delivery_mode)
        if method is not None and (not settings.tariffs or tariff.tariff_code in settings.tariffs):
            by_method.setdefault(method, []).append(tariff)
    promises = (
        MethodPromise(
            method=method,
            earliest=min(arrival(tariff, key.handed_over.date()) for tariff in some),
            cost_from=Money(amount=min(tariff.delivery_sum for tariff in some), currency_code=key.currency),
            order_before=order_before,
        )
        for method, some in by_method.items()
    )
    return tuple(sorted(promises, key=lambda promise: promise.earliest))


def arrival(tariff: Tariff, handed_over: dt.date) -> dt.date:
    """The soonest date: CDEK's own, else by its calendar days, else by working days without anybody's holidays."""
    if tariff.delivery_date_range is not None:
        return tariff.delivery_date_range.min
    if tariff.calendar_min is not None:
        return handed_over + dt.timedelta(days=tariff.calendar_min)
    return after_working_days(handed_over, tariff.period_min)


def after_working_days(day: dt.date, count: int) -> dt.date:
    """The day that many Mondays to Fridays later."""
    while count:
        day += dt.timedelta(days=1)
        count -= day.isoweekday() < _SATURDAY
    return day
