import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.upstreams import SOURCE, Upstreams, read_address

pytestmark = [
    pytest.mark.sockets,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="the upstreams of the benchmarks are compiled by gcc"),
]

FRAGMENTS = {
    "product|1": {"id": "p-000001", "variants": [{"sku": "LUM-000001-01"}], "price": "100000.00"},
    "product|2": {"id": "p-000002", "variants": [{"sku": "MIR-000002-01"}]},
    "price|0|1|1": {"sku": "LUM-000001-01", "isPersonal": False},
    "price|3|1|1": {"sku": "LUM-000001-01", "isPersonal": True},
    "account|3": {"customerId": "cust-000000", "id": "acc-000000"},
    "facets": [],
}


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstreams]:
    """The replay of two products, as a catalogue of six."""
    folder = tmp_path_factory.mktemp("replay")
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", folder / "replay", SOURCE], check=True)
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen([folder / "replay", "0", write_tape(folder), "6"], stdout=out)
    try:
        opened = Upstreams(read_address(log, process), 6)
        opened.set_latencies({"catalogue.products": 0, "pricing.prices": 0, "loyalty.accounts": 0})
        yield opened
    finally:
        process.terminate()
        process.wait()


def write_tape(folder: Path) -> Path:
    tape = folder / "tape"
    told = {key: json.dumps(value, separators=(",", ":")).encode() for key, value in FRAGMENTS.items()}
    parts = [b"TAPE 2 %d\n" % len(told), *(b"%s %d\n%s" % (key.encode(), len(it), it) for key, it in told.items())]
    tape.write_bytes(b"".join(parts))
    return tape


def asked(upstreams: Upstreams, path: str, body: dict[str, Any]) -> Any:
    sent = json.dumps(body).encode()
    with urllib.request.urlopen(f"{upstreams.address}{path}", sent, timeout=5) as answer:  # noqa: S310 -- 127.0.0.1
        return json.load(answer)


def products(upstreams: Upstreams, *ids: str) -> list[Any]:
    answer = asked(upstreams, "/catalogue/v1/products/batch", {"language": "ru", "ids": ids})
    found: list[Any] = answer["products"]
    return found


def test_what_was_recorded_is_answered(upstreams: Upstreams) -> None:
    """A product of the recorded shop comes as the sandbox gave it."""
    assert products(upstreams, "p-000001") == [FRAGMENTS["product|1"]]


def test_a_larger_catalogue_is_the_recorded_one_repeated(upstreams: Upstreams) -> None:
    """Ids and skus of a copy are its own, and no other number changes."""
    (copy,) = products(upstreams, "p-000005")
    assert copy == {"id": "p-000005", "variants": [{"sku": "LUM-000005-01"}], "price": "100000.00"}


def test_what_is_not_there_is_absent(upstreams: Upstreams) -> None:
    """A product beyond the catalogue is left out, and the others come in the order of the question."""
    assert [it["id"] for it in products(upstreams, "p-000004", "p-000007", "p-000001")] == ["p-000004", "p-000001"]


@pytest.mark.parametrize(("customer", "personal"), [(None, False), ("cust-000002", True)])
def test_prices_are_those_of_who_asks(upstreams: Upstreams, customer: str | None, personal: bool) -> None:
    """A visitor gets no personal price, and a customer that of their tier."""
    body = {"customerId": customer, "items": [{"sku": "LUM-000003-01", "quantity": 1}]}
    answer = asked(upstreams, "/pricing/v1/prices/batch", body)
    assert answer["prices"] == [{"sku": "LUM-000003-01", "isPersonal": personal}]


def test_an_account_is_that_of_the_customer(upstreams: Upstreams) -> None:
    """Two customers of one tier are two customers."""
    answer = asked(upstreams, "/loyalty/v1/accounts/batch", {"customerIds": ["cust-000006"]})
    assert answer["accounts"] == [{"customerId": "cust-000006", "id": "acc-000006"}]


def test_listings_come_in_the_order_of_their_queries(upstreams: Upstreams) -> None:
    """Queries of many requests may travel in one call."""
    queries = [{"text": "q1", "first": 2}, {"first": 3, "text": "q0"}]
    answer = asked(upstreams, "/search/v1/listings/batch", {"queries": queries})
    found = [[hit["productId"] for hit in listing["hits"]] for listing in answer["listings"]]
    assert found == [["p-000001", "p-000002"], ["p-000001", "p-000002", "p-000003"]]


def test_calls_and_items_are_counted(upstreams: Upstreams) -> None:
    """The number of calls per page is what was really asked."""
    upstreams.forget()
    products(upstreams, "p-000001", "p-000002", "p-000099")
    products(upstreams, "p-000003")
    counted = upstreams.counted()
    assert (counted["catalogue.products"].calls, counted["catalogue.products"].items) == (2, 3)


def test_an_unknown_path_is_refused_and_counted(upstreams: Upstreams) -> None:
    """A contender that asks beside the contract is noticed."""
    upstreams.forget()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        asked(upstreams, "/pricing/v2/prices/batch", {})
    assert upstreams.counted()["refused"].calls == 1
