"""Answers that show one customer's own: everything else in them is kept for all customers of a context.

The first who asks gets a page as always, and so does the second, of whose page a draft is kept. From then
on only what is the customer's own is asked for, for as long as the rest is true (`gateway/cache/response.py`).
"""

from functools import partial
from typing import Any

from msgspec.structs import replace

from clients.eventual import Eventual, then
from gateway.cache.reads import Reads
from gateway.cache.response import ResponseKey, Responses
from gateway.execution import Sketch
from gateway.http.ports import Executor, Incremental, RequestFacts, Result
from gateway.response_keys import DocumentTraits, response_key
from resolvers.context import Context

MOST_MET = 4096
"""Of so many answers it is known that they were asked for once."""


class DraftedResponses:
    """Runs operations that are known to be private, from a draft where there is one."""

    def __init__(self, inner: Executor, responses: Responses) -> None:
        self._inner = inner
        self._responses = responses
        self._met: dict[int, None] = {}

    def execute(self, facts: RequestFacts, context: Context, traits: DocumentTraits) -> Eventual[Result | Incremental]:
        """Fill in a draft, or run the operation, and keep a draft of it when it comes again."""
        if traits.has_no_draft:
            return self._inner.execute(facts, context)
        key = response_key(facts)
        draft = self._responses.find_draft(key, context.asker)
        if draft is not None:
            return self._inner.execute(replace(facts, draft=draft), context)
        if not self._met_again(key, context):
            return self._inner.execute(facts, context)
        reads = context.asker.reads = self._responses.reads()
        sketch = Sketch(lambda: context.asker.personal_reads)
        outcome: Eventual[Any] = self._inner.execute(replace(facts, sketch=sketch), context)
        return then(outcome, partial(self._keep, key, context, traits, reads, sketch))

    def _keep(
        self,
        key: ResponseKey,
        context: Context,
        traits: DocumentTraits,
        reads: Reads,
        sketch: Sketch,
        result: Result | Incremental,
    ) -> Result | Incremental:
        traits.has_no_draft = sketch.is_hopeless
        if sketch.draft is not None:
            self._responses.keep_draft(key, context.asker, sketch.draft, reads, tells_ages=traits.tells_ages)
        return result

    def _met_again(self, key: ResponseKey, context: Context) -> bool:
        """Whether somebody asked for this before; what is asked for once is not worth a draft."""
        place = hash((context.asker.in_context, key))
        if place in self._met:
            return True
        if len(self._met) >= MOST_MET:
            del self._met[next(iter(self._met))]
        self._met[place] = None
        return False
