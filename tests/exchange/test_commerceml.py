import asyncio
import base64
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.exchange import commerceml
from gateway.exchange.importing import locked
from gateway.exchange.imports import Imports
from tests.exchange.site import LOGIN, PASSWORD, Site, message, offer, offers, open_site, rests, zipped
from tests.vendors import contracts

EXCHANGE = "/exchange/commerceml"


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(commerceml, "WRONG_PASSWORD_S", 0.0)
    async with open_site(tmp_path) as opened:
        yield opened


class Interrupted(Exception):
    """Whoever sent a body has gone."""


def found(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.rglob(pattern))


def sample(name: str) -> bytes:
    """A published sample; skips the test where there is none."""
    here = contracts.folder()
    if here is None or not (here / "commerceml" / name).is_file():
        pytest.skip(contracts.NO_CONTRACTS)
    return (here / "commerceml" / name).read_bytes()


def basic(text: bytes) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text).decode()}"}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
async def test_login_may_be_russian_in_either_encoding(site: Site, encoding: str) -> None:
    """1C sends windows-1251 or UTF-8 and does not say which."""
    told = basic(f"{LOGIN}:{PASSWORD}".encode(encoding))
    answer = await site.client.get(EXCHANGE, params={"type": "catalog", "mode": "checkauth"}, headers=told)
    assert answer.text.split("\n")[:2] == ["success", "gateway_exchange"]
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "headers",
    [{}, basic(b"x:y"), basic(f"{LOGIN}:".encode()), {"authorization": "Basic %%%"}, {"authorization": "Bearer x"}],
)
async def test_nobody_gets_in_without_the_password(site: Site, headers: dict[str, str]) -> None:
    """The answer says so in 1C's words and in HTTP's."""
    answer = await site.client.get(EXCHANGE, params={"type": "catalog", "mode": "checkauth"}, headers=headers)
    assert answer.status_code == 401
    assert answer.text.startswith("failure\nexpected the login")


