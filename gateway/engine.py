"""The executors behind the front door: plans where there is one, graphql-core where there is none."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from clients.errors import SourceError
from clients.eventual import Eventual, is_pending, then
from clients.geo.protocol import Locality
from gateway.execution import NotCompiled, Plan, Request, Written, compile_plan
from gateway.http.ports import Executor, Incremental, RequestFacts, Result
from gateway.http.reference import GraphQLCoreExecutor, outcome_of
from resolvers.context import Context
from resolvers.refusals import BadInput
from resolvers.shopper import names_locality


class PlannedExecutor:
    """Runs each operation by its plan, which lives as long as the prepared document.

    What cannot be planned runs on graphql-core; `fallbacks` counts that by reason.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._reference = GraphQLCoreExecutor(schema)
        self.fallbacks: Counter[str] = Counter()

    def execute(self, facts: RequestFacts, context: Any) -> Eventual[Result | Incremental]:
        """Run a query or a mutation; answers at once when everything is at hand."""
        plan = self._plan(facts)
        if plan is None:
            return self._reference.execute(facts, context)
        request = Request(
            context_value=context, variable_values=facts.variables, hide_suggestions=True, sketch=facts.sketch
        )
        if facts.draft is not None:
            return then(facts.draft.fill(request), lambda filled: _whole(filled, plan, request))
        if facts.prepared.whole is not None:  # it increments, and the client takes parts
            return then(plan.execute(request), outcome_of)
        written: Eventual[Any] = plan.write(request)
        return then(written, read_written)

    def subscribe(self, facts: RequestFacts, context: Any) -> Awaitable[AsyncGenerator[Result, None] | Result]:
        """Start a subscription, which graphql-core runs."""
        return self._reference.subscribe(facts, context)

    def _plan(self, facts: RequestFacts) -> Plan | None:
        name = facts.operation.name.value if facts.operation.name else None
        compiled = facts.prepared.compiled
        if name not in compiled:
            try:
                compiled[name] = compile_plan(self._schema, facts.prepared.document, name)
            except NotCompiled as refusal:
                compiled[name] = refusal
        plan = compiled[name]
        if isinstance(plan, NotCompiled):
            self.fallbacks[plan.reason] += 1
            return None
        return plan if isinstance(plan, Plan) else None


def _whole(filled: Written | None, plan: Plan, request: Request) -> Eventual[Result | Incremental]:
    """A draft that was filled in; executed anew if it could not be."""
    return read_written(filled) if filled is not None else then(plan.write(request), read_written)


def read_written(written: Written | Any) -> Result | Incremental:
    """What the engine wrote, as the front door takes it.

    Null without any path among its errors means that execution never began.
    """
    if not isinstance(written, Written):
        incremental: Result | Incremental = outcome_of(written)
        return incremental
    errors = written.errors or ()
    began = written.data != b"null" or not errors or any(error.path for error in errors)
    return Result(written.data if began else None, errors)


class LocalityChecked:
    """Refuses operations for a locality that does not exist, before anything else is asked.

    While the geo system is down an unknown locality is taken on trust: the page matters more. One
    that exists is not looked up again, for as long as the process lives: towns do not go away.
    """

    def __init__(self, inner: Executor) -> None:
        self._inner = inner
        self._existing: set[str] = set()

    def execute(self, facts: RequestFacts, context: Context) -> Eventual[Result | Incremental]:
        """Run a query or a mutation."""
        if context.shopper.locality_id in self._existing or not names_locality(facts.operation, facts.variables):
            return self._inner.execute(facts, context)
        return then(self._find(context), lambda found: self._go_on(found, facts, context))

    async def subscribe(self, facts: RequestFacts, context: Context) -> AsyncGenerator[Result, None] | Result:
        """Start a subscription."""
        if names_locality(facts.operation, facts.variables):
            looked = self._find(context)
            if (await looked if is_pending(looked) else looked) is None:
                return unknown_locality()
        return await self._inner.subscribe(facts, context)

    @staticmethod
    def _find(context: Context) -> Eventual[Locality | SourceError | None]:
        return context.loaders.localities.load(context.shopper.locality_id)

    def _go_on(
        self, found: Locality | SourceError | None, facts: RequestFacts, context: Context
    ) -> Eventual[Result | Incremental]:
        if found is None:
            return unknown_locality()
        if isinstance(found, Locality):
            self._existing.add(found.id)
        return self._inner.execute(facts, context)


def unknown_locality() -> Result:
    """The answer to an operation for a place that no one knows."""
    error = BadInput("Expected `locality` to be the id of a known locality, got an unknown one.")
    return Result(None, [GraphQLError(str(error), original_error=error)])
