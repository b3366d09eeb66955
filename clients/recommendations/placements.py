"""The merchandiser's placements for vendors that know nothing of ours: what each is called, and how blocks are made."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from clients.recommendations.protocol import BlockKey, RecommendationBlock, RecommendationItem, RecommendationStrategy
from clients.values import Freshness, Problem
from clients.vendors.tables import FromJson

Titles = Annotated[Mapping[str, Annotated[str, Field(min_length=1)]], FromJson, Field(min_length=1)]


class PlacementSettings(BaseModel):
    """What our side of a placement is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Titles = Field(description="Heading by language, e.g. ru; the first one is for languages without.")
    strategy: RecommendationStrategy = Field(description="How clients are told that it is made.")


def pick_title(titles: Mapping[str, str], language: str) -> str:
    """The heading in a language (`en-GB`), in its main language (`en`), or the first."""
    for tag in (language, language.partition("-")[0]):
        if tag in titles:
            return titles[tag]
    return next(iter(titles.values()))


def refused_block(key: BlockKey, problem: Problem) -> RecommendationBlock:
    """A block that says only why there is none."""
    return RecommendationBlock(
        placement=key.placement,
        title="",
        strategy=RecommendationStrategy.CURATED,
        tracking_token="",
        items=(),
        problem=problem,
    )


def make_block(
    key: BlockKey,
    placement: PlacementSettings,
    language: str,
    token: str,
    items: Iterable[RecommendationItem],
    freshness: Freshness,
) -> RecommendationBlock:
    """A block of the first items, each product once and none that the page shows already."""
    wanted: dict[str, RecommendationItem] = {}
    for item in items:
        if item.product_id != key.product_id:
            wanted.setdefault(item.product_id, item)
    return RecommendationBlock(
        placement=key.placement,
        title=pick_title(placement.title, language),
        strategy=placement.strategy,
        tracking_token=token,
        items=tuple(wanted.values())[: key.first],
        freshness=freshness,
    )
