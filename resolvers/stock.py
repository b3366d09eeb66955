"""What can be bought, how much of it, and where it is."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import strawberry
from msgspec.structs import replace

from clients.delivery import protocol as delivery
from clients.eventual import Eventual, then
from clients.stock import protocol as stock
from clients.stock.protocol import AvailabilityStatus, PickupSupply
from clients.values import DataSource, LocationKind, Page, Value
from clients.values import Freshness as Provenance
from resolvers.batch import Outcome
from resolvers.context import Context, Info
from resolvers.directives import SIZED_BY_FIRST, Cost
from resolvers.fields import Argument, Outcomes, describe_enum, describes, first_failure, plain, pure, seam
from resolvers.freshness import Freshness, Sourced
from resolvers.geo import GeoPointInput, read_point
from resolvers.kept import kept
from resolvers.location import Location
from resolvers.node import Kind, ids
from resolvers.paging import After, First, PageInfo, chosen, cursor, page_size
from resolvers.refusals import answered

describe_enum(
    AvailabilityStatus,
    "Status of availability.",
    {
        "IN_STOCK": "In stock.",
        "LOW_STOCK": "In stock, but few are left.",
        "BACKORDER": "Not in stock now, accepted for later delivery.",
        "PREORDER": "Not on sale yet, accepted in advance.",
        "STORE_ONLY": "Only in stores.",
        "OUT_OF_STOCK": "Cannot be bought.",
    },
)

describe_enum(
    PickupSupply,
    "Where picked-up goods come from.",
    {"SHELF": "The store's own shelf.", "TRANSFER": "Brought from a warehouse."},
)


class StockHere(Value):
    """A variant's stock at one place, with the place itself."""

    location: delivery.Location
    status: stock.AvailabilityStatus
    quantity: int | None
    is_quantity_capped: bool
    pickup: stock.PickupPromise | None
    freshness: Provenance


class StockEdge(Value):
    """A variant's stock at one place, as an entry of a list of places."""

    cursor: str
    node: StockHere
    distance: int | None


class StockEdges(Value):
    """A page of a variant's stock over places."""

    edges: list[StockEdge]
    nodes: list[StockHere]
    page_info: Page


@describes(stock.PickupPromise)
class PickupPromise:
    """Promise of pickup."""

    supply: PickupSupply = plain("Where the goods come from.")
    ready_from: dt.datetime = plain("From when it can be picked up.")
    order_before: dt.datetime | None = plain("Order before this moment to keep the promise.")
    requires_confirmation: bool = plain("Whether the store must first confirm that the item is there and sound.")
    confirmation_minutes: int | None = plain("How long the store has to confirm.")


@describes(StockHere)
class StockAtLocation(Sourced):
    """A variant's stock at one location."""

    location: Location = plain("Location.")
    status: AvailabilityStatus = plain("Status there.")
    quantity: int | None = plain("Available to promise there; capped; null when not disclosed.")
    is_quantity_capped: bool = plain("Whether there are at least `quantity`, rather than exactly.")
    pickup: PickupPromise | None = plain("When and how it can be picked up there.")
    freshness: Freshness = plain("When that location's stock was observed.")


@describes(StockEdge)
class StockAtLocationEdge:
    """One location in a connection."""

    cursor: str = plain("Cursor.")
    node: StockAtLocation = plain("Entry.")
    distance: int | None = plain("Metres from the point asked about.")


@describes(StockEdges)
class StockAtLocationConnection:
    """A variant's stock at locations."""

    edges: list[StockAtLocationEdge] = plain("Edges.")
    nodes: list[StockAtLocation] = plain("Entries only.")
    page_info: PageInfo = plain("Page information.")


