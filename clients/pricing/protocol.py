"""What any pricing system promises: explained prices, and promotions with how they work."""

import enum
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol

from clients.errors import Outcomes
from clients.scope import ForCustomer
from clients.values import (
    Badge,
    Count,
    DeliveryMethod,
    Image,
    Instant,
    Money,
    PointsAmount,
    ProductSkus,
    SalesChannel,
    Sourced,
    Value,
    refuse_absurd,
)

CURRENT: Final = "current"
"""The one key of the current promotions."""


class PriceComponentKind(enum.Enum):
    """Kind of step in a price."""

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


class PriceComponent(Value):
    """One signed step of a price's making and the amount after it."""

    kind: PriceComponentKind
    title: str
    amount: Money
    running_total: Money
    promotion_id: str | None = None
    promo_code: str | None = None


class MeasurePrice(Value):
    """Price of a measure unit, e.g. of `100 мл`."""

    price: Money
    measure: str


class Price(Sourced):
    """Price of one unit; the amounts of `explanation` sum to `current`. `discount_percent` is whole percent."""

    current: Money
    explanation: tuple[PriceComponent, ...]
    is_personal: bool
    regular: Money | None = None
    lowest_recent: Money | None = None
    discount_percent: Count | None = None
    per_measure: MeasurePrice | None = None
    valid_until: Instant | None = None


class PriceOffMechanic(Value, tag_field="kind", tag="PRICE_OFF"):
    """A plain reduction of each unit, by percent or by amount."""

    percent: Decimal | None = None
    amount: Money | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.percent)


class MultiBuyMechanic(Value, tag_field="kind", tag="MULTI_BUY"):
    """Of every `buy_quantity`, `discounted_quantity` are reduced by `percent`, or the group costs `set_price`."""

    buy_quantity: Count
    discounted_quantity: Count
    percent: Decimal | None = None
    set_price: Money | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.percent)


class BundleGroup(Value):
    """A place in a set, with products to show as examples."""

    title: str
    quantity: Count
    product_ids: tuple[str, ...]


class BundleMechanic(Value, tag_field="kind", tag="BUNDLE"):
    """One product of each group together for less."""

    groups: tuple[BundleGroup, ...]
    set_price: Money | None = None
    percent: Decimal | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.percent)


class GiftSelection(enum.Enum):
    """Who decides on the gift."""

    AUTOMATIC = "AUTOMATIC"
    CHOICE = "CHOICE"


class GiftMechanic(Value, tag_field="kind", tag="GIFT"):
    """At most `max_gifts` of these variants, by stock-keeping unit."""

    selection: GiftSelection
    max_gifts: Count
    gift_skus: tuple[str, ...]


class DeliveryMechanic(Value, tag_field="kind", tag="DELIVERY"):
    """Cheaper delivery: `percent` off (100 is free) or a fixed cost."""

    methods: tuple[DeliveryMethod, ...]
    in_stock_only: bool
    percent: Decimal | None = None
    fixed_cost: Money | None = None
    minimum_total: Money | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.percent)


class PointsMechanic(Value, tag_field="kind", tag="POINTS"):
    """More points: a multiplier of the usual ones, or a fixed bonus."""

    multiplier: Decimal | None = None
    bonus: PointsAmount | None = None

    def __post_init__(self) -> None:
        refuse_absurd(self.multiplier)


class OtherMechanic(Value, tag_field="kind", tag="OTHER"):
    """Any other mechanic, under the pricing system's own name for it."""

    code: str


PromotionMechanic = (
    PriceOffMechanic
    | MultiBuyMechanic
    | BundleMechanic
    | GiftMechanic
    | DeliveryMechanic
    | PointsMechanic
    | OtherMechanic
)


class Promotion(Value):
    """A marketing promotion; empty `channels` means all of them."""

    id: str
    title: str
    channels: tuple[SalesChannel, ...]
    requires_promo_code: bool
    mechanic: PromotionMechanic
    handle: str | None = None
    badge: Badge | None = None
    description: str | None = None
    terms_url: str | None = None
    image: Image | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None


class CurrentPromotions(Value):
    """Promotions to show now, in the merchandiser's order."""

    promotions: tuple[Promotion, ...]


class ProductPrice(Sourced):
    """Prices of the cheapest and the dearest variant, and the product's promotions, most valuable first.

    `promotions` are the promotions themselves, shared between products; an id of which the source
    gave no promotion is in `promotion_ids` only.
    """

    id: str
    lowest: Price
    highest: Price
    is_single: bool
    promotion_ids: tuple[str, ...]
    promotions: tuple[Promotion, ...] = ()


class PriceKey(Value, cache_hash=True):
    """A variant in a quantity; the price is still that of one unit."""

    sku: str
    quantity: int = 1


class Pricing(Protocol):
    """The system that owns prices, discounts and promotions."""

    async def fetch_prices(self, keys: Sequence[PriceKey], scope: ForCustomer) -> Outcomes[PriceKey, Price]:
        """Unit prices of variants."""
        ...

    async def fetch_product_prices(
        self, keys: Sequence[ProductSkus], scope: ForCustomer
    ) -> Outcomes[ProductSkus, ProductPrice]:
        """Price ranges and promotions of whole products."""
        ...

    async def fetch_promotions(self, keys: Sequence[str], scope: ForCustomer) -> Outcomes[str, Promotion]:
        """Promotions by id."""
        ...

    async def fetch_current_promotions(
        self, keys: Sequence[str], scope: ForCustomer
    ) -> Outcomes[str, CurrentPromotions]:
        """All current promotions under the one key `CURRENT`."""
        ...
