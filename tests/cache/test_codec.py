"""Entries in the shared level: back as they went, and unreadable to any other release."""

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from clients.pricing.protocol import Price, PriceComponent, PriceComponentKind, PriceKey
from clients.values import Dataset, DataSource, Freshness, Money, Value
from gateway.cache.codec import VALUE_OF, Codec, Unreadable, fingerprint
from tests.cache.scripted import Asker

MONEY = Money(amount=Decimal("1990.00"), currency_code="RUB")
PRICE = Price(
    freshness=Freshness(
        source=DataSource.PRICING,
        dataset=Dataset.PRICE,
        observed_at=dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=3))),
        received_at=1_800_000_000.25,
    ),
    current=MONEY,
    explanation=(PriceComponent(kind=PriceComponentKind.BASE, title="Цена", amount=MONEY, running_total=MONEY),),
    is_personal=False,
)


def test_a_value_comes_back_equal() -> None:
    """Decimals with their zeros, instants, enumerations and freshness included."""
    codec = Codec(Dataset.PRICE, Price)
    address = codec.address(Asker().for_customer, PriceKey(sku="a"))
    written, value = codec.read(address, codec.write(address, 7, 1_800_000_000.25, 0.1, PRICE))
    assert value == PRICE
    assert str(value.current.amount) == "1990.00"
    assert (written.number, written.received_at, written.load_s) == (7, 1_800_000_000.25, 0.1)


@pytest.mark.parametrize("dataset", VALUE_OF)
def test_every_dataset_has_a_codec_and_knows_absence(dataset: Dataset) -> None:
    """Decoders for all value types can be made; None is written and read."""
    codec = Codec(dataset, VALUE_OF[dataset])
    address = codec.address(Asker().public, "k")
    assert codec.read(address, codec.write(address, 1, 2.0, 0.0, None))[1] is None
    assert len(codec.name(address)) < 100
    assert codec.name(address).isascii()


def test_addresses_tell_scopes_and_keys_apart() -> None:
    """Customers, localities, signed in or not, quantity: each has a name of its own."""
    codec = Codec(Dataset.PRICE, Price)
    askers = [Asker(), Asker("1"), Asker("2"), Asker(locality_id="spb"), Asker("1", "spb")]
    keys = [PriceKey(sku="1"), PriceKey(sku="1", quantity=2), PriceKey(sku="2")]
    assert len({codec.name(codec.address(asker.for_customer, key)) for asker in askers for key in keys}) == 15


def test_another_shape_has_another_name() -> None:
    """A release that adds, drops, renames or retypes a field reads none of the old entries."""

    class One(Value):
        title: str
        amount: int

    class Renamed(Value):
        name: str
        amount: int

    class Retyped(Value):
        title: str
        amount: str

    class Wider(Value):
        title: str
        amount: int
        extra: int | None = None

    prints = {fingerprint(shape) for shape in (One, Renamed, Retyped, Wider)}
    assert len(prints) == 4


def test_wording_does_not_change_the_name() -> None:
    """A docstring may be improved without emptying the cache of all hosts."""

    def shape(doc: str) -> type[msgspec.Struct]:
        return type("One", (Value,), {"__annotations__": {"title": str}, "__doc__": doc, "__module__": __name__})

    assert fingerprint(shape("One thing.")) == fingerprint(shape("Another thing."))


@pytest.mark.parametrize("stored", [b"", b"\xc0", b"\x91\x01", b"\x95\xc4\x01a\x01\x02\x03\xa1x", b"\xdc\xff", b"{}"])
def test_garbage_is_unreadable(stored: bytes) -> None:
    """Whatever the bytes are, one error tells it."""
    with pytest.raises(Unreadable):
        Codec(Dataset.PRICE, Price).read(b"a", stored)
