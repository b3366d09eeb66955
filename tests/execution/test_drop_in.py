"""`execute` is `graphql.execute`: the same arguments, results and refusals."""

import asyncio
from collections.abc import Callable
from typing import Any

import graphql
import pytest
from graphql import (
    ExecutionHooks,
    ExecutionResult,
    Executor,
    GraphQLError,
    build_schema,
    execute_sync,
    get_introspection_query,
    parse,
)
from graphql.pyutils import AbortController

from gateway.execution import Execution, NotCompiled, PlanCache, compile_plan

SCHEMA = build_schema(
    """
    input In { a: Int = 2 }
    type Query { a(x: In, n: Int): String b: Query c: [Query] e: E }
    type Subscription { a: String }
    enum E { ONE }
    """
)


@pytest.fixture
def execution() -> Execution:
    return Execution()


Run = Callable[[Any], Any]


def both(execution: Execution, text: str, *arguments: Any, **named: Any) -> None:
    """Run by both, and expect one answer without a fallback."""
    document = parse(text)
    expected = graphql.execute(SCHEMA, document, *arguments, **named)
    got = execution.execute(SCHEMA, document, *arguments, fallback=False, **named)
    assert isinstance(expected, ExecutionResult)
    assert isinstance(got, ExecutionResult)
    assert got == expected
    assert [e.formatted for e in got.errors or []] == [e.formatted for e in expected.errors or []]


@pytest.mark.parametrize(
    ("text", "operation_name"),
    [
        ("{ a }", "Missing"),
        ("query A { a } query B { a }", None),
        ("query A { a } query B { b { a } }", "B"),
        ("fragment F on Query { a }", None),
        ("mutation { a }", None),
        ("subscription { a }", None),
        ("{ unknown a { x } }", None),
        ("{ b }", None),
        ("{ ...Missing a }", None),
        ("query ($n: Int!) { a(n: $n) }", None),
        ("query ($n: Unknown) { a }", None),
        ("query ($i: In = {a: 3}) { a(x: $i) }", None),
        ("query @experimental_disableErrorPropagation { a }", None),
        ("query ($s: Boolean) { a @skip(if: $s) }", None),
        ("{ a @skip }", None),
    ],
)
def test_requests_right_and_wrong(execution: Execution, text: str, operation_name: str | None) -> None:
    """Operations, valid or not, give the reference's result and errors."""
    both(execution, text, {"a": "x", "b": {"a": "y"}}, None, None, operation_name)


def test_every_option_that_is_compiled(execution: Execution) -> None:
    """Resolvers of the caller, limits and hints keep their meaning."""
    both(
        execution,
        "{ a b { a } }",
        {"a": 1},
        field_resolver=lambda source, info: {"z": 1} if info.field_name == "b" else "r",
    )
    both(execution, "query ($a: Int!, $b: Int!) { a(n: $a) }", None, None, {"a": "x", "b": "y"}, max_coercion_errors=1)
    both(execution, "query ($i: In) { a(x: $i) }", None, None, {"i": {"aa": 1}}, hide_suggestions=True)
    assert not execution.fallbacks


def test_introspection(execution: Execution) -> None:
    """Introspection is an operation like any other."""
    both(execution, get_introspection_query(descriptions=True))


@pytest.mark.parametrize(
    ("reason", "options"),
    [
        ("middleware", {"middleware": [lambda following, *args, **named: following(*args, **named)]}),
        ("executor_class", {"executor_class": Executor}),
        ("is_awaitable", {"is_awaitable": lambda value: False}),
        ("is_async_iterable", {"is_async_iterable": lambda value: False}),
    ],
)
def test_what_is_not_compiled_is_run_by_the_reference_and_counted(
    execution: Execution, reason: str, options: dict[str, Any]
) -> None:
    """A fallback gives the right answer, leaves a count with its reason, or is refused on demand."""
    document = parse("{ a }")
    result = execution.execute(SCHEMA, document, {"a": "x"}, **options)
    assert isinstance(result, ExecutionResult)
    assert result.data == {"a": "x"}
    assert execution.fallbacks == {reason: 1}
    with pytest.raises(NotCompiled, match=reason):
        execution.execute(SCHEMA, document, {"a": "x"}, fallback=False, **options)


