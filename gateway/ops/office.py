"""All workers together: asks every desk, and adds up what they say."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from clients.values import Dataset
from gateway.cache.policy import Policy
from gateway.ops import questions as q
from gateway.ops.board import draw_board
from gateway.ops.desk import Desk
from gateway.ops.history import RESPONSES, STEP_S, Part, StepOf, merge_steps
from gateway.ops.lab import Point, merge_points
from gateway.ops.sizes import SizePoint, merge_sizes
from gateway.ops.watching import Look, Watching
from gateway.ops.workers import Workers, open_workers
from gateway.telemetry import vocabulary as v
from gateway.telemetry.exposition import Page, write_exposition
from gateway.telemetry.logs import get_log
from gateway.telemetry.readings import Readings

T = TypeVar("T")
MOST_SHOWN = 50
REPLAY_WITHIN_S = 10.0
"""A busy worker replays in turns with its requests."""

log = get_log("gateway.audit")


class Office:
    """One worker's view of all."""

    def __init__(self, desk: Desk, workers: Workers, policies: Mapping[Dataset, Policy], *, has_shared: bool) -> None:
        self._desk = desk
        self._workers = workers
        self._policies = policies
        self._has_shared = has_shared
        self._watching = Watching(self._look)
        self.closing = asyncio.Event()

    async def expose(self, accept: str) -> Page:
        """Figures of all workers for Prometheus, each series with its worker, in a form that `accept` names."""
        said = (await self._workers.ask(q.encode(q.Figures()))).said
        by_worker = {worker: q.decode_samples(answer) for worker, answer in said.items()}
        # A thread, for writing takes some ten milliseconds per worker, and pages should not wait for it.
        return await asyncio.to_thread(write_exposition, by_worker, accept)

    async def draw(self) -> dict[str, Any]:
        """The board of this moment."""
        look, spans = await self._watching.look()
        workers = {"said": look.said, "silent": look.silent}
        return draw_board(spans, self._policies, workers, time.time())

    async def recall(self) -> dict[str, Any]:
        """The last hour as curves: for each source, points of its hit rate, stale share and keys sent."""
        steps = merge_steps(await self._gather(q.PastHour(), q.decode_steps))
        names = sorted({name for step in steps for name in step.parts})
        return {"step": STEP_S, "sources": {name: draw_curve(steps, name) for name in names}}

    async def describe_keys(self) -> dict[str, Any]:
        """What was missed most, what weighs most, and what was done by hand."""
        missed = await self._gather(q.TopMissed(), q.decode_missed)
        largest = [found for some in await self._gather(q.Largest(), q.decode_found) for found in some]
        deeds = [deed for some in await self._gather(q.Deeds(), q.decode_deeds) for deed in some]
        return {
            "missed": merge_missed(missed),
            "largest": sorted(largest, key=lambda found: -found.weight)[:10],
            "deeds": sorted(deeds, key=lambda deed: -deed.at)[:MOST_SHOWN],
        }

    async def look_up(self, text: str) -> list[dict[str, Any]]:
        """Entries of all workers, each with its worker; then those that are in the shared store only, with none."""
        said = (await self._workers.ask(q.encode(q.LookUp(text)))).said
        kept = [(worker, found) for worker, answer in said.items() for found in q.decode_found(answer)]
        if self._has_shared:
            known = {(found.dataset, found.scope, found.key) for _, found in kept}
            stored = q.decode_found(await self._desk.answer(q.encode(q.LookUpStored(text))))
            kept += [("", found) for found in stored if (found.dataset, found.scope, found.key) not in known]
        return [{"worker": worker, "entry": found} for worker, found in kept][:MOST_SHOWN]

    async def try_terms(self, dataset: Dataset) -> dict[str, Any]:
        """A dataset's curve over all workers; each worker has a memory of its own, so their curves are added up."""
        said = (await self._workers.ask(q.encode(q.Try(dataset)), REPLAY_WITHIN_S)).said
        curves = [q.decode_curve(answer) for answer in said.values()]
        policy = self._policies[dataset]
        asked = sum(curve.asked for curve in curves)
        return {
            "dataset": dataset.value,
            "freshS": policy.fresh_s,
            "revalidateS": policy.stale_while_revalidate_s,
            "points": [_named(point) for point in merge_points([(c.points, c.asked) for c in curves])],
            "keys": sum(curve.keys for curve in curves),
            "questions": sum(curve.questions for curve in curves),
            "share": min((curve.share for curve in curves), default=1.0),
            "seconds": time.time() - min((curve.since for curve in curves), default=time.time()),
            "asked": asked,
            "measured": mean_rate([(curve.measured, curve.asked) for curve in curves]),
        }

    async def try_sizes(self, dataset: Dataset) -> dict[str, Any]:
        """A dataset's curve over sizes of memory, of all workers; sizes are of one worker."""
        said = (await self._workers.ask(q.encode(q.TrySizes(dataset)), REPLAY_WITHIN_S)).said
        curves = [q.decode_size_curve(answer) for answer in said.values()]
        rates = [(curve.measured, curve.asked) for curve in curves]
        all_rates = [(curve.all_measured, curve.asked) for curve in curves]
        return {
            "dataset": dataset.value,
            "maxBytes": curves[0].max_bytes,
            "maxEntries": curves[0].max_entries,
            "held": max(curve.held for curve in curves),
            "measured": mean_rate(rates),
            "replayed": mean_rate([(curve.replayed, curve.asked) for curve in curves]),
            "allMeasured": mean_rate(all_rates),
            "points": [name_size(point) for point in merge_sizes([(c.points, c.asked) for c in curves])],
        }

    async def purge(self, tags: tuple[str, ...], who: str) -> dict[str, Any]:
        """Purge in every worker here, and through the shared store, where there is one, on every machine."""
        self._record(who, f"purged {', '.join(tags)}", tags=tags)
        published = await self._tell(q.PurgeTags(tags, is_published=False))
        if self._has_shared:
            own = q.decode_done(await self._desk.answer(q.encode(q.PurgeTags(tags, is_published=True))))
            published["notes"] += [own.note] if own.note else []
        return published

    async def hold(self, source: str, operation: str, state: str, who: str) -> dict[str, Any]:
        """Tell every worker's breaker."""
        self._record(who, f"breaker of {operation}: {state}", source=source, operation=operation, state=state)
        return await self._tell(q.HoldBreaker(source, operation, state))

    async def _tell(self, question: q.Question) -> dict[str, Any]:
        answers = await self._workers.ask(q.encode(question))
        done = {worker: q.decode_done(answer) for worker, answer in answers.said.items()}
        notes = [f"worker {worker}: {said.note}" for worker, said in done.items() if said.note]
        notes += [f"worker {worker} did not answer" for worker in answers.silent]
        return {
            "done": sum(said.is_done for said in done.values()),
            "of": len(done) + len(answers.silent),
            "notes": notes,
        }

    def _record(self, who: str, what: str, **details: Any) -> None:
        """Before it is done: what was tried is on record even if it fails."""
        log.info("by hand", who=who, what=what, **details)
        self._desk.deeds.append(q.Deed(time.time(), who, what))

    async def _look(self) -> Look:
        answers = await self._workers.ask(q.encode(q.Figures()))
        readings = Readings(sample for answer in answers.said.values() for sample in q.decode_samples(answer))
        ran_s = time.time() - readings.number(v.STARTED) / max(1, len(answers.said))
        return Look(time.monotonic(), ran_s, readings, tuple(answers.said), answers.silent)

    async def _gather(self, question: q.Question, decode: Callable[[bytes], T]) -> list[T]:
        return [decode(answer) for answer in (await self._workers.ask(q.encode(question))).said.values()]


