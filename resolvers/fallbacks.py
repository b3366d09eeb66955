"""What stands in for an answer that a source did not give. The table of these rules is in `docs/resilience.md`.

A stand-in is honest or it is not there: it is marked FALLBACK, it keeps the provenance of what it is
made of, and nothing is made up. Where nothing honest is at hand the field fails as it would have.
Nothing that is bought, paid or ordered has one.
"""

from collections.abc import Hashable, Sequence
from itertools import chain, zip_longest
from typing import Any, Final, TypeVar

import msgspec

from clients.catalogue.protocol import TREE, CategoryTree, Product
from clients.delivery.protocol import DeliveryPromise
from clients.errors import SourceError, SourceUnavailable
from clients.eventual import Eventual, then
from clients.pricing.protocol import Price, ProductPrice
from clients.recommendations.protocol import BlockKey, RecommendationBlock, RecommendationItem, RecommendationStrategy
from clients.search.protocol import Listing, ListingKey, ProductFilter, ProductSort
from clients.values import Dataset, DataSource, Sourced
from resolvers.batch import Outcome
from resolvers.context import ANONYMOUS, Info, ShopperAsker, ShopperScopes
from resolvers.fields import Outcomes, has_failed
from resolvers.hydration import by_product_id, load_mentioned

S = TypeVar("S", bound=Sourced)

MOST_HITS: Final = 100
BEST_SELLERS: Final = {"ru": "Популярное", "en": "Popular", "kk": "Танымал", "be": "Папулярнае"}
FOR_SALE: Final = ProductFilter(in_stock_only=True)


def marked(value: S) -> S:
    """A copy that says of itself that it stands in for another."""
    freshness = msgspec.structs.replace(value.freshness, is_fallback=True)
    return msgspec.structs.replace(value, freshness=freshness)


# ---- list price in place of a customer's own ------------------------------------------------------


def with_list_prices(outcomes: Outcomes[S], dataset: Dataset, keys: Sequence[Hashable], info: Info) -> Outcomes[S]:
    """Put what a visitor would pay, if it is remembered, in place of a customer's price that failed.

    It is the same exact amount with the same explanation; it is not personal, and only what says so
    of itself is taken. Nobody is asked: pricing has just failed.
    """
    if info.context.viewer.customer_id is None:
        return outcomes
    return then(outcomes, lambda came: _fill_list_prices(came, dataset, keys, info))


def _fill_list_prices(
    outcomes: Sequence[Outcome[S]], dataset: Dataset, keys: Sequence[Hashable], info: Info
) -> Sequence[Outcome[S]]:
    if not has_failed(outcomes):
        return outcomes
    failed = [at for at, outcome in enumerate(outcomes) if isinstance(outcome, SourceError)]
    visitor = ShopperAsker(ShopperScopes(ANONYMOUS, info.context.shopper))
    remembered = info.context.memory.recall(dataset, [keys[at] for at in failed], visitor)
    filled = list(outcomes)
    for at, value in zip(failed, remembered, strict=True):
        stand_in = as_list_price(value)
        if stand_in is not None:
            filled[at] = stand_in
    return filled


def as_list_price(value: object) -> Any:
    """A remembered price, marked; None for what is none or says that it is somebody's own."""
    if isinstance(value, Price):
        return None if value.is_personal else marked(value)
    if not isinstance(value, ProductPrice) or value.lowest.is_personal or value.highest.is_personal:
        return None
    both = {"lowest": marked(value.lowest), "highest": marked(value.highest)}
    return marked(msgspec.structs.replace(value, **both))


# ---- the last promise of delivery -----------------------------------------------------------------


def without_lapsed(promises: Outcomes[DeliveryPromise], info: Info) -> Outcomes[DeliveryPromise]:
    """Of a promise older than agreed, only what can still be kept: whose order-before has not passed.

    How old one may be is the policy of its dataset. One of which nothing is left has failed.
    """
    clock, agreed_s = info.context.clock, info.context.agreed_s.get(Dataset.DELIVERY_PROMISE, 0.0)

    def review(outcomes: Sequence[Outcome[DeliveryPromise]]) -> Sequence[Outcome[DeliveryPromise]]:
        now = clock.now()
        return [
            keep_promises(outcome, now)
            if isinstance(outcome, DeliveryPromise) and now - outcome.freshness.received_at > agreed_s
            else outcome
            for outcome in outcomes
        ]

    return then(promises, review)


def keep_promises(promise: DeliveryPromise, now: float) -> DeliveryPromise | SourceError:
    """An old promise without the methods that are too late at `now` (epoch seconds)."""
    methods = tuple(m for m in promise.methods if m.order_before is None or m.order_before.timestamp() > now)
    if promise.methods and not methods:
        return SourceUnavailable(DataSource.DELIVERY, "every method of the last promise has lapsed")
    return marked(msgspec.structs.replace(promise, methods=methods))


