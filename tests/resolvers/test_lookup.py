"""Finding anything by its global id: in order, one load per kind, and nothing that belongs to somebody else."""

import asyncio
from typing import Any

from clients.customers.protocol import ME, Company, Contact, Customer
from clients.errors import SourceUnavailable
from clients.geo.protocol import Locality
from clients.loyalty.protocol import ACCOUNT
from clients.scope import Asker
from clients.values import DataSource
from resolvers.context import ANONYMOUS, Viewer
from tests.resolvers.fakes import ANNA, BORIS, FakeSource, ask, asked, codes
from tests.resolvers.goods import account, shop_of

NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
DOWN = SourceUnavailable(DataSource.PRICING)
MOSCOW = Locality(id="msk", name="Moscow", country_code="RU")


def profile(_key: str, asker: Asker) -> Customer:
    customer_id = asker.of_customer.customer_id
    company = Company(id=f"of-{customer_id}", legal_name="Company", tax_id="7700000000")
    contact = Contact(first_name=customer_id.title(), phone="+79991234567")
    return Customer(id=customer_id, contact=contact, addresses=(), companies=(company,))


def own_account(_key: str, asker: Asker) -> Any:
    customer_id = asker.of_customer.customer_id
    return account(customer_id, f"of-{customer_id}")


def shop_of_customers(**changes: FakeSource) -> Any:
    fakes = {
        "customers": FakeSource(profile),
        "accounts": FakeSource(own_account),
        "localities": FakeSource({"msk": MOSCOW}),
    }
    return shop_of(3, **fakes | changes)


async def found(sources: Any, *ids: str, viewer: Viewer = ANONYMOUS) -> list[Any]:
    result = await ask(sources, NODES, viewer=viewer, ids=list(ids))
    assert result.errors is None
    assert result.data is not None
    return [node and node["__typename"] for node in result.data["nodes"]]


async def test_nodes_come_in_the_order_of_their_ids() -> None:
    """Kinds may be mixed, repeated, unknown and malformed; each id has its own place."""
    ids = ("cat_boots", "prd_p1", "nothing", "prd_gone", "var_s2-40", "pro_spring", "prd_p1", "cty_msk", "brd_1")
    expected = ["Category", "Product", None, None, "ProductVariant", "Promotion", "Product", "Locality", None]
    assert await found(shop_of_customers(), *ids) == expected


async def test_all_nodes_of_a_kind_are_one_load() -> None:
    """A hundred ids are not a hundred questions, whether they answer at once or later."""
    for is_late in (False, True):
        sources = shop_of_customers()
        sources.products.is_late = is_late
        await found(sources, *(f"prd_p{number}" for number in range(100)))
        assert [len(keys) for keys in sources.products.asked] == [100]


async def test_kinds_are_waited_for_together() -> None:
    """A slow system does not keep the others from being asked."""
    sources = shop_of_customers()
    gates = [asyncio.Event(), asyncio.Event()]
    sources.products.gate, sources.localities.gate = gates
    running = asyncio.ensure_future(found(sources, "prd_p1", "cty_msk"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert asked(sources) == {"products": 1, "localities": 1}
    for gate in gates:
        gate.set()
    assert await running == ["Product", "Locality"]


async def test_a_failing_system_costs_its_own_nodes() -> None:
    """The error stands at the place of the id; nodes of other systems are there."""
    sources = shop_of_customers(promotions=FakeSource(lambda _key, _asker: DOWN))
    result = await ask(sources, NODES, ids=["prd_p1", "pro_spring"])
    assert result.data == {"nodes": [{"__typename": "Product", "id": "prd_p1"}, None]}
    assert codes(result) == [("UNAVAILABLE", "PRICING", "nodes.1")]


class Broken(FakeSource):
    def load_many(self, keys: Any, asker: Asker) -> Any:
        async def fail() -> list[Any]:
            raise RuntimeError("a bug in a source")

        return fail()


async def test_a_fault_of_one_system_costs_its_own_nodes() -> None:
    """Even a bug leaves the nodes of other systems, and no coroutine that nobody waited for."""
    sources = shop_of_customers(promotions=Broken())
    sources.products.is_late = True
    result = await ask(sources, NODES, ids=["pro_spring", "prd_p1"])
    assert result.data == {"nodes": [None, {"__typename": "Product", "id": "prd_p1"}]}
    assert [error.path for error in result.errors or ()] == [["nodes", 0]]


MINE = ("cus_anna", "lty_of-anna", "com_of-anna")


async def test_one_finds_what_is_ones_own() -> None:
    """A customer, their account and their companies can be fetched again by id."""
    sources = shop_of_customers()
    assert await found(sources, *MINE, viewer=ANNA) == ["Customer", "LoyaltyAccount", "Company"]
    assert sources.customers.asked == [[ME]]
    assert sources.accounts.asked == [[ACCOUNT]]


async def test_nobody_finds_what_belongs_to_somebody_else() -> None:
    """For another customer and for a visitor these ids name nothing, and a visitor's question goes nowhere."""
    assert await found(shop_of_customers(), *MINE, viewer=BORIS) == [None, None, None]
    sources = shop_of_customers()
    assert await found(sources, *MINE) == [None, None, None]
    assert asked(sources) == {}


async def test_more_than_a_hundred_ids_are_refused() -> None:
    """The limit that the field promises is the client's error, before anybody is asked."""
    sources = shop_of_customers()
    result = await ask(sources, NODES, ids=["prd_p1"] * 101)
    assert [error.message for error in result.errors or ()] == ["Expected at most 100 `ids`, got 101."]
    assert asked(sources) == {}
    assert await found(sources) == []
