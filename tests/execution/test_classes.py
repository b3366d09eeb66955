"""What a class or a function promises is found out without being told."""

import asyncio
import datetime as dt
import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest

from clients.values import Money
from gateway.execution.classes import facts_of, ignores_info, is_instance_check, is_plain_attribute


class Color(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int


class Dynamic:
    def __getattr__(self, name: str) -> Any:
        return name


class Lookup:
    def __getattribute__(self, name: str) -> Any:
        return name


class Careful:
    limit = 3

    def __init__(self) -> None:
        self.own = 1

    @property
    def computed(self) -> int:
        return 1

    @staticmethod
    def static() -> int:
        return 1


@pytest.mark.parametrize("cls", [str, int, dict, list, type(None), Decimal, dt.datetime, Color, Point, Money, Careful])
def test_ordinary_classes_are_settled(cls: type) -> None:
    """Values of ordinary classes are never awaitable, never exceptions, never called."""
    assert facts_of(cls).is_settled
    assert not facts_of(cls).is_callable


@pytest.mark.parametrize("cls", [ValueError, asyncio.Future, Dynamic, Lookup, Mock, type, asyncio.Task])
def test_what_could_be_anything_is_not_settled(cls: type) -> None:
    """Awaitables, exceptions and classes that make up their attributes take the reference's road."""
    assert not facts_of(cls).is_settled


@pytest.mark.parametrize(
    ("cls", "name", "is_plain"),
    [
        (Careful, "own", True),
        (Careful, "limit", True),
        (Careful, "computed", False),
        (Careful, "static", False),
        (Careful, "__init__", True),
        (Point, "x", True),
        (Money, "amount", True),
        (Dynamic, "anything", False),
        (Lookup, "anything", False),
    ],
)
def test_attributes_whose_reading_runs_no_code(cls: type, name: str, is_plain: bool) -> None:
    """Slots and instance dictionaries may be read at any moment, properties may not."""
    assert is_plain_attribute(cls, name) is is_plain


class Types:
    def bound(self, value: Any, info: Any) -> bool:
        return isinstance(value, int)

    @classmethod
    def nosy(cls, value: Any, info: Any) -> bool:
        return bool(info)


def captures(value: Any, info: Any) -> Any:
    return [info for _ in range(2)]


@pytest.mark.parametrize(
    ("function", "is_ignored"),
    [
        (lambda value, info: isinstance(value, int), True),
        (lambda value, info: info.path, False),
        (lambda value, info: locals(), False),
        (lambda *both: both, False),
        (lambda value, *rest: rest, False),
        (captures, False),
        (Types().bound, True),
        (Types.nosy, False),
        (isinstance, False),
        (Mock(), False),
    ],
)
def test_functions_that_ignore_their_info(function: Callable[..., Any], is_ignored: bool) -> None:
    """An info is left out only when the function certainly never looks at it."""
    assert ignores_info(function) is is_ignored


@pytest.mark.parametrize(
    ("function", "is_check"),
    [
        (lambda value, info: isinstance(value, int), True),
        (lambda value, _info: isinstance(value, Careful), True),
        (lambda value, info: isinstance(value, int) and value > 3, False),
        (lambda value, info: isinstance(value.x, int), False),
        (lambda value, info: isinstance(info, int), False),
        (lambda value, info: not isinstance(value, int), False),
        (lambda value, info: value, False),
        (Types().bound, False),
        (Mock(), False),
    ],
)
def test_functions_that_only_look_at_the_class(function: Callable[..., Any], is_check: bool) -> None:
    """Only a bare isinstance lets one value speak for all of its class."""
    assert is_instance_check(function) is is_check
