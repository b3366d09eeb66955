"""Recombee: what is sent, what is answered, and each thing that a naive adapter would get wrong."""

import json
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from clients.errors import InvalidSourceResponse, SourceThrottled, SourceUnavailable
from clients.recommendations.protocol import BlockKey, RecommendationBlock
from clients.recommendations.recombee import BATCH_LIMIT, ID, RecombeeSettings, user_of
from clients.recommendations.recombee_signing import NOTICED_S, Signer
from sandbox.vendors.recombee import TOKEN
from tests.vendors.contracts import Contract, Judge, Tally, published, slim
from tests.vendors.recommenders import (
    ANNA,
    KNOWN,
    NOW,
    OF_CATEGORY,
    PERSONAL,
    POPULAR,
    SEARCHED,
    SIMILAR,
    TOGETHER,
    VISITOR,
    Clock,
    Counting,
    Saying,
    documented,
    for_customer,
    make,
    simulated,
)

STRANGER = for_customer("somebody-new")
SEARCH_BY_RELEVANCE = {"by": "search", "min_relevance": "low", "strategy": "POPULAR", "title": {"ru": "x"}}
SIGNED = ("hmac_timestamp", "hmac_sign")


def published_recombee() -> Contract:
    """The vendor's own document, which leaves signatures to its text."""
    return published("recombee", "recombee-openapi.yaml", unsaid=SIGNED)


def sent(wire: Counting) -> list[Any]:
    """The bodies of all calls, in their order."""
    return [json.loads(request.content) for request in wire.seen]


# -- contracts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", [slim, None], ids=["slim", "published"])
async def test_both_sides_keep_to_the_contract(tally: Tally, contract: Any) -> None:
    """Each question as a call of its own and all of them in a batch, for a customer, a visitor and a stranger."""
    judged = slim("recombee") if contract else published_recombee()
    adapter = make("recombee", Judge(simulated("recombee"), [judged], tally))
    for scope in (ANNA, VISITOR, STRANGER):
        for keys in (KNOWN, *((key,) for key in KNOWN)):
            outcomes = await adapter.fetch_blocks(keys, scope)
            assert all(isinstance(block, RecommendationBlock) for block in outcomes.values())
    if contract:  # the document has objects in the schema of a list of items, and texts in its example
        await adapter.ping()
    assert sum(tally.requests.values()) >= 3 * (1 + len(KNOWN))
    assert tally.requests == tally.answers


@pytest.mark.parametrize("contract", [slim, None], ids=["slim", "published"])
async def test_parts_of_a_batch_keep_to_the_contract_too(tally: Tally, contract: Any) -> None:
    """The contract calls them objects; here each is judged as the call that it stands for."""
    judged = slim("recombee") if contract else published_recombee()
    wire = Counting(simulated("recombee"))
    await make("recombee", wire).fetch_blocks(KNOWN, ANNA)
    (batch,) = sent(wire)
    signed = "?hmac_timestamp=1772355600&hmac_sign=" + "0" * 40
    for part in batch["requests"]:
        call = httpx.Request(part["method"], f"https://x.example/db{part['path']}{signed}", json=part["params"])
        assert judged.objections_to_request(call) == [], part
        tally.add(tally.requests, judged)
    assert sum(tally.requests.values()) == len(KNOWN)


async def test_the_vendor_s_own_example_is_read() -> None:
    """The answer of the document."""
    operation = published_recombee().documents[0]["paths"]["/{databaseId}/recomms/users/{userId}/items/"]["post"]
    example = operation["responses"]["200"]["content"]["application/json"]["examples"]["response"]["value"]
    block = (await make("recombee", Saying(httpx.Response(200, json=example))).fetch_blocks([POPULAR], ANNA))[POPULAR]
    assert [item.product_id for item in block.items] == ["item-146", "item-462", "item-463"]
    assert block.tracking_token == example["recommId"]


# -- signatures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "timed", "signature"),
    [
        (
            "/recomms/users/cust-anna/items/",
            "/my-shop/recomms/users/cust-anna/items/?hmac_timestamp=1772355600",
            "66364d56495ad98acf177f27f399219d2308c697",
        ),
        (
            "/items/list/?count=1",
            "/my-shop/items/list/?count=1&hmac_timestamp=1772355600",
            "4e364b54d1fd98067b36fdf694c0395c41ebf46e",
        ),
    ],
)
def test_signatures_equal_those_of_the_vendor_s_client(path: str, timed: str, signature: str) -> None:
    """Made once with recombee-api-client 6.3.1, of the same moment."""
    assert Signer("my-shop", "secret-token", lambda: 1772355600.9).sign(path) == f"{timed}&hmac_sign={signature}"


