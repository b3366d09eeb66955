# ruff: noqa: E501 (a table reads best with a row on a line)
"""Cities, warehouses, stores, pickup points and parcel lockers."""

import math
from dataclasses import dataclass

from sandbox.world.draw import draw
from sandbox.world.text import Text


@dataclass(frozen=True, slots=True)
class City:
    """`zone` is the price list, `days` how long a courier takes from the nearest warehouse."""

    id: str
    name: Text
    region: Text
    latitude: float
    longitude: float
    time_zone: str
    zone: str
    days: int
    warehouse: str
    stores: int


@dataclass(frozen=True, slots=True)
class Place:
    """`number` counts within the kind, from 0; stores and warehouses are known to stock by it."""

    id: str
    kind: str
    number: int
    city: City
    operator: Text
    street: Text
    house: str
    latitude: float
    longitude: float


# id | ru | en | region ru | region en | latitude | longitude | IANA zone (Europe unless said) | price zone | days | warehouse | stores
_CITIES = """
msk | Москва | Moscow | Москва | Moscow | 55.7558 | 37.6173 | Europe/Moscow | west | 1 | wh-msk | 8
spb | Санкт-Петербург | Saint Petersburg | Санкт-Петербург | Saint Petersburg | 59.9343 | 30.3351 | Europe/Moscow | west | 1 | wh-spb | 5
nsk | Новосибирск | Novosibirsk | Новосибирская область | Novosibirsk Oblast | 55.0084 | 82.9357 | Asia/Novosibirsk | siberia | 1 | wh-nsk | 2
ekb | Екатеринбург | Yekaterinburg | Свердловская область | Sverdlovsk Oblast | 56.8389 | 60.6057 | Asia/Yekaterinburg | ural | 1 | wh-ekb | 2
kzn | Казань | Kazan | Татарстан | Tatarstan | 55.7961 | 49.1064 | Europe/Moscow | west | 2 | wh-msk | 2
nnv | Нижний Новгород | Nizhny Novgorod | Нижегородская область | Nizhny Novgorod Oblast | 56.3269 | 44.0059 | Europe/Moscow | west | 2 | wh-msk | 1
chl | Челябинск | Chelyabinsk | Челябинская область | Chelyabinsk Oblast | 55.1644 | 61.4368 | Asia/Yekaterinburg | ural | 2 | wh-ekb | 1
krr | Краснодар | Krasnodar | Краснодарский край | Krasnodar Krai | 45.0355 | 38.9753 | Europe/Moscow | west | 1 | wh-krr | 2
smr | Самара | Samara | Самарская область | Samara Oblast | 53.1959 | 50.1002 | Europe/Samara | west | 3 | wh-msk | 1
ufa | Уфа | Ufa | Башкортостан | Bashkortostan | 54.7388 | 55.9721 | Asia/Yekaterinburg | ural | 2 | wh-ekb | 1
rnd | Ростов-на-Дону | Rostov-on-Don | Ростовская область | Rostov Oblast | 47.2357 | 39.7015 | Europe/Moscow | west | 2 | wh-krr | 1
oms | Омск | Omsk | Омская область | Omsk Oblast | 54.9885 | 73.3242 | Asia/Omsk | siberia | 3 | wh-nsk | 1
kja | Красноярск | Krasnoyarsk | Красноярский край | Krasnoyarsk Krai | 56.0153 | 92.8932 | Asia/Krasnoyarsk | siberia | 3 | wh-nsk | 1
vrn | Воронеж | Voronezh | Воронежская область | Voronezh Oblast | 51.6605 | 39.2003 | Europe/Moscow | west | 2 | wh-msk | 1
per | Пермь | Perm | Пермский край | Perm Krai | 58.0105 | 56.2502 | Asia/Yekaterinburg | ural | 2 | wh-ekb | 1
vlg | Волгоград | Volgograd | Волгоградская область | Volgograd Oblast | 48.7080 | 44.5133 | Europe/Volgograd | west | 3 | wh-krr | 1
srv | Саратов | Saratov | Саратовская область | Saratov Oblast | 51.5336 | 46.0343 | Europe/Saratov | west | 3 | wh-msk | 1
tjm | Тюмень | Tyumen | Тюменская область | Tyumen Oblast | 57.1530 | 65.5343 | Asia/Yekaterinburg | ural | 2 | wh-ekb | 1
tgl | Тольятти | Tolyatti | Самарская область | Samara Oblast | 53.5078 | 49.4204 | Europe/Samara | west | 3 | wh-msk | 1
irk | Иркутск | Irkutsk | Иркутская область | Irkutsk Oblast | 52.2870 | 104.3050 | Asia/Irkutsk | siberia | 4 | wh-nsk | 1
khv | Хабаровск | Khabarovsk | Хабаровский край | Khabarovsk Krai | 48.4802 | 135.0719 | Asia/Vladivostok | east | 3 | wh-vvo | 1
vvo | Владивосток | Vladivostok | Приморский край | Primorsky Krai | 43.1155 | 131.8855 | Asia/Vladivostok | east | 1 | wh-vvo | 1
yar | Ярославль | Yaroslavl | Ярославская область | Yaroslavl Oblast | 57.6261 | 39.8845 | Europe/Moscow | west | 2 | wh-msk | 1
kgd | Калининград | Kaliningrad | Калининградская область | Kaliningrad Oblast | 54.7104 | 20.4522 | Europe/Kaliningrad | west | 4 | wh-spb | 1
soc | Сочи | Sochi | Краснодарский край | Krasnodar Krai | 43.5855 | 39.7231 | Europe/Moscow | west | 2 | wh-krr | 1
"""

