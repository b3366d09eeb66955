"""A plan: an operation of a document, prepared for a schema.

What depends on nothing but the document is here. What also depends on the variables that switch
parts on and off (`@skip`, `@include`, `@defer`, `@stream`) is in a `Variant`, one for each
combination of their values. A variant's selections are learned as values flow through them, so a
plan costs little to make and holds only what was ever used.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    assert_valid_schema,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FragmentDetails,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import RefMap, Undefined
from graphql.pyutils.is_awaitable import is_awaitable as default_is_awaitable
from graphql.type.directives import GraphQLDisableErrorPropagationDirective

from gateway.execution.arguments import variables_of
from gateway.execution.drafts import Sketch, write_sketched
from gateway.execution.errors import NotCompiled
from gateway.execution.executor import CompiledExecutor, SerialExecutor
from gateway.execution.kinds import is_declared
from gateway.execution.selection import Selection
from gateway.execution.variables import Variables
from gateway.execution.writing import Written, write

MAX_SELECTIONS = 10_000
"""Selections in a document's text; a larger document is not worth keeping a plan for."""

MAX_VARIANTS = 32
MAX_VARIANT_SIZE = 20_000
"""Fields learned by a variant before it is forgotten and learned anew."""

_SWITCHES = frozenset({"skip", "include", "defer", "stream"})


class Request(msgspec.Struct, eq=False):
    """What one execution gets, apart from the document: the arguments of `graphql.execute`."""

    root_value: Any = None
    context_value: Any = None
    variable_values: Mapping[str, Any] | None = None
    field_resolver: Callable[..., Any] | None = None
    type_resolver: Callable[..., Any] = default_type_resolver
    max_coercion_errors: int = 50
    enable_early_execution: bool = False
    is_awaitable: Callable[[Any], Any] = default_is_awaitable
    hide_suggestions: bool = False
    abort_signal: Any = None
    hooks: Any = None
    sketch: Sketch | None = None

    def rare(self) -> Iterator[tuple[str, Any]]:
        """The arguments that differ from their defaults, of those that a run rarely gets."""
        for name in _RARE:
            value = getattr(self, name)
            if value:
                yield name, value


_RARE = ("enable_early_execution", "hide_suggestions", "abort_signal", "hooks")


class Variant:
    """A plan for one combination of its switches: the selections learned so far."""

    def __init__(self, plan: "Plan", field_resolver: Callable[..., Any], *, is_kept: bool) -> None:
        self.plan = plan
        self.is_kept = is_kept
        self.schema = plan.schema
        self.fragments = plan.fragments
        self.field_resolver = field_resolver
        self.collected: dict[Any, Any] = {}
        self.initial_execution_plans: Any = RefMap()
        self.deferred_execution_plans: Any = RefMap()
        self.stream_usages: Any = RefMap()
        self.size = 0
        self.known_root: CollectedFields | None = None
        self._selections: dict[tuple[GraphQLObjectType, int], Selection] = {}

    @cached_property
    def info_class(self) -> Any:
        """What Strawberry gives to the functions of its schema's fields."""
        return self.schema._strawberry_schema.config.info_class  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name

    def root(self, collected: CollectedFields) -> CollectedFields:
        """The collected fields of the operation's root type: the first run's, for all runs."""
        if self.known_root is None:
            self.known_root = collected
        return self.known_root

    def selection(
        self, type_: GraphQLObjectType, grouped: Any, defers: Any = (), *, is_wanted: bool
    ) -> Selection | None:
        """The selection of a grouped field set of the reference; None when it is not worth learning.

        What is executed once only is best left to the reference: a variant that is not kept learns
        no more than is `is_wanted`, or has fields that the reference does not know.
        """
        place = (type_, id(grouped))
        found = self._selections.get(place)
        if found is not None:
            return found
        if not (self.is_kept or is_wanted or self._has_declared(type_, grouped)):
            return None
        made = self._selections[place] = Selection(self, type_, grouped, defers)
        self.size += 1 + len(made.fields)
        return made

    def resume(self, request: Request, variable_values: VariableValues) -> CompiledExecutor:
        """A run that stands where an earlier one stood when its root was executed."""
        assert self.known_root is not None
        run = CompiledExecutor(self, request, variable_values, True)
        run.resume(self.known_root)
        return run

    def _has_declared(self, type_: GraphQLObjectType, grouped: Any) -> bool:
        known = self.plan.declared
        for details in grouped.values():
            place = (type_.name, details[0].node.name.value)
            if known[place] if place in known else self.plan.is_declared(type_, place[1]):
                return True
        return False