@describes(stock.Availability)
class Availability(Sourced):
    """Availability of a variant in this context."""

    status: AvailabilityStatus = plain("Status.")
    quantity: int | None = plain(
        "Available to promise: stock of all suitable locations, less goods in orders the stock system has not "
        "processed yet, less safety stock. Capped (see `isQuantityCapped`) so that the API does not leak the "
        "whole inventory; null when the shop does not disclose numbers."
    )
    is_quantity_capped: bool = plain("Whether there are at least `quantity`, rather than exactly.")
    max_order_quantity: int = plain("Most that can be ordered now; 0 when nothing can.")
    restock_on: dt.date | None = plain("When more is expected.")
    store_count: int | None = plain("At how many stores it can be picked up; null when unknown.")

    @seam(StockAtLocationConnection | None, source=DataSource.STOCK, directives=[Cost(weight=5), SIZED_BY_FIRST])
    @staticmethod
    def locations(
        parents: Sequence[stock.Availability],
        info: Info,
        /,
        first: First = 20,
        after: After = None,
        near: Annotated[
            GeoPointInput | None,
            Argument(description="Sort by distance from here; the locality's centre when omitted."),
        ] = None,
        kinds: Annotated[list[LocationKind] | None, Argument(description="Only kinds of location.")] = None,
        in_stock_only: Annotated[  # noqa: FBT002 -- GraphQL names its arguments
            bool,
            Argument(description="Only locations where it is in stock; nearest location in stock first."),
        ] = True,
    ) -> Outcomes[StockEdges]:
        """Where it is."""
        asked = stock.StockQuery(
            sku="",
            first=page_size(first),
            in_stock_only=in_stock_only,
            after=cursor(after),
            near=read_point(near),
            kinds=chosen(kinds),
        )
        keys = [replace(asked, sku=parent.sku) for parent in parents]
        pages = info.context.loaders.stock_at_locations.load_many(keys)
        return then(pages, lambda outcomes: _with_places([answered(o) for o in outcomes], info))

    freshness: Freshness = plain("When the stock system said so.")


@describes(stock.ProductAvailability)
class AvailabilitySummary(Sourced):
    """Availability of a product over its variants."""

    status: AvailabilityStatus = plain("Best status over the variants.")

    @pure(list[strawberry.ID])
    @staticmethod
    def available_variant_ids(value: stock.ProductAvailability, _context: Context, /) -> list[strawberry.ID]:
        """Ids of variants that can be bought; complete, for drawing a size grid."""
        return ids(Kind.VARIANT, value.available_skus)

    freshness: Freshness = plain("Oldest observation among the variants.")


def pair_entry(entry: stock.StockAtLocation, location: delivery.Location) -> StockEdge:
    """An entry of the stock system with its place."""
    here = StockHere(
        location=location,
        status=entry.status,
        quantity=entry.quantity,
        is_quantity_capped=entry.is_quantity_capped,
        pickup=entry.pickup,
        freshness=entry.freshness,
    )
    return StockEdge(cursor=entry.cursor, node=here, distance=entry.distance)


def _with_places(pages: Sequence[Outcome[stock.StockAtLocations]], info: Info) -> Eventual[list[Outcome[StockEdges]]]:
    keys = [key for page in pages if isinstance(page, stock.StockAtLocations) for key in kept(page, "places", _places)]
    if not keys:
        return [pair_places(page, []) for page in pages]
    found = info.context.loaders.locations.load_many(keys)
    return then(found, lambda places: [pair_places(page, part) for page, part in _share_out(pages, places)])


def _places(page: stock.StockAtLocations) -> tuple[str, ...]:
    return tuple(entry.location_id for entry in page.entries)


def _share_out(
    pages: Sequence[Outcome[stock.StockAtLocations]], places: Sequence[Outcome[delivery.Location]]
) -> Iterator[tuple[Outcome[stock.StockAtLocations], Sequence[Outcome[delivery.Location]]]]:
    """Every page with its own places, in order."""
    start = 0
    for page in pages:
        end = start + (len(page.entries) if isinstance(page, stock.StockAtLocations) else 0)
        yield page, places[start:end]
        start = end


def pair_places(
    page: Outcome[stock.StockAtLocations], places: Sequence[Outcome[delivery.Location]]
) -> Outcome[StockEdges]:
    """The entries of a page with their places; the last pairing is kept, for places change less often than stock."""
    if not isinstance(page, stock.StockAtLocations):
        return page
    last: tuple[Any, StockEdges] | None = page.__dict__.get("last pairing")
    if last is not None and last[0] == places:
        return last[1]
    edges = [
        pair_entry(entry, place)
        for entry, place in zip(page.entries, places, strict=True)
        if isinstance(place, delivery.Location)
    ]
    failure = first_failure(places)
    if failure is not None and not edges:
        return failure
    paired = StockEdges(edges=edges, nodes=[edge.node for edge in edges], page_info=page.page)
    if failure is None:
        page.__dict__["last pairing"] = (places, paired)
    return paired
