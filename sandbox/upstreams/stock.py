"""Stock: what can be promised of a variant, in a city and at each place."""

import datetime as dt
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sandbox.upstreams.contract import (
    BadCursor,
    Context,
    Json,
    LocationKind,
    Operation,
    Point,
    Request,
    check_range,
    cut,
    problem,
)
from sandbox.world import stock
from sandbox.world.goods import KEPT_SKUS, Product
from sandbox.world.places import CITIES, Place, metres
from sandbox.world.shop import Shop

_CONFIRM_MINUTES = 20
_OPENS, _CLOSES = 10, 22
_TRANSFER_DAYS = 2


class Availability(Context, frozen=True, kw_only=True):
    skus: list[str]


class ProductKeys(Request, frozen=True):
    id: str
    skus: list[str]


class Products(Context, frozen=True, kw_only=True):
    products: list[ProductKeys]


class LocationQuery(Request, frozen=True, kw_only=True):
    sku: str
    first: int
    in_stock_only: bool
    after: str | None = None
    near: Point | None = None
    kinds: list[LocationKind] | None = None


class Locations(Context, frozen=True, kw_only=True):
    queries: list[LocationQuery]


class _Entry(NamedTuple):
    place: Place
    distance: int
    quantity: int
    status: str


class Stock:
    """Answers in the context of a city: its stores decide what is `STORE_ONLY`."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._held = lru_cache(KEPT_SKUS)(stock.held)

    def operations(self) -> tuple[Operation[Availability], Operation[Products], Operation[Locations]]:
        return (
            Operation("stock.availability", "/v1/availability/batch", Availability, self.availability, ("skus",), 1000),
            Operation("stock.products", "/v1/products/batch", Products, self.products, ("products",), 500),
            Operation("stock.locations", "/v1/locations/batch", Locations, self.locations, ("queries",), 20),
        )

    def availability(self, asked: Availability) -> Json:
        near = stock.city_stores(self._shop.places, asked.locality_id)
        found = ((sku, self._shop.goods.by_sku(sku)) for sku in dict.fromkeys(asked.skus))
        return {"items": [self._item(sku, at[0], at[1], near) for sku, at in found if at is not None]}

    def _item(self, sku: str, product: Product, position: int, near: int) -> Json:
        having = self._held(product, position)
        status = stock.status(having, near)
        days = stock.restock_days(product, having)
        return {
            "sku": sku,
            "status": status,
            **_amount(having.online, status),
            "maxOrderQuantity": _most(having.online, status),
            "restockOn": None if days is None else (self._shop.now() + dt.timedelta(days=days)).date().isoformat(),
            "storeCount": (having.stores & near).bit_count(),
        }

    def products(self, asked: Products) -> Json:
        near = stock.city_stores(self._shop.places, asked.locality_id)
        summaries = (self._summary(wanted, near) for wanted in asked.products)
        return {"products": [summary for summary in summaries if summary is not None]}

    def _summary(self, wanted: ProductKeys, near: int) -> Json | None:
        found = ((sku, self._shop.goods.by_sku(sku)) for sku in wanted.skus)
        statuses = {
            sku: stock.status(self._held(*at), near) for sku, at in found if at is not None and at[0].id == wanted.id
        }
        if not statuses:
            return None
        return {
            "id": wanted.id,
            "status": stock.best(list(statuses.values())),
            "availableSkus": [sku for sku, status in statuses.items() if status != "OUT_OF_STOCK"],
        }

    def locations(self, asked: Locations) -> Json:
        for query in asked.queries:
            check_range("queries[].first", query.first, 1, 100)
        return {"results": [self._places_of(query, asked.locality_id) for query in asked.queries]}

    def _places_of(self, query: LocationQuery, locality_id: str) -> Json:
        found = self._shop.goods.by_sku(query.sku)
        entries = [] if found is None else self._entries(found[0], found[1], query, locality_id)
        subject = f"stock/{query.sku}/{locality_id}/{query.near}/{query.kinds}/{query.in_stock_only}"
        try:
            piece = cut(entries, subject, query.first, query.after)
        except BadCursor:
            return problem("BAD_CURSOR")
        return {"entries": [self._entry(entry, mark) for entry, mark in piece.items], "page": piece.page}

    def _entries(self, product: Product, position: int, query: LocationQuery, locality_id: str) -> list[_Entry]:
        city = CITIES.get(locality_id, CITIES["msk"])
        near = query.near or Point(city.latitude, city.longitude)
        having = stock.held(product, position)
        entries = []
        for place in (*self._shop.places.stores, *self._shop.places.warehouses):
            if query.kinds is not None and place.kind not in query.kinds:
                continue
            units = (
                stock.at_store(product, position, place.number)
                if place.kind == "STORE"
                else stock.at_warehouse(having, place.number)
            )
            if units or not query.in_stock_only:
                distance = metres(near.latitude, near.longitude, place.latitude, place.longitude)
                entries.append(_Entry(place, distance, units, _status_there(units)))
        return sorted(entries, key=lambda entry: (entry.quantity == 0, entry.distance, entry.place.id))

    def _entry(self, entry: _Entry, mark: str) -> Json:
        return {
            "locationId": entry.place.id,
            "cursor": mark,
            "distance": entry.distance,
            "status": entry.status,
            **_amount(entry.quantity, entry.status),
            "pickup": self._pickup(entry) if entry.place.kind == "STORE" else None,
        }

    def _pickup(self, entry: _Entry) -> Json:
        """From the shelf within two hours of opening time, else brought from a warehouse in two days."""
        now = self._shop.now().astimezone(ZoneInfo(entry.place.city.time_zone))
        closes = now.replace(hour=_CLOSES, minute=0, second=0, microsecond=0)
        opens = now.replace(hour=_OPENS, minute=0, second=0, microsecond=0)
        on_shelf = entry.quantity > 0
        last = closes - dt.timedelta(hours=1)
        if now > last:
            opens, last = opens + dt.timedelta(days=1), last + dt.timedelta(days=1)
        ready = max(now, opens).replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=2)
        if not on_shelf:
            ready = opens + dt.timedelta(days=_TRANSFER_DAYS)
        return {
            "supply": "SHELF" if on_shelf else "TRANSFER",
            "readyFrom": ready.isoformat(),
            "orderBefore": last.isoformat(),
            "requiresConfirmation": on_shelf,
            "confirmationMinutes": _CONFIRM_MINUTES if on_shelf else None,
        }


def _status_there(units: int) -> str:
    if units == 0:
        return "OUT_OF_STOCK"
    return "LOW_STOCK" if units <= 3 else "IN_STOCK"  # noqa: PLR2004


def _amount(units: int, status: str) -> Json:
    """Capped, so that nobody reads the whole inventory; not told for what is still to come."""
    if status in ("BACKORDER", "PREORDER"):
        return {"quantity": None, "isQuantityCapped": False}
    return {"quantity": min(units, stock.CAP), "isQuantityCapped": units > stock.CAP}


def _most(online: int, status: str) -> int:
    if status in ("BACKORDER", "PREORDER"):
        return stock.MOST_AHEAD
    return 1 if status == "STORE_ONLY" else min(online, stock.CAP)
