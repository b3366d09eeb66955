import random
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from clients.scope import Public
from gateway.cache.freshness import JITTER
from gateway.ops.lab import Terms, replay, replay_key, terms_to_try
from gateway.telemetry.reservoir import APART_S, MOST_MARKS, Reservoir, asked_at

RU = Public(language="ru")


def answer_plainly(times: list[float], fresh_s: float, served_s: float) -> tuple[int, int]:
    """A cache of one key with loads that take no time, written as one would explain it: (served, sent)."""
    kept_at: float | None = None
    served = sent = 0
    for at in times:
        age_s = None if kept_at is None else at - kept_at
        if age_s is not None and age_s < served_s:
            served += 1
        if age_s is None or age_s >= fresh_s:
            sent += 1
            kept_at = at
    return served, sent


@given(
    times=st.lists(st.floats(0, 500), max_size=60).map(sorted),
    fresh_s=st.sampled_from([1.0, 10.0, 60.0]),
    more_s=st.sampled_from([0.0, 5.0, 100.0]),
)
def test_a_replay_answers_as_a_plain_cache_would(times: list[float], fresh_s: float, more_s: float) -> None:
    """Served and sent are those of the simplest cache with the same terms."""
    replayed = replay_key(times, Terms(fresh_s, more_s))
    assert (replayed.served, replayed.sent) == answer_plainly(times, fresh_s * (1 - JITTER / 2), fresh_s + more_s)
    assert replayed.asked == len(times)


def test_questions_wait_for_a_load_under_way() -> None:
    """While the first load is on its way nobody is served and nothing more is sent; a refresh lets readers pass."""
    replayed = replay_key([0.0, 0.1, 0.2, 1.5, 11.0, 11.2, 13.0], Terms(10.0, 5.0, load_s=1.0))
    assert replayed.sent == 2
    assert replayed.served == 4


def test_nothing_kept_means_nothing_served() -> None:
    """With no freshness every question is sent and none is served, whatever else the terms say."""
    replayed = replay_key([0.0, 1.0, 2.0], Terms(0.0, 0.0))
    assert (replayed.served, replayed.sent) == (0, 3)


def test_terms_in_force_are_on_the_curve() -> None:
    """The curve has the point at which the cache stands, and longer and shorter ones around it."""
    tried = [terms.fresh_s for terms in terms_to_try(Terms(30.0, 5.0))]
    assert 30.0 in tried
    assert min(tried) < 30.0 < max(tried)


def shoppers(number: int, keys: int) -> Iterator[tuple[float, int]]:
    """Questions as shops get them: few keys are asked for often, most seldom; twenty a second in all.

    Keys are numbers, for texts hash differently in every process: another sample, and another chance.
    """
    dice = random.Random(11)
    at = 0.0
    for _ in range(number):
        at += dice.expovariate(20.0)
        yield at, int(dice.paretovariate(0.7)) % keys


async def test_a_sample_tells_of_all() -> None:
    """With a few of thousands of keys the curve is within two points of what the cache does with all of them."""
    clock = [0.0]
    reservoir = Reservoir(most_keys=128, now=lambda: clock[0])
    asked, kept, served = 0, dict[int, float](), 0
    reservoir.count_by(lambda: asked)
    for at, key in shoppers(60_000, 5_000):
        clock[0], asked = at, asked + 1
        if at - kept.get(key, -1e9) < 60.0:
            served += 1
            reservoir.note([key], RU) if key in reservoir.sampled else None
        else:
            kept[key] = at
            reservoir.meet([key], RU)
    observed = reservoir.observe()
    point = await replay(observed, Terms(60.0 / (1 - JITTER / 2), 0.0), clock[0])
    assert observed.share < 0.2
    assert abs(point.hit_rate - served / asked) < 0.02, point


def test_a_reservoir_is_bounded() -> None:
    """However many keys and questions come, few are kept; and with room for an hour, time gives way last."""
    clock = [0.0]
    reservoir = Reservoir(most_keys=50, most_times=1_000, now=lambda: clock[0])
    for turn in range(20_000):
        clock[0] += 1.0
        reservoir.meet([f"k{turn % 300}"], RU)
        reservoir.note([f"k{turn % 300}"], RU)
    observed = reservoir.observe()
    assert len(reservoir.sampled) <= 50
    assert len(reservoir._marks) <= MOST_MARKS
    assert sum(map(len, observed.times)) <= 1_000
    assert observed.since > 0


def test_what_is_dropped_is_counted_out() -> None:
    """Keys are let go of many at a time, in every scope where they were seen, and the count of questions stays true."""
    reservoir = Reservoir(most_keys=20, most_times=5_000, now=lambda: 1.0)
    for turn in range(4_000):
        reservoir.meet([f"k{turn % 500}"], Public(language=f"{turn % 30}"))
    assert len(reservoir.sampled) == len(reservoir._by_place) == 20
    observed = reservoir.observe()
    assert reservoir._kept == sum(map(len, observed.times))
    assert {key for known in reservoir._times.values() for key in known} <= reservoir.sampled
    assert 0 < observed.share < 0.2


def test_a_key_is_seen_in_each_scope() -> None:
    """The same key under another scope is another entry of the cache, and another line of the sample."""
    reservoir = Reservoir(now=lambda: 1.0)
    reservoir.meet(["a"], RU)
    reservoir.meet(["a"], Public(language="en"))
    reservoir.note(["a"], RU)
    assert sorted(map(len, reservoir.observe().times)) == [1, 2]


def test_a_busy_page_is_not_noted_over_and_over() -> None:
    """The same keys together are noted twenty times a second at most, and every question counts all the same."""
    clock, asked = [0.0], [0]
    reservoir = Reservoir(now=lambda: clock[0])
    reservoir.count_by(lambda: asked[0])
    keys = list(range(48))
    reservoir.meet(keys, RU)
    for turn in range(5_000):
        clock[0], asked[0] = turn * 0.002, (turn + 2) * 48
        reservoir.note(keys, RU)
    observed = reservoir.observe()
    assert sum(map(len, observed.times)) <= 48 * (10.0 / APART_S + 2)
    assert observed.asked == 5_001 * 48


async def test_repetitions_are_hits() -> None:
    """What was not noted again counts as served: the replayed rate is that of all questions."""
    clock, asked, waited = [0.0], [0], [0]
    reservoir = Reservoir(now=lambda: clock[0])
    reservoir.count_by(lambda: asked[0])
    received_at = -1e9
    for turn in range(20_000):
        clock[0], asked[0] = turn * 0.005, asked[0] + 1
        if clock[0] - received_at >= 2.0:
            received_at, waited[0] = clock[0], waited[0] + 1
            reservoir.meet([7], RU)
        else:
            reservoir.note([7], RU)
    point = await replay(reservoir.observe(), Terms(2.0 / (1 - JITTER / 2), 0.0), clock[0])
    assert abs(point.hit_rate - (1 - waited[0] / asked[0])) < 0.003  # its refreshes are behind the back


def test_what_was_asked_is_known_where_the_old_was_forgotten() -> None:
    """Half as busy before as after: what is left to count is not taken in proportion to the sample."""
    assert asked_at(5.0, [(0.0, 0.0), (10.0, 100.0), (20.0, 300.0)]) == 50.0
    assert asked_at(15.0, [(0.0, 0.0), (10.0, 100.0), (20.0, 300.0)]) == 200.0
    assert asked_at(0.0, [(0.0, 7.0), (10.0, 100.0)]) == 7.0
    assert asked_at(3.0, [(3.0, 9.0), (3.0, 9.0)]) == 9.0
