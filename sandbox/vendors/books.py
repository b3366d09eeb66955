"""What lies where, as a stock system has it in its books: the shop's own stock, and what was changed by hand."""

from collections.abc import Iterator
from typing import NamedTuple

from sandbox.upstreams.contract import Json
from sandbox.world import stock
from sandbox.world.goods import Product
from sandbox.world.places import Place
from sandbox.world.shop import Shop


class Lying(NamedTuple):
    """Pieces of one variant at one place."""

    place: Place
    pieces: int


class Books:
    """Over the places that hold stock: warehouses first, then stores."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._changed: dict[tuple[str, str], int] = {}
        self.places: tuple[Place, ...] = (*shop.places.warehouses, *shop.places.stores)

    def variants(self) -> Iterator[tuple[Product, int]]:
        """Every variant: its product and its position."""
        return ((product, position) for product in self._shop.goods.products for position in range(product.size))

    def change(self, sku: str, location_id: str, pieces: int) -> None:
        """From now on so many lie there; raises ValueError for what there is not."""
        if self._shop.goods.by_sku(sku) is None:
            raise ValueError(f"sku: expected one of the shop's, got {sku!r}")
        if location_id not in {place.id for place in self.places}:
            raise ValueError(f"locationId: expected a store or a warehouse, got {location_id!r}")
        self._changed[sku, location_id] = pieces

    def forget(self) -> None:
        """Back to the shop's own stock."""
        self._changed.clear()

    def lying(self, product: Product, position: int) -> list[Lying]:
        """What there is of a variant, place by place; places without any are left out unless they were changed."""
        having, sku = stock.held(product, position), product.sku(position)
        found = []
        for place in self.places:
            changed = self._changed.get((sku, place.id))
            pieces = changed if changed is not None else _pieces(product, position, having, place)
            if pieces or changed is not None:
                found.append(Lying(place, pieces))
        return found

    def known(self, key_of: dict[str, str]) -> Json:
        """The places as the gateway's settings want them, by the vendor's keys."""
        return {
            key_of[place.id]: {
                "location_id": place.id,
                "kind": place.kind,
                "localities": [place.city.id],
                "latitude": place.latitude,
                "longitude": place.longitude,
            }
            for place in self.places
        }


def _pieces(product: Product, position: int, having: stock.Held, place: Place) -> int:
    if place.kind == "WAREHOUSE":
        return stock.at_warehouse(having, place.number)
    return stock.at_store(product, position, place.number)
