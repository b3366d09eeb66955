"""CDEK's pickup points and parcel lockers as places of ours. All of it is pure.

Their weight limits are in kilograms, while everything that is asked of the calculator is in grams.
The list says no time zone, so it is looked up by the point itself.
"""

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import tzfpy

from clients.delivery.cdek_quotes import QuoteKey
from clients.delivery.cdek_settings import CdekSettings
from clients.delivery.places import PlaceList
from clients.delivery.protocol import Location, LocationService, OpeningHours
from clients.values import Address, GeoPoint, Image, LocationKind
from clients.vendors.cdek import Envelope

TITLES: Final = {
    LocationKind.PICKUP_POINT: {"ru": "Пункт выдачи", "en": "Pickup point"},
    LocationKind.PARCEL_LOCKER: {"ru": "Постамат", "en": "Parcel locker"},
}
LANGUAGES: Final = {"ru": "rus", "en": "eng", "zh": "zho"}
RUSSIAN: Final = "rus"
CODE: Final = re.compile(r"[A-Z0-9]{2,20}")
"""What a point's code looks like; nothing else is asked about."""

GRAMS: Final = 1000
DAYS_SHOWN: Final = 7
_PERIOD: Final = re.compile(r"(\d{1,2}):(\d{2})\s*[-/–]\s*(\d{1,2}):(\d{2})")
_LAST_HOUR: Final = 24


class Phone(msgspec.Struct, frozen=True, gc=False):
    """A telephone number as somebody typed it."""

    number: str = ""


class OfficeImage(msgspec.Struct, frozen=True, gc=False):
    """A photo of the place."""

    url: str = ""


class WorkTime(msgspec.Struct, frozen=True, gc=False):
    """Hours of one day of the week; Monday is 1."""

    day: int
    time: str


class WorkTimeException(msgspec.Struct, frozen=True, gc=False):
    """Other hours, or none, from one date to another."""

    date_start: dt.date
    date_end: dt.date
    is_working: bool
    time_start: str | None = None
    time_end: str | None = None


class Cell(msgspec.Struct, frozen=True, gc=False):
    """A cell of a locker in centimetres."""

    width: int | float
    height: int | float
    depth: int | float


class OfficeLocation(msgspec.Struct, frozen=True, gc=False):
    """Where an office is."""

    country_code: str
    city_code: int
    city: str
    longitude: float
    latitude: float
    address: str
    address_full: str
    region: str | None = None
    postal_code: str | None = None


class Office(Envelope, frozen=True, kw_only=True):
    """A pickup point or a locker; weights in kilograms. It may say itself that something is wrong with it."""

    code: str
    type: str
    location: OfficeLocation
    is_handout: bool
    is_dressing_room: bool = False
    have_cashless: bool = False
    have_cash: bool = False
    phones: tuple[Phone, ...] | None = None
    nearest_station: str | None = None
    nearest_metro_station: str | None = None
    work_time_list: tuple[WorkTime, ...] | None = None
    work_time_exception_list: tuple[WorkTimeException, ...] | None = None
    weight_min: Decimal | None = None
    weight_max: Decimal | None = None
    dimensions: tuple[Cell, ...] | None = None
    office_image_list: tuple[OfficeImage, ...] | None = None

    def __post_init__(self) -> None:
        if not (abs(self.latitude) <= 90 and abs(self.longitude) <= 180 and CODE.fullmatch(self.code)):  # noqa: PLR2004
            raise ValueError("expected a point on the globe and a code of letters and digits")

    @property
    def id(self) -> str:
        return self.code

    @property
    def kind(self) -> LocationKind:
        """A type that is not known yet is a place to pick up at, if goods are handed out there at all."""
        return LocationKind.PARCEL_LOCKER if self.type == "POSTAMAT" else LocationKind.PICKUP_POINT

    @property
    def latitude(self) -> float:
        return self.location.latitude

    @property
    def longitude(self) -> float:
        return self.location.longitude


class Offices:
    """Everything that hands out goods: all of it, by its code, and by CDEK's code of the city."""

    def __init__(self, offices: Iterable[Office]) -> None:
        self.all = PlaceList(office for office in offices if office.is_handout)
        self.by_code = {office.code: office for office in self.all.spots}
        cities: dict[int, list[Office]] = {}
        for office in self.all.spots:
            cities.setdefault(office.location.city_code, []).append(office)
        self.by_city = {city: PlaceList(some) for city, some in cities.items()}


NOWHERE: Final[PlaceList[Office]] = PlaceList(())


