import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from clients.errors import RequestRefused
from clients.loyalty.protocol import PointsMovement
from clients.scope import Public
from clients.search.protocol import RangeFacet
from clients.stock.protocol import AvailabilityStatus, StockAtLocation, StockAtLocations
from clients.values import (
    Dataset,
    DataSource,
    Freshness,
    GeoPoint,
    Instant,
    Money,
    Page,
    PointsAmount,
    Problem,
    ProductSkus,
    Value,
    tells_same,
)

ABSURD = ["NaN", "-sNaN", "Infinity", "1E+999999", "1E-999999", "0E-999999", "10000000000000000"]


@pytest.mark.parametrize("number", ABSURD)
@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (Money, {"amount": "?", "currencyCode": "RUB"}),
        (PointsAmount, {"points": "?"}),
        (RangeFacet, {"kind": "range", "code": "x", "title": "x", "minimum": "0", "maximum": "?"}),
        (
            PointsMovement,
            {"id": "1", "kind": "EARNED", "points": "?", "title": "x", "occurredAt": "2026-03-01T12:00:00Z"},
        ),
    ],
)
def test_absurd_decimal_is_refused(kind: type[Value], answer: dict[str, str], number: str) -> None:
    """A number that no shop means never becomes a value; some would be written as a megabyte of zeros."""
    absurd = {name: number if said == "?" else said for name, said in answer.items()}

    with pytest.raises(msgspec.ValidationError, match="Expected a decimal between"):
        msgspec.json.decode(msgspec.json.encode(absurd), type=kind)


@pytest.mark.parametrize("number", ["0", "0.00", "-2000.00", "0.000000000001", "9999999999999999.99"])
def test_exact_decimal_is_kept_to_its_last_zero(number: str) -> None:
    """What is meant comes through digit by digit."""
    money = msgspec.json.decode(f'{{"amount":"{number}","currencyCode":"RUB"}}', type=Money)

    assert str(money.amount) == str(Decimal(number))


def test_number_without_quotes_is_read_exactly() -> None:
    """A source that forgets the quotes loses no kopeck to a float."""
    assert msgspec.json.decode(b'{"amount":0.1,"currencyCode":"RUB"}', type=Money).amount == Decimal("0.1")


def test_value_cannot_be_changed() -> None:
    """A cache hands the same object to everybody."""
    money = Money(amount=Decimal(1), currency_code="RUB")

    with pytest.raises(AttributeError):
        money.amount = Decimal(0)  # type: ignore[misc]


def test_every_value_can_keep_what_was_written_of_it() -> None:
    """Each value class takes attributes of a writer's own, also far down the tree, and is not equal by them."""
    for kind in _all(Value):
        assert kind.__struct_config__.frozen, kind
        assert kind.__struct_config__.dict, kind
    one, other = Public(language="ru"), Public(language="ru")
    one.__dict__["written"] = b"x"
    assert one == other
    assert hash(one) == hash(other)


def test_moment_needs_its_offset() -> None:
    """A time of day nobody knows where is refused."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'"2026-03-01T12:00:00"', type=Instant)


@pytest.mark.parametrize("point", [{"latitude": 91, "longitude": 0}, {"latitude": 0, "longitude": -181}])
def test_point_is_on_earth(point: dict[str, float]) -> None:
    """Degrees beyond the poles and the date line are no place."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(point), type=GeoPoint)


def test_same_product_with_other_variants_is_another_key() -> None:
    """A price range over three sizes must not be served for four."""
    assert ProductSkus(id="p", skus=("a",)) != ProductSkus(id="p", skus=("a", "b"))


@pytest.mark.parametrize("problem", Problem)
def test_every_problem_has_words_for_the_client(problem: Problem) -> None:
    """A refused question says what was expected and what came, and in one word which rule it broke."""
    refused = RequestRefused(problem)

    assert str(refused).startswith("Expected ")
    assert refused.extensions == {"code": "BAD_USER_INPUT", "problem": problem.value}


def _all(kind: type[Value]) -> set[type[Value]]:
    return {kind}.union(*(_all(derived) for derived in kind.__subclasses__())) - {Freshness}


def observed(hour: int, quantity: int = 3) -> StockAtLocations:
    stamp = Freshness(
        source=DataSource.STOCK,
        dataset=Dataset.AVAILABILITY,
        observed_at=dt.datetime(2026, 3, 1, hour, tzinfo=dt.UTC),
        received_at=1e9 + hour,
    )
    place = StockAtLocation(
        location_id="1", cursor="1", status=AvailabilityStatus.IN_STOCK, is_quantity_capped=False, quantity=quantity,
        freshness=stamp,
    )  # fmt: skip
    return StockAtLocations(entries=(place,), page=Page(has_next_page=False, has_previous_page=False), freshness=stamp)


def test_a_value_tells_the_same_whenever_it_was_observed() -> None:
    """Stock that was asked again and is what it was; not when a piece of it was sold."""
    assert tells_same(observed(12), observed(13))
    assert not tells_same(observed(12), observed(13, quantity=2))
    assert not tells_same(observed(12), None)
    assert tells_same(None, None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Decimal("1.0"), Decimal("1.00")),
        (1, 1.0),
        (True, 1),
        (0.0, -0.0),
        (dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), dt.datetime.fromisoformat("2026-03-01T15:00:00+03:00")),
        (Public(language="ru"), Public(language="en")),
        (object(), object()),
    ],
)
def test_what_would_be_written_otherwise_does_not_tell_the_same(old: object, new: object) -> None:
    """Equal numbers and moments of another form, alone or deep inside; and what has no form at all."""
    assert not tells_same(old, new)
    assert not tells_same((old,), (new,))
    assert tells_same((old,), (old,))
