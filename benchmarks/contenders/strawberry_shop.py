"""Strawberry with DataLoaders and httpx, as its documentation shows it.

CACHES=1 adds the ParserCache and ValidationCache extensions that the documentation recommends for production,
TRANSPORT=aiohttp puts httpx over aiohttp, REMEMBER=1 keeps upstream answers in aiocache around the loaders.
"""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import strawberry
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

UPSTREAM = os.environ["UPSTREAM"]
CUSTOMERS: dict[str, str] = json.loads(Path(os.environ["TOKENS"]).read_text())
SHOP = {"localityId": "msk", "channel": "WEB", "currency": "RUB", "language": "ru"}
LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=256)
HEADERS = {"authorization": "Bearer bench"}

Json = dict[str, Any]


def make_client() -> httpx.AsyncClient:
    if os.environ.get("TRANSPORT") == "aiohttp":
        from httpx_aiohttp import HttpxAiohttpClient

        return HttpxAiohttpClient(base_url=UPSTREAM, limits=LIMITS, timeout=10, headers=HEADERS)
    return httpx.AsyncClient(base_url=UPSTREAM, limits=LIMITS, timeout=10, headers=HEADERS)


client = make_client()


async def fetch(path: str, body: Json) -> Json:
    response = await client.post(path, json=body)
    response.raise_for_status()
    answer: Json = response.json()
    return answer


def remembering(fetch: Callable[[str, Json], Awaitable[Json]]) -> Callable[[str, Json], Awaitable[Json]]:
    from aiocache import SimpleMemoryCache

    cache = SimpleMemoryCache()

    async def remembered(path: str, body: Json) -> Json:
        key = path + json.dumps(body)
        found = await cache.get(key)
        if found is None:
            found = await fetch(path, body)
            await cache.set(key, found, ttl=300)
        answer: Json = found
        return answer

    return remembered


post = remembering(fetch) if os.environ.get("REMEMBER") == "1" else fetch


MediaKind = strawberry.enum(enum.Enum("MediaKind", "IMAGE VIDEO MODEL"))
AvailabilityStatus = strawberry.enum(
    enum.Enum("AvailabilityStatus", "IN_STOCK LOW_STOCK BACKORDER PREORDER STORE_ONLY OUT_OF_STOCK")
)
LocationKind = strawberry.enum(enum.Enum("LocationKind", "STORE WAREHOUSE PICKUP_POINT PARCEL_LOCKER"))
PriceComponentKind = strawberry.enum(
    enum.Enum(
        "PriceComponentKind",
        "BASE PROMOTION CART_PROMOTION PROMO_CODE LOYALTY_TIER PERSONAL GIFT POINTS GIFT_CARD PAYMENT_METHOD "
        "DELIVERY DELIVERY_PROMOTION SURCHARGE TAX ROUNDING",
    )
)
DeliveryMethod = strawberry.enum(
    enum.Enum("DeliveryMethod", "COURIER EXPRESS PICKUP_POINT PARCEL_LOCKER STORE_PICKUP POST")
)
RecommendationStrategy = strawberry.enum(
    enum.Enum(
        "RecommendationStrategy",
        "PERSONAL SIMILAR COMPLEMENTARY BOUGHT_TOGETHER VIEWED_TOGETHER POPULAR NEW_ARRIVALS RECENTLY_VIEWED "
        "BUY_AGAIN CURATED",
    )
)
LoyaltyMembership = strawberry.enum(enum.Enum("LoyaltyMembership", "NOT_ENROLLED PENDING ACTIVE BLOCKED"))


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
    promotions: strawberry.Private[list["Promotion"]]


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
    async def recommendations(self, info: strawberry.Info, placement: str, first: int = 12) -> RecommendationBlock | None:
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


def to_money(value: Json | None) -> Money | None:
    return Money(amount=value["amount"], currency_code=value["currencyCode"]) if value else None


def to_image(value: Json | None) -> Image | None:
    return Image(template=value["url"], natural_width=value.get("width"), alt=value.get("alt")) if value else None


