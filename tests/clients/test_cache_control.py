"""What a source's `Cache-Control` allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.cache_control import FOR_EVER, read_allowance
from clients.values import Allowance

ASKED = 1000.0


def allowed(text: str, age: str | None = None) -> tuple[float, float, float] | None:
    """Seconds from the question: fresh, served, kept."""
    headers = {"cache-control": text} | ({} if age is None else {"age": age})
    allowance = read_allowance(headers, ASKED)
    return None if allowance is None else _relative(allowance)


def _relative(allowance: Allowance) -> tuple[float, float, float]:
    return allowance.fresh_until - ASKED, allowance.served_until - ASKED, allowance.kept_until - ASKED


@pytest.mark.parametrize(
    ("text", "age", "expected"),
    [
        ("max-age=60", None, (60, 60, FOR_EVER)),
        ("Private, Max-Age = 60", None, (60, 60, FOR_EVER)),
        ('max-age="60"', None, (60, 60, FOR_EVER)),
        ("max-age=60", "20", (40, 40, FOR_EVER)),
        ("max-age=60", "90", (0, 0, FOR_EVER)),
        ("max-age=60, stale-while-revalidate=30", None, (60, 90, FOR_EVER)),
        ("max-age=60, stale-if-error=10", None, (60, 60, 70)),
        ("max-age=60, stale-while-revalidate=30, stale-if-error=10", None, (60, 90, 90)),
        ("max-age=60, must-revalidate, stale-while-revalidate=30", None, (60, 60, 60)),
        ("max-age=60, max-age=10", None, (10, 10, FOR_EVER)),
        ("max-age=0", None, (0, 0, FOR_EVER)),
        ("max-age=soon", None, (0, 0, FOR_EVER)),
        ("max-age", None, (0, 0, FOR_EVER)),
        ("max-age=-1", None, (0, 0, FOR_EVER)),
        ("max-age=²", None, (0, 0, FOR_EVER)),
        ("max-age=99999999999999999999", None, (2_147_483_648, 2_147_483_648, FOR_EVER)),
        ("no-store, max-age=60", None, (0, 0, 0)),
        ("no-cache", None, (0, 0, 0)),
        ("public", None, None),
        ("", None, None),
    ],
)
def test_directives_are_read(text: str, age: str | None, expected: tuple[float, float, float] | None) -> None:
    """Fresh for `max-age` less the age it has, stale only with leave, nothing kept of what must not be stored."""
    assert allowed(text, age) == expected


@given(st.text(max_size=60), st.text(max_size=10))
def test_nonsense_is_no_leave(text: str, age: str) -> None:
    """Whatever stands there, nothing crashes and no time lies before the question."""
    times = allowed(text, age)
    assert times is None or all(seconds >= 0 for seconds in times)
