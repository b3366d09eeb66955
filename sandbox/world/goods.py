"""Products and their variants. A product is a few draws; everything said about it is worked out when asked."""

from dataclasses import dataclass
from functools import lru_cache

from sandbox.world import showcase
from sandbox.world.brands import BY_GROUP, MODELS, Brand
from sandbox.world.draw import draw, pick
from sandbox.world.kinds import Kind
from sandbox.world.options import Choice, choices_of
from sandbox.world.text import Text
from sandbox.world.tree import Category, Tree

KEPT_SKUS = 65_536
_BRAND, _MODEL, _PRICE, _FAME, _AGE, _STARS, _STOCK, _CLUB = range(11, 19)


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """`price` is the list price in whole roubles; `fame` orders by popularity; `dice` feeds all further draws."""

    number: int
    shelf: Category
    kind: Kind
    brand: Brand
    model: str
    axes: tuple[tuple[str, tuple[Choice, ...]], ...]
    price: int
    fame: int
    age_days: int
    rating_tenths: int
    reviews: int
    dice: int

    @property
    def id(self) -> str:
        return f"p-{self.number:06d}"

    @property
    def handle(self) -> str:
        return f"{self.kind.handle}-{self.brand.handle}-{self.model.lower()}-{self.number}"

    @property
    def title(self) -> Text:
        noun = self.kind.noun
        return Text(f"{noun.ru} {self.brand.name} {self.model}", f"{self.brand.name} {self.model} {noun.en}")

    @property
    def size(self) -> int:
        """How many variants it has."""
        count = 1
        for _, choices in self.axes:
            count *= len(choices)
        return count

    def chosen(self, position: int) -> tuple[tuple[str, Choice], ...]:
        """The option values of the variant at a position, counted from 0."""
        values = []
        for code, choices in reversed(self.axes):
            position, index = divmod(position, len(choices))
            values.append((code, choices[index]))
        return tuple(reversed(values))

    def sku(self, position: int) -> str:
        return f"{self.brand.prefix}-{self.number:06d}-{position + 1:02d}"

    def variant_id(self, position: int) -> str:
        return f"v-{self.number:06d}-{position + 1:02d}"

    def roubles(self, position: int) -> int:
        """List price of a variant: larger volumes cost more."""
        percent = 100
        for _, choice in self.chosen(position):
            percent = percent * choice.price_percent // 100
        return self.price if percent == 100 else self.price * percent // 1000 * 10  # noqa: PLR2004

    @property
    def prices(self) -> tuple[int, ...]:
        """The list price of each variant, in order."""
        if self.axes and self.axes[-1][0] == "volume":
            return tuple(self.roubles(position) for position in range(self.size))
        return (self.price,) * self.size


class Goods:
    """All products, found by number, id, handle or sku."""

    def __init__(self, seed: int, count: int, tree: Tree) -> None:
        self.tree = tree
        self.products = tuple(_made(seed, number, tree) for number in range(1, count + 1))
        self.by_sku = lru_cache(KEPT_SKUS)(self._by_sku)

    def by_number(self, number: int) -> Product | None:
        return self.products[number - 1] if 0 < number <= len(self.products) else None

    def by_id(self, key: str) -> Product | None:
        return self._by_tail(key, "p-")

    def by_handle(self, key: str) -> Product | None:
        product = self.by_number(_whole(key.rpartition("-")[2]))
        return product if product is not None and product.handle == key else None

    def _by_sku(self, key: str) -> tuple[Product, int] | None:
        """The product and the position of its variant."""
        parts = key.split("-")
        if len(parts) != 3:  # noqa: PLR2004
            return None
        product, position = self.by_number(_whole(parts[1])), _whole(parts[2]) - 1
        if product is None or not 0 <= position < product.size or product.sku(position) != key:
            return None
        return product, position

    def _by_tail(self, key: str, head: str) -> Product | None:
        product = self.by_number(_whole(key.removeprefix(head)))
        return product if product is not None and product.id == key else None


def _whole(text: str) -> int:
    """A non-negative number of at most nine ASCII digits; -1 for everything else."""
    return int(text) if text.isdigit() and text.isascii() and len(text) < 10 else -1  # noqa: PLR2004


def _made(seed: int, number: int, tree: Tree) -> Product:
    shown = showcase.SHOWN.get(number)
    dice = draw(seed, number)
    shelf = (
        tree.shelves[dice % len(tree.shelves)]
        if number > 3 * len(tree.shelves)
        else tree.shelves[number % len(tree.shelves)]
    )
    if shown is not None:
        shelf = next(place for place in tree.shelves if place.handle == shown.shelf)
    kind = shelf.kind
    assert kind is not None
    stars = draw(dice, _STARS)
    return Product(
        number=number,
        shelf=shelf,
        kind=kind,
        brand=_brand(shown.brand, kind) if shown else pick(BY_GROUP[kind.group], dice, _BRAND),
        model=shown.model if shown else pick(MODELS, dice, _MODEL),
        axes=_axes(kind, shown, dice),
        price=shown.price if shown else _price(kind, dice),
        fame=_fame(number, dice, is_shown=shown is not None),
        age_days=draw(dice, _AGE) % 700,
        rating_tenths=33 + stars % 17 + (stars >> 8) % 2,
        reviews=1 + (stars >> 16) % 400,
        dice=dice,
    )


def _brand(name: str, kind: Kind) -> Brand:
    return next(brand for brand in BY_GROUP[kind.group] if brand.name == name)


def _axes(kind: Kind, shown: showcase.Shown | None, dice: int) -> tuple[tuple[str, tuple[Choice, ...]], ...]:
    if shown is not None and shown.is_set:
        return ()
    return tuple((axis, choices_of(kind, axis, dice)) for axis in kind.axes)


def _price(kind: Kind, dice: int) -> int:
    steps = (kind.dearest - kind.cheapest) // 100
    low = min(draw(dice, _PRICE) % (steps + 1), draw(dice, _PRICE, 1) % (steps + 1))
    return kind.cheapest + low * 100


def _fame(number: int, dice: int, *, is_shown: bool) -> int:
    return 2_000_000 - number if is_shown else draw(dice, _FAME) % 1_000_000
