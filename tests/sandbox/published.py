"""The published contracts, ready to judge requests and answers."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FOLDER = Path(__file__).parents[2] / "docs" / "contracts"
DOMAINS = ("catalogue", "search", "pricing", "stock", "loyalty", "recommendations", "delivery", "customers", "geo")
ERRORS = ("400", "401", "413", "429", "500")


class Contract:
    """One YAML. Schemas are named by where they stand in the document, as JSON pointers."""

    def __init__(self, domain: str) -> None:
        self.document: dict[str, Any] = yaml.safe_load((FOLDER / f"{domain}.yaml").read_text())
        self._uri = f"urn:{domain}"
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(self._uri, resource)

    def operations(self) -> dict[str, tuple[str, str]]:
        """Method and path by operation id; health is not one of them."""
        return {
            operation["operationId"]: (method, path)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if path != "/health"
        }

    def operation(self, name: str) -> dict[str, Any]:
        method, path = self.operations()[name]
        found: dict[str, Any] = self.document["paths"][path][method]
        return found

    def mistakes(self, pointer: str, value: object) -> list[str]:
        """What is wrong with a value by the schema at a pointer; empty when nothing is."""
        validator = Draft202012Validator(
            {"$ref": f"{self._uri}#{pointer}"},
            registry=self._registry,
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def request_mistakes(self, name: str, value: object) -> list[str]:
        return self.mistakes(f"{self._at(name)}/requestBody/content/application~1json/schema", value)

    def answer_mistakes(self, name: str, value: object) -> list[str]:
        return self.mistakes(f"{self._at(name)}/responses/200/content/application~1json/schema", value)

    def _at(self, name: str) -> str:
        method, path = self.operations()[name]
        return f"/paths/{path.replace('/', '~1')}/{method}"


@cache
def contract(domain: str) -> Contract:
    return Contract(domain)