def draw_curve(steps: list[StepOf], name: str) -> dict[str, list[Any]]:
    """A source's last hour in columns, as the page's charts take them; None where nothing was asked."""
    parts = [step.parts.get(name, Part()) for step in steps]
    return {
        "at": [step.at for step in steps],
        "hit": [round(part.at_hand / part.asked, 4) if part.asked else None for part in parts],
        "stale": [round(part.stale / part.asked, 4) if part.asked else None for part in parts],
        "sent": [round(part.sent / STEP_S, 2) if name != RESPONSES else None for part in parts],
        "asked": [round(part.asked / STEP_S, 2) for part in parts],
    }


def merge_missed(by_worker: list[dict[str, list[tuple[str, int]]]]) -> dict[str, list[tuple[str, int]]]:
    """The counts of several workers added up, the ten highest of each dataset."""
    merged: dict[str, dict[str, int]] = {}
    for missed in by_worker:
        for dataset, top in missed.items():
            counts = merged.setdefault(dataset, {})
            for key, number in top:
                counts[key] = counts.get(key, 0) + number
    return {
        dataset: sorted(counts.items(), key=lambda kept: -kept[1])[:10] for dataset, counts in merged.items() if counts
    }


def mean_rate(rates: Sequence[tuple[float | None, int]]) -> float | None:
    """The rate of all workers, each weighed by what it was asked; None when none has one."""
    known = [(rate, max(1, asked)) for rate, asked in rates if rate is not None]
    whole = sum(asked for _, asked in known)
    return sum(rate * asked for rate, asked in known) / whole if known else None


def name_size(point: SizePoint) -> dict[str, float]:
    return {
        "factor": point.factor,
        "hitRate": round(point.hit_rate, 4),
        "allHitRate": round(point.all_hit_rate, 4),
        "sentPerSecond": round(point.sent_per_s, 3),
    }


def _named(point: Point) -> dict[str, float]:
    return {
        "freshS": point.fresh_s,
        "hitRate": round(point.hit_rate, 4),
        "oldShare": round(point.old_share, 4),
        "meanAgeS": round(point.mean_age_s, 2),
        "sentPerSecond": round(point.sent_per_s, 3),
    }


@asynccontextmanager
async def open_office(
    desk: Desk, folder: Path, policies: Mapping[Dataset, Policy], *, has_shared: bool
) -> AsyncIterator[Office]:
    """Sit down at the desk, and find the others."""
    async with desk.history.followed(), open_workers(folder, desk.answer) as workers:
        yield Office(desk, workers, policies, has_shared=has_shared)
