"""The shop's goods as elements of Bitrix24's information blocks, with properties, lists and sections."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from sandbox.upstreams.catalogue import SHOP_URL, Catalogue
from sandbox.upstreams.contract import Json
from sandbox.world.brands import BRANDS
from sandbox.world.goods import Product
from sandbox.world.options import AXIS_TITLES, COLOURS, SHADES, SIZES, VOLUMES, Choice
from sandbox.world.shop import Shop
from sandbox.world.stock import CAP

PRODUCTS_BLOCK, OFFERS_BLOCK = 23, 24
FIRST_PRODUCT, FIRST_SECTION, FIRST_ENUM = 1000, 10, 500
OFFERS_OF_ONE: Final = 200
WITH_OFFERS, OFFER = 3, 4

# Numbers of properties, as a portal gives them out.
SKU, BARCODE, OFFER_PICTURE = 301, 302, 303
AXES: Final = {"color": 311, "size": 312, "shade": 313, "volume": 314}
BRAND, BADGES, PICTURES, VIDEOS, RATING, REVIEWS, NAME_EN, ABOUT_EN, SUBTITLE_EN = range(401, 410)
ATTRIBUTES: Final = {"material": 421, "season": 422, "country": 423, "article": 424}
BADGE_NAMES: Final = (
    ("sale", "Скидка", "#d6336c"),
    ("new", "Новинка", "#2f9e44"),
    ("hit", "Хит", "#f08c00"),
    ("exclusive", "Эксклюзив", "#7048e8"),
    ("fitting", "Примерка", "#495057"),
    ("original", "Оригинал", "#495057"),
)


def _choices() -> Iterator[tuple[str, Choice]]:
    """Every value that an axis can have, in display order."""
    yield from (("color", choice) for choice in COLOURS)
    for axis, groups in (("shade", SHADES), ("volume", VOLUMES), ("size", SIZES)):
        seen: dict[str, Choice] = {}
        for choices in groups.values():
            seen |= {choice.value: choice for choice in choices if choice.value not in seen}
        yield from ((axis, choice) for choice in sorted(seen.values(), key=lambda choice: choice.measure or 0))


CHOICES: Final = tuple(_choices())


def _enums() -> Iterator[Json]:
    named: list[tuple[int, str, str]] = [(AXES[axis], choice.value, choice.title.ru) for axis, choice in CHOICES]
    named += [(BRAND, brand.handle, brand.name) for brand in BRANDS]
    named += [(BADGES, code, title) for code, title, _ in BADGE_NAMES]
    for number, (owner, code, title) in enumerate(named):
        yield {
            "id": FIRST_ENUM + number, "propertyId": owner, "value": title, "xmlId": code, "sort": number, "def": "N",
        }  # fmt: skip


ENUMS: Final = tuple(_enums())
_ENUM_IDS: Final = {(one["propertyId"], one["xmlId"]): str(one["id"]) for one in ENUMS}
BLOCKS: Final = (
    {
        "id": PRODUCTS_BLOCK, "iblockId": PRODUCTS_BLOCK, "name": "Товары", "productIblockId": None,
        "skuPropertyId": None,
    },
    {
        "id": OFFERS_BLOCK, "iblockId": OFFERS_BLOCK, "name": "Предложения", "productIblockId": PRODUCTS_BLOCK,
        "skuPropertyId": 97,
    },
)  # fmt: skip

MAPPING: Final = {
    "brand_ids": "b-{code}", "sku": SKU, "barcode": BARCODE, "offer_picture": OFFER_PICTURE, "brand": BRAND,
    "badges": BADGES,
    "pictures": PICTURES, "videos": VIDEOS, "rating": RATING, "reviews": REVIEWS, "most_ordered": CAP,
    "badge_colors": {code: color for code, _, color in BADGE_NAMES},
    "options": [
        {
            "code": axis, "title": title.ru, "property": AXES[axis],
            "swatches": {choice.value: choice.paint for of, choice in CHOICES if of == axis and choice.paint},
        }
        for axis, title in AXIS_TITLES.items()
    ],
    "attributes": [
        {"code": "material", "title": "Материал", "property": ATTRIBUTES["material"], "group": "Состав"},
        {"code": "season", "title": "Сезон", "property": ATTRIBUTES["season"], "group": "Общие"},
        {"code": "country", "title": "Страна", "property": ATTRIBUTES["country"], "group": "Общие"},
        {"code": "article", "title": "Артикул", "property": ATTRIBUTES["article"], "group": "Общие"},
    ],
    "translations": {"en": {"name": NAME_EN, "subtitle": SUBTITLE_EN, "description": ABOUT_EN}},
    "product_url": f"{SHOP_URL}/p/{{handle}}", "category_url": f"{SHOP_URL}/c/{{handle}}",
}  # fmt: skip
"""What the properties mean, as settings of an adapter."""


class Elements:
    """Elements by the filters that make them quick to find; what they say is what our own catalogue says."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._catalogue = Catalogue(shop)
        self._section_ids = {key: FIRST_SECTION + number for number, key in enumerate(shop.tree.by_id)}

    def sections(self, _wanted: Json) -> Iterator[Json]:
        tree = self._shop.tree.by_id
        for number, category in enumerate(tree.values()):
            above = category.parent_id
            yield {
                "id": self._section_ids[category.id], "iblockId": PRODUCTS_BLOCK, "name": category.title.ru,
                "iblockSectionId": None if above is None else self._section_ids[above], "code": category.handle,
                "xmlId": category.id, "sort": 100 + number, "active": "Y", "descriptionType": "html",
                "description": f"<p>{category.title.ru}: новая коллекция с доставкой и примеркой.</p>",
            }  # fmt: skip

    def products(self, wanted: Json) -> Iterator[Json]:
        if str(wanted["iblockId"]) != str(PRODUCTS_BLOCK):
            return
        for product in sorted(self._wanted_products(wanted), key=lambda product: product.number):
            yield self._product(product)

    def _wanted_products(self, wanted: Json) -> Iterable[Product]:
        goods = self._shop.goods
        if "@xmlId" in wanted:
            found = [goods.by_id(one) for one in wanted["@xmlId"]]
        elif "@code" in wanted:
            found = [goods.by_handle(one) for one in wanted["@code"]]
        elif "@id" in wanted:
            found = [goods.by_number(int(one) - FIRST_PRODUCT) for one in wanted["@id"]]
        else:
            return goods.products[max(0, int(wanted.get(">id", 0)) - FIRST_PRODUCT) :]
        return {product.number: product for product in found if product is not None}.values()

    def offers(self, wanted: Json) -> Iterator[Json]:
        if str(wanted["iblockId"]) != str(OFFERS_BLOCK):
            return
        goods = self._shop.goods
        if f"@property{SKU}" in wanted:
            skus = (goods.by_sku(sku) for sku in wanted[f"@property{SKU}"])
            places = [found for found in skus if found is not None]
        else:
            parents = (goods.by_number(int(one) - FIRST_PRODUCT) for one in wanted.get("@parentId", ()))
            places = [(one, at) for one in parents if one is not None for at in range(one.size)]
        for product, position in sorted(places, key=lambda place: (place[0].number, place[1])):
            yield self._offer(product, position)

    def _product(self, product: Product) -> Json:
        said = {language: self._said(product, language) for language in ("ru", "en")}
        told: Json = {
            "id": FIRST_PRODUCT + product.number, "iblockId": PRODUCTS_BLOCK, "xmlId": product.id,
            "code": product.handle, "name": said["ru"]["title"], "active": "Y",
            "type": WITH_OFFERS,
            "iblockSectionId": self._section_ids[product.shelf.id], "previewText": said["ru"]["subtitle"],
            "previewTextType": "text", "detailText": said["ru"]["description"], "detailTextType": "html",
            "quantity": 10, "quantityReserved": 1, "weight": "900", "vatIncluded": "Y",
        }  # fmt: skip
        told |= _properties(
            {
                BRAND: _ENUM_IDS[BRAND, product.brand.handle],
                BADGES: [_ENUM_IDS[BADGES, badge["code"]] for badge in said["ru"]["badges"]],
                PICTURES: [media["image"]["url"] for media in said["ru"]["media"] if media["kind"] == "IMAGE"],
                VIDEOS: [media["videoUrl"] for media in said["ru"]["media"] if media["kind"] == "VIDEO"],
                RATING: str(said["ru"]["rating"]["average"]),
                REVIEWS: str(said["ru"]["rating"]["count"]),
                NAME_EN: said["en"]["title"],
                ABOUT_EN: {"text": said["en"]["description"], "type": "HTML"},
                SUBTITLE_EN: said["en"]["subtitle"],
                **{ATTRIBUTES[one["code"]]: one["values"][0] for one in said["ru"]["attributes"]},
            }
        )
        return told

    def _offer(self, product: Product, position: int) -> Json:
        variant = self._said(product, "ru")["variants"][position]
        own = FIRST_PRODUCT + 1_000_000 + product.number * OFFERS_OF_ONE + position
        told: Json = {
            "id": own, "iblockId": OFFERS_BLOCK, "xmlId": variant["id"], "name": variant["title"], "active": "Y",
            "type": OFFER, "parentId": {"value": str(FIRST_PRODUCT + product.number), "valueId": str(own * 10)},
        }  # fmt: skip
        chosen = {AXES[one["code"]]: _ENUM_IDS[AXES[one["code"]], one["value"]] for one in variant["selectedOptions"]}
        picture = variant.get("image", {}).get("url")
        return told | _properties({SKU: variant["sku"], BARCODE: variant["barcode"], OFFER_PICTURE: picture, **chosen})

    def _said(self, product: Product, language: str) -> Any:
        return self._catalogue.told(product.number, language)


def _properties(said: dict[int, Any]) -> Json:
    """As the portal writes them: values with ids of their own, lists of such, null for nothing."""
    told: Json = {}
    for number, value in said.items():
        if value is None or value == []:
            told[f"property{number}"] = None
        elif isinstance(value, list):
            told[f"property{number}"] = [
                {"value": one, "valueId": str(number * 100 + at)} for at, one in enumerate(value)
            ]
        else:
            told[f"property{number}"] = {"value": value, "valueId": str(number * 100)}
    return told
