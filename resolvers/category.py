"""The catalogue tree."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import strawberry

from clients.catalogue import protocol as catalogue
from clients.errors import InvalidSourceResponse, SourceError
from clients.eventual import then
from clients.search import protocol as search
from clients.search.protocol import ProductSort
from clients.values import DataSource
from resolvers.batch import Outcome
from resolvers.context import Info
from resolvers.directives import SIZED_BY_FIRST, Cost, ListSize
from resolvers.fields import Argument, Outcomes, batch, describes, plain, seam
from resolvers.image import Image
from resolvers.listing import ProductFilter, ask_listing, load_listings
from resolvers.node import Kind, Node, identity
from resolvers.paging import After, First
from resolvers.references import Products
from resolvers.scalars import HTML, URL

T = TypeVar("T")
ACategory = Annotated["Category", strawberry.lazy("resolvers.category")]


@describes(catalogue.Seo)
class Seo:
    """Search-engine metadata."""

    title: str | None = plain("Page title.")
    description: str | None = plain("Page description.")
    canonical_url: URL | None = plain("Canonical address.")


@describes(catalogue.Category)
class Category(Node):
    """A node of the catalogue tree."""

    id = identity(Kind.CATEGORY)
    handle: str = plain("Readable part of the category's address.")
    title: str = plain("Title.")
    description: HTML | None = plain("Description.")
    image: Image | None = plain("Image.")

    @batch(ACategory | None)
    @staticmethod
    def parent(categories: Sequence[catalogue.Category], info: Info, /) -> Outcomes[catalogue.Category]:
        """Parent; null at the root."""
        return in_tree(info, lambda tree: [tree.by_id.get(c.parent_id or "") for c in categories], len(categories))

    @batch(list[ACategory], directives=[ListSize(assumed_size=12)])
    @staticmethod
    def children(categories: Sequence[catalogue.Category], info: Info, /) -> Outcomes[list[catalogue.Category]]:
        """Children, in display order; complete."""
        return load_categories([category.child_ids for category in categories], info)

    seo: Seo = plain("Search-engine metadata.")

    @seam(Products | None, source=DataSource.SEARCH, directives=[Cost(weight=10), SIZED_BY_FIRST])
    @staticmethod
    def products(
        parents: Sequence[catalogue.Category],
        info: Info,
        /,
        first: First = 24,
        after: After = None,
        filter: Annotated[ProductFilter | None, Argument(description="Restrictions.")] = None,  # noqa: A002
        sort: Annotated[ProductSort | None, Argument(description="Order; the merchandiser's when omitted.")] = None,
    ) -> Outcomes[search.Listing]:
        """Products of the category and its descendants."""
        asked = ask_listing(first, after, filter, sort)
        return load_listings([asked(category_id=parent.id) for parent in parents], info)


def in_tree(info: Info, look: Callable[[catalogue.CategoryTree], Sequence[Outcome[T]]], count: int) -> Outcomes[T]:
    """Look `count` things up in the category tree; all of them fail when the tree cannot be had."""

    def look_up(tree: catalogue.CategoryTree | SourceError | None) -> Sequence[Outcome[T]]:
        if isinstance(tree, catalogue.CategoryTree):
            return look(tree)
        failure = tree or InvalidSourceResponse(DataSource.CATALOGUE, "no category tree")
        return [failure] * count

    return then(info.context.loaders.category_tree.load(catalogue.TREE), look_up)


def load_categories(paths: Sequence[Sequence[str]], info: Info) -> Outcomes[list[catalogue.Category]]:
    """For every list of keys its categories, without those that the tree does not have."""

    def look(tree: catalogue.CategoryTree) -> list[Outcome[list[catalogue.Category]]]:
        return [[tree.by_id[key] for key in path if key in tree.by_id] for path in paths]

    return in_tree(info, look, len(paths))
