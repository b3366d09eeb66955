"""Listings of products: how to narrow and order them, and what was found."""

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Protocol, TypeVar

import strawberry

from clients.catalogue import protocol as catalogue
from clients.errors import SourceError
from clients.eventual import then
from clients.search import protocol as search
from clients.search.protocol import ProductSort
from clients.values import Value
from resolvers.batch import Outcome
from resolvers.context import Info
from resolvers.fields import (
    Outcomes,
    batch,
    describe_enum,
    describes,
    first_failure,
    input_object,
    interface,
    optional,
    plain,
    reads,
)
from resolvers.freshness import Freshness, Sourced
from resolvers.hydration import by_product_id, load_products
from resolvers.kept import kept
from resolvers.labels import Swatch
from resolvers.node import Kind, expected_key, given_key
from resolvers.paging import PageInfo, cursor, page_size
from resolvers.references import AProduct
from resolvers.refusals import BadInput, answered
from resolvers.scalars import URL
from resolvers.texts import named

T = TypeVar("T")
MOST_RESTRICTIONS = 100

describe_enum(
    ProductSort,
    "Order of a listing.",
    {
        "RELEVANCE": "Best match to the query.",
        "POPULAR": "Most bought first.",
        "NEWEST": "Newest first.",
        "PRICE_ASC": "Cheapest first.",
        "PRICE_DESC": "Dearest first.",
        "DISCOUNT": "Greatest reduction first.",
        "RATING": "Best rated first.",
    },
)


class FoundProduct(Value):
    """A hit of the search index with its product."""

    cursor: str
    node: catalogue.Product
    tracking_token: str | None


@describes(search.FacetValue)
class FacetValue:
    """A value of a list facet."""

    token: str = plain("Opaque token to put into `ProductFilter.facets`; clients never build filters by hand.")
    title: str = plain("Title.")
    count: int = plain("How many products it would leave.")
    is_selected: bool = plain("Whether it is applied now.")
    swatch: Swatch | None = plain("Swatch, for colours.")


@interface
class Facet:
    """A way to narrow a listing."""

    code: str = plain("Machine name.")
    title: str = plain("Title.")


@describes(search.ListFacet)
class ListFacet(Facet):
    """Facet with values to tick."""

    code: str = plain("Machine name.")
    title: str = plain("Title.")
    values: list[FacetValue] = plain("Values, in display order; complete.")


@describes(search.RangeFacet)
class RangeFacet(Facet):
    """Facet with a number range."""

    code: str = plain("Machine name.")
    title: str = plain("Title.")
    minimum: Decimal = plain("Least value present.")
    maximum: Decimal = plain("Greatest value present.")
    unit: str | None = plain("Unit, e.g. `₽`.")


@input_object()
class FacetRangeInput:
    """A number range of a facet."""

    code: str = plain("Facet's machine name.")
    from_: Decimal | None = optional("From, inclusive.", name="from")
    to: Decimal | None = optional("To, inclusive.")


@input_object()
class ProductFilter:
    """Restrictions of a listing; all must hold."""

    facets: list[str] | None = optional("Tokens of facet values; values of one facet are alternatives.")
    ranges: list[FacetRangeInput] | None = optional("Number ranges by facet.")
    in_stock_only: bool | None = optional("Only what can be bought now in this context.")
    available_at: list[strawberry.ID] | None = optional("Only what is in stock at one of these locations.")
    receivable_by: dt.date | None = optional("Only what can be received by this date in this context.")
    promotion_id: strawberry.ID | None = optional("Only participants of this promotion.")
    on_sale_only: bool | None = optional("Only what is reduced in price.")


@describes(FoundProduct)
class ProductEdge:
    """One product found."""

    cursor: str = plain("Cursor.")
    node: AProduct = plain("Product.")
    tracking_token: str | None = plain("Opaque token to report with clicks, for search analytics.")


