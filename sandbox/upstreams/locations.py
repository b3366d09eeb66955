"""Places where goods can be received: stores, pickup points, parcel lockers; and warehouses."""

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from zoneinfo import ZoneInfo

import orjson

from sandbox.upstreams.contract import (
    BadCursor,
    Json,
    LocationKind,
    Operation,
    Point,
    Request,
    check_range,
    cut,
    problem,
)
from sandbox.world.couriers import local
from sandbox.world.draw import draw, number_of, pick
from sandbox.world.places import Place, metres
from sandbox.world.shop import Shop
from sandbox.world.text import Text, tongue

KEPT_PLACES = 2048
_SERVICES, _LANDMARK = 81, 82
_SERVICE_NAMES = ("FITTING", "CARD_PAYMENT", "CASH_PAYMENT", "PARTIAL_ACCEPTANCE", "RETURNS", "ACCESSIBLE")
_LANDMARKS = (
    Text("м. Центральная", "Tsentralnaya station"),
    Text("ТЦ «Галерея»", "Galereya mall"),
    Text("Главпочтамт", "Main post office"),
)


class LocationKeys(Request, frozen=True):
    language: str
    ids: list[str]


class Box(Request, frozen=True):
    south_west: Point
    north_east: Point


class LocationQuery(Request, frozen=True, kw_only=True):
    first: int
    after: str | None = None
    near: Point | None = None
    within: Box | None = None
    kinds: list[LocationKind] | None = None
    locality_id: str | None = None


class LocationSearch(Request, frozen=True):
    language: str
    queries: list[LocationQuery]


class Locations:
    """Encoded once per language and day, because opening hours are for the next seven days."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._encoded = lru_cache(KEPT_PLACES)(self._encode)

    def operations(self) -> tuple[Operation[LocationKeys], Operation[LocationSearch]]:
        return (
            Operation("delivery.locations", "/v1/locations/batch", LocationKeys, self.locations, ("ids",), 500),
            Operation("delivery.locationSearch", "/v1/locations/search", LocationSearch, self.search, ("queries",), 20),
        )

    def locations(self, asked: LocationKeys) -> Json:
        language = tongue(asked.language)
        found = (self._shop.places.by_id.get(key) for key in dict.fromkeys(asked.ids))
        return {"locations": [self._location(place, language) for place in found if place is not None]}

    def search(self, asked: LocationSearch) -> Json:
        for query in asked.queries:
            check_range("queries[].first", query.first, 1, 500)
        return {"results": [self._found(query, tongue(asked.language)) for query in asked.queries]}

    def _found(self, query: LocationQuery, language: str) -> Json:
        places = [
            (place, _distance(place, query.near)) for place in self._shop.places.by_id.values() if _fits(place, query)
        ]
        if query.near is not None:
            places.sort(key=lambda found: (found[1] or 0, found[0].id))
        subject = f"locations/{query.near}/{query.within}/{query.kinds}/{query.locality_id}"
        try:
            piece = cut(places, subject, query.first, query.after)
        except BadCursor:
            return problem("BAD_CURSOR")
        return {
            "entries": [
                {"locationId": place.id, "cursor": mark, "distance": distance}
                for (place, distance), mark in piece.items
            ],
            "locations": [self._location(place, language) for (place, _), _ in piece.items],
            "totalCount": len(places),
            "page": piece.page,
        }

    def _location(self, place: Place, language: str) -> orjson.Fragment:
        day = local(self._shop.now(), place.city).date()
        return orjson.Fragment(self._encoded(place.id, language, day))

    def _encode(self, key: str, language: str, day: dt.date) -> bytes:
        place = self._shop.places.by_id[key]
        dice = number_of(key)
        title = _title(place, language)
        is_open = place.kind != "WAREHOUSE"
        told: Json = {
            "id": place.id,
            "kind": place.kind,
            "title": title,
            "operator": place.operator.said(language),
            "address": address_json(place, language),
            "point": {"latitude": place.latitude, "longitude": place.longitude},
            "phone": f"+7495{dice % 10_000_000:07d}",
            "landmarks": [pick(_LANDMARKS, dice, _LANDMARK).said(language)] if is_open else [],
            "timeZone": place.city.time_zone,
            "openingHours": list(_hours(place, day)),
            "services": _services(dice) if is_open else [],
            "photo": self._shop.image(f"locations/{place.kind.lower()}", title, 800, 600),
        }
        if is_open:
            told["storageDays"] = 3 if place.kind == "PARCEL_LOCKER" else 7
        return orjson.dumps(told)


def _distance(place: Place, near: Point | None) -> int | None:
    return None if near is None else metres(near.latitude, near.longitude, place.latitude, place.longitude)


def _fits(place: Place, query: LocationQuery) -> bool:
    box = query.within
    return (
        (place.kind in query.kinds if query.kinds is not None else place.kind != "WAREHOUSE")
        and (query.locality_id is None or place.city.id == query.locality_id)
        and (
            box is None
            or (
                box.south_west.latitude <= place.latitude <= box.north_east.latitude
                and box.south_west.longitude <= place.longitude <= box.north_east.longitude
            )
        )
    )


def _title(place: Place, language: str) -> str:
    names = {
        "STORE": Text("Галерея", "Galereya"),
        "WAREHOUSE": Text("Склад", "Warehouse"),
        "PICKUP_POINT": Text("Пункт выдачи", "Pickup point"),
        "PARCEL_LOCKER": Text("Постамат", "Parcel locker"),
    }
    where = place.city.name if place.kind == "WAREHOUSE" else place.street
    return f"{names[place.kind].said(language)}, {where.said(language)}"


def address_json(place: Place, language: str) -> Json:
    city, street = place.city.name.said(language), place.street.said(language)
    postal_code = f"{100_000 + number_of(place.city.id) % 500_000 + place.number}"
    return {
        "countryCode": "RU",
        "region": place.city.region.said(language),
        "localityId": place.city.id,
        "city": city,
        "street": street,
        "house": place.house,
        "postalCode": postal_code,
        "point": {"latitude": place.latitude, "longitude": place.longitude},
        "formatted": f"{postal_code}, {city}, {street}, {place.house}",
    }


def _services(dice: int) -> list[str]:
    """Fitting and cards everywhere, the rest here and there."""
    some = draw(dice, _SERVICES) | 0b11
    return [name for at, name in enumerate(_SERVICE_NAMES) if some >> at & 1]


def _hours(place: Place, first: dt.date) -> Iterator[Json]:
    """Pickup points rest on Sundays; lockers never do; warehouses are not open to shoppers."""
    zone = ZoneInfo(place.city.time_zone)
    opens, closes = {"STORE": (10, 22), "PICKUP_POINT": (9, 20), "PARCEL_LOCKER": (0, 23)}.get(place.kind, (0, 0))
    for days in range(7):
        day = first + dt.timedelta(days=days)
        is_closed = place.kind == "WAREHOUSE" or (place.kind == "PICKUP_POINT" and day.isoweekday() == 7)  # noqa: PLR2004
        if is_closed:
            yield {"date": day.isoformat(), "opensAt": None, "closesAt": None}
        else:
            moments = (dt.datetime.combine(day, dt.time(hour), zone).isoformat() for hour in (opens, closes))
            yield {"date": day.isoformat(), **dict(zip(("opensAt", "closesAt"), moments, strict=True))}
