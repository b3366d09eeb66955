import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.exchange import push
from tests.exchange.site import Site, message, offer, offers, open_site

CONTRACT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "receivers" / "stock-push.yaml").read_text())
OPERATION = CONTRACT["paths"]["/exchange/stock"]["post"]


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(push, "WRONG_KEY_S", 0.0)
    async with open_site(tmp_path) as opened:
        yield opened


def judge(schema: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": CONTRACT["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def test_contract_is_valid_and_its_examples_fit() -> None:
    """A retailer's tools can read what we publish."""
    assert list(OpenAPIV31SpecValidator(CONTRACT).iter_errors()) == []
    judge("Push").validate(OPERATION["requestBody"]["content"]["application/json"]["example"])
    judge("Reply").validate(OPERATION["responses"]["200"]["content"]["application/json"]["example"])


async def test_example_of_the_contract_is_taken(site: Site) -> None:
    """What we publish is what we serve."""
    answer = await site.push(OPERATION["requestBody"]["content"]["application/json"]["example"])
    assert answer.status_code == 200
    judge("Reply").validate(answer.json())
    assert answer.json() == {"accepted": 2, "rejected": []}
    key = "bd72d910-55bc-11d9-848a-00112f43529a"
    assert await site.quantities("TRV-000001-36", key) == {"TRV-000001-36": 10, key: 1200}


async def test_key_is_needed(site: Site) -> None:
    """Nobody else's word is taken."""
    answer = await site.push(message({"sku": "a", "onHand": 1}), key="wrong")
    assert answer.status_code == 401
    judge("Problem").validate(answer.json())
    assert await site.quantities("a") == {}


async def test_repeat_is_applied_once_and_gets_the_same_reply(site: Site) -> None:
    """Also when something else has happened meanwhile."""
    first = message({"sku": "a", "onHand": 5}, {"sku": "b"})
    told = await site.push(first)
    await site.push(message({"sku": "a", "onHand": 3, "changedAt": "2026-02-25T09:01:00+03:00"}, key="m-2"))
    again = await site.push(first)
    assert (again.status_code, again.json()) == (told.status_code, told.json())
    assert await site.quantities("a") == {"a": 3}


async def test_message_id_names_one_message(site: Site) -> None:
    """A sender that counts wrong is told, and nothing is taken for a repeat that is none."""
    await site.push(message({"sku": "a", "onHand": 5}))
    answer = await site.push(message({"sku": "a", "onHand": 6}))
    assert answer.status_code == 409
    assert await site.quantities("a") == {"a": 5}


async def test_messages_out_of_order_end_as_if_in_order(site: Site) -> None:
    """Per variant and warehouse the latest changedAt counts, however the messages come."""
    moments = [3, 1, 4, 2]
    for number in moments:
        at = f"2026-02-25T09:0{number}:00+03:00"
        items = [{"sku": "a", "warehouse": w, "onHand": number, "changedAt": at} for w in ("w1", f"w{number}")]
        assert (await site.push(message(*items, key=f"m-{number}"))).status_code == 200
    assert await site.quantities("a") == {"a": 4 + 2 + 3 + 4}


async def test_reserved_is_not_sold(site: Site) -> None:
    """What is promised to somebody is left out; more reserved than there is sells none."""
    await site.push(message({"sku": "a", "onHand": 5, "reserved": 2}, {"sku": "b", "onHand": 1, "reserved": "3"}))
    assert await site.quantities("a", "b") == {"a": 3, "b": 0}


async def test_full_message_clears_what_it_leaves_out_but_not_what_it_got_wrong(site: Site) -> None:
    """A row that cannot be read is no reason to sell it out."""
    await site.push(message(*({"sku": sku, "onHand": 5} for sku in "abc")))
    later = "2026-02-25T09:05:00+03:00"
    answer = await site.push(
        message({"sku": "a", "onHand": 1}, {"sku": "b", "onHand": "?"}, key="m-2", sentAt=later, full=True)
    )
    assert answer.json()["accepted"] == 1
    assert await site.quantities("a", "b", "c") == {"a": 1, "b": 5, "c": 0}


async def test_full_message_with_a_nameless_item_is_refused_whole(site: Site) -> None:
    """Nobody could tell what must not be cleared."""
    await site.push(message({"sku": "a", "onHand": 5}))
    answer = await site.push(message({"onHand": 1}, key="m-2", sentAt="2026-02-25T09:05:00+03:00", full=True))
    assert (answer.status_code, answer.json()["detail"][:9]) == (400, "items[0]:")
    assert await site.quantities("a") == {"a": 5}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"onHand": 1}, "expected either sku or xmlId"),
        ({"sku": "a", "xmlId": "b", "onHand": 1}, "expected either sku or xmlId"),
        ({"sku": "a"}, "missing required field `onHand`"),
        ({"sku": "a", "onHand": "many"}, "expected a quantity"),
        ({"sku": "a", "onHand": None}, "expected a quantity"),
        ({"sku": "a", "onHand": True}, "expected a quantity"),
        ({"sku": "a", "onHand": [1]}, "expected a quantity"),
        ({"sku": "a", "onHand": 1e300}, "expected a quantity"),
        ({"sku": "a", "onHand": 1, "reserved": "x"}, "expected a quantity"),
        ({"sku": "", "onHand": 1}, "length >= 1"),
        ({"sku": "a\u0001", "onHand": 1}, "regex"),
        ({"sku": 5, "onHand": 1}, "Expected `str"),
        ({"sku": "a", "onHand": 1, "changedAt": "2026-02-25T09:00:00"}, "timezone"),
        ("a", "Expected `object`"),
    ],
)
async def test_bad_item_costs_itself_only(site: Site, item: Any, reason: str) -> None:
    """It is named with what was expected, and its neighbour is applied."""
    answer = await site.push(message(item, {"sku": "good", "onHand": 2}))
    assert answer.status_code == 200
    judge("Reply").validate(answer.json())
    (rejected,) = answer.json()["rejected"]
    assert rejected["index"] == 0
    assert reason in rejected["reason"]
    assert await site.quantities("good") == {"good": 2}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (json.dumps({"messageId": "m", "items": []}).encode(), 400),
        (json.dumps(message() | {"sentAt": "2026-02-25T09:00:00"}).encode(), 400),
        (json.dumps(message() | {"items": [1] * 5001}).encode(), 400),
        (b" " * (push.MOST_BYTES + 1), 413),
    ],
    ids=["empty", "list", "cut", "bytes", "nested", "no moment", "no zone", "too many", "too large"],
)
async def test_what_is_no_message_is_refused(site: Site, content: bytes, status: int) -> None:
    """As a problem that says what was expected; nothing is applied."""
    headers = {"authorization": "Bearer push-key", "content-type": "application/json"}
    answer = await site.client.post("/exchange/stock", content=content, headers=headers)
    assert answer.status_code == status
    judge("Problem").validate(answer.json())


