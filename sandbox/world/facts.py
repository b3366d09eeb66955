"""Characteristics of a product that are told in words."""

from sandbox.world.draw import pick
from sandbox.world.goods import Product
from sandbox.world.text import Text

_MATERIAL, _COUNTRY = 51, 52

MATERIALS = {
    "shoes": (Text("Натуральная кожа", "Leather"), Text("Замша", "Suede"), Text("Текстиль", "Textile")),
    "clothes": (Text("Шерсть", "Wool"), Text("Хлопок", "Cotton"), Text("Вискоза", "Viscose"), Text("Шёлк", "Silk")),
    "beauty": (
        Text("Для всех типов кожи", "All skin types"),
        Text("Для сухой кожи", "Dry skin"),
        Text("Для чувствительной кожи", "Sensitive skin"),
    ),
}
MATERIAL_TITLES = {
    "shoes": Text("Материал верха", "Upper"),
    "clothes": Text("Состав", "Fabric"),
    "beauty": Text("Тип кожи", "Skin type"),
}
SEASONS = (Text("Весна–лето", "Spring–summer"), Text("Осень–зима", "Autumn–winter"), Text("Круглый год", "All year"))
COUNTRIES = (Text("Россия", "Russia"), Text("Италия", "Italy"), Text("Турция", "Türkiye"), Text("Корея", "Korea"))


def material(product: Product) -> Text:
    return pick(MATERIALS[product.kind.group], product.dice, _MATERIAL)


def season(product: Product) -> Text:
    return SEASONS[product.dice % len(SEASONS)]


def country(product: Product) -> Text:
    return pick(COUNTRIES, product.dice, _COUNTRY)