def test_fragment_variables_are_left_to_the_reference(execution: Execution) -> None:
    """Experimental fragment arguments are not compiled."""
    document = parse("{ ...F(n: 1) } fragment F($n: Int) on Query { a(n: $n) }", experimental_fragment_arguments=True)
    result = execution.execute(SCHEMA, document, {"a": lambda info, n: str(n)})
    assert result == ExecutionResult({"a": "1"})
    assert execution.fallbacks == {"fragment variables": 1}


def test_a_schema_with_increments_is_refused_as_the_reference_does(execution: Execution) -> None:
    """`execute` gives one payload; a schema that could give more must use `execute_incrementally`."""
    schema = build_schema("directive @defer on INLINE_FRAGMENT type Query { a: String }")
    with pytest.raises(GraphQLError, match="experimental directives"):
        execution.execute(schema, parse("{ a }"))
    with pytest.raises(GraphQLError, match="multiple payloads"):
        execution.execute(SCHEMA, parse("{ ... @defer { a } }"))


def test_an_invalid_schema_is_an_error(execution: Execution) -> None:
    """The schema is checked before anything is compiled."""
    schema = build_schema("type Query { a: String } input Empty", assume_valid_sdl=True)
    with pytest.raises(TypeError, match="must define one or more fields"):
        execution.execute(schema, parse("{ a }"))


def test_sync_stays_sync(execution: Execution) -> None:
    """No loop is needed for what does not wait."""
    assert execution.execute(SCHEMA, parse("{ a }"), {"a": "x"}) == execute_sync(SCHEMA, parse("{ a }"), {"a": "x"})


async def test_an_abort_ends_the_request(execution: Execution) -> None:
    """The caller's abort signal stops what is awaited, with the reference's error."""
    controller = AbortController()

    async def endless(_info: Any) -> None:
        await asyncio.Event().wait()

    result = execution.execute(SCHEMA, parse("{ a }"), {"a": endless}, abort_signal=controller.signal)
    task = asyncio.ensure_future(result)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    controller.abort(RuntimeError("gone"))
    with pytest.raises(Exception, match="gone") as caught:
        await task
    assert type(caught.value).__name__ == "AbortedGraphQLExecutionError"


def test_hooks_are_called(execution: Execution) -> None:
    """Execution hooks of the caller run once."""
    finished: list[Any] = []
    execution.execute(SCHEMA, parse("{ a }"), hooks=ExecutionHooks(async_work_finished=finished.append))
    assert len(finished) == 1


def test_plans_are_kept_and_bounded() -> None:
    """A plan is found again by its document, and the least recently used goes first."""
    cache = PlanCache(max_plans=2)
    documents = [parse("{ a }"), parse("{ b { a } }"), parse("{ c { a } }")]
    first = cache.plan(SCHEMA, documents[0])
    cache.plan(SCHEMA, documents[1])
    assert cache.plan(SCHEMA, documents[0]) is first
    cache.plan(SCHEMA, documents[2])
    assert len(cache) == 2
    assert cache.plan(SCHEMA, documents[0]) is first
    assert cache.plan(SCHEMA, parse("{ a }"), key="hash") is cache.plan(SCHEMA, parse("{ a }"), key="hash")


def test_a_cache_without_room_is_a_mistake() -> None:
    """A cache must hold something."""
    with pytest.raises(ValueError, match="Expected room for at least 1 plan, got 0"):
        PlanCache(max_plans=0)


def test_compiling_an_unknown_operation_says_so() -> None:
    """compile_plan raises what `execute` would report."""
    with pytest.raises(GraphQLError, match="Unknown operation named 'X'"):
        compile_plan(SCHEMA, parse("{ a }"), "X")
