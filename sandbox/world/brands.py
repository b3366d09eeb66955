"""Brands and model names; none of them exists outside of the sandbox."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Brand:
    """`prefix` starts the sku of its goods."""

    name: str
    group: str

    @property
    def handle(self) -> str:
        return self.name.lower().replace(" ", "-")

    @property
    def id(self) -> str:
        return f"b-{self.handle}"

    @property
    def prefix(self) -> str:
        return self.name.replace(" ", "")[:3].upper()


_SHOES = ("Lumera", "Nordvik", "Tessaro", "Vellano", "Marchetta", "Kolibri", "Ostrov", "Brigante")
_CLOTHES = ("Arvelle", "Severin", "Linea Nova", "Tallinka", "Monrovia", "Felicity Grey", "Zarya", "Hartwell")
_BEAUTY = ("Mirelle", "Petalis", "Oleada", "Sonnetta", "Belaya Noch", "Dermavita", "Auralis", "Florentia")

BRANDS = tuple(
    Brand(name, group)
    for group, names in (("shoes", _SHOES), ("clothes", _CLOTHES), ("beauty", _BEAUTY))
    for name in names
)
BY_GROUP = {group: tuple(brand for brand in BRANDS if brand.group == group) for group in ("shoes", "clothes", "beauty")}

MODELS = (
    "Siena",
    "Velvet",
    "Aurora",
    "Verona",
    "Odessa",
    "Toscana",
    "Bergen",
    "Lira",
    "Mistral",
    "Capri",
    "Nevada",
    "Oslo",
    "Ravenna",
    "Selena",
    "Tamara",
    "Ulrika",
    "Viola",
    "Wanda",
    "Xenia",
    "Ylva",
    "Zephyr",
    "Alma",
    "Bianca",
    "Celeste",
    "Dorian",
    "Elba",
    "Fiona",
    "Greta",
    "Helsinki",
    "Iris",
    "Juno",
    "Kira",
    "Lucia",
    "Marta",
    "Nika",
    "Olivia",
    "Paloma",
    "Quinta",
    "Rosa",
    "Stella",
)
