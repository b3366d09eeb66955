"""Bitrix24: every exchange fits the vendor's contract and ours, and what a naive adapter gets wrong is got right."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from clients.catalogue.protocol import TREE, CategoryTree, Product, ProductKey
from clients.errors import (
    InvalidSourceResponse,
    SourceError,
    SourceThrottled,
    SourceUnavailable,
)
from clients.scope import Public
from clients.values import DataSource
from gateway.resilience.policy import default_policy
from gateway.resilience.stack import GuardedUpstream
from gateway.vendors import VENDORS
from sandbox.vendors.bitrix24 import WEBHOOK, Bitrix24
from sandbox.vendors.bitrix24_elements import FIRST_PRODUCT, MAPPING
from sandbox.vendors.php import parse_query
from sandbox.world.shop import Shop
from tests.vendors.carriers import Rig, Time
from tests.vendors.catalogues import bitrix24
from tests.vendors.contracts import NO_CONTRACTS, Judge, Tally, folder, slim
from tests.vendors.faults import JSON
from tests.vendors.portal_judge import PortalJudge, objections_by_slim, objections_by_vendor

Json = Any
PUBLIC = Public(language="ru")
BOOTS = ProductKey(kind="id", key="p-000001")
LIPSTICK = ProductKey(kind="handle", key="pomada-mirelle-velvet-2")
DRESS = ProductKey(kind="sku", key="ARV-000003-01")


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def rig(time: Time, tally: Tally) -> Rig:
    """Judged inside and out, whatever a test does."""
    return bitrix24(time, lambda wire: PortalJudge(Judge(wire, [slim("bitrix24")], tally), tally))


async def ask(rig: Rig, *keys: ProductKey) -> dict[ProductKey, Any]:
    return dict(await rig.adapter.fetch_products(keys or (BOOTS,), PUBLIC))


async def tree_of(rig: Rig) -> Any:
    return (await rig.adapter.fetch_category_tree([TREE], PUBLIC))[TREE]


def commands(rig: Rig) -> list[tuple[str, Json]]:
    """Method and parameters of every command that was sent."""
    batches = [json.loads(request.content)["cmd"] for request in rig.wire.requests if "batch" in request.url.path]
    return [
        (command.partition("?")[0], parse_query(command.partition("?")[2]))
        for batch in batches
        for command in batch.values()
    ]


def changed(change: Callable[[Json], None], rig: Rig) -> None:
    """Let the portal's next good answers be changed on their way."""
    beneath = rig.wire.beneath

    class Changing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await beneath.handle_async_request(request)
            told = json.loads(await answer.aread())
            for result in dict(told["result"]["result"] or {}).values():
                change(result)
            return httpx.Response(answer.status_code, json=told)

    rig.wire.beneath = Changing()


def each(entries: str, change: Callable[[Json], object]) -> Callable[[Json], None]:
    """A change of every entry of one kind of list."""

    def apply(result: Json) -> None:
        for entry in result.get(entries, ()):
            change(entry)

    return apply


async def test_every_exchange_fits_the_contract(rig: Rig, tally: Tally) -> None:
    """Products by all three kinds of keys, offers, sections, names of lists, catalogues, refusals."""
    await rig.adapter.ping()
    keys = [ProductKey(kind="id", key=f"p-{number:06d}") for number in range(4, 61)]
    assert len(await ask(rig, BOOTS, LIPSTICK, DRESS, *keys)) == 60
    assert isinstance(await tree_of(rig), CategoryTree)
    for code in ("200040300010", "QUERY_LIMIT_EXCEEDED"):
        rig.simulator.switch({"failedCommand": code})
        await ask(rig)
    rig.simulator.switch({"failedCommand": "", "operationLimit": True})
    await ask(rig)
    rig.simulator.switch({"operationLimit": False, "isThrottled": True})
    await ask(rig)

    assert tally.requests["bitrix24 commands, slim"] >= 30
    assert tally.answers["bitrix24 commands, slim"] >= 25
    assert tally.requests["bitrix24, slim"] >= 10
    assert tally.answers["bitrix24, slim"] >= 10
    if folder() is not None:
        assert tally.requests["bitrix24 commands, published"] >= 25