async def test_those_who_guess_keep_nobody_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password costs whoever sent it half a second, and 1C no place."""
    monkeypatch.setattr(commerceml, "WRONG_PASSWORD_S", 0.3)
    asked = {"type": "catalog", "mode": "checkauth"}
    guesses = [asyncio.create_task(site.client.get(EXCHANGE, params=asked)) for _ in range(20)]
    await asyncio.sleep(0.1)
    assert await site.bring("offers.xml", offers(offer("a", "5"))) == "success"
    assert {(await guess).status_code for guess in guesses} <= {401, 503}
    assert await site.quantities("a") == {"a": 5}


@pytest.mark.parametrize("mode", ["init", "file", "import", "complete", "deactivate"])
async def test_every_step_needs_the_cookie(site: Site, mode: str) -> None:
    """The cookie of checkauth is what says that a request belongs to an exchange."""
    assert (await site.exchange(mode, filename="offers.xml")).startswith("failure\nexpected the cookie")
    site.client.cookies.set("gateway_exchange", "guessed")
    assert (await site.exchange(mode, filename="offers.xml")).startswith("failure\nexpected the cookie")


async def test_old_sessions_end(site: Site) -> None:
    """A cookie of yesterday opens nothing."""
    await site.begin()
    site.clock.at += 25 * 3600
    assert (await site.exchange("init")).startswith("failure\nexpected the cookie")


async def test_full_package_clears_what_it_leaves_out(site: Site) -> None:
    """Absent in a full package is out of stock, at once when the package is one file."""
    assert await site.bring("offers.xml", offers(offer("a", "5"), offer("b", "6"))) == "success"
    assert await site.quantities("a", "b", "c") == {"a": 5, "b": 6}

    later = offers(offer("a", "4"), formed_at="2026-02-25T09:05:00")
    assert await site.bring("offers.xml", later) == "success"

    assert await site.quantities("a", "b") == {"a": 4, "b": 0}


async def test_package_of_changes_leaves_others_alone(site: Site) -> None:
    """Absent in a package of changes is unchanged: other offers, and other warehouses of the same offer."""
    await site.bring("offers.xml", offers(offer("a", w1="5", w2="2"), offer("b", "6")))
    changes = offers(offer("a", w1="1"), is_full=False, formed_at="2026-02-25T09:05:00")
    assert await site.bring("offers.xml", changes) == "success"
    assert await site.quantities("a", "b") == {"a": 3, "b": 6}


async def test_both_forms_of_stock_elements_import(site: Site) -> None:
    """Attributes of offers.xml, elements of rests.xml, sums with and without a warehouse."""
    await site.bring("offers.xml", offers(offer("a", "5"), offer("b", "12", w1="5", w2="7")))
    later = offers(rests("c", w1="3"), rests("d", "4"), is_full=False)
    assert await site.bring("rests.xml", later) == "success"
    assert await site.quantities("a", "b", "c", "d") == {"a": 5, "b": 12, "c": 3, "d": 4}


async def test_sum_and_warehouses_are_never_added_up(site: Site) -> None:
    """A sum replaces the warehouses that were known, and they the sum."""
    await site.bring("offers.xml", offers(offer("a", w1="5", w2="7")))
    await site.bring("offers.xml", offers(offer("a", "4"), is_full=False, formed_at="2026-02-25T09:05:00"))
    assert await site.quantities("a") == {"a": 4}
    await site.bring("offers.xml", offers(offer("a", w1="2"), is_full=False, formed_at="2026-02-25T09:06:00"))
    assert await site.quantities("a") == {"a": 2}


@pytest.mark.parametrize(
    ("said", "sold"),
    [
        ("5", 5),
        ("2,5", 2),
        ("1 200", 1200),
        ("1\u00a0200,75", 1200),
        ("-3", 0),
        ("0.999", 0),
        ("", None),
        ("мало", None),
    ],
)
async def test_gotcha_fractional_negative_and_spaced_quantities(site: Site, said: str, sold: int | None) -> None:
    """Whole pieces are sold, below zero sells none, and what is no number changes nothing."""
    await site.bring("offers.xml", offers(offer("a", "7"), offer("b", "1")))
    later = offers(offer("a", said), offer("b", "1"), formed_at="2026-02-25T09:05:00")
    assert await site.bring("offers.xml", later) == "success"
    assert await site.quantities("a") == {"a": 7 if sold is None else sold}


async def test_warehouse_below_zero_takes_nothing_from_another(site: Site) -> None:
    """Each warehouse sells by itself: minus two here is an error of the books, not two fewer there."""
    await site.bring("offers.xml", offers(offer("a", w1="5", w2="-2")))
    assert await site.quantities("a") == {"a": 5}


async def test_older_package_changes_nothing(site: Site) -> None:
    """Packages that arrive out of order do not turn back the clock, place by place."""
    await site.bring("offers.xml", offers(offer("a", "5"), formed_at="2026-02-25T09:10:00"))
    older = offers(offer("a", "9"), offer("b", "1"), is_full=False, formed_at="2026-02-25T09:00:00")
    assert await site.bring("offers.xml", older) == "success"
    assert await site.quantities("a", "b") == {"a": 5, "b": 1}


async def test_push_after_a_package_was_formed_outlives_it(site: Site) -> None:
    """A full package speaks of its own moment: what was pushed later is neither overwritten nor cleared."""
    later = {"sentAt": "2026-02-25T09:30:00+03:00", "messageId": "m"}
    await site.push({**later, "items": [{"sku": "a", "onHand": 8}, {"sku": "z", "onHand": 3}]})
    await site.bring("offers.xml", offers(offer("a", "5"), formed_at="2026-02-25T09:00:00"))
    assert await site.quantities("a", "z") == {"a": 8, "z": 3}


async def test_clock_ahead_does_not_shut_out_what_follows(site: Site) -> None:
    """A moment to come, or no time of day, is taken for the moment of arrival."""
    for formed_at in ("2099-01-01T00:00:00", "2026-02-25", "0001-01-01T00:00:00", "gestern"):
        site.clock.at += 10
        assert await site.bring("offers.xml", offers(offer("a", "5"), formed_at=formed_at)) == "success"
        site.clock.at += 10
        now = dt.datetime.fromtimestamp(site.clock.at, dt.UTC).isoformat()
        assert (await site.push(message({"sku": "a", "onHand": 6}, key=formed_at, sentAt=now))).status_code == 200
        assert await site.quantities("a") == {"a": 6}


async def test_times_of_a_package_are_in_1c_s_zone(site: Site) -> None:
    """Local time without an offset is read in the zone of the settings."""
    await site.bring("offers.xml", offers(offer("a", "5"), formed_at="2026-02-25T09:00:00"))
    told = (await site.availability("a"))["a"]
    assert told.freshness.observed_at.isoformat(timespec="seconds") == "2026-02-25T06:00:00+00:00"


async def test_chunks_of_a_file_are_put_together(site: Site) -> None:
    """As many requests as it takes, cut anywhere."""
    await site.begin()
    content = offers(offer("a", "5"), offer("b", "6"))
    assert await site.send("offers.xml", content, chunk=100) == "success"
    assert await site.import_("offers.xml") == "success"
    assert await site.quantities("a", "b") == {"a": 5, "b": 6}


async def test_chunk_that_1c_repeats_is_kept_once(site: Site) -> None:
    """When our answer was lost, 1C sends the same chunk again."""
    await site.begin()
    content = offers(offer("a", "5"))
    for part in (content[:50], content[:50], content[50:], content[50:]):
        assert await site.exchange("file", part, filename="offers.xml") == "success"
    assert await site.import_("offers.xml") == "success"
    assert await site.quantities("a") == {"a": 5}


async def test_package_cut_off_half_way_changes_nothing(site: Site) -> None:
    """A full package of which a part is missing clears nothing and sets nothing; sent again, it imports."""
    await site.bring("offers.xml", offers(offer("a", "5"), offer("b", "6")))
    content = offers(offer("a", "1"), offer("c", "1"), formed_at="2026-02-25T09:05:00")
    await site.begin()
    await site.send("offers.xml", content[: len(content) // 2])
    assert (await site.import_("offers.xml")).startswith("failure\nexpected well-formed XML to its end")
    assert await site.quantities("a", "b", "c") == {"a": 5, "b": 6}

    assert await site.bring("offers.xml", content) == "success"
    assert await site.quantities("a", "b", "c") == {"a": 1, "b": 0, "c": 1}


async def test_chunk_whose_sender_goes_away_is_not_kept(site: Site) -> None:
    """Half a chunk leaves the file as it was, so that 1C can send the chunk again."""
    content = offers(offer("a", "5"))
    await site.begin()
    assert await site.send("offers.xml", content[:80]) == "success"

    async def half() -> AsyncIterator[bytes]:
        yield content[80:120]
        raise Interrupted

    with pytest.raises(Interrupted):
        await site.client.post(
            EXCHANGE, params={"type": "catalog", "mode": "file", "filename": "offers.xml"}, content=half()
        )
    assert await site.send("offers.xml", content[80:]) == "success"
    assert await site.import_("offers.xml") == "success"
    assert await site.quantities("a") == {"a": 5}


async def test_archive_is_imported_by_the_names_of_its_files(site: Site) -> None:
    """1C sends one archive in chunks and imports its files one by one; the last part clears what is absent."""
    await site.bring("offers.xml", offers(offer("a", "5"), offer("gone", "6")))
    await site.begin()
    at = "2026-02-25T09:05:00"
    packed = zipped(
        import0_1=b"<\xd0\x9a\xd0\xbb\xd0\xb0\xd1\x81\xd1\x81\xd0\xb8\xd1\x84\xd0\xb8\xd0\xba\xd0\xb0\xd1\x82\xd0\xbe\xd1\x80/>",
        offers0_1=offers(offer("a", "1"), formed_at=at),
        offers0_2=offers(offer("b", "2"), formed_at=at),
    )
    assert await site.send("v8_1.zip", packed, chunk=200) == "success"
    assert await site.import_("v8_1.zip") == "success"
    assert await site.import_("import0_1.xml") == "success"
    assert await site.import_("offers0_1.xml") == "success"
    assert await site.quantities("a", "b", "gone") == {"a": 1, "gone": 6}
    assert await site.import_("offers0_2.xml") == "success"
    assert await site.quantities("a", "b", "gone") == {"a": 1, "b": 2, "gone": 0}


async def test_archive_that_is_cut_off_or_lies_changes_nothing(site: Site) -> None:
    """Half an archive, no archive, and one that unpacks to more than an exchange may bring."""
    packed = zipped(offers=offers(offer("a", "1")))
    for content in (packed[:-30], b"no archive"):
        await site.begin()
        await site.send("v8.zip", content)
        assert (await site.import_("offers.xml")).startswith("failure\nexpected a whole archive")
    assert await site.quantities("a") == {}


async def test_archive_bomb_is_refused(tmp_path: Path) -> None:
    """What comes out of an archive is counted, whatever the archive claims."""
    async with open_site(tmp_path, exchange_megabytes=1) as site:
        await site.begin()
        await site.send("v8.zip", zipped(offers=offers("<a/>" * 500_000)))
        assert (await site.import_("offers.xml")).startswith("failure\nexpected at most 1048576 bytes; got more")


async def test_parts_of_a_full_package_clear_when_1c_says_that_it_is_over(site: Site) -> None:
    """Part two must not be cleared by part one: absence is judged over all parts."""
    await site.bring("offers.xml", offers(offer("a", "5"), offer("b", "6"), offer("gone", "7")))
    at = "2026-02-25T09:05:00"
    await site.begin()
    for name, row in (("offers0_1.xml", offer("a", "1")), ("offers0_2.xml", offer("b", "2"))):
        await site.send(name, offers(row, formed_at=at))
        assert await site.import_(name) == "success"
        assert (await site.quantities("gone"))["gone"] == 7
    assert await site.exchange("complete") == "success"
    assert await site.quantities("a", "b", "gone") == {"a": 1, "b": 2, "gone": 0}


async def test_parts_of_a_full_package_clear_after_a_silence(site: Site) -> None:
    """Older 1C never says that it is over: when nothing followed for so long, it is."""
    await site.bring("offers.xml", offers(offer("a", "5"), offer("gone", "7")))
    assert await site.bring("offers0_1.xml", offers(offer("a", "1"), formed_at="2026-02-25T09:05:00")) == "success"
    assert await site.quantities("a", "gone") == {"a": 1, "gone": 7}
    site.clock.at += 121
    async with asyncio.timeout(5):
        while (await site.quantities("gone"))["gone"]:
            await asyncio.sleep(0.05)
    assert await site.quantities("a", "gone") == {"a": 1, "gone": 0}


@pytest.mark.parametrize("cut", ["a failed part", "a part not imported", "begun anew"])
async def test_exchange_of_several_parts_that_is_cut_off_clears_nothing(site: Site, cut: str) -> None:
    """A missing part would otherwise be sold out."""
    await site.bring("offers.xml", offers(offer("a", "5"), offer("b", "7")))
    await site.bring("offers0_1.xml", offers(offer("a", "1"), formed_at="2026-02-25T09:05:00"))
    if cut == "begun anew":
        await site.begin()
    else:
        await site.send("offers0_2.xml", b"<broken")
    if cut == "a failed part":
        await site.import_("offers0_2.xml")
    await site.exchange("complete")
    site.clock.at += 121
    await asyncio.sleep(0.6)
    assert await site.quantities("a", "b") == {"a": 1, "b": 7}


async def test_file_without_stock_clears_nothing(site: Site) -> None:
    """A full file of prices is a package too, and says nothing of stock."""
    await site.bring("offers.xml", offers(offer("a", "5")))
    prices = "<Предложение><Ид>b</Ид><Цены><Цена><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены></Предложение>"
    assert await site.bring("prices.xml", offers(prices, formed_at="2026-02-25T09:05:00")) == "success"
    assert (await site.quantities("a")) == {"a": 5}


async def test_full_package_speaks_for_its_catalogue_only(site: Site) -> None:
    """A shop may exchange several catalogues: one does not clear another."""
    await site.bring("offers.xml", offers(offer("a", "5"), feed="shoes"))
    at = "2026-02-25T09:05:00"
    await site.bring("offers.xml", offers(offer("b", "6"), feed="bags", formed_at=at))
    assert await site.quantities("a", "b") == {"a": 5, "b": 6}


async def test_removed_offer_is_out_of_stock(site: Site) -> None:
    """1C marks what it deletes instead of leaving it out."""
    await site.bring("offers.xml", offers(offer("a", "5")))
    removed = '<Предложение Статус="Удален"><Ид>a</Ид><Количество>5</Количество></Предложение>'
    await site.bring("offers.xml", offers(removed, is_full=False, formed_at="2026-02-25T09:05:00"))
    assert await site.quantities("a") == {"a": 0}


async def test_articles_name_offers_that_came_before_them(tmp_path: Path) -> None:
    """With skus from articles, stock waits until the article is known; two offers of one article are nobody's."""
    async with open_site(tmp_path, sku_from="article") as site:
        await site.bring("rests.xml", offers(rests("id-a", w1="3"), rests("id-b", w1="4"), rests("id-c", w1="5")))
        assert await site.quantities("A-1", "B-1") == {}
        named = offers(offer("id-a", article="A-1"), offer("id-b", article="B-1"), offer("id-c", article="B-1"))
        await site.bring("goods.xml", named)
        assert await site.quantities("A-1", "B-1") == {"A-1": 3}


