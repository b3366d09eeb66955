"""What MoySklad's copy must get right: its gotchas, its limits, and what a page sees of it."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette

from clients.errors import InvalidSourceResponse, SourceThrottled, SourceUnavailable
from clients.http import CallTerms, call_terms
from clients.scope import InContext
from clients.stock import moysklad
from clients.stock.moysklad import MoyskladSettings, cut_array, write_moment
from clients.values import SalesChannel
from gateway.exchange.hook import MoyskladHook
from gateway.exchange.receivers import open_receivers
from gateway.exchange.syncing import Syncing, decide_pause_s, hinted_at
from sandbox.vendors.moysklad import LOGIN, PASSWORD, Sale
from tests.vendors.carriers import Time
from tests.vendors.contracts import Judge, Tally, slim
from tests.vendors.stocks import MoyskladRig, open_moysklad

CONTEXT = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
BOOTS = "LUM-000001-01"
JSON = {"content-type": "application/json"}
REPORT = "/api/remap/1.2/report/stock/bystore/current"
SECRET = "0123456789abcdefSECRET"


@pytest.fixture
async def rig(tmp_path: Path, tally: Tally) -> AsyncIterator[MoyskladRig]:
    async with judged(tmp_path, tally, cap=100_000) as made:
        yield made


def judged(
    folder: Path, tally: Tally, time: Time | None = None, **options: Any
) -> AbstractAsyncContextManager[MoyskladRig]:
    """Every request and every answer is held against our slim schemas."""
    return open_moysklad(folder, time or Time(), lambda wire: Judge(wire, [slim("moysklad")], tally), **options)


async def quantity(rig: MoyskladRig, sku: str = BOOTS) -> int | None:
    told = (await rig.adapter.fetch_availability([sku], CONTEXT)).get(sku)
    found: int | None = told.quantity if told is not None else None
    return found


def elsewhere(rig: MoyskladRig) -> int:
    """Pieces in warehouses other than Moscow's."""
    found = rig.shop.goods.by_sku(BOOTS)
    assert found is not None
    lying = rig.books.lying(*found)
    return sum(one.pieces for one in lying if one.place.kind == "WAREHOUSE" and one.place.id != "wh-msk")


def sell(rig: MoyskladRig, pieces: int, place: str = "wh-msk") -> None:
    rig.simulator.sell(Sale(BOOTS, place, pieces))


async def test_gotcha_both_headers_are_sent(rig: MoyskladRig, tally: Tally) -> None:
    """Without gzip it answers 415 with no body, and without its own spelling of JSON error 1062."""
    await rig.syncing.sync()
    assert rig.wire is not None
    for request in rig.wire.requests:
        assert request.headers["accept-encoding"] == "gzip"
        assert request.headers["accept"] == "application/json;charset=utf-8"
    assert sum(tally.requests.values()) > 0
    assert sum(tally.answers.values()) > 0


async def test_gotcha_changed_since_is_moscow_time(rig: MoyskladRig) -> None:
    """Without a zone in the text, and three hours ahead of UTC in summer and winter."""
    assert write_moment(dt.datetime(2026, 7, 1, 21, 30, 15, 999_000, dt.UTC).timestamp()) == "2026-07-02 00:30:15"
    rig.time.pass_(60)
    await rig.syncing.sync()
    assert rig.wire is not None
    (request,) = rig.wire.to(REPORT)
    # Noon in Moscow, less two minutes of overlap.
    assert request.url.params["changedSince"] == "2026-03-02 11:58:00"


async def test_changes_come_by_windows_that_overlap(rig: MoyskladRig) -> None:
    """A change just before the last window's start is fetched again rather than lost; nothing is counted twice."""
    sell(rig, 40)
    rig.time.pass_(60)
    await rig.syncing.sync()
    assert await quantity(rig) == elsewhere(rig) + 40
    await rig.syncing.sync()
    assert await quantity(rig) == elsewhere(rig) + 40
    sell(rig, 0)
    rig.time.pass_(60)
    await rig.syncing.sync()
    assert await quantity(rig) == elsewhere(rig)


