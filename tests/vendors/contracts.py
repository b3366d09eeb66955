"""Vendors' own contracts as judges: of what our adapters send, and of what our simulators answer.

Two kinds are read the same way:

* `slim("voucherify")` reads `docs/vendors/schemas/voucherify.yaml` (or `.json`): written by us, of
  the operations that we use, always there and read strictly.
* `published("voucherify", "voucherify-readOnly-openAPI.json")` reads the vendor's own document. It
  is not ours to ship: it is looked for in a folder `shared/contracts/<vendor>` beside the
  repository, or where `VENDOR_CONTRACTS` says; where it is absent the test is skipped, with the
  reason. It is read with the relaxations that the vendors' own examples need: see `relaxed`.

Both give a `Contract`. Put it between an adapter and its simulator, and every exchange of the test
is judged; the first objection fails the test:

    def test_...(tally: Tally) -> None:
        judge = Judge(httpx.ASGITransport(simulator.app()), [slim("voucherify"), published(...)], tally)
        adapter = VoucherifyPricing(Upstream(source, "https://api.voucherify.example", judge), settings, now)
        ...
        assert tally.requests and tally.answers

`tally` is a fixture of this folder; what it counted is summed per contract and printed at the end of
the run ("voucherify, published: 41 requests and 41 answers fit"). A contract with several documents
in one file takes `pick`, a contract whose paths lack the beginning of the real ones takes `below`,
one that says object where it means a list takes `lists_for_objects=True`, and a bare JSON Schema is
read by `published_schema`. `Contract.objections_to_request` and `.objections_to_answer` judge
without a transport.
"""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.vendors.relaxation import relaxed_document

Json = Any

ROOT = Path(__file__).resolve().parents[2]
SLIM = ROOT / "docs" / "vendors" / "schemas"
NO_CONTRACTS = "needs the vendors' contracts: a folder shared/contracts beside the repository, or VENDOR_CONTRACTS"
REFUSALS_FROM = 400
"""Contracts rarely describe every refusal; an answer with one is not judged where they do not."""


def folder() -> Path | None:
    """Where the vendors' contracts lie; None when this machine has none."""
    said = os.environ.get("VENDOR_CONTRACTS")
    places = [Path(said)] if said else [above / "shared" / "contracts" for above in ROOT.parents]
    return next((place for place in places if place.is_dir()), None)


def published(
    vendor: str,
    file: str,
    *,
    pick: Callable[[Json], Sequence[Json]] = lambda whole: [whole],
    below: str = "",
    lists_for_objects: bool = False,
    unsaid: Sequence[str] = (),
) -> "Contract":
    """The vendor's own document, relaxed; skips the test where it is absent.

    `pick` finds the OpenAPI documents in the file; `below` is the part of real paths that comes
    before the contract's own; `unsaid` are parameters of every query that the vendor describes elsewhere.
    """
    documents = pick(_relaxed(_place(vendor, file)))
    return Contract(f"{vendor}, published", documents, below, lists_for_objects, tuple(unsaid))


def published_schema(vendor: str, file: str) -> Json:
    """A bare JSON Schema or any other file of the vendor, as it is; skips the test where it is absent."""
    return _read(_place(vendor, file))


def slim(vendor: str, *, below: str = "") -> "Contract":
    """Our own schemas of the operations that we use."""
    path = next(path for ending in ("yaml", "json") if (path := SLIM / f"{vendor}.{ending}").is_file())
    return Contract(f"{vendor}, slim", [_read(path)], below)


def _place(vendor: str, file: str) -> Path:
    contracts = folder()
    if contracts is None:
        pytest.skip(NO_CONTRACTS)
    return contracts / vendor / file


@cache
def _read(path: Path) -> Json:
    text = path.read_text("utf-8-sig")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_LOADER)  # noqa: S506 (it is safe)


@cache
def _relaxed(path: Path) -> Json:
    return relaxed_document(_read(path))


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Found:
    """An operation of a contract: where it stands in which document, and what it says."""

    document: int
    pointer: str
    described: Json
    parameters: Sequence[Json]


