"""The same seed makes the same shop."""

import datetime as dt
from typing import Any

import msgspec
import orjson
import pytest

from sandbox.upstreams.contract import Operation
from sandbox.world.shop import Shop
from tests.sandbox.requests import CASES
from tests.sandbox.test_contracts import served

NOON = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)


def made(seed: int, count: int = 120) -> dict[str, Operation[Any]]:
    return served(Shop(seed, count, "http://pictures.test", lambda: NOON))


@pytest.fixture(scope="module")
def shops() -> tuple[dict[str, Operation[Any]], ...]:
    return made(1), made(1), made(2)


def answer(operations: dict[str, Operation[Any]], name: str, body: dict[str, Any]) -> bytes:
    operation = operations[name]
    request = msgspec.json.decode(orjson.dumps(body), type=operation.request)
    return orjson.dumps(operation.answer(request))


@pytest.mark.parametrize(("name", "path", "body"), CASES, ids=[f"{name}-{at}" for at, (name, _, _) in enumerate(CASES)])
def test_same_seed(shops: tuple[dict[str, Operation[Any]], ...], name: str, path: str, body: dict[str, Any]) -> None:
    """Two shops of one seed give the same answers to the byte, at the same moment."""
    assert answer(shops[0], name, body) == answer(shops[1], name, body)


def test_other_seed(shops: tuple[dict[str, Operation[Any]], ...]) -> None:
    """Another seed makes other goods, except those that are always there."""
    known = {"language": "ru", "handles": ["sapogi-lumera-siena-1"]}
    others = {"language": "ru", "ids": [f"p-{number:06d}" for number in range(60, 120)]}
    for operations in shops:
        assert b"sapogi-lumera-siena-1" in answer(operations, "catalogue.products", known)
    assert answer(shops[0], "catalogue.products", others) != answer(shops[2], "catalogue.products", others)


def test_size_does_not_matter() -> None:
    """A product is the same in a small catalogue and in a larger one."""
    body = {"language": "ru", "ids": ["p-000099"]}
    assert answer(made(1, 100), "catalogue.products", body) == answer(made(1, 300), "catalogue.products", body)