def to_badge(value: Json) -> Badge:
    return Badge(code=value["code"], title=value["title"], color=value.get("color"))


def to_price(value: Json) -> Price:
    return Price(
        current=to_money(value["current"]),
        regular=to_money(value.get("regular")),
        discount_percent=value.get("discountPercent"),
        explanation=[
            PriceComponent(kind=PriceComponentKind[it["kind"]], title=it["title"], amount=to_money(it["amount"]))
            for it in value["explanation"]
        ],
        is_personal=value["isPersonal"],
    )


def to_promotion(value: Json) -> Promotion:
    return Promotion(
        id=strawberry.ID(f"pro_{value['id']}"),
        handle=value.get("handle"),
        title=value["title"],
        badge=to_badge(value["badge"]),
        image=to_image(value.get("image")),
    )


def to_range(value: Json, promotions: dict[str, Promotion]) -> PriceRange:
    return PriceRange(
        lowest=to_price(value["lowest"]),
        is_single=value["isSingle"],
        promotion_ids=value["promotionIds"],
        promotions=[promotions[it] for it in value["promotionIds"]],
    )


def to_variant(value: Json) -> ProductVariant:
    rule = value["quantityRule"]
    return ProductVariant(
        id=strawberry.ID(f"var_{value['sku']}"),
        sku=value["sku"],
        selected_options=[SelectedOption(code=it["code"], value=it["value"]) for it in value["selectedOptions"]],
        quantity_rule=QuantityRule(minimum=rule["minimum"], maximum=rule.get("maximum"), step=rule["step"]),
    )


def to_option(value: Json) -> ProductOption:
    values = [
        ProductOptionValue(
            value=it["value"],
            title=it["title"],
            swatch=Swatch(color=it["swatch"].get("color")) if it.get("swatch") else None,
        )
        for it in value["values"]
    ]
    return ProductOption(code=value["code"], title=value["title"], values=values)


def to_product(value: Json) -> Product:
    return Product(
        key=value["id"],
        handle=value["handle"],
        title=value["title"],
        description=value.get("description"),
        brand=Brand(name=value["brand"]["name"]),
        image=to_image(value.get("image")),
        media=[Media(kind=MediaKind[it["kind"]], image=to_image(it["image"])) for it in value["media"]],
        attributes=[
            ProductAttribute(code=it["code"], title=it["title"], values=it["values"], group=it.get("group"))
            for it in value["attributes"]
        ],
        options=[to_option(it) for it in value["options"]],
        variants=[to_variant(it) for it in value["variants"]],
        badges=[to_badge(it) for it in value["badges"]],
        rating=Rating(average=value["rating"]["average"], count=value["rating"]["count"]),
    )


def to_availability(value: Json) -> Availability:
    return Availability(
        sku=value["sku"],
        status=AvailabilityStatus[value["status"]],
        quantity=value.get("quantity"),
        max_order_quantity=value["maxOrderQuantity"],
        store_count=value.get("storeCount"),
    )


def to_stock_at(value: Json) -> StockAtLocationConnection:
    return StockAtLocationConnection(
        nodes=[
            StockAtLocation(
                location_id=it["locationId"], status=AvailabilityStatus[it["status"]], quantity=it.get("quantity")
            )
            for it in value["entries"]
        ]
    )


def to_points(value: Json) -> PointsAmount:
    return PointsAmount(points=value["points"], worth=to_money(value.get("worth")))


def to_promise(value: Json) -> DeliveryPromise:
    return DeliveryPromise(
        methods=[
            MethodPromise(
                method=DeliveryMethod[it["method"]],
                earliest=it["earliest"],
                cost_from=to_money(it["costFrom"]),
                location_count=it.get("locationCount"),
            )
            for it in value["methods"]
        ],
        failures=[SourceFailure(provider=it.get("provider"), code=it["code"]) for it in value["failures"]],
    )


