"""Delivery: how soon and for how much; the places are in `locations.py`."""

import datetime as dt
from collections.abc import Iterator

from sandbox.upstreams.contract import (
    Context,
    Json,
    Operation,
    Point,
    Refusal,
    Request,
)
from sandbox.upstreams.locations import LocationKeys, Locations, LocationSearch
from sandbox.world import stock
from sandbox.world.couriers import EXPRESS_TO, courier_day, cut_off
from sandbox.world.goods import Product
from sandbox.world.places import CARRIERS, CITIES, SHOP, City, metres, nearest_city
from sandbox.world.prices import RATES, in_currency, money
from sandbox.world.shop import Shop
from sandbox.world.stock import Held
from sandbox.world.text import tongue

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


class Delivery:
    """`failed_providers` are the methods whose carrier is said not to have answered."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.failed_providers: frozenset[str] = frozenset()
        self._locations = Locations(shop)

    def operations(self) -> tuple[Operation[Promises], Operation[LocationKeys], Operation[LocationSearch]]:
        promises = Operation("delivery.promises", "/v1/promises/batch", Promises, self.promises, ("items",), 100)
        return (promises, *self._locations.operations())

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