async def test_the_token_is_never_sent() -> None:
    """It signs, and stays here; nor is it in a repr."""
    wire = Counting(simulated("recombee"))
    adapter = make("recombee", wire)
    await adapter.fetch_blocks(KNOWN, ANNA)
    assert wire.seen
    assert not [request for request in wire.seen if TOKEN in f"{request.url}{request.headers}{request.content!r}"]
    assert TOKEN not in repr(adapter._settings)


@pytest.mark.parametrize("ahead_s", [-3600, -31, 31, 3600])
async def test_clock_skew_is_learned_from_the_refusal_and_asked_once_more(ahead_s: int) -> None:
    """A clock that is off by more than 30 seconds costs one more call, once, and no page."""
    wire = Counting(simulated("recombee", clockAheadS=ahead_s))
    adapter = make("recombee", wire)
    assert isinstance((await adapter.fetch_blocks([POPULAR], ANNA))[POPULAR], RecommendationBlock)
    assert len(wire.seen) == 2
    assert isinstance((await adapter.fetch_blocks([SIMILAR], ANNA))[SIMILAR], RecommendationBlock)
    assert len(wire.seen) == 3


async def test_a_clock_that_comes_back_is_followed_too() -> None:
    """What was learned is not for ever."""
    clock = Clock()
    wire = Counting(simulated("recombee", clockAheadS=600))
    adapter = make("recombee", wire, now=clock)
    await adapter.ping()
    clock.time_s += 600  # somebody has set our clock right
    await adapter.ping()
    assert len(wire.seen) == 4


async def test_a_wrong_token_is_not_taken_for_a_wrong_clock() -> None:
    """Refused with our own time in its `Date`: no second call, and a detail that says what to look at."""
    wire = Counting(simulated("recombee", isTokenRevoked=True))
    outcome = (await make("recombee", wire).fetch_blocks([POPULAR], ANNA))[POPULAR]
    assert isinstance(outcome, InvalidSourceResponse)
    assert "401: private_token was refused" in outcome.detail
    assert len(wire.seen) == 1


@pytest.mark.parametrize("date", [None, "", "soon", "Sun, 01 Mar 2026 09:00:00", "Sun, 01 Mar 2099 09:00:00 GMT"])
def test_a_date_that_cannot_be_is_not_followed(date: str | None) -> None:
    """None, nonsense, our own time, or one of another century."""
    signer = Signer("db", "token", lambda: NOW + NOTICED_S - 1)
    assert not signer.follow(date)
    assert signer.ahead_s == 0.0


async def test_what_is_signed_is_what_is_sent() -> None:
    """Ids with characters that an address might encode: the signature is of the very bytes."""
    wire = Counting(simulated("recombee"))
    adapter = make("recombee", wire)
    for customer in ("a@b.example", "with:colon", "dots.and-dashes_"):
        assert isinstance(
            (await adapter.fetch_blocks([PERSONAL], for_customer(customer)))[PERSONAL], RecommendationBlock
        )
    assert len(wire.seen) == 3


# -- ids ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("customer", ["+7 999 000-11-22", "анна", "a/b", "a b", "../x", "x" * 300 + "/"])
def test_a_customer_id_that_recombee_would_not_take_becomes_a_fingerprint(customer: str) -> None:
    """Of its alphabet, at most 64 characters, always the same; the id cannot be read out of it."""
    user = user_of(customer)
    assert ID.fullmatch(user)
    assert len(user) <= 64
    assert user == user_of(customer) != user_of(customer + "1")
    assert customer not in user


def test_other_customer_ids_go_as_they_are() -> None:
    """Whoever feeds Recombee knows customers by the same ids."""
    assert user_of("cust-anna") == "cust-anna"


# -- unknown users and items --------------------------------------------------------------------------


async def test_items_are_never_made() -> None:
    """`cascadeCreate` is sent with no question about an item: an invented id would be an item for ever."""
    wire = Counting(simulated("recombee"))
    adapter = make("recombee", wire)
    await adapter.fetch_blocks(KNOWN, STRANGER)
    await adapter.fetch_blocks([SIMILAR], STRANGER)
    parts = [
        part for body in sent(wire) for part in body.get("requests", [{"path": "/recomms/items/", "params": body}])
    ]
    about_items = [part for part in parts if part["path"].startswith("/recomms/items/")]
    assert about_items
    assert not [part for part in about_items if "cascadeCreate" in part["params"]]