@dataclass(frozen=True)
class Contract:
    """One or several OpenAPI documents that judge requests and answers."""

    name: str
    documents: Sequence[Json] = field(repr=False)
    below: str = ""
    lists_for_objects: bool = False
    unsaid: tuple[str, ...] = ()

    def objections_to_request(self, request: httpx.Request) -> list[str]:
        """What in a request contradicts the contract; empty when nothing does."""
        found = self._find(request)
        if found is None:
            return [f"expected an operation of {self.name}, got {request.method} {request.url.path}"]
        return [*self._about_parameters(found, request), *self._about_body(found, request)]

    def objections_to_answer(self, request: httpx.Request, answer: httpx.Response) -> list[str]:
        """What in an answer contradicts the contract."""
        found = self._find(request)
        if found is None:
            return [f"expected an operation of {self.name}, got {request.method} {request.url.path}"]
        key = self._status(found, answer.status_code)
        if key is None:
            said = f"{answer.status_code} is no status of {request.method} {request.url.path}"
            return [] if answer.status_code >= REFUSALS_FROM else [said]
        pointer, described = self._behind(found, f"{found.pointer}/responses/{key}", found.described["responses"][key])
        content = described.get("content", {})
        place = _json_content(content)
        if place is None or "schema" not in content[place]:
            return []
        try:
            body = answer.json()
        except ValueError as error:
            return [f"expected JSON with {answer.status_code}: {error}"]
        return self._judge(found, f"{pointer}/content/{_escaped(place)}/schema", body)

    def describes(self, request: httpx.Request, answer: httpx.Response) -> bool:
        """Whether there is anything to judge such an answer by."""
        found = self._find(request)
        return found is not None and self._status(found, answer.status_code) is not None

    def _find(self, request: httpx.Request) -> Found | None:
        path, method = request.url.path.removeprefix(self.below), request.method.lower()
        fitting = [
            (template.count("{"), number, template)
            for number, templates in enumerate(self._templates)
            for template, pattern in templates
            if pattern.fullmatch(path) and method in self.documents[number]["paths"][template]
        ]
        if not fitting:
            return None
        _, number, template = min(fitting)
        item = self.documents[number]["paths"][template]
        pointer = f"/paths/{_escaped(template)}"
        parameters = [
            self._behind(Found(number, "", {}, ()), "", parameter)[1]
            for parameter in (*item.get("parameters", ()), *item[method].get("parameters", ()))
        ]
        return Found(number, f"{pointer}/{method}", item[method], parameters)

    @cached_property
    def _templates(self) -> list[list[tuple[str, re.Pattern[str]]]]:
        return [
            [
                (template, re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template.partition("?")[0]))))
                for template in document.get("paths", {})
            ]
            for document in self.documents
        ]

    def _status(self, found: Found, status: int) -> str | int | None:
        said = found.described["responses"]
        return next((key for key in (str(status), status, f"{status // 100}XX", "default") if key in said), None)

    def _behind(self, found: Found, pointer: str, part: Json) -> tuple[str, Json]:
        """What a reference to a response, a body or a parameter means, and where that stands."""
        while "$ref" in part:
            pointer = part["$ref"].removeprefix("#")
            part = self.documents[found.document]
            for step in pointer.split("/")[1:]:
                part = part[unquote(step).replace("~1", "/").replace("~0", "~")]
        return pointer, part

    def _about_parameters(self, found: Found, request: httpx.Request) -> list[str]:
        given = {"query": dict(request.url.params), "header": dict(request.headers)}
        said = []
        for parameter in found.parameters:
            place, name = parameter["in"], parameter["name"]
            if place not in given:
                continue
            value = given[place].get(name.lower() if place == "header" else name)
            if value is None:
                said += [f"missing {place} parameter {name}"] if parameter.get("required") else []
            elif "schema" in parameter and not self._fits(found, parameter["schema"], value):
                said.append(f"{place} parameter {name}: {value!r} does not fit {str(parameter['schema'])[:200]}")
        known = {parameter["name"].partition("[")[0] for parameter in found.parameters if parameter["in"] == "query"}
        known.update(self.unsaid)
        return said + [
            f"unknown query parameter {name}" for name in given["query"] if name.partition("[")[0] not in known
        ]

    def _fits(self, found: Found, schema: Json, value: str) -> bool:
        """Whether a text fits as it is or as the JSON that it may be."""
        readings: list[Json] = [value, value.split(",")]
        with contextlib.suppress(ValueError):
            readings.append(json.loads(value))
        local = {"$ref": f"{_urn(found.document)}{schema['$ref']}"} if "$ref" in schema else schema
        validator = Draft202012Validator(local, registry=self._registry)
        return any(validator.is_valid(reading) for reading in readings)

    def _about_body(self, found: Found, request: httpx.Request) -> list[str]:
        if "requestBody" not in found.described:
            return ["expected no body"] if request.content else []
        pointer, described = self._behind(found, f"{found.pointer}/requestBody", found.described["requestBody"])
        if not request.content:
            return ["expected a body"] if described.get("required") else []
        sent_as = request.headers.get("content-type", "").partition(";")[0]
        content = described["content"]
        place = sent_as if sent_as in content else _json_content(content)
        if place is None or ("json" in place) != ("json" in sent_as):
            return [f"expected a body of {sorted(content)}, got {sent_as!r}"]
        body = json.loads(request.content) if "json" in sent_as else dict(parse_qsl(request.content.decode()))
        return self._judge(found, f"{pointer}/content/{_escaped(place)}/schema", body)

    def _judge(self, found: Found, pointer: str, body: Json) -> list[str]:
        validator = self._validator(found.document, pointer)
        if isinstance(body, list) and self.lists_for_objects and self._is_object(found, pointer):
            return [f"[{n}] {said}" for n, entry in enumerate(body) for said in self._judge(found, pointer, entry)]
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]

    def _is_object(self, found: Found, pointer: str) -> bool:
        _, schema = self._behind(found, "", {"$ref": f"#{pointer}"})
        return bool(schema.get("type") in ("object", ["object", "null"]))

    def _validator(self, document: int, pointer: str) -> Draft202012Validator:
        if (document, pointer) not in self._validators:
            reference = {"$ref": f"{_urn(document)}#{pointer.replace('{', '%7B').replace('}', '%7D')}"}
            self._validators[document, pointer] = Draft202012Validator(reference, registry=self._registry)
        return self._validators[document, pointer]

    @cached_property
    def _validators(self) -> dict[tuple[int, str], Draft202012Validator]:
        return {}

    @cached_property
    def _registry(self) -> Registry[Json]:
        resources = (
            (_urn(number), DRAFT202012.create_resource(document)) for number, document in enumerate(self.documents)
        )
        empty: Registry[Json] = Registry()
        return empty.with_resources(resources)


