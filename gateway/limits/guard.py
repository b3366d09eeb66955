"""Refuse documents that ask for too much."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import DocumentNode, GraphQLSchema, GraphQLSyntaxError, parse
from graphql.language import OperationDefinitionNode

from gateway.http.errors import Code, Refused, entry_of
from gateway.limits.measures import Measures, measure
from gateway.limits.policy import Excess, LimitPolicy, Limits, Mode, find_demand_excess, find_shape_excess
from gateway.limits.sizes import read_demands

MAX_KEPT = 64

Report = Callable[[str, list[Excess]], None]


def report_nothing(sha256: str, excess: list[Excess]) -> None:
    """Keep quiet; production gives the journal instead."""


class LimitGuard:
    """The document limits of one schema; `report` hears of every excess, refused or only measured."""

    def __init__(
        self, schema: GraphQLSchema, policy: LimitPolicy | None = None, report: Report = report_nothing
    ) -> None:
        self._schema = schema
        self._policy = policy or LimitPolicy()
        self._demands = read_demands(schema)
        self._report = report

    def parse(self, source: str) -> DocumentNode:
        """Parse the text, never reading further than the caps on tokens and comments allow."""
        limits = self._policy.limits
        try:
            return parse(source, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
        except GraphQLSyntaxError as error:
            if "Parsing aborted" in error.message:
                self._report("", [Excess("tokens", limits.tokens, limits.tokens + 1)])
                raise Refused(
                    Code.LIMIT_EXCEEDED,
                    f"Expected at most {limits.tokens} tokens and {limits.comments} comments; got more.",
                    limit="document",
                ) from None
            raise

    def check_document(self, document: DocumentNode, sha256: str) -> "DocumentDemand":
        """Measure all operations of a parsed document, before the slower validation; raises Refused."""
        limits = self._policy.limits_of(sha256)
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        demand = DocumentDemand(self, document, sha256, limits)
        for operation in operations:
            measures = self.measure(document, operation, {})
            self.judge(sha256, find_shape_excess(measures, limits))
            demand.keep(operation, measures)
        return demand

    def measure(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> Measures:
        return measure(self._schema, self._demands, document, operation, variables)

    def judge(self, sha256: str, excess: list[Excess]) -> None:
        """Report an excess and refuse it; in measure mode, report only."""
        if not excess:
            return
        self._report(sha256, excess)
        if self._policy.mode is Mode.ENFORCE:
            entries = [entry_of(Code.LIMIT_EXCEEDED, str(item), limit=item.limit) for item in excess]
            raise Refused(Code.LIMIT_EXCEEDED, str(excess[0]), entries=entries, limit="document")


class DocumentDemand:
    """What one document asks for; its cost is computed once per combination of page sizes."""

    def __init__(self, guard: LimitGuard, document: DocumentNode, sha256: str, limits: Limits) -> None:
        self._guard = guard
        self._document = document
        self._sha256 = sha256
        self._limits = limits
        self._deciding: dict[str | None, tuple[str, ...]] = {}
        self._known: dict[tuple[Any, ...], tuple[Measures, list[Excess]]] = {}

    def keep(self, operation: OperationDefinitionNode, measures: Measures) -> None:
        """Keep what was measured without variables; judge it at once where no variable can change it."""
        self._deciding[_name(operation)] = tuple(sorted(measures.variables))
        if not measures.variables:
            excess = find_demand_excess(measures, self._limits)
            self._known[_name(operation),] = measures, excess
            self._guard.judge(self._sha256, excess)

    def weigh(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """Tell the static cost; raises Refused when these variables make the operation ask for too much.

        What no variable can change was judged when the document came.
        """
        measures, excess = self._measure(operation, variables)
        if excess and self._deciding[_name(operation)]:
            self._guard.judge(self._sha256, excess)
        return measures.cost

    def cost(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """Tell the static cost with these variables, for whoever accounts for it."""
        return self._measure(operation, variables)[0].cost

    def _measure(
        self, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> tuple[Measures, list[Excess]]:
        """What the operation asks for with these variables, and what of it is too much."""
        name = _name(operation)
        key = (name, *[_number(variables.get(deciding)) for deciding in self._deciding[name]])
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            measures = self._guard.measure(self._document, operation, variables)
            known = self._known[key] = measures, find_demand_excess(measures, self._limits)
        return known


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