async def test_window_is_never_longer_than_a_day(rig: MoyskladRig) -> None:
    """After a long outage everything is read anew, for changedSince reaches 24 hours back at most."""
    sell(rig, 7)
    rig.time.pass_(30 * 3600)
    await rig.syncing.sync()
    assert rig.wire is not None
    reports = rig.wire.to(REPORT)
    assert reports
    assert all("changedSince" not in request.url.params for request in reports)
    assert await quantity(rig) == elsewhere(rig) + 7


async def test_what_a_whole_copy_does_not_name_is_not_there(tmp_path: Path, tally: Tally) -> None:
    """Full reports leave out zeros; once a day all that is absent is cleared, by what no window told."""
    time = Time()
    async with judged(tmp_path, tally, time, cap=100_000, whole_every_s=3600) as rig:
        before = await quantity(rig)
        rig.simulator.sell(Sale(BOOTS, "wh-msk", 0))
        rig.simulator._changes.clear()
        time.pass_(60)
        await rig.syncing.sync()
        assert await quantity(rig) == before
        time.pass_(3600)
        await rig.syncing.sync()
        assert await quantity(rig) == elsewhere(rig)


async def test_stores_can_be_read_one_by_one(tmp_path: Path, tally: Tally) -> None:
    """For accounts whose report of all stores is too large for one answer: the same copy."""
    async with judged(tmp_path, tally, cap=100_000, reads_stores_singly=True) as rig:
        found = rig.shop.goods.by_sku(BOOTS)
        assert found is not None
        lying = rig.books.lying(*found)
        assert await quantity(rig) == sum(one.pieces for one in lying if one.place.kind == "WAREHOUSE")


async def test_copy_that_is_cut_off_clears_nothing(tmp_path: Path, tally: Tally) -> None:
    """A whole copy that fails at its second store leaves the other stores as they were."""
    async with judged(tmp_path, tally, cap=100_000, reads_stores_singly=True) as rig:
        await cut_off(rig)


async def cut_off(rig: MoyskladRig) -> None:
    before = await quantity(rig)
    assert rig.wire is not None
    answered: list[httpx.Request] = []

    def fail_later(request: httpx.Request) -> httpx.Response | None:
        if "filter" in request.url.params:
            answered.append(request)
        return httpx.Response(500) if len(answered) > 1 else None

    rig.wire.fault = fail_later
    rig.time.pass_(25 * 3600)
    with pytest.raises(SourceUnavailable):
        await rig.syncing.sync()
    assert await quantity(rig) == before


@pytest.mark.parametrize(("stock_type", "expected"), [("freeStock", 35), ("stock", 40), ("quantity", 45)])
async def test_gotcha_quantity_has_what_is_in_transit(
    tmp_path: Path, tally: Tally, stock_type: str, expected: int
) -> None:
    """Free stock is sold unless the settings say otherwise: quantity counts what has not arrived."""
    time = Time()
    async with judged(tmp_path, tally, time, cap=100_000, stock_type=stock_type) as rig:
        for place in rig.books.places:
            rig.simulator.sell(Sale(BOOTS, place.id, 40 if place.id == "wh-msk" else 0))
        rig.simulator.switch({"reserved": 5, "inTransit": 10})
        time.pass_(30)
        await rig.syncing.sync()
        others = 5 * 5 if stock_type == "quantity" else 0  # on its way to each of the five other warehouses
        assert await quantity(rig) == expected + others


async def test_stock_below_zero_sells_none(rig: MoyskladRig, caplog: pytest.LogCaptureFixture) -> None:
    """MoySklad lets more be reserved than there is; another warehouse is not charged for it, and somebody hears."""
    for place in rig.books.places:
        sell(rig, 3 if place.id == "wh-spb" else -2, place.id)
    rig.time.pass_(30)
    await rig.syncing.sync()
    assert await quantity(rig) == 3
    assert "stock below zero" in caplog.text


async def test_skus_may_be_codes_articles_or_external_codes(tmp_path: Path, tally: Tally) -> None:
    """An assortment without the chosen name is not sold, and harms nobody."""
    async with judged(tmp_path, tally, sku_from="externalCode", cap=100_000) as rig:
        assert await quantity(rig, f"ext-{BOOTS}") is not None
        assert await quantity(rig) is None
    async with judged(tmp_path / "other", tally, sku_from="article", cap=100_000) as rig:
        assert await quantity(rig) is None