@pytest.mark.skipif(folder() is None, reason=NO_CONTRACTS)
def test_the_vendor_s_files_object_to_nonsense() -> None:
    """A judge that lets everything pass judges nothing."""
    said = objections_by_vendor(
        "catalog.product.list",
        {"select": ["id", "price"], "filter": {">created": "1"}, "limit": "5", "order": "id"},
        {"products": [{"id": {"x": 1}, "colour": 1}]},
    )
    assert said is not None
    assert {
        "unknown parameter limit", "order: expected object, got str", "unknown field price", "unknown field created",
        "unknown field colour in products",
    } <= set(said)  # fmt: skip
    assert len(said) == 6


def test_our_own_schemas_object_to_nonsense() -> None:
    """The same for ours."""
    params = {"select": ["id"], "filter": {">id": "0"}, "order": {"id": "asc"}, "start": "0"}

    assert len(objections_by_slim("catalog.product.list", params, {"products": [{"name": 1}]})) == 5
    assert objections_by_slim("crm.deal.list", {}, None) != []


# ---- what a naive adapter gets wrong --------------------------------------------------------------


async def test_lists_are_scanned_by_id_and_not_by_offset(rig: Rig) -> None:
    """No count is asked for, every page begins after the last id of the one before, and all of it comes."""
    tree = await tree_of(rig)

    pages = [params for method, params in commands(rig) if method == "catalog.section.list"]
    assert len(tree.categories) > 50
    assert len(pages) == len(tree.categories) // 50 + 1
    assert {params["start"] for params in pages} == {"-1"}
    assert [params["order"] for params in pages] == [{"id": "asc"}] * len(pages)
    last_ids = [int(params["filter"][">id"]) for params in pages]
    assert last_ids[:2] == [0, 59]
    assert last_ids == sorted(set(last_ids))


async def test_batches_hold_fifty_commands_and_lists_forty_nine_keys(rig: Rig) -> None:
    """Two hundred products are two calls' worth of lists, each within the vendor's limits."""
    keys = [ProductKey(kind="id", key=f"p-{number:06d}") for number in range(1, 201)]
    await ask(rig, *keys)

    for request in rig.wire.requests:
        assert len(json.loads(request.content)["cmd"]) <= 50
    asked = [
        len(params["filter"].get("@xmlId", ())) for method, params in commands(rig) if method.endswith("product.list")
    ]
    assert max(asked) == 49
    assert sum(asked) == 200


async def test_offers_beyond_a_page_are_fetched_too(rig: Rig) -> None:
    """A product with more than fifty offers has all of them."""
    offers = [
        {
            "id": 5000 + number, "iblockId": 24, "name": "x", "xmlId": f"v-{number}", "active": "Y",
            "parentId": {"value": str(FIRST_PRODUCT + 1), "valueId": "1"},
            f"property{MAPPING['sku']}": {"value": f"S-{number}"},
        }
        for number in range(120)
    ]  # fmt: skip
    beneath = rig.simulator._lists["catalog.product.offer.list"]
    rig.simulator._lists["catalog.product.offer.list"] = (beneath[0], lambda _: iter(offers))

    product = (await ask(rig))[BOOTS]

    assert [variant.sku for variant in product.variants] == [f"S-{number}" for number in range(120)]


async def test_an_endless_list_ends(rig: Rig) -> None:
    """A portal that gives the same page again and again is not asked for ever."""
    page = [{"id": 70 + number, "name": "x", "active": "Y", "xmlId": f"c-{number}"} for number in range(50)]
    rig.simulator._lists["catalog.section.list"] = ("sections", lambda _: iter(page))
    rig.wire.beneath = httpx.ASGITransport(rig.simulator.app())
    changed(lambda result: result.update(sections=page) if "sections" in result else None, rig)

    assert isinstance(await tree_of(rig), InvalidSourceResponse)
    assert len(rig.wire.requests) == 2


