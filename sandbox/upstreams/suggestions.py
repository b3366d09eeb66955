"""What to suggest while a query is typed."""

from collections.abc import Iterator

from sandbox.upstreams.catalogue import brand_json
from sandbox.upstreams.contract import Context, Json, Request
from sandbox.world.brands import Brand
from sandbox.world.goods import Product
from sandbox.world.shop import Shop
from sandbox.world.text import Text
from sandbox.world.tree import Category
from sandbox.world.words import words_of


class SuggestionQuery(Request, frozen=True):
    text: str
    first: int


class Suggestions(Context, frozen=True, kw_only=True):
    queries: list[SuggestionQuery]


def suggest(shop: Shop, query: SuggestionQuery, text: str, hits: list[Product], language: str) -> Json:
    """What is named like the text comes first, then what the products found belong to.

    `text` is the query as it was read, `hits` are what it finds, best first.
    """
    words = words_of(text)
    categories = _categories(shop, words, hits)
    brands = sorted(
        dict.fromkeys(hit.brand for hit in hits), key=lambda brand: not _is_named(Text(brand.name, ""), words)
    )
    return {
        "queries": list(dict.fromkeys(_completions(categories, brands, language)))[: query.first],
        "categoryIds": [category.id for category in categories[: query.first]],
        "brands": [brand_json(shop, brand) for brand in brands[: query.first]],
        "productIds": [hit.id for hit in hits[: query.first]],
    }


def _categories(shop: Shop, words: list[str], hits: list[Product]) -> list[Category]:
    if not hits:
        return []
    named = [category for category in shop.tree.by_id.values() if words and _is_named(category.title, words)]
    return list(dict.fromkeys((*named, *(hit.shelf for hit in hits))))


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
