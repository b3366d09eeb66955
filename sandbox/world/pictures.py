"""Pictures drawn on demand: goods, brands, categories, promotions and places, as SVG of any width."""

import re
from html import escape

from sandbox.world import promotions
from sandbox.world.brands import BRANDS
from sandbox.world.goods import Goods, Product
from sandbox.world.options import COLOURS

_PATH = re.compile(
    r"(products|brands|categories|promotions|locations)/([a-zA-Z0-9_-]+?)(?:-(\d{1,4}|\{width\}|%7Bwidth%7D))?\.svg"
)
_SHOT = re.compile(r"(p-\d{6,9})-([1-9])")
_DEFAULT_WIDTH, _MOST_WIDTH = 600, 4000
_HEIGHTS = {"products": 100, "brands": 40, "categories": 67, "promotions": 38, "locations": 75}

# Silhouettes on a canvas of 100 by 100.
_SHAPES = {
    "sapogi": "M38 10h18v46q4 8 22 12q6 2 6 10v6H38z",
    "tufli": "M14 52q14 2 24 12q18 12 42 12q8 0 8 8H40L22 66v22h-6z",
    "krossovki": "M12 48l10-6 8 8 14-12q10 18 34 22q10 2 10 12v8H12z",
    "bosonozhki": "M14 74q30-8 44-26l6 4q-6 12 4 14q16 2 18 12v6H14z",
    "botinki": "M34 22h22v26q6 8 24 12q6 2 6 12v10H34z",
    "platya": "M40 10h20l-2 22q18 26 20 56H22q2-30 20-56z",
    "palto": "M36 12h28l14 14v62H58V40h-4v48H22V26z",
    "bluzki": "M36 14h28l18 16-10 12-6-4v46H34V38l-6 4-10-12z",
    "bryuki": "M34 10h32l6 78H56L50 34l-6 54H28z",
    "rubashki": "M36 14l14 8 14-8 18 14-10 14-6-4v48H34V38l-6 4-10-14z",
    "pomada": "M42 44V24l16-10v30h4v44H38V44z",
    "tush": "M44 8h12v44H44zM42 54h16v38H42z",
    "tonalnyj-krem": "M42 8h16v12h6v70H36V20h6z",
    "krem": "M24 40h52v42q0 6-6 6H30q-6 0-6-6zM28 24h44v12H28z",
    "syvorotka": "M46 6h8v18h8v10h6v52q0 6-6 6H38q-6 0-6-6V34h6V24h8z",
    "maska": "M50 12q30 0 30 36 0 40-30 42-30-2-30-42 0-36 30-36zM34 44q6-6 12 0-6 6-12 0zM54 44q6-6 12 0-6 6-12 0z",
    "duhi": "M44 8h12v14h14q6 0 6 6v56q0 6-6 6H30q-6 0-6-6V28q0-6 6-6h14z",
    "tualetnaya-voda": "M42 8h16v16h6l8 14v46q0 6-6 6H34q-6 0-6-6V38l8-14h6z",
}
_PLAIN = "M20 20h60v60H20z"


class Pictures:
    """Draws what `Shop.image` promises; anything else is None."""

    def __init__(self, goods: Goods) -> None:
        self._goods = goods

    def draw(self, path: str) -> bytes | None:
        """An SVG for a path below `/media/`; without a width, of a width of its own."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        kind, name, asked = match.groups()
        width = min(int(asked), _MOST_WIDTH) if asked and asked.isdigit() else _DEFAULT_WIDTH
        inside = self._inside(kind, name)
        return None if inside is None or width == 0 else _svg(width, _HEIGHTS[kind], inside)

    def _inside(self, kind: str, name: str) -> str | None:
        if kind == "products":
            shot = _SHOT.fullmatch(name)
            product = self._goods.by_id(shot[1]) if shot else None
            return None if shot is None or product is None else _product(product, int(shot[2]))
        if kind == "brands":
            brand = next((brand for brand in BRANDS if brand.handle == name), None)
            return None if brand is None else _words(brand.name, 24, "#222222", "none", 12)
        if kind == "promotions":
            found = next((it for it in promotions.PROMOTIONS if it.handle == name), None)
            return None if found is None else _words(found.title.ru, 21, "#ffffff", found.color, 6)
        if kind == "categories":
            category = self._goods.tree.by_id.get(name)
            return (
                None
                if category is None
                else _category(category.title.ru, category.kind.handle if category.kind else "")
            )
        return _words(name.replace("_", " "), 40, "#444444", "#e9ecef", 9)


def _product(product: Product, shot: int) -> str:
    """The first shots show its own colours, one each; the others turn it."""
    paints = [choice.paint for _, choices in product.axes for choice in choices if choice.paint]
    paint = (paints[(shot - 1) % len(paints)] if paints else None) or COLOURS[product.dice % len(COLOURS)].paint
    turn = (shot - 1) * 4
    shape = _SHAPES.get(product.kind.handle, _PLAIN)
    return (
        '<rect width="100" height="100" fill="#f4f1ec"/>'
        f'<path d="{shape}" fill="{paint}" stroke="#00000022" transform="rotate({turn} 50 50)"/>'
        f'<text x="50" y="97" font-size="5" text-anchor="middle" fill="#555555">'
        f"{escape(product.brand.name)} {escape(product.model)}</text>"
    )


def _category(title: str, kind: str) -> str:
    return (
        '<rect width="100" height="67" fill="#ece7df"/>'
        f'<path d="{_SHAPES.get(kind, _PLAIN)}" fill="#b9ab97" transform="translate(25 2) scale(.5)"/>'
        f'<text x="50" y="62" font-size="7" text-anchor="middle" fill="#333333">{escape(title)}</text>'
    )


def _words(text: str, y: int, paint: str, back: str, size: int) -> str:
    return (
        f'<rect width="100" height="100" fill="{back}"/>'
        f'<text x="50" y="{y}" font-size="{size}" text-anchor="middle" fill="{paint}">{escape(text)}</text>'
    )


def _svg(width: int, height: int, inside: str) -> bytes:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{width * height // 100}" '
        f'viewBox="0 0 100 {height}" font-family="sans-serif">{inside}</svg>'
    ).encode()