async def test_unknown_fields_are_ignored(rig: MoyskladRig) -> None:
    """The API grows: a new member of a row is no error."""
    rig.simulator.switch({"addFields": True})
    sell(rig, 9)
    rig.time.pass_(30)
    await rig.syncing.sync()
    assert await quantity(rig) == elsewhere(rig) + 9


async def test_renamed_fields_are_a_broken_answer(tmp_path: Path) -> None:
    """Nothing is taken for zero because it has another name."""
    time = Time()
    async with open_moysklad(tmp_path, time, cap=100_000) as rig:
        before = await quantity(rig)
        rig.simulator.switch({"renameFields": True})
        sell(rig, 9)
        time.pass_(30)
        with pytest.raises(InvalidSourceResponse):
            await rig.syncing.sync()
        assert await quantity(rig) == before


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>502 Bad Gateway</html>"),
        httpx.Response(200, text="<html>login</html>", headers={"content-type": "text/html"}),
        httpx.Response(200, content=b'[{"assortmentId": "a", "storeId": "b", "freeStock": 1', headers=JSON),
        httpx.Response(200, json=[{"assortmentId": "a", "storeId": "b", "freeStock": "many"}]),
        httpx.Response(200, json=[{"assortmentId": "a", "storeId": "b", "freeStock": 1e300}]),
        httpx.Response(200, json={"errors": []}),
    ],
    ids=["edge", "html", "cut", "text", "absurd", "errors in 200"],
)  # fmt: skip
async def test_broken_answers_change_nothing_and_say_nothing_of_the_vendor(
    tmp_path: Path, answer: httpx.Response
) -> None:
    """A typed error for the synchroniser; pages go on with what is known."""
    async with open_moysklad(tmp_path, Time(), cap=100_000) as rig:
        before = await quantity(rig)
        assert rig.wire is not None
        rig.wire.fault = lambda request: answer if request.url.path == REPORT else None
        rig.time.pass_(30)
        with pytest.raises((InvalidSourceResponse, SourceUnavailable)) as caught:
            await rig.syncing.sync()
        assert "html" not in f"{caught.value} {caught.value.extensions}"
        assert await quantity(rig) == before


async def test_wrong_credentials_are_told(tmp_path: Path) -> None:
    """By their status and the vendor's number; the token is in no message."""
    async with open_moysklad(tmp_path, Time()) as rig:
        settings = rig.adapter.settings.model_copy(update={"token": SecretStr("wrong-token")})
        stock = moysklad.MoyskladStock(rig.adapter.upstream, settings, rig.time)
        with pytest.raises(InvalidSourceResponse) as caught:
            await stock.fetch_stores()
    assert caught.value.detail == "HTTP 401, code 1056"
    assert "wrong-token" not in repr(stock)


async def test_login_and_password_do_as_well(tmp_path: Path) -> None:
    """Basic, in UTF-8."""
    async with open_moysklad(tmp_path, Time(), token="", login=LOGIN, password=PASSWORD) as rig:
        assert len(await rig.adapter.fetch_stores()) == len(rig.books.places)


