"""What any search promises: pages of product ids with facets, and suggestions."""

import datetime as dt
import enum
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from clients.errors import Outcomes
from clients.scope import InContext
from clients.values import Brand, Count, Page, Problem, Sourced, Swatch, Value, refuse_absurd


class ProductSort(enum.Enum):
    """Order of a listing."""

    RELEVANCE = "RELEVANCE"
    POPULAR = "POPULAR"
    NEWEST = "NEWEST"
    PRICE_ASC = "PRICE_ASC"
    PRICE_DESC = "PRICE_DESC"
    DISCOUNT = "DISCOUNT"
    RATING = "RATING"


class FacetRange(Value, omit_defaults=True):
    """A number range of one facet, both ends inclusive; None leaves an end open."""

    code: str
    from_: Decimal | None = msgspec.field(default=None, name="from")
    to: Decimal | None = None


class ProductFilter(Value, omit_defaults=True):
    """Restrictions of a listing; all must hold. `facets` are tokens that the index itself gave out."""

    facets: tuple[str, ...] = ()
    ranges: tuple[FacetRange, ...] = ()
    in_stock_only: bool = False
    available_at: tuple[str, ...] = ()
    receivable_by: dt.date | None = None
    promotion_id: str | None = None
    on_sale_only: bool = False


EVERYTHING = ProductFilter()


class ListingKey(Value, omit_defaults=True, cache_hash=True):
    """A page of a listing by text, by category or by promotion: exactly one of the three is given."""

    first: int
    text: str | None = None
    category_id: str | None = None
    promotion_id: str | None = None
    after: str | None = None
    sort: ProductSort | None = None
    filter: ProductFilter = EVERYTHING


class Hit(Value):
    """One product found; the cursor continues the same listing after it."""

    product_id: str
    cursor: str
    tracking_token: str | None = None


class FacetValue(Value):
    """A value to tick; `token` goes back in `ProductFilter.facets` as it is."""

    token: str
    title: str
    count: Count
    is_selected: bool
    swatch: Swatch | None = None


class ListFacet(Value, tag_field="kind", tag="list"):
    """A facet with values to tick, in display order."""

    code: str
    title: str
    values: tuple[FacetValue, ...]


class RangeFacet(Value, tag_field="kind", tag="range"):
    """A facet with a number range; the ends are the least and greatest values present."""

    code: str
    title: str
    minimum: Decimal
    maximum: Decimal
    unit: str | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.minimum, self.maximum)


Facet = ListFacet | RangeFacet


class Listing(Sourced):
    """A page of products found. With a `problem` it has nothing else."""

    hits: tuple[Hit, ...]
    total_count: Count
    page: Page
    facets: tuple[Facet, ...]
    corrected_query: str | None = None
    redirect_url: str | None = None
    problem: Problem | None = None


class SuggestionKey(Value, cache_hash=True):
    """Text so far and how many of each kind to suggest."""

    text: str
    first: int


class Suggestions(Sourced):
    """What to suggest while a query is typed, best first."""

    queries: tuple[str, ...]
    category_ids: tuple[str, ...]
    brands: tuple[Brand, ...]
    product_ids: tuple[str, ...]


class Search(Protocol):
    """The system that finds and ranks products."""

    async def fetch_listings(self, keys: Sequence[ListingKey], scope: InContext) -> Outcomes[ListingKey, Listing]:
        """Pages of listings; a key that cannot be answered gets a `Listing` with its `problem`."""
        ...

    async def fetch_suggestions(
        self, keys: Sequence[SuggestionKey], scope: InContext
    ) -> Outcomes[SuggestionKey, Suggestions]:
        """Suggestions for texts."""
        ...
