"""A shop of a few goods: products by number, each in two sizes, with everything that other systems say of them."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from clients.catalogue.protocol import (
    TREE,
    BundleComponent,
    Category,
    CategoryTree,
    Product,
    ProductKey,
    ProductOption,
    ProductOptionValue,
    QuantityRule,
    SelectedOption,
    Seo,
    Variant,
)
from clients.delivery.protocol import Location
from clients.loyalty.protocol import EstimateKey, LoyaltyAccount, LoyaltyBalance, LoyaltyMembership, PointsEstimate
from clients.pricing.protocol import OtherMechanic, Price, PriceComponent, PriceComponentKind, ProductPrice, Promotion
from clients.recommendations.protocol import (
    BlockKey,
    RecommendationBlock,
    RecommendationItem,
    RecommendationReason,
    RecommendationStrategy,
)
from clients.scope import Asker
from clients.search.protocol import Hit, ListFacet, Listing, RangeFacet
from clients.stock.protocol import Availability, AvailabilityStatus, ProductAvailability
from clients.values import (
    LAST_PAGE,
    Address,
    Dataset,
    DataSource,
    Freshness,
    GeoPoint,
    LocationKind,
    Money,
    PointsAmount,
    Problem,
    ProductSkus,
)
from resolvers.loaders.loaders import Sources
from tests.resolvers.fakes import NOW_S, FakeSource, make_sources

SIZES = ("40", "41")


def fresh(source: DataSource, dataset: Dataset, **changes: Any) -> Freshness:
    observed = dt.datetime.fromtimestamp(NOW_S, dt.UTC)
    values: dict[str, Any] = {"observed_at": observed, "received_at": NOW_S}
    return Freshness(source=source, dataset=dataset, **values | changes)


def roubles(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency_code="RUB")


def variant(number: int, size: str, **changes: Any) -> Variant:
    values: dict[str, Any] = {
        "id": f"v{number}-{size}",
        "sku": f"s{number}-{size}",
        "title": f"Shoe {number}, {size}",
        "selected_options": (SelectedOption(code="size", value=size, title=size),),
        "quantity_rule": QuantityRule(minimum=1, step=1),
        "components": (),
        "product_id": f"p{number}",
    }
    return Variant(**values | changes)


def product(number: int, sizes: Iterable[str] = SIZES, **changes: Any) -> Product:
    values: dict[str, Any] = {
        "id": f"p{number}",
        "handle": f"shoe-{number}",
        "title": f"Shoe {number}",
        "media": (),
        "category_path": ("shoes", "boots"),
        "attributes": (),
        "options": (
            ProductOption(code="size", title="Size", values=tuple(ProductOptionValue(value=s, title=s) for s in sizes)),
        ),
        "variants": tuple(variant(number, size) for size in sizes),
        "badges": (),
        "seo": Seo(),
    }
    return Product(**values | changes)


TREE_OF_SHOES = CategoryTree(
    categories=(
        Category(id="shoes", handle="shoes", title="Shoes", child_ids=("boots",), seo=Seo()),
        Category(id="boots", handle="boots", title="Boots", child_ids=(), seo=Seo(), parent_id="shoes"),
    )
)

PROMOTION = Promotion(
    id="spring", title="Spring", channels=(), requires_promo_code=False, mechanic=OtherMechanic(code="odd")
)


def price(amount: str = "1990.00", *, is_personal: bool = False, **changes: Any) -> Price:
    base = PriceComponent(
        kind=PriceComponentKind.BASE,
        title="List price",
        amount=roubles(amount),
        running_total=roubles(amount),
        promotion_id="spring",
    )
    values: dict[str, Any] = {
        "current": roubles(amount),
        "explanation": (base,),
        "is_personal": is_personal,
        "freshness": fresh(DataSource.PRICING, Dataset.PRICE),
    }
    return Price(**values | changes)


def price_for(asker: Asker) -> Price:
    """Everybody pays by who they are, so that a price in the wrong hands is seen."""
    customer = asker.for_customer.customer_id
    amounts = {None: "1990.00", "anna": "1500.00", "boris": "1700.00"}
    return price(amounts[customer], is_personal=customer is not None)


def product_price(key: ProductSkus, asker: Asker) -> ProductPrice:
    paid = price_for(asker)
    return ProductPrice(
        id=key.id,
        lowest=paid,
        highest=paid,
        is_single=True,
        promotion_ids=("spring",),
        promotions=(PROMOTION,),
        freshness=fresh(DataSource.PRICING, Dataset.PRODUCT_PRICE),
    )


def product_stock(key: ProductSkus, available: tuple[str, ...] | None = None) -> ProductAvailability:
    return ProductAvailability(
        id=key.id,
        status=AvailabilityStatus.IN_STOCK,
        available_skus=key.skus[1:] if available is None else available,
        freshness=fresh(DataSource.STOCK, Dataset.PRODUCT_AVAILABILITY),
    )


def availability(sku: str) -> Availability:
    return Availability(
        sku=sku,
        status=AvailabilityStatus.IN_STOCK,
        is_quantity_capped=True,
        max_order_quantity=9,
        quantity=10,
        freshness=fresh(DataSource.STOCK, Dataset.AVAILABILITY),
    )


def estimate(key: EstimateKey, asker: Asker) -> PointsEstimate:
    customer = asker.for_customer.customer_id
    return PointsEstimate(
        sku=key.sku,
        quantity=key.quantity,
        amount=PointsAmount(points=Decimal(len(customer or ""))),
        is_personal=customer is not None,
        freshness=fresh(DataSource.LOYALTY, Dataset.POINTS_ESTIMATE),
    )


def listing(numbers: Iterable[int], **changes: Any) -> Listing:
    hits = tuple(Hit(product_id=f"p{n}", cursor=f"c{n}", tracking_token=f"t{n}") for n in numbers)
    values: dict[str, Any] = {
        "hits": hits,
        "total_count": len(hits),
        "page": LAST_PAGE,
        "facets": (
            ListFacet(code="color", title="Colour", values=()),
            RangeFacet(code="price", title="Price", minimum=Decimal(1), maximum=Decimal(9)),
        ),
        "freshness": fresh(DataSource.SEARCH, Dataset.LISTING),
    }
    return Listing(**values | changes)


def refused_listing(problem: Problem) -> Listing:
    return listing((), facets=(), problem=problem)


def block(key: BlockKey, numbers: Iterable[int], **changes: Any) -> RecommendationBlock:
    reason = RecommendationReason(text="You saw", based_on_product_id="p1")
    values: dict[str, Any] = {
        "placement": key.placement,
        "title": "For you",
        "strategy": RecommendationStrategy.PERSONAL,
        "tracking_token": "b",
        "items": tuple(RecommendationItem(product_id=f"p{n}", tracking_token=f"r{n}", reason=reason) for n in numbers),
        "freshness": fresh(DataSource.RECOMMENDATIONS, Dataset.RECOMMENDATION),
    }
    return RecommendationBlock(**values | changes)


def account(customer_id: str, account_id: str) -> LoyaltyAccount:
    nothing = PointsAmount(points=Decimal(0))
    return LoyaltyAccount(
        id=account_id,
        customer_id=customer_id,
        membership=LoyaltyMembership.ACTIVE,
        balance=LoyaltyBalance(available=nothing, pending=nothing),
        expirations=(),
        coupons=(),
        freshness=fresh(DataSource.LOYALTY, Dataset.LOYALTY_ACCOUNT),
    )


def place(key: str) -> Location:
    return Location(
        id=key,
        kind=LocationKind.STORE,
        title=key,
        address=Address(country_code="RU", city="Moscow", formatted=f"Street {key}"),
        point=GeoPoint(latitude=55, longitude=37),
        landmarks=(),
        time_zone="Europe/Moscow",
        opening_hours=(),
        services=(),
    )


def catalogue_of(*products: Product) -> FakeSource:
    """Products under their ids, handles and skus."""
    by_key = {}
    for one in products:
        by_key[ProductKey(kind="id", key=one.id)] = one
        by_key[ProductKey(kind="handle", key=one.handle)] = one
        by_key |= {ProductKey(kind="sku", key=sku): one for sku in one.skus.skus}
    return FakeSource(by_key)


def shop_of(count: int, **changes: FakeSource) -> Sources:
    """A shop of that many products where everything answers on the spot."""
    fakes = {
        "products": catalogue_of(*map(product, range(1, count + 1))),
        "category_tree": FakeSource({TREE: TREE_OF_SHOES}),
        "listings": FakeSource(lambda key, _: listing(range(1, min(count, key.first) + 1))),
        "prices": FakeSource(lambda _, asker: price_for(asker)),
        "product_prices": FakeSource(product_price),
        "promotions": FakeSource({"spring": PROMOTION}),
        "availability": FakeSource(lambda key, _: availability(key)),
        "product_availability": FakeSource(lambda key, _: product_stock(key)),
        "estimates": FakeSource(estimate),
        "blocks": FakeSource(lambda key, _: block(key, range(1, min(count, key.first) + 1))),
    }
    return make_sources(**fakes | changes)


def bundle_of(number: int, *skus: str) -> Product:
    """A product that is sold as a set."""
    components = tuple(BundleComponent(sku=sku, quantity=1) for sku in skus)
    return product(number, ("one",), variants=(variant(number, "one", components=components),))
