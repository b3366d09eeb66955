"""Products and variants: where domains meet.

Every field of another system is a seam of its own, resolved for all products of a page at once.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

import msgspec

from clients.catalogue import protocol as catalogue
from clients.delivery import protocol as delivery
from clients.eventual import then
from clients.loyalty import protocol as loyalty
from clients.pricing import protocol as pricing
from clients.recommendations import protocol as recommender
from clients.stock import protocol as stock
from clients.values import Dataset, DataSource
from resolvers.batch import Outcome
from resolvers.category import Category, Seo, load_categories
from resolvers.characteristics import (
    Media,
    ProductAttribute,
    ProductOption,
    QuantityRule,
    Rating,
    SelectedOption,
    SelectedOptionInput,
)
from resolvers.context import Context, Info
from resolvers.delivery import DeliveryPromise, DestinationInput
from resolvers.destination import read_destination
from resolvers.directives import Cost, ListSize
from resolvers.fallbacks import with_list_prices, without_lapsed
from resolvers.fields import Argument, Outcomes, batch, describes, plain, pure, seam
from resolvers.hydration import by_product_id
from resolvers.image import Image
from resolvers.kept import kept
from resolvers.labels import Badge, Brand
from resolvers.loyalty import PointsEstimate
from resolvers.node import Kind, Node, identity
from resolvers.paging import page_size
from resolvers.pricing import Price, PriceRange
from resolvers.promotion import Promotion
from resolvers.recommendations import RecommendationBlock, load_blocks
from resolvers.references import AProduct, AVariant
from resolvers.refusals import BadInput
from resolvers.scalars import HTML
from resolvers.stock import Availability, AvailabilitySummary
from resolvers.texts import named

MOST_ORDERED = 9999
Q = TypeVar("Q", pricing.PriceKey, loyalty.EstimateKey)


@describes(catalogue.BundleComponent)
class BundleComponent:
    """One part of a set."""

    @batch(AVariant, promised_by=DataSource.CATALOGUE)
    @staticmethod
    def variant(components: Sequence[catalogue.BundleComponent], info: Info, /) -> Outcomes[catalogue.Variant]:
        """Part."""
        return load_variants([component.sku for component in components], info)

    quantity: int = plain("How many of it.")


@describes(catalogue.Variant)
class ProductVariant(Node):
    """What is actually sold: one size, colour or shade with its own stock-keeping unit."""

    id = identity(Kind.VARIANT, "sku")
    sku: str = plain("Stock-keeping unit; the key shared by all back-office systems.")
    barcode: str | None = plain("Bar code.")
    title: str = plain("Title with the option values.")

    @batch(AProduct, promised_by=DataSource.CATALOGUE)
    @staticmethod
    def product(variants: Sequence[catalogue.Variant], info: Info, /) -> Outcomes[catalogue.Product]:
        """The product."""
        return info.context.loaders.products.load_many([by_product_id(v.product_id) for v in variants])

    selected_options: list[SelectedOption] = plain("Option values of this variant; complete.")
    image: Image | None = plain("Image of this variant.")
    components: list[BundleComponent] = plain("What it consists of when it is sold as a set; empty otherwise.")
    quantity_rule: QuantityRule = plain("How many may be ordered at once.")

    @seam(Price | None, source=DataSource.PRICING)
    @staticmethod
    def price(
        variants: Sequence[catalogue.Variant],
        info: Info,
        /,
        quantity: Annotated[int, Argument(description="Quantity to price; matters for quantity promotions.")] = 1,
    ) -> Outcomes[pricing.Price]:
        """Price in this context."""
        wanted = ordered_quantity(quantity)
        keys = keys_of(variants, wanted, pricing.PriceKey)
        return with_list_prices(info.context.loaders.prices.load_many(keys), Dataset.PRICE, keys, info)

    @seam(Availability | None, source=DataSource.STOCK)
    @staticmethod
    def availability(variants: Sequence[catalogue.Variant], info: Info, /) -> Outcomes[stock.Availability]:
        """Stock in this context."""
        return info.context.loaders.availability.load_many([variant.sku for variant in variants])

    @seam(PointsEstimate | None, source=DataSource.LOYALTY)
    @staticmethod
    def points_to_earn(
        variants: Sequence[catalogue.Variant],
        info: Info,
        /,
        quantity: Annotated[int, Argument(description="Quantity to compute for.")] = 1,
    ) -> Outcomes[loyalty.PointsEstimate]:
        """Points this purchase would bring the current (or a basic) customer."""
        wanted = ordered_quantity(quantity)
        return info.context.loaders.estimates.load_many(keys_of(variants, wanted, loyalty.EstimateKey))

    @seam(DeliveryPromise | None, source=DataSource.DELIVERY, directives=[Cost(weight=5)])
    @staticmethod
    def delivery_promise(
        variants: Sequence[catalogue.Variant],
        info: Info,
        /,
        to: Annotated[
            DestinationInput | None, Argument(description="Where to; the locality in context when omitted.")
        ] = None,
    ) -> Outcomes[delivery.DeliveryPromise]:
        """How soon and for how much it can be received, per method."""

        def load(destination: delivery.Destination) -> Outcomes[delivery.DeliveryPromise]:
            keys = [delivery.PromiseKey(sku=variant.sku, to=destination) for variant in variants]
            return without_lapsed(info.context.loaders.promises.load_many(keys), info)

        return then(read_destination(to, info), load)


@describes(catalogue.Product)
class Product(Node):
    """A product: one card in a listing, with one or more variants."""

    id = identity(Kind.PRODUCT)
    handle: str = plain("Unique, readable part of the product's address.")
    title: str = plain("Title.")
    brand: Brand | None = plain("Brand.")
    subtitle: str | None = plain("Short text for tiles.")
    description: HTML | None = plain("Full description.")
    image: Image | None = plain("Main image.")

    @pure(list[Media])
    @staticmethod
    def media(value: catalogue.Product, _context: Context, /) -> Sequence[catalogue.Media]:
        """All images and videos, in order; complete."""
        return media_by_sku(value)

    @batch(list[Category])
    @staticmethod
    def breadcrumbs(products: Sequence[catalogue.Product], info: Info, /) -> Outcomes[list[catalogue.Category]]:
        """Category path from the root; empty when uncategorised."""
        return load_categories([product.category_path for product in products], info)

    attributes: list[ProductAttribute] = plain("Characteristics, in display order; complete.")
    options: list[ProductOption] = plain("Options the variants differ in (size, colour, shade); complete.")
    variants: list[ProductVariant] = plain(
        "All variants; complete, never truncated (a product has at most 500).",
        directives=[ListSize(assumed_size=10)],
    )

    @batch(ProductVariant)
    @staticmethod
    def variant(
        products: Sequence[catalogue.Product],
        info: Info,
        /,
        selected_options: Annotated[
            list[SelectedOptionInput] | None, Argument(description="Chosen option values; unknown ones are ignored.")
        ] = None,
    ) -> Outcomes[catalogue.Variant]:
        """Variant to show first: the one selected, else the first in stock, else the first."""
        return pick_variants(products, {o.code: o.value for o in selected_options or ()}, info)

    badges: list[Badge] = plain("Merchandising labels (new, sale, exclusive).")
    rating: Rating | None = plain("Average rating, when reviews are kept.")
    seo: Seo = plain("Search-engine metadata.")

    @seam(PriceRange | None, source=DataSource.PRICING)
    @staticmethod
    def price(products: Sequence[catalogue.Product], info: Info, /) -> Outcomes[pricing.ProductPrice]:
        """Lowest and highest price over the variants."""
        keys = [product.skus for product in products]
        return with_list_prices(info.context.loaders.product_prices.load_many(keys), Dataset.PRODUCT_PRICE, keys, info)

    @seam(AvailabilitySummary | None, source=DataSource.STOCK)
    @staticmethod
    def availability(products: Sequence[catalogue.Product], info: Info, /) -> Outcomes[stock.ProductAvailability]:
        """Whether anything of it can be bought."""
        return info.context.loaders.product_availability.load_many([product.skus for product in products])

    @seam(list[Promotion] | None, source=DataSource.PRICING, directives=[ListSize(assumed_size=3)])
    @staticmethod
    def promotions(products: Sequence[catalogue.Product], info: Info, /) -> Outcomes[Sequence[pricing.Promotion]]:
        """Promotions this product takes part in, most valuable first."""
        prices = info.context.loaders.product_prices.load_many([product.skus for product in products])
        return then(prices, lambda outcomes: [promotions_of(outcome) for outcome in outcomes])

    @seam(
        RecommendationBlock | None,
        source=DataSource.RECOMMENDATIONS,
        needs=["id"],
        directives=[Cost(weight=10)],
    )
    @staticmethod
    def recommendations(
        products: Sequence[catalogue.Product],
        info: Info,
        /,
        placement: Annotated[
            str, Argument(description="Placement name configured by the merchandiser, e.g. `product_similar`.")
        ],
        first: Annotated[int, Argument(description="At most this many items.")] = 12,
    ) -> Outcomes[recommender.RecommendationBlock]:
        """Products to show next to this one."""
        size, place = page_size(first), named(placement, "placement")
        keys = [recommender.BlockKey(placement=place, first=size, product_id=product.id) for product in products]
        return load_blocks(keys, info)


def media_by_sku(product: catalogue.Product) -> Sequence[catalogue.Media]:
    """A product's media, with the variant that one of them shows named as in `ProductVariant.id`: by its sku.

    The catalogue names it by its own id of the variant; an id that no variant has names nothing.
    """
    if all(media.variant_id is None for media in product.media):
        return product.media
    skus = {variant.id: variant.sku for variant in product.variants}
    return [msgspec.structs.replace(media, variant_id=skus.get(media.variant_id or "")) for media in product.media]


def ordered_quantity(quantity: int) -> int:
    """`quantity`, when one can order so many; else a BadInput."""
    if not 1 <= quantity <= MOST_ORDERED:
        raise BadInput(f"Expected `quantity` between 1 and {MOST_ORDERED}, got {quantity}.")
    return quantity


def promotions_of(price: Outcome[pricing.ProductPrice]) -> Outcome[Sequence[pricing.Promotion]]:
    """The promotions that came with a product's prices."""
    return price.promotions if isinstance(price, pricing.ProductPrice) else price


