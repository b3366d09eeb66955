"""What the adapters of our own published contract share; the contract itself is `docs/contracts/`.

Every operation is a batch of keys or of queries. An answer to keys brings what is known, in any
order; an answer to queries brings one entry per query, in their order. Either way the answer is
decoded in one call, straight into values.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from clients.errors import InvalidSourceResponse, Outcomes, SourceError
from clients.http import UNDECODABLE, Upstream
from clients.scope import ForCustomer, InContext
from clients.values import Dataset, Freshness, Instant, Problem, Value

_ANYTHING: Final = msgspec.json.Decoder()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
A = TypeVar("A", bound="Answer")


class Answer(Value):
    """Any answer. `is_whole` is ours: False when entries that break the contract were left out."""

    observed_at: Instant
    is_whole: bool = msgspec.field(default=True, name="_isWhole")


@dataclass(frozen=True, slots=True)
class ContractAdapter:
    """What every adapter has: its upstream, and a clock that gives seconds since the epoch."""

    upstream: Upstream
    now: Callable[[], float]

    async def ping(self) -> None:
        """Ask for the system's health; raises a SourceError when it is not well."""
        await self.upstream.get("/health", _ANYTHING, operation="health")

    def received(self, answer: Answer, dataset: Dataset) -> Freshness:
        """The provenance of everything in one answer."""
        return Freshness(
            source=self.upstream.source, dataset=dataset, observed_at=answer.observed_at, received_at=self.now()
        )

    def broken(self, detail: str) -> InvalidSourceResponse:
        """The error for an answer that breaks the contract; `detail` is for logs."""
        return InvalidSourceResponse(self.upstream.source, detail)

    def known(self, answer: Answer, keys: Sequence[K], found: Mapping[K, V]) -> dict[K, V | SourceError]:
        """What was asked for and nothing else. A key is absent only if the answer was whole."""
        outcomes: dict[K, V | SourceError] = {key: found[key] for key in keys if key in found}
        if not answer.is_whole:
            error = self.broken("an entry of the answer breaks the contract")
            outcomes |= dict.fromkeys((key for key in keys if key not in found), error)
        return outcomes

    def in_order(self, keys: Sequence[K], entries: Sequence[V]) -> "zip[tuple[K, V]]":
        """Queries beside their entries; raises InvalidSourceResponse when their numbers differ."""
        if len(keys) != len(entries):
            raise self.broken(f"expected {len(keys)} entries, got {len(entries)}")
        return zip(keys, entries, strict=True)


async def in_batches(
    keys: Sequence[K], limit: int, fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V | SourceError]]]
) -> Outcomes[K, V]:
    """Ask for distinct keys, at most `limit` in one call, all calls at once.

    A call that fails fails its own keys only: the error becomes their value.
    """
    distinct = list(dict.fromkeys(keys))
    if len(distinct) <= limit:
        return await _or_error(distinct, fetch) if distinct else {}
    async with asyncio.TaskGroup() as group:
        calls = [
            group.create_task(_or_error(distinct[start : start + limit], fetch))
            for start in range(0, len(distinct), limit)
        ]
    return {key: outcome for call in calls for key, outcome in call.result().items()}


async def _or_error(
    keys: Sequence[K], fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V | SourceError]]]
) -> Mapping[K, V | SourceError]:
    try:
        return await fetch(keys)
    except SourceError as error:
        return dict.fromkeys(keys, error)


def in_context(scope: InContext | ForCustomer) -> dict[str, object]:
    """The part of a request that says where, through what, in which currency and language one shops."""
    return {
        "localityId": scope.locality_id,
        "channel": scope.channel,
        "currency": scope.currency,
        "language": scope.language,
    }


def for_customer(scope: ForCustomer) -> dict[str, object]:
    """The same, and who asks; null for an anonymous visitor."""
    return {**in_context(scope), "customerId": scope.customer_id}


class BatchDecoder(Generic[A]):
    """Decodes an answer to keys; one broken entry costs itself, not the batch that it is in.

    The whole answer is decoded in one go. Only when that fails are the entries of `items` looked
    at one by one; those that break the contract are left out and the answer is not whole.
    """

    def __init__(self, answer: type[A], items: str, item: Any) -> None:
        self._answer = msgspec.json.Decoder(answer)
        self._item = msgspec.json.Decoder(item)
        self._items = items

    def decode(self, buf: bytes, /) -> A:
        """Raises one of `UNDECODABLE` when more is wrong than some entries."""
        try:
            return self._answer.decode(buf)
        except msgspec.ValidationError:
            parts = _PARTS.decode(buf)
            entries = _ENTRIES.decode(parts[self._items]) if self._items in parts else []
            sound = [entry for entry in entries if self._is_sound(entry)]
            if len(sound) == len(entries):
                raise
            parts[self._items] = msgspec.Raw(b"[" + b",".join(sound) + b"]")
            parts["_isWhole"] = msgspec.Raw(b"false")
            return self._answer.decode(msgspec.json.encode(parts))

    def _is_sound(self, entry: msgspec.Raw) -> bool:
        try:
            self._item.decode(entry)
        except UNDECODABLE:
            return False
        return True


_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENTRIES: Final = msgspec.json.Decoder(list[msgspec.Raw])


class _ProblemCode(msgspec.Struct, frozen=True):
    code: Problem


class _MayBeProblem(msgspec.Struct, frozen=True):
    problem: _ProblemCode | None = None


_MAY_BE_PROBLEM: Final = msgspec.json.Decoder(_MayBeProblem)


class EntryDecoder(Generic[K, V]):
    """Decodes an answer to queries: for each the value, or the problem with the query.

    Both are JSON objects without a mark to tell them apart, so an entry is first read for its
    `problem` alone, which skips over everything else. `objection` says what in a value
    contradicts its query, None when nothing does.
    """

    def __init__(
        self, value: type[V], refused: Callable[[K, Problem], V], objection: Callable[[K, V], str | None]
    ) -> None:
        self._value = msgspec.json.Decoder(value)
        self._refused = refused
        self._objection = objection

    def decode_all(
        self, adapter: ContractAdapter, keys: Sequence[K], entries: Sequence[msgspec.Raw]
    ) -> dict[K, V | SourceError]:
        """One outcome per query; a broken entry is an error of its own query only."""
        return {key: self._decode(adapter, key, entry) for key, entry in adapter.in_order(keys, entries)}

    def _decode(self, adapter: ContractAdapter, key: K, entry: msgspec.Raw) -> V | SourceError:
        try:
            problem = _MAY_BE_PROBLEM.decode(entry).problem
            if problem is not None:
                return self._refused(key, problem.code)
            value = self._value.decode(entry)
        except UNDECODABLE as error:
            return adapter.broken(f"an entry: {error}")
        objection = self._objection(key, value)
        return value if objection is None else adapter.broken(objection)


def too_many(got: Sequence[object], first: int) -> str | None:
    """The objection to a page that is longer than was asked for: its cost was never agreed to."""
    return None if len(got) <= first else f"expected at most {first} entries in a page, got {len(got)}"
