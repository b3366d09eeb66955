"""Recommendations: blocks of products for placements, each made in its own sensible way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.upstreams.contract import Json, Operation, PersonalContext, Request, check_range, problem
from sandbox.upstreams.search import Search
from sandbox.world import people
from sandbox.world.bits import numbers_in
from sandbox.world.draw import draw, number_of
from sandbox.world.goods import Product
from sandbox.world.people import Person
from sandbox.world.shop import Shop
from sandbox.world.text import Text, tongue

_MOST = 100
_TASTE, _PAST, _BOUGHT = 71, 72, 73


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
class _Asked:
    query: BlockQuery
    person: Person | None
    product: Product | None


_Chooser = Callable[["Recommendations", _Asked], Iterator[int]]


@dataclass(frozen=True, slots=True)
class Placement:
    """How a block is made; `reason` is why each product is in it."""

    title: Text
    strategy: str
    choose: _Chooser
    reason: Text | None = None
    is_based_on_product: bool = False


class Recommendations:
    """Only what can be ordered is recommended, and nothing twice in a block."""

    def __init__(self, shop: Shop, search: Search) -> None:
        self._shop = shop
        self._search = search

    def operations(self) -> tuple[Operation[Blocks]]:
        return (Operation("recommendations.blocks", "/v1/blocks/batch", Blocks, self.blocks, ("blocks",), 20),)

    def blocks(self, asked: Blocks) -> Json:
        for query in asked.blocks:
            check_range("blocks[].first", query.first, 1, _MOST)
        person = people.find(asked.customer_id) if asked.customer_id else None
        return {"blocks": [self._block(query, person, tongue(asked.language)) for query in asked.blocks]}

    def _block(self, query: BlockQuery, person: Person | None, language: str) -> Json:
        placement = placement_for(query.placement, person)
        if placement is None:
            return problem("UNKNOWN_PLACEMENT")
        asked = _Asked(query, person, self._shop.goods.by_id(query.product_id) if query.product_id else None)
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
                    "reason": _reason(placement, asked, language),
                }
                for place, number in enumerate(self._first(query.first, placement.choose(self, asked), asked), 1)
            ],
        }

    def _first(self, most: int, chosen: Iterator[int], asked: _Asked) -> list[int]:
        orderable, seen = self._search.index.orderable, [] if asked.product is None else [asked.product.number]
        skipped = len(seen)
        for number in chosen:
            if len(seen) - skipped == most:
                break
            if number not in seen and orderable >> number & 1:
                seen.append(number)
        return seen[skipped:]

    def popular(self, _: _Asked) -> Iterator[int]:
        return iter(self._arranged(self._search.index.everything))

    def newest(self, _: _Asked) -> Iterator[int]:
        return iter(self._search.index.newest_first.arrange(self._search.index.everything)[:1000])

    def of_category(self, asked: _Asked) -> Iterator[int]:
        return iter(self._arranged(self._search.index.categories.get(asked.query.category_id or "", 0)))

    def to_taste(self, asked: _Asked) -> Iterator[int]:
        """From the three shelves that the customer likes, in turn."""
        assert asked.person is not None
        taste = draw(number_of(asked.person.id), _TASTE)
        shelves = self._shop.tree.shelves
        liked = [shelves[(taste >> 8 * turn) % len(shelves)].id for turn in range(3)]
        ranked = [self._arranged(self._search.index.having("shelf", key)) for key in liked]
        for rank in range(_MOST):
            yield from (shelf[rank] for shelf in ranked if rank < len(shelf))

    def past(self, salt: int) -> Callable[[_Asked], Iterator[int]]:
        """Forty products that the customer is said to have seen or bought; nothing for a guest."""

        def chosen(asked: _Asked) -> Iterator[int]:
            if asked.person is not None:
                size = len(self._shop.goods.products)
                yield from (1 + draw(number_of(asked.person.id), salt, turn) % size for turn in range(40))

        return chosen

    def seen(self, asked: _Asked) -> Iterator[int]:
        return self.past(_PAST)(asked)

    def bought(self, asked: _Asked) -> Iterator[int]:
        return self.past(_BOUGHT)(asked)

    def similar(self, asked: _Asked) -> Iterator[int]:
        """Of the same shelf, nearest in price; then of the same kind."""
        product = asked.product
        if product is None:
            return
        index = self._search.index
        shelf = index.having("shelf", product.shelf.id)
        kind = index.categories[product.shelf.parent_id or product.shelf.id]
        for bits in (shelf, kind & ~shelf):
            near = (self._shop.goods.products[number - 1] for number in numbers_in(bits))
            yield from (it.number for it in sorted(near, key=lambda it: (abs(it.price - product.price), it.number)))

    def together(self, asked: _Asked) -> Iterator[int]:
        """From the two groups of goods that it is not of, the popular ones, each product its own part of them."""
        product = asked.product
        if product is None:
            return
        index, groups = self._search.index, {"shoes": "c-1", "clothes": "c-2", "beauty": "c-3"}
        others = [
            self._arranged(index.categories[key])[:400] for group, key in groups.items() if group != product.kind.group
        ]
        start = product.number * 7
        for turn in range(_MOST):
            yield from (chosen[(start + turn) % len(chosen)] for chosen in others if chosen)

    def addons(self, _: _Asked) -> Iterator[int]:
        """Small things by the till: beauty, cheapest of the popular first."""
        popular = self._arranged(self._search.index.categories["c-3"])[:200]
        return iter(sorted(popular, key=lambda number: self._shop.goods.products[number - 1].price))

    def curated(self, _: _Asked) -> Iterator[int]:
        return iter(self._arranged(self._search.index.promotions["promo-look"]))

    def for_query(self, asked: _Asked) -> Iterator[int]:
        """What the search nearly means, then what everybody buys."""
        yield from self._arranged(self._search.index.vocabulary.find(asked.query.query or "").bits)[:6]
        yield from self.popular(asked)

    def _arranged(self, bits: int) -> list[int]:
        return self._search.arranged(self._search.index.most_popular_first, bits)


def _reason(placement: Placement, asked: _Asked, language: str) -> Json | None:
    if placement.reason is None:
        return None
    reason: Json = {"text": placement.reason.said(language)}
    if placement.is_based_on_product and asked.product is not None:
        reason["basedOnProductId"] = asked.product.id
    return reason


_POPULAR = Placement(
    Text("Популярное", "Popular"), "POPULAR", Recommendations.popular, Text("Выбор покупателей", "Shoppers' choice")
)
_NEW = Placement(
    Text("Новинки", "New in"), "NEW_ARRIVALS", Recommendations.newest, Text("Только что поступило", "Just arrived")
)
_SIMILAR = Placement(
    Text("Похожие товары", "Similar products"),
    "SIMILAR",
    Recommendations.similar,
    Text("Вы смотрите похожее", "Similar to what you see"),
    is_based_on_product=True,
)
_TOGETHER = Placement(
    Text("С этим покупают", "Bought together"),
    "BOUGHT_TOGETHER",
    Recommendations.together,
    Text("Покупают вместе", "Bought together"),
    is_based_on_product=True,
)
PLACEMENTS = {
    "home_personal": Placement(
        Text("Подобрали для вас", "Picked for you"),
        "PERSONAL",
        Recommendations.to_taste,
        Text("По вашим покупкам", "From what you bought"),
    ),
    "home_popular": _POPULAR,
    "home_new": _NEW,
    "home_curated": Placement(Text("Выбор стилиста", "Stylist's choice"), "CURATED", Recommendations.curated),
    "category_popular": Placement(
        Text("Популярное в категории", "Popular in this category"),
        "POPULAR",
        Recommendations.of_category,
        Text("Хит категории", "A hit here"),
    ),
    "product_similar": _SIMILAR,
    "product_together": _TOGETHER,
    "product_complementary": Placement(
        Text("Дополните образ", "Complete the look"),
        "COMPLEMENTARY",
        Recommendations.together,
        is_based_on_product=True,
    ),
    "product_viewed": Placement(
        Text("Смотрят вместе", "Viewed together"),
        "VIEWED_TOGETHER",
        Recommendations.similar,
        Text("Смотрели и это", "Others viewed this"),
        is_based_on_product=True,
    ),
    "recently_viewed": Placement(Text("Вы смотрели", "Recently viewed"), "RECENTLY_VIEWED", Recommendations.seen),
    "buy_again": Placement(
        Text("Купить снова", "Buy again"), "BUY_AGAIN", Recommendations.bought, Text("Вы покупали", "You bought it")
    ),
    "search_empty": Placement(
        Text("Может понравиться", "You may like"),
        "POPULAR",
        Recommendations.for_query,
        Text("Часто ищут", "Often searched"),
    ),
    "cart_addons": Placement(Text("Добавьте к заказу", "Add to your order"), "COMPLEMENTARY", Recommendations.addons),
}


def placement_for(name: str, person: Person | None) -> Placement | None:
    """A guest's personal shelf is the popular one."""
    return _POPULAR if name == "home_personal" and person is None else PLACEMENTS.get(name)
