"""Search: pages of product ids with facets, and suggestions."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from sandbox.upstreams.catalogue import SHOP_URL
from sandbox.upstreams.contract import BadCursor, Context, Json, Operation, Refusal, Request, check_range, cut, problem
from sandbox.upstreams.facets import list_facets, range_facets
from sandbox.upstreams.narrowing import BadFilter, Filter, Narrower
from sandbox.upstreams.suggestions import SuggestionQuery, Suggestions, suggest
from sandbox.world.bits import Order
from sandbox.world.brands import BRANDS
from sandbox.world.index import Index, Pricing
from sandbox.world.places import CITIES
from sandbox.world.prices import RATES
from sandbox.world.shop import Shop
from sandbox.world.text import tongue
from sandbox.world.words import words_of

KEPT_RESULTS = 256
MOST_CONSIDERED = 200
Sort = Literal["RELEVANCE", "POPULAR", "NEWEST", "PRICE_ASC", "PRICE_DESC", "DISCOUNT", "RATING"]


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


class NotFound(Exception):
    """No such category or promotion."""


class _Scope(NamedTuple):
    """What a listing is of, before any filter."""

    bits: int
    corrected: str | None = None
    redirect: str | None = None


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

    @cached_property
    def _narrower(self) -> Narrower:
        return Narrower(self._shop, self.index)

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
        wanted, language = query.filter or Filter(), tongue(asked.language)
        narrowing = self._narrower.narrow(wanted, scope.bits, pricing, asked.locality_id)
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
                *list_facets(self.index, narrowing, wanted.facets or [], language),
                *range_facets(bits, pricing, language),
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

    def suggestions(self, asked: Suggestions) -> Json:
        for query in asked.queries:
            check_range("queries[].first", query.first, 1, 50)
        return {"suggestions": [self._suggestion(query, tongue(asked.language)) for query in asked.queries]}

    def _suggestion(self, query: SuggestionQuery, language: str) -> Json:
        scope = self._by_text(query.text)
        numbers = self.arranged(self.index.most_popular_first, scope.bits)[:MOST_CONSIDERED]
        hits = [self._shop.goods.products[number - 1] for number in numbers]
        return suggest(self._shop, query, scope.corrected or query.text, hits, language)
