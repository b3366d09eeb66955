"""The types of the pages, their fields of other systems resolved through DataLoaders."""

# mypy: disable-error-code="no-any-return"
# The context is a dictionary, as in the documentation.

from __future__ import annotations

from typing import Annotated

import strawberry

from benchmarks.contenders.strawberry.kinds import (
    AvailabilityStatus,
    DeliveryMethod,
    LocationKind,
    LoyaltyMembership,
    MediaKind,
    PriceComponentKind,
    RecommendationStrategy,
)


@strawberry.type
class Money:
    amount: str
    currency_code: str


@strawberry.type
class Image:
    template: strawberry.Private[str]
    natural_width: strawberry.Private[int | None]
    alt: str | None

    @strawberry.field
    def url(self, width: int | None = None) -> str:
        return self.template.replace("{width}", str(width or self.natural_width or 640))


@strawberry.type
class Brand:
    name: str


@strawberry.type
class Badge:
    code: str
    title: str
    color: str | None


@strawberry.type
class Rating:
    average: float
    count: int


@strawberry.type
class Media:
    kind: MediaKind
    image: Image


@strawberry.type
class ProductAttribute:
    code: str
    title: str
    values: list[str]
    group: str | None


@strawberry.type
class Swatch:
    color: str | None


@strawberry.type
class ProductOptionValue:
    value: str
    title: str
    swatch: Swatch | None


@strawberry.type
class ProductOption:
    code: str
    title: str
    values: list[ProductOptionValue]


@strawberry.type
class SelectedOption:
    code: str
    value: str


@strawberry.type
class QuantityRule:
    minimum: int
    maximum: int | None
    step: int


@strawberry.type
class PriceComponent:
    kind: PriceComponentKind
    title: str
    amount: Money


@strawberry.type
class Price:
    current: Money
    regular: Money | None
    discount_percent: int | None
    explanation: list[PriceComponent]
    is_personal: bool


@strawberry.type
class PriceRange:
    lowest: Price
    is_single: bool
    promotion_ids: strawberry.Private[list[str]]
    promotions: strawberry.Private[list[Promotion]]


@strawberry.type
class Promotion:
    id: strawberry.ID
    handle: str | None
    title: str
    badge: Badge | None
    image: Image | None


@strawberry.type
class AvailabilitySummary:
    status: AvailabilityStatus
    available_skus: strawberry.Private[list[str]]

    @strawberry.field
    def available_variant_ids(self) -> list[strawberry.ID]:
        return [strawberry.ID(f"var_{sku}") for sku in self.available_skus]


@strawberry.type
class Location:
    id: strawberry.ID
    kind: LocationKind
    title: str


@strawberry.type
class StockAtLocation:
    location_id: strawberry.Private[str]
    status: AvailabilityStatus
    quantity: int | None

    @strawberry.field
    async def location(self, info: strawberry.Info) -> Location:
        return await info.context["loaders"].locations.load(self.location_id)


@strawberry.type
class StockAtLocationConnection:
    nodes: list[StockAtLocation]


@strawberry.type
class Availability:
    sku: strawberry.Private[str]
    status: AvailabilityStatus
    quantity: int | None
    max_order_quantity: int
    store_count: int | None

    @strawberry.field
    async def locations(self, info: strawberry.Info, first: int = 20) -> StockAtLocationConnection | None:
        return await info.context["loaders"].stock_at.load((self.sku, first))


@strawberry.type
class PointsAmount:
    points: str
    worth: Money | None


@strawberry.type
class PointsEstimate:
    amount: PointsAmount
    is_personal: bool


@strawberry.type
class MethodPromise:
    method: DeliveryMethod
    earliest: str
    cost_from: Money
    location_count: int | None


@strawberry.type
class SourceFailure:
    provider: str | None
    code: str


@strawberry.type
class DeliveryPromise:
    methods: list[MethodPromise]
    failures: list[SourceFailure]


