"""What search knows: which products have which property, and how they are ordered."""

from collections import defaultdict
from collections.abc import Callable
from functools import cached_property, lru_cache

from sandbox.world import prices, promotions, stock
from sandbox.world.bits import Column, Order, bits_of, numbers_in
from sandbox.world.facts import material
from sandbox.world.goods import Product
from sandbox.world.options import Choice
from sandbox.world.places import Place
from sandbox.world.prices import Terms
from sandbox.world.shop import Shop
from sandbox.world.text import Text
from sandbox.world.words import Vocabulary, words_of

KEPT_PRICINGS = 8
KEPT_PLACES = 64
FACET_TITLES = {
    "brand": Text("Бренд", "Brand"),
    "color": Text("Цвет", "Colour"),
    "shade": Text("Оттенок", "Shade"),
    "size": Text("Размер", "Size"),
    "volume": Text("Объём", "Volume"),
    "material": Text("Материал", "Material"),
}


class Pricing:
    """What products cost everybody in one price list; tiers and contracts are not searched by."""

    def __init__(self, products: tuple[Product, ...], taken: list[int], terms: Terms) -> None:
        self.terms = terms
        rules = list(enumerate(promotions.PROMOTIONS))
        lowest, reductions = [0], [0]
        for product in products:
            mask = taken[product.number]
            part = [it for at, it in rules if mask >> at & 1 and promotions.works_in(it, terms.channel)]
            made = prices.unit_price(product, product.roubles(0), terms, taken=part)
            lowest.append(made.current)
            reductions.append((made.listed - made.current) * 100 // made.listed)
        self.price = Column(lowest)
        self.discount = Column(reductions)

    @cached_property
    def cheapest_first(self) -> Order:
        return Order(self.price.ascending)

    @cached_property
    def dearest_first(self) -> Order:
        return Order(self.price.ascending[::-1])

    @cached_property
    def most_reduced_first(self) -> Order:
        return Order(self.discount.ascending[::-1])


class Index:
    """Sets are whole numbers (see `bits.py`)."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._products = shop.goods.products
        self.size = len(self._products)
        self.everything = bits_of(range(1, self.size + 1), self.size)
        self.titles: dict[str, dict[str, Choice]] = {code: {} for code in FACET_TITLES}
        members: dict[tuple[str, str], list[int]] = defaultdict(list)
        for product in self._products:
            for code, choice in self._facts(product):
                members[code, choice.value].append(product.number)
                if code in self.titles:
                    self.titles[code][choice.value] = choice
        self._sets = {key: bits_of(numbers, self.size) for key, numbers in members.items()}
        self.pricing = lru_cache(KEPT_PRICINGS)(self._priced)
        self._at_place = lru_cache(KEPT_PLACES)(self._gather)

    def _facts(self, product: Product) -> list[tuple[str, Choice]]:
        made_of = material(product)
        facts = [
            ("brand", Choice(product.brand.handle, Text(product.brand.name, product.brand.name))),
            ("material", Choice(made_of.en.lower().replace(" ", "-"), made_of)),
            ("shelf", Choice(product.shelf.id, product.shelf.title)),
            ("model", Choice(product.model, Text(product.model, product.model))),
        ]
        facts += [(code, choice) for code, choices in product.axes for choice in choices]
        return facts

    def having(self, code: str, value: str) -> int:
        """Products with a property: a facet and its value, or `shelf`, or `model`."""
        return self._sets.get((code, value), 0)

    def choices(self, code: str) -> list[tuple[str, Choice]]:
        """Values of a facet in display order: brands by name, the rest as the shop lists them."""
        return self._display[code]

    @cached_property
    def _display(self) -> dict[str, list[tuple[str, Choice]]]:
        return {
            code: sorted(found.items(), key=lambda item: _place(code, item[1])) for code, found in self.titles.items()
        }

    @cached_property
    def categories(self) -> dict[str, int]:
        """Products of each category and its descendants."""
        sets = dict.fromkeys(self._shop.tree.by_id, 0)
        for shelf in self._shop.tree.shelves:
            for key in self._shop.tree.paths[shelf.id]:
                sets[key] |= self.having("shelf", shelf.id)
        return sets

    @cached_property
    def taken(self) -> list[int]:
        """For each product number, a bit for each promotion in their order."""
        rules = list(enumerate(promotions.PROMOTIONS))
        return [0] + [
            sum(1 << at for at, promotion in rules if promotions.takes_part(promotion, product))
            for product in self._products
        ]

    @cached_property
    def promotions(self) -> dict[str, int]:
        """Products that take part in each promotion."""
        return {
            promotion.id: bits_of((number for number, mask in enumerate(self.taken) if mask >> at & 1), self.size)
            for at, promotion in enumerate(promotions.PROMOTIONS)
        }

    @cached_property
    def _shelves(self) -> tuple[list[int], list[int], list[int]]:
        """Of each product: stores and warehouses where any of it is, as bit masks; whether any can be ordered."""
        rows = [(0, 0, 0), *map(_where, self._products)]
        stores, warehouses, orderable = (list(column) for column in zip(*rows, strict=True))
        return stores, warehouses, orderable

    @cached_property
    def orderable(self) -> int:
        """Products of which anything can be ordered with delivery."""
        return bits_of((number for number, yes in enumerate(self._shelves[2]) if yes), self.size)

    @cached_property
    def in_warehouses(self) -> int:
        """Products of which anything is in a warehouse now."""
        return bits_of((number for number, mask in enumerate(self._shelves[1]) if mask), self.size)

    def at(self, location_id: str) -> int:
        """Products of which anything is at a store or warehouse; none for any other place."""
        place = self._shop.places.by_id.get(location_id)
        return self._at_place(place) if place is not None and place.kind in ("STORE", "WAREHOUSE") else 0

    def _gather(self, place: Place) -> int:
        masks = self._shelves[0] if place.kind == "STORE" else self._shelves[1]
        bit = 1 << place.number
        return bits_of((number for number, mask in enumerate(masks) if mask & bit), self.size)

    def in_stores_of(self, locality_id: str) -> int:
        places = self._shop.places.in_city.get(locality_id, ())
        bits = 0
        for place in places:
            bits |= self.at(place.id) if place.kind == "STORE" else 0
        return bits

    def _priced(self, zone: str, currency: str, channel: str) -> Pricing:
        return Pricing(self._products, self.taken, Terms(zone, currency, channel))

    @cached_property
    def most_popular_first(self) -> Order:
        online = set(numbers_in(self.orderable))
        return self._order(lambda product: (product.number not in online, -product.fame))

    @cached_property
    def newest_first(self) -> Order:
        return self._order(lambda product: (product.age_days, -product.fame))

    @cached_property
    def best_rated_first(self) -> Order:
        return self._order(lambda product: (-product.rating_tenths, -product.reviews))

    def _order(self, key: Callable[[Product], tuple[int, int]]) -> Order:
        return Order([product.number for product in sorted(self._products, key=key)])

    @cached_property
    def vocabulary(self) -> Vocabulary:
        sets: dict[str, int] = defaultdict(int)
        for category in self._shop.tree.by_id.values():
            names = [category.title] if category.kind is None else [category.title, category.kind.noun]
            for name in names:
                self._teach(sets, name, self.categories[category.id])
        for code, value in self._sets:
            if code in ("brand", "model"):
                self._teach(sets, Text(value.replace("-", " "), ""), self.having(code, value))
            elif code in ("color", "shade", "size", "volume"):
                self._teach(sets, self.titles[code][value].title, self.having(code, value))
        return Vocabulary(sets)

    @staticmethod
    def _teach(sets: dict[str, int], name: Text, bits: int) -> None:
        for word in words_of(f"{name.ru} {name.en}"):
            sets[word] |= bits


_LETTERS = ("xs", "s", "m", "l", "xl", "xxl")


def _place(code: str, choice: Choice) -> tuple[int, str]:
    if code == "size":
        return (int(choice.value) if choice.value.isdigit() else 100 + _LETTERS.index(choice.value), "")
    return (choice.measure or 0, choice.title.en)


def _where(product: Product) -> tuple[int, int, int]:
    stores = warehouses = orderable = 0
    for position in range(product.size):
        having = stock.held(product, position)
        stores |= having.stores
        warehouses |= having.warehouses
        orderable |= stock.is_orderable(having)
    return stores, warehouses, orderable
