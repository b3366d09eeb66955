"""From the upstreams' JSON to types."""

from typing import Any

import strawberry

from benchmarks.contenders.strawberry.kinds import (
    AvailabilityStatus,
    DeliveryMethod,
    LoyaltyMembership,
    MediaKind,
    PriceComponentKind,
    RecommendationStrategy,
)
from benchmarks.contenders.strawberry.types import (
    Availability,
    Badge,
    Brand,
    DeliveryPromise,
    Image,
    LoyaltyAccount,
    LoyaltyBalance,
    LoyaltyTier,
    Media,
    MethodPromise,
    Money,
    PointsAmount,
    Price,
    PriceComponent,
    PriceRange,
    Product,
    ProductAttribute,
    ProductOption,
    ProductOptionValue,
    ProductVariant,
    Promotion,
    QuantityRule,
    Rating,
    RecommendationBlock,
    RecommendationItem,
    RecommendationReason,
    SelectedOption,
    SourceFailure,
    StockAtLocation,
    StockAtLocationConnection,
    Swatch,
)

Json = dict[str, Any]


def to_money(value: Json) -> Money:
    return Money(amount=value["amount"], currency_code=value["currencyCode"])


def to_image(value: Json) -> Image:
    return Image(template=value["url"], natural_width=value.get("width"), alt=value.get("alt"))


def to_badge(value: Json) -> Badge:
    return Badge(code=value["code"], title=value["title"], color=value.get("color"))


def to_price(value: Json) -> Price:
    return Price(
        current=to_money(value["current"]),
        regular=to_money(value["regular"]) if value.get("regular") else None,
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
        image=to_image(value["image"]) if value.get("image") else None,
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
        image=to_image(value["image"]) if value.get("image") else None,
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
    return PointsAmount(points=value["points"], worth=to_money(value["worth"]) if value.get("worth") else None)


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
