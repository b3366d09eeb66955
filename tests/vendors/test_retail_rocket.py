"""Retail Rocket: what is sent, what is answered, and each thing that a naive adapter would get wrong."""

import copy
import re
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from clients.errors import InvalidSourceResponse, SourceThrottled, SourceUnavailable
from clients.recommendations.numbering import NumberRule
from clients.recommendations.protocol import BlockKey, RecommendationBlock
from clients.recommendations.retail_rocket import (
    PERSONAL,
    Resource,
    RetailRocketPlacement,
    RetailRocketSettings,
    session_of,
)
from sandbox.vendors.retail_rocket import API_KEY, PER_SECOND, RESOURCES, SHOWN
from tests.vendors.contracts import Contract, Judge, Tally, published_schema, slim
from tests.vendors.recommenders import (
    ANNA,
    KNOWN,
    NOW,
    OF_CATEGORY,
    POPULAR,
    SIMILAR,
    VISITOR,
    Counting,
    Saying,
    documented,
    for_customer,
    make,
    simulated,
)

SESSION_KEY = "a long secret of your own"


def with_vendors_answer() -> Contract:
    """Our paths with the vendor's own schema of the answer, which is all that it publishes."""
    schema = published_schema("retailrocket", "recommendations.response.schema.json")
    document = copy.deepcopy(slim("retail_rocket").documents[0])
    answer = document["components"]["responses"]["Recommendations"]["content"]["application/json"]
    answer["schema"] = {name: part for name, part in schema.items() if name != "$schema"}
    return Contract("retail_rocket, published answer", [document])


async def popular(**switches: Any) -> Any:
    """What is popular, from a simulator with some switches set."""
    adapter = make("retail_rocket", simulated("retail_rocket", **switches))
    return (await adapter.fetch_blocks([POPULAR], VISITOR))[POPULAR]


def every_resource(**options: Any) -> tuple[dict[str, Any], list[BlockKey]]:
    """Options with a placement for each resource, and a question for each."""
    placements = {
        name.replace("/", "_"): {"resource": name, "strategy": "POPULAR", "block_id": "b", "title": {"ru": "x"}}
        for name in RESOURCES
    }
    keys = [
        BlockKey(placement=name, first=6, product_id="p-000007", category_id="c-1", query="сапоги")
        for name in placements
    ]
    return {"placements": placements, **options}, keys


@pytest.mark.parametrize("is_by_path", [False, True], ids=["ids", "paths"])
async def test_both_sides_keep_to_our_schemas(tally: Tally, *, is_by_path: bool) -> None:
    """Every resource, for a customer and for a visitor, with and without a region."""
    options, keys = every_resource(categories_are_paths=is_by_path)
    adapter = make("retail_rocket", Judge(simulated("retail_rocket"), [slim("retail_rocket")], tally), **options)
    for scope in (ANNA, VISITOR, for_customer(locality_id="nsk")):
        outcomes = await adapter.fetch_blocks(keys, scope)
        assert all(isinstance(block, RecommendationBlock) for block in outcomes.values())
    await adapter.ping()
    assert tally.requests["retail_rocket, slim"] >= 3 * (len(RESOURCES) - len(PERSONAL))
    assert tally.requests == tally.answers


async def test_answers_keep_to_the_vendor_s_schema(tally: Tally) -> None:
    """What the simulator says is what the vendor publishes."""
    options, keys = every_resource()
    judge = Judge(simulated("retail_rocket"), [with_vendors_answer()], tally)
    await make("retail_rocket", judge, **options).fetch_blocks(keys, ANNA)
    assert tally.answers == {"retail_rocket, published answer": len(keys)}


async def test_the_vendor_s_own_example_is_read() -> None:
    """Numbers in an array in an object in an array."""
    said = published_schema("retailrocket", "recommendations.response.example.json")
    adapter = make("retail_rocket", Saying(httpx.Response(200, json=said)), product_ids="{}")
    block = (await adapter.fetch_blocks([POPULAR], VISITOR))[POPULAR]
    assert [item.product_id for item in block.items] == ["53242", "41231"]