async def test_a_customer_who_is_not_known_gets_what_visitors_get() -> None:
    """404 for the user: asked once more for visitors, who are made if need be; the next question needs no making."""
    wire = Counting(simulated("recombee"))
    adapter = make("recombee", wire)
    block = (await adapter.fetch_blocks([SIMILAR], STRANGER))[SIMILAR]
    assert block.items
    first, second = sent(wire)
    assert first["targetUserId"] == "somebody-new"
    assert [part["method"] for part in second["requests"]] == ["PUT", "POST"]
    await adapter.fetch_blocks([TOGETHER], STRANGER)
    assert len(wire.seen) == 4
    assert sent(wire)[-1]["targetUserId"] == "visitors"


async def test_a_product_that_is_not_known_costs_one_more_call_at_most() -> None:
    """For a visitor who is known to be known, not even that."""
    unknown = BlockKey(placement="product_similar", first=4, product_id="p-999999")
    wire = Counting(simulated("recombee"))
    adapter = make("recombee", wire)
    assert (await adapter.fetch_blocks([unknown], VISITOR))[unknown].items == ()
    assert len(wire.seen) == 2
    assert (await adapter.fetch_blocks([unknown], VISITOR))[unknown].items == ()
    assert len(wire.seen) == 3


async def test_customers_are_made_only_if_the_operator_likes() -> None:
    """Off: nobody is made but the user of all visitors, and a stranger sees what they see."""
    wire = Counting(simulated("recombee"))
    adapter = make("recombee", wire, creates_users=False)
    outcomes = await adapter.fetch_blocks([PERSONAL, SEARCHED, OF_CATEGORY], STRANGER)
    assert all(block.items for block in outcomes.values())
    for body in sent(wire):
        assert all(not part.get("params", {}).get("cascadeCreate") for part in body["requests"])
    made = [part["path"] for body in sent(wire) for part in body["requests"] if part["method"] == "PUT"]
    assert made == ["/users/visitors"]


@pytest.mark.parametrize("body", ["Not Found", "<html></html>", "", "{}", "null", "[]", '"x"'])
async def test_404_without_a_reason_is_a_wrong_address(body: str) -> None:
    """No JSON, or JSON that says nothing: not an unknown product, so not an empty block."""
    outcome = (await make("recombee", Saying(httpx.Response(404, text=body))).fetch_blocks([SIMILAR], ANNA))[SIMILAR]
    assert isinstance(outcome, InvalidSourceResponse)
    assert "the url or database_id is wrong" in outcome.detail


async def test_another_database_is_a_wrong_address() -> None:
    """The simulator knows one, and answers for any other as for a wrong path; a ping finds it too."""
    adapter = make("recombee", simulated("recombee"), database_id="another")
    assert isinstance((await adapter.fetch_blocks([POPULAR, SIMILAR], ANNA))[POPULAR], InvalidSourceResponse)
    with pytest.raises(InvalidSourceResponse, match="contract"):
        await adapter.ping()


# -- batches ------------------------------------------------------------------------------------------


async def test_a_page_is_one_call() -> None:
    """However many blocks it has; and one block is a call of its own."""
    wire = Counting(simulated("recombee"))
    adapter = make("recombee", wire)
    await adapter.fetch_blocks(KNOWN, ANNA)
    await adapter.fetch_blocks([POPULAR], ANNA)
    assert [request.url.path for request in wire.seen] == [
        "/sandbox-shop/batch/",
        "/sandbox-shop/recomms/users/cust-anna/items/",
    ]


async def test_blocks_do_not_depend_on_what_is_asked_beside_them() -> None:
    """Never `distinctRecomms`: a block of a batch is the block of a call of its own, or its cache key would lie."""
    adapter = make("recombee", simulated("recombee"))
    together = await adapter.fetch_blocks(KNOWN, ANNA)
    for key in KNOWN:
        assert (await adapter.fetch_blocks([key], ANNA))[key].items == together[key].items


async def test_200_that_is_a_failure_batch_codes_fail_their_own_blocks() -> None:
    """Every third part fails: those blocks, and no others."""
    outcomes = await make("recombee", simulated("recombee", failsEveryNth=3)).fetch_blocks(KNOWN, ANNA)
    kinds = [type(outcomes[key]) for key in KNOWN]
    assert kinds == [SourceUnavailable if number % 3 == 0 else RecommendationBlock for number in range(1, 8)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [(429, SourceThrottled), (500, SourceUnavailable), (400, InvalidSourceResponse), (302, InvalidSourceResponse)],
)
async def test_codes_of_parts_mean_what_statuses_mean(code: int, expected: type[Exception]) -> None:
    """One part fails by its code, the other is there."""
    fine = {"recommId": "r", "recomms": [{"id": "p-000001"}]}
    said = [{"code": code, "json": {"message": "x"}}, {"code": 200, "json": fine}]
    outcomes = await make("recombee", Saying(httpx.Response(200, json=said))).fetch_blocks([POPULAR, PERSONAL], ANNA)
    assert type(outcomes[POPULAR]) is expected
    assert outcomes[PERSONAL].items


