"""CDEK's API v2 as the vendor documents it, over our shop: tokens, tariffs, pickup points, cities.

The shop's places are offered as CDEK's: its pickup points are offices, its lockers are postamats.
City codes are made up from the order of the cities, except Moscow's and Saint Petersburg's.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.upstreams.contract import Json
from sandbox.vendors.switches import Switches
from sandbox.world.draw import number_of
from sandbox.world.places import CITIES, City, Place, metres, nearest_city
from sandbox.world.shop import Shop

CLIENT_ID, CLIENT_SECRET = "sandbox-account", "sandbox-secure-password"
LIVES_S: Final = 3600
MOST_AT_ONCE: Final = 10_000
OFFSET: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")
CODES: Final = {
    city.id: {"msk": 44, "spb": 137}.get(city.id, 200 + number) for number, city in enumerate(CITIES.values())
}
CITY_OF: Final = {code: CITIES[key] for key, code in CODES.items()}
KINDS: Final = {"PICKUP_POINT": "PVZ", "PARCEL_LOCKER": "POSTAMAT"}
WEIGHT_KG: Final = {"PICKUP_POINT": 30.0, "PARCEL_LOCKER": 15.0}
CELL_CM: Final = {"width": 38, "height": 36, "depth": 60}
REACH_M: Final = 100_000

# Code, name in Russian and English, mode, roubles to the nearest zone, for each further day and kilogram, further days.
TARIFFS: Final = (
    (137, "Посылка склад-дверь", "Parcel warehouse-door", 3, 330.0, 70.0, 45.0, 0),
    (136, "Посылка склад-склад", "Parcel warehouse-warehouse", 4, 180.0, 45.0, 35.0, 0),
    (368, "Посылка склад-постамат", "Parcel warehouse-postamat", 7, 160.0, 40.0, 35.0, 1),
    (234, "Экономичная посылка склад-склад", "Economy parcel warehouse-warehouse", 4, 145.5, 30.0, 25.0, 3),
    (777, "Тариф будущего", "Tariff of the future", 42, 1.0, 0.0, 0.0, 0),
)
NO_CITY: Final = ("v2_recipient_location_not_recognized", "Recipient location is not recognized")
NO_TARIFFS: Final = (
    "err_result_servicelist_empty",
    "По данному направлению при заданных условиях нет доступных тарифов",
)


class Cdek(Switches):
    """One account of a contract for online shops.

    Switches: `tokenLivesS`; `expireTokens` makes every token given so far expired; `errorCode` answers
    tariffs with 200 and this error; `brokenTariff` spoils one tariff of each list; `closedPoint` is
    answered by its neighbour with a warning; `isEdgeDown` answers with a proxy's HTML page and 502;
    `renameFields` answers in words that the contract does not have.
    """

    def __init__(self, shop: Shop) -> None:
        super().__init__(
            tokenLivesS=LIVES_S, errorCode="", brokenTariff=False, closedPoint="", isEdgeDown=False, renameFields=False,
            expireTokens=False,
        )  # fmt: skip
        self._shop = shop
        self._serial = itertools.count(1)
        self._tokens: dict[str, dt.datetime] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v2/oauth/token", self.token, methods=["POST"], name="oauth.token"),
                Route("/v2/calculator/tarifflist", self.tariffs, methods=["POST"], name="calculator.tarifflist"),
                Route("/v2/deliverypoints", self.points, methods=["GET"], name="deliverypoints"),
                Route("/v2/location/cities", self.cities, methods=["GET"], name="location.cities"),
            ]
        )

    def known(self) -> Json:
        return {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "cities": CODES}

    def reset(self) -> None:
        super().reset()
        self._tokens.clear()

    # ---- tokens -----------------------------------------------------------------------------------

    async def token(self, request: Request) -> Response:
        given = {**request.query_params, **dict(parse_qsl((await request.body()).decode()))}
        if given.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "invalid_grant", "error_description": "unsupported grant type"}, 400)
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client", "error_description": "Bad client credentials"}, 401)
        number, lives_s = next(self._serial), int(self["tokenLivesS"])
        text = f"sandbox.{number}.token"
        self._tokens = {kept: until for kept, until in self._tokens.items() if until > self._shop.now()}
        self._tokens[text] = self._shop.now() + dt.timedelta(seconds=lives_s)
        told = {
            "access_token": text,
            "token_type": "bearer",
            "expires_in": lives_s,
            "scope": "order:all",
            "jti": str(number),
        }
        return JSONResponse(told)

    def _objection(self, request: Request) -> Response | None:
        """What comes instead of an answer, whatever was asked."""
        if self["isEdgeDown"]:
            return Response("<html><h1>502 Bad Gateway</h1></html>", 502, media_type="text/html")
        if self["expireTokens"]:
            self.switch({"expireTokens": False})
            self._tokens.clear()
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or text not in self._tokens:
            is_ours = text.startswith("sandbox.")
            code = "v2_token_expired" if is_ours else "v2_authorization_incorrect"
            return refused(401, code, f"Access token is expired: {text}")
        if self._tokens[text] <= self._shop.now():
            return refused(401, "v2_token_expired", f"Access token is expired: {text}")
        return None

    # ---- tariffs ----------------------------------------------------------------------------------

    async def tariffs(self, request: Request) -> Response:
        objection = self._objection(request)
        if objection is not None:
            return objection
        asked = await request.json()
        wrong = wrong_in(asked)
        if wrong is not None:
            return refused(400, *wrong)
        if self["errorCode"]:
            return JSONResponse({"errors": [{"code": self["errorCode"], "message": "said by a switch"}]})
        city, weight_g = city_of(asked["to_location"]), sum(parcel["weight"] for parcel in asked["packages"])
        if city is None:
            return refused(400, *NO_CITY)
        if weight_g > MOST_AT_ONCE * 10:
            return JSONResponse({"errors": [{"code": NO_TARIFFS[0], "message": NO_TARIFFS[1]}]})
        told = list(tariffs_to(city, weight_g, asked))
        if self["brokenTariff"]:
            told[0]["delivery_sum"] = "dear"
        return JSONResponse({"tariffs" if self["renameFields"] else "tariff_codes": told})

    # ---- places -----------------------------------------------------------------------------------

    async def points(self, request: Request) -> Response:
        objection = self._objection(request)
        if objection is not None:
            return objection
        asked = request.query_params
        size, page = int(asked.get("size", 0)), int(asked.get("page", 0))
        if size > MOST_AT_ONCE:
            return refused(400, "v2_exceeded_size", f"The size parameter cannot exceed {MOST_AT_ONCE}")
        if "code" in asked:
            return JSONResponse([*self._by_code(asked["code"], asked.get("lang", "rus"))])
        some = [place for place in self._places() if fits(place, asked)]
        pages = -(-len(some) // size) if size else 1
        shown = some[page * size : (page + 1) * size] if size else some
        told = [self._office(place, asked.get("lang", "rus")) for place in shown]
        if self["renameFields"]:
            told = [{f"office_{name}": value for name, value in office.items()} for office in told]
        headers = {"X-Current-Page": str(page), "X-Total-Elements": str(len(some)), "X-Total-Pages": str(pages)}
        return JSONResponse(told, headers=headers)

    def _places(self) -> Iterator[Place]:
        closed = self["closedPoint"]
        places = self._shop.places
        return (place for place in (*places.points, *places.lockers) if code_of(place) != closed)

    def _by_code(self, code: str, lang: str) -> Iterator[Json]:
        """One office; in place of a closed one its neighbour, with a warning."""
        if code and code == self["closedPoint"]:
            neighbour = next(self._places())
            said = f"Order cannot be processed by delivery point {code}. Changed to {code_of(neighbour)}"
            yield {
                **self._office(neighbour, lang),
                "warnings": [{"code": "v2_delivery_point_changed", "message": said}],
            }
            return
        yield from (self._office(place, lang) for place in self._places() if code_of(place) == code)

    def _office(self, place: Place, lang: str) -> Json:
        language, dice = "en" if lang == "eng" else "ru", number_of(place.id)
        street, is_locker = f"{place.street.said(language)}, {place.house}", place.kind == "PARCEL_LOCKER"
        days = range(1, 8 if is_locker else 7)
        told: Json = {
            "code": code_of(place),
            "uuid": f"{number_of(place.id):032x}"[-32:],
            "type": KINDS[place.kind],
            "owner_code": "CDEK",
            "work_time": "Пн-Вс круглосуточно" if is_locker else "Пн-Сб 09:00-20:00",
            "work_time_list": [{"day": day, "time": "00:00/24:00" if is_locker else "09:00/20:00"} for day in days],
            "phones": [{"number": f"+7495{dice % 10_000_000:07d}"}],
            "nearest_metro_station": "Центральная" if language == "ru" else "Tsentralnaya",
            "take_only": is_locker,
            "is_handout": True,
            "is_reception": not is_locker,
            "is_dressing_room": not is_locker,
            "have_cashless": True,
            "have_cash": not is_locker,
            "have_fast_payment_system": bool(dice & 1),
            "allowed_cod": True,
            "weight_min": 0.0,
            "weight_max": WEIGHT_KG[place.kind],
            "location": self._where(place, street, language),
        }
        return {**told, "dimensions": [CELL_CM]} if is_locker else told

    @staticmethod
    def _where(place: Place, street: str, language: str) -> Json:
        city, region = place.city.name.said(language), place.city.region.said(language)
        return {
            "country_code": "RU",
            "region_code": 1 + number_of(region) % 90,
            "region": region,
            "city_code": CODES[place.city.id],
            "city": city,
            "postal_code": f"{100_000 + number_of(place.city.id) % 500_000}",
            "longitude": place.longitude,
            "latitude": place.latitude,
            "address": street,
            "address_full": f"Россия, {region}, {city}, {street}",
        }

    async def cities(self, request: Request) -> Response:
        objection = self._objection(request)
        if objection is not None:
            return objection
        code = request.query_params.get("code", "")
        some = [city for key, city in CITY_OF.items() if code in ("", str(key))]
        return JSONResponse([told_city(city) for city in some])


def code_of(place: Place) -> str:
    """Letters of the city and a number, as CDEK's codes are."""
    return f"{place.city.id.upper()}{place.number + (500 if place.kind == 'PARCEL_LOCKER' else 1)}"


def refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"errors": [{"code": code, "message": message}]}, status)


def wrong_in(asked: Json) -> tuple[str, str] | None:
    """What a question for tariffs lacks, as code and message."""
    for name in ("from_location", "to_location", "packages"):
        if not asked.get(name):
            return "v2_field_is_empty", f"[{name}] is empty"
    if not OFFSET.fullmatch(asked.get("date", "2026-01-01T00:00:00+0300")):
        return "v2_invalid_format", "[date] has invalid format"
    if city_of(asked["from_location"]) is None:
        return "v2_sender_location_not_recognized", "Sender location is not recognized"
    return None


def city_of(said: Json) -> City | None:
    """A city by code, else by coordinates, else by name."""
    if "code" in said:
        return CITY_OF.get(said["code"])
    if "longitude" in said:
        city = nearest_city(said["latitude"], said["longitude"])
        away_m = metres(said["latitude"], said["longitude"], city.latitude, city.longitude)
        return city if away_m <= REACH_M else None
    named = str(said.get("city", "")).lower()
    return next((city for city in CITIES.values() if named in (city.name.ru.lower(), city.name.en.lower())), None)


def tariffs_to(city: City, weight_g: int, asked: Json) -> Iterator[dict[str, Any]]:
    """Delivery takes the days of a courier; by weight, and by whole kilograms beyond the first."""
    handed_over = dt.datetime.strptime(asked["date"], "%Y-%m-%dT%H:%M:%S%z").date()
    rate = {1: 1.0, 2: 5.5, 7: 0.035}.get(asked.get("currency", 1), 1.0)
    for code, ru, en, mode, base, per_day, per_kg, later in TARIFFS:
        days = city.days + later
        cost = base + per_day * (city.days - 1) + per_kg * max(0, -(-weight_g // 1000) - 1)
        yield {
            "tariff_code": code,
            "tariff_name": en if asked.get("lang") == "eng" else ru,
            "tariff_description": "",
            "delivery_mode": mode,
            "delivery_sum": round(cost * rate, 2),
            "period_min": days,
            "period_max": days + 1,
            "calendar_min": days,
            "calendar_max": days + 2,
            "delivery_date_range": {
                "min": (handed_over + dt.timedelta(days=days)).isoformat(),
                "max": (handed_over + dt.timedelta(days=days + 2)).isoformat(),
            },
        }


def fits(place: Place, asked: Any) -> bool:
    return (
        asked.get("type", "ALL") in ("ALL", KINDS[place.kind])
        and asked.get("country_code", "RU") == "RU"
        and asked.get("city_code", str(CODES[place.city.id])) == str(CODES[place.city.id])
    )


def told_city(city: City) -> Json:
    return {
        "code": CODES[city.id],
        "city_uuid": f"00000000-0000-4000-8000-{CODES[city.id]:012d}",
        "city": city.name.ru,
        "country_code": "RU",
        "country": "Россия",
        "region": city.region.ru,
        "longitude": city.longitude,
        "latitude": city.latitude,
        "time_zone": city.time_zone,
        "payment_limit": -1.0,
    }
