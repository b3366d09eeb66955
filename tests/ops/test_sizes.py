"""The lab's other sizes of memory, held against caches that really had them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from clients.scope import ForCustomer
from clients.values import Dataset
from gateway.cache.memory import Memory
from gateway.cache.policy import Policy
from gateway.cache.source import CachedSource
from gateway.ops.lab import Terms
from gateway.ops.sizes import (
    FACTORS,
    Load,
    SizePoint,
    Stream,
    decide_parts,
    fit,
    merge_sizes,
    replay_sizes,
    replay_terms,
)
from gateway.telemetry.reservoir import Observed, Reservoir
from gateway.telemetry.watch import WatchedSource
from tests.cache.scripted import Asker, Upstream, by_sku, levels_at

SOME_TIME = Policy(fresh_s=120, stale_while_revalidate_s=60, stale_if_error_s=600, scope=ForCustomer, tags=by_sku)
IN_TERMS = Terms(SOME_TIME.fresh_s, SOME_TIME.stale_while_revalidate_s)
QUESTIONS = 10_000
SEVERAL = (Dataset.PRICE, Dataset.PROMOTION)
IN_FORCE = 400_000


def shoppers(seed: int = 5) -> Iterator[tuple[float, Dataset, int]]:
    """Few keys are asked for often, most seldom; of two datasets, one with five times the keys of the other.

    Keys are numbers, for texts hash differently in every process: another sample, and another chance.
    """
    dice, at = random.Random(seed), 0.0
    for _ in range(QUESTIONS):
        at += dice.expovariate(20.0)
        dataset = dice.choice(SEVERAL)
        most = 5_000 if dataset is Dataset.PRICE else 1_000
        yield at, dataset, int(most * dice.random() ** 3)


@dataclass
class Shop:
    """A cache of two datasets in one memory, some keys of each watched; `asked` and `waited` keys by dataset."""

    max_bytes: int
    most_keys: int = 10_000
    now: float = 0.0
    asked: dict[Dataset, int] = field(default_factory=lambda: dict.fromkeys(SEVERAL, 0))
    waited: dict[Dataset, int] = field(default_factory=lambda: dict.fromkeys(SEVERAL, 0))

    async def open(self) -> "Shop":
        """Serve all shoppers."""
        upstream: Any = Upstream(takes_s=0.0)
        self.levels = levels_at(lambda: self.now, max_bytes=self.max_bytes)
        self.reservoirs = {dataset: Reservoir(self.most_keys, now=lambda: self.now) for dataset in SEVERAL}
        sources = {dataset: self._watch(dataset, upstream) for dataset in SEVERAL}
        for at, dataset, key in shoppers():
            self.now = at
            self.asked[dataset] += 1
            answer = sources[dataset].load_many([key], Asker())
            if not isinstance(answer, list):
                self.waited[dataset] += 1
                await answer
        return self

    def _watch(self, dataset: Dataset, upstream: Any) -> WatchedSource[Any, Any]:
        source = CachedSource(dataset, SOME_TIME, upstream.fetch, lambda asker: asker.for_customer, self.levels)
        self.reservoirs[dataset].count_by(lambda: self.asked[dataset])
        return WatchedSource(source, self.reservoirs[dataset])

    def hit_rate(self, *datasets: Dataset) -> float:
        return 1 - sum(self.waited[d] for d in datasets) / sum(self.asked[d] for d in datasets)

    async def draw(self, looked_at: Dataset) -> dict[float, SizePoint]:
        """The lab's curve by factor."""
        return {point.factor: point for point in await replay_sizes(self.streams(), looked_at, self.now)}

    def streams(self) -> list[Stream]:
        """What the lab replays."""
        memory = self.levels.memory
        weight, entries = memory.counters.weight_bytes, memory.counters.entries
        parts = decide_parts({"all": Load(entries, weight)}, memory)
        return [
            Stream(dataset, reservoir.observe(), IN_TERMS, SOME_TIME.kept_s, parts["all"])
            for dataset, reservoir in self.reservoirs.items()
        ]


