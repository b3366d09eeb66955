"""The reference executor: graphql-core as it is."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from inspect import isawaitable
from typing import Any

import msgspec
from graphql import ExecutionResult, GraphQLSchema, experimental_execute_incrementally, subscribe
from graphql.execution import (
    ExperimentalIncrementalExecutionResults,
    IncrementalDeferResult,
    IncrementalStreamResult,
    PendingResult,
    SubsequentIncrementalExecutionResult,
)

from clients.eventual import Eventual
from gateway.http.ports import Completed, Increment, Incremental, Patch, Pending, RequestFacts, Result

_encode = msgspec.json.Encoder().encode


class GraphQLCoreExecutor:
    """Run prepared documents on graphql-core."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    def execute(self, facts: RequestFacts, context: Any) -> Eventual[Result | Incremental]:
        outcome: Eventual[ExecutionResult | ExperimentalIncrementalExecutionResults] = (
            experimental_execute_incrementally(
                self._schema, facts.prepared.document, hide_suggestions=True, **_arguments(facts, context)
            )
        )
        return _later(outcome) if isawaitable(outcome) else outcome_of(outcome)

    async def subscribe(self, facts: RequestFacts, context: Any) -> AsyncGenerator[Result, None] | Result:
        outcome = subscribe(self._schema, facts.prepared.document, hide_suggestions=True, **_arguments(facts, context))
        stream = await outcome if isawaitable(outcome) else outcome
        return _result(stream) if isinstance(stream, ExecutionResult) else _results(stream)


async def _later(
    outcome: Awaitable[ExecutionResult | ExperimentalIncrementalExecutionResults],
) -> Result | Incremental:
    return outcome_of(await outcome)


def _arguments(facts: RequestFacts, context: Any) -> Mapping[str, Any]:
    name = facts.operation.name
    return {
        "context_value": context,
        "variable_values": dict(facts.variables),
        "operation_name": name.value if name else None,
    }


def outcome_of(outcome: ExecutionResult | ExperimentalIncrementalExecutionResults) -> Result | Incremental:
    """Turn what graphql-core gives, whole or in parts, into what the front door takes."""
    if isinstance(outcome, ExecutionResult):
        return _result(outcome)
    first = outcome.initial_result
    return Incremental(
        Result(_encode(first.data), first.errors or ()),
        [_pending(item) for item in first.pending],
        _increments(outcome.subsequent_results),
    )


def _result(outcome: ExecutionResult) -> Result:
    errors = outcome.errors or ()
    began = outcome.data is not None or any(error.path for error in errors)
    return Result(_encode(outcome.data) if began else None, errors)


async def _results(stream: AsyncIterator[ExecutionResult]) -> AsyncGenerator[Result, None]:
    try:
        async for outcome in stream:
            yield _result(outcome)
    finally:
        await _close(stream)


async def _increments(stream: AsyncIterator[SubsequentIncrementalExecutionResult]) -> AsyncGenerator[Increment, None]:
    try:
        async for later in stream:
            yield Increment(
                pending=[_pending(item) for item in later.pending or ()],
                patches=[_patch(item) for item in later.incremental or ()],
                completed=[Completed(item.id, item.errors or ()) for item in later.completed or ()],
                has_next=later.has_next,
            )
    finally:
        await _close(stream)


async def _close(stream: AsyncIterator[Any]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()


def _pending(item: PendingResult) -> Pending:
    return Pending(item.id, item.path, item.label)


def _patch(item: IncrementalDeferResult | IncrementalStreamResult) -> Patch:
    sub_path, errors = item.sub_path or (), item.errors or ()
    if isinstance(item, IncrementalDeferResult):
        return Patch(item.id, data=_encode(item.data), sub_path=sub_path, errors=errors)
    return Patch(item.id, items=_encode(item.items), sub_path=sub_path, errors=errors)
