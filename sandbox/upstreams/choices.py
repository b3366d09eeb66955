"""What one may recommend: ways to choose products, best first, as numbers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.upstreams.search import Search
from sandbox.world.bits import numbers_in
from sandbox.world.draw import draw, number_of
from sandbox.world.goods import Product
from sandbox.world.shop import Shop

MOST = 100
_TASTE, _PAST, _BOUGHT = 71, 72, 73


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a page shows, and to whom: a key of any kind that stays the same for one shopper, None for a guest."""

    shopper: str | None = None
    product: Product | None = None
    category_id: str | None = None
    text: str = ""


Chooser = Callable[["Choices", Occasion], Iterator[int]]


class Choices:
    """Only what can be ordered is chosen, and nothing twice."""

    def __init__(self, shop: Shop, search: Search) -> None:
        self._shop = shop
        self._search = search

    def first(self, most: int, choose: Chooser, occasion: Occasion) -> list[int]:
        """The best of them, without the product that the page shows."""
        orderable, seen = self._search.index.orderable, [] if occasion.product is None else [occasion.product.number]
        skipped = len(seen)
        for number in choose(self, occasion):
            if len(seen) - skipped == most:
                break
            if number not in seen and orderable >> number & 1:
                seen.append(number)
        return seen[skipped:]

    def popular(self, _: Occasion) -> Iterator[int]:
        return iter(self._arranged(self._search.index.everything))

    def newest(self, _: Occasion) -> Iterator[int]:
        return iter(self._search.index.newest_first.arrange(self._search.index.everything)[:1000])

    def of_category(self, occasion: Occasion) -> Iterator[int]:
        return iter(self._arranged(self._search.index.categories.get(occasion.category_id or "", 0)))

    def to_taste(self, occasion: Occasion) -> Iterator[int]:
        """From the three shelves that the shopper likes, in turn; everybody's for a guest."""
        if occasion.shopper is None:
            yield from self.popular(occasion)
            return
        taste = draw(number_of(occasion.shopper), _TASTE)
        shelves = self._shop.tree.shelves
        liked = [shelves[(taste >> 8 * turn) % len(shelves)].id for turn in range(3)]
        ranked = [self._arranged(self._search.index.having("shelf", key)) for key in liked]
        for rank in range(MOST):
            yield from (shelf[rank] for shelf in ranked if rank < len(shelf))

    def past(self, salt: int) -> Callable[[Occasion], Iterator[int]]:
        """Forty products that the shopper is said to have seen or bought; nothing for a guest."""

        def chosen(occasion: Occasion) -> Iterator[int]:
            if occasion.shopper is not None:
                size = len(self._shop.goods.products)
                yield from (1 + draw(number_of(occasion.shopper), salt, turn) % size for turn in range(40))

        return chosen

    def seen(self, occasion: Occasion) -> Iterator[int]:
        return self.past(_PAST)(occasion)

    def bought(self, occasion: Occasion) -> Iterator[int]:
        return self.past(_BOUGHT)(occasion)

    def similar(self, occasion: Occasion) -> Iterator[int]:
        """Of the same shelf, nearest in price; then of the same kind."""
        product = occasion.product
        if product is None:
            return
        index = self._search.index
        shelf = index.having("shelf", product.shelf.id)
        kind = index.categories[product.shelf.parent_id or product.shelf.id]
        for bits in (shelf, kind & ~shelf):
            near = (self._shop.goods.products[number - 1] for number in numbers_in(bits))
            yield from (it.number for it in sorted(near, key=lambda it: (abs(it.price - product.price), it.number)))

    def together(self, occasion: Occasion) -> Iterator[int]:
        """From the two groups of goods that it is not of, the popular ones, each product its own part of them."""
        product = occasion.product
        if product is None:
            return
        index, groups = self._search.index, {"shoes": "c-1", "clothes": "c-2", "beauty": "c-3"}
        others = [
            self._arranged(index.categories[key])[:400] for group, key in groups.items() if group != product.kind.group
        ]
        start = product.number * 7
        for turn in range(MOST):
            yield from (chosen[(start + turn) % len(chosen)] for chosen in others if chosen)

    def addons(self, _: Occasion) -> Iterator[int]:
        """Small things by the till: beauty, cheapest of the popular first."""
        popular = self._arranged(self._search.index.categories["c-3"])[:200]
        return iter(sorted(popular, key=lambda number: self._shop.goods.products[number - 1].price))

    def curated(self, _: Occasion) -> Iterator[int]:
        return iter(self._arranged(self._search.index.promotions["promo-look"]))

    def for_query(self, occasion: Occasion) -> Iterator[int]:
        """What the search nearly means, then what everybody buys."""
        yield from self._arranged(self._search.index.vocabulary.find(occasion.text).bits)[:6]
        yield from self.popular(occasion)

    def _arranged(self, bits: int) -> list[int]:
        return self._search.arranged(self._search.index.most_popular_first, bits)
