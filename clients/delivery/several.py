"""Several carriers as one delivery system: one list, whoever of them answers.

A carrier that fails is named in a promise's `failures`, and the others' methods stand. Only when all
of them fail is there no promise. A page of places has no room for failures: it shows what the others
have, and its cursor remembers where each carrier is, so that the next page goes on with all of them.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import msgspec

from clients.delivery.protocol import (
    Delivery,
    DeliveryPromise,
    Location,
    LocationEntry,
    LocationQuery,
    LocationsFound,
    MethodPromise,
    PromiseKey,
    SourceFailure,
)
from clients.errors import Outcomes, SourceError, SourceTimeout
from clients.http import call_terms
from clients.scope import InContext, Public
from clients.values import LAST_PAGE, DataSource, DeliveryMethod, Page, Problem

K = TypeVar("K")
V = TypeVar("V")


RESERVE_S: Final = 0.2
"""What is kept back of the time that a load may take, for what the others said."""


class Carrying(Delivery, Protocol):
    """A delivery system that can be asked how it is."""

    async def ping(self) -> None:
        """Raise a SourceError when the system is not well."""
        ...


@dataclass(frozen=True, slots=True)
class Carrier:
    """One of several; `title` names it to shoppers when it fails."""

    title: str | None
    delivery: Carrying


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where each carrier's list is: after which of its own cursors the next page begins."""

    after: tuple[str | None, ...]


_CURSOR: Final = msgspec.json.Decoder(_Cursor)


class BadCursor(ValueError):
    """A cursor that is none of ours, or of other carriers."""


class SeveralDelivery:
    """Fulfils `clients.delivery.protocol.Delivery` with all of its carriers at once, the first one first."""

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        self._carriers = tuple(carriers)

    async def ping(self) -> None:
        """Ask all; raises a SourceError when none of them is well."""
        pings = (carrier.delivery.ping() for carrier in self._carriers)
        outcomes = await asyncio.gather(*pings, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, SourceError):
                raise outcome
        failed = [outcome for outcome in outcomes if isinstance(outcome, SourceError)]
        if len(failed) == len(outcomes):
            raise failed[0]

    async def fetch_promises(
        self, keys: Sequence[PromiseKey], scope: InContext
    ) -> Outcomes[PromiseKey, DeliveryPromise]:
        """Per method the soonest date and the least cost of all carriers that answered."""
        if not keys:
            return {}
        answers = await self._ask_all(lambda delivery: delivery.fetch_promises(keys, scope), keys)
        merged = {key: self._merge(key, [answer.get(key) for answer in answers], scope.currency) for key in keys}
        return {key: outcome for key, outcome in merged.items() if outcome is not None}

    def _merge(
        self, key: PromiseKey, outcomes: Sequence[DeliveryPromise | SourceError | None], currency: str
    ) -> DeliveryPromise | SourceError | None:
        promises = [outcome for outcome in outcomes if isinstance(outcome, DeliveryPromise)]
        failed = [
            (carrier.title, outcome)
            for carrier, outcome in zip(self._carriers, outcomes, strict=True)
            if isinstance(outcome, SourceError)
        ]
        if not promises:
            return failed[0][1] if failed else None
        told = [failure for promise in promises for failure in promise.failures]
        return DeliveryPromise(
            sku=key.sku,
            methods=merge_methods([method for promise in promises for method in promise.methods], currency),
            failures=(*told, *(describe(title, error) for title, error in failed)),
            freshness=min((promise.freshness for promise in promises), key=lambda freshness: freshness.received_at),
        )

    async def fetch_locations(self, keys: Sequence[str], scope: Public) -> Outcomes[str, Location]:
        """Each place from the carrier that knows it; one that nobody knows is absent only if everybody was asked."""
        if not keys:
            return {}
        answers = await self._ask_all(lambda delivery: delivery.fetch_locations(keys, scope), keys)
        found: dict[str, Location | SourceError] = {}
        for answer in reversed(answers):
            found |= {key: outcome for key, outcome in answer.items() if isinstance(outcome, SourceError)}
        for answer in reversed(answers):
            found |= {key: outcome for key, outcome in answer.items() if not isinstance(outcome, SourceError)}
        return found

    async def search_locations(
        self, keys: Sequence[LocationQuery], scope: Public
    ) -> Outcomes[LocationQuery, LocationsFound]:
        """One list: nearest first when a point is given, else carrier after carrier."""
        pages = await asyncio.gather(*(self._search(query, scope) for query in dict.fromkeys(keys)))
        return dict(zip(dict.fromkeys(keys), pages, strict=True))

    async def _search(self, query: LocationQuery, scope: Public) -> LocationsFound | SourceError:
        try:
            after = self._read(query.after)
        except BadCursor:
            return refused(Problem.BAD_CURSOR)
        asked = [msgspec.structs.replace(query, after=cursor) for cursor in after]
        answers = await asyncio.gather(
            *(
                ask(carrier.delivery.search_locations([one], scope), [one])
                for carrier, one in zip(self._carriers, asked, strict=True)
            )
        )
        outcomes = [answer.get(one) for answer, one in zip(answers, asked, strict=True)]
        pages = [outcome if isinstance(outcome, LocationsFound) else None for outcome in outcomes]
        problem = next((page.problem for page in pages if page is not None and page.problem), None)
        if problem is not None:
            return refused(problem)
        if not any(pages):
            return next((outcome for outcome in outcomes if isinstance(outcome, SourceError)), refused_none())
        return merge_pages(pages, after, query)

    def _read(self, cursor: str | None) -> tuple[str | None, ...]:
        """Every carrier's own cursor; none of them has one on the first page."""
        if cursor is None:
            return (None,) * len(self._carriers)
        try:
            after = _CURSOR.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)).after
        except (msgspec.DecodeError, binascii.Error, ValueError):
            raise BadCursor from None
        if len(after) != len(self._carriers):
            raise BadCursor
        return after

    async def _ask_all(
        self, question: Callable[[Delivery], Awaitable[Mapping[K, V | SourceError]]], keys: Sequence[K]
    ) -> Sequence[Mapping[K, V | SourceError]]:
        return await asyncio.gather(*(ask(question(carrier.delivery), keys) for carrier in self._carriers))


