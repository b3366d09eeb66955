"""Recommendations: blocks of products for placements, each made in its own sensible way."""

from dataclasses import dataclass

from sandbox.upstreams.choices import MOST, Choices, Chooser, Occasion
from sandbox.upstreams.contract import Json, Operation, PersonalContext, Request, check_range, problem
from sandbox.upstreams.search import Search
from sandbox.world import people
from sandbox.world.draw import number_of
from sandbox.world.people import Person
from sandbox.world.shop import Shop
from sandbox.world.text import Text, tongue


class BlockQuery(Request, frozen=True, kw_only=True):
    placement: str
    first: int
    product_id: str | None = None
    category_id: str | None = None
    cart_id: str | None = None
    query: str | None = None


class Blocks(PersonalContext, frozen=True, kw_only=True):
    blocks: list[BlockQuery]


@dataclass(frozen=True, slots=True)
class Placement:
    """How a block is made; `reason` is why each product is in it."""

    title: Text
    strategy: str
    choose: Chooser
    reason: Text | None = None
    is_based_on_product: bool = False


class Recommendations:
    """Only what can be ordered is recommended, and nothing twice in a block."""

    def __init__(self, shop: Shop, search: Search) -> None:
        self._shop = shop
        self._choices = Choices(shop, search)

    def operations(self) -> tuple[Operation[Blocks]]:
        return (Operation("recommendations.blocks", "/v1/blocks/batch", Blocks, self.blocks, ("blocks",), 20),)

    def blocks(self, asked: Blocks) -> Json:
        for query in asked.blocks:
            check_range("blocks[].first", query.first, 1, MOST)
        person = people.find(asked.customer_id) if asked.customer_id else None
        return {"blocks": [self._block(query, person, tongue(asked.language)) for query in asked.blocks]}

    def _block(self, query: BlockQuery, person: Person | None, language: str) -> Json:
        placement = placement_for(query.placement, person)
        if placement is None:
            return problem("UNKNOWN_PLACEMENT")
        product = self._shop.goods.by_id(query.product_id) if query.product_id else None
        occasion = Occasion(person.id if person else None, product, query.category_id, query.query or "")
        token = f"r.{query.placement}.{number_of(f'{query}/{person and person.id}'):08x}"
        return {
            "placement": query.placement,
            "title": placement.title.said(language),
            "strategy": placement.strategy,
            "trackingToken": token,
            "items": [
                {
                    "productId": f"p-{number:06d}",
                    "trackingToken": f"{token}.{place}",
                    "reason": _reason(placement, occasion, language),
                }
                for place, number in enumerate(self._choices.first(query.first, placement.choose, occasion), 1)
            ],
        }


def _reason(placement: Placement, occasion: Occasion, language: str) -> Json | None:
    if placement.reason is None:
        return None
    reason: Json = {"text": placement.reason.said(language)}
    if placement.is_based_on_product and occasion.product is not None:
        reason["basedOnProductId"] = occasion.product.id
    return reason


_POPULAR = Placement(
    Text("Популярное", "Popular"), "POPULAR", Choices.popular, Text("Выбор покупателей", "Shoppers' choice")
)
_NEW = Placement(
    Text("Новинки", "New in"), "NEW_ARRIVALS", Choices.newest, Text("Только что поступило", "Just arrived")
)
_SIMILAR = Placement(
    Text("Похожие товары", "Similar products"),
    "SIMILAR",
    Choices.similar,
    Text("Вы смотрите похожее", "Similar to what you see"),
    is_based_on_product=True,
)
_TOGETHER = Placement(
    Text("С этим покупают", "Bought together"),
    "BOUGHT_TOGETHER",
    Choices.together,
    Text("Покупают вместе", "Bought together"),
    is_based_on_product=True,
)
PLACEMENTS = {
    "home_personal": Placement(
        Text("Подобрали для вас", "Picked for you"),
        "PERSONAL",
        Choices.to_taste,
        Text("По вашим покупкам", "From what you bought"),
    ),
    "home_popular": _POPULAR,
    "home_new": _NEW,
    "home_curated": Placement(Text("Выбор стилиста", "Stylist's choice"), "CURATED", Choices.curated),
    "category_popular": Placement(
        Text("Популярное в категории", "Popular in this category"),
        "POPULAR",
        Choices.of_category,
        Text("Хит категории", "A hit here"),
    ),
    "product_similar": _SIMILAR,
    "product_together": _TOGETHER,
    "product_complementary": Placement(
        Text("Дополните образ", "Complete the look"),
        "COMPLEMENTARY",
        Choices.together,
        is_based_on_product=True,
    ),
    "product_viewed": Placement(
        Text("Смотрят вместе", "Viewed together"),
        "VIEWED_TOGETHER",
        Choices.similar,
        Text("Смотрели и это", "Others viewed this"),
        is_based_on_product=True,
    ),
    "recently_viewed": Placement(Text("Вы смотрели", "Recently viewed"), "RECENTLY_VIEWED", Choices.seen),
    "buy_again": Placement(
        Text("Купить снова", "Buy again"), "BUY_AGAIN", Choices.bought, Text("Вы покупали", "You bought it")
    ),
    "search_empty": Placement(
        Text("Может понравиться", "You may like"),
        "POPULAR",
        Choices.for_query,
        Text("Часто ищут", "Often searched"),
    ),
    "cart_addons": Placement(Text("Добавьте к заказу", "Add to your order"), "COMPLEMENTARY", Choices.addons),
}


def placement_for(name: str, person: Person | None) -> Placement | None:
    """A guest's personal shelf is the popular one."""
    return _POPULAR if name == "home_personal" and person is None else PLACEMENTS.get(name)
