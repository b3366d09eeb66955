"""Facets of a listing, counted exactly."""

from collections.abc import Iterator

from sandbox.upstreams.contract import Json
from sandbox.upstreams.narrowing import RANGE_TITLES, Narrowing, column
from sandbox.world.index import FACET_TITLES, Index, Pricing
from sandbox.world.prices import SYMBOLS, decimal


def list_facets(index: Index, narrowing: Narrowing, tokens: list[str], language: str) -> Iterator[Json]:
    """Values that leave something, and those that are ticked; a facet with one value only narrows nothing."""
    selected = set(tokens)
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
            for value, choice in index.choices(code)
            if (count := (bits & index.having(code, value)).bit_count()) or f"{code}:{value}" in selected
        ]
        if len(values) > 1 or code in narrowing.by_facet:
            yield {"kind": "list", "code": code, "title": title.said(language), "values": values}


def range_facets(bits: int, pricing: Pricing, language: str) -> Iterator[Json]:
    """Least and greatest value present."""
    for code, title in RANGE_TITLES.items():
        extremes = column(pricing, code).extremes(bits)
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
