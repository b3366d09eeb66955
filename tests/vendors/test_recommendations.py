"""What every recommender promises, ours and vendors', held over their simulators."""

from typing import Any

import httpx
import pytest

from clients.errors import InvalidSourceResponse, SourceError, SourceThrottled, SourceTimeout, SourceUnavailable
from clients.recommendations.protocol import BlockKey, RecommendationBlock
from clients.values import Dataset, DataSource, Problem
from gateway.vendors import VENDORS
from tests.vendors.recommenders import (
    ANNA,
    KNOWN,
    NOW,
    PERSONAL,
    POPULAR,
    SEARCHED,
    SIMILAR,
    VIEWED,
    VISITOR,
    Counting,
    Saying,
    for_customer,
    make,
    shop,
    simulated,
)

VENDOR_TEXT = "ORA-12154 at com.vendor.Dao.load(Dao.java:42)"
VENDORS_HERE = sorted(VENDORS["recommendations"])


@pytest.fixture(params=VENDORS_HERE)
def vendor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def fetch(adapter: Any, *keys: BlockKey, scope: Any = VISITOR) -> list[RecommendationBlock]:
    """The blocks of keys that all have one."""
    outcomes = await adapter.fetch_blocks(keys, scope)
    blocks = [outcomes[key] for key in keys]
    assert all(isinstance(block, RecommendationBlock) for block in blocks), blocks
    return blocks


@pytest.mark.parametrize("scope", [ANNA, VISITOR], ids=["customer", "visitor"])
async def test_every_placement_has_its_block(vendor: str, scope: Any) -> None:
    """Of products that the shop has, each once, not more than asked, and never the one that the page shows."""
    blocks = await fetch(make(vendor, simulated(vendor)), *KNOWN, scope=scope)
    for key, block in zip(KNOWN, blocks, strict=True):
        ids = [item.product_id for item in block.items]
        assert block.placement == key.placement
        assert block.title
        assert block.problem is None
        assert len(ids) == len(set(ids)) <= key.first
        assert key.product_id not in ids
        assert all(shop().goods.by_id(product_id) for product_id in ids)
        assert ids or key in (VIEWED, PERSONAL), f"{key.placement} is empty"


async def test_provenance_is_told(vendor: str) -> None:
    """Every block says who said so and when we got it."""
    for block in await fetch(make(vendor, simulated(vendor)), *KNOWN):
        freshness = block.freshness
        assert (freshness.source, freshness.dataset) == (DataSource.RECOMMENDATIONS, Dataset.RECOMMENDATION)
        assert freshness.received_at == NOW
        assert freshness.observed_at.timestamp() <= NOW + 1


async def test_an_unknown_placement_is_a_problem_of_its_own(vendor: str) -> None:
    """The block says so, and costs the others nothing."""
    unknown = BlockKey(placement="no_such_placement", first=4)
    one, other = await fetch(make(vendor, simulated(vendor)), unknown, POPULAR)
    assert (one.placement, one.problem, one.items) == ("no_such_placement", Problem.UNKNOWN_PLACEMENT, ())
    assert len(other.items) == POPULAR.first


@pytest.mark.parametrize("product_id", ["p-999999", "nonsense", "", "../../batch", "p-000007/items", "п-1", "0" * 500])
async def test_a_product_that_nobody_knows_has_no_recommendations(vendor: str, product_id: str) -> None:
    """An id that somebody invented gives an empty block, and the others of its batch stay."""
    invented = BlockKey(placement="product_similar", first=4, product_id=product_id)
    one, other = await fetch(make(vendor, simulated(vendor)), invented, POPULAR, scope=ANNA)
    assert one.items == ()
    assert other.items


async def test_a_page_without_what_a_placement_is_about_has_an_empty_block(vendor: str) -> None:
    """Similar to no product, popular in no category, found by no words."""
    bare = [
        BlockKey(placement=name, first=4)
        for name in ("product_similar", *(() if vendor == "generic" else ("category_popular", "search_empty")))
    ]
    assert [block.items for block in await fetch(make(vendor, simulated(vendor)), *bare)] == [()] * len(bare)


async def test_titles_are_in_the_language_of_the_shopper(vendor: str) -> None:
    """By tag, by its main language, or the first that there is."""
    adapter = make(vendor, simulated(vendor))
    said = [(await fetch(adapter, POPULAR, scope=for_customer(language=tag)))[0].title for tag in ("ru", "en-GB", "kk")]
    assert said == ["Популярное", "Popular", "Популярное"]


async def test_the_same_question_is_asked_once(vendor: str) -> None:
    """Keys that are there twice are not sent twice, and no call is made for none."""
    wire = Counting(simulated(vendor))
    adapter = make(vendor, wire)
    assert await adapter.fetch_blocks([], VISITOR) == {}
    assert not wire.seen
    outcomes = await adapter.fetch_blocks([POPULAR, POPULAR], VISITOR)
    assert len(outcomes) == 1
    assert len(wire.seen) == 1


async def test_customers_are_told_apart(vendor: str) -> None:
    """What two customers see differs where it is personal, and is always the same for one of them."""
    adapter = make(vendor, simulated(vendor))
    anna, boris = ANNA, for_customer("cust-00042")
    first, second, again = [(await fetch(adapter, PERSONAL, scope=who))[0] for who in (anna, boris, anna)]
    assert [item.product_id for item in first.items] == [item.product_id for item in again.items]
    assert [item.product_id for item in first.items] != [item.product_id for item in second.items]


