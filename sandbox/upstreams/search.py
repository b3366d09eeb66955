"""Search: pages of product ids with facets, and suggestions."""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import msgspec

from sandbox.upstreams.catalogue import SHOP_URL, brand_json
from sandbox.upstreams.contract import BadCursor, Context, Json, Operation, Refusal, Request, check_range, cut, problem
from sandbox.world.bits import Column, Order
from sandbox.world.brands import BRANDS, Brand
from sandbox.world.couriers import courier_day, local
from sandbox.world.index import FACET_TITLES, Index, Pricing
from sandbox.world.places import CITIES
from sandbox.world.prices import RATES, SYMBOLS, decimal
from sandbox.world.shop import Shop
from sandbox.world.text import Text, tongue
from sandbox.world.tree import Category
from sandbox.world.words import words_of

KEPT_RESULTS = 256
Sort = Literal["RELEVANCE", "POPULAR", "NEWEST", "PRICE_ASC", "PRICE_DESC", "DISCOUNT", "RATING"]
RANGE_TITLES = {"price": Text("Цена", "Price"), "discount": Text("Скидка", "Discount")}


class RangeFilter(Request, frozen=True):
    code: str
    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None


class Filter(Request, frozen=True):
    facets: list[str] | None = None
    ranges: list[RangeFilter] | None = None
    in_stock_only: bool | None = None
    available_at: list[str] | None = None
    receivable_by: dt.date | None = None
    promotion_id: str | None = None
    on_sale_only: bool | None = None


class ListingQuery(Request, frozen=True, kw_only=True):
    first: int
    text: str | None = None
    category_id: str | None = None
    promotion_id: str | None = None
    after: str | None = None
    sort: Sort | None = None
    filter: Filter | None = None


class Listings(Context, frozen=True, kw_only=True):
    queries: list[ListingQuery]


class SuggestionQuery(Request, frozen=True):
    text: str
    first: int


class Suggestions(Context, frozen=True, kw_only=True):
    queries: list[SuggestionQuery]


class BadFilter(Exception):
    """A facet token, a range or a bound that this search never offered."""


class NotFound(Exception):
    """No such category or promotion."""


class _Scope(NamedTuple):
    """What a listing is of, before any filter."""

    bits: int
    corrected: str | None = None
    redirect: str | None = None


class _Narrowing(NamedTuple):
    """Sets that must all hold; those of facets apart, because a facet's own choice does not narrow its counts."""

    others: int
    by_facet: dict[str, int]

    def all_but(self, code: str | None) -> int:
        bits = self.others
        for name, chosen in self.by_facet.items():
            bits &= chosen if name != code else -1
        return bits


