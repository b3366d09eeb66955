"""Products that are always there, whatever the seed: documentation and tests may name them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """`price` in roubles; `stock` is what all of its variants have: see `stock.py`."""

    about: str
    shelf: str
    brand: str
    model: str
    price: int
    stock: str
    is_set: bool = False


SHOWN = {
    1: Shown(
        "in stock everywhere, on sale, with a gift to choose, a set and a multi-buy",
        "obuv-zhenskaya-sapogi-vysokie",
        "Lumera",
        "Siena",
        12990,
        "PLENTY",
    ),
    2: Shown(
        "many shades, 3 for 2 and 3 for 999 roubles",
        "kosmetika-makiyazh-pomada-matovaya",
        "Mirelle",
        "Velvet",
        790,
        "PLENTY",
    ),
    3: Shown("colours and letter sizes", "odezhda-zhenskaya-platya-midi", "Arvelle", "Aurora", 8990, "PLENTY"),
    4: Shown("men's sizes", "obuv-muzhskaya-krossovki-begovye", "Nordvik", "Bergen", 7990, "PLENTY"),
    5: Shown(
        "volumes with different prices", "kosmetika-parfyumeriya-duhi-zhenskie", "Auralis", "Lira", 5990, "PLENTY"
    ),
    6: Shown(
        "a set of other variants; one variant, no options",
        "kosmetika-makiyazh-tush-obyomnaya",
        "Mirelle",
        "Viola",
        1990,
        "PLENTY",
        is_set=True,
    ),
    7: Shown("out of stock", "obuv-zhenskaya-sapogi-zimnie", "Lumera", "Verona", 14990, "NONE"),
    8: Shown("on preorder", "odezhda-zhenskaya-palto-sherstyanye", "Severin", "Oslo", 24990, "PREORDER"),
    9: Shown("on backorder", "obuv-muzhskaya-botinki-zimnie", "Nordvik", "Elba", 11990, "BACKORDER"),
    10: Shown("in stores only", "obuv-zhenskaya-tufli-na-kabluke", "Tessaro", "Celeste", 6990, "STORES"),
    11: Shown("few are left", "odezhda-muzhskaya-rubashki-klassicheskie", "Hartwell", "Dorian", 4990, "FEW"),
    12: Shown("cheap gift", "kosmetika-uhod-maska-tkanevaya", "Petalis", "Alma", 290, "PLENTY"),
}