@describes(search.Listing)
class ProductConnection(Sourced):
    """Products found, with facets."""

    @batch(list[ProductEdge])
    @staticmethod
    def edges(listings: Sequence[search.Listing], info: Info, /) -> Outcomes[list[FoundProduct]]:
        """Edges, when per-item data is wanted."""
        keys = [key for listing in listings for key in kept(listing, "product keys", product_keys)]
        products = info.context.loaders.products.load_many(keys)
        return then(products, lambda found: [pair_hits(listing, part) for listing, part in share_out(listings, found)])

    @batch(list[AProduct])
    @staticmethod
    def nodes(listings: Sequence[search.Listing], info: Info, /) -> Outcomes[list[catalogue.Product]]:
        """Products only."""
        return load_products([[hit.product_id for hit in listing.hits] for listing in listings], info)

    page_info = reads("page", PageInfo, "Page information.")
    total_count: int = plain("How many match in all.")
    facets: list[Facet] = plain("Facets that still make sense for this result; complete.")
    corrected_query: str | None = plain("Query after spelling correction, when it was corrected.")
    redirect_url: URL | None = plain("Page to open instead of a listing (brand, campaign), when search says so.")
    freshness: Freshness = plain("When the index answered.")


def product_keys(listing: search.Listing) -> tuple[catalogue.ProductKey, ...]:
    """The keys of the products of a listing."""
    return tuple(by_product_id(hit.product_id) for hit in listing.hits)


def share_out(
    listings: Sequence[search.Listing], found: Sequence[Outcome[catalogue.Product]]
) -> Iterator[tuple[search.Listing, Sequence[Outcome[catalogue.Product]]]]:
    """Every listing with its own products, in order."""
    start = 0
    for listing in listings:
        end = start + len(listing.hits)
        yield listing, found[start:end]
        start = end


def pair_hits(
    listing: search.Listing, products: Sequence[Outcome[catalogue.Product]]
) -> list[FoundProduct] | SourceError:
    """The hits of a listing with their products; the last pairing is kept, most pages have the same products."""
    last: tuple[Any, list[FoundProduct]] | None = listing.__dict__.get("last pairing")
    if last is not None and last[0] == products:
        return last[1]
    paired = [
        FoundProduct(cursor=hit.cursor, node=product, tracking_token=hit.tracking_token)
        for hit, product in zip(listing.hits, products, strict=True)
        if isinstance(product, catalogue.Product)
    ]
    failure = first_failure(products)
    if failure is not None:
        return paired or failure
    listing.__dict__["last pairing"] = (products, paired)
    return paired


class AskListing(Protocol):
    """Makes a listing's key from what it is a listing of."""

    def __call__(
        self, *, text: str | None = None, category_id: str | None = None, promotion_id: str | None = None
    ) -> search.ListingKey: ...


def ask_listing(
    first: int, after: str | None, restrictions: ProductFilter | None, sort: search.ProductSort | None
) -> AskListing:
    """Read a client's paging, filter and order; a BadInput tells what was expected."""
    return partial(
        search.ListingKey,
        first=page_size(first),
        after=cursor(after),
        sort=sort,
        filter=read_filter(restrictions) if restrictions else search.EVERYTHING,
    )


def read_filter(given: ProductFilter) -> search.ProductFilter:
    """A client's restrictions as the search index takes them.

    All of them must hold, in whatever order they are given: equal restrictions make equal keys.
    """
    places = {expected_key(Kind.LOCATION, place, "availableAt") for place in _few(given.available_at, "availableAt")}
    return search.ProductFilter(
        facets=tuple(sorted({named(token, "facets") for token in _few(given.facets, "facets")})),
        ranges=tuple(read_range(given_range) for given_range in _few(given.ranges, "ranges")),
        in_stock_only=bool(given.in_stock_only),
        available_at=tuple(sorted(places)),
        receivable_by=given.receivable_by or None,
        promotion_id=given_key(Kind.PROMOTION, given.promotion_id, "promotionId"),
        on_sale_only=bool(given.on_sale_only),
    )


def read_range(given: FacetRangeInput) -> search.FacetRange:
    """A client's range as the search index takes it; an end that is left out or null is open."""
    low = None if given.from_ is strawberry.UNSET else given.from_
    high = None if given.to is strawberry.UNSET else given.to
    return search.FacetRange(code=named(given.code, "ranges.code"), from_=low, to=high)


def _few(given: Sequence[T] | None, argument: str) -> Sequence[T]:
    several = given or ()
    if len(several) > MOST_RESTRICTIONS:
        raise BadInput(f"Expected at most {MOST_RESTRICTIONS} `{argument}`, got {len(several)}.")
    return several


def load_listings(keys: Sequence[search.ListingKey], info: Info) -> Outcomes[search.Listing]:
    """Listings by key; one that the index refuses becomes an error for the client."""
    listings = info.context.loaders.listings.load_many(keys)
    return then(listings, lambda outcomes: [answered(outcome) for outcome in outcomes])