class Search:
    """The index is made when it is first asked for, or by `warm`."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.arranged: Callable[[Order, int], list[int]] = lru_cache(KEPT_RESULTS)(
            lambda order, bits: order.arrange(bits)
        )

    @cached_property
    def index(self) -> Index:
        return Index(self._shop)

    def warm(self) -> None:
        """Make now what the first listings would have to wait for."""
        _ = self.index.vocabulary, self.index.most_popular_first, self.index.promotions
        _ = self.index.pricing("west", "RUB", "WEB").cheapest_first

    def operations(self) -> tuple[Operation[Listings], Operation[Suggestions]]:
        return (
            Operation("search.listings", "/v1/listings/batch", Listings, self.listings, ("queries",), 20),
            Operation("search.suggestions", "/v1/suggestions/batch", Suggestions, self.suggestions, ("queries",), 20),
        )

    def listings(self, asked: Listings) -> Json:
        for query in asked.queries:
            check_range("queries[].first", query.first, 1, 100)
            if sum(of is not None for of in (query.text, query.category_id, query.promotion_id)) != 1:
                raise Refusal(400, "Bad Request", "queries[]: expected exactly one of text, categoryId and promotionId")
        return {"listings": [self._listing(query, asked) for query in asked.queries]}

    def _listing(self, query: ListingQuery, asked: Listings) -> Json:
        try:
            return self._found(query, asked)
        except BadCursor:
            return problem("BAD_CURSOR")
        except BadFilter:
            return problem("BAD_FILTER")
        except NotFound:
            return problem("NOT_FOUND")

    def _found(self, query: ListingQuery, asked: Listings) -> Json:
        scope, pricing = self._scope(query), self._pricing(asked)
        narrowing = self._narrow(query.filter or Filter(), scope.bits, pricing, asked.locality_id)
        bits = narrowing.all_but(None)
        numbers = self.arranged(self._order(query, pricing), bits)
        subject = f"search/{query.text}/{query.category_id}/{query.promotion_id}/{query.sort}/{query.filter}"
        piece = cut(numbers, subject, query.first, query.after)
        return {
            "hits": [
                {"productId": f"p-{number:06d}", "cursor": mark, "trackingToken": f"s.{number}.{mark}"}
                for number, mark in piece.items
            ],
            "totalCount": len(numbers),
            "page": piece.page,
            "facets": [
                *self._list_facets(narrowing, query.filter or Filter(), tongue(asked.language)),
                *self._range_facets(bits, pricing, tongue(asked.language)),
            ],
            "correctedQuery": scope.corrected,
            "redirectUrl": scope.redirect,
        }

    def _pricing(self, asked: Context) -> Pricing:
        city = CITIES.get(asked.locality_id)
        channel = "IOS" if asked.channel in ("IOS", "ANDROID") else "WEB"
        return self.index.pricing(
            city.zone if city else "west", asked.currency if asked.currency in RATES else "RUB", channel
        )

    def _scope(self, query: ListingQuery) -> _Scope:
        if query.text is not None:
            return self._by_text(query.text)
        sets = self.index.categories if query.category_id is not None else self.index.promotions
        key = query.category_id if query.category_id is not None else query.promotion_id
        if key is None or key not in sets:
            raise NotFound
        return _Scope(sets[key])

    def _by_text(self, text: str) -> _Scope:
        exact = self._shop.goods.by_sku(text.strip().upper())
        if exact is not None:
            return _Scope(1 << exact[0].number)
        bits, corrected = self.index.vocabulary.find(text)
        named = " ".join(words_of(text))
        brand = next((brand for brand in BRANDS if brand.name.lower() == named), None)
        return _Scope(bits, corrected, f"{SHOP_URL}/brands/{brand.handle}" if brand else None)

    def _order(self, query: ListingQuery, pricing: Pricing) -> Order:
        match query.sort:
            case "NEWEST":
                return self.index.newest_first
            case "PRICE_ASC":
                return pricing.cheapest_first
            case "PRICE_DESC":
                return pricing.dearest_first
            case "DISCOUNT":
                return pricing.most_reduced_first
            case "RATING":
                return self.index.best_rated_first
            case _:
                return self.index.most_popular_first

    def _narrow(self, wanted: Filter, bits: int, pricing: Pricing, locality_id: str) -> _Narrowing:
        for restriction in self._restrictions(wanted, pricing, locality_id):
            bits &= restriction
        by_facet: dict[str, int] = {}
        for token in wanted.facets or ():
            code, value = self._read_token(token)
            by_facet[code] = by_facet.get(code, 0) | self.index.having(code, value)
        return _Narrowing(bits, by_facet)

    def _read_token(self, token: str) -> tuple[str, str]:
        code, _, value = token.partition(":")
        if value not in self.index.titles.get(code, {}):
            raise BadFilter
        return code, value

    def _restrictions(self, wanted: Filter, pricing: Pricing, locality_id: str) -> Iterator[int]:
        for bounds in wanted.ranges or ():
            yield _column(pricing, bounds.code).between(*_bounds(bounds))
        if wanted.in_stock_only:
            yield self.index.orderable | self.index.in_stores_of(locality_id)
        if wanted.available_at is not None:
            yield _union(self.index.at(key) for key in wanted.available_at)
        if wanted.receivable_by is not None:
            yield self._receivable(wanted.receivable_by, locality_id)
        if wanted.promotion_id is not None:
            yield self.index.promotions.get(wanted.promotion_id, 0)
        if wanted.on_sale_only:
            yield pricing.discount.between(1, None)

    def _receivable(self, day: dt.date, locality_id: str) -> int:
        """From a store of the city on the same day, by courier from the day he can come."""
        city = CITIES.get(locality_id)
        if city is None or day < local(self._shop.now(), city).date():
            return 0
        by_courier = self.index.in_warehouses if courier_day(self._shop.now(), city) <= day else 0
        return by_courier | self.index.in_stores_of(locality_id)

    def _list_facets(self, narrowing: _Narrowing, wanted: Filter, language: str) -> Iterator[Json]:
        selected = set(wanted.facets or ())
        for code, title in FACET_TITLES.items():
            bits = narrowing.all_but(code)
            values = [
                {
                    "token": f"{code}:{value}",
                    "title": choice.title.said(language),
                    "count": count,
                    "isSelected": f"{code}:{value}" in selected,
                }
                | ({"swatch": {"color": choice.paint}} if choice.paint else {})
                for value, choice in self.index.choices(code)
                if (count := (bits & self.index.having(code, value)).bit_count()) or f"{code}:{value}" in selected
            ]
            if len(values) > 1 or code in narrowing.by_facet:
                yield {"kind": "list", "code": code, "title": title.said(language), "values": values}

    def _range_facets(self, bits: int, pricing: Pricing, language: str) -> Iterator[Json]:
        for code, title in RANGE_TITLES.items():
            extremes = _column(pricing, code).extremes(bits)
            if extremes is None or (code == "discount" and extremes[1] == 0):
                continue
            low, high = (decimal(value) for value in extremes) if code == "price" else map(str, extremes)
            unit = SYMBOLS[pricing.terms.currency] if code == "price" else "%"
            yield {
                "kind": "range",
                "code": code,
                "title": title.said(language),
                "minimum": low,
                "maximum": high,
                "unit": unit,
            }

    def suggestions(self, asked: Suggestions) -> Json:
        for query in asked.queries:
            check_range("queries[].first", query.first, 1, 50)
        return {"suggestions": [self._suggest(query, tongue(asked.language)) for query in asked.queries]}

    def _suggest(self, query: SuggestionQuery, language: str) -> Json:
        """What is named so comes first, then what the products found belong to."""
        scope = self._by_text(query.text)
        hits = [
            self._shop.goods.products[number - 1]
            for number in self.arranged(self.index.most_popular_first, scope.bits)[:200]
        ]
        words = words_of(scope.corrected or query.text)
        named = [category for category in self._shop.tree.by_id.values() if words and _is_named(category.title, words)]
        categories = dict.fromkeys((*named, *(hit.shelf for hit in hits))) if hits else {}
        brands = sorted(
            dict.fromkeys(hit.brand for hit in hits), key=lambda brand: not _is_named(Text(brand.name, ""), words)
        )
        return {
            "queries": list(dict.fromkeys(_completions(list(categories), brands, language)))[: query.first],
            "categoryIds": [category.id for category in categories][: query.first],
            "brands": [brand_json(self._shop, brand) for brand in brands[: query.first]],
            "productIds": [hit.id for hit in hits[: query.first]],
        }


def _is_named(title: Text, words: list[str]) -> bool:
    """Whether each word begins a word of the title in either language."""
    known = words_of(f"{title.ru} {title.en}")
    return all(any(name.startswith(word) for name in known) for word in words)


def _completions(categories: list[Category], brands: list[Brand], language: str) -> Iterator[str]:
    for category in categories[:3]:
        yield category.title.said(language).lower()
    for category in categories[:1]:
        for brand in brands:
            yield f"{category.title.said(language).lower()} {brand.name.lower()}"


def _column(pricing: Pricing, code: str) -> Column:
    if code not in RANGE_TITLES:
        raise BadFilter
    return pricing.price if code == "price" else pricing.discount


def _bounds(wanted: RangeFilter) -> tuple[int | None, int | None]:
    """In the column's own units: minor units of money, or whole percent."""
    scale = 100 if wanted.code == "price" else 1
    try:
        low = None if wanted.from_ is None else Decimal(wanted.from_) * scale
        high = None if wanted.to is None else Decimal(wanted.to) * scale
        return None if low is None else -int(-low // 1), None if high is None else int(high // 1)
    except (InvalidOperation, ValueError, OverflowError):
        raise BadFilter from None


def _union(sets: Iterator[int]) -> int:
    bits = 0
    for more in sets:
        bits |= more
    return bits
