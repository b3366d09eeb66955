"""Variables of an operation, coerced as the reference does, with the usual case prepared."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, get_variable_values, is_non_null_type
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.pyutils import Undefined
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

_UNCHANGEABLE = (str, int, float, bool, type(None))


class _Variable(NamedTuple):
    """A declared variable; `default` is Undefined when there is none, or none that may be shared."""

    signature: Any
    name: str
    default: Any
    may_be_absent: bool


class Variables:
    """The declared variables of an operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        prepared = [_prepared(get_variable_signature(schema, node)) for node in self._nodes]
        self._prepared = None if None in prepared else [variable for variable in prepared if variable is not None]

    def coerce(
        self, given: Mapping[str, Any], max_errors: int, *, hide_suggestions: bool
    ) -> VariableValues | list[GraphQLError]:
        """The values, or the reference's errors."""
        quick = self._coerce_quickly(given) if self._prepared is not None else None
        if quick is not None:
            return quick
        return get_variable_values(self._schema, self._nodes, dict(given), max_errors, hide_suggestions)

    def _coerce_quickly(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Coerce plain values that are as they should be; None leaves all to the reference."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, name, default, may_be_absent in self._prepared or ():
            value = given.get(name, Undefined)
            if value is Undefined:
                if not may_be_absent:
                    return None
                sources[name] = VariableValueSource(signature)
                if default is not Undefined:
                    coerced[name] = default
            elif isinstance(value, _UNCHANGEABLE):
                sources[name] = VariableValueSource(signature, value)
                coerced[name] = _coerced(value, signature)
                if coerced[name] is Undefined:
                    return None
            else:
                return None
        return VariableValues(sources, coerced)


def _prepared(signature: Any) -> _Variable | None:
    if isinstance(signature, GraphQLError):
        return None
    if signature.default is None:
        return _Variable(signature, signature.name, Undefined, not is_non_null_type(signature.type))
    try:
        default = coerce_default_value(signature)
    except Exception:  # noqa: BLE001 - wrong in the document: the reference says how
        default = Undefined
    return _Variable(signature, signature.name, default, isinstance(default, _UNCHANGEABLE))


def _coerced(value: Any, signature: Any) -> Any:
    try:
        return coerce_input_value(value, signature.type)
    except Exception:  # noqa: BLE001 - a scalar that raises: the reference says how
        return Undefined
