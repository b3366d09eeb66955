"""How much of what is where. Nothing is stored: a variant's stock is worked out from its product's dice."""

from typing import NamedTuple

from sandbox.world import showcase
from sandbox.world.goods import Product
from sandbox.world.places import Places

_MASK = (1 << 64) - 1
_ALL_STORES = (1 << 40) - 1
_LOW = 3
CAP = 10
MOST_AHEAD = 5

RANK = ("IN_STOCK", "LOW_STOCK", "BACKORDER", "PREORDER", "STORE_ONLY", "OUT_OF_STOCK")


class Held(NamedTuple):
    """`online` counts units in warehouses; `stores` and `warehouses` are bit masks of where it is."""

    state: str
    online: int
    stores: int
    warehouses: int


def spread(dice: int, position: int) -> int:
    """64 bits for a variant out of its product's dice; cheaper than a whole draw."""
    state = (dice + (position + 1) * 0x9E3779B97F4A7C15) & _MASK
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    return state ^ (state >> 27)


def held(product: Product, position: int) -> Held:
    """What there is of a variant."""
    bits = spread(product.dice, position)
    shown = showcase.SHOWN.get(product.number)
    state = shown.stock if shown is not None else _state(bits % 100)
    stores = bits >> 8 & bits >> 24 & _ALL_STORES
    if state == "PLENTY":
        everywhere = _ALL_STORES if shown is not None else stores
        return Held(state, 4 + (bits >> 12) % 60, everywhere, bits >> 50 & 63 | 1)
    if state == "FEW":
        return Held(state, 1 + (bits >> 12) % _LOW, stores, 1)
    if state == "STORES":
        return Held(state, 0, _ALL_STORES if shown is not None else stores, 0)
    return Held(state, 0, 0, 0)


def _state(roll: int) -> str:
    if roll < 80:  # noqa: PLR2004
        return "PLENTY"
    if roll < 88:  # noqa: PLR2004
        return "FEW"
    if roll < 94:  # noqa: PLR2004
        return "STORES"
    return ("BACKORDER", "PREORDER", "NONE", "NONE", "NONE", "NONE")[roll - 94]


def status(having: Held, city_stores: int) -> str:
    """Status in a city, whose stores are given as a bit mask."""
    if having.online > _LOW:
        return "IN_STOCK"
    if having.online:
        return "LOW_STOCK"
    if having.state in ("BACKORDER", "PREORDER"):
        return having.state
    return "STORE_ONLY" if having.stores & city_stores else "OUT_OF_STOCK"


def is_orderable(having: Held) -> bool:
    """Whether it can be ordered with delivery, wherever one is."""
    return having.online > 0 or having.state in ("BACKORDER", "PREORDER")


def at_store(product: Product, position: int, number: int) -> int:
    """Units on the shelf of a store."""
    if not held(product, position).stores >> number & 1:
        return 0
    return 1 + spread(product.dice ^ (number + 1) << 32, position) % 8


def at_warehouse(having: Held, number: int) -> int:
    """Units in a warehouse: equal shares, the first one keeps the rest."""
    if not having.warehouses >> number & 1:
        return 0
    count = having.warehouses.bit_count()
    share, rest = divmod(having.online, count)
    is_first = having.warehouses & ((1 << number) - 1) == 0
    return share + (rest if is_first else 0)


def best(statuses: list[str]) -> str:
    return min(statuses, key=RANK.index)


def restock_days(product: Product, having: Held) -> int | None:
    """In how many days more is expected."""
    if having.state == "PREORDER":
        return 30
    if having.state == "BACKORDER":
        return 14
    return 7 + product.dice % 20 if having.state in ("STORES", "FEW") else None


def city_stores(places: Places, locality_id: str) -> int:
    """Bit mask of the stores of a city; none for an unknown one."""
    return places.store_masks.get(locality_id, 0)