async def test_the_model_hits_as_the_cache_does() -> None:
    """With every key seen, the replay at the size in force is within two points of what was measured."""
    shop = await Shop(IN_FORCE).open()
    assert shop.levels.metrics.memory.evicted > 1_000
    for dataset in SEVERAL:
        point = (await shop.draw(dataset))[1.0]
        print(f"{dataset.value}: replayed {point.hit_rate:.3f}, measured {shop.hit_rate(dataset):.3f}")
        assert point.hit_rate == pytest.approx(shop.hit_rate(dataset), abs=0.02)
        assert point.all_hit_rate == pytest.approx(shop.hit_rate(*SEVERAL), abs=0.02)
        (shorter, same) = await replay_terms(shop.streams(), dataset, [Terms(1.0, 0.0), IN_TERMS], shop.now)
        assert same.hit_rate == pytest.approx(shop.hit_rate(dataset), abs=0.02)
        assert shorter.hit_rate < same.hit_rate


async def test_a_sample_tells_what_other_sizes_really_do() -> None:
    """With 400 keys seen, the curve is within three points of caches that really have half and double the memory."""
    shop = await Shop(IN_FORCE, most_keys=400).open()
    half, double = await Shop(IN_FORCE // 2).open(), await Shop(2 * IN_FORCE).open()
    for dataset in SEVERAL:
        assert shop.reservoirs[dataset].observe().share < 0.6
        replayed = list((await shop.draw(dataset)).values())
        points = fit(replayed, shop.hit_rate(dataset), shop.hit_rate(*SEVERAL))
        curve = {point.factor: point for point in points}
        found = [round(curve[factor].hit_rate, 3) for factor in (0.5, 1.0, 2.0)]
        real = [round(each.hit_rate(dataset), 3) for each in (half, shop, double)]
        together = [round(curve[factor].all_hit_rate, 3) for factor in (0.5, 1.0, 2.0)]
        print(f"{dataset.value}: {found}, really {real}")
        assert found[1] == real[1]
        assert found == pytest.approx(real, abs=0.03)
        assert together == pytest.approx([each.hit_rate(*SEVERAL) for each in (half, shop, double)], abs=0.03)
        assert [point.hit_rate for point in points] == sorted(point.hit_rate for point in points)


async def test_room_for_everything_is_room_enough() -> None:
    """Where nothing is pushed out, the curve is flat from there on; and it is drawn only as far as that."""
    shop = await Shop(100_000_000).open()
    curve = await shop.draw(Dataset.PRICE)
    assert curve[1.0].hit_rate == pytest.approx(shop.hit_rate(Dataset.PRICE), abs=0.02)
    assert len({curve[factor].hit_rate for factor in (1.0, 1.5, 2.0, 4.0)}) == 1


async def test_nothing_asked_is_no_curve() -> None:
    """Before the first question there is nothing to draw, for one dataset or for all."""
    nothing = Observed([], 1.0, 0.0, 0)
    streams = [Stream(Dataset.PRICE, nothing, Terms(1.0, 0.0), 1.0, 0.0)]
    assert await replay_sizes(streams, Dataset.PRICE, 10.0) == []
    assert merge_sizes([([], 0)]) == []
    seen = Stream(Dataset.PROMOTION, Observed([(1.0, 2.0)], 1.0, 0.0, 2), Terms(60.0, 0.0), 60.0, 0.001)
    points = await replay_sizes([*streams, seen], Dataset.PRICE, 10.0)
    assert {point.hit_rate for point in points} == {0.0}
    assert {point.all_hit_rate for point in points} == {0.5}


def test_the_nearer_bound_counts() -> None:
    """An entry's part is of the bound that memory is nearer to; whole answers beside it leave less for entries."""
    memory = Memory(max_entries=100, max_bytes=1_000_000)
    memory.counters.entries, memory.counters.weight_bytes = 50, 10_000
    assert decide_parts({"a": Load(50, 10_000)}, memory) == {"a": 1 / 100}
    memory.counters.weight_bytes = 900_000
    assert decide_parts({"a": Load(25, 450_000), "b": Load(0, 0)}, memory) == {"a": pytest.approx(2 * 0.018)}


def test_curves_of_workers_are_weighed() -> None:
    """Who was asked more counts more; what they send is added up."""
    one = [SizePoint(factor, 0.5, 0.5, 1.0) for factor in FACTORS]
    two = [SizePoint(factor, 0.9, 0.7, 2.0) for factor in FACTORS]
    merged = merge_sizes([(one, 100), (two, 300), ([], 50)])
    assert [point.factor for point in merged] == list(FACTORS)
    assert merged[0].hit_rate == pytest.approx(0.8)
    assert merged[0].all_hit_rate == pytest.approx(0.65)
    assert merged[0].sent_per_s == pytest.approx(3.0)