async def test_stock_pushed_by_sku_passes_to_the_offer_that_turns_up(tmp_path: Path) -> None:
    """A sku that was pushed before its offer was known is not counted twice when it is."""
    async with open_site(tmp_path, sku_from="article") as site:
        await site.push(message({"sku": "A-1", "onHand": 9}))
        assert await site.quantities("A-1") == {"A-1": 9}
        at = "2026-02-25T09:05:00"
        await site.bring("offers.xml", offers(offer("id-a", "3", article="A-1"), is_full=False, formed_at=at))
        assert await site.quantities("A-1") == {"A-1": 3}


@pytest.mark.parametrize("name", ["../offers.xml", "a/../../offers.xml", "..\\offers.xml", "/etc/offers.xml"])
async def test_file_names_lead_nowhere_else(site: Site, tmp_path: Path, name: str) -> None:
    """Folders in a name are dropped, so nothing is written outside of the session."""
    await site.begin()
    assert await site.send(name, offers(offer("a", "5"))) == "success"
    assert [path.parent.parent.name for path in found(tmp_path, "offers.xml")] == ["exchange"]
    assert await site.import_("offers.xml") == "success"


@pytest.mark.parametrize("name", ["", "..", ".hidden.xml", "a\nb.xml", "x" * 300])
async def test_names_that_are_none_are_refused(site: Site, name: str) -> None:
    """With what was expected."""
    await site.begin()
    assert (await site.send(name, b"x")).startswith("failure\nexpected a filename such as offers0_1.xml")


