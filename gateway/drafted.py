"""Answers that show one customer's own: everything else in them is kept for all customers of a context.

Who asks first gets a page as always, and so does who asks soon after, of whose page a draft is kept. From
then on only what is the customer's own is asked for, for as long as the rest is true (`gateway/cache/response.py`).
Making a draft costs something, so none is made of what is asked for too seldom to need it twice.
"""

from collections.abc import Callable
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
"""Of so many answers it is known when they were asked for."""

WORTH_FILLINGS = 2
"""A draft that was filled in so often was worth making; so is the next."""

FIRST_GUESS_S = 2.0
"""How long a draft is thought to live before one did: as long as stock is fresh."""


class Meetings:
    """When which answers were asked for, and how long drafts of them lived: whether a draft is worth its making."""

    def __init__(self, most: int = MOST_MET) -> None:
        self._most = most
        self._met: dict[int, tuple[float, float]] = {}

    def is_worth_drafting(self, answer: int, now: float) -> bool:
        """Note that an answer is asked for now (seconds); True if the next two will come while a draft lives."""
        last, lives_s = self._met.pop(answer, (float("-inf"), FIRST_GUESS_S))
        if len(self._met) >= self._most:
            del self._met[next(iter(self._met))]
        self._met[answer] = now, lives_s
        return 2 * (now - last) <= lives_s

    def note_life(self, answer: int, lives_s: float) -> None:
        """A draft was made that lives so long."""
        met = self._met.get(answer)
        if met is not None:
            self._met[answer] = met[0], (met[1] + lives_s) / 2


class DraftedResponses:
    """Runs operations that are known to be private, from a draft where there is one."""

    def __init__(self, inner: Executor, responses: Responses, now: Callable[[], float]) -> None:
        self._inner = inner
        self._responses = responses
        self._now = now
        self._meetings = Meetings()

    def execute(self, facts: RequestFacts, context: Context, traits: DocumentTraits) -> Eventual[Result | Incremental]:
        """Fill in a draft, or run the operation, and keep a draft of it when it comes again."""
        if traits.has_no_draft:
            return self._inner.execute(facts, context)
        key = response_key(facts)
        draft = self._responses.find_draft(key, context.asker)
        if draft is not None:
            return self._inner.execute(replace(facts, draft=draft), context)
        answer = hash((context.asker.in_context, key))
        is_worth_it = self._meetings.is_worth_drafting(answer, self._now())
        if not is_worth_it and self._responses.times_filled(key, context.asker) < WORTH_FILLINGS:
            return self._inner.execute(facts, context)
        reads = context.asker.reads = self._responses.reads()
        sketch = Sketch(lambda: context.asker.personal_reads)
        outcome: Eventual[Any] = self._inner.execute(replace(facts, sketch=sketch), context)
        return then(outcome, partial(self._keep, key, answer, context, traits, reads, sketch))

    def _keep(
        self,
        key: ResponseKey,
        answer: int,
        context: Context,
        traits: DocumentTraits,
        reads: Reads,
        sketch: Sketch,
        result: Result | Incremental,
    ) -> Result | Incremental:
        traits.has_no_draft = sketch.is_hopeless
        if sketch.draft is not None:
            until = self._responses.keep_draft(key, context.asker, sketch.draft, reads, traits.shows)
            self._meetings.note_life(answer, 0.0 if until is None else until - self._now())
        return result
