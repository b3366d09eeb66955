"""The moment that a package speaks of."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from gateway.exchange.importing import decide_moment

MOSCOW = ZoneInfo("Europe/Moscow")
NINE = dt.datetime(2026, 2, 25, 9, tzinfo=MOSCOW).timestamp()


@pytest.mark.parametrize(
    ("said", "arrived_at", "moment"),
    [
        ("2026-02-25T09:00:00", NINE + 300, NINE + 0.999),
        ("2026-02-25T09:00:00", NINE + 0.4, NINE + 0.4),
        ("2026-02-25T09:00:00", NINE - 5, NINE),
        ("2026-02-25T09:00:00.250", NINE + 300, NINE + 0.25),
        ("2026-02-25T06:00:00+00:00", NINE + 300, NINE + 0.999),
        ("2026-02-25T10:00:00", NINE, NINE),
        ("2026-02-25", NINE, NINE),
        ("0001-01-01T00:00:00", NINE, NINE),
        (None, NINE, NINE),
        ("gestern", NINE, NINE),
    ],
)
def test_a_package_counts_as_of_the_end_of_its_second(said: str | None, arrived_at: float, moment: float) -> None:
    """Never later than it arrived, unless its clock is a little ahead; what tells no moment counts as it arrives."""
    assert decide_moment(said, MOSCOW, arrived_at) == pytest.approx(moment, abs=1e-6)


def test_what_changed_within_the_second_of_a_push_is_not_lost() -> None:
    """Formed 0.9 s into a second of which only the whole is told: newer than a push of 0.5 s into it."""
    push, arrives = NINE + 0.5, NINE + 1.2
    assert push < decide_moment("2026-02-25T09:00:00", MOSCOW, arrives) <= arrives