def load_variants(skus: Sequence[str], info: Info) -> Outcomes[catalogue.Variant]:
    """Variants by stock-keeping unit."""
    products = info.context.loaders.products.load_many([catalogue.ProductKey(kind="sku", key=sku) for sku in skus])

    def pick(outcomes: Sequence[Outcome[catalogue.Product]]) -> list[Outcome[catalogue.Variant]]:
        return [
            outcome.by_sku.get(sku) if isinstance(outcome, catalogue.Product) else outcome
            for sku, outcome in zip(skus, outcomes, strict=True)
        ]

    return then(products, pick)


def pick_variants(
    products: Sequence[catalogue.Product], chosen: Mapping[str, str], info: Info
) -> Outcomes[catalogue.Variant]:
    """One variant per product; stock is asked only about products that the choice does not decide."""
    selected = [select_variant(product, chosen) for product in products]
    undecided = [product.skus for product, variant in zip(products, selected, strict=True) if variant is None]
    if not undecided:
        return selected

    def fill(stocks: Sequence[Outcome[stock.ProductAvailability]]) -> list[Outcome[catalogue.Variant]]:
        remaining = iter(stocks)
        return [
            variant or first_in_stock(product, next(remaining))
            for product, variant in zip(products, selected, strict=True)
        ]

    return then(info.context.loaders.product_availability.load_many(undecided), fill)