def _urn(document: int) -> str:
    return f"urn:contract:{document}"


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def _json_content(content: Json) -> str | None:
    return next((kind for kind in content if "json" in kind or kind == "*/*"), None)


@dataclass
class Tally:
    """How many requests and answers fitted, per contract."""

    requests: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)

    def add(self, side: dict[str, int], contract: Contract) -> None:
        side[contract.name] = side.get(contract.name, 0) + 1


@dataclass
class Judge(httpx.AsyncBaseTransport):
    """A transport that lets through what fits all contracts, both ways, and fails the test at anything else.

    `beneath` must not stream endlessly: answers are read whole.
    """

    beneath: httpx.AsyncBaseTransport
    contracts: Iterable[Contract]
    tally: Tally
    seen: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        for contract in self.contracts:
            said = contract.objections_to_request(request)
            assert said == [], f"{contract.name}: {request.method} {request.url.path}: {said[:5]}"
            self.tally.add(self.tally.requests, contract)
        answer = await self.beneath.handle_async_request(request)
        answer = httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())
        for contract in self.contracts:
            said = contract.objections_to_answer(request, answer)
            assert said == [], f"{contract.name}: answer to {request.method} {request.url.path}: {said[:5]}"
            if contract.describes(request, answer):
                self.tally.add(self.tally.answers, contract)
        return answer