async def test_pictures_are_read_and_dropped(site: Site, tmp_path: Path) -> None:
    """We take stock: a picture is no reason to stop the exchange, and is not kept."""
    await site.begin()
    assert await site.send("import_files/ab/picture.jpg", b"\xff\xd8" * 1000) == "success"
    assert found(tmp_path, "*.jpg") == []


async def test_chunks_and_exchanges_have_their_limits(tmp_path: Path) -> None:
    """A chunk beyond file_limit and an exchange beyond its megabytes are refused; what was kept before stays."""
    async with open_site(tmp_path, chunk_megabytes=1, exchange_megabytes=2) as site:
        await site.begin()
        assert (await site.send("offers.xml", b"x" * 1_048_577)).startswith("failure\nexpected at most file_limit")
        for number in range(2):
            assert await site.send("offers.xml", b"%d" % number * 1_048_576) == "success"
        assert (await site.send("offers.xml", b"y")).startswith("failure\nexpected a smaller exchange")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"type": "sale", "mode": "query"}, "expected type=catalog"),
        ({"mode": "init"}, "expected type=catalog"),
        ({"type": "catalog", "mode": "dance"}, "expected mode checkauth, init, file"),
        ({"type": "catalog"}, "expected mode checkauth"),
        ({"type": "catalog", "mode": "import", "filename": "unknown.xml"}, "expected a file that was sent"),
        ({"type": "catalog", "mode": "file", "filename": "a.xml"}, "expected POST"),
    ],
)
async def test_misuse_is_told_what_was_expected(site: Site, params: dict[str, str], said: str) -> None:
    """Every refusal is a failure with its reason, in ASCII."""
    await site.begin()
    answer = await site.client.get(EXCHANGE, params=params)
    assert answer.text.startswith(f"failure\n{said}")
    assert answer.text.isascii()


