"""From what a client asked to an answer, whichever way it travels: HTTP, server-sent events or a socket."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import msgspec
from graphql import GraphQLSchema
from graphql.language import Node, OperationDefinitionNode, VariableDefinitionNode

from clients.eventual import Eventual, is_pending
from clients.http import CallTerms, call_terms, shopper_address
from gateway.http.coercion import explain_variables
from gateway.http.documents import Prepared, is_mutation, is_subscription
from gateway.http.envelope import write_result
from gateway.http.errors import Code, Entry, Refused, codes_of, describe
from gateway.http.lookup import Lookup
from gateway.http.params import Params
from gateway.http.ports import (
    Executor,
    Incremental,
    Journal,
    KeptAnswer,
    MakeContext,
    Permissions,
    Quota,
    Recall,
    RequestFacts,
    Result,
)
from gateway.http.rules import EdgeRules
from gateway.http.ways import Way
from resolvers.context import Viewer

WRITING_S = 0.1
"""What writing a page may take at the end of its time."""


class Visit(msgspec.Struct, frozen=True):
    """Who came, by which way: `is_safe` for a request that may only read, `takes_parts` when it reads increments."""

    request_id: str
    viewer: Viewer
    headers: Mapping[bytes, bytes]
    client: str
    is_safe: bool = False
    takes_parts: bool = False


class Written(msgspec.Struct, frozen=True):
    """A result as bytes; `began` is False when the request was refused by the executor."""

    body: bytes
    codes: tuple[str, ...]
    began: bool


class Operations:
    """Run operations of one schema under one set of rules."""

    def __init__(  # noqa: PLR0913 - the rooms that an operation passes through
        self,
        *,
        schema: GraphQLSchema,
        lookup: Lookup,
        executor: Executor,
        make_context: MakeContext,
        rules: EdgeRules,
        journal: Journal,
        quota: Quota | None = None,
        permissions: Permissions | None = None,
        recall: Recall | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._schema = schema
        self._lookup = lookup
        self._executor = executor
        self._make_context = make_context
        self._rules = rules
        self._journal = journal
        self._quota = quota
        self._permissions = permissions
        self._recall = recall
        self._wall_clock = wall_clock

    async def find(self, params: Params, visit: Visit) -> Prepared:
        """Find the document that a client means, if the client may ask at all; raises Refused."""
        await self._admit(visit)
        found = self._lookup.find(params)
        return found if isinstance(found, Prepared) else await found

    async def prepare(self, params: Params, prepared: Prepared, visit: Visit) -> RequestFacts:
        """Check all that can be checked before execution; raises Refused."""
        return await self._prepare(prepared, params.operation_name, params.variables or {}, visit)

    async def resume(self, way: Way, visit: Visit) -> RequestFacts | None:
        """Find and prepare what a way leads to; None when its document is forgotten. Raises Refused."""
        prepared = way.prepared()
        if prepared is None or not self._lookup.keep_in_use(prepared):
            return None
        await self._admit(visit)
        return await self._prepare(prepared, way.operation, way.variables, visit)

    async def _admit(self, visit: Visit) -> None:
        if self._quota is not None:
            admitted = self._quota.admit(visit.viewer.customer_id, visit.client)
            if admitted is not None:
                await admitted

    async def _prepare(
        self, prepared: Prepared, name: str | None, variables: Mapping[str, Any], visit: Visit
    ) -> RequestFacts:
        operation = prepared.operation(name)
        self._refuse_closed(prepared, operation, visit)
        if self._permissions is not None:
            self._permissions.check(prepared, operation, visit.viewer)
        cost = prepared.demand.weigh(operation, variables)
        if prepared.whole is not None and not visit.takes_parts:
            prepared = prepared.whole
            operation = prepared.operation(name)
            cost = prepared.demand.cost(operation, variables)
        facts = RequestFacts(
            request_id=visit.request_id,
            viewer=visit.viewer,
            headers=visit.headers,
            client=visit.client,
            prepared=prepared,
            operation=operation,
            variables=variables,
            received_at=self._wall_clock(),
            deadline=asyncio.get_running_loop().time() + self._time_s(is_mutation(operation), visit.headers),
            cost=cost,
        )
        if self._quota is not None:
            charged = self._quota.charge(visit.viewer.customer_id, visit.client, cost)
            if charged is not None:
                await charged
        return facts

    async def recall(self, way: Way, viewer: Viewer, client: str) -> KeptAnswer | None:
        """The kept answer at the end of a way; None when it is not there any more.

        Whoever is answered so is counted, checked and charged as for any answer; raises Refused.
        """
        prepared = way.prepared()
        if self._recall is None or prepared is None or not self._lookup.keep_in_use(prepared):
            return None
        kept = self._recall(way.place)
        if kept is None:
            return None
        if self._quota is not None:
            admitted = self._quota.admit(viewer.customer_id, client)
            if admitted is not None:
                await admitted
        operation = prepared.operation(way.operation)
        if self._permissions is not None:
            self._permissions.check(prepared, operation, viewer)
        cost = prepared.demand.weigh(operation, way.variables)
        if self._quota is not None:
            charged = self._quota.charge(viewer.customer_id, client, cost)
            if charged is not None:
                await charged
        return kept

    def _refuse_closed(self, prepared: Prepared, operation: OperationDefinitionNode, visit: Visit) -> None:
        if visit.is_safe and (is_mutation(operation) or is_subscription(operation)):
            raise Refused(
                Code.METHOD_NOT_ALLOWED,
                "Expected a query in a GET request; other operations are sent with POST.",
                headers=((b"allow", b"POST"),),
            )
        if prepared.introspects and not self._rules.introspection:
            raise Refused(Code.INTROSPECTION_DISABLED, "Expected no __schema and no __type; introspection is off here.")

    def execute(self, facts: RequestFacts) -> Eventual[Result | Incremental]:
        """Run a query or mutation; the awaitable raises Refused when the time is up."""
        call_terms.set(CallTerms(deadline=decide_sources_deadline(facts.deadline, asyncio.get_running_loop().time())))
        shopper_address.set(facts.client)
        outcome = self._executor.execute(facts, self._make_context(facts))
        return self._in_time(outcome, facts.deadline) if is_pending(outcome) else outcome

    async def subscribe(self, facts: RequestFacts) -> AsyncGenerator[Result, None] | Result:
        """Start a subscription; a Result says why it could not be started."""
        shopper_address.set(facts.client)
        return await self._executor.subscribe(facts, self._make_context(facts))

    def write(self, facts: RequestFacts, result: Result) -> Written:
        """Write a whole result; faults in it go to the journal and are masked."""
        if result.kept is not None:
            return Written(result.kept.body, (), began=True)
        entries = self.entries(facts, result) if result.errors else []
        body = write_result(result.data, entries, result.extensions)
        return Written(body, codes_of(entries) if entries else (), began=result.data is not None)

    def entries(self, facts: RequestFacts, result: Result) -> list[Entry]:
        """Shape the errors of a result."""
        if result.data is None and any(_is_of_variables(error.nodes) for error in result.errors):
            return explain_variables(self._schema, facts.operation, facts.variables)
        entries = []
        for error in result.errors:
            entry, fault = describe(error, facts.request_id)
            if fault is not None:
                self._journal.fault(facts.request_id, name_of(facts), fault)
            entries.append(entry)
        return entries

    def fault(self, facts: RequestFacts, fault: BaseException) -> None:
        """Tell the journal about a fault that ended a stream."""
        self._journal.fault(facts.request_id, name_of(facts), fault)

    async def _in_time(self, outcome: Awaitable[Result | Incremental], deadline: float) -> Result | Incremental:
        try:
            async with asyncio.timeout_at(deadline):
                return await outcome
        except TimeoutError:
            raise Refused(
                Code.DEADLINE_EXCEEDED, "Expected the operation to end within its time; it did not."
            ) from None

    def _time_s(self, mutates: bool, headers: Mapping[bytes, bytes]) -> float:  # noqa: FBT001
        most = self._rules.mutation_deadline_s if mutates else self._rules.query_deadline_s
        wanted = headers.get(b"x-request-deadline-ms")
        return most if wanted is None or not wanted.isdigit() else min(most, int(wanted[:9]) / 1000)


def decide_sources_deadline(deadline: float, now: float) -> float:
    """When sources must have answered for a page to be written by its deadline; all on the loop's clock.

    Both ending at once, a page would be refused for one field that was late. Of a short time at most
    a quarter is kept back.
    """
    return deadline - min(WRITING_S, max(0.0, deadline - now) / 4)


def name_of(facts: RequestFacts | None) -> str | None:
    return facts.operation.name.value if facts and facts.operation.name else None


def _is_of_variables(nodes: list[Node] | None) -> bool:
    return nodes is not None and isinstance(nodes[0], VariableDefinitionNode)