def select_variant(product: catalogue.Product, chosen: Mapping[str, str]) -> catalogue.Variant | None:
    """The first variant that has every chosen value that this product knows; None when nothing is chosen."""
    if not chosen:
        return product.variants[0] if len(product.variants) == 1 else None
    known = {
        (option.code, chosen[option.code])
        for option in product.options
        if any(value.value == chosen.get(option.code) for value in option.values)
    }
    if not known:
        return product.variants[0] if len(product.variants) == 1 else None
    return next((v for v in product.variants if known <= {(o.code, o.value) for o in v.selected_options}), None)


def first_in_stock(product: catalogue.Product, found: Outcome[stock.ProductAvailability]) -> catalogue.Variant:
    """The first variant that can be bought; the first of all when none can or stock is not known.

    The answer is kept with the availability it follows from.
    """
    if not isinstance(found, stock.ProductAvailability):
        return product.variants[0]
    last: tuple[catalogue.Product, catalogue.Variant] | None = found.__dict__.get("first in stock")
    if last is not None and last[0] is product:
        return last[1]
    available = frozenset(found.available_skus)
    first = next((variant for variant in product.variants if variant.sku in available), product.variants[0])
    found.__dict__["first in stock"] = (product, first)
    return first


def keys_of(variants: Sequence[catalogue.Variant], quantity: int, key: type[Q]) -> list[Q]:
    """What another system is asked about so many pieces of each variant; a single piece's key is kept with it."""

    def of_one(variant: catalogue.Variant) -> Q:
        return key(sku=variant.sku)

    if quantity == 1:
        name = key.__name__
        try:
            return [variant.__dict__[name] for variant in variants]
        except KeyError:  # the first time
            return [kept(variant, name, of_one) for variant in variants]
    return [key(sku=variant.sku, quantity=quantity) for variant in variants]
