"""Judges what stands inside Bitrix24's batches: each command, and each result.

By our own schemas (`x-methods`), and by the vendor's method files, which are no OpenAPI: they say
which parameters a method has, which fields its entities have, and give an example of an answer.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from sandbox.vendors.php import parse_query
from tests.vendors.contracts import SLIM, Contract, Tally, folder

Json = Any
PREFIX = re.compile(r"^[<>=!@%]+")
BASES: dict[str, tuple[type, ...]] = {
    "array": (list,), "object": (dict,), "string": (str,), "integer": (str, int), "datetime": (str,)
}  # fmt: skip


@cache
def _slim() -> Json:
    return yaml.safe_load((SLIM / "bitrix24.yaml").read_text())


def objections_by_slim(method: str, params: Json, result: Json | None) -> list[str]:
    """What our own schemas have against a command and its result."""
    described = _slim()["x-methods"].get(method)
    if described is None:
        return [f"expected a method that we use, got {method}"]
    said = _about(f"{method}/params", params)
    if result is None:
        return said
    entries = result.get(described["entries"])
    if not isinstance(entries, list):
        return [*said, f"expected {described['entries']}, got {sorted(result)}"]
    return said + [objection for entry in entries for objection in _about(f"{method}/entry", entry)]


@cache
def _validator(place: str) -> Draft202012Validator:
    registry: Registry[Json] = Registry()
    registry = registry.with_resource("urn:portal", DRAFT202012.create_resource(_slim()))
    return Draft202012Validator({"$ref": f"urn:portal#/x-methods/{place}"}, registry=registry)


def _about(place: str, value: Json) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in _validator(place).iter_errors(value)]


def objections_by_vendor(method: str, params: Json, result: Json | None) -> list[str] | None:
    """What the vendor's method file has against them; None when there is no such file."""
    contracts = folder()
    path = contracts / "bitrix24" / f"{method}.json" if contracts is not None else None
    if path is None or not path.is_file():
        return None
    told = json.loads(path.read_text())
    bases = {param["name"]: param["base"] for param in told["params"]}
    said = [f"unknown parameter {name}" for name in params if name not in bases]
    said += [
        f"{name}: expected {bases[name]}, got {type(value).__name__}"
        for name, value in params.items()
        if name in bases and not isinstance(value, BASES[bases[name]])
    ]
    example = told["resultExample"].get("result", told["resultExample"])
    (entries, shown), *_ = [(name, one) for name, one in example.items() if isinstance(one, list)]
    known = {*told["entityFields"], *(name for one in shown for name in one)}
    named = [*params.get("select", ()), *(PREFIX.sub("", name) for name in params.get("filter", {}))]
    said += [f"unknown field {name}" for name in named if not _is_known(name, known)]
    if result is not None and entries not in result:
        said.append(f"expected {entries}, got {sorted(result)}")
    for entry in (result or {}).get(entries, ()):
        said += [f"unknown field {name} in {entries}" for name in entry if not _is_known(name, known)]
        odd = [name for name, value in entry.items() if _differs(shown[0], name, value)]
        said += [f"{name}: {entry[name]!r} is of another kind than {shown[0][name]!r}" for name in odd]
    return said


def _is_known(name: str, known: set[str]) -> bool:
    return name in known or ("propertyN" in known and bool(re.fullmatch(r"property\d+", name)))


def _differs(example: Json, name: str, value: Json) -> bool:
    """Null is everywhere, and numbers may be text; anything else has the kind of the example."""
    if example.get(name) is None or value is None:
        return False
    scalars = (str, int, float)
    return isinstance(value, scalars) is not isinstance(example[name], scalars)


@dataclass
class PortalJudge(httpx.AsyncBaseTransport):
    """A transport that lets through commands and results that fit, and counts them."""

    beneath: httpx.AsyncBaseTransport
    tally: Tally
    seen: list[tuple[str, Json]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.beneath.handle_async_request(request)
        answer = httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())
        if request.url.path.endswith("/batch.json"):
            results = answer.json()["result"]["result"] if answer.status_code == 200 else {}
            for name, command in json.loads(request.content)["cmd"].items():
                method, _, query = command.partition("?")
                self._judge(method, parse_query(query), dict(results).get(name))
        return answer

    def _judge(self, method: str, params: Json, result: Json | None) -> None:
        self.seen.append((method, params))
        verdicts = {
            "bitrix24 commands, slim": objections_by_slim(method, params, result),
            "bitrix24 commands, published": objections_by_vendor(method, params, result),
        }
        for name, said in verdicts.items():
            assert not said, f"{name}: {method}: {said[:5]}"
            if said is not None:
                self.tally.add(self.tally.requests, Contract(name, []))
                if result is not None:
                    self.tally.add(self.tally.answers, Contract(name, []))