# ---- best sellers in place of recommendations -----------------------------------------------------


def with_best_sellers(
    outcomes: Outcomes[RecommendationBlock], keys: Sequence[BlockKey], info: Info
) -> Outcomes[RecommendationBlock]:
    """Put best sellers in place of blocks whose recommender did not answer: of the category that the
    page shows, of the product's category, or of each part of the shop in turn.
    """
    return then(outcomes, lambda came: _fill_best_sellers(came, keys, info))


def _fill_best_sellers(
    outcomes: Sequence[Outcome[RecommendationBlock]], keys: Sequence[BlockKey], info: Info
) -> Outcomes[RecommendationBlock]:
    if not has_failed(outcomes):
        return outcomes
    failed = [at for at, outcome in enumerate(outcomes) if isinstance(outcome, SourceError)]

    def fill(blocks: Sequence[RecommendationBlock | None]) -> Sequence[Outcome[RecommendationBlock]]:
        filled = list(outcomes)
        for at, block in zip(failed, blocks, strict=True):
            if block is not None:
                filled[at] = block
        return filled

    return then(load_best_sellers([keys[at] for at in failed], info), fill)


def load_best_sellers(keys: Sequence[BlockKey], info: Info) -> Eventual[Sequence[RecommendationBlock | None]]:
    """A block of best sellers per key; None where search does not know any either."""

    def load(shelves: Sequence[Sequence[str]]) -> Eventual[Sequence[RecommendationBlock | None]]:
        asked = [[popular_in(category, key) for category in shelf] for key, shelf in zip(keys, shelves, strict=True)]
        flat = list(dict.fromkeys(key for several in asked for key in several))

        def build(listings: Sequence[Outcome[Listing]]) -> Sequence[RecommendationBlock | None]:
            found = dict(zip(flat, listings, strict=True))
            language = info.context.shopper.language
            return [
                make_block(key, [found[listing] for listing in several], language)
                for key, several in zip(keys, asked, strict=True)
            ]

        return then(info.context.loaders.listings.load_many(flat), build)

    return then(_load_shelves(keys, info), load)


def _load_shelves(keys: Sequence[BlockKey], info: Info) -> Eventual[Sequence[Sequence[str]]]:
    """Per key the categories whose best sellers fit."""
    shown = [by_product_id(key.product_id) if key.product_id and not key.category_id else None for key in keys]
    loaders = info.context.loaders

    def decide(products: Sequence[Outcome[Product]]) -> Eventual[Sequence[Sequence[str]]]:
        own = [decide_category(key, product) for key, product in zip(keys, products, strict=True)]
        if all(own):
            return [[category] for category in own if category]

        def spread(tree: CategoryTree | SourceError | None) -> Sequence[Sequence[str]]:
            roots = [root.id for root in tree.roots] if isinstance(tree, CategoryTree) else []
            return [[category] if category else roots for category in own]

        return then(loaders.category_tree.load(TREE), spread)

    return then(load_mentioned(loaders.products.load_many, shown), decide)


def decide_category(key: BlockKey, product: Outcome[Product]) -> str | None:
    """The category that a page shows, or the narrowest one of the product it shows."""
    if key.category_id:
        return key.category_id
    return product.category_path[-1] if isinstance(product, Product) and product.category_path else None


def popular_in(category: str, key: BlockKey) -> ListingKey:
    """The listing to take a block's items from; one more than wanted, for the product that the page shows."""
    first = min(key.first + (1 if key.product_id else 0), MOST_HITS)
    return ListingKey(first=first, category_id=category, sort=ProductSort.POPULAR, filter=FOR_SALE)


def make_block(key: BlockKey, listings: Sequence[Outcome[Listing]], language: str) -> RecommendationBlock | None:
    """A block of what the listings found, a rank of each in turn; its freshness is the oldest of theirs.

    There is nothing to tell the recommender of, so the block has no token; items keep search's own.
    """
    good = [listing for listing in listings if isinstance(listing, Listing)]
    ranks = zip_longest(*(listing.hits for listing in good))
    items = {
        hit.product_id: RecommendationItem(product_id=hit.product_id, tracking_token=hit.tracking_token or "")
        for hit in chain.from_iterable(ranks)
        if hit is not None and hit.product_id != key.product_id
    }
    if not items:
        return None
    block = RecommendationBlock(
        placement=key.placement,
        title=BEST_SELLERS.get(language.partition("-")[0].lower(), BEST_SELLERS["en"]),
        strategy=RecommendationStrategy.POPULAR,
        tracking_token="",
        items=tuple(items.values())[: key.first],
        freshness=min((listing.freshness for listing in good), key=lambda freshness: freshness.observed_at),
    )
    return marked(block)