async def test_import_that_takes_long_is_progress(tmp_path: Path) -> None:
    """1C is told to ask again instead of waiting, and another import waits for its turn."""
    async with open_site(tmp_path, Imports(answer_after_s=0.0)) as site:
        await site.begin()
        await site.send("offers.xml", offers(offer("a", "5")))
        await site.send("rests.xml", offers(rests("b", "6")))
        assert await site.exchange("import", filename="offers.xml") == "progress"
        assert await site.exchange("import", filename="rests.xml") == "progress"
        async with asyncio.timeout(20):
            while await site.exchange("import", filename="offers.xml") == "progress":
                await asyncio.sleep(0.05)
        assert await site.exchange("import", filename="offers.xml") == "success"
        assert await site.quantities("a", "b") == {"a": 5}


async def test_import_that_is_killed_changes_nothing_and_is_begun_again(tmp_path: Path) -> None:
    """The worker stops in the middle of an import: nothing was applied, and the next worker imports it."""
    async with open_site(tmp_path, Imports(answer_after_s=0.0)) as site:
        await site.begin()
        await site.send("offers.xml", offers(offer("a", "5")))
        assert await site.exchange("import", filename="offers.xml") == "progress"
        cookies = site.client.cookies
    async with open_site(tmp_path) as site:
        site.client.cookies = cookies
        assert await site.quantities("a") == {}
        assert await site.import_("offers.xml") == "success"
        assert await site.quantities("a") == {"a": 5}


