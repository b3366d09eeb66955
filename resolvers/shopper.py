"""Reading `@inContext`: where, through which channel, in which language and currency one shops.

What the operation says comes first, then what the viewer's token prefers, then the shop's default.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql.language import (
    DirectiveNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
)

from clients.values import SalesChannel
from resolvers.context import Shopper, Viewer
from resolvers.node import Kind, expected_key
from resolvers.refusals import BadInput
from resolvers.texts import shown

LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
CURRENCY = re.compile(r"[A-Z]{3}")
LONGEST_TAG = 35
"""Long enough for every language tag in use (RFC 5646, 4.4.1)."""


@dataclass(frozen=True, slots=True)
class ShopDefaults:
    """What a shopper who says nothing gets."""

    locality_id: str
    channel: SalesChannel = SalesChannel.WEB
    language: str = "ru"
    currency: str = "RUB"


def read_shopper(
    operation: OperationDefinitionNode, variables: Mapping[str, Any], viewer: Viewer, defaults: ShopDefaults
) -> Shopper:
    """The shopper's context of one operation; a BadInput says which argument is not what it should be."""
    said = read_directive(operation, variables)
    return Shopper(
        locality_id=_key(Kind.LOCALITY, "locality", said) or viewer.locality_id or defaults.locality_id,
        location_id=_key(Kind.LOCATION, "location", said),
        channel=_channel(said.get("channel")) or defaults.channel,
        language=spell_language(
            _matching(LANGUAGE, "language", said.get("language")) or viewer.language or defaults.language
        ),
        currency=_matching(CURRENCY, "currency", said.get("currency")) or viewer.currency or defaults.currency,
    )


def names_locality(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> bool:
    """Whether the operation itself says for which locality it is."""
    return read_directive(operation, variables).get("locality") is not None


def variables_of_context(operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The names of the variables that `@inContext` of an operation is given."""
    arguments = [a for d in operation.directives or () if d.name.value == "inContext" for a in _arguments(d)]
    return tuple(a.value.name.value for a in arguments if isinstance(a.value, VariableNode))


def spell_language(tag: str) -> str:
    """A language tag in the one spelling that upstreams and cache keys get, `pt-BR` for `PT-br` (RFC 5646, 2.1.1)."""
    first, *rest = tag.lower().split("-")
    cased = (part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest)  # noqa: PLR2004
    return "-".join((first, *cased))


def read_directive(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `@inContext` with their variables filled in; empty without the directive."""
    directive = next((d for d in operation.directives or () if d.name.value == "inContext"), None)
    if directive is None:
        return {}
    return {a.name.value: _value(a.value, operation, variables) for a in _arguments(directive)}


def _arguments(directive: DirectiveNode) -> Any:
    return directive.arguments or ()


def _value(node: ValueNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Any:
    if isinstance(node, VariableNode):
        name = node.name.value
        return variables[name] if name in variables else _default(name, operation)
    return getattr(node, "value", None)


def _default(name: str, operation: OperationDefinitionNode) -> Any:
    for definition in operation.variable_definitions or ():
        if definition.variable.name.value == name and definition.default_value is not None:
            return getattr(definition.default_value, "value", None)
    return None


def _key(kind: Kind, argument: str, said: Mapping[str, Any]) -> str | None:
    given = said.get(argument)
    if given is None:
        return None
    if isinstance(given, str):
        return expected_key(kind, given, argument)
    raise BadInput(f"Expected `{argument}` to be an id like `{kind.value}_...`, got {_shown(given)}.")


def _channel(given: object) -> SalesChannel | None:
    if given is None:
        return None
    if isinstance(given, str) and given in SalesChannel.__members__:
        return SalesChannel[given]
    raise BadInput(f"Expected `channel` to be one of {', '.join(SalesChannel.__members__)}, got {_shown(given)}.")


def _matching(pattern: re.Pattern[str], argument: str, given: object) -> str | None:
    if given is None:
        return None
    if isinstance(given, str) and len(given) <= LONGEST_TAG and pattern.fullmatch(given):
        return given
    raise BadInput(f"Expected `{argument}` to match {pattern.pattern}, got {_shown(given)}.")


def _shown(given: object) -> str:
    return shown(given) if isinstance(given, str) else f"a value of type {type(given).__name__}"
