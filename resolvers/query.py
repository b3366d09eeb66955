"""Reading: where every query starts."""
# ruff: noqa: ARG004 -- every field of the root is given the root, which has nothing to read

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry

from clients.catalogue import protocol as catalogue
from clients.customers import protocol as profile
from clients.delivery import protocol as delivery
from clients.eventual import Eventual, then
from clients.geo import protocol as geo
from clients.pricing import protocol as pricing
from clients.recommendations import protocol as recommender
from clients.search import protocol as index
from clients.search.protocol import ProductSort
from clients.values import Address as PostalAddress
from clients.values import DataSource, LocationKind
from resolvers.batch import Outcome
from resolvers.category import Category, in_tree
from resolvers.context import Info
from resolvers.customer import Customer
from resolvers.directives import SIZED_BY_FIRST, Cost, ListSize
from resolvers.fields import Argument, Outcomes, batch, seam
from resolvers.geo import Address, GeoBoxInput, GeoPointInput, Locality, read_box, read_point
from resolvers.health import Status
from resolvers.listing import ProductConnection, ProductFilter, ask_listing, load_listings
from resolvers.location import FoundLocations, LocationConnection, read_found
from resolvers.lookup import (
    CategoryKey,
    ProductKey,
    VariantKey,
    find_category,
    find_node,
    find_nodes,
    find_product,
    find_variant,
)
from resolvers.node import Kind, Node, key_of
from resolvers.paging import After, First, chosen, cursor, page_size
from resolvers.product import Product, ProductVariant
from resolvers.promotion import Promotion
from resolvers.recommendations import RecommendationBlock, RecommendationContextInput, load_blocks, read_context
from resolvers.refusals import BadInput, answered
from resolvers.sources import SourceStatus
from resolvers.suggestions import SearchSuggestions
from resolvers.texts import named, searched

MOST_NODES = 100
MOST_PLACES = 500
Root = Sequence[object]
Text = Annotated[str, Argument(description="Text so far.")]


def only(outcome: Eventual[Outcome[Any]]) -> Outcomes[Any]:
    """The outcomes of a field that has one parent, the root."""
    return then(outcome, lambda found: [found])