async def test_import_by_another_worker_is_waited_for(tmp_path: Path) -> None:
    """1C's next call may reach a worker that does not import: it says progress, or success once the other is done."""
    imports = Imports(answer_after_s=2.0)
    async with open_site(tmp_path, imports) as site, open_site(tmp_path) as other:
        await site.begin()
        await site.send("offers.xml", offers(offer("a", "5")))
        other.client.cookies = site.client.cookies
        with locked(tmp_path):
            waiting = asyncio.create_task(site.exchange("import", filename="offers.xml"))
            await asyncio.sleep(1.0)
            assert not waiting.done()
        assert await other.import_("offers.xml") == "success"
        assert await waiting in ("progress", "success")
        assert await site.import_("offers.xml") == "success"
        assert await site.quantities("a") == {"a": 5}


async def test_import_works_as_a_process_of_its_own(tmp_path: Path) -> None:
    """As it runs in production; a package that is broken is told with its reason all the same."""
    async with open_site(tmp_path, Imports(answer_after_s=20.0)) as site:
        assert await site.bring("offers.xml", offers(offer("a", "5"))) == "success"
        assert await site.quantities("a") == {"a": 5}
        assert (await site.bring("offers.xml", b"<broken")).startswith("failure\nexpected well-formed XML")


async def test_pages_hear_of_what_has_changed_and_of_nothing_else(site: Site) -> None:
    """The tags of changed skus are purged, once; a package that says the same again purges nothing."""
    await site.bring("offers.xml", offers(offer("a", "5"), offer("b", "6")))
    await asyncio.sleep(0.6)
    site.purged.clear()
    changed = offers(offer("a", "4"), offer("b", "6"), formed_at="2026-02-25T09:05:00")
    await site.bring("offers.xml", changed)
    async with asyncio.timeout(5):
        while not site.purged:
            await asyncio.sleep(0.05)
    await site.bring("offers.xml", changed)
    await asyncio.sleep(0.6)
    assert site.purged == ["stock:a"]


@pytest.mark.parametrize("name", ["import.xml", "offers.xml", "orders.xml", "classifier.xml"])
async def test_published_samples_import(site: Site, name: str) -> None:
    """Messages that others published are read to their end; what they tell of stock is there."""
    assert await site.bring(name, sample(name)) == "success"
    key = "bd72d910-55bc-11d9-848a-00112f43529a#90c55447-d3a8-11e4-9423-e0cb4ed5eed4"
    if name == "offers.xml":
        assert await site.quantities(key) == {key: 20}