async def test_ping_asks_only_before_there_is_a_copy(tmp_path: Path) -> None:
    """The doctor learns whether the credentials are right; readiness takes no units from the synchroniser."""
    time = Time()
    async with open_moysklad(tmp_path, time) as rig:
        await rig.adapter.ping()
        assert rig.wire is not None
        assert rig.wire.requests == []
        time.pass_(3601)
        with pytest.raises(SourceUnavailable):
            await rig.adapter.ping()
        fresh = rig.adapter.settings.model_copy(update={"folder": tmp_path / "new"})
        await moysklad.MoyskladStock(rig.adapter.upstream, fresh, time).ping()
        assert len(rig.wire.requests) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "expected either token, or login and password"),
        ({"token": "t", "login": "a", "password": "b"}, "expected either token, or login and password"),
        ({"login": "a"}, "expected either token, or login and password"),
        ({"token": "t", "webhook_secret": "short"}, "expected 16 or more letters and digits"),
        ({"token": "t", "webhook_secret": "with/slash/in/it/and/long"}, "expected 16 or more letters and digits"),
        ({"token": "t", "look_every_s": 1}, "greater than or equal to 5"),
        ({"token": "t", "colour": "red"}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    """At start, with what was expected."""
    with pytest.raises(ValidationError, match=said):
        MoyskladSettings.model_validate({"folder": tmp_path, **given})


@pytest.mark.looptime
async def test_gotcha_waits_are_milliseconds(tmp_path: Path) -> None:
    """`X-Lognex-Retry-After: 2500` is 2.5 s: the synchroniser waits for its turn, who has a deadline is told."""
    async with open_moysklad(tmp_path, Time()) as rig:
        refusals = [httpx.Response(429, headers={"x-lognex-retry-after": "2500"}, json={"errors": [{"code": 1049}]})]
        assert rig.wire is not None
        rig.wire.fault = lambda _: refusals.pop() if refusals else None
        loop = asyncio.get_running_loop()
        began = loop.time()
        await rig.adapter.fetch_stores()
        assert loop.time() - began == pytest.approx(2.5, abs=0.01)

        refusals = [httpx.Response(429, headers={"x-lognex-retry-after": "2500"}, json={"errors": [{"code": 1073}]})]
        token = call_terms.set(CallTerms(deadline=loop.time() + 1))
        try:
            with pytest.raises(SourceThrottled) as caught:
                await rig.adapter.fetch_stores()
        finally:
            call_terms.reset(token)
    assert caught.value.retry_after_s == 2.5
    assert caught.value.detail == "HTTP 429, code 1073"


async def test_simulator_counts_units_as_the_vendor_does(tmp_path: Path) -> None:
    """45 units in 3 s, a report weighs 5 and a user's token triples it: the fourth report in a row is refused."""
    time = Time()
    async with open_moysklad(tmp_path, time) as rig:
        rig.simulator._clock = time
        token = call_terms.set(CallTerms(deadline=asyncio.get_running_loop().time() + 5))
        try:
            for _ in range(3):
                assert [row async for rows in rig.adapter.fetch_changes(time() - 60) for row in rows] == []
            with pytest.raises(SourceThrottled):
                _ = [rows async for rows in rig.adapter.fetch_changes(time() - 60)]
        finally:
            call_terms.reset(token)
        assert rig.simulator.refused == 1


async def test_storm_of_pages_asks_nothing(rig: MoyskladRig) -> None:
    """However many listings are asked for, MoySklad hears of none of them."""
    skus = [product.sku(position) for product, position in rig.books.variants()]
    await asyncio.gather(*(rig.adapter.fetch_availability(skus, CONTEXT) for _ in range(50)))
    assert rig.wire is not None
    assert rig.wire.requests == []


def test_failing_source_is_asked_less_and_less() -> None:
    """More than 200 refusals in a minute switch a key off; a minute of failures is six calls of ours."""
    assert [decide_pause_s(failures) for failures in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]


async def test_new_assortments_get_their_names(rig: MoyskladRig) -> None:
    """Something lies there that was not named yet: names are read again, at most once an hour."""
    assert rig.wire is not None
    stranger = [{"assortmentId": "new", "storeId": next(iter(rig.adapter.settings.warehouses)), "freeStock": 5.0}]
    named = {"rows": [{"id": "new", "code": "NEW-1"}]}
    answers = {REPORT: stranger, "/api/remap/1.2/entity/assortment": named}
    rig.wire.fault = lambda request: httpx.Response(200, json=answers[request.url.path])
    rig.time.pass_(1800)
    await rig.syncing.sync()
    assert await quantity(rig, "NEW-1") is None
    rig.time.pass_(1801)
    await rig.syncing.sync()
    assert await quantity(rig, "NEW-1") == 5


async def test_assortment_is_read_page_by_page(tmp_path: Path) -> None:
    """A thousand at a time, until a page is short; the vendor's link to the next page is not followed."""
    async with open_moysklad(tmp_path, Time()) as rig:
        pages = {"0": 1000, "1000": 1000, "2000": 3}
        assert rig.wire is not None
        rig.wire.fault = lambda request: httpx.Response(
            200,
            json={
                "meta": {"nextHref": "https://elsewhere.example/x"},
                "rows": [{"id": f"i{n}", "code": f"c{n}"} for n in range(pages[request.url.params["offset"]])],
            },
        )
        found = [len(names) async for names in rig.adapter.fetch_names()]
    assert found == [1000, 1000, 3]
    assert {request.url.host for request in rig.wire.requests} == {"api.moysklad.example"}


def test_report_is_cut_into_pieces_that_are_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """No piece is long enough to hold up the event loop, none is lost, and exact numbers stay exact."""
    monkeypatch.setattr(moysklad, "PIECE", 64)
    rows = [{"assortmentId": f"{n}", "storeId": "s", "freeStock": n + 0.1} for n in range(50)]
    payload = httpx.Response(200, json=rows).content
    pieces = list(cut_array(payload))
    assert len(pieces) > 10
    assert [row for piece in pieces for row in httpx.Response(200, content=piece).json()] == rows
    assert list(cut_array(b"[]")) == [b"[]"]


async def hook(folder: Path, body: Any, secret: str = SECRET) -> httpx.Response:
    settings = MoyskladSettings.model_validate({"folder": folder, "token": "t", "webhook_secret": SECRET})
    app = Starlette(routes=MoyskladHook(settings, lambda: 1_772_442_100.0).routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway.local") as client:
        content = body if isinstance(body, bytes) else httpx.Request("POST", "http://x", json=body).content
        return await client.post(f"/exchange/moysklad/{secret}?requestId=1", content=content)


HINT = {
    "accountId": "a",
    "stockType": "stock",
    "reportType": "bystore",
    "reportUrl": "https://evil.example/report?token=please",
}


async def test_webhook_is_a_hint_and_its_address_is_never_asked(tmp_path: Path) -> None:
    """204, a note for the synchroniser, and no call to anywhere."""
    answer = await hook(tmp_path, HINT)
    assert (answer.status_code, answer.content) == (204, b"")
    assert hinted_at(tmp_path) == 1_772_442_100.0
    assert (await hook(tmp_path, HINT)).status_code == 204


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 70_000, b"{}"])
async def test_webhook_that_says_nothing_is_refused(tmp_path: Path, body: bytes) -> None:
    """With what was expected, and no hint is noted."""
    assert (await hook(tmp_path, body)).status_code == 400
    assert hinted_at(tmp_path) == 0