class Plan:
    """A compiled operation; make it with `compile_plan`. It may be run any number of times, also at once."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, *, is_trusted: bool
    ) -> None:
        self.schema = schema
        self.is_trusted = is_trusted
        self.document = document
        self.operation = operation
        definitions = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
        if any(definition.variable_definitions for definition in definitions):
            raise NotCompiled("fragment variables")
        self.fragment_definitions = {d.name.value: d for d in definitions}
        self.fragments = {d.name.value: FragmentDetails(d, None) for d in definitions}
        disabling = GraphQLDisableErrorPropagationDirective.name
        self.error_propagation = all(d.name.value != disabling for d in operation.directives or ())
        self.switches = self._switches()
        self.declared: dict[tuple[str, str], bool] = {}
        self._variants: dict[Any, Variant] = {}
        self._once: set[Any] = set()
        self.variables = Variables(schema, operation)
        self.may_increment = bool(schema.get_directive("defer") or schema.get_directive("stream"))

    def is_declared(self, type_: GraphQLObjectType, name: str) -> bool:
        """Whether a field is one of the kinds that only this executor knows."""
        definition = self.schema.get_field(type_, name)
        found = self.declared[type_.name, name] = definition is not None and is_declared(definition)
        return found

    def _switches(self) -> tuple[str, ...]:
        names: set[str] = set()
        number = 0
        for directives in _directives(self.operation.selection_set, self.fragment_definitions.values()):
            number += 1  # noqa: SIM113 - counted over the whole document
            if number > MAX_SELECTIONS:
                raise NotCompiled("document too large")
            for directive in directives or ():
                if directive.name.value in _SWITCHES:
                    names |= variables_of(directive.arguments)
        return tuple(sorted(names))

    def variant(self, request: Request, variable_values: VariableValues) -> Variant:
        """The variant for the values of the switches; the caller's field resolver counts as a switch."""
        field_resolver = request.field_resolver or default_field_resolver
        coerced = variable_values.coerced
        key = (field_resolver, *(coerced.get(name, Undefined) for name in self.switches))
        try:
            found = self._variants.get(key)
        except TypeError:  # a switch that is no boolean: the document was not validated
            return Variant(self, field_resolver, is_kept=False)
        if found is not None and found.size <= MAX_VARIANT_SIZE:
            return found
        if len(self._variants) >= MAX_VARIANTS:
            self._variants.clear()
        if found is None and not self.is_trusted and key not in self._once:
            self._once = {*self._once, key} if len(self._once) < MAX_VARIANTS else {key}
            return Variant(self, field_resolver, is_kept=False)
        made = self._variants[key] = Variant(self, field_resolver, is_kept=True)
        return made

    def execute(self, request: Request) -> Any:
        """Run: an ExecutionResult or incremental results, or an awaitable of them when something is awaited.

        Raises what the reference raises: an abort's reason, nothing else.
        """
        run = self._begin(request, is_writing=False)
        return ExecutionResult(None, run) if isinstance(run, list) else run.execute_operation()

    def write(self, request: Request) -> Any:
        """Run and write: `Written` JSON, or an awaitable of it when something is awaited.

        Of an operation with active `@defer` or `@stream` the reference's incremental results come
        back instead; `dump` turns their formatted payloads into bytes.
        """
        run = self._begin(request, is_writing=True)
        if isinstance(run, list):
            return Written(b"null", run)
        if request.sketch is not None:
            return write_sketched(run, request.sketch)
        return write(run.execute_operation())

    def _begin(self, request: Request, is_writing: bool) -> CompiledExecutor | list[GraphQLError]:  # noqa: FBT001 - passed by position on the hot road
        variable_values = self.variables.coerce(
            request.variable_values or {}, request.max_coercion_errors, hide_suggestions=request.hide_suggestions
        )
        if isinstance(variable_values, list):
            return variable_values
        variant = self.variant(request, variable_values)
        is_serial = self.operation.operation is OperationType.MUTATION
        return (SerialExecutor if is_serial else CompiledExecutor)(variant, request, variable_values, is_writing)


def select_operation(document: DocumentNode, operation_name: str | None) -> OperationDefinitionNode | GraphQLError:
    """GetOperation of the specification, with the reference's messages."""
    found: OperationDefinitionNode | None = None
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            if operation_name is None:
                if found:
                    return GraphQLError("Must provide operation name if query contains multiple operations.")
                found = definition
            elif definition.name and definition.name.value == operation_name:
                found = definition
    if found is None:
        return GraphQLError(
            "Must provide an operation." if operation_name is None else f"Unknown operation named '{operation_name}'."
        )
    return found


def compile_plan(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None = None, *, is_trusted: bool = False
) -> Plan:
    """Compile an operation of a valid document.

    A plan learns what it needs from its second run on, so that a document that comes once costs
    little; a trusted document, which will come again, is learned from the first.

    Raises NotCompiled for what this executor does not run, GraphQLError when there is no such
    operation, TypeError when the schema is invalid.
    """
    assert_valid_schema(schema)
    operation = select_operation(document, operation_name)
    if isinstance(operation, GraphQLError):
        raise operation
    return Plan(schema, document, operation, is_trusted=is_trusted)


def _directives(root: SelectionSetNode, fragments: Iterable[FragmentDefinitionNode]) -> Iterator[Any]:
    """The directives of every selection in the text, without recursion."""
    stack = [root, *(fragment.selection_set for fragment in fragments)]
    while stack:
        for node in stack.pop().selections:
            yield node.directives
            below = getattr(node, "selection_set", None)
            if below is not None:
                stack.append(below)