async def test_ids_only_arrays_in_objects_in_an_array_are_joined() -> None:
    """Several objects, an empty one, and numbers that come twice: one list, each once, in their order."""
    whole = await popular()
    scattered = await popular(isScattered=True)
    assert scattered.items == whole.items
    assert len(whole.items) == POPULAR.first < SHOWN


async def test_none_is_an_empty_array() -> None:
    """`recommendations: []` is an empty block, not an error."""
    adapter = make("retail_rocket", Saying(httpx.Response(200, json={"recommendations": []})))
    block = (await adapter.fetch_blocks([SIMILAR], ANNA))[SIMILAR]
    assert block.items == ()
    assert block.problem is None


async def test_drift_unknown_fields_are_ignored_and_renamed_ones_refused() -> None:
    """More than we know of does no harm; what is missing is a typed error, not an empty block."""
    assert (await popular(hasNewFields=True)).items
    assert isinstance(await popular(hasRenamedFields=True), InvalidSourceResponse)


# -- Cache-Control ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "fresh_s"),
    [("private, max-age=30", 30), ("no-store", 0), ("no-cache, max-age=30", 0), ("max-age=nonsense", 0)],
)
async def test_cache_control_is_obeyed(said: str, fresh_s: float) -> None:
    """A block may be used as long as the vendor says, counted from the question."""
    block = await popular(cacheControl=said)
    assert block.freshness.allowance.fresh_until == NOW + fresh_s
    assert block.freshness.allowance.served_until == NOW + fresh_s


async def test_without_cache_control_the_policy_alone_decides() -> None:
    """Nothing said is nothing shortened."""
    block = await popular(cacheControl="")
    assert block.freshness.allowance is None


async def test_each_answer_has_an_allowance_of_its_own() -> None:
    """One load asks several questions, and each answer says for itself how long it holds and how old it is."""

    class Two(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            age = {"age": "10"} if "popular" in request.url.path else {}
            return httpx.Response(200, json={"recommendations": []}, headers={"cache-control": "max-age=60", **age})

    outcomes = await make("retail_rocket", Two()).fetch_blocks([POPULAR, SIMILAR], VISITOR)
    assert outcomes[POPULAR].freshness.allowance.fresh_until == NOW + 50
    assert outcomes[POPULAR].freshness.observed_at.timestamp() == NOW - 10
    assert outcomes[SIMILAR].freshness.allowance.fresh_until == NOW + 60


# -- sessions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("customer", ["cust-anna", "anna@example.com", "+7 999 000-11-22", "ё" * 300, "", None])
def test_a_session_is_letters_and_digits_at_most_fifty(customer: str | None) -> None:
    """Nothing of a person is in it, it is always the same, and nobody without the key could make it."""
    session = session_of(customer, SESSION_KEY)
    assert re.fullmatch("[A-Za-z0-9]{1,50}", session)
    assert session == session_of(customer, SESSION_KEY)
    if customer:
        assert session != session_of(customer, "another secret of sixteen")
        assert "anna" not in session


def test_no_two_customers_share_a_session() -> None:
    """A thousand customers, a thousand sessions, none of them the visitors'."""
    sessions = {session_of(f"cust-{number:05d}", SESSION_KEY) for number in range(1000)}
    assert len(sessions | {session_of(None, SESSION_KEY)}) == 1001


async def test_no_personal_data_is_sent() -> None:
    """Not even the customer's id: only the session that was made of it."""
    wire = Counting(simulated("retail_rocket"))
    await make("retail_rocket", wire).fetch_blocks(KNOWN, for_customer("anna@example.com"))
    assert wire.seen
    assert not [request for request in wire.seen if "anna" in str(request.url)]


# -- ids ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "our_id", "number"),
    [
        ("{}", "53242", 53242),
        ("{}", "0", 0),
        ("{}", "007", None),
        ("{}", "²", None),
        ("{}", "", None),
        ("{}", "9" * 19, None),
        ("p-{:06}", "p-000123", 123),
        ("p-{:06}", "p-1234567", 1234567),
        ("p-{:06}", "p-123", None),
        ("p-{:06}", "P-000123", None),
        ("p-{:06}", "p-000123-1", None),
        ("p-{:06}", "000123", None),
        ("{:4}.html", "0012.html", 12),
    ],
)
def test_a_rule_maps_ids_both_ways_or_not_at_all(rule: str, our_id: str, number: int | None) -> None:
    """An id that would not come back as it is has no number."""
    read = NumberRule.read(rule)
    assert read.number(our_id) == number
    assert number is None or read.our_id(number) == our_id


