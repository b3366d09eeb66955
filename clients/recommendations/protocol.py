"""What any recommender promises: blocks of product ids for placements."""

import enum
from collections.abc import Sequence
from typing import Protocol

from clients.errors import Outcomes
from clients.scope import ForCustomer
from clients.values import Problem, Sourced, Value


class RecommendationStrategy(enum.Enum):
    """How recommendations were made."""

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


class RecommendationReason(Value):
    """Why a product is recommended, in words, and the product it is based on when it is one."""

    text: str
    based_on_product_id: str | None = None


class RecommendationItem(Value):
    """A recommended product; the token is reported with a click."""

    product_id: str
    tracking_token: str
    reason: RecommendationReason | None = None


class RecommendationBlock(Sourced):
    """Items for one placement, best first. With a `problem` only `placement` is meant."""

    placement: str
    title: str
    strategy: RecommendationStrategy
    tracking_token: str
    items: tuple[RecommendationItem, ...]
    problem: Problem | None = None


class BlockKey(Value, omit_defaults=True, cache_hash=True):
    """A placement and what the page that has it shows."""

    placement: str
    first: int
    product_id: str | None = None
    category_id: str | None = None
    cart_id: str | None = None
    query: str | None = None


class Recommendations(Protocol):
    """The recommender."""

    async def fetch_blocks(
        self, keys: Sequence[BlockKey], scope: ForCustomer
    ) -> Outcomes[BlockKey, RecommendationBlock]:
        """Blocks for placements; an unknown placement gets a block with its `problem`."""
        ...
