"""`execute`: what `graphql.execute` does, faster."""

from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import graphql
import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, default_type_resolver
from graphql.execution.execute import UNEXPECTED_EXPERIMENTAL_DIRECTIVES
from graphql.execution.executor import UNEXPECTED_MULTIPLE_PAYLOADS
from graphql.pyutils.is_awaitable import is_async_iterable as default_is_async_iterable
from graphql.pyutils.is_awaitable import is_awaitable as default_is_awaitable
from strawberry.execution import optimized_is_awaitable

from gateway.execution.errors import NotCompiled
from gateway.execution.plan import Plan, Request, compile_plan

_PREDICATES = (None, default_is_awaitable, optimized_is_awaitable)


class PlanCache:
    """Plans by schema, document and operation name; the least recently used goes when it is full.

    `max_plans` bounds it. A document is known by its identity, so parsing must be cached as well
    for a plan to be found again; `key` lets the caller name it by its hash instead.
    """

    def __init__(self, max_plans: int = 1000) -> None:
        if max_plans < 1:
            raise ValueError(f"Expected room for at least 1 plan, got {max_plans}.")
        self.max_plans = max_plans
        self._plans: OrderedDict[Any, Plan] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plans)

    def plan(
        self, schema: GraphQLSchema, document: DocumentNode, operation_name: str | None = None, key: str | None = None
    ) -> Plan:
        """The plan, compiled if it is not here; raises as `compile_plan`."""
        place = (id(schema), id(document) if key is None else key, operation_name)
        found = self._plans.get(place)
        if found is not None and found.schema is schema and (key is not None or found.document is document):
            self._plans.move_to_end(place)
            return found
        plan = self._plans[place] = compile_plan(schema, document, operation_name)
        if len(self._plans) > self.max_plans:
            self._plans.popitem(last=False)
        return plan


class Execution:
    """A plan cache, and the count of what was not ours to run.

    `fallbacks` counts by the reason of NotCompiled.
    """

    def __init__(self, max_plans: int = 1000) -> None:
        self.plans = PlanCache(max_plans)
        self.fallbacks: Counter[str] = Counter()

    def execute(  # noqa: PLR0913 - the signature of graphql.execute
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        field_resolver: Callable[..., Any] | None = None,
        type_resolver: Callable[..., Any] | None = None,
        *rest: Any,
        fallback: bool = True,
        **options: Any,
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        """Execute an operation; arguments, result and errors are those of `graphql.execute`.

        What is not compiled is run by graphql-core and counted, or raises NotCompiled when
        `fallback` is False. Results are synchronous when every resolver is.
        """
        arguments = (root_value, context_value, variable_values, operation_name, field_resolver, type_resolver)
        try:
            request = _request(arguments, rest, options)
            plan = self.plans.plan(schema, document, operation_name)
        except NotCompiled as refusal:
            self._count(refusal, is_allowed=fallback)
            return graphql.execute(schema, document, *arguments, *rest, **options)
        except GraphQLError as error:
            _refuse_incremental(schema)
            return ExecutionResult(None, errors=[error])
        if plan.may_increment:
            _refuse_incremental(schema)
        return _single(plan.execute(request))

    def execute_incrementally(  # noqa: PLR0913 - the signature of graphql.execute
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        field_resolver: Callable[..., Any] | None = None,
        type_resolver: Callable[..., Any] | None = None,
        *rest: Any,
        fallback: bool = True,
        **options: Any,
    ) -> Any:
        """Execute with `@defer` and `@stream`: as `graphql.experimental_execute_incrementally`."""
        arguments = (root_value, context_value, variable_values, operation_name, field_resolver, type_resolver)
        try:
            request = _request(arguments, rest, options)
            plan = self.plans.plan(schema, document, operation_name)
        except NotCompiled as refusal:
            self._count(refusal, is_allowed=fallback)
            return graphql.experimental_execute_incrementally(schema, document, *arguments, *rest, **options)
        except GraphQLError as error:
            return ExecutionResult(None, errors=[error])
        return plan.execute(request)

    def _count(self, refusal: NotCompiled, *, is_allowed: bool) -> None:
        if not is_allowed:
            raise refusal
        self.fallbacks[refusal.reason] += 1


def executable_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """The GraphQL schema of a Strawberry one, for `execute`.

    Field extensions and permissions are part of it. Schema extensions and exception handlers around
    an operation are called by Strawberry's own `execute` only: NotCompiled is raised for them.
    """
    for extension in schema.extensions:
        name = extension.__name__ if isinstance(extension, type) else type(extension).__name__
        raise NotCompiled(f"schema extension {name}")
    found: GraphQLSchema = schema._schema  # noqa: SLF001 - it has no public name
    return found


_POSITIONAL = (
    "subscribe_field_resolver",
    "max_coercion_errors",
    "enable_early_execution",
    "middleware",
    "executor_class",
    "is_awaitable",
    "is_async_iterable",
)
_SUPPORTED = frozenset(
    {
        *_POSITIONAL,
        "hide_suggestions",
        "abort_signal",
        "hooks",
    }
)


def _request(arguments: tuple[Any, ...], rest: tuple[Any, ...], options: dict[str, Any]) -> Request:
    root_value, context_value, variable_values, _, field_resolver, type_resolver = arguments
    if not rest and not options:
        return Request(
            root_value, context_value, variable_values, field_resolver, type_resolver or default_type_resolver
        )
    named = dict(zip(_POSITIONAL, rest, strict=False)) | options
    for name in ("middleware", "executor_class"):
        if named.get(name) is not None:
            raise NotCompiled(name)
    if named.get("is_awaitable") not in _PREDICATES:
        raise NotCompiled("is_awaitable")
    if named.get("is_async_iterable") not in (None, default_is_async_iterable):
        raise NotCompiled("is_async_iterable")
    if not named.keys() <= _SUPPORTED:
        raise NotCompiled("custom arguments")
    return Request(
        root_value=root_value,
        context_value=context_value,
        variable_values=variable_values,
        field_resolver=field_resolver,
        type_resolver=type_resolver or default_type_resolver,
        max_coercion_errors=named.get("max_coercion_errors", 50),
        enable_early_execution=named.get("enable_early_execution", False),
        is_awaitable=named.get("is_awaitable") or default_is_awaitable,
        hide_suggestions=named.get("hide_suggestions", False),
        abort_signal=named.get("abort_signal"),
        hooks=named.get("hooks"),
    )


def _refuse_incremental(schema: GraphQLSchema) -> None:
    if schema.get_directive("defer") or schema.get_directive("stream"):
        raise GraphQLError(UNEXPECTED_EXPERIMENTAL_DIRECTIVES)


def _single(result: Any) -> ExecutionResult | Awaitable[ExecutionResult]:
    if isinstance(result, ExecutionResult):
        return result
    if default_is_awaitable(result):
        return _single_later(result)
    raise GraphQLError(UNEXPECTED_MULTIPLE_PAYLOADS)


async def _single_later(result: Awaitable[Any]) -> ExecutionResult:
    awaited = await result
    if isinstance(awaited, ExecutionResult):
        return awaited
    raise GraphQLError(UNEXPECTED_MULTIPLE_PAYLOADS)
