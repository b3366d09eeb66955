"""What is always there, whatever the seed: names that documentation, tests and a curious reader may use."""

from sandbox.world import people, promotions
from sandbox.world.brands import BRANDS
from sandbox.world.goods import Product
from sandbox.world.places import CITIES
from sandbox.world.shop import Shop
from sandbox.world.showcase import SHOWN

Told = dict[str, object]


def known(shop: Shop) -> Told:
    """Products by id with handle and skus, categories, brands, promotions, localities, stores, customers."""
    shown = (product for product in shop.goods.products if product.number in SHOWN)
    return {
        "seed": shop.seed,
        "productCount": len(shop.goods.products),
        "products": [_product(product) for product in shown],
        "categories": [{"id": category.id, "handle": category.handle} for category in shop.tree.by_id.values()],
        "brands": [{"id": brand.id, "handle": brand.handle, "name": brand.name} for brand in BRANDS],
        "promotions": [{"id": it.id, "handle": it.handle, "kind": it.mechanic["kind"]} for it in promotions.PROMOTIONS],
        "localities": [{"id": city.id, "name": city.name.en} for city in CITIES.values()],
        "locations": [
            {"id": it.id, "kind": it.kind, "localityId": it.city.id}
            for it in (*shop.places.stores, *shop.places.warehouses)
        ],
        "customers": [
            {"id": it.id, "name": it.first_name, "about": it.about, "locality": it.locality_id, "language": it.language}
            for it in people.KNOWN.values()
        ],
        "search": {"typo": "сопоги", "redirect": "Lumera", "nothing": "щщщщ"},
    }


def _product(product: Product) -> Told:
    return {
        "id": product.id,
        "handle": product.handle,
        "about": SHOWN[product.number].about,
        "categoryId": product.shelf.id,
        "skus": [product.sku(position) for position in range(product.size)],
    }