@strawberry.type(description="Reading.")
class Query:
    """Fields of the root; `root` is always one object without content."""

    @batch(Node | None)
    @staticmethod
    def node(
        root: Root,
        info: Info,
        /,
        id: Annotated[strawberry.ID, Argument(description="Global id.")],  # noqa: A002
    ) -> Outcomes[Any]:
        """Any object by global id; null when there is none."""
        return only(find_node(id, info))

    @batch(list[Node | None], directives=[ListSize(assumed_size=100)])
    @staticmethod
    def nodes(
        root: Root, info: Info, /, ids: Annotated[list[strawberry.ID], Argument(description="Global ids.")]
    ) -> Outcomes[list[Outcome[Any]]]:
        """Objects by global ids, in the same order; null where there is none. At most 100."""
        if len(ids) > MOST_NODES:
            raise BadInput(f"Expected at most {MOST_NODES} `ids`, got {len(ids)}.")
        return only(find_nodes(ids, info))

    @batch(list[SourceStatus], directives=[ListSize(assumed_size=13)])
    @staticmethod
    def sources(root: Root, info: Info, /) -> Outcomes[Sequence[Status]]:
        """Health of the systems behind the gateway."""
        return [info.context.sources.statuses()]

    @seam(Product | None, source=DataSource.CATALOGUE, semantic_non_null=False)
    @staticmethod
    def product(
        root: Root, info: Info, /, by: Annotated[ProductKey, Argument(description="Which.")]
    ) -> Outcomes[catalogue.Product]:
        """Product; null when there is none."""
        return only(find_product(by, info))

    @seam(ProductVariant | None, source=DataSource.CATALOGUE, semantic_non_null=False)
    @staticmethod
    def variant(
        root: Root, info: Info, /, by: Annotated[VariantKey, Argument(description="Which.")]
    ) -> Outcomes[catalogue.Variant]:
        """Variant; null when there is none."""
        return only(find_variant(by, info))

    @seam(Category | None, source=DataSource.CATALOGUE, semantic_non_null=False)
    @staticmethod
    def category(
        root: Root, info: Info, /, by: Annotated[CategoryKey, Argument(description="Which.")]
    ) -> Outcomes[catalogue.Category]:
        """Category; null when there is none."""
        return only(find_category(by, info))

    @seam(list[Category] | None, source=DataSource.CATALOGUE, directives=[ListSize(assumed_size=12)])
    @staticmethod
    def categories(root: Root, info: Info, /) -> Outcomes[Sequence[catalogue.Category]]:
        """Top of the catalogue tree; complete."""
        return in_tree(info, lambda tree: [tree.roots], 1)

    @seam(
        ProductConnection | None,
        source=DataSource.SEARCH,
        directives=[Cost(weight=10), SIZED_BY_FIRST],
    )
    @staticmethod
    def search(
        root: Root,
        info: Info,
        /,
        query: Annotated[str, Argument(description="Text.")],
        first: First = 24,
        after: After = None,
        filter: Annotated[ProductFilter | None, Argument(description="Restrictions.")] = None,  # noqa: A002
        sort: Annotated[ProductSort | None, Argument(description="Order; by relevance when omitted.")] = None,
    ) -> Outcomes[index.Listing]:
        """Products by text."""
        return load_listings([ask_listing(first, after, filter, sort)(text=searched(query))], info)

    @seam(SearchSuggestions | None, source=DataSource.SEARCH, directives=[Cost(weight=5)])
    @staticmethod
    def search_suggestions(
        root: Root,
        info: Info,
        /,
        query: Text,
        first: Annotated[int, Argument(description="At most this many of each kind.")] = 5,
    ) -> Outcomes[index.Suggestions]:
        """What to suggest while a query is typed."""
        key = index.SuggestionKey(text=searched(query), first=page_size(first, at_most=50))
        return info.context.loaders.suggestions.load_many([key])

    @seam(list[Promotion] | None, source=DataSource.PRICING, directives=[ListSize(assumed_size=10)])
    @staticmethod
    def promotions(root: Root, info: Info, /) -> Outcomes[Sequence[pricing.Promotion]]:
        """Current promotions to show in this context, in the merchandiser's order; complete."""
        current = info.context.loaders.current_promotions.load(pricing.CURRENT)
        return only(then(current, lambda c: c.promotions if isinstance(c, pricing.CurrentPromotions) else c))

    @seam(Promotion | None, source=DataSource.PRICING, semantic_non_null=False)
    @staticmethod
    def promotion(
        root: Root,
        info: Info,
        /,
        id: Annotated[strawberry.ID, Argument(description="Global id.")],  # noqa: A002
    ) -> Outcomes[pricing.Promotion]:
        """Promotion; null when there is none."""
        key = key_of(Kind.PROMOTION, id)
        return only(info.context.loaders.promotions.load(key) if key else None)

    @seam(
        RecommendationBlock | None,
        source=DataSource.RECOMMENDATIONS,
        directives=[Cost(weight=10)],
    )
    @staticmethod
    def recommendations(
        root: Root,
        info: Info,
        /,
        placement: Annotated[
            str, Argument(description="Placement name configured by the merchandiser, e.g. `home_personal`.")
        ],
        context: Annotated[RecommendationContextInput | None, Argument(description="What the page shows.")] = None,
        first: Annotated[int, Argument(description="At most this many items.")] = 12,
    ) -> Outcomes[recommender.RecommendationBlock]:
        """Recommended products for a placement."""
        size, shown = page_size(first), read_context(context)
        key = recommender.BlockKey(placement=named(placement, "placement"), first=size, **shown)
        return load_blocks([key], info)

    @seam(LocationConnection | None, source=DataSource.DELIVERY, directives=[SIZED_BY_FIRST])
    @staticmethod
    def locations(
        root: Root,
        info: Info,
        /,
        first: Annotated[int, Argument(description="Page size, at most 500 (for a map).")] = 20,
        after: After = None,
        near: Annotated[GeoPointInput | None, Argument(description="Sort by distance from here.")] = None,
        within: Annotated[GeoBoxInput | None, Argument(description="Only inside this rectangle.")] = None,
        kinds: Annotated[list[LocationKind] | None, Argument(description="Only these kinds.")] = None,
    ) -> Outcomes[FoundLocations]:
        """Stores and pickup places."""
        key = delivery.LocationQuery(
            first=page_size(first, at_most=MOST_PLACES),
            after=cursor(after),
            near=read_point(near),
            within=read_box(within),
            kinds=chosen(kinds),
        )
        pages = then(info.context.loaders.location_search.load(key), answered)
        return only(then(pages, lambda page: read_found(page) if isinstance(page, delivery.LocationsFound) else page))

    @seam(
        list[Locality] | None,
        source=DataSource.GEO,
        directives=[ListSize(slicing_arguments=["first"])],
    )
    @staticmethod
    def localities(
        root: Root,
        info: Info,
        /,
        query: Annotated[str, Argument(description="Beginning of the name.")],
        first: Annotated[int, Argument(description="At most this many.")] = 10,
    ) -> Outcomes[Sequence[geo.Locality]]:
        """Localities by the beginning of the name."""
        key = geo.LocalityQuery(text=searched(query), first=page_size(first))
        found = info.context.loaders.locality_search.load(key)
        return only(then(found, lambda f: f.localities if isinstance(f, geo.LocalitiesFound) else f))

    @seam(
        list[Address] | None,
        source=DataSource.GEO,
        directives=[ListSize(slicing_arguments=["first"])],
    )
    @staticmethod
    def address_suggestions(
        root: Root,
        info: Info,
        /,
        query: Text,
        first: Annotated[int, Argument(description="At most this many.")] = 10,
    ) -> Outcomes[Sequence[PostalAddress]]:
        """Addresses by free text, for completion while typing."""
        key = geo.AddressQuery(text=searched(query), first=page_size(first))
        found = info.context.loaders.address_search.load(key)
        return only(then(found, lambda f: f.addresses if isinstance(f, geo.AddressesFound) else f))

    @seam(Customer | None, source=DataSource.CUSTOMERS, semantic_non_null=False)
    @staticmethod
    def me(root: Root, info: Info, /) -> Outcomes[profile.Customer]:
        """The signed-in customer; null for a guest."""
        if info.context.viewer.customer_id is None:
            return [None]
        return only(info.context.loaders.customers.load(profile.ME))
