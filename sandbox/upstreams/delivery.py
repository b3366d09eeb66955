"""Delivery: how soon and for how much, and the places where goods can be received."""

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from zoneinfo import ZoneInfo

import orjson

from sandbox.upstreams.contract import (
    BadCursor,
    Context,
    Json,
    LocationKind,
    Operation,
    Point,
    Refusal,
    Request,
    check_range,
    cut,
    problem,
)
from sandbox.world import stock
from sandbox.world.couriers import EXPRESS_TO, courier_day, cut_off, local
from sandbox.world.draw import draw, number_of, pick
from sandbox.world.goods import Product
from sandbox.world.places import CARRIERS, CITIES, SHOP, City, Place, metres, nearest_city
from sandbox.world.prices import RATES, in_currency, money
from sandbox.world.shop import Shop
from sandbox.world.stock import Held
from sandbox.world.text import Text, tongue

KEPT_PLACES = 2048
_SERVICES, _LANDMARK = 81, 82
_REACH_M = 150_000
_RETRY_S = 30

# Roubles to the nearest zone and for each further day on the road.
_COSTS = {
    "COURIER": (299, 80),
    "EXPRESS": (499, 0),
    "PICKUP_POINT": (149, 50),
    "PARCEL_LOCKER": (129, 40),
    "STORE_PICKUP": (0, 0),
    "POST": (249, 60),
}
_SERVICE_NAMES = ("FITTING", "CARD_PAYMENT", "CASH_PAYMENT", "PARTIAL_ACCEPTANCE", "RETURNS", "ACCESSIBLE")
_LANDMARKS = (
    Text("м. Центральная", "Tsentralnaya station"),
    Text("ТЦ «Галерея»", "Galereya mall"),
    Text("Главпочтамт", "Main post office"),
)


class Address(Request, frozen=True, kw_only=True):
    city: str
    locality_id: str | None = None
    point: Point | None = None


class Destination(Request, frozen=True, kw_only=True):
    locality_id: str | None = None
    address: Address | None = None
    point: Point | None = None


class PromiseItem(Request, frozen=True):
    sku: str
    to: Destination


class Promises(Context, frozen=True, kw_only=True):
    items: list[PromiseItem]


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


class Delivery:
    """`failed_providers` are the methods whose carrier is said not to have answered."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.failed_providers: frozenset[str] = frozenset()
        self._encoded = lru_cache(KEPT_PLACES)(self._encode)

    def operations(self) -> tuple[Operation[Promises], Operation[LocationKeys], Operation[LocationSearch]]:
        return (
            Operation("delivery.promises", "/v1/promises/batch", Promises, self.promises, ("items",), 100),
            Operation("delivery.locations", "/v1/locations/batch", LocationKeys, self.locations, ("ids",), 500),
            Operation("delivery.locationSearch", "/v1/locations/search", LocationSearch, self.search, ("queries",), 20),
        )

    def promises(self, asked: Promises) -> Json:
        for item in asked.items:
            if sum(of is not None for of in (item.to.locality_id, item.to.address, item.to.point)) != 1:
                raise Refusal(400, "Bad Request", "items[].to: expected exactly one of localityId, address and point")
        return {"promises": [self._promise(item, asked) for item in asked.items]}

    def _promise(self, item: PromiseItem, asked: Promises) -> Json:
        at, city = self._shop.goods.by_sku(item.sku), city_of(item.to)
        if at is None or city is None:
            return {"sku": item.sku, "methods": [], "failures": []}
        possible = list(self._methods(at[0], stock.held(*at), city, asked.currency))
        failed = [told["method"] for told in possible if told["method"] in self.failed_providers]
        return {
            "sku": item.sku,
            "methods": sorted(
                (told for told in possible if told["method"] not in failed), key=lambda told: str(told["earliest"])
            ),
            "failures": [_failure(method, tongue(asked.language)) for method in failed],
        }

    def _methods(self, product: Product, having: Held, city: City, currency: str) -> Iterator[Json]:
        """From shelves of the city's stores, and from warehouses by carriers."""
        places = self._shop.places
        shelves = (having.stores & places.store_masks[city.id]).bit_count()
        if shelves:
            yield self._told("STORE_PICKUP", city, currency, self._same_day(city, EXPRESS_TO + 2), shelves)
            yield self._told("EXPRESS", city, currency, self._same_day(city, EXPRESS_TO))
        if not stock.is_orderable(having):
            return
        wait = 0 if having.online else stock.restock_days(product, having) or 0
        courier = courier_day(self._shop.now(), city) + dt.timedelta(days=wait)
        closes = None if wait else cut_off(self._shop.now(), city)
        for method, later, kind in (
            ("COURIER", 0, None),
            ("PICKUP_POINT", 1, "PICKUP_POINT"),
            ("PARCEL_LOCKER", 1, "PARCEL_LOCKER"),
            ("POST", 4, None),
        ):
            count = None if kind is None else places.count(city, kind)
            yield self._told(method, city, currency, (courier + dt.timedelta(days=later), closes), count)
        if not shelves:
            yield self._told("STORE_PICKUP", city, currency, (courier + dt.timedelta(days=1), closes), city.stores)

    def _same_day(self, city: City, last_hour: int) -> tuple[dt.date, dt.datetime]:
        """The day on which it can be had, and until when that holds; not before the stores open."""
        closes = cut_off(self._shop.now(), city, last_hour)
        return closes.date(), closes

    @staticmethod
    def _told(
        method: str, city: City, currency: str, when: tuple[dt.date, dt.datetime | None], count: int | None = None
    ) -> Json:
        base, per_day = _COSTS[method]
        kept = currency if currency in RATES else "RUB"
        told: Json = {
            "method": method,
            "earliest": when[0].isoformat(),
            "costFrom": money(in_currency((base + per_day * (city.days - 1)) * 100, kept), kept),
        }
        if when[1] is not None:
            told["orderBefore"] = when[1].isoformat()
        if count is not None:
            told["locationCount"] = count
        return told

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


def city_of(to: Destination) -> City | None:
    """The city that a destination is in, or near enough to."""
    if to.locality_id is not None:
        return CITIES.get(to.locality_id)
    if to.address is None:
        return _near(to.point)
    if to.address.locality_id in CITIES:
        return CITIES[to.address.locality_id]
    named = to.address.city.strip().lower()
    by_name = next((city for city in CITIES.values() if named in (city.name.ru.lower(), city.name.en.lower())), None)
    return by_name or _near(to.address.point)


def _near(point: Point | None) -> City | None:
    if point is None:
        return None
    city = nearest_city(point.latitude, point.longitude)
    return city if metres(point.latitude, point.longitude, city.latitude, city.longitude) <= _REACH_M else None


def _failure(method: str, language: str) -> Json:
    return {"provider": CARRIERS.get(method, SHOP).said(language), "code": "TIMEOUT", "retryAfterSeconds": _RETRY_S}


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
