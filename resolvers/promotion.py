"""Marketing promotions and how they work."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import strawberry

from clients.catalogue import protocol as catalogue
from clients.eventual import then
from clients.pricing import protocol as pricing
from clients.pricing.protocol import GiftSelection
from clients.search import protocol as search
from clients.search.protocol import ProductSort
from clients.values import DataSource, DeliveryMethod, SalesChannel
from resolvers.context import Info
from resolvers.directives import SIZED_BY_FIRST, Cost
from resolvers.fields import Argument, Outcomes, batch, describe_enum, describes, plain, seam
from resolvers.hydration import drop_absent, hydrate, load_products
from resolvers.image import Image
from resolvers.labels import Badge
from resolvers.listing import ProductFilter, ask_listing, load_listings
from resolvers.money import Money, PointsAmount
from resolvers.node import Kind, Node, identity
from resolvers.paging import After, First
from resolvers.references import AProduct, AVariant, Products
from resolvers.scalars import HTML, URL

describe_enum(
    GiftSelection,
    "Who decides on the gift.",
    {
        "AUTOMATIC": "Put into the cart by itself.",
        "CHOICE": "The shopper chooses among several.",
    },
)


@describes(pricing.PriceOffMechanic)
class PriceOffMechanic:
    """Linear promotion: a plain reduction of each unit."""

    percent: Decimal | None = plain("Percent off, when it is a percentage.")
    amount: Money | None = plain("Amount off, when it is an amount.")


@describes(pricing.MultiBuyMechanic)
class MultiBuyMechanic:
    """Complex promotion on quantity: N for the price of M, the second at half price and the like."""

    buy_quantity: int = plain("How many must be in the cart.")
    discounted_quantity: int = plain("How many of them are reduced.")
    percent: Decimal | None = plain("Percent off those, when it is a percentage.")
    set_price: Money | None = plain("Price of the whole group, when fixed (three for 999 ₽).")


@describes(pricing.BundleGroup)
class BundleGroup:
    """A place in a set."""

    title: str = plain("Title, e.g. `Любая помада`.")
    quantity: int = plain("How many are needed from it.")

    @batch(list[AProduct])
    @staticmethod
    def samples(groups: Sequence[pricing.BundleGroup], info: Info, /) -> Outcomes[list[catalogue.Product]]:
        """Examples to show."""
        return load_products([group.product_ids for group in groups], info)


@describes(pricing.BundleMechanic)
class BundleMechanic:
    """Complex promotion on a set: buy these together for less."""

    groups: list[BundleGroup] = plain("Groups of which one product each is needed.")
    set_price: Money | None = plain("Price of the whole set, when fixed.")
    percent: Decimal | None = plain("Percent off the set, when it is a percentage.")


@describes(pricing.GiftMechanic)
class GiftMechanic:
    """Promotion that gives a gift."""

    selection: GiftSelection = plain("Whether the shopper chooses.")
    max_gifts: int = plain("Most gifts one cart can get.")

    @batch(list[AVariant])
    @staticmethod
    def gifts(mechanics: Sequence[pricing.GiftMechanic], info: Info, /) -> Outcomes[list[catalogue.Variant]]:
        """Possible gifts."""
        mentions = [
            [(sku, catalogue.ProductKey(kind="sku", key=sku)) for sku in mechanic.gift_skus] for mechanic in mechanics
        ]
        hydrated = hydrate(mentions, info.context.loaders.products.load_many, lambda sku, p: p.by_sku.get(sku))
        return then(hydrated, drop_absent)


@describes(pricing.DeliveryMechanic)
class DeliveryMechanic:
    """Promotion on delivery."""

    methods: list[DeliveryMethod] = plain("Methods it applies to.")
    percent: Decimal | None = plain("Percent off delivery, when it is a percentage; 100 is free.")
    fixed_cost: Money | None = plain("Cost of delivery, when fixed.")
    minimum_total: Money | None = plain("Least order total.")
    in_stock_only: bool = plain("Whether only what is in stock now counts.")


@describes(pricing.PointsMechanic)
class PointsMechanic:
    """Promotion that adds points."""

    multiplier: Decimal | None = plain("Multiplier of usual points.")
    bonus: PointsAmount | None = plain("Fixed points.")


@describes(pricing.OtherMechanic)
class OtherMechanic:
    """Any other mechanic; show title and description."""

    code: str = plain("Pricing system's own name for it.")


PromotionMechanic = Annotated[
    PriceOffMechanic
    | MultiBuyMechanic
    | BundleMechanic
    | GiftMechanic
    | DeliveryMechanic
    | PointsMechanic
    | OtherMechanic,
    strawberry.union(
        "PromotionMechanic",
        description=(
            "How a promotion works. Clients must treat an unknown member like `OtherMechanic`: the promotion's own "
            "title and description always suffice."
        ),
    ),
]


@describes(pricing.Promotion)
class Promotion(Node):
    """A marketing promotion."""

    id = identity(Kind.PROMOTION)
    handle: str | None = plain("Readable part of the promotion page's address.")
    title: str = plain("Title.")
    badge: Badge | None = plain("Short text for a tile.")
    description: HTML | None = plain("What the shopper must do and what they get, in words.")
    terms_url: URL | None = plain("Legal terms.")
    image: Image | None = plain("Image.")
    starts_at: dt.datetime | None = plain("Start.")
    ends_at: dt.datetime | None = plain("End.")
    channels: list[SalesChannel] = plain("Channels where it works; empty means all.")
    requires_promo_code: bool = plain("Whether a promo code is needed.")
    mechanic: PromotionMechanic = plain("How it works, for clients that draw it specially.")

    @seam(Products | None, source=DataSource.SEARCH, directives=[Cost(weight=10), SIZED_BY_FIRST])
    @staticmethod
    def products(
        parents: Sequence[pricing.Promotion],
        info: Info,
        /,
        first: First = 24,
        after: After = None,
        filter: Annotated[ProductFilter | None, Argument(description="Restrictions.")] = None,  # noqa: A002
        sort: Annotated[ProductSort | None, Argument(description="Order.")] = None,
    ) -> Outcomes[search.Listing]:
        """Participating products."""
        asked = ask_listing(first, after, filter, sort)
        return load_listings([asked(promotion_id=parent.id) for parent in parents], info)