async def ask(answer: Awaitable[Mapping[K, V | SourceError]], keys: Sequence[K]) -> Mapping[K, V | SourceError]:
    """One carrier's answer, a little before the caller gives up on all of them; its error is the value of every key."""
    try:
        async with asyncio.timeout_at(last_moment(asyncio.get_running_loop().time(), call_terms.get().deadline)):
            return await answer
    except TimeoutError:
        return dict.fromkeys(keys, SourceTimeout(DataSource.DELIVERY, "the others were not made to wait for it"))
    except SourceError as error:
        return dict.fromkeys(keys, error)


def last_moment(now: float, deadline: float | None) -> float | None:
    """When a carrier must have answered for the others to be heard: `RESERVE_S` early, or a quarter of the rest."""
    return None if deadline is None else deadline - min(RESERVE_S, max(0.0, deadline - now) / 4)


def describe(title: str | None, error: SourceError) -> SourceFailure:
    """A carrier's failure in words for the shopper."""
    wait_s = None if error.retry_after_s is None else int(-(-error.retry_after_s // 1))
    return SourceFailure(code=error.code, provider=title, retry_after_seconds=wait_s)


def merge_methods(methods: Sequence[MethodPromise], currency: str) -> tuple[MethodPromise, ...]:
    """One promise per method, soonest first. Costs are compared in one currency: the context's where there is one."""
    by_method: dict[DeliveryMethod, list[MethodPromise]] = {}
    for method in methods:
        by_method.setdefault(method.method, []).append(method)
    return tuple(sorted((_merge_method(some, currency) for some in by_method.values()), key=lambda one: one.earliest))


def _merge_method(some: Sequence[MethodPromise], currency: str) -> MethodPromise:
    soonest = min(some, key=lambda one: one.earliest)
    counts = [one.location_count for one in some if one.location_count is not None]
    codes = [one.cost_from.currency_code for one in some]
    shown = currency if currency in codes else codes[0]
    costs = [one.cost_from for one in some if one.cost_from.currency_code == shown]
    return msgspec.structs.replace(
        soonest,
        cost_from=min(costs, key=lambda cost: cost.amount),
        location_count=sum(counts) if len(counts) == len(some) else None,
    )


def merge_pages(
    pages: Sequence[LocationsFound | None], after: Sequence[str | None], query: LocationQuery
) -> LocationsFound:
    """The first entries of all pages; each one's cursor says how far every carrier's list is read up to it."""
    candidates = [
        (0 if query.near is None else entry.distance or 0, number, place, entry)
        for number, page in enumerate(pages)
        if page is not None
        for place, entry in enumerate(page.entries)
    ]
    taken = sorted(candidates, key=lambda candidate: candidate[:3])[: query.first]
    read = list(after)
    entries: list[LocationEntry] = []
    for _, number, _, entry in taken:
        read[number] = entry.cursor
        cursor = base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(tuple(read)))).decode().rstrip("=")
        entries.append(msgspec.structs.replace(entry, cursor=cursor))
    there = [page for page in pages if page is not None]
    places = {place.id: place for page in reversed(there) for place in page.locations}
    is_more = len(taken) < len(candidates) or any(page.page.has_next_page for page in there)
    return LocationsFound(
        entries=tuple(entries),
        locations=tuple(places[entry.location_id] for entry in entries),
        total_count=sum(page.total_count for page in there),
        page=Page(
            has_next_page=is_more,
            has_previous_page=query.after is not None,
            start_cursor=entries[0].cursor if entries else None,
            end_cursor=entries[-1].cursor if entries else query.after,
        ),
    )


def refused(problem: Problem) -> LocationsFound:
    """A page that says only why there is none."""
    return LocationsFound(entries=(), locations=(), total_count=0, page=LAST_PAGE, problem=problem)


def refused_none() -> LocationsFound:
    """An empty page: nobody failed, and nobody has a page."""
    return LocationsFound(entries=(), locations=(), total_count=0, page=LAST_PAGE)
