"""Retail Rocket's recommendations, API 3.0: numbers of products, nothing else.

Source: the vendor's pages "API получения товарных рекомендаций" and "Общие принципы интеграции"
(github.com/RetailRocket/Documentation, snapshot of 2021). One question is one GET with the key in
its query, which logs and spans never show. How long an answer may be used, the vendor says with it.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple, Self
from urllib.parse import urlencode

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from clients.cache_control import read_age_s, read_allowance
from clients.contract import in_batches
from clients.errors import InvalidSourceResponse, Outcomes, SourceError
from clients.http import UNDECODABLE, Reply, Upstream, decide_objection
from clients.recommendations.numbering import Rule
from clients.recommendations.placements import PlacementSettings, make_block, refused_block
from clients.recommendations.protocol import BlockKey, RecommendationBlock, RecommendationItem
from clients.scope import ForCustomer
from clients.values import Allowance, Dataset, Freshness, Problem
from clients.vendors.tables import FromJson

Resource = Literal[
    "partnerRecommendations/popular",
    "partnerRecommendations/personalComposite",
    "partnerRecommendations/popularInInterestedCategories",
    "partnerRecommendations/personalViewed",
    "categoryRecommendations/popular",
    "categoryRecommendations/saleByPopular",
    "categoryRecommendations/latest",
    "categoryRecommendations/saleByLatest",
    "searchRecommendations/search",
    "productRecommendations/alternatives",
    "productRecommendations/related",
    "productRecommendations/relatedByInterestedProperties",
    "productRecommendations/relatedWithoutCurrentCategory",
    "productRecommendations/relatedWithRules",
    "productRecommendations/accessories",
]
PERSONAL: Final[frozenset[str]] = frozenset(
    {
        "partnerRecommendations/personalComposite",
        "partnerRecommendations/popularInInterestedCategories",
        "partnerRecommendations/personalViewed",
    }
)
"""Resources that answer for one session: all visitors alike have none of their own."""

VISITORS: Final = "visitors"
SESSION_CHARACTERS: Final = 40
"""Of at most 50 letters and digits."""

_REFUSED: Final = (401, 403)


class RetailRocketPlacement(PlacementSettings):
    """Which resource fills a placement."""

    resource: Resource = Field(description="What is asked, e.g. productRecommendations/alternatives.")
    visitors_resource: Resource | None = Field(
        default=None, description="What is asked for visitors instead; needed where the resource is personal."
    )
    block_id: str = Field(
        pattern="^[A-Za-z0-9_-]{1,50}$", description="The block's id in the vendor's cabinet, for tracking."
    )


class RetailRocketSettings(BaseModel):
    """What Retail Rocket's adapter is told."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    partner_id: str = Field(min_length=1, max_length=64, description="Public id of the shop.")
    api_key: SecretStr = Field(min_length=1, description="Secret key; it goes into the query of every call.")
    session_key: SecretStr = Field(
        min_length=16,
        description="Makes session ids out of customer ids; a new one makes every customer a stranger.",
    )
    product_ids: Rule = Field(description="Our product id for the vendor's number, e.g. p-{:06} or {}.")
    category_ids: Rule | None = Field(default=None, description="The same for categories of a YML feed, e.g. c-{}.")
    categories_are_paths: bool = Field(
        default=False, description="On: the shop feeds the Product API, and our category ids are its paths."
    )
    stock_ids: Annotated[Mapping[str, str], FromJson] = Field(
        default_factory=dict, description="The vendor's warehouse or region by our locality id."
    )
    placements: Annotated[Mapping[str, RetailRocketPlacement], FromJson, Field(min_length=1)] = Field(
        description="The merchandiser's placements by name."
    )

    @model_validator(mode="after")
    def _can_ask(self) -> Self:
        for name, placement in self.placements.items():
            asked = {placement.resource, placement.visitors_resource or placement.resource}
            if any(one.startswith("category") for one in asked) and not self.can_name_categories:
                raise ValueError(f"placements.{name}: expected category_ids or categories_are_paths beside it")
        return self

    @property
    def can_name_categories(self) -> bool:
        """Whether our category ids mean anything to the vendor."""
        return self.categories_are_paths or self.category_ids is not None


class _Recommendation(msgspec.Struct, frozen=True, rename="camel"):
    product_id: tuple[Annotated[int, msgspec.Meta(ge=0)], ...]


class _Answer(msgspec.Struct, frozen=True):
    recommendations: tuple[_Recommendation, ...]


class _Question(NamedTuple):
    """One GET without what is the same in all of them; equal questions are asked once."""

    resource: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def operation(self) -> str:
        """For guards and figures, e.g. `recommendations.product.alternatives`."""
        return f"recommendations.{self.resource.replace('Recommendations/', '.')}"


class _Recommended(NamedTuple):
    """The vendor's numbers, best first, and how long they may be used."""

    numbers: tuple[int, ...]
    freshness: Freshness


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def session_of(customer_id: str | None, key: str) -> str:
    """The session id of a customer: letters and digits, always the same, and nobody can tell whose it is."""
    if customer_id is None:
        return VISITORS
    return hmac.new(key.encode(), customer_id.encode(), hashlib.sha256).hexdigest()[:SESSION_CHARACTERS]


