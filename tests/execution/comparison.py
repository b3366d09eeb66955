"""Two executors on the same world: what each answered, in a form that can be compared."""

import asyncio
import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import graphql

from gateway.execution import Execution
from tests.execution.worlds import World

ADDRESS = re.compile("0x[0-9a-f]+")
MOST_TURNS = 20_000
"""Turns of the loop. Nothing in a world takes time, and the longest of 3,000 took 77; seconds depend on the machine."""
HANGS = "hangs"


def told(result: Any) -> Any:
    """A result with everything that a client or a log could see, in order."""
    errors = [
        (
            ADDRESS.sub("0x", e.message),
            e.path,
            [tuple(loc) for loc in e.locations or []],
            type(e.original_error).__name__,
            e.extensions,
        )
        for e in result.errors or []
    ]
    return ADDRESS.sub("0x", json.dumps(result.data, default=repr)), errors


async def _everything_ended() -> None:
    """Let abandoned work end, so that it is not seen in the next run."""
    for _ in range(1000):
        if len(asyncio.all_tasks()) == 1:
            return
        await asyncio.sleep(0)


def observe(execute: Callable[..., Any], world: World, loop: asyncio.AbstractEventLoop) -> Any:
    """Run a world: what came back, what was called in which order, and whether it was at once."""
    world.log.clear()

    async def run() -> Any:
        result = execute(world.schema, world.document, world.root(), None, dict(world.variables))
        is_async = inspect.isawaitable(result)
        answer = await result if is_async else result
        calls = list(world.log)
        await _everything_ended()
        return told(answer), is_async, calls

    return loop.run_until_complete(run())


def differences(world: World, loop: asyncio.AbstractEventLoop, execution: Execution) -> Any:
    """None when both executors agree, thrice, cold and warm; else what each said."""
    expected = observe(graphql.execute, world, loop)
    for _ in range(3):
        got = observe(execution.execute, world, loop)
        if got != expected:
            return expected, got
    return None


def observe_increments(
    execute: Callable[..., Any], world: World, loop: asyncio.AbstractEventLoop, *, is_early: bool
) -> Any:
    """Run a world with increments: every payload in order, and what was called in which order; or `HANGS`."""
    world.log.clear()

    async def payloads() -> list[Any]:
        result = execute(
            world.schema, world.document, world.root(), None, dict(world.variables), enable_early_execution=is_early
        )
        result = await result if inspect.isawaitable(result) else result
        if isinstance(result, graphql.ExecutionResult):
            return [result.formatted]
        return [result.initial_result.formatted, *[later.formatted async for later in result.subsequent_results]]

    async def run() -> Any:
        telling = asyncio.ensure_future(payloads())
        for _ in range(MOST_TURNS):
            if telling.done():
                break
            await asyncio.sleep(0)
        else:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            return HANGS
        try:
            told = telling.result()
        except Exception as error:  # noqa: BLE001 - whatever user code raises becomes an error of the response
            told = [repr(error)]
        calls = list(world.log)
        await _everything_ended()
        return ADDRESS.sub("0x", json.dumps(told, default=repr)), calls

    return loop.run_until_complete(run())