async def test_visitors_see_nothing_personal(vendor: str) -> None:
    """For all of them alike: what is popular in place of what is theirs, and nothing that they would have seen."""
    personal, popular = await fetch(
        make(vendor, simulated(vendor)), PERSONAL, BlockKey(placement="home_popular", first=PERSONAL.first)
    )
    if vendor == "recombee":  # one user stands for all visitors, and has a taste like any other
        assert personal.items
        return
    assert [item.product_id for item in personal.items] == [item.product_id for item in popular.items]
    (viewed,) = await fetch(make(vendor, simulated(vendor)), VIEWED)
    assert viewed.items == ()


async def test_nothing_of_another_customer_is_sent(vendor: str) -> None:
    """A question for a visitor, or for one customer, holds no trace of another."""
    wire = Counting(simulated(vendor))
    adapter = make(vendor, wire)
    await adapter.fetch_blocks(KNOWN, ANNA)
    with_anna = len(wire.seen)
    await adapter.fetch_blocks(KNOWN, VISITOR)
    await adapter.fetch_blocks(KNOWN, for_customer("cust-00042"))
    sent = [f"{request.url} {request.content.decode()}" for request in wire.seen[with_anna:]]
    assert sent
    assert not [one for one in sent if "anna" in one]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, SourceThrottled),
        (500, SourceUnavailable),
        (502, SourceUnavailable),
        (503, SourceUnavailable),
        (408, SourceUnavailable),
        (400, InvalidSourceResponse),
        (401, InvalidSourceResponse),
        (403, InvalidSourceResponse),
        (418, InvalidSourceResponse),
        (301, InvalidSourceResponse),
    ],
)
async def test_refusals_mean_the_same_of_all(vendor: str, status: int, expected: type[SourceError]) -> None:
    """By status, whatever the body; and nothing of the vendor's text reaches a client."""
    said = httpx.Response(status, text=f"<html>{VENDOR_TEXT}</html>", headers={"content-type": "text/html"})
    adapter = make(vendor, Saying(said))
    for outcome in [*(await adapter.fetch_blocks([SIMILAR, POPULAR], ANNA)).values(), await failure_of(adapter.ping())]:
        assert type(outcome) is expected
        assert "ORA" not in f"{outcome} {outcome.extensions} {outcome.detail}"


async def failure_of(call: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await call
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError("x"), SourceUnavailable),
        (httpx.ReadTimeout("x"), SourceTimeout),
        (httpx.RemoteProtocolError("x"), SourceUnavailable),
        (httpx.DecodingError("x"), InvalidSourceResponse),
    ],
)
async def test_failures_of_the_wire_mean_the_same_of_all(
    vendor: str, error: Exception, expected: type[SourceError]
) -> None:
    """As errors of the blocks, and of a ping."""
    adapter = make(vendor, Saying(error))
    outcomes = await adapter.fetch_blocks([SIMILAR, POPULAR], VISITOR)
    assert [type(outcome) for outcome in outcomes.values()] == [expected, expected]
    assert type(await failure_of(adapter.ping())) is expected


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        "null",
        "<html></html>",
        '{"recommendations": {}}',
        '{"recommendations": [{"productId": ["x"]}]}',
        '{"recommendations": [{"productId": [-1]}]}',
        '{"recommendations": [{"productIds": [1]}]}',
        '{"recommId": 1, "recomms": []}',
        '{"recommId": "x", "recomms": [{"itemId": "p-000001"}]}',
        '[{"code": 200, "json": {"recomms": []}}, {"code": "200"}]',
        "[" * 100_000,
    ],
)
@pytest.mark.parametrize("keys", [(SIMILAR,), (SIMILAR, POPULAR)], ids=["one", "several"])
async def test_an_answer_of_another_shape_is_a_broken_contract(
    vendor: str, body: str, keys: tuple[BlockKey, ...]
) -> None:
    """Renamed fields, other types, other text: a typed error for each block, never half of a block."""
    adapter = make(vendor, Saying(httpx.Response(200, text=body, headers={"content-type": "application/json"})))
    outcomes = await adapter.fetch_blocks(keys, ANNA)
    assert [type(outcomes[key]) for key in keys] == [InvalidSourceResponse] * len(keys)


async def test_a_page_of_html_with_200_is_a_broken_contract(vendor: str) -> None:
    """Some proxy's apology, not an answer."""
    said = httpx.Response(200, text="<html>sorry</html>", headers={"content-type": "text/html"})
    outcomes = await make(vendor, Saying(said)).fetch_blocks([POPULAR], VISITOR)
    assert isinstance(outcomes[POPULAR], InvalidSourceResponse)


async def test_a_ping_finds_a_well_system(vendor: str) -> None:
    """One authorised question, and no exception."""
    wire = Counting(simulated(vendor))
    await make(vendor, wire).ping()
    assert len(wire.seen) == 1


async def test_words_of_a_search_arrive_as_they_were_typed(vendor: str) -> None:
    """What has a meaning in an address has none in a search."""
    (block,) = await fetch(make(vendor, simulated(vendor)), SEARCHED)
    plain = BlockKey(placement="search_empty", first=6, query="сапоги")
    (expected,) = await fetch(make(vendor, simulated(vendor)), plain)
    assert {item.product_id for item in block.items} & {item.product_id for item in expected.items}
