"""Reading `@inContext`: where, through which channel, in which language and currency one shops.

What the operation says comes first, then what the viewer's token prefers, then the shop's default.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql.language import (
    DirectiveNode,
    EnumValueNode,
    OperationDefinitionNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)

from clients.values import SalesChannel
from resolvers.context import Shopper, Viewer
from resolvers.node import Kind, expected_key
from resolvers.refusals import BadInput

LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
CURRENCY = re.compile(r"[A-Z]{3}")


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
    locality, location = said.get("locality"), said.get("location")
    return Shopper(
        locality_id=expected_key(Kind.LOCALITY, _text("locality", locality), "locality")
        if locality
        else viewer.locality_id or defaults.locality_id,
        location_id=expected_key(Kind.LOCATION, _text("location", location), "location") if location else None,
        channel=_channel(said["channel"]) if said.get("channel") else defaults.channel,
        language=_matching(LANGUAGE, "language", said.get("language")) or viewer.language or defaults.language,
        currency=_matching(CURRENCY, "currency", said.get("currency")) or viewer.currency or defaults.currency,
    )


def names_locality(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> bool:
    """Whether the operation itself says for which locality it is."""
    return bool(read_directive(operation, variables).get("locality"))


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
    return node.value if isinstance(node, StringValueNode | EnumValueNode) else getattr(node, "value", None)


def _default(name: str, operation: OperationDefinitionNode) -> Any:
    for definition in operation.variable_definitions or ():
        if definition.variable.name.value == name and definition.default_value is not None:
            return getattr(definition.default_value, "value", None)
    return None


def _text(argument: str, given: object) -> str:
    if isinstance(given, str | int):
        return str(given)
    raise BadInput(f"Expected `{argument}` to be an id, got {given!r}.")


def _channel(given: object) -> SalesChannel:
    if isinstance(given, str) and given in SalesChannel.__members__:
        return SalesChannel[given]
    raise BadInput(f"Expected `channel` to be one of {', '.join(SalesChannel.__members__)}, got {given!r}.")


def _matching(pattern: re.Pattern[str], argument: str, given: object) -> str | None:
    if given is None:
        return None
    if isinstance(given, str) and pattern.fullmatch(given):
        return given
    raise BadInput(f"Expected `{argument}` to match {pattern.pattern}, got {given!r}.")
