"""The signed-in customer: loyalty, history and saved addresses belong to whoever asks."""

import datetime as dt
from decimal import Decimal
from typing import Any

from clients.customers.protocol import Contact, Customer
from clients.delivery.protocol import DeliveryPromise, Destination, DestinationAddress, PromiseKey
from clients.errors import SourceUnavailable
from clients.loyalty.protocol import HistoryEntry, HistoryKey, PointsHistory, PointsMovement, PointsMovementKind
from clients.scope import Asker
from clients.values import LAST_PAGE, Address, Dataset, DataSource, Problem
from tests.resolvers.fakes import ANNA, BORIS, FakeSource, ask, codes
from tests.resolvers.goods import account, fresh, shop_of

DOWN = SourceUnavailable(DataSource.CUSTOMERS)


def profile(_key: str, asker: Asker) -> Customer:
    customer_id = asker.of_customer.customer_id
    home = Address(id=f"home-of-{customer_id}", country_code="RU", city=customer_id.title(), formatted="Home", flat="7")
    contact = Contact(first_name=customer_id.title(), phone="+79991234567")
    return Customer(id=customer_id, contact=contact, addresses=(home,), companies=())


def movements(key: HistoryKey, asker: Asker) -> PointsHistory:
    stamped = fresh(DataSource.LOYALTY, Dataset.POINTS_HISTORY)
    if key.after:
        return PointsHistory(entries=(), page=LAST_PAGE, problem=Problem.BAD_CURSOR, freshness=stamped)
    movement = PointsMovement(
        id=f"m-{asker.of_customer.customer_id}",
        kind=PointsMovementKind.EARNED,
        points=Decimal("10.50"),
        title="Purchase",
        occurred_at=dt.datetime(2026, 2, 1, tzinfo=dt.UTC),
    )
    entry = HistoryEntry(cursor="c1", movement=movement)
    return PointsHistory(entries=(entry,), page=LAST_PAGE, freshness=stamped)


def promise(key: PromiseKey, _asker: Asker) -> DeliveryPromise:
    stamped = fresh(DataSource.DELIVERY, Dataset.DELIVERY_PROMISE)
    return DeliveryPromise(sku=key.sku, methods=(), failures=(), freshness=stamped)


def shop(**changes: FakeSource) -> Any:
    fakes = {
        "customers": FakeSource(profile),
        "accounts": FakeSource(lambda _key, asker: account(asker.of_customer.customer_id, "a")),
        "history": FakeSource(movements),
        "promises": FakeSource(promise),
    }
    return shop_of(1, **fakes | changes)


ME = """query ($first: Int! = 20, $after: String, $kinds: [PointsMovementKind!]) { me { id addresses { id city }
    loyalty { membership history(first: $first, after: $after, kinds: $kinds) {
        nodes { id points } edges { cursor node { id kind } } pageInfo { hasNextPage } } } } }"""


async def test_everybody_sees_their_own() -> None:
    """Profile, account and history are those of whoever asks; a visitor is nobody, without an error."""
    sources = shop()
    for viewer, name in ((ANNA, "anna"), (BORIS, "boris")):
        result = await ask(sources, ME, viewer=viewer)
        assert result.errors is None
        assert result.data is not None
        me = result.data["me"]
        assert me["id"] == f"cus_{name}"
        assert me["addresses"] == [{"id": f"adr_home-of-{name}", "city": name.title()}]
        assert me["loyalty"]["history"] == {
            "nodes": [{"id": f"mov_m-{name}", "points": "10.50"}],
            "edges": [{"cursor": "c1", "node": {"id": f"mov_m-{name}", "kind": "EARNED"}}],
            "pageInfo": {"hasNextPage": False},
        }
    assert (await ask(sources, ME)).formatted == {"data": {"me": None}}


async def test_a_history_is_asked_as_the_client_asks() -> None:
    """Page size, cursor and kinds reach the programme; a cursor that it does not know is the client's error."""
    sources = shop()
    result = await ask(sources, ME, viewer=ANNA, first=5, after="old", kinds=["REDEEMED", "EARNED", "REDEEMED"])
    earned, redeemed = PointsMovementKind.EARNED, PointsMovementKind.REDEEMED
    assert sources.history.asked == [[HistoryKey(first=5, after="old", kinds=(earned, redeemed))]]
    assert codes(result) == [("BAD_USER_INPUT", None, "me.loyalty.history")]


async def test_a_slow_programme_costs_its_own_seam() -> None:
    """Without the loyalty programme the customer is still there."""
    sources = shop(accounts=FakeSource(lambda _key, _asker: SourceUnavailable(DataSource.LOYALTY)))
    result = await ask(sources, ME, viewer=ANNA)
    assert codes(result) == [("UNAVAILABLE", "LOYALTY", "me.loyalty")]
    assert result.data is not None
    assert result.data["me"]["id"] == "cus_anna"


PROMISE = """query ($to: DestinationInput) {
    variant(by: {sku: "s1-40"}) { deliveryPromise(to: $to) { methods { method } } } }"""
STREET = {"city": "Perm", "street": "Lenina", "house": None}


async def asked_to(to: dict[str, Any] | None) -> Destination:
    sources = shop()
    result = await ask(sources, PROMISE, viewer=ANNA, to=to)
    assert result.errors is None
    [[key]] = sources.promises.asked
    assert isinstance(key, PromiseKey)
    return key.to


async def test_a_destination_may_be_named_in_four_ways() -> None:
    """A locality, a saved address, a full address or a point; the locality in context when none is named."""
    assert await asked_to(None) == Destination(locality_id="msk")
    assert await asked_to({"localityId": "cty_led"}) == Destination(locality_id="led")
    assert await asked_to({"address": STREET}) == Destination(address=DestinationAddress(city="Perm", street="Lenina"))
    saved = await asked_to({"addressId": "adr_home-of-anna"})
    assert saved == Destination(address=DestinationAddress(city="Anna", country_code="RU", flat="7"))
    point = await asked_to({"point": {"latitude": 55.5, "longitude": 37.5}})
    assert point.point is not None
    assert (point.point.latitude, point.point.longitude) == (55.5, 37.5)


async def test_nobody_has_goods_sent_to_somebody_elses_saved_address() -> None:
    """An address of another customer is not found in one's own book, and no delivery system hears of it."""
    sources = shop()
    result = await ask(sources, PROMISE, viewer=BORIS, to={"addressId": "adr_home-of-anna"})
    assert codes(result) == [("BAD_USER_INPUT", None, "variant.deliveryPromise")]
    assert sources.promises.asked == []


async def test_a_failing_address_book_is_named_as_the_cause() -> None:
    """When the saved address cannot be read, the error is the profile system's."""
    sources = shop(customers=FakeSource(lambda _key, _asker: DOWN))
    result = await ask(sources, PROMISE, viewer=ANNA, to={"addressId": "adr_home-of-anna"})
    assert codes(result) == [("UNAVAILABLE", "CUSTOMERS", "variant.deliveryPromise")]