def to_block(value: Json) -> RecommendationBlock:
    return RecommendationBlock(
        title=value["title"],
        strategy=RecommendationStrategy[value["strategy"]],
        tracking_token=value["trackingToken"],
        items=[
            RecommendationItem(
                product_id=it["productId"],
                tracking_token=it["trackingToken"],
                reason=RecommendationReason(text=it["reason"]["text"]) if it.get("reason") else None,
            )
            for it in value["items"]
        ],
    )


def to_account(value: Json) -> LoyaltyAccount:
    tier = value.get("tier")
    return LoyaltyAccount(
        membership=LoyaltyMembership[value["membership"]],
        balance=LoyaltyBalance(available=to_points(value["balance"]["available"])),
        tier=LoyaltyTier(title=tier["title"]) if tier else None,
    )


def in_order(keys: list[str], found: dict[str, Any]) -> list[Any]:
    return [found.get(key) for key in keys]


class Loaders:
    """The loaders of one request."""

    def __init__(self, customer: str | None) -> None:
        self._asker = {**SHOP, "customerId": customer}
        self.products = DataLoader(load_fn=self._products)
        self.in_stock = DataLoader(load_fn=self._in_stock)
        self.ranges = DataLoader(load_fn=self._ranges)
        self.prices = DataLoader(load_fn=self._prices)
        self.availability = DataLoader(load_fn=self._availability)
        self.stock_at = DataLoader(load_fn=self._stock_at, max_batch_size=20)
        self.locations = DataLoader(load_fn=self._locations)
        self.estimates = DataLoader(load_fn=self._estimates)
        self.promises = DataLoader(load_fn=self._promises)
        self.blocks = DataLoader(load_fn=self._blocks, max_batch_size=20)
        self.accounts = DataLoader(load_fn=self._accounts)

    async def _products(self, ids: list[str]) -> list[Product | None]:
        answer = await post("/catalogue/v1/products/batch", {"language": "ru", "ids": ids, "handles": [], "skus": []})
        return in_order(ids, {it["id"]: to_product(it) for it in answer["products"]})

    async def _in_stock(self, keys: list[tuple[str, tuple[str, ...]]]) -> list[AvailabilitySummary | None]:
        answer = await post("/stock/v1/products/batch", {**SHOP, "products": as_products(keys)})
        found = {
            it["id"]: AvailabilitySummary(status=AvailabilityStatus[it["status"]], available_skus=it["availableSkus"])
            for it in answer["products"]
        }
        return in_order([key for key, _ in keys], found)

    async def _ranges(self, keys: list[tuple[str, tuple[str, ...]]]) -> list[PriceRange | None]:
        answer = await post("/pricing/v1/products/batch", {**self._asker, "products": as_products(keys)})
        promotions = {it["id"]: to_promotion(it) for it in answer["promotions"]}
        found = {it["id"]: to_range(it, promotions) for it in answer["products"]}
        return in_order([key for key, _ in keys], found)

    async def _prices(self, skus: list[str]) -> list[Price | None]:
        answer = await post("/pricing/v1/prices/batch", {**self._asker, "items": as_items(skus)})
        return in_order(skus, {it["sku"]: to_price(it["price"]) for it in answer["prices"]})

    async def _availability(self, skus: list[str]) -> list[Availability | None]:
        answer = await post("/stock/v1/availability/batch", {**SHOP, "skus": skus})
        return in_order(skus, {it["sku"]: to_availability(it) for it in answer["items"]})

    async def _stock_at(self, keys: list[tuple[str, int]]) -> list[StockAtLocationConnection]:
        queries = [{"sku": sku, "first": first, "inStockOnly": True} for sku, first in keys]
        answer = await post("/stock/v1/locations/batch", {**SHOP, "queries": queries})
        return [to_stock_at(it) for it in answer["results"]]

    async def _locations(self, ids: list[str]) -> list[Location | None]:
        answer = await post("/delivery/v1/locations/batch", {"language": "ru", "ids": ids})
        found = {
            it["id"]: Location(id=strawberry.ID(f"loc_{it['id']}"), kind=LocationKind[it["kind"]], title=it["title"])
            for it in answer["locations"]
        }
        return in_order(ids, found)

    async def _estimates(self, skus: list[str]) -> list[PointsEstimate | None]:
        answer = await post("/loyalty/v1/estimates/batch", {**self._asker, "items": as_items(skus)})
        found = {
            it["sku"]: PointsEstimate(amount=to_points(it["amount"]), is_personal=it["isPersonal"])
            for it in answer["estimates"]
        }
        return in_order(skus, found)

    async def _promises(self, skus: list[str]) -> list[DeliveryPromise]:
        items = [{"sku": sku, "to": {"localityId": "msk"}} for sku in skus]
        answer = await post("/delivery/v1/promises/batch", {**SHOP, "items": items})
        return [to_promise(it) for it in answer["promises"]]

    async def _blocks(self, keys: list[tuple[str, int, str | None]]) -> list[RecommendationBlock]:
        blocks = [{"placement": it[0], "first": it[1], **({"productId": it[2]} if it[2] else {})} for it in keys]
        answer = await post("/recommendations/v1/blocks/batch", {**self._asker, "blocks": blocks})
        return [to_block(it) for it in answer["blocks"]]

    async def _accounts(self, ids: list[str]) -> list[LoyaltyAccount | None]:
        answer = await post("/loyalty/v1/accounts/batch", {"language": "ru", "customerIds": ids})
        return in_order(ids, {it["customerId"]: to_account(it) for it in answer["accounts"]})


