"""Enums of the schema: Python's own, with a description for every member."""

import enum
from collections.abc import Mapping

import strawberry


def describe_enum(enumeration: type[enum.Enum], description: str, members: Mapping[str, str]) -> None:
    """Make a GraphQL enum of a Python one, with a description for every member."""
    strawberry.enum(enumeration, description=description)
    for value in enumeration.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = members[value.name]
