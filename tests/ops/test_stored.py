"""What an operator is told of the shared store when looking up a key or a tag."""

from typing import Any

import pytest

from clients.catalogue.protocol import ProductKey
from clients.pricing.protocol import PriceKey
from clients.scope import Scope
from clients.values import Dataset
from gateway.ops.entries import look_up
from gateway.ops.stored import find_stored, keys_of_tag, places_of_tag
from tests.cache.conftest import valkey_url
from tests.cache.scripted import Asker, Upstream, ask
from tests.cache.workers import FaultyStore, Worker, workers
from tests.journeys.shop import Sandbox
from tests.ops.watched import Watched, open_watched

__all__ = ["valkey_url"]
HERE = Asker().for_customer
PRICE = """query PriceOf($handle: String!) {
  product(by: {handle: $handle}) { id variant { sku price { current { amount } } } }
}"""


async def told(worker: Worker, text: str = "sku:a") -> list[str | None]:
    """What is said of the store's copy of each entry that is found."""
    found = await look_up([worker.source], text, worker.levels.clock(), worker.shared)
    return [entry.stored.state if entry.stored else None for entry in found]


@pytest.mark.looptime
async def test_an_entry_is_compared_with_the_stores_copy() -> None:
    """The same after a load, newer once another worker has refreshed it, not there once it was lost."""
    store, upstream = FaultyStore(), Upstream()
    async with workers(store, upstream) as (one, two):
        await ask(one.source, "a")
        await ask(two.source, "a")
        assert await told(one) == ["the same in the shared store"]
        await two.source.write_through(HERE, {"a": (None, "a", 2)})
        assert await told(two) == ["the same in the shared store"]
        await two.shared.log.look()
        store.forget()
        assert await told(two) == ["not in the shared store"]


@pytest.mark.looptime
async def test_a_store_that_does_not_answer_is_not_taken_for_an_empty_one() -> None:
    """Whether it refuses or hangs, the entry is shown, and of the copy nothing is claimed."""
    store = FaultyStore()
    async with workers(store, Upstream(), number=1) as (one,):
        await ask(one.source, "a")
        store.hangs = True
        assert await told(one) == ["the shared store does not answer"]
        store.hangs, store.refuses = False, True
        assert await told(one) == ["the shared store does not answer"]


@pytest.mark.looptime
async def test_what_was_purged_is_not_shown_though_it_is_stored() -> None:
    """A purge only marks the store's copy; whoever looks is told what a reader would get."""
    async with workers(FaultyStore(), Upstream()) as (one, two):
        await ask(one.source, "a")
        place: Any = (one.source, HERE, "a")
        assert await find_stored(one.shared, [place])
        await two.shared.purge(["sku:a"])
        await one.shared.log.look()
        assert await find_stored(one.shared, [place]) == {}


OF_SKU = [
    (Dataset.AVAILABILITY, "A-1"),
    (Dataset.PRICE, PriceKey(sku="A-1")),
    (Dataset.PRODUCT, ProductKey(kind="sku", key="A-1")),
]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("sku:A-1", OF_SKU),
        ("handle:boots", [(Dataset.PRODUCT, ProductKey(kind="handle", key="boots"))]),
        ("promotion:%D1%8F", [(Dataset.PROMOTION, "я")]),
        ("customer:42", []),
        ("boots", []),
    ],
)
def test_a_tag_spells_out_keys(text: str, keys: list[Any]) -> None:
    """A tag leads to whole keys of the datasets that ask for no more than it says, and never to a customer's."""
    assert list(keys_of_tag(text)) == keys


@pytest.mark.looptime
async def test_nobodys_own_values_are_looked_for() -> None:
    """The scopes of signed-in customers are left out, for their values are nobody else's business."""
    async with workers(FaultyStore(), Upstream(), number=1) as (one,):
        scopes: list[Scope] = [HERE, Asker(customer_id="anna").for_customer, Asker().public]
        by_dataset: Any = dict.fromkeys((Dataset.PRICE, Dataset.AVAILABILITY, Dataset.PRODUCT), one.source)
        assert {scope for _, scope, _ in places_of_tag("sku:a", by_dataset, scopes)} == {HERE}


def entries(watched: Watched, text: str) -> dict[str, dict[str, Any]]:
    """Found entries by dataset, each with its worker."""
    found = watched.ops.get("/ops/entries", params={"q": text}).json()
    return {each["entry"]["dataset"]: {**each["entry"], "worker": each["worker"]} for each in found}


@pytest.mark.sockets
def test_an_operator_sees_both_levels(sandbox: Sandbox, valkey_url: str) -> None:
    """What this gateway has loaded is in the store too; what another one had is found there, until it is purged."""
    shared = {"GATEWAY_CACHE__SHARED_URL": f"{valkey_url}/9", "GATEWAY_CACHE__SHARED_TIMEOUT_S": "5"}
    boots, others = {"handle": "sapogi-lumera-siena-1"}, {"handle": "no-such-thing"}
    with open_watched(sandbox, **shared) as first:
        product = first.gateway.ask(PRICE, boots).json()["data"]["product"]
        tag = f"sku:{product['variant']['sku']}"
        price = entries(first, tag)["price"]
        assert (price["worker"], price["stored"]["state"]) == ("0", "the same in the shared store")
    with open_watched(sandbox, **shared) as second:
        assert "errors" not in second.gateway.ask(PRICE, others).json()
        second.gateway.ask("{ promotions { id } }")
        price = entries(second, tag)["price"]
        assert (price["worker"], price["stored"]) == ("", None)
        assert second.ops.post("/ops/purge", json={"tags": [tag]}, headers={"x-ops": "1"}).json()["notes"] == []
        assert "price" not in entries(second, tag)