@pytest.mark.parametrize("rule", ["", "p-", "{", "{}{}", "p-{id}", "{:x}", "{0}", "{!r}", 7, None])
def test_another_rule_is_refused(rule: object) -> None:
    """With an example of what was expected."""
    with pytest.raises(ValueError, match=r"expected one number in braces .* such as 'p-\{:06\}'"):
        NumberRule.read(rule)


async def test_category_ids_go_as_numbers_or_as_paths() -> None:
    """The names of the resources differ with what the shop feeds."""
    by_id, by_path = Counting(simulated("retail_rocket")), Counting(simulated("retail_rocket"))
    await make("retail_rocket", by_id).fetch_blocks([OF_CATEGORY], VISITOR)
    await make("retail_rocket", by_path, categories_are_paths=True).fetch_blocks([OF_CATEGORY], VISITOR)
    assert by_id.seen[0].url.path == "/api/3.0/categoryRecommendations/popular/"
    assert by_id.seen[0].url.params["categoryIds"] == "1"
    assert by_path.seen[0].url.path == "/api/3.0/categoryRecommendations/popularByCategoryPath/"
    assert by_path.seen[0].url.params["categoryPaths"] == "c-1"


async def test_a_region_is_sent_where_it_is_known() -> None:
    """By our locality; elsewhere none, which the vendor takes for the whole shop."""
    wire = Counting(simulated("retail_rocket"))
    adapter = make("retail_rocket", wire)
    for locality in ("msk", "nsk"):
        await adapter.fetch_blocks([POPULAR], for_customer(locality_id=locality))
    assert [request.url.params.get("stockId") for request in wire.seen] == ["moscow", None]


# -- calls and quotas ---------------------------------------------------------------------------------


async def test_blocks_that_ask_the_same_share_a_call() -> None:
    """Two placements over one resource, and two lengths of one: one call."""
    wire = Counting(simulated("retail_rocket"))
    shorter = BlockKey(placement="home_popular", first=3)
    personal = BlockKey(placement="home_personal", first=12)
    outcomes = await make("retail_rocket", wire).fetch_blocks([POPULAR, shorter, personal], VISITOR)
    assert len(wire.seen) == 1
    assert outcomes[shorter].items == outcomes[POPULAR].items[:3]
    assert [item.product_id for item in outcomes[personal].items] == [i.product_id for i in outcomes[POPULAR].items]


