"""Geo: localities by name, addresses while they are typed."""

from collections.abc import Iterator

from sandbox.upstreams.contract import Json, Operation, Request, check_range
from sandbox.world.draw import number_of
from sandbox.world.places import CITIES, STREETS, City
from sandbox.world.shop import Shop
from sandbox.world.text import Text, tongue
from sandbox.world.words import words_of

_HOUSES = (1, 5, 12, 24, 38)


class LocalityKeys(Request, frozen=True):
    language: str
    ids: list[str]


class TextQuery(Request, frozen=True):
    text: str
    first: int


class TextQueries(Request, frozen=True):
    language: str
    queries: list[TextQuery]


class Geo:
    """Knows the cities that the shop sells in, most populous first, and a few streets of each."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def operations(self) -> tuple[Operation[LocalityKeys], Operation[TextQueries], Operation[TextQueries]]:
        return (
            Operation("geo.localities", "/v1/localities/batch", LocalityKeys, self.localities, ("ids",), 200),
            Operation("geo.localitySearch", "/v1/localities/search", TextQueries, self.search, ("queries",), 20),
            Operation("geo.addressSearch", "/v1/addresses/search", TextQueries, self.addresses, ("queries",), 20),
        )

    def localities(self, asked: LocalityKeys) -> Json:
        found = (CITIES.get(key) for key in dict.fromkeys(asked.ids))
        return {"localities": [_locality(city, tongue(asked.language)) for city in found if city is not None]}

    def search(self, asked: TextQueries) -> Json:
        _check(asked)
        language = tongue(asked.language)
        return {
            "results": [
                {
                    "localities": [_locality(city, language) for city in CITIES.values() if _begins(city, query.text)][
                        : query.first
                    ]
                }
                for query in asked.queries
            ]
        }

    def addresses(self, asked: TextQueries) -> Json:
        _check(asked)
        language = tongue(asked.language)
        return {"results": [{"addresses": list(_addresses(query, language))} for query in asked.queries]}


def _check(asked: TextQueries) -> None:
    for query in asked.queries:
        check_range("queries[].first", query.first, 1, 100)


def _begins(city: City, text: str) -> bool:
    start = _plain(text)
    return any(_plain(name).startswith(start) for name in city.name)


def _plain(name: str) -> str:
    return name.strip().lower().replace("ё", "е")


def _locality(city: City, language: str) -> Json:
    return {
        "id": city.id,
        "name": city.name.said(language),
        "region": city.region.said(language),
        "countryCode": "RU",
        "point": {"latitude": city.latitude, "longitude": city.longitude},
        "timeZone": city.time_zone,
    }


def _addresses(query: TextQuery, language: str) -> Iterator[Json]:
    """Every word must begin a word of the city, of the street, or be the house; numbers name the house."""
    words = words_of(query.text)
    house = next((word for word in words if word[0].isdigit()), None)
    named = [word for word in words if word != house]
    found = 0
    for city in CITIES.values() if named else ():
        for street in STREETS:
            if not _is_there(named, city, street):
                continue
            for number in [house] if house else map(str, _HOUSES):
                if found == query.first:
                    return
                found += 1
                yield _address(city, street, number, language)


def _is_there(named: list[str], city: City, street: Text) -> bool:
    known = words_of(" ".join((*city.name, *street)))
    return all(any(name.startswith(word) for name in known) for word in named)


def _address(city: City, street: Text, house: str, language: str) -> Json:
    name, road = city.name.said(language), street.said(language)
    postal_code = f"{100_000 + number_of(city.id + street.en) % 500_000}"
    shift = number_of(street.en + house) % 400 / 10_000
    return {
        "countryCode": "RU",
        "region": city.region.said(language),
        "localityId": city.id,
        "city": name,
        "street": road,
        "house": house,
        "postalCode": postal_code,
        "point": {"latitude": round(city.latitude + shift, 6), "longitude": round(city.longitude - shift, 6)},
        "formatted": f"{postal_code}, {name}, {road}, {house}",
    }
