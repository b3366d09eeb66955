"""The executor behind the front door: whatever it takes to turn a prepared document into bytes."""

from collections.abc import AsyncGenerator
from typing import Any

from graphql import GraphQLError

from clients.errors import SourceError
from clients.eventual import Eventual, is_pending, then
from clients.geo.protocol import Locality
from gateway.http.ports import Executor, Incremental, RequestFacts, Result
from resolvers.context import Context
from resolvers.refusals import BadInput
from resolvers.shopper import names_locality


class LocalityChecked:
    """Refuses operations for a locality that does not exist, before anything else is asked.

    While the geo system is down an unknown locality is taken on trust: the page matters more.
    """

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def execute(self, facts: RequestFacts, context: Context) -> Eventual[Result | Incremental]:
        """Run a query or a mutation."""
        if not names_locality(facts.operation, facts.variables):
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

    def _go_on(self, found: Any, facts: RequestFacts, context: Context) -> Eventual[Result | Incremental]:
        return unknown_locality() if found is None else self._inner.execute(facts, context)


def unknown_locality() -> Result:
    """The answer to an operation for a place that no one knows."""
    error = BadInput("Expected `locality` to be the id of a known locality, got an unknown one.")
    return Result(None, [GraphQLError(str(error), original_error=error)])
