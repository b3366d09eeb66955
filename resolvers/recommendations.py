"""Recommended products for the placements of a page."""

from collections.abc import Sequence
from typing import NamedTuple

import strawberry

from clients.catalogue import protocol as catalogue
from clients.eventual import then
from clients.recommendations import protocol as recommendations
from clients.recommendations.protocol import RecommendationStrategy
from resolvers.context import Info
from resolvers.directives import ListSize
from resolvers.fallbacks import with_best_sellers
from resolvers.fields import Outcomes, batch, describe_enum, describes, input_object, optional, plain
from resolvers.freshness import Freshness, Sourced
from resolvers.hydration import by_product_id, hydrate, load_mentioned
from resolvers.node import Kind, given_key
from resolvers.references import AProduct
from resolvers.refusals import answered
from resolvers.texts import searched

describe_enum(
    RecommendationStrategy,
    "How recommendations were made.",
    {
        "PERSONAL": "Personal, from the shopper's behaviour.",
        "SIMILAR": "Similar to the product.",
        "COMPLEMENTARY": "Goes with the product.",
        "BOUGHT_TOGETHER": "Bought together with it.",
        "VIEWED_TOGETHER": "Seen together with it.",
        "POPULAR": "Popular.",
        "NEW_ARRIVALS": "New.",
        "RECENTLY_VIEWED": "Seen before by the shopper.",
        "BUY_AGAIN": "Bought before by the shopper.",
        "CURATED": "Chosen by hand.",
    },
)


class RecommendedProduct(NamedTuple):
    """An item of a block with its product."""

    product: catalogue.Product
    reason: recommendations.RecommendationReason | None
    tracking_token: str


def pair_item(item: recommendations.RecommendationItem, product: catalogue.Product) -> RecommendedProduct:
    """An item with its product."""
    return RecommendedProduct(product, item.reason, item.tracking_token)


@describes(recommendations.RecommendationReason)
class RecommendationReason:
    """Why a product is recommended."""

    text: str = plain("Text for the shopper, e.g. `Вы смотрели похожее`.")

    @batch(AProduct | None)
    @staticmethod
    def based_on(reasons: Sequence[recommendations.RecommendationReason], info: Info, /) -> Outcomes[catalogue.Product]:
        """Product it is based on, when it is one."""
        return load_mentioned(
            info.context.loaders.products.load_many,
            [by_product_id(r.based_on_product_id) if r.based_on_product_id else None for r in reasons],
        )


@describes(RecommendedProduct)
class RecommendationItem:
    """A recommended product."""

    product: AProduct = plain("Product; price, stock and the rest resolve like anywhere else.")
    reason: RecommendationReason | None = plain("Why it is here.")
    tracking_token: str = plain("Opaque token to report with a click or an addition to the cart.")


@describes(recommendations.RecommendationBlock)
class RecommendationBlock(Sourced):
    """A block of recommended products for one placement."""

    placement: str = plain("Placement it was made for.")
    title: str = plain("Heading.")
    strategy: RecommendationStrategy = plain("How it was made.")

    @batch(list[RecommendationItem], directives=[ListSize(assumed_size=12)])
    @staticmethod
    def items(
        blocks: Sequence[recommendations.RecommendationBlock], info: Info, /
    ) -> Outcomes[list[RecommendedProduct]]:
        """Items, best first; empty when there is nothing to recommend."""
        mentions = [[(item, by_product_id(item.product_id)) for item in block.items] for block in blocks]
        return hydrate(mentions, info.context.loaders.products.load_many, pair_item)

    tracking_token: str = plain("Opaque token to report when the block is seen.")
    freshness: Freshness = plain("When the recommender answered; FALLBACK when best sellers stand in for it.")


@input_object()
class RecommendationContextInput:
    """What a page tells the recommender."""

    product_id: strawberry.ID | None = optional("Product being viewed.")
    category_id: strawberry.ID | None = optional("Category being viewed.")
    cart_id: strawberry.ID | None = optional("Cart.")
    query: str | None = optional("Search query.")


def read_context(given: RecommendationContextInput | None) -> dict[str, str]:
    """What the page shows, as the recommender's keys; ids that name nothing are refused."""
    if not given:
        return {}
    shown = {
        "product_id": given_key(Kind.PRODUCT, given.product_id, "productId"),
        "category_id": given_key(Kind.CATEGORY, given.category_id, "categoryId"),
        "cart_id": given_key(Kind.CART, given.cart_id, "cartId"),
        "query": searched(given.query) if given.query else None,
    }
    return {name: key for name, key in shown.items() if key}


def load_blocks(keys: Sequence[recommendations.BlockKey], info: Info) -> Outcomes[recommendations.RecommendationBlock]:
    """Blocks by key, best sellers where there are none; an unknown placement becomes an error for the client."""
    blocks = with_best_sellers(info.context.loaders.blocks.load_many(keys), keys, info)
    return then(blocks, lambda outcomes: [answered(outcome) for outcome in outcomes])
