"""Hits and their products: paired once for as long as both stay the same."""

from clients.catalogue.protocol import Product, Seo, Variant
from clients.catalogue.protocol import QuantityRule as Rule
from clients.errors import SourceUnavailable
from clients.search.protocol import Hit, Listing
from clients.stock.protocol import AvailabilityStatus, ProductAvailability
from clients.values import LAST_PAGE, DataSource
from resolvers.kept import kept
from resolvers.listing import pair_hits, product_keys
from resolvers.product import first_in_stock

DOWN = SourceUnavailable(DataSource.CATALOGUE)


def listing() -> Listing:
    hits = (Hit(product_id="p1", cursor="c1"), Hit(product_id="p2", cursor="c2", tracking_token="t2"))
    return Listing(hits=hits, total_count=2, page=LAST_PAGE, facets=())


def product(key: str, *skus: str) -> Product:
    variants = tuple(
        Variant(id=sku, sku=sku, title=sku, selected_options=(), components=(), quantity_rule=Rule(minimum=1, step=1))
        for sku in skus or (f"{key}-1",)
    )
    return Product(
        id=key, handle=key, title=key, media=(), category_path=(), attributes=(), options=(), variants=variants,
        badges=(), seo=Seo(),
    )  # fmt: skip


def test_the_same_products_are_paired_once() -> None:
    """A page that is asked again gets the very same edges."""
    found, goods = listing(), [product("p1"), product("p2")]
    first = pair_hits(found, goods)
    assert [(edge.cursor, edge.node.id, edge.tracking_token) for edge in first] == [  # type: ignore[union-attr]
        ("c1", "p1", None),
        ("c2", "p2", "t2"),
    ]
    assert pair_hits(found, list(goods)) is first


def test_a_changed_product_is_paired_anew() -> None:
    """The pairing never outlives what it was made of."""
    found, old, new = listing(), product("p1"), product("p1", "p1-9")
    other = product("p2")
    pair_hits(found, [old, other])
    paired = pair_hits(found, [new, other])
    assert paired[0].node is new  # type: ignore[index]
    assert pair_hits(listing(), [old, other])[0].node is old  # type: ignore[index]


def test_what_is_missing_is_left_out_and_a_failure_is_not_kept() -> None:
    """One absent product costs itself; a failure costs the page only when nothing came."""
    found, other = listing(), product("p2")
    assert [edge.cursor for edge in pair_hits(found, [None, other])] == ["c2"]  # type: ignore[union-attr]
    assert [edge.cursor for edge in pair_hits(found, [DOWN, other])] == ["c2"]  # type: ignore[union-attr]
    assert pair_hits(found, [DOWN, DOWN]) is DOWN
    assert len(pair_hits(found, [product("p1"), other])) == 2  # type: ignore[arg-type]


def test_what_is_worked_out_is_kept_with_its_value_only() -> None:
    """The same value gives the same object; an equal value of its own gives its own."""
    one, twin = listing(), listing()
    keys = kept(one, "product keys", product_keys)
    assert kept(one, "product keys", product_keys) is keys
    assert kept(twin, "product keys", product_keys) == keys
    assert kept(twin, "product keys", product_keys) is not keys
    assert one == twin


def test_the_first_in_stock_follows_the_availability_and_the_product() -> None:
    """What was found for one product or one state of stock is never given for another."""
    goods, changed = product("p1", "a", "b"), product("p1", "b", "a")
    only_b = ProductAvailability(id="p1", status=AvailabilityStatus.IN_STOCK, available_skus=("b",))
    none = ProductAvailability(id="p1", status=AvailabilityStatus.OUT_OF_STOCK, available_skus=())
    both = ProductAvailability(id="p1", status=AvailabilityStatus.IN_STOCK, available_skus=("a", "b"))
    assert [first_in_stock(goods, found).sku for found in (only_b, only_b, none, both, DOWN)] == [
        "b",
        "b",
        "a",
        "a",
        "a",
    ]
    assert first_in_stock(changed, both).sku == "b"