@pytest.mark.parametrize("parts", [0, 1, 3])
async def test_a_batch_of_another_length_is_a_broken_contract(parts: int) -> None:
    """Nobody knows whose answers those are."""
    said = [{"code": 200, "json": {"recommId": "r", "recomms": []}}] * parts
    outcomes = await make("recombee", Saying(httpx.Response(200, json=said))).fetch_blocks([POPULAR, PERSONAL], ANNA)
    assert {type(outcome) for outcome in outcomes.values()} == {InvalidSourceResponse}


async def test_more_items_than_asked_for_are_a_broken_contract() -> None:
    """Their cost was never agreed to."""
    said = {"recommId": "r", "recomms": [{"id": f"p-{number:06}"} for number in range(1, 99)]}
    outcomes = await make("recombee", Saying(httpx.Response(200, json=said))).fetch_blocks([POPULAR], ANNA)
    assert isinstance(outcomes[POPULAR], InvalidSourceResponse)


async def test_batches_split_at_ten_thousand() -> None:
    """Two calls for more; the simulator would refuse one of them with 413."""
    wire = Counting(simulated("recombee"))
    keys = [
        BlockKey(placement="home_popular", first=1 + number % 2, cart_id=f"{number}") for number in range(BATCH_LIMIT)
    ]
    outcomes = await make("recombee", wire).fetch_blocks(keys, ANNA)
    assert len(outcomes) == BATCH_LIMIT
    assert all(isinstance(block, RecommendationBlock) for block in outcomes.values())
    assert sorted(len(body.get("requests", [1])) for body in sent(wire)) == [1, BATCH_LIMIT - 1]


async def test_drift_unknown_fields_are_ignored_and_renamed_ones_refused() -> None:
    """An AB group and scores do no harm; what is missing is a typed error, not an empty block."""
    block = (await make("recombee", simulated("recombee", hasNewFields=True)).fetch_blocks([POPULAR], ANNA))[POPULAR]
    assert block.items
    renamed = make("recombee", simulated("recombee", hasRenamedFields=True))
    assert isinstance((await renamed.fetch_blocks([POPULAR], ANNA))[POPULAR], InvalidSourceResponse)


async def test_throttling_is_throttling() -> None:
    """429, for which Recombee publishes no number."""
    adapter = make("recombee", simulated("recombee", isThrottling=True))
    assert isinstance((await adapter.fetch_blocks([POPULAR], ANNA))[POPULAR], SourceThrottled)


# -- settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"database_id": "a/b"}, "database_id"),
        ({"private_token": ""}, "private_token"),
        ({"visitor_id": "all visitors"}, "visitor_id"),
        ({"placements": {"a": {"by": "cart", "strategy": "POPULAR", "title": {"ru": "x"}}}}, "by"),
        ({"placements": {"a": {"by": "user", "strategy": "POPULAR", "title": {}}}}, "title"),
        (
            {
                "placements": {
                    "a": {"by": "search", "min_relevance": "low", "strategy": "POPULAR", "title": {"ru": "x"}}
                }
            },
            "expected none for a search",
        ),
        ({"region": "eu"}, "region"),
    ],
)
def test_a_slip_in_the_options_is_told_at_start(wrong: dict[str, Any], said: str) -> None:
    """Not by empty blocks on a page."""
    with pytest.raises(ValidationError, match=said):
        RecombeeSettings.model_validate(documented("recombee", **wrong))


async def test_wishes_of_a_placement_are_sent_with_its_questions() -> None:
    """Filter, booster, logic and relevance, in the vendor's words."""
    placement = {
        "by": "user",
        "filter": "'available'",
        "booster": "if 'sale' then 2 else 1",
        "logic": "recombee:default",
        "min_relevance": "high",
        "strategy": "PERSONAL",
        "title": {"ru": "x"},
    }
    wire = Counting(simulated("recombee"))
    key = BlockKey(placement="a", first=3)
    await make("recombee", wire, placements={"a": placement}).fetch_blocks([key], ANNA)
    assert sent(wire) == [
        {
            "count": 3,
            "filter": "'available'",
            "booster": "if 'sale' then 2 else 1",
            "logic": "recombee:default",
            "minRelevance": "high",
            "cascadeCreate": True,
        }
    ]