@strawberry.type
class ProductVariant:
    id: strawberry.ID
    sku: str
    selected_options: list[SelectedOption]
    quantity_rule: QuantityRule

    @strawberry.field
    async def price(self, info: strawberry.Info) -> Price | None:
        return await info.context["loaders"].prices.load(self.sku)

    @strawberry.field
    async def availability(self, info: strawberry.Info) -> Availability | None:
        return await info.context["loaders"].availability.load(self.sku)

    @strawberry.field
    async def points_to_earn(self, info: strawberry.Info) -> PointsEstimate | None:
        return await info.context["loaders"].estimates.load(self.sku)

    @strawberry.field
    async def delivery_promise(self, info: strawberry.Info) -> DeliveryPromise | None:
        return await info.context["loaders"].promises.load(self.sku)


@strawberry.type
class Product:
    key: strawberry.Private[str]
    handle: str
    title: str
    description: str | None
    brand: Brand | None
    image: Image | None
    media: list[Media]
    attributes: list[ProductAttribute]
    options: list[ProductOption]
    variants: list[ProductVariant]
    badges: list[Badge]
    rating: Rating | None

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"prd_{self.key}")

    @strawberry.field
    async def variant(self, info: strawberry.Info) -> ProductVariant:
        if len(self.variants) == 1:
            return self.variants[0]
        stock = await info.context["loaders"].in_stock.load(self.as_key())
        available = frozenset(stock.available_skus if stock else ())
        return next((it for it in self.variants if it.sku in available), self.variants[0])

    @strawberry.field
    async def price(self, info: strawberry.Info) -> PriceRange | None:
        return await info.context["loaders"].ranges.load(self.as_key())

    @strawberry.field
    async def availability(self, info: strawberry.Info) -> AvailabilitySummary | None:
        return await info.context["loaders"].in_stock.load(self.as_key())

    @strawberry.field
    async def promotions(self, info: strawberry.Info) -> list[Promotion] | None:
        found = await info.context["loaders"].ranges.load(self.as_key())
        return found and found.promotions

    @strawberry.field
    async def recommendations(
        self, info: strawberry.Info, placement: str, first: int = 12
    ) -> RecommendationBlock | None:
        return await info.context["loaders"].blocks.load((placement, first, self.key))

    def as_key(self) -> tuple[str, tuple[str, ...]]:
        return self.key, tuple(variant.sku for variant in self.variants)


@strawberry.type
class RecommendationReason:
    text: str


@strawberry.type
class RecommendationItem:
    product_id: strawberry.Private[str]
    tracking_token: str
    reason: RecommendationReason | None

    @strawberry.field
    async def product(self, info: strawberry.Info) -> Annotated[Product, strawberry.lazy(__name__)]:
        return await info.context["loaders"].products.load(self.product_id)


@strawberry.type
class RecommendationBlock:
    title: str
    strategy: RecommendationStrategy
    tracking_token: str
    items: list[RecommendationItem]


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class ProductEdge:
    product_id: strawberry.Private[str]
    tracking_token: str | None

    @strawberry.field
    async def node(self, info: strawberry.Info) -> Product:
        return await info.context["loaders"].products.load(self.product_id)


@strawberry.type
class ProductConnection:
    total_count: int
    page_info: PageInfo
    edges: list[ProductEdge]


@strawberry.type
class Contact:
    first_name: str


@strawberry.type
class LoyaltyTier:
    title: str


@strawberry.type
class LoyaltyBalance:
    available: PointsAmount


@strawberry.type
class LoyaltyAccount:
    membership: LoyaltyMembership
    balance: LoyaltyBalance
    tier: LoyaltyTier | None


@strawberry.type
class Customer:
    key: strawberry.Private[str]
    contact: Contact

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"cus_{self.key}")

    @strawberry.field
    async def loyalty(self, info: strawberry.Info) -> LoyaltyAccount | None:
        return await info.context["loaders"].accounts.load(self.key)
