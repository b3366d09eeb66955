"""The enums of the pages."""

import enum

import strawberry


@strawberry.enum
class MediaKind(enum.Enum):
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    MODEL = "MODEL"


@strawberry.enum
class AvailabilityStatus(enum.Enum):
    IN_STOCK = "IN_STOCK"
    LOW_STOCK = "LOW_STOCK"
    BACKORDER = "BACKORDER"
    PREORDER = "PREORDER"
    STORE_ONLY = "STORE_ONLY"
    OUT_OF_STOCK = "OUT_OF_STOCK"


@strawberry.enum
class LocationKind(enum.Enum):
    STORE = "STORE"
    WAREHOUSE = "WAREHOUSE"
    PICKUP_POINT = "PICKUP_POINT"
    PARCEL_LOCKER = "PARCEL_LOCKER"


@strawberry.enum
class PriceComponentKind(enum.Enum):
    BASE = "BASE"
    PROMOTION = "PROMOTION"
    CART_PROMOTION = "CART_PROMOTION"
    PROMO_CODE = "PROMO_CODE"
    LOYALTY_TIER = "LOYALTY_TIER"
    PERSONAL = "PERSONAL"
    GIFT = "GIFT"
    POINTS = "POINTS"
    GIFT_CARD = "GIFT_CARD"
    PAYMENT_METHOD = "PAYMENT_METHOD"
    DELIVERY = "DELIVERY"
    DELIVERY_PROMOTION = "DELIVERY_PROMOTION"
    SURCHARGE = "SURCHARGE"
    TAX = "TAX"
    ROUNDING = "ROUNDING"


@strawberry.enum
class DeliveryMethod(enum.Enum):
    COURIER = "COURIER"
    EXPRESS = "EXPRESS"
    PICKUP_POINT = "PICKUP_POINT"
    PARCEL_LOCKER = "PARCEL_LOCKER"
    STORE_PICKUP = "STORE_PICKUP"
    POST = "POST"


@strawberry.enum
class RecommendationStrategy(enum.Enum):
    PERSONAL = "PERSONAL"
    SIMILAR = "SIMILAR"
    COMPLEMENTARY = "COMPLEMENTARY"
    BOUGHT_TOGETHER = "BOUGHT_TOGETHER"
    VIEWED_TOGETHER = "VIEWED_TOGETHER"
    POPULAR = "POPULAR"
    NEW_ARRIVALS = "NEW_ARRIVALS"
    RECENTLY_VIEWED = "RECENTLY_VIEWED"
    BUY_AGAIN = "BUY_AGAIN"
    CURATED = "CURATED"


@strawberry.enum
class LoyaltyMembership(enum.Enum):
    NOT_ENROLLED = "NOT_ENROLLED"
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
