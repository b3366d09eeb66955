"""Decisions about ages, alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.scope import ForCustomer
from clients.values import Allowance
from gateway.cache.freshness import (
    Verdict,
    decide,
    decide_window,
    is_absence,
    pick_fresh_for,
    pick_refresh_after,
    pick_times,
    shorten,
)
from gateway.cache.policy import Policy

POLICY = Policy(fresh_s=10, stale_while_revalidate_s=20, stale_if_error_s=60, negative_s=5, scope=ForCustomer)
CHANCE = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("age_s", "verdict"),
    [
        (0, Verdict.FRESH),
        (9.999, Verdict.FRESH),
        (10, Verdict.REVALIDATE),
        (29.999, Verdict.REVALIDATE),
        (30, Verdict.STALE_IF_ERROR),
        (89.999, Verdict.STALE_IF_ERROR),
        (90, Verdict.MISS),
    ],
)
def test_a_value_passes_through_its_states_at_the_agreed_ages(age_s: float, verdict: Verdict) -> None:
    """Fresh, then served while refreshed, then served only on failure, then gone: each end is exclusive."""
    assert decide(pick_times(POLICY, "value", 0.0, 0.0), age_s) is verdict


def test_absence_is_never_served_stale() -> None:
    """A key that did not exist is asked again right after `negative_s`, or new goods would stay hidden."""
    assert decide(pick_times(POLICY, None, 0.0, 0.0), 4.9) is Verdict.FRESH
    assert decide(pick_times(POLICY, None, 0.0, 0.0), 5.0) is Verdict.MISS


def test_an_answer_that_tells_a_problem_counts_as_absence() -> None:
    """A page for a bad cursor is kept no longer than "there is none"."""

    class Page:
        problem = "BAD_CURSOR"

    assert is_absence(Page())
    assert is_absence(None)
    assert not is_absence(("a", "price"))


@given(CHANCE)
def test_jitter_only_shortens(chance: float) -> None:
    """No value is fresh for longer than agreed, nor for less than nine tenths of it."""
    assert 9.0 <= pick_fresh_for(POLICY, chance) <= 10.0
    assert 4.5 <= pick_fresh_for(POLICY, chance, is_absence=True) <= 5.0


@given(CHANCE, st.floats(0, 100))
def test_the_early_refresh_lies_in_the_second_half_of_the_fresh_time(chance: float, load_s: float) -> None:
    """However slow the source is, it is asked at most twice as often as agreed; and never after the end."""
    assert 5.0 <= pick_refresh_after(10.0, load_s, chance) <= 10.0


@given(CHANCE)
def test_a_refresh_that_takes_as_long_as_the_load_before_comes_home_in_time(chance: float) -> None:
    """Whoever reads often enough never waits for a load and is never served a value past its time."""
    assert pick_refresh_after(10.0, 0.2, chance) + 0.2 <= 10.0 + 1e-9


def test_the_early_refresh_leads_by_two_loads_on_average() -> None:
    """One that it takes itself, and one drawn so that workers differ (exponential, beta 1)."""
    draws = [10.0 - pick_refresh_after(10.0, 0.2, (i + 0.5) / 10_000) for i in range(10_000)]
    assert sum(draws) / len(draws) == pytest.approx(0.4, rel=0.01)


@given(
    st.tuples(*[st.floats(-100, 1000)] * 3).map(
        lambda ends: Allowance(fresh_until=ends[0], served_until=ends[1], kept_until=ends[2])
    ),
    CHANCE,
)
def test_a_source_only_shortens_what_is_agreed(allowance: Allowance, chance: float) -> None:
    """No time is later than the policy's or than the source allows; fresh, served and kept end in this order."""
    agreed = pick_times(POLICY, "value", 0.0, chance)
    times = shorten(agreed, allowance)
    assert times.fresh_until <= min(agreed.fresh_until, allowance.fresh_until)
    assert times.served_until <= max(times.fresh_until, allowance.served_until)
    assert times.gone_at <= max(times.served_until, allowance.kept_until)
    assert times.fresh_until <= times.served_until <= times.gone_at <= agreed.gone_at


def test_the_window_is_shut_when_calm_and_open_under_load() -> None:
    """No call waits for company until several are under way; none ever waits longer than 5 ms."""
    assert [decide_window(n) for n in (0, 1, 4)] == [0, 0, 0]
    assert 0 < decide_window(10) < decide_window(20) < decide_window(32) == 0.005
    assert decide_window(1000) == 0.005
