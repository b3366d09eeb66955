"""Delivery by CDEK, API v2: quotes by tariff, pickup points and lockers.

A carrier knows no goods: variants that are packed alike share one quote. The list of points is held
whole, per language, and fetched anew once a day, as CDEK advises.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from clients.contract import in_batches
from clients.delivery.cdek_points import CODE, LANGUAGES, NOWHERE, RUSSIAN, Office, Offices, describe, takes
from clients.delivery.cdek_quotes import (
    NO_WAY,
    QuoteKey,
    Tariff,
    TariffList,
    ask_for,
    body_of,
    next_cut_off,
    place_of,
    read_methods,
)
from clients.delivery.cdek_settings import CdekSettings
from clients.delivery.places import BadCursor
from clients.delivery.protocol import (
    DeliveryPromise,
    Location,
    LocationEntry,
    LocationQuery,
    LocationsFound,
    MethodPromise,
    PromiseKey,
    SourceFailure,
)
from clients.errors import InvalidSourceResponse, Outcomes, SourceError, SourceFailureCode
from clients.http import UNDECODABLE, Upstream
from clients.remembered import Remembered
from clients.renewed import Lease, Renewed
from clients.scope import InContext, Public
from clients.values import LAST_PAGE, Dataset, DeliveryMethod, Freshness, LocationKind, Problem
from clients.vendors.cdek import Cdek, CdekRefusal, refusal

POINTS_FRESH_S: Final = 86_400.0
POINTS_GONE_S: Final = 3 * 86_400.0
"""A list that could not be fetched anew for so long is no list any more."""

LOOKED_UP_S: Final = 300.0
KIND_OF_METHOD: Final = {
    DeliveryMethod.PICKUP_POINT: LocationKind.PICKUP_POINT,
    DeliveryMethod.PARCEL_LOCKER: LocationKind.PARCEL_LOCKER,
}


class _City(msgspec.Struct, frozen=True):
    code: int


class Quote(msgspec.Struct, frozen=True):
    """What the tariffs say, when that came, and whether all of it could be read."""

    tariffs: tuple[Tariff, ...]
    received_at: float
    is_whole: bool


_TARIFFS: Final = msgspec.json.Decoder(TariffList)
_TARIFF: Final = msgspec.json.Decoder(Tariff)
_ENTRIES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OFFICE: Final = msgspec.json.Decoder(Office)
_CITIES: Final = msgspec.json.Decoder(list[_City])


class CdekDelivery:
    """Fulfils `clients.delivery.protocol.Delivery`; `now` gives seconds since the epoch."""

    def __init__(self, upstream: Upstream, settings: CdekSettings, now: Callable[[], float]) -> None:
        self.upstream = upstream
        self._settings = settings
        self._now = now
        secret, account = settings.client_secret.get_secret_value(), settings.client_id.get_secret_value()
        self._cdek = Cdek(upstream, account, secret, settings.credentials_in, now)
        self._quotes = Remembered(self._fetch_quote, settings.quote_s, upstream.source, now)
        self._looked_up = Remembered(self._look_up, LOOKED_UP_S, upstream.source, now)
        self._offices = {
            language: Renewed(partial(self._fetch_offices, language), upstream.source, now)
            for language in sorted(set(LANGUAGES.values()))
        }

    async def ping(self) -> None:
        """Look up the city that parcels come from; raises a SourceError, also when CDEK does not know it."""
        asked = {"code": self._settings.from_city, "size": 1, "page": 0}
        answered = await self._cdek.get("/v2/location/cities", _CITIES, asked, operation="health")
        if not answered.value:
            raise self._broken("expected a city with the code of `from_city`, got none")

    # ---- promises ---------------------------------------------------------------------------------

    async def fetch_promises(
        self, keys: Sequence[PromiseKey], scope: InContext
    ) -> Outcomes[PromiseKey, DeliveryPromise]:
        """One quote per place and parcel, however many variants are asked about; CDEK has no batches."""
        now = self._now()
        questions = {key: self._question(key, scope, now) for key in dict.fromkeys(keys)}
        quotes = await in_batches([key for key in questions.values() if key], 1, self._quote)
        said: dict[QuoteKey | None, DeliveryPromise | SourceError] = {
            question: self._promise(question, quote, now) for question, quote in quotes.items()
        }
        said[None] = self._no_way(now)
        return {key: for_sku(key.sku, said[question]) for key, question in questions.items()}

    def _question(self, key: PromiseKey, scope: InContext, now: float) -> QuoteKey | None:
        place = place_of(key.to, self._settings)
        return None if place is None else ask_for(key.sku, place, scope.currency, now, self._settings)

    async def _quote(self, keys: Sequence[QuoteKey]) -> dict[QuoteKey, Quote | SourceError]:
        return {key: await self._quotes.get(key) for key in keys}

    async def _fetch_quote(self, key: QuoteKey) -> Quote:
        try:
            answer = await self._cdek.post(
                "/v2/calculator/tarifflist", body_of(key, self._settings), _TARIFFS, operation="delivery.promises"
            )
            return self._read(answer)
        except CdekRefusal as refused:
            if not NO_WAY.issuperset(refused.codes) or not refused.codes:
                raise
            return Quote((), self._now(), is_whole=True)

    def _read(self, answer: TariffList) -> Quote:
        entries = answer.tariff_codes
        if not entries and answer.errors:
            raise refusal(self._cdek.source, answer.codes)
        if entries is None:
            raise self._broken("expected tariff_codes or errors, got neither")
        tariffs = tuple(filter(None, map(read_tariff, entries)))
        if entries and not tariffs:
            raise self._broken("expected tariffs, got none that can be read")
        return Quote(tariffs, self._now(), is_whole=len(tariffs) == len(entries) and not answer.errors)

    def _promise(self, question: QuoteKey, quote: Quote | SourceError, now: float) -> DeliveryPromise | SourceError:
        """What all variants that are packed alike are promised: places are counted once, not once per variant."""
        if isinstance(quote, SourceError):
            return quote
        methods = read_methods(quote.tariffs, question, next_cut_off(now, self._settings), self._settings)
        failures = () if quote.is_whole else (self._unread(),)
        counted = tuple(filter(None, (self._count(method, question) for method in methods)))
        freshness = self._received(quote.received_at)
        return DeliveryPromise(sku="", methods=counted, failures=failures, freshness=freshness)

    def _count(self, method: MethodPromise, question: QuoteKey) -> MethodPromise | None:
        """The method with the number of places that take the parcel, as far as the list of them is at hand.

        Nobody waits for the list. A method that no place of the city could fulfil is left out.
        """
        kind, city = KIND_OF_METHOD.get(method.method), question.to.code
        offices = self._offices[RUSSIAN].at_hand() if kind and city else None
        if offices is None or city is None:
            return method
        count = sum(
            office.kind is kind and takes(office, question) for office in offices.by_city.get(city, NOWHERE).spots
        )
        return msgspec.structs.replace(method, location_count=count) if count else None

    def _no_way(self, now: float) -> DeliveryPromise:
        """For a place that the settings do not know: no method, and nobody was asked."""
        return DeliveryPromise(sku="", methods=(), failures=(), freshness=self._received(now))

    def _unread(self) -> SourceFailure:
        return SourceFailure(code=SourceFailureCode.INVALID_RESPONSE, provider=self._settings.operator)

    def _received(self, at: float) -> Freshness:
        """CDEK computes when it is asked and says no moment of its own."""
        return Freshness(
            source=self._cdek.source,
            dataset=Dataset.DELIVERY_PROMISE,
            observed_at=dt.datetime.fromtimestamp(at, dt.UTC),
            received_at=at,
        )

    # ---- places -----------------------------------------------------------------------------------

    async def fetch_locations(self, keys: Sequence[str], scope: Public) -> Outcomes[str, Location]:
        """From the day's list; a code that is not in it is looked up, and must be answered as itself."""
        codes = {key: code for key in keys if (code := self._code_of(key)) is not None}
        if not codes:
            return {}
        try:
            offices = await self._offices_in(scope)
        except SourceError as error:
            return dict.fromkeys(codes, error)
        known = {key: offices.by_code[code] for key, code in codes.items() if code in offices.by_code}
        missing = [key for key in codes if key not in known]
        looked_up = await in_batches(missing, 1, self._look_up_all)
        return {
            key: office if isinstance(office, SourceError) else self._describe(office, scope)
            for key, office in {**known, **looked_up}.items()
        }

    async def search_locations(
        self, keys: Sequence[LocationQuery], scope: Public
    ) -> Outcomes[LocationQuery, LocationsFound]:
        """Pages of the day's list."""
        if not keys:
            return {}
        try:
            offices = await self._offices_in(scope)
        except SourceError as error:
            return dict.fromkeys(keys, error)
        return {query: self._search(offices, query, scope) for query in dict.fromkeys(keys)}

    def _search(self, offices: Offices, query: LocationQuery, scope: Public) -> LocationsFound:
        searched = offices.all
        if query.locality_id is not None:
            searched = offices.by_city.get(self._settings.cities.get(query.locality_id, 0), NOWHERE)
        try:
            hits = searched.search(query)
        except BadCursor:
            return LocationsFound(entries=(), locations=(), total_count=0, page=LAST_PAGE, problem=Problem.BAD_CURSOR)
        locations = tuple(self._describe(searched.spots[hit.at], scope) for hit in hits.hits)
        entries = tuple(
            LocationEntry(location_id=location.id, cursor=hit.cursor, distance=hit.distance)
            for hit, location in zip(hits.hits, locations, strict=True)
        )
        return LocationsFound(entries=entries, locations=locations, total_count=hits.total_count, page=hits.page)

    def _describe(self, office: Office, scope: Public) -> Location:
        return describe(office, scope.language, self._now(), self._settings)

    def _code_of(self, key: str) -> str | None:
        """CDEK's code in one of our ids; None for a place that is not CDEK's."""
        code = key.removeprefix(self._settings.id_prefix)
        is_ours = key.startswith(self._settings.id_prefix) and CODE.fullmatch(code)
        return code if is_ours else None

    async def _offices_in(self, scope: Public) -> Offices:
        return await self._offices[LANGUAGES.get(scope.language, RUSSIAN)].get()

    async def _fetch_offices(self, language: str) -> Lease[Offices]:
        offices: dict[str, Office] = {}
        for country in self._settings.point_countries:
            page, pages = 0, 1
            while page < pages:
                some, pages = await self._fetch_page(country, page, language)
                offices |= {office.code: office for office in some}
                page += 1
                if len(offices) > self._settings.most_points:
                    raise self._broken(f"expected at most {self._settings.most_points} points, got more")
        now = self._now()
        # Some ten thousand points are tens of milliseconds: in a thread, so that nobody's page waits for them.
        kept = await asyncio.to_thread(Offices, offices.values())
        return Lease(kept, now + POINTS_FRESH_S, now + POINTS_GONE_S)

    async def _fetch_page(self, country: str, page: int, language: str) -> tuple[list[Office], int]:
        """One page of points, and how many pages there are: by the header, else one more after a full page."""
        size = self._settings.page_size
        asked: dict[str, str | int] = {
            "country_code": country,
            "type": "ALL",
            "lang": language,
            "size": size,
            "page": page,
        }
        answered = await self._cdek.get("/v2/deliverypoints", _ENTRIES, asked, operation="delivery.points")
        read = await asyncio.to_thread(read_offices, answered.value)
        if answered.value and not read:
            raise self._broken("expected pickup points, got none that can be read")
        said = answered.headers.get("x-total-pages", "")
        if said.isascii() and said.isdigit():
            return read, min(int(said[:6]), self._settings.most_points // size + 2)
        return read, page + 1 + (len(answered.value) >= size)

    async def _look_up_all(self, keys: Sequence[str]) -> dict[str, Office | SourceError]:
        return {key: office for key in keys for office in await self._looked_up.get(self._code_of(key) or "")}

    async def _look_up(self, code: str) -> tuple[Office, ...]:
        """The one office with this code, or none: for a closed one CDEK answers with its neighbour."""
        answered = await self._cdek.get("/v2/deliverypoints", _ENTRIES, {"code": code}, operation="delivery.locations")
        read = read_offices(answered.value)
        return tuple(office for office in read if office.code == code and office.is_handout)

    def _broken(self, detail: str) -> InvalidSourceResponse:
        return InvalidSourceResponse(self._cdek.source, detail)


def for_sku(sku: str, promise: DeliveryPromise | SourceError) -> DeliveryPromise | SourceError:
    """The promise for one of the variants that share it."""
    return promise if isinstance(promise, SourceError) else msgspec.structs.replace(promise, sku=sku)


def read_tariff(entry: msgspec.Raw) -> Tariff | None:
    """One tariff; None for one that breaks the contract, which costs itself only."""
    try:
        return _TARIFF.decode(entry)
    except UNDECODABLE:
        return None


def read_offices(entries: Sequence[msgspec.Raw]) -> list[Office]:
    """The offices that can be read."""
    return [office for entry in entries if (office := read_office(entry)) is not None]


def read_office(entry: msgspec.Raw) -> Office | None:
    """One office; None for one that breaks the contract, or that says itself that something is wrong with it."""
    try:
        office = _OFFICE.decode(entry)
    except UNDECODABLE:
        return None
    return None if office.errors else office