def as_products(keys: list[tuple[str, tuple[str, ...]]]) -> list[Json]:
    return [{"id": key, "skus": skus} for key, skus in keys]


def as_items(skus: list[str]) -> list[Json]:
    return [{"sku": sku, "quantity": 1} for sku in skus]




@strawberry.input
class ProductKey:
    id: strawberry.ID


@strawberry.type
class Query:
    @strawberry.field
    async def search(self, query: str, first: int = 24) -> ProductConnection | None:
        answer = await post("/search/v1/listings/batch", {**SHOP, "queries": [{"text": query, "first": first}]})
        found = answer["listings"][0]
        return ProductConnection(
            total_count=found["totalCount"],
            page_info=PageInfo(has_next_page=found["page"]["hasNextPage"], end_cursor=found["page"]["endCursor"]),
            edges=[ProductEdge(product_id=it["productId"], tracking_token=it["trackingToken"]) for it in found["hits"]],
        )

    @strawberry.field
    async def product(self, info: strawberry.Info, by: ProductKey) -> Product | None:
        return await info.context["loaders"].products.load(by.id.removeprefix("prd_"))

    @strawberry.field
    async def promotions(self, info: strawberry.Info) -> list[Promotion] | None:
        asker = {**SHOP, "customerId": info.context["customer"]}
        answer = await post("/pricing/v1/promotions/batch", {**asker, "ids": None})
        return [to_promotion(it) for it in answer["promotions"]]

    @strawberry.field
    async def recommendations(self, info: strawberry.Info, placement: str, first: int = 12) -> RecommendationBlock | None:
        return await info.context["loaders"].blocks.load((placement, first, None))

    @strawberry.field
    async def me(self, info: strawberry.Info) -> Customer | None:
        customer = info.context["customer"]
        if customer is None:
            return None
        answer = await post("/customers/v1/customers/batch", {"ids": [customer]})
        profile = answer["customers"][0]
        return Customer(key=profile["id"], contact=Contact(first_name=profile["contact"]["firstName"]))


extensions = [ParserCache(maxsize=128), ValidationCache(maxsize=128)] if os.environ.get("CACHES") == "1" else []
schema = strawberry.Schema(query=Query, extensions=extensions, config=StrawberryConfig(auto_camel_case=True))


class App(GraphQL):
    async def get_context(self, request: Any, response: Any = None) -> Json:
        customer = CUSTOMERS.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        return {"customer": customer, "loaders": Loaders(customer)}


app = App(schema)