def takes(office: Office, key: QuoteKey) -> bool:
    """Whether a parcel may be sent there: its grams against their kilograms, its sides against their cells."""
    if office.weight_max is not None and key.weight_g > office.weight_max * GRAMS:
        return False
    if office.weight_min is not None and key.weight_g <= office.weight_min * GRAMS > 0:
        return False
    sides = sorted((key.length_cm, key.width_cm, key.height_cm))
    cells = [sorted((cell.width, cell.height, cell.depth)) for cell in office.dimensions or ()]
    return not cells or any(all(side <= room for side, room in zip(sides, cell, strict=True)) for cell in cells)


def describe(office: Office, language: str, now: float, settings: CdekSettings) -> Location:
    """The place as shoppers see it, with the hours of seven days from `now` on."""
    place, zone = office.location, tzfpy.get_tz(office.longitude, office.latitude)
    point = GeoPoint(latitude=office.latitude, longitude=office.longitude)
    titles = TITLES[office.kind]
    photos = [image.url for image in office.office_image_list or () if image.url]
    stations = (office.nearest_metro_station, office.nearest_station)
    return Location(
        id=f"{settings.id_prefix}{office.code}",
        kind=office.kind,
        title=f"{titles.get(language, titles['en'])} {settings.operator}, {place.address}",
        address=Address(
            country_code=place.country_code,
            region=place.region,
            locality_id=locality_of(place.city_code, settings),
            city=place.city,
            postal_code=place.postal_code,
            point=point,
            formatted=place.address_full,
        ),
        point=point,
        landmarks=tuple(dict.fromkeys(station for station in stations if station)),
        time_zone=zone,
        opening_hours=read_hours(office, dt.datetime.fromtimestamp(now, ZoneInfo(zone))),
        services=tuple(
            service
            for service, is_there in (
                (LocationService.FITTING, office.is_dressing_room),
                (LocationService.CARD_PAYMENT, office.have_cashless),
                (LocationService.CASH_PAYMENT, office.have_cash),
            )
            if is_there
        ),
        operator=settings.operator,
        phone=next(filter(None, (read_phone(phone.number) for phone in office.phones or ())), None),
        photo=Image(url=photos[0]) if photos else None,
    )


def locality_of(city_code: int, settings: CdekSettings) -> str | None:
    """The shop's own id of a city."""
    return next((key for key, code in settings.cities.items() if code == city_code), None)


def read_phone(text: str) -> str | None:
    """A Russian number with 8 in front, or any number with its country; None for what nobody could dial."""
    digits = re.sub(r"\D", "", text)
    if len(digits) == 11 and digits[0] in "78":  # noqa: PLR2004
        return f"+7{digits[1:]}"
    return f"+{digits}" if text.strip().startswith("+") and 7 <= len(digits) <= 15 else None  # noqa: PLR2004


def read_hours(office: Office, here: dt.datetime) -> tuple[OpeningHours, ...]:
    """Seven days from today by the place's own clocks; none at all when the hours are unknown or unreadable."""
    weekly = {at.day: read_period(at.time) for at in office.work_time_list or ()}
    if not weekly or None in weekly.values():
        return ()
    days = (here.date() + dt.timedelta(days=number) for number in range(DAYS_SHOWN))
    return tuple(_hours(day, _period_on(office, weekly, day), here) for day in days)


_Period = tuple[int, int]
"""Opening and closing in minutes after midnight."""


def read_period(text: str) -> _Period | None:
    """`09:00/20:00`; what closes at or before its opening closes on the next day."""
    found = _PERIOD.fullmatch(text.strip())
    if found is None:
        return None
    hours = [int(part) for part in found.groups()]
    if hours[0] > _LAST_HOUR or hours[2] > _LAST_HOUR or max(hours[1], hours[3]) >= 60:  # noqa: PLR2004
        return None
    opens, closes = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    return opens, closes if closes > opens else closes + _LAST_HOUR * 60


def _period_on(office: Office, weekly: dict[int, _Period | None], day: dt.date) -> _Period | None:
    for other in office.work_time_exception_list or ():
        if other.date_start <= day <= other.date_end:
            if not other.is_working:
                return None
            said = read_period(f"{other.time_start}/{other.time_end}")
            return said or weekly.get(day.isoweekday())
    return weekly.get(day.isoweekday())


def _hours(day: dt.date, period: _Period | None, here: dt.datetime) -> OpeningHours:
    if period is None:
        return OpeningHours(date=day)
    midnight = dt.datetime.combine(day, dt.time(), here.tzinfo)
    opens, closes = (midnight + dt.timedelta(minutes=minutes) for minutes in period)
    return OpeningHours(date=day, opens_at=opens, closes_at=closes)
