"""Promotions of every mechanic, and which products take part."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.world.draw import draw
from sandbox.world.goods import Product
from sandbox.world.text import Text

Rule = Callable[[Product], bool]

_BOTH_APPS = ("IOS", "ANDROID")
_SALE, _MINUS, _PAIR, _GIFT, _SET, _POINTS, _CODE = range(31, 38)


@dataclass(frozen=True, slots=True)
class Promotion:
    """`mechanic` is as in the contract, with titles still as `Text`; money in it is whole roubles."""

    id: str
    handle: str
    title: Text
    badge: Text
    color: str
    about: Text
    mechanic: dict[str, object]
    takes: Rule
    months: int = 1
    channels: tuple[str, ...] = ()
    requires_promo_code: bool = False
    known: frozenset[int] = field(default_factory=frozenset)


def _chance(salt: int, percent: int, *groups: str) -> Rule:
    return lambda product: product.kind.group in groups and draw(product.dice, salt) % 100 < percent


def _cheap_lipstick(product: Product) -> bool:
    return product.kind.handle == "pomada" and 400 <= product.price <= 1200  # noqa: PLR2004


def _dear(product: Product) -> bool:
    return product.kind.group == "clothes" and product.price >= 4000 and draw(product.dice, _MINUS) % 100 < 15  # noqa: PLR2004


def _everything(_: Product) -> bool:
    return True


def _nothing(_: Product) -> bool:
    return False


# In the merchandiser's order, the most valuable first.
PROMOTIONS = (
    Promotion(
        "promo-spring-sale",
        "bolshaya-rasprodazha",
        Text("Большая распродажа", "Big sale"),
        Text("−25%", "−25%"),
        "#d6336c",
        Text("<p>Скидка 25% на обувь и одежду.</p>", "<p>25% off shoes and clothes.</p>"),
        {"kind": "PRICE_OFF", "percent": 25},
        _chance(_SALE, 25, "shoes", "clothes"),
        known=frozenset({1, 3, 4}),
    ),
    Promotion(
        "promo-minus-500",
        "minus-500",
        Text("Минус 500 рублей", "500 roubles off"),
        Text("−500 ₽", "−500 ₽"),
        "#e8590c",
        Text("<p>500 ₽ скидки на одежду от 4000 ₽.</p>", "<p>500 ₽ off clothes from 4000 ₽.</p>"),
        {"kind": "PRICE_OFF", "amount": 500},
        _dear,
        known=frozenset({11}),
    ),
    Promotion(
        "promo-3-for-2",
        "tri-po-tsene-dvuh",
        Text("3 по цене 2", "3 for 2"),
        Text("3=2", "3=2"),
        "#7048e8",
        Text("<p>Третий товар в подарок.</p>", "<p>The third one is free.</p>"),
        {"kind": "MULTI_BUY", "buyQuantity": 3, "discountedQuantity": 1, "percent": 100},
        _chance(_PAIR, 25, "beauty"),
        known=frozenset({2, 5}),
    ),
    Promotion(
        "promo-second-half",
        "vtoraya-para-50",
        Text("Вторая пара за полцены", "Second pair at half price"),
        Text("2-я −50%", "2nd −50%"),
        "#1971c2",
        Text("<p>На вторую пару скидка 50%.</p>", "<p>50% off the second pair.</p>"),
        {"kind": "MULTI_BUY", "buyQuantity": 2, "discountedQuantity": 1, "percent": 50},
        _chance(_PAIR, 12, "shoes"),
        known=frozenset({1}),
    ),
    Promotion(
        "promo-three-999",
        "tri-za-999",
        Text("Три помады за 999 ₽", "Three lipsticks for 999 ₽"),
        Text("3 за 999 ₽", "3 for 999 ₽"),
        "#c2255c",
        Text("<p>Любые три помады из акции.</p>", "<p>Any three of these lipsticks.</p>"),
        {"kind": "MULTI_BUY", "buyQuantity": 3, "discountedQuantity": 3, "setPrice": 999},
        _cheap_lipstick,
        known=frozenset({2}),
    ),
    Promotion(
        "promo-gift-choice",
        "podarok-na-vybor",
        Text("Подарок на выбор", "A gift of your choice"),
        Text("Подарок", "Gift"),
        "#2f9e44",
        Text("<p>Выберите до двух подарков к покупке.</p>", "<p>Choose up to two gifts.</p>"),
        {"kind": "GIFT", "selection": "CHOICE", "maxGifts": 2, "gifts": (2, 12)},
        _chance(_GIFT, 10, "beauty", "shoes"),
        months=2,
        known=frozenset({1, 2}),
    ),
    Promotion(
        "promo-gift-auto",
        "maska-v-podarok",
        Text("Маска в подарок", "A mask as a gift"),
        Text("+ маска", "+ mask"),
        "#37b24d",
        Text("<p>Маска добавится в корзину сама.</p>", "<p>The mask is added by itself.</p>"),
        {"kind": "GIFT", "selection": "AUTOMATIC", "maxGifts": 1, "gifts": (12,)},
        _chance(_GIFT + 100, 15, "beauty"),
        known=frozenset({5}),
    ),
    Promotion(
        "promo-look",
        "obraz-tselikom",
        Text("Образ целиком −15%", "The whole look −15%"),
        Text("Образ −15%", "Look −15%"),
        "#0c8599",
        Text("<p>Обувь и одежда вместе дешевле.</p>", "<p>Shoes and clothes cost less together.</p>"),
        {
            "kind": "BUNDLE",
            "percent": 15,
            "groups": (
                (Text("Любая пара обуви", "Any pair of shoes"), 1, (1, 4)),
                (Text("Любое платье или рубашка", "Any dress or shirt"), 1, (3, 11)),
            ),
        },
        _chance(_SET, 12, "shoes", "clothes"),
        months=2,
        known=frozenset({1, 3, 4, 11}),
    ),
    Promotion(
        "promo-beauty-set",
        "vechernij-nabor",
        Text("Вечерний набор за 5990 ₽", "Evening set for 5990 ₽"),
        Text("Набор", "Set"),
        "#9c36b5",
        Text("<p>Помада и духи по цене набора.</p>", "<p>A lipstick and a perfume at the price of a set.</p>"),
        {
            "kind": "BUNDLE",
            "setPrice": 5990,
            "groups": (
                (Text("Любая помада", "Any lipstick"), 1, (2,)),
                (Text("Любые духи", "Any perfume"), 1, (5,)),
            ),
        },
        _chance(_SET, 8, "beauty"),
        months=2,
        known=frozenset({2, 5}),
    ),
    Promotion(
        "promo-app",
        "v-prilozhenii-deshevle",
        Text("В приложении дешевле на 3%", "3% off in the app"),
        Text("−3% в приложении", "−3% in the app"),
        "#1098ad",
        Text("<p>На всё в приложении.</p>", "<p>On everything in the app.</p>"),
        {"kind": "PRICE_OFF", "percent": 3},
        _everything,
        channels=_BOTH_APPS,
    ),
    Promotion(
        "promo-double-points",
        "dvojnye-bally",
        Text("Двойные баллы", "Double points"),
        Text("Баллы ×2", "Points ×2"),
        "#f08c00",
        Text("<p>Вдвое больше баллов.</p>", "<p>Twice as many points.</p>"),
        {"kind": "POINTS", "multiplier": 2},
        _chance(_POINTS, 20, "beauty", "clothes"),
        known=frozenset({3}),
    ),
    Promotion(
        "promo-welcome-points",
        "300-ballov-za-sapogi",
        Text("300 баллов за сапоги", "300 points for boots"),
        Text("+300 баллов", "+300 points"),
        "#e67700",
        Text("<p>300 баллов за каждую пару сапог.</p>", "<p>300 points for each pair of boots.</p>"),
        {"kind": "POINTS", "bonus": 300},
        lambda product: product.kind.handle == "sapogi",
    ),
    Promotion(
        "promo-free-delivery",
        "besplatnaya-dostavka",
        Text("Бесплатная доставка от 5000 ₽", "Free delivery from 5000 ₽"),
        Text("Доставка 0 ₽", "Delivery 0 ₽"),
        "#495057",
        Text("<p>Курьером и в пункты выдачи.</p>", "<p>By courier and to pickup points.</p>"),
        {
            "kind": "DELIVERY",
            "methods": ("COURIER", "PICKUP_POINT", "PARCEL_LOCKER"),
            "percent": 100,
            "minimumTotal": 5000,
            "inStockOnly": True,
        },
        _everything,
        months=3,
    ),
    Promotion(
        "promo-locker-99",
        "postamat-za-99",
        Text("Постамат за 99 ₽", "Locker for 99 ₽"),
        Text("99 ₽", "99 ₽"),
        "#868e96",
        Text("<p>Доставка косметики в постамат за 99 ₽.</p>", "<p>Delivery of cosmetics to a locker for 99 ₽.</p>"),
        {"kind": "DELIVERY", "methods": ("PARCEL_LOCKER",), "fixedCost": 99, "inStockOnly": False},
        lambda product: product.kind.group == "beauty",
        months=3,
    ),
    Promotion(
        "promo-code-10",
        "promokod-10",
        Text("10% по промокоду SPRING10", "10% with code SPRING10"),
        Text("Промокод", "Code"),
        "#5c940d",
        Text("<p>Введите SPRING10 в корзине.</p>", "<p>Enter SPRING10 in the cart.</p>"),
        {"kind": "PRICE_OFF", "percent": 10},
        _chance(_CODE, 10, "shoes", "clothes", "beauty"),
        requires_promo_code=True,
    ),
    Promotion(
        "promo-club-evening",
        "klubnyj-vecher",
        Text("Клубный вечер", "Club evening"),
        Text("Клуб", "Club"),
        "#343a40",
        Text("<p>Закрытая распродажа для участников клуба.</p>", "<p>A private sale for members.</p>"),
        {"kind": "OTHER", "code": "VIP_EVENING"},
        _nothing,
        known=frozenset({1, 2, 3}),
    ),
)
BY_ID = {promotion.id: promotion for promotion in PROMOTIONS}


def takes_part(promotion: Promotion, product: Product) -> bool:
    return product.number in promotion.known or promotion.takes(product)


def taken_by(product: Product, channel: str) -> list[Promotion]:
    """What a product takes part in through a channel, most valuable first."""
    return [promotion for promotion in PROMOTIONS if works_in(promotion, channel) and takes_part(promotion, product)]


def works_in(promotion: Promotion, channel: str) -> bool:
    return not promotion.channels or channel in promotion.channels