async def test_a_failed_command_inside_200_fails_its_own_keys_only(rig: Rig) -> None:
    """Ids and handles are asked for by two commands; when the first fails, the keys of the second are answered."""
    await ask(rig)
    rig.simulator.switch({"failedCommand": "200040300010"})
    beneath, count = rig.wire.beneath, [0]

    class Once(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            count[0] += 1
            rig.simulator.switch({"failedCommand": "200040300010" if count[0] == 1 else ""})
            return await beneath.handle_async_request(request)

    rig.wire.beneath = Once()
    outcomes = await ask(rig, BOOTS, LIPSTICK)

    assert isinstance(outcomes[BOOTS], InvalidSourceResponse)
    assert isinstance(outcomes[LIPSTICK], Product)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("QUERY_LIMIT_EXCEEDED", SourceThrottled),
        ("OPERATION_TIME_LIMIT", SourceThrottled),
        ("INTERNAL_SERVER_ERROR", SourceUnavailable),
        ("200040300010", InvalidSourceResponse),
        ("0", InvalidSourceResponse),
    ],
)
async def test_errors_inside_200_are_told_apart(rig: Rig, code: str, kind: type[SourceError]) -> None:
    """A command that was refused because of the limit may be asked again; one that is wrong may not."""
    await ask(rig)
    rig.simulator.switch({"failedCommand": code})

    assert type((await ask(rig))[BOOTS]) is kind


async def test_empty_maps_come_as_lists(rig: Rig) -> None:
    """PHP writes `[]` for a map with nothing in it; an outcome that is missing is no absence."""
    await ask(rig)
    rig.simulator.switch({"lostCommands": True})

    assert isinstance((await ask(rig))[BOOTS], InvalidSourceResponse)


async def test_503_of_the_query_limit_is_throttling(rig: Rig) -> None:
    """So says the adapter, with a wait that the vendor does not tell."""
    await ask(rig)
    rig.simulator.switch({"isThrottled": True})

    outcome = (await ask(rig))[BOOTS]

    assert isinstance(outcome, SourceThrottled)
    assert outcome.retry_after_s == 2


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_503_of_the_query_limit_is_no_outage(time: Time) -> None:
    """Behind the guards thirty in a row open no breaker, and the next call that the portal takes is answered."""
    policy = replace(VENDORS["catalogue"]["bitrix24"].limits(default_policy(DataSource.CATALOGUE)), quota=None)
    guards: list[GuardedUpstream] = []

    def guarded(wire: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        guards.append(GuardedUpstream(policy, wire))
        return guards[0]

    rig = bitrix24(time, guarded)
    await ask(rig)
    rig.simulator.switch({"isThrottled": True})
    for _ in range(30):
        assert isinstance((await ask(rig))[BOOTS], SourceThrottled)
        await asyncio.sleep(3)
    assert {state.value for state in guards[0].breakers.states().values()} == {"closed"}
    rig.simulator.switch({"isThrottled": False})

    assert isinstance((await ask(rig))[BOOTS], Product)


async def test_a_bucket_of_the_vendor_is_never_overrun(time: Time) -> None:
    """Fifty at once and two a second: what the policy lets through, the portal takes; one more it does not."""
    policy = VENDORS["catalogue"]["bitrix24"].limits(default_policy(DataSource.CATALOGUE))
    assert policy.quota is not None
    rig = bitrix24(time)
    for _ in range(4):
        for _ in range(policy.quota.calls):
            rig.wire.requests.clear()
            await rig.adapter.ping()
        time.pass_(policy.quota.period_s)
    for _ in range(policy.quota.calls):
        await rig.adapter.ping()

    with pytest.raises(SourceThrottled):
        await rig.adapter.ping()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(None, None), ({"value": "4.5", "valueId": "1"}, 4.5), ({"value": 4}, 4.0), ([{"value": "4,5"}], 4.5), ([], None)],
)
async def test_numbers_come_as_text_and_unset_is_null(rig: Rig, number: Json, expected: float | None) -> None:
    """A property is a map, a list of maps, or null."""
    rig.wire.beneath = httpx.ASGITransport(rig.simulator.app())
    changed(each("products", lambda entry: entry.update({f"property{MAPPING['rating']}": number})), rig)

    rating = (await ask(rig))[BOOTS].rating

    assert (rating and rating.average) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"name": None}, {"name": ["x"]}, {f"property{MAPPING['rating']}": {"value": "good"}},
        {f"property{MAPPING['rating']}": {"value": "7"}}, {"iblockSectionId": "x"}, {"xmlId": {"a": 1}},
    ],
)  # fmt: skip
async def test_a_broken_product_costs_itself_only(time: Time, change: Json) -> None:
    """The others are there, and it is not called absent."""
    rig = bitrix24(time)
    changed(each("products", lambda entry: entry.update(change if entry["xmlId"] == BOOTS.key else {})), rig)

    outcomes = await ask(rig, BOOTS, LIPSTICK)

    assert isinstance(outcomes[BOOTS], InvalidSourceResponse)
    assert isinstance(outcomes[LIPSTICK], Product)


