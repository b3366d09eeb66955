"""What any catalogue promises: products with all their variants, and the whole tree of categories."""

import enum
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Final, Literal, Protocol

import msgspec

from clients.errors import Outcomes
from clients.scope import Public
from clients.values import Badge, Brand, Count, Image, ProductSkus, Swatch, Value

TREE: Final = "tree"
"""The one key of the category tree."""


class MediaKind(enum.Enum):
    """Kind of media."""

    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    MODEL = "MODEL"


class Media(Value):
    """A photo, a video (`image` is its poster) or a model; `variant_id` when it shows one variant."""

    kind: MediaKind
    image: Image
    video_url: str | None = None
    variant_id: str | None = None


class ProductAttribute(Value):
    """A characteristic, with its values as shown."""

    code: str
    title: str
    values: tuple[str, ...]
    group: str | None = None


class ProductOptionValue(Value):
    """One value that an option can have."""

    value: str
    title: str
    swatch: Swatch | None = None


class ProductOption(Value):
    """Something that variants differ in, e.g. `size`; its values in display order."""

    code: str
    title: str
    values: tuple[ProductOptionValue, ...]


class SelectedOption(Value):
    """The value that one variant has of one option."""

    code: str
    value: str
    title: str


class BundleComponent(Value):
    """One part of a set, by its stock-keeping unit."""

    sku: str
    quantity: Count


class QuantityRule(Value):
    """How many may be ordered at once: from `minimum` to `maximum`, in multiples of `step`."""

    minimum: Annotated[int, msgspec.Meta(ge=1)]
    step: Annotated[int, msgspec.Meta(ge=1)]
    maximum: Count | None = None


class Variant(Value):
    """What is actually sold: one size, colour or shade; `components` is empty unless it is a set."""

    id: str
    sku: str
    title: str
    selected_options: tuple[SelectedOption, ...]
    quantity_rule: QuantityRule
    components: tuple[BundleComponent, ...]
    product_id: str = ""
    barcode: str | None = None
    image: Image | None = None


class Rating(Value):
    """Mean of the reviews, from 1 to 5, and how many there are."""

    average: Annotated[float, msgspec.Meta(ge=0, le=5)]
    count: Count


class Seo(Value):
    """What a search engine is told."""

    title: str | None = None
    description: str | None = None
    canonical_url: str | None = None


class Product(Value):
    """One card of a listing with all its variants, at least one; `category_path` starts at the root."""

    id: str
    handle: str
    title: str
    media: tuple[Media, ...]
    category_path: tuple[str, ...]
    attributes: tuple[ProductAttribute, ...]
    options: tuple[ProductOption, ...]
    variants: Annotated[tuple[Variant, ...], msgspec.Meta(min_length=1, max_length=500)]
    badges: tuple[Badge, ...]
    seo: Seo
    brand: Brand | None = None
    subtitle: str | None = None
    description: str | None = None
    image: Image | None = None
    rating: Rating | None = None

    @cached_property
    def skus(self) -> ProductSkus:
        """The key by which this product is priced and counted over its variants."""
        return ProductSkus(id=self.id, skus=tuple(variant.sku for variant in self.variants))

    @cached_property
    def by_sku(self) -> dict[str, Variant]:
        """Its variants by stock-keeping unit."""
        return {variant.sku: variant for variant in self.variants}


class Category(Value):
    """A node of the tree; neighbours are keys into the same `CategoryTree`, children in display order."""

    id: str
    handle: str
    title: str
    child_ids: tuple[str, ...]
    seo: Seo
    description: str | None = None
    image: Image | None = None
    parent_id: str | None = None


class CategoryTree(Value):
    """All categories; every `parent_id` and `child_ids` of them is a key of `by_id`."""

    categories: tuple[Category, ...]

    @cached_property
    def roots(self) -> tuple[Category, ...]:
        """Top of the tree, in display order."""
        return tuple(category for category in self.categories if category.parent_id is None)

    @cached_property
    def by_id(self) -> dict[str, Category]:
        """Categories by id."""
        return {category.id: category for category in self.categories}

    @cached_property
    def by_handle(self) -> dict[str, Category]:
        """Categories by handle."""
        return {category.handle: category for category in self.categories}


class ProductKey(Value, cache_hash=True):
    """One of the three ways to name a product; a `sku` names the product that has this variant."""

    kind: Literal["id", "handle", "sku"]
    key: str


class Catalogue(Protocol):
    """The system that owns product content."""

    async def fetch_products(self, keys: Sequence[ProductKey], scope: Public) -> Outcomes[ProductKey, Product]:
        """Products with all their content in the scope's language."""
        ...

    async def fetch_category_tree(self, keys: Sequence[str], scope: Public) -> Outcomes[str, CategoryTree]:
        """The whole tree under the one key `TREE`."""
        ...
