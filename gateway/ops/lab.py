"""What other terms would have done: a dataset's real questions, answered again by a model of the cache.

The model follows `gateway/cache/freshness.py`: fresh, then served while it is refreshed, then gone.
It has no bound on memory (`gateway/ops/sizes.py` has) and no failing source, and loads take the same time each.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.cache.freshness import JITTER
from gateway.telemetry.reservoir import Observed

AT_A_TIME: Final = 1000
PAUSE_S: Final = 0.004
"""A replay stops after so many questions, about a millisecond's worth, and lets requests pass for a while.

To give way without a pause would not do: a page needs hundreds of turns of the event loop.
"""

FACTORS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""The times of freshness that are tried, as multiples of the one in force."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`fresh_s` and `stale_while_revalidate_s` of a policy, and how long a load takes."""

    fresh_s: float
    stale_while_revalidate_s: float
    load_s: float = 0.0


class Replayed(NamedTuple):
    """Questions in all; `served` from memory, `old` of them past their freshness; `sent` keys to the source."""

    asked: int = 0
    served: int = 0
    old: int = 0
    sent: int = 0
    age_sum_s: float = 0.0


class Point(NamedTuple):
    """One point of the curve. Shares are of all questions; `sent` is scaled up to all keys, per second."""

    fresh_s: float
    hit_rate: float
    old_share: float
    mean_age_s: float
    sent_per_s: float


def replay_key(times: Sequence[float], terms: Terms) -> Replayed:
    """One key's questions, in the order of time.

    A value is fresh for what `pick_fresh_for` draws on average. A question while a load is under way
    waits for it, unless there is an older value that may be served meanwhile.
    """
    fresh_s = terms.fresh_s * (1 - JITTER / 2)
    served_s = terms.fresh_s + terms.stale_while_revalidate_s if terms.fresh_s > 0 else 0.0
    received_at, lands_at = float("-inf"), float("inf")
    served = old = sent = 0
    ages = 0.0
    for at in times:
        if lands_at <= at:
            received_at, lands_at = lands_at, float("inf")
        age_s = at - received_at
        if age_s < served_s:
            served += 1
            ages += age_s
            old += age_s >= fresh_s
        if age_s >= fresh_s and lands_at == float("inf"):
            sent += 1
            lands_at = at + terms.load_s
    return Replayed(len(times), served, old, sent, ages)


def add_replays(replays: Iterable[Replayed]) -> Replayed:
    """All keys together."""
    columns = list(zip(*replays, strict=True))
    if not columns:
        return Replayed()
    asked, served, old, sent, ages = (sum(column) for column in columns)
    return Replayed(int(asked), int(served), int(old), int(sent), ages)


class Scaled(NamedTuple):
    """Questions, and those served from memory, of a sample without the luck of the draw."""

    asked: float
    served: float

    @property
    def hit_rate(self) -> float:
        return self.served / self.asked if self.asked else 0.0


def scale(whole: Replayed, expected: float) -> Scaled:
    """Correct a sample by how many questions its size would let expect (SHARDS-adj).

    The few hottest keys make up much of all questions, and whether they are in the sample is chance.
    So questions that are not there, or too many, are taken for questions of such keys, which are hits
    under any terms.
    """
    asked = max(whole.asked - whole.served, expected)
    return Scaled(asked, max(0.0, whole.served + asked - whole.asked) if whole.served else 0.0)


async def replay(observed: Observed, terms: Terms, now: float) -> Point:
    """One point of a dataset's curve."""
    replays, done = [], 0
    for times in observed.times:
        replays.append(replay_key(times, terms))
        done += len(times)
        if done >= AT_A_TIME:
            await asyncio.sleep(PAUSE_S)
            done = 0
    whole = add_replays(replays)
    expected = expect(observed, whole.asked)
    return point_of(whole, terms, expected, observed.share, max(1.0, now - observed.since))


def expect(observed: Observed, seen: int) -> float:
    """How many questions a sample that saw so many should get: with all keys in it, no less than it saw."""
    expected = observed.asked * observed.share
    return expected if observed.share < 1 else max(expected, seen)


def point_of(whole: Replayed, terms: Terms, expected: float, share: float, seconds: float) -> Point:
    """What a replay of a sample says of all keys."""
    scaled = scale(whole, expected)
    return Point(
        fresh_s=terms.fresh_s,
        hit_rate=scaled.hit_rate,
        old_share=min(whole.old, scaled.served) / scaled.asked if scaled.asked else 0.0,
        mean_age_s=whole.age_sum_s / whole.served if whole.served else 0.0,
        sent_per_s=whole.sent / share / seconds,
    )


def terms_to_try(now_in_force: Terms) -> list[Terms]:
    """The terms of the curve; those in force are among them."""
    return [
        Terms(now_in_force.fresh_s * factor, now_in_force.stale_while_revalidate_s, now_in_force.load_s)
        for factor in FACTORS
    ]


def merge_points(curves: Sequence[tuple[Sequence[Point], int]]) -> list[Point]:
    """The curves of several workers, each weighed by the questions that it was asked."""
    if not curves:
        return []
    return [
        _merge([points[index] for points, _ in curves], [asked for _, asked in curves])
        for index in range(len(curves[0][0]))
    ]


def _merge(points: Sequence[Point], weights: Sequence[int]) -> Point:
    whole = sum(weights) or 1

    def mean(values: Iterable[float]) -> float:
        return sum(value * weight for value, weight in zip(values, weights, strict=True)) / whole

    return Point(
        fresh_s=points[0].fresh_s,
        hit_rate=mean(point.hit_rate for point in points),
        old_share=mean(point.old_share for point in points),
        mean_age_s=mean(point.mean_age_s for point in points),
        sent_per_s=sum(point.sent_per_s for point in points),
    )
