from collections import Counter

import pytest

from benchmarks.harness.rounds import LONGEST_S, Row, long_enough, medians
from benchmarks.harness.traffic import Variety, prepare

TOKENS = [f"token-{number}" for number in range(50)]


def row(cpu_us: float, number: int, contender: str = "one") -> Row:
    return Row(
        scenario="uncached",
        contender=contender,
        page="listing",
        signed_in=False,
        connections=64,
        tiles=24,
        round=number,
        cpu_us=cpu_us,
        per_s=1.0,
        p50_ms=1.0,
        p99_ms=1.0,
        calls=9.0,
        items=100.0,
        refused=0.0,
        resident_mb=100.0,
        others=0.0,
        load_average=1.0,
    )


def test_every_question_and_every_customer_comes_as_often_as_another() -> None:
    """No contender profits from requests that happen to repeat."""
    requests = prepare("listing", Variety(questions=10, customers=50), TOKENS, products=4800, seed=1)
    assert set(Counter(each.variables["query"] for each in requests).values()) == {5}
    assert set(Counter(each.token for each in requests).values()) == {1}


def test_the_same_seed_sends_the_same_requests() -> None:
    """All contenders of a round get the same load, and another round another order."""
    variety = Variety(questions=200)
    first, again = (prepare("product", variety, TOKENS, 4800, seed=3) for _ in range(2))
    other = prepare("product", variety, TOKENS, 4800, seed=4)
    assert first == again
    assert first != other
    assert Counter(str(each.variables) for each in first) == Counter(str(each.variables) for each in other)


def test_regulars_ask_for_what_they_asked_before() -> None:
    """In another order each round; others find somebody else's page, of which their prices are not known."""

    def asked(seed: int, *, are_regulars: bool) -> list[tuple[str, str]]:
        variety = Variety(questions=25, customers=16, are_regulars=are_regulars)
        return [(each.token, each.variables["query"]) for each in prepare("listing", variety, TOKENS, 4800, seed)]

    first, other = asked(1, are_regulars=True), asked(2, are_regulars=True)
    assert first != other
    assert sorted(first) == sorted(other)
    assert sorted(asked(1, are_regulars=False)) != sorted(asked(2, are_regulars=False))


def test_products_lie_over_the_whole_catalogue() -> None:
    """A catalogue of a million is not measured by its first page."""
    requests = prepare("product", Variety(questions=100), TOKENS, products=100_000, seed=1)
    numbers = sorted(int(each.variables["id"].rpartition("-")[2]) for each in requests)
    assert numbers[0] == 1
    assert numbers[-1] == 99_001
    assert len(set(numbers)) == 100


def test_a_visitor_sends_no_token() -> None:
    """Anonymous pages are anonymous."""
    assert {each.token for each in prepare("home", Variety(questions=1), TOKENS, 4800, seed=1)} == {""}


def test_one_slow_round_does_not_move_the_median() -> None:
    """A neighbour who was busy in one round does not decide a figure."""
    (median,) = medians([row(100, 0), row(900, 1), row(110, 2)])
    assert median.cpu_us == 110


def test_contenders_keep_their_own_medians() -> None:
    """Rows of different contenders are never mixed."""
    found = medians([row(100, 0), row(500, 0, "other"), row(120, 1), row(700, 1, "other")])
    assert {each.contender: each.cpu_us for each in found} == {"one": 110, "other": 600}


@pytest.mark.parametrize(
    ("seconds", "good", "wanted", "longer"),
    [(2.0, 200, 256, 3.072), (2.0, 8, 256, LONGEST_S), (2.0, 0, 256, LONGEST_S)],
)
def test_a_slow_server_gets_more_time_but_not_any(seconds: float, good: int, wanted: int, longer: float) -> None:
    """As long as the pages that are wanted will take, and a fifth; never longer than the longest run."""
    assert long_enough(seconds, good, wanted) == pytest.approx(longer)
