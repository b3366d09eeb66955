"""From what lies in each warehouse to what can be promised. Pure."""

import base64
import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from clients.scope import InContext
from clients.stock.ledger import Level
from clients.stock.protocol import (
    Availability,
    AvailabilityStatus,
    ProductAvailability,
    StockAtLocation,
    StockAtLocations,
    StockQuery,
)
from clients.stock.quantity import whole_pieces
from clients.values import LAST_PAGE, Freshness, GeoPoint, LocationKind, Page, Problem, ProductSkus

EARTH_M: Final = 6_371_000
RANK: Final = tuple(AvailabilityStatus)
"""From best to worst, as the protocol has them."""


class Warehouse(BaseModel):
    """One warehouse of the vendor's, as the shop sees it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    location_id: str = Field(min_length=1, description="The place's key in the delivery system.")
    kind: Literal["STORE", "WAREHOUSE"] = Field(default="WAREHOUSE", description="What kind of place it is.")
    sells_online: bool | None = Field(
        default=None, description="Whether orders are sent from here; by itself from warehouses, not from stores."
    )
    localities: tuple[str, ...] = Field(default=(), description="Localities whose shoppers call it near.")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(default=None, description="Degrees north.")
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = Field(default=None, description="Degrees east.")

    @property
    def is_online(self) -> bool:
        return self.kind == "WAREHOUSE" if self.sells_online is None else self.sells_online


class Terms(NamedTuple):
    """How stock becomes a promise. `warehouses` by the vendor's id; when it is empty, all of them sell online."""

    warehouses: Mapping[str, Warehouse]
    low_up_to: int
    cap: int


class Pieces(NamedTuple):
    """Whole pieces at one place."""

    place: Warehouse
    pieces: int


def count_places(levels: Sequence[Level], terms: Terms) -> list[Pieces]:
    """Whole pieces per place that the shop knows: each warehouse by itself, for a parcel leaves from one."""
    found: dict[str, Pieces] = {}
    for level in levels:
        place = find_place(level.warehouse, terms)
        if place is not None:
            before = found[place.location_id].pieces if place.location_id in found else 0
            found[place.location_id] = Pieces(place, before + whole_pieces(level.on_hand, level.reserved))
    return list(found.values())


def find_place(warehouse: str, terms: Terms) -> Warehouse | None:
    """The place of a warehouse; the sum over all warehouses is a nameless one."""
    if warehouse == "":
        return Warehouse(location_id="*")
    if not terms.warehouses:
        return Warehouse(location_id=warehouse)
    return terms.warehouses.get(warehouse)


def promise(sku: str, levels: Sequence[Level], terms: Terms, scope: InContext, freshness: Freshness) -> Availability:
    """What can be promised of one variant to a shopper of a locality."""
    places = count_places(levels, terms)
    online = sum(found.pieces for found in places if found.place.is_online)
    near = [found.pieces for found in places if is_store_near(found, scope) and found.pieces]
    status = decide_status(online, near, terms)
    # What is only in stores is fetched from one of them, so no more than the best of them has.
    most = max(near) if status is AvailabilityStatus.STORE_ONLY else online
    return Availability(
        freshness=freshness,
        sku=sku,
        status=status,
        quantity=min(online, terms.cap),
        is_quantity_capped=online > terms.cap,
        max_order_quantity=min(most, terms.cap),
        store_count=len(near) if any(found.place.kind == "STORE" for found in places) else None,
    )


def is_store_near(found: Pieces, scope: InContext) -> bool:
    return found.place.kind == "STORE" and scope.locality_id in found.place.localities


def decide_status(online: int, near: Sequence[int], terms: Terms) -> AvailabilityStatus:
    """Many, few, only in stores nearby, or none."""
    if online > terms.low_up_to:
        return AvailabilityStatus.IN_STOCK
    if online:
        return AvailabilityStatus.LOW_STOCK
    return AvailabilityStatus.STORE_ONLY if near else AvailabilityStatus.OUT_OF_STOCK


def promise_product(
    key: ProductSkus, known: Mapping[str, Availability], freshness: Freshness
) -> ProductAvailability | None:
    """The best status over a product's variants; None when none of them is known."""
    variants = [known[sku] for sku in key.skus if sku in known]
    if not variants:
        return None
    return ProductAvailability(
        freshness=freshness,
        id=key.id,
        status=min((variant.status for variant in variants), key=RANK.index),
        available_skus=tuple(v.sku for v in variants if v.status is not AvailabilityStatus.OUT_OF_STOCK),
    )


def promise_places(
    query: StockQuery, levels: Sequence[Level], terms: Terms, scope: InContext, freshness: Freshness
) -> StockAtLocations:
    """Where a variant lies: places in stock first, then by distance, or those of the locality before others."""
    entries = sort_entries(query, count_places(levels, terms), terms, scope, freshness)
    start = 0
    if query.after is not None:
        at = [number for number, entry in enumerate(entries, 1) if entry.cursor == query.after]
        if not at:
            return StockAtLocations(freshness=freshness, entries=(), page=LAST_PAGE, problem=Problem.BAD_CURSOR)
        start = at[0]
    shown = tuple(entries[start : start + query.first])
    return StockAtLocations(
        freshness=freshness,
        entries=shown,
        page=Page(
            has_next_page=start + len(shown) < len(entries),
            has_previous_page=start > 0 and bool(entries),
            start_cursor=shown[0].cursor if shown else None,
            end_cursor=shown[-1].cursor if shown else None,
        ),
    )


def sort_entries(
    query: StockQuery, places: Iterable[Pieces], terms: Terms, scope: InContext, freshness: Freshness
) -> list[StockAtLocation]:
    """Entries of the places that a query asks for, in its order."""
    found = [
        (distance, scope.locality_id not in here.place.localities, here)
        for here in places
        if here.place.location_id != "*"
        and (not query.kinds or LocationKind(here.place.kind) in query.kinds)
        and (here.pieces or not query.in_stock_only)
        for distance in [measure(query.near, here.place)]
    ]
    found.sort(
        key=lambda one: (
            one[2].pieces == 0,
            math.inf if one[0] is None else one[0],
            one[1],
            one[2].place.location_id,
        )
    )
    return [
        StockAtLocation(
            freshness=freshness,
            location_id=here.place.location_id,
            cursor=write_cursor(here.place.location_id),
            status=decide_status(here.pieces, (), terms),
            quantity=min(here.pieces, terms.cap),
            is_quantity_capped=here.pieces > terms.cap,
            distance=distance,
        )
        for distance, _, here in found
    ]


def write_cursor(location_id: str) -> str:
    """A place in the list: the location that it stands after."""
    return base64.urlsafe_b64encode(location_id.encode()).decode().rstrip("=")


def measure(near: GeoPoint | None, place: Warehouse) -> int | None:
    """Metres on a sphere; None when one of the two points is not known."""
    if near is None or place.latitude is None or place.longitude is None:
        return None
    north, east = math.radians(place.latitude - near.latitude), math.radians(place.longitude - near.longitude)
    across = math.cos(math.radians(near.latitude)) * math.cos(math.radians(place.latitude))
    chord = math.sin(north / 2) ** 2 + across * math.sin(east / 2) ** 2
    return round(2 * EARTH_M * math.asin(min(1.0, math.sqrt(chord))))


def observed(levels: Iterable[Level], confirmed_at: float) -> dt.datetime:
    """When the source last said that it is so: about these places, or about everything."""
    said_at = max((level.changed_at for level in levels), default=confirmed_at)
    return dt.datetime.fromtimestamp(max(said_at, confirmed_at), dt.UTC)
