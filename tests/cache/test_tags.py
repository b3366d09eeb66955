"""Tags: what is purged with what, and what is not a tag."""

import pytest

from clients.pricing.protocol import PriceKey
from clients.values import Dataset, ProductSkus
from gateway.cache import tags
from gateway.cache.policy import DEFAULT_POLICIES
from gateway.cache.purge import purge
from gateway.cache.purges import Purges
from gateway.cache.tags import InvalidTag, parse_tag, tag
from tests.cache.scripted import levels_at


@pytest.mark.parametrize("text", ["sku:123", "customer:42", "dataset:price", "sku:AB%2012", "handle:плащ", "sku:a:b/c"])
def test_a_tag_is_a_kind_and_an_id(text: str) -> None:
    """Ids may have any letters and colons; the rest is percent-encoded."""
    assert parse_tag(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sku", "expected an id of 1 to"),
        ("sku:", "expected an id of 1 to"),
        ("colour:red", "expected a tag kind:id with one of the kinds category, customer, dataset"),
        ("", "expected a tag kind:id"),
        (":5", "expected a tag kind:id"),
        ("sku:1,sku:2", "anything else percent-encoded; got 'sku:1,sku:2'"),
        ("sku:1 2", "anything else percent-encoded"),
        ("sku:1\n", "anything else percent-encoded"),
        ("sku:*", "anything else percent-encoded"),
        ("sku:\x00", "anything else percent-encoded"),
        ("sku:" + "1" * 300, "expected an id of 1 to 196"),
        ("dataset:prices", "expected dataset: and one of product, category_tree"),
    ],
)
def test_what_is_not_a_tag_is_refused(text: str, said: str) -> None:
    """The message says what a tag looks like and what came."""
    with pytest.raises(InvalidTag) as caught:
        parse_tag(text)
    assert said in str(caught.value)


def test_what_a_source_spells_with_separators_can_be_purged() -> None:
    """A SKU with a space or a comma has a tag that parses."""
    for sku in ("AB 12", "1,2", "50%", "*", "a\nb"):
        assert parse_tag(tag("sku", sku)) == tag("sku", sku)
    assert len({tag("sku", sku) for sku in ("AB 12", "AB%2012", "AB", "12")}) == 4


def test_a_product_is_purged_by_any_of_its_skus() -> None:
    """Price range and availability over variants depend on each variant."""
    key = ProductSkus(id="7", skus=("a", "b"))
    assert set(tags.of_product_skus(key, None)) == {"product:7", "sku:a", "sku:b"}
    stock = {"stock:a", "stock:b"}
    assert set(DEFAULT_POLICIES[Dataset.PRODUCT_AVAILABILITY].tags(key, None)) == {
        "product:7",
        "sku:a",
        "sku:b",
        *stock,
    }
    assert list(tags.of_sku(PriceKey(sku="a", quantity=2), None)) == ["sku:a"]
    assert list(tags.of_sku("a", None)) == ["sku:a"]


async def test_one_bad_tag_purges_nothing() -> None:
    """A list with a mistake in it is refused whole."""
    levels = levels_at()
    with pytest.raises(InvalidTag):
        await purge(["sku:1", "colour:red"], levels)
    assert levels.purges.epoch == 0


async def test_a_tag_that_nothing_carries_is_a_counted_no_op() -> None:
    """It is purged all the same, as what is under way may carry it."""
    levels = levels_at()
    outcome = await purge(["sku:nothing", "sku:nothing"], levels)
    assert outcome == (("sku:nothing",), True)
    assert levels.metrics.purged_tags == 1
    assert await purge([], levels) == ((), True)


def test_old_purges_are_forgotten_towards_safety() -> None:
    """Past the number of tags that are remembered, what was loaded before them counts as purged."""
    purges = Purges(remembered=10)
    born = purges.epoch
    for number in range(11):
        purges.mark([f"sku:{number}"], number + 1)
    assert purges.last_epoch(["sku:0"]) > born
    assert purges.last_epoch(["sku:never"]) > born
    assert purges.last_number(["sku:never"]) == 1
    assert purges.last_epoch(["sku:never"]) < purges.last_epoch(["sku:10"])
