import pytest

from gateway.http.ports import Answered
from gateway.ops.board import Spans, decide_tile, draw_board, hit_rate, quota_left, saved_share, stale_share
from gateway.ops.history import Part, StepOf, merge_steps
from gateway.telemetry import vocabulary as v
from gateway.telemetry.operations import OperationMeter
from gateway.telemetry.readings import Readings, Sample, count, quantile, spread
from gateway.telemetry.top_keys import TopKeys


def calls(answered: int, failed: int, state: str = "closed", health: str = "operational") -> Readings:
    samples = [
        count(v.UPSTREAM_CALLS, answered, "PRICING", "pricing.prices", "answered"),
        count(v.UPSTREAM_CALLS, failed, "PRICING", "pricing.prices", "unavailable"),
        count(v.UPSTREAM_BREAKER, 1, "PRICING", "pricing.prices", state),
        count(v.UPSTREAM_HEALTH, 1, "PRICING", health),
    ]
    return Readings(samples)


@pytest.mark.parametrize(
    ("latest", "state", "why"),
    [
        (calls(10, 0), "well", ""),
        (calls(0, 0), "idle", "nothing to ask it"),
        (calls(9, 2), "watch", "2 of 11 calls failed just now"),
        (calls(2, 2), "failing", "50% of its calls fail"),
        (calls(1, 1), "watch", "1 of 2 calls failed just now"),
        (calls(10, 0, state="open"), "failing", "its breaker is open"),
        (calls(10, 0, state="held_open"), "failing", "held open by hand"),
        (calls(10, 0, health="down"), "failing", "nearly every call fails"),
        (calls(10, 0, health="degraded"), "watch", "it is recovering"),
    ],
)
def test_a_tile_says_how_its_system_is(latest: Readings, state: str, why: str) -> None:
    """The worst that the last seconds tell decides, in a word and a reason."""
    assert decide_tile(latest, "PRICING", latest) == (state, why)


def test_a_quota_that_runs_out_is_said() -> None:
    """Of two workers the average counts; a system without a quota says nothing of it."""
    both = [count(v.UPSTREAM_HEALTH, 1, "DELIVERY", "operational")] * 2
    spent = Readings([*both, *[count(v.UPSTREAM_QUOTA_LEFT, left, "DELIVERY") for left in (0.0, 0.1)]])
    assert decide_tile(spent, "DELIVERY", spent) == ("watch", "5% of its quota is left")
    assert quota_left(spent, "DELIVERY") == pytest.approx(0.05)
    assert quota_left(Readings(both), "DELIVERY") is None


def asked(**results: int) -> list[Sample]:
    return [count(v.CACHE_REQUESTS, number, "PRICING", "price", result, "") for result, number in results.items()]


def test_rates_are_of_keys_that_were_asked() -> None:
    """Hits are what memory answered at once; who waits for a load is no hit; with nothing asked there is no rate."""
    counted = Readings(
        [*asked(hit=70, negative=5, revalidating=5, miss=15, coalesced=5), count(v.CACHE_STALE, 10, "PRICING", "price")]
    )
    assert hit_rate(counted, source="PRICING") == 0.8
    assert stale_share(counted, source="PRICING") == 0.1
    assert hit_rate(counted, source="STOCK") is None
    loads = [
        spread(v.LOADER_BATCH, [40] + [0] * 10, 40.0, "PRICING", "price"),
        count(v.CACHE_LOADS, 10, "PRICING", "price"),
    ]
    assert saved_share(Readings(loads)) == 0.75


def test_workers_are_added_up_and_restarts_never_count_backwards() -> None:
    """Two workers' figures are one; what a worker that began anew counted is counted from nothing."""
    both = Readings([*asked(hit=10), *asked(hit=5)])
    assert both.number(v.CACHE_REQUESTS) == 15
    assert both.since(Readings(asked(hit=12))).number(v.CACHE_REQUESTS) == 3
    assert both.since(Readings(asked(hit=99))).number(v.CACHE_REQUESTS) == 0


def test_quantiles_are_prometheus_own() -> None:
    """Straight lines within buckets, the last bound beyond them, and nothing for nothing."""
    whole = spread(v.LOOP_LAG, [0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1.0).value
    assert not isinstance(whole, float)
    assert quantile(whole, v.LOOP_LAG.bounds, 0.5) == pytest.approx(0.0035)
    assert quantile(whole._replace(counts=(0,) * 12), v.LOOP_LAG.bounds, 0.5) is None
    assert quantile(whole._replace(counts=(0,) * 11 + (1,)), v.LOOP_LAG.bounds, 0.5) == v.LOOP_LAG.bounds[-1]


def test_many_errors_in_one_answer_are_one_failed_answer() -> None:
    """A page with seven missing prices failed once: shares of failed answers never exceed all of them."""
    meter = OperationMeter()
    for codes in (("TIMEOUT",) * 7, (), (), ()):
        meter.note_answer(Answered("r", "Page", "d" * 64, 200, codes, 0.01, is_signed_in=False))
    counted = Readings(meter.read())
    board = draw_board(Spans(counted, counted, counted, 1.0), {}, {"said": ["0"], "silent": []}, 0.0)
    assert board["totals"]["failedShare"] == board["operations"][0]["failedShare"] == 0.25
    assert counted.number(v.OPERATION_ERRORS, code="TIMEOUT") == 7


@pytest.mark.parametrize(("pushed_out", "is_thrashing"), [(0, False), (20, False), (21, True)])
def test_a_memory_that_is_too_small_is_said(pushed_out: int, *, is_thrashing: bool) -> None:
    """When every fifth loaded value pushes out one that was still good."""
    counted = Readings(
        [count(v.CACHE_SENT, 100, "PRICING", "price"), count(v.MEMORY_REMOVED, pushed_out, "evicted")],
    )
    board = draw_board(Spans(counted, counted, counted, 1.0), {}, {"said": ["0"], "silent": []}, 0.0)
    assert board["memory"]["isThrashing"] is is_thrashing


def test_a_board_of_nothing_is_drawn() -> None:
    """Before the first request the page has all its places, empty."""
    board = draw_board(Spans(Readings(), Readings(), Readings(), 1.0), {}, {"said": ["0"], "silent": []}, 0.0)
    assert board["headline"] == "All systems are well"
    assert board["totals"]["hitRate"] is None
    assert board["shared"] is None


def test_histories_of_workers_are_one() -> None:
    """Steps of one moment are added source by source, others stand in order."""
    merged = merge_steps(
        [[StepOf(10, {"STOCK": Part(4, 3, 0, 1)})], [StepOf(5, {}), StepOf(10, {"STOCK": Part(6, 6, 1, 0)})]]
    )
    assert [(step.at, step.parts.get("STOCK")) for step in merged] == [(5, None), (10, Part(10, 9, 1, 1))]


def test_top_keys_are_few_and_never_overstated() -> None:
    """However many keys come, few counters are kept, and the frequent ones are found."""
    keys = TopKeys(room=20)
    for number in range(5_000):
        keys.note([f"seldom-{number}"])
        if number % 4 == 0:
            keys.note(["often"])
    assert len(keys._counts) <= 20
    (name, counted), *_ = keys.top()
    assert name == "often"
    assert 0 < counted <= 1_250
