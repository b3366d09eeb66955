"""The catalogue behind our own contract, `docs/contracts/catalogue.yaml`."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from clients.catalogue.protocol import TREE, Category, CategoryTree, Product, ProductKey
from clients.contract import Answer, BatchDecoder, ContractAdapter, in_batches
from clients.errors import Outcomes, SourceError
from clients.scope import Public
from clients.values import write_once

BATCH_LIMIT: Final = 500
"""Ids, handles and skus together."""


class _Products(Answer):
    products: tuple[Product, ...]


class _Categories(Answer):
    categories: tuple[Category, ...]


_PRODUCTS: Final = BatchDecoder(_Products, "products", Product)
_CATEGORIES: Final = msgspec.json.Decoder(_Categories)


class GenericCatalogue(ContractAdapter):
    """Fulfils `clients.catalogue.protocol.Catalogue`."""

    async def fetch_products(self, keys: Sequence[ProductKey], scope: Public) -> Outcomes[ProductKey, Product]:
        async def fetch(some: Sequence[ProductKey]) -> dict[ProductKey, Product | SourceError]:
            body = {
                "language": scope.language,
                "ids": [key.key for key in some if key.kind == "id"],
                "handles": [key.key for key in some if key.kind == "handle"],
                "skus": [key.key for key in some if key.kind == "sku"],
            }
            answer = await self.upstream.post("/v1/products/batch", body, _PRODUCTS, operation="catalogue.products")
            for product in answer.products:
                write_once(product.variants, "product_id", product.id)
            return self.known(answer, some, index_products(answer.products, {key.kind for key in some}))

        return await in_batches(keys, BATCH_LIMIT, fetch)

    async def fetch_category_tree(self, keys: Sequence[str], scope: Public) -> Outcomes[str, CategoryTree]:
        async def fetch(_: Sequence[str]) -> dict[str, CategoryTree | SourceError]:
            answer = await self.upstream.get(
                "/v1/categories",
                _CATEGORIES,
                operation="catalogue.categories",
                params={"language": scope.language},
            )
            tree = CategoryTree(categories=answer.categories)
            if not is_tree(tree):
                raise self.broken("the categories are not a tree with parents before their children")
            return {TREE: tree}

        return await in_batches(keys, 1, fetch)


def index_products(
    products: Iterable[Product], kinds: set[Literal["id", "handle", "sku"]]
) -> dict[ProductKey, Product]:
    """Products under every key of these kinds that names them."""
    index: dict[ProductKey, Product] = {}
    for product in products:
        if "id" in kinds:
            index[ProductKey(kind="id", key=product.id)] = product
        if "handle" in kinds:
            index[ProductKey(kind="handle", key=product.handle)] = product
        if "sku" in kinds:
            index.update((ProductKey(kind="sku", key=sku), product) for sku in product.skus.skus)
    return index


def is_tree(tree: CategoryTree) -> bool:
    """Whether parents and children name each other and no category is above itself.

    Every category comes after its parent, so a walk up the tree always ends.
    """
    above: set[str | None] = {None}
    for category in tree.categories:
        children = [tree.by_id.get(child) for child in category.child_ids]
        if category.parent_id not in above or any(c is None or c.parent_id != category.id for c in children):
            return False
        above.add(category.id)
    named = {child for category in tree.categories for child in category.child_ids}
    return len(tree.by_id) == len(tree.categories) == len(named) + len(tree.roots)
