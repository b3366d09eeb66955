"""Surrogate keys: by which tags each dataset's values are purged.

A tag is `kind:id`, for example `sku:123`, `customer:42` or `dataset:price`. The id is written as
the source spells it, except that what would separate tags in a list or a line is percent-encoded.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from clients.values import Dataset

KINDS = frozenset(
    {
        "dataset",
        "product",
        "handle",
        "sku",
        "stock",
        "category",
        "promotion",
        "customer",
        "location",
        "locality",
        "placement",
    }
)
LONGEST_TAG = 200
_NEEDS_QUOTES = re.compile(r"[^A-Za-z0-9._~:/+@=\-\w]")
_SPELLED = re.compile(r"[A-Za-z0-9._~:/+@=%\-\w]+")


class InvalidTag(ValueError):
    """A tag that cannot name anything; the message says what was expected and what it got."""


def tag(kind: str, name: str) -> str:
    """The tag of a thing, its name quoted where it must be."""
    if not name.isalnum() and _NEEDS_QUOTES.search(name):
        name = quote(name, safe="")
    return f"{kind}:{name}"


def parse_tag(text: str) -> str:
    """Check a tag that came from outside; raises InvalidTag."""
    kind, _, name = text.partition(":")
    if kind not in KINDS:
        raise InvalidTag(f"expected a tag kind:id with one of the kinds {', '.join(sorted(KINDS))}; got {text!r}")
    if len(text) > LONGEST_TAG or not _SPELLED.fullmatch(name):
        raise InvalidTag(
            f"expected an id of 1 to {LONGEST_TAG - len(kind) - 1} letters, digits and ._~:/+@=%- after "
            f"{kind + ':'!r}, anything else percent-encoded; got {text!r}"
        )
    if kind == "dataset" and name not in Dataset.__members__.values():
        raise InvalidTag(f"expected dataset: and one of {', '.join(Dataset)}; got {text!r}")
    return text


def of_product(key: Any, value: Any) -> list[str]:
    """`key` is a ProductKey, `value` a Product."""
    tags = [tag("product" if key.kind == "id" else key.kind, key.key)]
    if value is not None:
        tags.append(tag("product", value.id))
        tags.extend([tag("sku", variant.sku) for variant in value.variants])
    return tags


def of_listing(key: Any, _value: Any) -> Iterator[str]:
    """`key` is a ListingKey."""
    yield from _optional("category", key.category_id)
    yield from _optional("promotion", key.promotion_id)


def of_sku(key: Any, _value: Any) -> tuple[str]:
    """`key` has a `sku`, or is one."""
    return (tag("sku", key if isinstance(key, str) else key.sku),)


def of_availability(key: str, _value: Any) -> tuple[str, str]:
    """`stock` is for what changes a hundred times more often than all else that bears the sku."""
    return (tag("sku", key), tag("stock", key))


def of_product_availability(key: Any, _value: Any) -> list[str]:
    """`key` is a ProductSkus."""
    return [*of_product_skus(key, None), *[tag("stock", sku) for sku in key.skus]]


def of_price(key: Any, value: Any) -> list[str]:
    """`key` is a PriceKey, `value` a Price: a promotion that made the price is a reason to purge it."""
    tags = [tag("sku", key.sku)]
    if value is not None:
        promotions = {step.promotion_id for step in value.explanation if step.promotion_id}
        tags.extend([tag("promotion", promotion_id) for promotion_id in promotions])
    return tags


def of_product_skus(key: Any, _value: Any) -> list[str]:
    """`key` is a ProductSkus."""
    return [tag("product", key.id), *[tag("sku", sku) for sku in key.skus]]


def of_product_price(key: Any, value: Any) -> list[str]:
    """`key` is a ProductSkus, `value` a ProductPrice."""
    tags = of_product_skus(key, value)
    if value is not None:
        tags.extend([tag("promotion", promotion_id) for promotion_id in value.promotion_ids])
    return tags


def of_promotion(key: str, _value: Any) -> tuple[str]:
    return (tag("promotion", key),)


def of_current_promotions(_key: str, value: Any) -> list[str]:
    return [tag("promotion", promotion.id) for promotion in value.promotions] if value is not None else []


def of_stock_at_locations(key: Any, value: Any) -> Iterator[str]:
    """`key` is a StockQuery, `value` a StockAtLocations."""
    yield from of_availability(key.sku, None)
    if value is not None:
        for entry in value.entries:
            yield tag("location", entry.location_id)


def of_block(key: Any, _value: Any) -> Iterator[str]:
    """`key` is a BlockKey."""
    yield tag("placement", key.placement)
    yield from _optional("product", key.product_id)
    yield from _optional("category", key.category_id)


def of_location(key: str, _value: Any) -> tuple[str]:
    return (tag("location", key),)


def of_locations_found(_key: Any, value: Any) -> list[str]:
    return [tag("location", entry.location_id) for entry in value.entries] if value is not None else []


def of_locality(key: str, _value: Any) -> tuple[str]:
    return (tag("locality", key),)


def _optional(kind: str, name: str | None) -> Iterable[str]:
    return (tag(kind, name),) if name else ()
