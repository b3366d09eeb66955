"""The response level in front of execution: a hot page is found whole, before any GraphQL work.

What may be kept is not decided here: the cache records what a request reads, and its policies say
for how long and for whom (`gateway/cache/response.py`).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from typing import Any, cast

from clients.eventual import Eventual, is_pending, then
from gateway.cache.reads import Reads
from gateway.cache.response import KeptResponse, Place, ResponseKey, Responses
from gateway.drafted import DraftedResponses
from gateway.http.documents import is_mutation
from gateway.http.envelope import read_data, write_result
from gateway.http.ports import Executor, Incremental, RequestFacts, Result
from gateway.http.terms import CacheTerms
from gateway.response_keys import DocumentTraits, response_key, traits_of
from resolvers.context import Context

PRIVATE = CacheTerms(0, is_private=True)


class RememberedResponses:
    """An executor that looks before it leaps."""

    def __init__(self, inner: Executor, responses: Responses, now: Callable[[], float]) -> None:
        self._inner = inner
        self._drafted = DraftedResponses(inner, responses, now)
        self._responses = responses
        self._now = now

    def execute(self, facts: RequestFacts, context: Context) -> Eventual[Result | Incremental]:
        """Answer from the response level, or run the operation and keep its answer if its reads allow it."""
        if facts.prepared.whole is not None or is_mutation(facts.operation):
            return self._inner.execute(facts, context)
        traits = traits_of(facts.prepared)
        if traits.is_private and facts.viewer.customer_id is not None:
            outcome: Eventual[Any] = self._drafted.execute(facts, context, traits)
            return then(outcome, mark_private)
        key = response_key(facts)
        kept = self._responses.find(key, context.asker)
        if kept is not None:
            return Result(read_data(kept.body), terms=self._terms(kept), kept=kept)
        reads = context.asker.reads = self._responses.reads()
        started = self._inner.execute(facts, context)
        if is_pending(started):
            return self._keep_later(key, context, traits, reads, started)
        return self._keep(key, context, traits, reads, started)

    def recall(self, place: Hashable) -> KeptResponse | None:
        """The answer that was found at a place before, if it may still be served; a `gateway.http.ports.Recall`."""
        return self._responses.find_at(cast("Place", place))

    def subscribe(self, facts: RequestFacts, context: Context) -> Awaitable[AsyncGenerator[Result, None] | Result]:
        """Start a subscription; what it says is never kept."""
        return self._inner.subscribe(facts, context)

    async def _keep_later(
        self,
        key: ResponseKey,
        context: Context,
        traits: DocumentTraits,
        reads: Reads,
        outcome: Awaitable[Result | Incremental],
    ) -> Result | Incremental:
        return self._keep(key, context, traits, reads, await outcome)

    def _keep(
        self, key: ResponseKey, context: Context, traits: DocumentTraits, reads: Reads, result: Result | Incremental
    ) -> Result | Incremental:
        if not isinstance(result, Result) or result.errors or result.data is None:
            return result
        if reads.is_private:
            traits.is_private = True
            return mark_private(result)
        body = write_result(result.data, ())
        if not self._responses.keep(key, context.asker, body, reads, traits.shows):
            return result
        left_s = max(0, int(reads.fresh_until - self._now()))
        return Result(result.data, terms=CacheTerms(left_s, tags=frozenset(reads.tags)))

    def _terms(self, kept: KeptResponse) -> CacheTerms:
        return CacheTerms(max(0, int(kept.fresh_until - self._now())), tags=kept.tags)


def mark_private(result: Result | Incremental) -> Result | Incremental:
    """An answer that caches before us must not keep."""
    return Result(result.data, result.errors, result.extensions, PRIVATE) if isinstance(result, Result) else result