async def test_webhook_of_a_stranger_finds_nothing(tmp_path: Path) -> None:
    """The secret in the address is all that tells calls of the vendor from others."""
    assert (await hook(tmp_path, HINT, secret="0123456789abcdefGUESSED")).status_code == 404
    assert hinted_at(tmp_path) == 0


async def test_hint_brings_the_change_at_once(tmp_path: Path) -> None:
    """The synchroniser runs, sleeps for a minute, and is woken by the webhook; pages are purged of that sku."""
    time, purged = Time(), list[str]()

    async def purge(tags: Any) -> None:
        purged.extend(tags)

    async with (
        open_moysklad(tmp_path, time, cap=100_000, webhook_secret=SECRET) as rig,
        open_receivers(rig.adapter, purge, time) as routes,
    ):
        async with asyncio.timeout(5):
            while not rig.wire or not rig.wire.to(REPORT):
                await asyncio.sleep(0.02)
        rig.simulator.sell(Sale(BOOTS, "wh-msk", 41))
        time.pass_(1)
        transport = httpx.ASGITransport(Starlette(routes=routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.local") as client:
            assert (await client.post(f"/exchange/moysklad/{SECRET}", json=HINT)).status_code == 204
        async with asyncio.timeout(5):
            while f"stock:{BOOTS}" not in purged:
                await asyncio.sleep(0.02)
        assert await quantity(rig) == elsewhere(rig) + 41


async def test_one_worker_copies(tmp_path: Path) -> None:
    """Two workers of a machine do not both ask; when the first goes, the second goes on."""
    async with open_moysklad(tmp_path, Time()) as rig:
        first, second = (asyncio.create_task(Syncing(rig.adapter, rig.time).run()) for _ in range(2))
        async with asyncio.timeout(5):
            while not rig.wire or not rig.wire.requests:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.7)
        assert len(rig.wire.requests) == 1
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        async with asyncio.timeout(5):
            while len(rig.wire.requests) < 2:
                await asyncio.sleep(0.02)
        second.cancel()
        with suppress(asyncio.CancelledError):
            await second