STREETS = (
    Text("улица Ленина", "Lenina Street"),
    Text("Тверская улица", "Tverskaya Street"),
    Text("Советская улица", "Sovetskaya Street"),
    Text("проспект Мира", "Mira Avenue"),
    Text("Садовая улица", "Sadovaya Street"),
    Text("Набережная улица", "Naberezhnaya Street"),
    Text("Московская улица", "Moskovskaya Street"),
    Text("улица Гагарина", "Gagarina Street"),
    Text("Невский проспект", "Nevsky Avenue"),
    Text("улица Пушкина", "Pushkina Street"),
    Text("Октябрьская улица", "Oktyabrskaya Street"),
    Text("Лесная улица", "Lesnaya Street"),
)

SHOP = Text("Галерея", "Galereya")
CARRIERS = {
    "PICKUP_POINT": Text("Быстрая почта", "Fast Parcel"),
    "PARCEL_LOCKER": Text("Ячейка", "Locker"),
    "COURIER": Text("Курьер рядом", "Courier Nearby"),
    "EXPRESS": Text("Экспресс-курьер", "Express Courier"),
    "POST": Text("Почта", "Post"),
}

_STREET, _HOUSE, _NORTH, _EAST = range(21, 25)


def _city(row: str) -> City:
    cells = [cell.strip() for cell in row.split("|")]
    key, ru, en, region_ru, region_en, latitude, longitude, time_zone, zone, days, warehouse, stores = cells
    return City(
        key,
        Text(ru, en),
        Text(region_ru, region_en),
        float(latitude),
        float(longitude),
        time_zone,
        zone,
        int(days),
        warehouse,
        int(stores),
    )


CITIES = {city.id: city for city in map(_city, _CITIES.strip().splitlines())}
WAREHOUSE_CITIES = ("msk", "spb", "ekb", "nsk", "krr", "vvo")


class Places:
    """All locations by id; stores and warehouses by number; what is in a city."""

    def __init__(self, seed: int) -> None:
        self.warehouses = tuple(
            _place(seed, f"wh-{key}", "WAREHOUSE", number, CITIES[key]) for number, key in enumerate(WAREHOUSE_CITIES)
        )
        homes = [city for city in CITIES.values() for _ in range(city.stores)]
        self.stores = tuple(
            _place(seed, f"store-{number + 1:02d}", "STORE", number, city) for number, city in enumerate(homes)
        )
        self.points = tuple(_points(seed, "PICKUP_POINT", "pvz"))
        self.lockers = tuple(_points(seed, "PARCEL_LOCKER", "locker"))
        everywhere = (*self.stores, *self.warehouses, *self.points, *self.lockers)
        self.by_id = {place.id: place for place in everywhere}
        self.in_city = {key: tuple(place for place in everywhere if place.city.id == key) for key in CITIES}
        self.store_masks = {
            key: sum(1 << place.number for place in places if place.kind == "STORE")
            for key, places in self.in_city.items()
        }

    def count(self, city: City, kind: str) -> int:
        return sum(place.kind == kind for place in self.in_city[city.id])


def _points(seed: int, kind: str, head: str) -> list[Place]:
    homes = [city for city in CITIES.values() for _ in range(4 + 3 * city.stores)]
    return [_place(seed, f"{head}-{number + 1:03d}", kind, number, city) for number, city in enumerate(homes)]


def _place(seed: int, key: str, kind: str, number: int, city: City) -> Place:
    dice = draw(seed, len(kind), number)
    return Place(
        id=key,
        kind=kind,
        number=number,
        city=city,
        operator=CARRIERS.get(kind, SHOP),
        street=STREETS[draw(dice, _STREET) % len(STREETS)],
        house=str(1 + draw(dice, _HOUSE) % 120),
        latitude=round(city.latitude + (draw(dice, _NORTH) % 1000 - 500) / 10_000, 6),
        longitude=round(city.longitude + (draw(dice, _EAST) % 1000 - 500) / 7_000, 6),
    )


def metres(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> int:
    """Great-circle distance (haversine on a sphere of 6,371 km)."""
    north, east = math.radians(to_latitude - latitude), math.radians(to_longitude - longitude)
    chord = (
        math.sin(north / 2) ** 2
        + math.cos(math.radians(latitude)) * math.cos(math.radians(to_latitude)) * math.sin(east / 2) ** 2
    )
    return round(2 * 6_371_000 * math.asin(min(1.0, math.sqrt(chord))))


def nearest_city(latitude: float, longitude: float) -> City:
    return min(CITIES.values(), key=lambda city: metres(latitude, longitude, city.latitude, city.longitude))