async def test_one_failed_question_fails_its_own_blocks() -> None:
    """A page's other blocks are there."""

    class Half(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "alternatives" in request.url.path:
                return httpx.Response(429)
            return httpx.Response(200, json={"recommendations": [{"productId": [1]}]})

    outcomes = await make("retail_rocket", Half()).fetch_blocks([SIMILAR, POPULAR], VISITOR)
    assert isinstance(outcomes[SIMILAR], SourceThrottled)
    assert outcomes[POPULAR].items


async def test_throttling_without_a_wait_is_throttling() -> None:
    """429 comes without `Retry-After`."""
    outcome = await popular(isThrottling=True)
    assert isinstance(outcome, SourceThrottled)
    assert outcome.retry_after_s is None


async def test_the_simulator_keeps_the_published_limit() -> None:
    """A hundred calls a second for the whole shop, and not one more."""
    adapter = make("retail_rocket", simulated("retail_rocket"))
    outcomes = [(await adapter.fetch_blocks([POPULAR], VISITOR))[POPULAR] for _ in range(PER_SECOND + 5)]
    assert [type(one) for one in outcomes] == [RecommendationBlock] * PER_SECOND + [SourceThrottled] * 5


async def test_an_html_page_of_a_proxy_is_an_outage() -> None:
    """503 with a page instead of JSON: asking again makes sense, and the page goes nowhere."""
    outcome = await popular(isHtml=True)
    assert isinstance(outcome, SourceUnavailable)
    assert "Service" not in f"{outcome} {outcome.detail}"


async def test_a_key_that_was_taken_back_is_refused() -> None:
    """Each block says that the answer is no use, and a ping finds it."""
    assert isinstance(await popular(isKeyRevoked=True), InvalidSourceResponse)
    with pytest.raises(InvalidSourceResponse):
        await make("retail_rocket", simulated("retail_rocket", isKeyRevoked=True)).ping()


@pytest.mark.parametrize("wrong", [{"api_key": "another"}, {"partner_id": "another"}])
async def test_wrong_credentials_are_told_in_the_log_and_not_to_clients(wrong: dict[str, Any]) -> None:
    """What to look at stands in the detail; the key does not."""
    adapter = make("retail_rocket", simulated("retail_rocket"), **wrong)
    outcome = (await adapter.fetch_blocks([POPULAR], VISITOR))[POPULAR]
    assert isinstance(outcome, InvalidSourceResponse)
    assert "401: partner_id and api_key were refused" in outcome.detail
    assert "another" not in f"{outcome} {outcome.detail}"


# -- settings -----------------------------------------------------------------------------------------


def test_keys_in_query_strings_are_not_in_a_repr() -> None:
    """Settings and adapter in a traceback do not give them away."""
    adapter = make("retail_rocket", simulated("retail_rocket"))
    assert API_KEY not in repr(adapter)
    assert SESSION_KEY not in repr(adapter)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"session_key": "short"}, "session_key"),
        ({"product_ids": "p-"}, "expected one number in braces"),
        ({"placements": {}}, "placements"),
        ({"placements": "{"}, "placements"),
        ({"category_ids": None}, "expected category_ids or categories_are_paths"),
        ({"secret": "x"}, "secret"),
        (
            {"placements": {"a": {"resource": "x/y", "strategy": "POPULAR", "block_id": "b", "title": {"ru": "x"}}}},
            "resource",
        ),
    ],
)
def test_a_slip_in_the_options_is_told_at_start(wrong: dict[str, Any], said: str) -> None:
    """Not by empty blocks on a page."""
    with pytest.raises(ValidationError, match=said):
        RetailRocketSettings.model_validate(documented("retail_rocket", **wrong))


def test_tables_may_come_as_json() -> None:
    """From a variable a table is a text."""
    tables = {
        "stock_ids": '{"msk": "moscow"}',
        "placements": '{"a": {"resource": "partnerRecommendations/popular", "strategy": "POPULAR",'
        ' "block_id": "b", "title": {"ru": "x"}}}',
    }
    settings = RetailRocketSettings.model_validate(documented("retail_rocket", **tables))
    assert settings.stock_ids == {"msk": "moscow"}
    assert settings.placements["a"].resource == "partnerRecommendations/popular"


def test_the_simulator_knows_every_resource() -> None:
    """All that may stand in the settings, and nothing else."""
    assert set(RESOURCES) == set(Resource.__args__)  # type: ignore[attr-defined]
    assert set(RESOURCES) >= PERSONAL
    assert RetailRocketPlacement.model_fields["visitors_resource"].default is None