async def test_numbers_are_exact(site: Site) -> None:
    """A quantity is read as it is written, not through a float."""
    rows = ({"sku": "a", "onHand": 4.999999}, {"sku": "b", "onHand": "0,3"}, {"sku": "c", "onHand": 5.0})
    await site.push(message(*rows))
    assert await site.quantities("a", "b", "c") == {"a": 4, "b": 0, "c": 5}


async def test_unknown_fields_are_ignored(site: Site) -> None:
    """A sender may say more than we read."""
    answer = await site.push(message({"sku": "a", "onHand": 5, "colour": "red"}, source="UT 11"))
    assert answer.json() == {"accepted": 1, "rejected": []}


async def test_sku_that_two_offers_claim_is_rejected(tmp_path: Path) -> None:
    """Nobody can tell which of the two was meant."""
    async with open_site(tmp_path, sku_from="article") as site:
        await site.bring("offers.xml", offers(offer("x", "1", article="A"), offer("y", "2", article="A")))
        answer = await site.push(message({"sku": "A", "onHand": 5}, {"xmlId": "x", "onHand": 5}))
        assert [one["reason"] for one in answer.json()["rejected"]] == [
            "expected a sku of one offer; 2 offers claim this one"
        ]


async def test_many_messages_at_once_are_all_applied_or_refused(site: Site) -> None:
    """A burst waits in no endless queue: what is not taken is told so, and can be sent again."""
    told = [message({"sku": f"s{n}", "onHand": 1}, key=f"m-{n}") for n in range(40)]
    answers = await asyncio.gather(*(site.push(one) for one in told))
    taken = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    assert taken
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)
    assert set(await site.quantities(*(f"s{n}" for n in range(40)))) == {f"s{n}" for n in taken}
