"""The contracts themselves: valid, complete, and the same as what the sandbox serves."""

from typing import Any

import pytest
from openapi_spec_validator import validate

from sandbox.server.assembly import DOMAINS as SERVED
from sandbox.upstreams.catalogue import Catalogue
from sandbox.upstreams.contract import Operation
from sandbox.upstreams.customers import Customers
from sandbox.upstreams.delivery import Delivery
from sandbox.upstreams.geo import Geo
from sandbox.upstreams.loyalty import Loyalty
from sandbox.upstreams.pricing import Pricing
from sandbox.upstreams.recommendations import Recommendations
from sandbox.upstreams.search import Search
from sandbox.upstreams.stock import Stock
from sandbox.world.shop import Shop
from tests.sandbox.published import DOMAINS, ERRORS, FOLDER, contract

EACH = [(domain, name) for domain in DOMAINS for name in contract(domain).operations()]


def served(shop: Shop) -> dict[str, Operation[Any]]:
    search = Search(shop)
    systems = (
        Catalogue(shop),
        search,
        Pricing(shop),
        Stock(shop),
        Loyalty(shop),
        Recommendations(shop, search),
        Delivery(shop),
        Customers(shop),
        Geo(shop),
    )
    return {operation.name: operation for system in systems for operation in system.operations()}


def test_domains() -> None:
    """There is one contract per upstream of the sandbox, and none besides."""
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(DOMAINS) == set(SERVED)


@pytest.mark.parametrize("domain", DOMAINS)
def test_valid(domain: str) -> None:
    """Each contract is valid OpenAPI 3.1."""
    document = contract(domain).document
    assert document["openapi"].startswith("3.1.")
    validate(document)


@pytest.mark.parametrize(("domain", "name"), EACH)
def test_examples(domain: str, name: str) -> None:
    """The examples of a contract obey its own schemas."""
    published = contract(domain)
    operation = published.operation(name)
    if "requestBody" in operation:
        example = operation["requestBody"]["content"]["application/json"]["example"]
        assert published.request_mistakes(name, example) == []
    example = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert published.answer_mistakes(name, example) == []


@pytest.mark.parametrize(("domain", "name"), EACH)
def test_errors_are_documented(domain: str, name: str) -> None:
    """Every operation says how it refuses, as problem+json, and answers with `observedAt`."""
    document, operation = contract(domain).document, contract(domain).operation(name)
    for status in ERRORS:
        reference = operation["responses"][status]["$ref"].rsplit("/", 1)[1]
        assert list(document["components"]["responses"][reference]["content"]) == ["application/problem+json"]
    assert "observedAt" in operation["responses"]["200"]["content"]["application/json"]["schema"]["required"]


@pytest.mark.parametrize(("domain", "name"), EACH)
def test_served_as_published(domain: str, name: str, shop: Shop) -> None:
    """The sandbox serves each operation at the published address, with the published batch limit."""
    operation = served(shop)[name]
    assert contract(domain).operations()[name] == (operation.method.lower(), operation.path)
    limits = {operation.limit} if operation.keys else set()
    assert limits_of(contract(domain).operation(name)) == limits


def limits_of(operation: dict[str, Any]) -> set[int]:
    """The batch limits at the top level of a request's schema."""
    if "requestBody" not in operation:
        return set()
    properties = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    choices = [choice for schema in properties.values() for choice in (schema, *schema.get("anyOf", ()))]
    return {choice["maxItems"] for choice in choices if "maxItems" in choice}


def test_nothing_unpublished(shop: Shop) -> None:
    """The sandbox serves no operation that no contract mentions."""
    assert set(served(shop)) == {name for _, name in EACH}
