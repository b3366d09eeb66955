"""The published contract as a test partner: it judges what we send and makes the answers we get.

Answers are the contract's own examples with every optional field filled in, so that a field which
the contract has and an adapter forgot does not go unnoticed.
"""

import copy
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator

CONTRACTS = Path(__file__).parents[2] / "docs" / "contracts"

Json = Any

SAMPLE_BY_FORMAT = {
    "date-time": "2026-03-01T12:00:00+03:00",
    "date": "2026-03-01",
    "uri": "https://shop.example/x",
}
SAMPLE_BY_PATTERN = {
    r"^-?[0-9]+(\.[0-9]+)?$": "12.50",
    "^[A-Z]{3}$": "RUB",
    "^[A-Z]{2}$": "RU",
    "^#[0-9a-f]{6}$": "#d6336c",
    r"^\+[0-9]{7,15}$": "+79160000001",
}

MEANT_NULLS = {"parentId"}
"""Where the example's null says something: a root has no parent."""


@cache
def document(domain: str) -> Json:
    """The whole contract of one domain."""
    return yaml.safe_load((CONTRACTS / f"{domain}.yaml").read_text())


@dataclass(frozen=True)
class Operation:
    """One operation of one domain, found by its operationId."""

    domain: str
    method: str
    path: str
    described: Json = field(repr=False)

    @property
    def answer_schema(self) -> Json:
        return self.described["responses"]["200"]["content"]["application/json"]["schema"]

    @property
    def example(self) -> Json:
        """The contract's example answer without problems, and with every optional field filled in."""
        shown = self.described["responses"]["200"]["content"]["application/json"]["example"]
        answered = {name: _answered(part) for name, part in shown.items()}
        return completed(self.domain, self.answer_schema, answered)

    def objections(self, request: httpx.Request) -> list[str]:
        """What in a request contradicts the contract."""
        if self.method == "GET":
            asked = {p["name"] for p in self.described["parameters"] if p["required"]}
            return [f"missing parameter {name}" for name in asked - set(request.url.params)]
        schema = self.described["requestBody"]["content"]["application/json"]["schema"]
        return [error.message for error in validator(self.domain, schema).iter_errors(json.loads(request.content))]


@cache
def operation(operation_id: str) -> Operation:
    """The operation with this operationId, which begins with its domain."""
    domain = operation_id.partition(".")[0]
    for path, methods in document(domain)["paths"].items():
        for method, described in methods.items():
            if described["operationId"] == operation_id:
                return Operation(domain, method.upper(), path, described)
    raise LookupError(f"Expected an operation of {domain}.yaml, got {operation_id!r}.")


def _answered(part: Json) -> Json:
    return [entry for entry in part if "problem" not in entry] if isinstance(part, list) else part


