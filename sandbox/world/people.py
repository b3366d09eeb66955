"""Customers: a few well-known ones, and any number of plain ones named `cust-00001` to `cust-99999`."""

from dataclasses import dataclass

from sandbox.world.draw import draw
from sandbox.world.text import Text


@dataclass(frozen=True, slots=True)
class Tier:
    """`earn_percent` comes back in points, `price_percent` comes off prices, `from_roubles` are spent in a year."""

    code: str
    title: Text
    earn_percent: int
    price_percent: int
    from_roubles: int
    benefits: tuple[Text, ...]


TIERS = (
    Tier("base", Text("Базовый", "Base"), 3, 0, 0, (Text("Баллы за покупки", "Points for purchases"),)),
    Tier(
        "silver",
        Text("Серебряный", "Silver"),
        5,
        2,
        30_000,
        (Text("Скидка 2%", "2% off"), Text("Бесплатная примерка", "Free fitting")),
    ),
    Tier(
        "gold",
        Text("Золотой", "Gold"),
        7,
        5,
        80_000,
        (
            Text("Скидка 5%", "5% off"),
            Text("Бесплатная доставка", "Free delivery"),
            Text("Ранний доступ", "Early access"),
        ),
    ),
    Tier(
        "platinum",
        Text("Платиновый", "Platinum"),
        10,
        7,
        200_000,
        (
            Text("Скидка 7%", "7% off"),
            Text("Персональный стилист", "Personal stylist"),
            Text("Подарок в день рождения", "Birthday gift"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Person:
    """`tier` counts in `TIERS`; `contract_percent` is off what the company's contract covers."""

    id: str
    about: str
    first_name: str
    last_name: str
    phone: str
    locality_id: str
    language: str = "ru"
    currency: str = "RUB"
    membership: str = "ACTIVE"
    tier: int = 0
    spent: int = 0
    points: int = 0
    contract_percent: int = 0
    company: str | None = None
    birthday: str | None = None

    @property
    def standing(self) -> Tier | None:
        """The tier of an active member."""
        return TIERS[self.tier] if self.membership == "ACTIVE" else None


KNOWN = {
    person.id: person
    for person in (
        Person(
            "cust-anna",
            "active member, silver, Moscow",
            "Анна",
            "Орлова",
            "+79160000001",
            "msk",
            tier=1,
            spent=48_200,
            points=1240,
            birthday="1990-04-12",
        ),
        Person(
            "cust-boris",
            "has not joined the programme",
            "Борис",
            "Ильин",
            "+79160000002",
            "spb",
            membership="NOT_ENROLLED",
        ),
        Person(
            "cust-vera", "blocked member", "Вера", "Кузнецова", "+79160000003", "msk", membership="BLOCKED", points=560
        ),
        Person("cust-gleb", "joining is not finished", "Глеб", "Соколов", "+79160000004", "ekb", membership="PENDING"),
        Person(
            "cust-daria",
            "active member, gold, personal contract prices, buys for a company",
            "Дарья",
            "Лебедева",
            "+79160000005",
            "nsk",
            tier=2,
            spent=131_000,
            points=5310,
            contract_percent=10,
            company="ООО «Ромашка»",
            birthday="1985-11-02",
        ),
        Person(
            "cust-oleg",
            "active member at the top tier, company, Far East",
            "Олег",
            "Морозов",
            "+79160000006",
            "vvo",
            tier=3,
            spent=412_500,
            points=18_740,
            contract_percent=20,
            company="АО «Восток»",
            birthday="1978-01-30",
        ),
        Person(
            "cust-nina",
            "active member at the first tier, reads English",
            "Nina",
            "Weber",
            "+79160000007",
            "spb",
            language="en",
            spent=9_400,
            points=180,
            birthday="1996-07-21",
        ),
    )
}

_NAMES = ("Мария", "Иван", "Елена", "Сергей", "Ольга", "Павел", "Юлия", "Андрей")
_SURNAMES = ("Волкова", "Ким", "Шевченко", "Романенко", "Гурам", "Дзюба", "Белых", "Седых")
_PLACES = ("msk", "spb", "kzn", "krr", "nsk", "khv")
_NUMBER_DIGITS = 5


def find(key: str) -> Person | None:
    """A customer by id."""
    if key in KNOWN:
        return KNOWN[key]
    digits = key.removeprefix("cust-")
    if len(digits) != _NUMBER_DIGITS or len(key) != _NUMBER_DIGITS + 5 or not (digits.isascii() and digits.isdigit()):
        return None
    return _plain(int(digits)) if int(digits) else None


def _plain(number: int) -> Person:
    dice = draw(number, 41)
    tier = dice % len(TIERS)
    floor = TIERS[tier].from_roubles
    return Person(
        id=f"cust-{number:05d}",
        about="plain",
        first_name=_NAMES[(dice >> 8) % len(_NAMES)],
        last_name=_SURNAMES[(dice >> 16) % len(_SURNAMES)],
        phone=f"+7917{number:07d}",
        locality_id=_PLACES[(dice >> 24) % len(_PLACES)],
        tier=tier,
        spent=floor + (dice >> 32) % 20_000,
        points=100 + (dice >> 40) % 4000,
    )
