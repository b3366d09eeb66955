"""Catalogue: products by id, handle and sku, and the category tree."""

from collections.abc import Iterator
from functools import lru_cache

import orjson
from msgspec import field

from sandbox.upstreams.contract import Json, Operation, Request
from sandbox.world import showcase, stock
from sandbox.world.brands import Brand
from sandbox.world.draw import draw
from sandbox.world.facts import MATERIAL_TITLES, country, material, season
from sandbox.world.goods import Product
from sandbox.world.options import AXIS_TITLES, Choice
from sandbox.world.promotions import BY_ID, takes_part
from sandbox.world.shop import Shop
from sandbox.world.text import Text, tongue
from sandbox.world.tree import Category

SHOP_URL = "https://shop.example"
KEPT_PRODUCTS = 8192
_NEW_DAYS = 45
_RARE = 53


class Products(Request, frozen=True):
    language: str
    ids: list[str] = field(default_factory=list)
    handles: list[str] = field(default_factory=list)
    skus: list[str] = field(default_factory=list)


class Categories(Request, frozen=True):
    language: str


class Catalogue:
    """Products are encoded once and kept, the most recent `KEPT_PRODUCTS` per shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._encoded = lru_cache(KEPT_PRODUCTS)(self._encode)

    def operations(self) -> tuple[Operation[Products], Operation[Categories]]:
        return (
            Operation(
                "catalogue.products", "/v1/products/batch", Products, self.products, ("ids", "handles", "skus"), 500
            ),
            Operation("catalogue.categories", "/v1/categories", Categories, self.categories, method="GET"),
        )

    def products(self, asked: Products) -> Json:
        language = tongue(asked.language)
        numbers = dict.fromkeys(product.number for product in self._found(asked))
        return {"products": [orjson.Fragment(self._encoded(number, language)) for number in numbers]}

    def _found(self, asked: Products) -> Iterator[Product]:
        goods = self._shop.goods
        yield from filter(None, map(goods.by_id, asked.ids))
        yield from filter(None, map(goods.by_handle, asked.handles))
        yield from (found[0] for found in map(goods.by_sku, asked.skus) if found is not None)

    def categories(self, asked: Categories) -> Json:
        language = tongue(asked.language)
        return {"categories": [self._category(category, language) for category in self._shop.tree.by_id.values()]}

    def _category(self, category: Category, language: str) -> Json:
        title = category.title.said(language)
        about = Text(
            f"<p>{title}: новая коллекция с доставкой и примеркой.</p>", f"<p>{title}: new arrivals, delivered.</p>"
        )
        return {
            "id": category.id,
            "handle": category.handle,
            "title": title,
            "description": about.said(language),
            "image": self._shop.image(f"categories/{category.id}", title, 1200, 800),
            "parentId": category.parent_id,
            "childIds": category.child_ids,
            "seo": _seo(title, f"/c/{category.handle}", language),
        }

    def told(self, number: int, language: str) -> Json:
        """What is said of a product, for those who say it in other words."""
        told: Json = orjson.loads(self._encoded(number, language))
        return told

    def _encode(self, number: int, language: str) -> bytes:
        product = self._shop.goods.products[number - 1]
        title = product.title.said(language)
        main = self._shop.image(f"products/{product.id}-1", title)
        return orjson.dumps(
            {
                "id": product.id,
                "handle": product.handle,
                "title": title,
                "brand": brand_json(self._shop, product.brand),
                "subtitle": product.shelf.title.said(language),
                "description": _description(product, language),
                "image": main,
                "media": list(self._media(product, title)),
                "categoryPath": self._shop.tree.paths[product.shelf.id],
                "attributes": list(_attributes(product, language)),
                "options": [_option(axis, choices, language) for axis, choices in product.axes],
                "variants": [self._variant(product, position, title, language) for position in range(product.size)],
                "badges": list(_badges(product, language)),
                "rating": {"average": product.rating_tenths / 10, "count": product.reviews},
                "seo": _seo(title, f"/p/{product.handle}", language),
            }
        )

    def _media(self, product: Product, title: str) -> Iterator[Json]:
        for shot in range(1, 5):
            yield {"kind": "IMAGE", "image": self._shop.image(f"products/{product.id}-{shot}", f"{title}, {shot}")}
        if product.number % 5 == 1:
            poster = self._shop.image(f"products/{product.id}-5", title)
            yield {"kind": "VIDEO", "image": poster, "videoUrl": f"{SHOP_URL}/video/{product.id}.m3u8"}

    def _variant(self, product: Product, position: int, title: str, language: str) -> Json:
        chosen = [(code, choice.value, choice.title.said(language)) for code, choice in product.chosen(position)]
        variant: Json = {
            "id": product.variant_id(position),
            "sku": product.sku(position),
            "barcode": f"460{product.number:07d}{position + 1:03d}",
            "title": ", ".join((title, *(said for _, _, said in chosen))),
            "selectedOptions": [{"code": code, "value": value, "title": said} for code, value, said in chosen],
            "components": self._components(product),
            "quantityRule": {"minimum": 1, "maximum": stock.CAP, "step": 1},
        }
        if product.axes and product.axes[0][0] != "volume":
            paint = position // (product.size // len(product.axes[0][1])) + 1
            variant["image"] = self._shop.image(f"products/{product.id}-{paint}", str(variant["title"]))
        return variant

    def _components(self, product: Product) -> list[Json]:
        shown = showcase.SHOWN.get(product.number)
        if shown is None or not shown.is_set:
            return []
        parts = filter(None, map(self._shop.goods.by_number, (2, 12)))
        return [{"sku": part.sku(0), "quantity": 1} for part in parts]


def brand_json(shop: Shop, brand: Brand) -> Json:
    return {
        "id": brand.id,
        "handle": brand.handle,
        "name": brand.name,
        "logo": shop.image(f"brands/{brand.handle}", brand.name, 400, 160),
    }


def _seo(title: str, path: str, language: str) -> Json:
    about = Text(f"{title} — купить с доставкой и примеркой", f"{title} — buy online with delivery")
    return {"title": title, "description": about.said(language), "canonicalUrl": SHOP_URL + path}


def _description(product: Product, language: str) -> str:
    return Text(
        f"<p>{product.title.ru} — {material(product).ru.lower()}, {season(product).ru.lower()}.</p>",
        f"<p>{product.title.en}: {material(product).en.lower()}, {season(product).en.lower()}.</p>",
    ).said(language)


def _attributes(product: Product, language: str) -> Iterator[Json]:
    group = product.kind.group
    rows = (
        ("material", MATERIAL_TITLES[group], material(product), Text("Состав", "Composition")),
        ("season", Text("Сезон", "Season"), season(product), Text("Общие", "General")),
        ("country", Text("Страна", "Country"), country(product), Text("Общие", "General")),
    )
    for code, title, value, section in rows:
        yield {
            "code": code,
            "title": title.said(language),
            "values": [value.said(language)],
            "group": section.said(language),
        }
    article = Text("Артикул", "Article")
    yield {
        "code": "article",
        "title": article.said(language),
        "values": [product.id.upper()],
        "group": rows[1][3].said(language),
    }


def _option(axis: str, choices: tuple[Choice, ...], language: str) -> Json:
    return {
        "code": axis,
        "title": AXIS_TITLES[axis].said(language),
        "values": [
            {"value": choice.value, "title": choice.title.said(language)}
            | ({"swatch": {"color": choice.paint}} if choice.paint else {})
            for choice in choices
        ],
    }


def _badges(product: Product, language: str) -> Iterator[Json]:
    rows = (
        ("sale", Text("Скидка", "Sale"), "#d6336c", takes_part(BY_ID["promo-spring-sale"], product)),
        ("new", Text("Новинка", "New"), "#2f9e44", product.age_days < _NEW_DAYS),
        ("hit", Text("Хит", "Bestseller"), "#f08c00", product.fame > 950_000),  # noqa: PLR2004
        ("exclusive", Text("Эксклюзив", "Exclusive"), "#7048e8", draw(product.dice, _RARE) % 20 == 0),
        ("fitting", Text("Примерка", "Try on"), "#495057", product.kind.group != "beauty"),
        ("original", Text("Оригинал", "Original"), "#495057", product.kind.group == "beauty"),
    )
    return (
        {"code": code, "title": title.said(language), "color": color} for code, title, color, shown in rows if shown
    )