async def test_unknown_fields_types_and_list_values_survive(time: Time) -> None:
    """A type of product that we do not know may have offers; a name that is in no list is left out."""
    rig = bitrix24(time)
    change = {"type": 99, "shiny": True, f"property{MAPPING['brand']}": {"value": "999999"}}
    changed(each("products", lambda entry: entry.update(change)), rig)

    product = (await ask(rig))[BOOTS]

    assert product.brand is None
    assert len(product.variants) > 1


async def test_renamed_fields_are_no_empty_shop(time: Time) -> None:
    """Neither products nor sections are called absent."""
    rig = bitrix24(time)
    rig.simulator.switch({"renameFields": True})

    assert isinstance((await ask(rig))[BOOTS], InvalidSourceResponse)
    assert isinstance(await tree_of(rig), InvalidSourceResponse)


async def test_a_product_whose_offers_failed_is_not_absent(rig: Rig) -> None:
    """Half a product is none."""
    await ask(rig)
    beneath = rig.wire.beneath

    class NoOffers(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"offer.list" in request.content:
                return httpx.Response(500)
            return await beneath.handle_async_request(request)

    rig.wire.beneath = NoOffers()

    assert isinstance((await ask(rig))[BOOTS], SourceUnavailable)


async def test_a_product_without_offers_for_sale_is_absent(time: Time) -> None:
    """Nothing of it can be bought."""
    rig = bitrix24(time)
    rig.simulator._lists["catalog.product.offer.list"] = ("offers", lambda _: iter(()))

    assert await ask(rig) == {}


async def test_a_simple_product_is_its_own_variant(time: Time) -> None:
    """A catalogue without offers: its id is its sku, and a sku finds it."""
    rig = bitrix24(time, offers_block=None, sku=None, options=())
    changed(each("products", lambda entry: entry.update({"type": "1"})), rig)
    sku = ProductKey(kind="sku", key="p-000001")

    outcomes = await ask(rig, BOOTS, sku)

    assert outcomes[BOOTS] == outcomes[sku]
    assert [variant.sku for variant in outcomes[BOOTS].variants] == ["p-000001"]


async def test_plain_text_is_shown_and_not_run(time: Time) -> None:
    """A description that is not HTML is escaped on its way into a field that is."""
    rig = bitrix24(time)
    change = {"detailText": "<script>x</script> & more", "detailTextType": "text"}
    changed(each("products", lambda entry: entry.update(change)), rig)

    assert (await ask(rig))[BOOTS].description == "<p>&lt;script&gt;x&lt;/script&gt; &amp; more</p>"


async def test_sections_that_are_off_take_what_is_below_with_them(time: Time) -> None:
    """So does one that has lost its parent; products keep the rest of what is said of them."""
    rig = bitrix24(time)
    changed(each("sections", lambda entry: entry.update({"active": "N"} if entry["code"] == "obuv" else {})), rig)

    tree = await tree_of(rig)

    assert [root.handle for root in tree.roots] == ["odezhda", "kosmetika"]
    assert not any(category.handle.startswith("obuv") for category in tree.categories)
    assert (await ask(rig))[BOOTS].category_path == ()


async def test_two_sections_of_one_name_are_refused(time: Time) -> None:
    """A listing could not tell which of them it shows."""
    rig = bitrix24(time)
    changed(each("sections", lambda entry: entry.update({"xmlId": "same"})), rig)

    assert isinstance(await tree_of(rig), InvalidSourceResponse)


async def test_ids_can_be_the_portal_s_own(time: Time) -> None:
    """For a shop that has no ids of other systems in its portal."""
    rig = bitrix24(time, ids="id")
    key = ProductKey(kind="id", key=str(FIRST_PRODUCT + 1))
    strange = ProductKey(kind="id", key="p-000001")

    outcomes = await ask(rig, key, strange, LIPSTICK)

    assert set(outcomes) == {key, LIPSTICK}
    assert outcomes[key].id == key.key
    assert outcomes[key].category_path[0] == (await tree_of(rig)).roots[0].id


async def test_sections_and_names_are_fetched_anew_behind_everybody_s_back(rig: Rig) -> None:
    """Every ten minutes; nobody waits for it."""
    await ask(rig)
    rig.time.pass_(601)
    before = len(rig.wire.requests)
    product = (await ask(rig))[BOOTS]

    assert isinstance(product, Product)
    assert len(rig.wire.requests) - before >= 2
    assert (
        "catalog.product.list"
        in rig.wire.requests[before + 1].content.decode() + rig.wire.requests[before].content.decode()
    )


async def test_the_webhook_s_path_is_in_no_error(time: Time) -> None:
    """Nor in what is logged of one."""
    rig = bitrix24(time)
    for fault in (
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.Response(404),
        httpx.Response(200, content=b"x", headers=JSON),
    ):

        def fail(_: httpx.Request, fault: Any = fault) -> httpx.Response:
            if isinstance(fault, Exception):
                raise fault
            return httpx.Response(fault.status_code, content=fault.content, headers=fault.headers)

        rig.wire.fault = fail
        rig.time.pass_(60)
        (error,) = (await ask(rig)).values()
        assert isinstance(error, SourceError)
        assert WEBHOOK.partition("/")[2] not in f"{error!r} {error.detail} {error.extensions} {rig.adapter!r}"
        assert WEBHOOK not in repr(rig.adapter._settings)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_storm_of_listings_is_never_throttled_by_the_portal() -> None:
    """A minute of pages that nobody remembers: what the quota lets through the portal takes, all of it."""
    loop, began = asyncio.get_running_loop(), Time()
    shop = Shop(1, 60, "http://pictures.test", lambda: began.at + dt.timedelta(seconds=loop.time()))
    policy = VENDORS["catalogue"]["bitrix24"].limits(default_policy(DataSource.CATALOGUE))
    statuses: list[int] = []
    rig = bitrix24(began, lambda wire: GuardedUpstream(policy, Noting(wire, statuses)), Bitrix24(shop))
    began_at = loop.time()
    asking: list[asyncio.Future[dict[ProductKey, Any]]] = []
    while loop.time() < began_at + 60:
        asking.append(asyncio.ensure_future(ask(rig, ProductKey(kind="id", key=f"p-{1 + len(asking) % 60:06d}"))))
        await asyncio.sleep(0.2)
    outcomes = [outcome for answer in await asyncio.gather(*asking) for outcome in answer.values()]

    assert set(statuses) == {200}
    assert 100 <= len(statuses) <= 170
    assert sum(isinstance(outcome, Product) for outcome in outcomes) >= 40


@dataclass
class Noting(httpx.AsyncBaseTransport):
    """Notes how each call ended."""

    beneath: httpx.AsyncBaseTransport
    statuses: list[int]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.beneath.handle_async_request(request)
        self.statuses.append(answer.status_code)
        return answer
