"""Answers that come in several payloads: increments of one result, and results of a subscription."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from gateway.http.envelope import write_result
from gateway.http.errors import Code, Entry, entry_of, fault_entry
from gateway.http.negotiation import Increments
from gateway.http.operations import Operations
from gateway.http.parts import PartWriter
from gateway.http.ports import Incremental, RequestFacts, Result


async def deliver_increments(
    operations: Operations, facts: RequestFacts, incremental: Incremental, style: Increments
) -> AsyncGenerator[bytes, None]:
    """Yield the payloads of an incremental answer; what is not there at the deadline has failed."""
    writer = PartWriter(style, lambda result: operations.entries(facts, result))
    async with aclosing(incremental.rest) as rest:
        yield writer.first(incremental)
        try:
            async with asyncio.timeout_at(facts.deadline):
                async for increment in rest:
                    yield writer.later(increment)
        except TimeoutError:
            yield writer.failed([entry_of(Code.DEADLINE_EXCEEDED, "Expected all parts within the time; some are not.")])
        except Exception as fault:  # noqa: BLE001
            yield writer.failed([_masked(operations, facts, fault)])


async def deliver_result(operations: Operations, facts: RequestFacts, result: Result) -> AsyncGenerator[bytes, None]:
    """Yield one payload."""
    yield operations.write(facts, result).body


async def deliver_results(
    operations: Operations, facts: RequestFacts, results: AsyncGenerator[Result, None]
) -> AsyncGenerator[bytes, None]:
    """Yield one payload per result; a source of events that breaks ends with an error, not with silence."""
    async with aclosing(results) as coming:
        try:
            async for result in coming:
                yield operations.write(facts, result).body
        except Exception as fault:  # noqa: BLE001
            yield write_result(None, [_masked(operations, facts, fault)])


def _masked(operations: Operations, facts: RequestFacts, fault: Exception) -> Entry:
    operations.fault(facts, fault)
    return fault_entry(facts.request_id)
