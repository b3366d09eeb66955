"""The pieces that everything else rests on."""

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.server.faults import LogNormal, RateLimit
from sandbox.upstreams.contract import BadCursor, cursor, cut, read_cursor
from sandbox.world.bits import Column, Order, bits_of, numbers_in
from sandbox.world.couriers import courier_day, cut_off
from sandbox.world.draw import draw
from sandbox.world.places import CITIES, metres
from sandbox.world.prices import decimal, in_currency
from sandbox.world.shop import month_end
from sandbox.world.words import distance

NUMBERS = st.sets(st.integers(1, 200))


@given(st.text(max_size=30), st.integers(0, 10**9))
def test_cursor_comes_back(subject: str, offset: int) -> None:
    """A cursor is read back for its own subject, and refused for any other."""
    made = cursor(subject, offset)
    assert read_cursor(subject, made) == offset
    with pytest.raises(BadCursor):
        read_cursor(subject + "!", made)


@given(st.text(max_size=40))
def test_invented_cursor(text: str) -> None:
    """No text that was not given is taken for a cursor, and none breaks the reader."""
    with pytest.raises(BadCursor):
        read_cursor("listing", text)


@given(st.integers(0, 30), st.integers(1, 10))
def test_cutting(length: int, first: int) -> None:
    """Pages, put together, are the list."""
    items, after, found = list(range(length)), None, []
    while True:
        piece = cut(items, "s", first, after)
        found += [item for item, _ in piece.items]
        after = piece.page["endCursor"]
        if not piece.page["hasNextPage"]:
            break
    assert found == items


@given(NUMBERS, st.randoms(use_true_random=False))
def test_order(numbers: set[int], dice: object) -> None:
    """A set is arranged as the order says, however small a part of the whole it is."""
    sequence = sorted(range(1, 201), key=lambda number: draw(number, 7))
    arranged = Order(sequence).arrange(bits_of(numbers, 200))
    assert arranged == [number for number in sequence if number in numbers]
    assert numbers_in(bits_of(numbers, 200)) == sorted(numbers)


@given(NUMBERS, st.integers(-5, 60), st.integers(-5, 60))
def test_column(numbers: set[int], low: int, high: int) -> None:
    """Ranges include their bounds; extremes are those of the set."""
    values = [0, *(draw(number) % 50 for number in range(1, 201))]
    column, bits = Column(values), bits_of(numbers, 200)
    within = {number for number in range(1, 201) if low <= values[number] <= high}
    assert set(numbers_in(column.between(low, high))) == within
    expected = (min(values[n] for n in numbers), max(values[n] for n in numbers)) if numbers else None
    assert column.extremes(bits) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("сапоги", "сапоги", 0), ("сапоги", "сопоги", 1), ("сапоги", "сапгои", 1), ("a", "abc", 2), ("abc", "xyz", 3)],
)
def test_distance(one: str, other: str, expected: int) -> None:
    """Insertions, deletions, replacements and adjacent swaps count one each; far is far."""
    assert distance(one, other, 2) == expected


def test_distance_on_earth() -> None:
    """Moscow and Saint Petersburg are some 634 km apart."""
    here, there = CITIES["msk"], CITIES["spb"]
    assert metres(here.latitude, here.longitude, there.latitude, there.longitude) == pytest.approx(634_000, rel=0.01)


@pytest.mark.parametrize(("hour", "day"), [(19, 2), (20, 3), (23, 3)])
def test_cut_off_is_local(hour: int, day: int) -> None:
    """Orders of a day close at eight in the evening by the city's own clocks."""
    vladivostok = CITIES["vvo"]
    now = dt.datetime(2026, 3, 1, hour, tzinfo=ZoneInfo("Asia/Vladivostok"))
    assert courier_day(now.astimezone(dt.UTC), vladivostok) == dt.date(2026, 3, day)
    assert cut_off(now.astimezone(dt.UTC), vladivostok).hour == 20
    assert cut_off(now, vladivostok) > now


@pytest.mark.parametrize(("months", "expected"), [(1, "2026-12-31T23:59:59+03:00"), (2, "2027-01-31T23:59:59+03:00")])
def test_month_end(months: int, expected: str) -> None:
    """Promotions end with a month, over the turn of the year too."""
    assert month_end(dt.datetime(2026, 12, 5, tzinfo=ZoneInfo("Europe/Moscow")), months).isoformat() == expected


@pytest.mark.parametrize(
    ("minor", "told"), [(199000, "1990.00"), (-1990, "-19.90"), (5, "0.05"), (-5, "-0.05"), (0, "0.00")]
)
def test_decimal(minor: int, told: str) -> None:
    """Minor units become exact decimals, small and negative ones too."""
    assert decimal(minor) == told


def test_currencies() -> None:
    """Amounts are converted at a fixed rate: whole tenge, exact Belarusian kopecks."""
    assert in_currency(1_299_000, "RUB") == 1_299_000
    assert in_currency(1_299_000, "KZT") == 7_274_400
    assert in_currency(1_299_000, "BYN") == 46_764


def test_rate_limit() -> None:
    """A bucket holds one second's worth and refills steadily."""
    now = 0.0
    limit = RateLimit(2, lambda: now)
    assert [limit.wait_s() for _ in range(3)] == [0.0, 0.0, 0.5]
    now = 0.5
    assert [limit.wait_s() for _ in range(2)] == [0.0, 0.5]


def test_log_normal() -> None:
    """The asked percentiles are the real ones."""
    dice, shape = random.Random(1), LogNormal(20, 100)
    samples = sorted(shape.sample(dice) for _ in range(20_000))
    assert samples[10_000] == pytest.approx(20, rel=0.05)
    assert samples[19_800] == pytest.approx(100, rel=0.12)