def validator(domain: str, schema: Json) -> Draft202012Validator:
    """A judge by one schema of a contract, formats included."""
    return Draft202012Validator(
        {**schema, "components": document(domain)["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def resolved(domain: str, schema: Json, shown: Json = None) -> Json:
    """The schema behind references, nullability and alternatives; of several, the one that fits `shown`."""
    if "$ref" in schema:
        return resolved(domain, document(domain)["components"]["schemas"][schema["$ref"].rpartition("/")[2]], shown)
    options = [option for option in schema.get("oneOf", schema.get("anyOf", [])) if option.get("type") != "null"]
    if options:
        fitting = [o for o in options if shown is None or validator(domain, o).is_valid(shown)]
        return resolved(domain, fitting[0], shown)
    return schema


def completed(domain: str, schema: Json, shown: Json) -> Json:
    """A copy of an example with all optional fields; what it has stays, except nulls."""
    schema = resolved(domain, schema, shown)
    if isinstance(shown, list):
        return [completed(domain, schema["items"], item) for item in shown]
    if not isinstance(shown, dict):
        return shown
    return {
        name: sample(domain, inner) if shown.get(name) is None else completed(domain, inner, shown[name])
        for name, inner in schema.get("properties", {}).items()
        if name not in MEANT_NULLS or shown.get(name) is not None
    }


def sample(domain: str, schema: Json) -> Json:
    """A value that fits a schema."""
    schema = resolved(domain, schema)
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema["type"] if isinstance(schema["type"], str) else next(t for t in schema["type"] if t != "null")
    if kind == "object":
        return {name: sample(domain, inner) for name, inner in schema["properties"].items()}
    if kind == "array":
        return [sample(domain, schema["items"])]
    if kind == "string":
        return SAMPLE_BY_PATTERN.get(schema.get("pattern")) or SAMPLE_BY_FORMAT.get(schema.get("format"), "x")
    return {"integer": 3, "number": 4.5, "boolean": True}[kind]


def mutations(domain: str, schema: Json, shown: Json) -> Iterator[tuple[str, Json, bool]]:
    """Everything one can take away or twist: (what was done, the answer, whether it is still right)."""
    for path, inner, parent in _fields(domain, schema, shown, ()):
        said, is_optional = ".".join(map(str, path)), path[-1] not in parent.get("required", ())
        yield f"without {said}", _changed(shown, path, _GONE), is_optional
        yield f"null {said}", _changed(shown, path, None), is_optional
        yield f"twisted {said}", _changed(shown, path, _twisted(resolved(domain, inner))), False


_GONE = object()


def _twisted(schema: Json) -> Json:
    kinds = schema.get("type", "object")
    return [[]] if "object" in kinds else {"not": "this"}


def _fields(
    domain: str, schema: Json, shown: Json, path: tuple[Any, ...]
) -> Iterator[tuple[tuple[Any, ...], Json, Json]]:
    schema = resolved(domain, schema, shown)
    if isinstance(shown, list):
        for index, item in enumerate(shown):
            yield from _fields(domain, schema["items"], item, (*path, index))
    elif isinstance(shown, dict):
        for name, inner in schema.get("properties", {}).items():
            if name not in shown:
                continue
            yield (*path, name), inner, schema
            yield from _fields(domain, inner, shown[name], (*path, name))


def _changed(answer: Json, path: tuple[Any, ...], content: object) -> Json:
    answer = copy.deepcopy(answer)
    spot = answer
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = content
    if content is _GONE:
        del spot[path[-1]]
    return answer


def lost(written: Any, kept: Any, at: str = "$") -> list[str]:
    """Where a value, as JSON, has not what the answer had; numbers and moments may be spelt differently."""
    if isinstance(written, dict):
        return [
            place
            for name, part in written.items()
            for place in (lost(part, kept[name], f"{at}.{name}") if name in kept else [f"{at}.{name}"])
        ]
    if isinstance(written, list):
        if len(written) != len(kept):
            return [at]
        return [place for n, part in enumerate(written) for place in lost(part, kept[n], f"{at}[{n}]")]
    return [] if meant(written) == meant(kept) else [f"{at}: {written!r} became {kept!r}"]


def meant(leaf: Any) -> Any:
    """A number or a moment behind its spelling, else the text itself."""
    if not isinstance(leaf, str):
        return leaf
    try:
        return Decimal(leaf)
    except InvalidOperation:
        pass
    try:
        return dt.datetime.fromisoformat(leaf)
    except ValueError:
        return leaf


class Publisher(httpx.AsyncBaseTransport):
    """An upstream that keeps to the contract, unless a test scripts its answers.

    Each scripted answer is a JSON value for a 200, or a whole httpx.Response; the last one repeats.
    """

    def __init__(self, operation: Operation, *answers: Json) -> None:
        self.operation = operation
        self.answers = list(answers or (operation.example,))
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == (self.operation.method, self.operation.path)
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def asked(self, index: int = 0) -> Json:
        return json.loads(self.requests[index].content)