@dataclass(frozen=True, slots=True)
class RetailRocketRecommendations:
    """Fulfils `clients.recommendations.protocol.Recommendations`."""

    upstream: Upstream
    settings: RetailRocketSettings
    now: Callable[[], float]

    async def ping(self) -> None:
        """Ask for what is popular, the cheapest question there is; raises a SourceError."""
        await self._ask(_Question("partnerRecommendations/popular", (("sessionExternalId", VISITORS),)))

    async def fetch_blocks(
        self, keys: Sequence[BlockKey], scope: ForCustomer
    ) -> Outcomes[BlockKey, RecommendationBlock]:
        """One call per distinct question, all at once; there are no batches. One that fails fails its own blocks."""
        questions = {key: self._question(key, scope) for key in dict.fromkeys(keys)}
        answers = await in_batches([question for question in questions.values() if question], 1, self._ask_each)
        return {
            key: self._block(key, scope, answers[question] if question else self._nothing())
            for key, question in questions.items()
        }

    def _block(
        self, key: BlockKey, scope: ForCustomer, answer: "_Recommended | SourceError"
    ) -> RecommendationBlock | SourceError:
        placement = self.settings.placements.get(key.placement)
        if placement is None:
            return refused_block(key, Problem.UNKNOWN_PLACEMENT)
        if isinstance(answer, SourceError):
            return answer
        token, rule = placement.block_id, self.settings.product_ids
        items = [
            RecommendationItem(product_id=rule.our_id(number), tracking_token=f"{token}.{number}")
            for number in answer.numbers
        ]
        return make_block(key, placement, scope.language, token, items, answer.freshness)

    def _question(self, key: BlockKey, scope: ForCustomer) -> _Question | None:
        """What to ask for a block; None when there is nothing that the vendor could answer."""
        placement = self.settings.placements.get(key.placement)
        if placement is None:
            return None
        resource: Resource | None = placement.resource
        if scope.customer_id is None:
            resource = placement.visitors_resource or (None if resource in PERSONAL else resource)
        context = self._context(resource, key) if resource else None
        if resource is None or context is None:
            return None
        session = session_of(scope.customer_id, self.settings.session_key.get_secret_value())
        stock = self.settings.stock_ids.get(scope.locality_id)
        return _Question(
            self._named(resource),
            (("sessionExternalId", session), *((("stockId", stock),) if stock else ()), *context),
        )

    def _named(self, resource: Resource) -> str:
        is_by_path = self.settings.categories_are_paths and resource.startswith("category")
        return f"{resource}ByCategoryPath" if is_by_path else resource

    def _context(self, resource: Resource, key: BlockKey) -> tuple[tuple[str, str], ...] | None:
        """What of the page goes into the question; None when the page lacks what the resource needs."""
        of, _, _ = resource.partition("Recommendations/")
        if of == "partner":
            return ()
        if of == "search":
            return (("searchPhrase", key.query),) if key.query else None
        if of == "product":
            number = self.settings.product_ids.number(key.product_id) if key.product_id else None
            return None if number is None else (("productIds", str(number)),)
        if not key.category_id:
            return None
        if self.settings.categories_are_paths:
            return (("categoryPaths", key.category_id),)
        rule = self.settings.category_ids
        number = rule.number(key.category_id) if rule else None
        return None if number is None else (("categoryIds", str(number)),)

    def _nothing(self) -> _Recommended:
        return _Recommended((), self._freshness(self.now()))

    async def _ask_each(self, questions: Sequence[_Question]) -> Mapping[_Question, "_Recommended | SourceError"]:
        return {question: await self._ask(question) for question in questions}

    async def _ask(self, question: _Question) -> _Recommended:
        asked_at = self.now()
        settings = self.settings
        known = (("partnerId", settings.partner_id), ("apiKey", settings.api_key.get_secret_value()))
        reply = await self.upstream.send(
            "GET",
            f"/api/3.0/{question.resource}/?{urlencode((*known, *question.parameters))}",
            operation=question.operation,
        )
        return self._read(reply, asked_at)

    def _read(self, reply: Reply, asked_at: float) -> _Recommended:
        source = self.upstream.source
        if reply.status in _REFUSED:
            raise InvalidSourceResponse(source, f"HTTP {reply.status}: partner_id and api_key were refused")
        objection = decide_objection(source, reply.status, reply.headers)
        if objection is not None:
            raise objection
        try:
            answer = _ANSWER.decode(reply.payload)
        except UNDECODABLE as error:
            raise InvalidSourceResponse(source, f"recommendations: {error}") from None
        numbers = tuple(number for part in answer.recommendations for number in part.product_id)
        observed_at = asked_at - read_age_s(reply.headers)
        return _Recommended(numbers, self._freshness(observed_at, read_allowance(reply.headers, asked_at)))

    def _freshness(self, observed_at: float, allowance: Allowance | None = None) -> Freshness:
        return Freshness(
            source=self.upstream.source,
            dataset=Dataset.RECOMMENDATION,
            observed_at=dt.datetime.fromtimestamp(observed_at, dt.UTC),
            received_at=self.now(),
            allowance=allowance,
        )
