# ruff: noqa: E501 (a table reads best with a row on a line)
"""Which kinds of goods the shop sells, as one table."""

from dataclasses import dataclass

from sandbox.world.text import Text


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category where products stand."""

    handle: str
    title: Text


@dataclass(frozen=True, slots=True)
class Kind:
    """What goods of one kind have in common. Prices are whole roubles."""

    department: str
    handle: str
    title: Text
    noun: Text
    cheapest: int
    dearest: int
    group: str
    axes: tuple[str, ...]
    sizes: str
    shelves: tuple[Shelf, ...]


ROOTS = (
    ("obuv", Text("Обувь", "Shoes")),
    ("odezhda", Text("Одежда", "Clothes")),
    ("kosmetika", Text("Косметика", "Beauty")),
)

DEPARTMENTS = (
    ("obuv", "zhenskaya", Text("Женская обувь", "Women's shoes")),
    ("obuv", "muzhskaya", Text("Мужская обувь", "Men's shoes")),
    ("odezhda", "zhenskaya", Text("Женская одежда", "Women's clothes")),
    ("odezhda", "muzhskaya", Text("Мужская одежда", "Men's clothes")),
    ("kosmetika", "makiyazh", Text("Макияж", "Make-up")),
    ("kosmetika", "uhod", Text("Уход", "Care")),
    ("kosmetika", "parfyumeriya", Text("Парфюмерия", "Fragrance")),
)

# department | handle | titles | nouns | roubles | group | axes | sizes | shelves: handle, titles; ...
_TABLE = """
obuv-zhenskaya | sapogi | Сапоги, Boots | Сапоги, boots | 6990 24990 | shoes | color size | women | vysokie, Высокие сапоги, High boots; zimnie, Зимние сапоги, Winter boots
obuv-zhenskaya | tufli | Туфли, Shoes | Туфли, pumps | 3990 14990 | shoes | color size | women | na-kabluke, Туфли на каблуке, Heels; lofery, Лоферы, Loafers
obuv-zhenskaya | krossovki | Кроссовки, Sneakers | Кроссовки, sneakers | 3490 15990 | shoes | color size | women | gorodskie, Городские кроссовки, City sneakers; kedy, Кеды, Plimsolls
obuv-zhenskaya | bosonozhki | Босоножки, Sandals | Босоножки, sandals | 2990 9990 | shoes | color size | women | na-platforme, Босоножки на платформе, Platform sandals; sandalii, Сандалии, Flat sandals
obuv-muzhskaya | botinki | Ботинки, Ankle boots | Ботинки, ankle boots | 5990 19990 | shoes | color size | men | zimnie, Зимние ботинки, Winter ankle boots; demisezonnye, Демисезонные ботинки, Mid-season ankle boots
obuv-muzhskaya | tufli | Туфли, Shoes | Туфли, oxfords | 4990 17990 | shoes | color size | men | derbi, Дерби, Derbies; lofery, Лоферы, Loafers
obuv-muzhskaya | krossovki | Кроссовки, Sneakers | Кроссовки, sneakers | 3990 16990 | shoes | color size | men | begovye, Беговые кроссовки, Running shoes; kedy, Кеды, Plimsolls
odezhda-zhenskaya | platya | Платья, Dresses | Платье, dress | 3990 18990 | clothes | color size | letters | midi, Платья миди, Midi dresses; vechernie, Вечерние платья, Evening dresses
odezhda-zhenskaya | palto | Пальто, Coats | Пальто, coat | 9990 39990 | clothes | color size | letters | sherstyanye, Шерстяные пальто, Wool coats; uteplennye, Утеплённые пальто, Warm coats
odezhda-zhenskaya | bluzki | Блузки, Blouses | Блузка, blouse | 2490 8990 | clothes | color size | letters | shelkovye, Шёлковые блузки, Silk blouses; hlopkovye, Хлопковые блузки, Cotton blouses
odezhda-zhenskaya | bryuki | Брюки, Trousers | Брюки, trousers | 2990 9990 | clothes | color size | letters | shirokie, Широкие брюки, Wide trousers; dzhinsy, Джинсы, Jeans
odezhda-muzhskaya | rubashki | Рубашки, Shirts | Рубашка, shirt | 2490 8990 | clothes | color size | letters | klassicheskie, Классические рубашки, Formal shirts; povsednevnye, Повседневные рубашки, Casual shirts
odezhda-muzhskaya | bryuki | Брюки, Trousers | Брюки, trousers | 2990 10990 | clothes | color size | letters | chinos, Чинос, Chinos; dzhinsy, Джинсы, Jeans
odezhda-muzhskaya | palto | Пальто, Coats | Пальто, coat | 12990 44990 | clothes | color size | letters | odnobortnye, Однобортные пальто, Single-breasted coats; dvubortnye, Двубортные пальто, Double-breasted coats
kosmetika-makiyazh | pomada | Помады, Lipsticks | Помада, lipstick | 390 3490 | beauty | shade | lips | matovaya, Матовые помады, Matte lipsticks; uvlazhnyayuschaya, Увлажняющие помады, Moist lipsticks
kosmetika-makiyazh | tush | Туши, Mascaras | Тушь, mascara | 490 3290 | beauty | shade | lashes | obyomnaya, Объёмные туши, Volume mascaras; udlinyayuschaya, Удлиняющие туши, Lengthening mascaras
kosmetika-makiyazh | tonalnyj-krem | Тональные кремы, Foundations | Тональный крем, foundation | 890 4990 | beauty | shade | skin | legkij, Лёгкие тональные кремы, Light foundations; plotnyj, Плотные тональные кремы, Full foundations
kosmetika-uhod | krem | Кремы, Creams | Крем, cream | 690 7990 | beauty | volume | jars | dnevnoj, Дневные кремы, Day creams; nochnoj, Ночные кремы, Night creams
kosmetika-uhod | syvorotka | Сыворотки, Serums | Сыворотка, serum | 1290 8990 | beauty | volume | drops | s-vitaminom-c, Сыворотки с витамином C, Vitamin C serums; uvlazhnyayuschaya, Увлажняющие сыворотки, Moisturising serums
kosmetika-uhod | maska | Маски, Masks | Маска, mask | 290 2990 | beauty | volume | jars | tkanevaya, Тканевые маски, Sheet masks; glinyanaya, Глиняные маски, Clay masks
kosmetika-parfyumeriya | duhi | Духи, Perfumes | Духи, perfume | 3990 19990 | beauty | volume | bottles | zhenskie, Женские духи, Women's perfumes; muzhskie, Мужские духи, Men's perfumes
kosmetika-parfyumeriya | tualetnaya-voda | Туалетная вода, Eau de toilette | Туалетная вода, eau de toilette | 1990 9990 | beauty | volume | bottles | svezhaya, Свежие ароматы, Fresh scents; drevesnaya, Древесные ароматы, Woody scents
"""


def _shelf(words: str) -> Shelf:
    handle, ru, en = (word.strip() for word in words.split(","))
    return Shelf(handle, Text(ru, en))


def _pair(words: str) -> Text:
    ru, en = (word.strip() for word in words.split(","))
    return Text(ru, en)


def _kind(row: str) -> Kind:
    department, handle, titles, nouns, roubles, group, axes, sizes, shelves = (cell.strip() for cell in row.split("|"))
    low, high = roubles.split()
    return Kind(
        department,
        handle,
        _pair(titles),
        _pair(nouns),
        int(low),
        int(high),
        group,
        tuple(axes.split()),
        sizes,
        tuple(_shelf(words) for words in shelves.split(";")),
    )


KINDS = tuple(_kind(row) for row in _TABLE.strip().splitlines())
