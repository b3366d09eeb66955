"""One suite over all catalogue adapters: the same products and the same tree, whoever keeps them."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from clients.catalogue.generic import is_tree
from clients.catalogue.protocol import TREE, CategoryTree, Product, ProductKey
from clients.errors import SourceError, SourceThrottled
from clients.scope import Public
from tests.vendors.carriers import Rig, Time
from tests.vendors.catalogues import CATALOGUES, bitrix24, generic
from tests.vendors.faults import FAULTS, VENDOR_TEXT

PUBLIC = Public(language="ru")
BOOTS = ProductKey(kind="id", key="p-000001")


@pytest.fixture(params=sorted(CATALOGUES))
def rig(request: pytest.FixtureRequest) -> Rig:
    return CATALOGUES[request.param](Time())


async def fetch(rig: Rig, *keys: ProductKey, language: str = "ru") -> dict[ProductKey, Product]:
    outcomes = await rig.adapter.fetch_products(keys, Public(language=language))
    for outcome in outcomes.values():
        assert isinstance(outcome, Product), outcome.detail
    return dict(outcomes)


async def tree_of(rig: Rig) -> CategoryTree:
    outcome = (await rig.adapter.fetch_category_tree([TREE], PUBLIC))[TREE]
    assert isinstance(outcome, CategoryTree), outcome.detail
    return outcome


async def test_a_product_is_found_by_id_handle_and_sku(rig: Rig) -> None:
    """All three name the same one; a sku names the product that has this variant."""
    by_id = (await fetch(rig, BOOTS))[BOOTS]
    handle = ProductKey(kind="handle", key=by_id.handle)
    sku = ProductKey(kind="sku", key=by_id.variants[-1].sku)

    assert await fetch(rig, handle, sku, BOOTS) == {handle: by_id, sku: by_id, BOOTS: by_id}


async def test_an_unknown_key_is_absent(rig: Rig) -> None:
    """Whatever it is made of."""
    keys = [ProductKey(kind=kind, key=key) for kind in ("id", "handle", "sku") for key in ("p-999999", "&x=[1]", "ы")]

    assert await fetch(rig, BOOTS, *keys) == await fetch(rig, BOOTS)


async def test_nothing_asked_is_nothing_sent(rig: Rig) -> None:
    """No keys, no call."""
    assert await rig.adapter.fetch_products([], PUBLIC) == {}
    assert await rig.adapter.fetch_category_tree([], PUBLIC) == {}
    assert rig.wire.requests == []


async def test_a_product_has_all_that_a_page_shows(rig: Rig) -> None:
    """Variants with chosen options, pictures, characteristics, a brand, labels and its way in the tree."""
    product = (await fetch(rig, BOOTS))[BOOTS]

    assert len(product.variants) > 1
    assert len({variant.sku for variant in product.variants}) == len(product.variants)
    assert all(variant.product_id == product.id for variant in product.variants)
    by_code = {option.code: {value.value for value in option.values} for option in product.options}
    for variant in product.variants:
        assert {option.code for option in variant.selected_options} == set(by_code)
        assert all(option.value in by_code[option.code] for option in variant.selected_options)
        assert variant.quantity_rule.minimum >= 1
    assert product.title
    assert product.image is not None
    assert product.media
    assert product.attributes
    assert product.brand is not None
    assert product.category_path
    assert set(product.category_path) <= set((await tree_of(rig)).by_id)


async def test_the_tree_is_one(rig: Rig) -> None:
    """Parents come before their children and name each other; handles are found."""
    tree = await tree_of(rig)

    assert is_tree(tree)
    assert [root.handle for root in tree.roots] == ["obuv", "odezhda", "kosmetika"]
    assert tree.by_handle["obuv-zhenskaya-sapogi"].title == "Сапоги"


async def test_many_products_cost_few_calls(rig: Rig) -> None:
    """A page of tiles costs as many calls as one tile."""
    await fetch(rig, BOOTS)
    before = len(rig.wire.requests)
    await fetch(rig, ProductKey(kind="id", key="p-000002"))
    of_one = len(rig.wire.requests) - before

    products = await fetch(rig, *(ProductKey(kind="id", key=f"p-{number:06d}") for number in range(3, 51)))

    assert len(products) == 48
    assert len(rig.wire.requests) - before - of_one == of_one <= 2


async def test_ping_asks_the_system(rig: Rig) -> None:
    """It passes when the system is well, and raises when it is not."""
    await rig.adapter.ping()
    rig.wire.fault = lambda _: httpx.Response(503, text=VENDOR_TEXT)

    with pytest.raises(SourceError):
        await rig.adapter.ping()


@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=[f"{n}-{kind.__name__}" for n, (_, kind) in enumerate(FAULTS)])
@pytest.mark.parametrize("is_warm", [False, True])
async def test_a_failure_is_the_value_of_its_keys(
    rig: Rig, is_warm: bool, fault: Callable[[httpx.Request], httpx.Response], kind: type[SourceError]
) -> None:
    """The same fault is the same error, in our words: no method raises, and no text of a vendor gets out."""
    if is_warm:
        await fetch(rig, BOOTS)
    rig.wire.fault = fault
    other = ProductKey(kind="sku", key="LUM-000001-01")

    outcomes = dict(await rig.adapter.fetch_products([BOOTS, other], PUBLIC))
    if not is_warm:
        outcomes |= await rig.adapter.fetch_category_tree([TREE], PUBLIC)

    assert set(outcomes) == {BOOTS, other} | (set() if is_warm else {TREE})
    for outcome in outcomes.values():
        assert isinstance(outcome, kind)
        assert VENDOR_TEXT not in f"{outcome} {outcome.extensions}"
        if kind is SourceThrottled:
            assert outcome.retry_after_s == 7


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_both_keep_the_same_shop(language: str) -> None:
    """What a page reads of a product is the same from either, but for what a portal has no words for."""
    keys = [ProductKey(kind="id", key=f"p-{number:06d}") for number in range(1, 61)]
    ours, theirs = (
        await fetch(generic(Time()), *keys, language=language),
        await fetch(bitrix24(Time()), *keys, language=language),
    )

    assert [told(product, language) for product in theirs.values()] == [told(p, language) for p in ours.values()]


def told(product: Product, language: str) -> Any:
    """A product as far as Bitrix24 can keep it; names of lists are in one language there."""
    common: Any = (
        product.id,
        product.handle,
        product.title,
        product.subtitle,
        product.description,
        product.category_path,
        product.rating,
        product.image and product.image.url,
        [(media.kind, media.image.url, media.video_url) for media in product.media if media.video_url is None],
        [media.video_url for media in product.media],
        [(v.id, v.sku, v.barcode, v.quantity_rule, v.image and v.image.url) for v in product.variants],
        [[(o.code, o.value) for o in v.selected_options] for v in product.variants],
        [(o.code, [(v.value, v.swatch) for v in o.values]) for o in product.options],
        [(badge.code, badge.color) for badge in product.badges],
        product.seo.canonical_url,
        product.brand and (product.brand.id, product.brand.handle, product.brand.name),
    )
    if language != "ru":
        return common
    titles = [variant.title for variant in product.variants]
    characteristics = [(attribute.code, attribute.values) for attribute in product.attributes]
    return *common, titles, characteristics, product.options, product.badges


async def test_both_have_the_same_tree() -> None:
    """Ids, handles, titles and order."""
    ours, theirs = await tree_of(generic(Time())), await tree_of(bitrix24(Time()))

    def rows(tree: CategoryTree) -> list[Any]:
        return sorted((c.id, c.handle, c.title, c.parent_id, c.child_ids, c.description) for c in tree.categories)

    assert rows(theirs) == rows(ours)
    assert [root.id for root in theirs.roots] == [root.id for root in ours.roots]
