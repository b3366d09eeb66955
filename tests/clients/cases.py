"""Every operation of every domain: how our adapters call it, and which key the contract's example answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from clients.catalogue.generic import GenericCatalogue
from clients.catalogue.protocol import TREE, ProductKey
from clients.contract import ContractAdapter
from clients.customers.generic import GenericCustomers
from clients.customers.protocol import ME
from clients.delivery.generic import GenericDelivery
from clients.delivery.protocol import Destination, DestinationAddress, LocationQuery, PromiseKey
from clients.geo.generic import GenericGeo
from clients.geo.protocol import AddressQuery, LocalityQuery
from clients.http import Upstream
from clients.loyalty.generic import GenericLoyalty
from clients.loyalty.protocol import ACCOUNT, EstimateKey, HistoryKey, PointsMovementKind
from clients.pricing.generic import GenericPricing
from clients.pricing.protocol import CURRENT, PriceKey
from clients.recommendations.generic import GenericRecommendations
from clients.recommendations.protocol import BlockKey
from clients.scope import ForCustomer, InContext, OfCustomer, Public
from clients.search.generic import GenericSearch
from clients.search.protocol import FacetRange, ListingKey, ProductFilter, ProductSort, SuggestionKey
from clients.stock.generic import GenericStock
from clients.stock.protocol import StockQuery
from clients.values import DataSource, GeoBox, GeoPoint, LocationKind, ProductSkus, SalesChannel
from tests.clients.published import Json, Operation, Publisher, operation

NOW = 1_772_000_000.0

PUBLIC = Public(language="ru")
CONTEXT = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
ANNA = ForCustomer(customer_id="cust-anna", locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
ANYBODY = ForCustomer(customer_id=None, locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
OF_ANNA = OfCustomer(customer_id="cust-anna", language="ru")
KREMLIN = GeoPoint(latitude=55.75, longitude=37.61)


@dataclass(frozen=True)
class Case:
    """One operation as the gateway calls it; `written` finds in an answer what the value was made of."""

    operation_id: str
    method: str
    adapter: type[ContractAdapter]
    scope: Any
    key: Any
    written: Callable[[Json], Json] = field(repr=False)
    many: Callable[[int], Any] | None = field(default=None, repr=False)
    limit: int = 1
    items: str | None = None

    def __str__(self) -> str:
        return self.method

    @property
    def operation(self) -> Operation:
        return operation(self.operation_id)

    @property
    def keys(self) -> list[Any]:
        """More distinct keys than fit into one call; empty for an operation with one constant key."""
        return [self.many(number) for number in range(self.limit + 1)] if self.many else []

    @property
    def is_in_order(self) -> bool:
        """Whether the answer has one entry per query instead of what is known of the keys."""
        return self.items in {"listings", "suggestions", "results", "blocks", "promises"}

    async def ask(self, transport: httpx.AsyncBaseTransport, keys: Sequence[Any] | None = None) -> Mapping[Any, Any]:
        adapter = self.adapter(upstream_over(transport, self.operation.domain), lambda: NOW)
        outcomes = await getattr(adapter, self.method)([self.key] if keys is None else keys, self.scope)
        assert isinstance(outcomes, Mapping)
        return outcomes

    async def ask_for(self, answer: Json) -> Any:
        """The outcome of the one key, None when it is absent."""
        return (await self.ask(Publisher(self.operation, answer))).get(self.key)


def upstream_over(transport: httpx.AsyncBaseTransport, domain: str = "pricing") -> Upstream:
    """An upstream as settings would make it."""
    return Upstream(
        source=DataSource[domain.upper()],
        base_url="http://upstream.example:8080",
        transport=transport,
        headers={"authorization": "Bearer key-of-the-gateway"},
    )


def first(items: str, inner: str | None = None) -> Callable[[Json], Json]:
    """Finds the first entry of a list in an answer, or a part of it."""
    return lambda answer: answer[items][0] if inner is None else answer[items][0][inner]


LISTING = ListingKey(
    first=2,
    category_id="c-11",
    after="MTI",
    sort=ProductSort.PRICE_ASC,
    filter=ProductFilter(
        facets=("color:black",),
        ranges=(FacetRange(code="price", from_=None, to=None),),
        in_stock_only=True,
        available_at=("store-01",),
        promotion_id="promo-spring",
        on_sale_only=True,
    ),
)
HISTORY = HistoryKey(first=20, after="MQ", kinds=(PointsMovementKind.EARNED,))
PLACES = StockQuery(
    sku="TRV-000001-36", first=20, in_stock_only=False, after="MQ", near=KREMLIN, kinds=(LocationKind.STORE,)
)
MAP = LocationQuery(
    first=20,
    after="MQ",
    near=KREMLIN,
    within=GeoBox(south_west=GeoPoint(latitude=55, longitude=37), north_east=GeoPoint(latitude=56, longitude=38)),
    kinds=(LocationKind.STORE,),
    locality_id="msk",
)
ADDRESS = Destination(address=DestinationAddress(city="Москва", street="Тверская улица", point=KREMLIN))

CASES = (
    Case(
        operation_id="catalogue.products",
        method="fetch_products",
        adapter=GenericCatalogue,
        scope=PUBLIC,
        key=ProductKey(kind="id", key="p-000001"),
        written=first("products"),
        many=lambda number: ProductKey(kind=("id", "handle", "sku")[number % 3], key=f"{number}"),
        limit=500,
        items="products",
    ),
    Case(
        operation_id="catalogue.categories",
        method="fetch_category_tree",
        adapter=GenericCatalogue,
        scope=PUBLIC,
        key=TREE,
        written=lambda answer: {"categories": answer["categories"]},
    ),
    Case(
        operation_id="search.listings",
        method="fetch_listings",
        adapter=GenericSearch,
        scope=CONTEXT,
        key=LISTING,
        written=first("listings"),
        many=lambda number: ListingKey(first=2, text=f"{number}"),
        limit=20,
        items="listings",
    ),
    Case(
        operation_id="search.suggestions",
        method="fetch_suggestions",
        adapter=GenericSearch,
        scope=CONTEXT,
        key=SuggestionKey(text="сап", first=5),
        written=first("suggestions"),
        many=lambda number: SuggestionKey(text=f"{number}", first=5),
        limit=20,
        items="suggestions",
    ),
    Case(
        operation_id="pricing.prices",
        method="fetch_prices",
        adapter=GenericPricing,
        scope=ANNA,
        key=PriceKey(sku="TRV-000001-36"),
        written=first("prices", "price"),
        many=lambda number: PriceKey(sku=f"{number}", quantity=2),
        limit=1000,
        items="prices",
    ),
    Case(
        operation_id="pricing.products",
        method="fetch_product_prices",
        adapter=GenericPricing,
        scope=ANNA,
        key=ProductSkus(id="p-000001", skus=("TRV-000001-36",)),
        written=lambda answer: {**answer["products"][0], "promotions": answer["promotions"]},
        many=lambda number: ProductSkus(id=f"{number}", skus=()),
        limit=500,
        items="products",
    ),
    Case(
        operation_id="pricing.promotions",
        method="fetch_promotions",
        adapter=GenericPricing,
        scope=ANYBODY,
        key="promo-spring",
        written=first("promotions"),
        many=str,
        limit=200,
        items="promotions",
    ),
    Case(
        operation_id="pricing.promotions",
        method="fetch_current_promotions",
        adapter=GenericPricing,
        scope=ANYBODY,
        key=CURRENT,
        written=lambda answer: {"promotions": answer["promotions"]},
    ),
    Case(
        operation_id="stock.availability",
        method="fetch_availability",
        adapter=GenericStock,
        scope=CONTEXT,
        key="TRV-000001-36",
        written=first("items"),
        many=str,
        limit=1000,
        items="items",
    ),
    Case(
        operation_id="stock.products",
        method="fetch_product_availability",
        adapter=GenericStock,
        scope=CONTEXT,
        key=ProductSkus(id="p-000001", skus=("TRV-000001-36",)),
        written=first("products"),
        many=lambda number: ProductSkus(id=f"{number}", skus=()),
        limit=500,
        items="products",
    ),
    Case(
        operation_id="stock.locations",
        method="fetch_stock_at_locations",
        adapter=GenericStock,
        scope=CONTEXT,
        key=PLACES,
        written=first("results"),
        many=lambda number: StockQuery(sku=f"{number}", first=20, in_stock_only=True),
        limit=20,
        items="results",
    ),
    Case(
        operation_id="loyalty.accounts",
        method="fetch_accounts",
        adapter=GenericLoyalty,
        scope=OF_ANNA,
        key=ACCOUNT,
        written=first("accounts"),
    ),
    Case(
        operation_id="loyalty.history",
        method="fetch_history",
        adapter=GenericLoyalty,
        scope=OF_ANNA,
        key=HISTORY,
        written=first("results"),
        many=lambda number: HistoryKey(first=20, after=f"{number}"),
        limit=20,
        items="results",
    ),
    Case(
        operation_id="loyalty.estimates",
        method="fetch_estimates",
        adapter=GenericLoyalty,
        scope=ANNA,
        key=EstimateKey(sku="TRV-000001-36"),
        written=first("estimates"),
        many=lambda number: EstimateKey(sku=f"{number}", quantity=2),
        limit=1000,
        items="estimates",
    ),
    Case(
        operation_id="recommendations.blocks",
        method="fetch_blocks",
        adapter=GenericRecommendations,
        scope=ANYBODY,
        key=BlockKey(placement="product_similar", first=12, product_id="p-000001", category_id="c-1", cart_id="x"),
        written=first("blocks"),
        many=lambda number: BlockKey(placement="product_similar", first=12, query=f"{number}"),
        limit=20,
        items="blocks",
    ),
    Case(
        operation_id="delivery.promises",
        method="fetch_promises",
        adapter=GenericDelivery,
        scope=CONTEXT,
        key=PromiseKey(sku="TRV-000001-36", to=ADDRESS),
        written=first("promises"),
        many=lambda number: PromiseKey(sku="TRV-000001-36", to=Destination(locality_id=f"{number}")),
        limit=100,
        items="promises",
    ),
    Case(
        operation_id="delivery.locations",
        method="fetch_locations",
        adapter=GenericDelivery,
        scope=PUBLIC,
        key="store-01",
        written=first("locations"),
        many=str,
        limit=500,
        items="locations",
    ),
    Case(
        operation_id="delivery.locationSearch",
        method="search_locations",
        adapter=GenericDelivery,
        scope=PUBLIC,
        key=MAP,
        written=first("results"),
        many=lambda number: LocationQuery(first=20, after=f"{number}"),
        limit=20,
        items="results",
    ),
    Case(
        operation_id="customers.customers",
        method="fetch_customers",
        adapter=GenericCustomers,
        scope=OF_ANNA,
        key=ME,
        written=first("customers"),
    ),
    Case(
        operation_id="geo.localities",
        method="fetch_localities",
        adapter=GenericGeo,
        scope=PUBLIC,
        key="msk",
        written=first("localities"),
        many=str,
        limit=200,
        items="localities",
    ),
    Case(
        operation_id="geo.localitySearch",
        method="search_localities",
        adapter=GenericGeo,
        scope=PUBLIC,
        key=LocalityQuery(text="мос", first=10),
        written=first("results"),
        many=lambda number: LocalityQuery(text=f"{number}", first=10),
        limit=20,
        items="results",
    ),
    Case(
        operation_id="geo.addressSearch",
        method="search_addresses",
        adapter=GenericGeo,
        scope=PUBLIC,
        key=AddressQuery(text="Москва Твер", first=7),
        written=first("results"),
        many=lambda number: AddressQuery(text=f"{number}", first=7),
        limit=20,
        items="results",
    ),
)


def case(method: str) -> Case:
    """The case of one adapter method."""
    return next(case for case in CASES if case.method == method)
