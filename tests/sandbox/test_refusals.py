"""What an upstream refuses, and how."""

from typing import Any

import pytest

from tests.sandbox.driving import API_KEY, CONTEXT, Driver
from tests.sandbox.published import contract
from tests.sandbox.requests import CASES

ONE_OF_EACH = list({name: (name, path, body) for name, path, body in CASES}.values())
NAMES = [name for name, _, _ in ONE_OF_EACH]


@pytest.mark.parametrize(("name", "path", "body"), ONE_OF_EACH, ids=NAMES)
def test_key_is_needed(driver: Driver, name: str, path: str, body: dict[str, Any]) -> None:
    """Without the API key, or with another one, every operation answers 401."""
    domain = name.partition(".")[0]
    for authorization in ("", "Bearer other", f"Basic {API_KEY}"):
        assert_refused(driver.call(domain, path, body, authorization=authorization), domain, 401)


@pytest.mark.parametrize(("name", "path", "body"), ONE_OF_EACH, ids=NAMES)
def test_malformed(driver: Driver, name: str, path: str, body: dict[str, Any]) -> None:
    """A body that is not an object, or lacks a required field, is a 400 that says what is wrong."""
    domain = name.partition(".")[0]
    required = contract(domain).operation(name)["requestBody"]["content"]["application/json"]["schema"]["required"]
    for missing in required:
        refused = driver.call(domain, path, {field: value for field, value in body.items() if field != missing})
        assert_refused(refused, domain, 400)
        assert missing in refused.json()["detail"]
    assert_refused(driver.call(domain, path, []), domain, 400)


@pytest.mark.parametrize(("name", "path", "body"), ONE_OF_EACH, ids=NAMES)
def test_batch_limit(driver: Driver, name: str, path: str, body: dict[str, Any]) -> None:
    """A batch of exactly the limit passes, one key more is a 413."""
    domain = name.partition(".")[0]
    field, limit = limited_field(domain, name)
    keys = (body[field] or ["promo-app"])[:1]
    single = {other: [] if isinstance(value, list) else value for other, value in body.items()}
    assert driver.call(domain, path, single | {field: keys * limit}).status_code == 200
    assert_refused(driver.call(domain, path, single | {field: keys * (limit + 1)}), domain, 413)


def limited_field(domain: str, name: str) -> tuple[str, int]:
    schema = contract(domain).operation(name)["requestBody"]["content"]["application/json"]["schema"]
    found = (
        (field, choice["maxItems"])
        for field, of in schema["properties"].items()
        for choice in (of, *of.get("anyOf", ()))
        if "maxItems" in choice
    )
    return next(found)


def test_limit_is_for_all_keys_together(driver: Driver) -> None:
    """The catalogue's limit is on ids, handles and skus in all."""
    body = {"language": "ru", "ids": ["a"] * 200, "handles": ["b"] * 200, "skus": ["c"] * 101}
    assert_refused(driver.call("catalogue", "/v1/products/batch", body), "catalogue", 413)


@pytest.mark.parametrize(
    "query",
    [
        {"first": 0, "text": "a"},
        {"first": 101, "text": "a"},
        {"first": 5},
        {"first": 5, "text": "a", "categoryId": "c-1"},
        {"first": 5, "text": "a", "sort": "CHEAPEST"},
        {"first": 5, "text": "a", "filter": {"receivableBy": "tomorrow"}},
    ],
)
def test_bad_listing_query(driver: Driver, query: dict[str, Any]) -> None:
    """A page size out of bounds, no or two subjects, and unknown words are 400."""
    body = {**CONTEXT, "queries": [query]}
    assert_refused(driver.call("search", "/v1/listings/batch", body), "search", 400)


@pytest.mark.parametrize("quantity", [0, -1, 2**31])
@pytest.mark.parametrize(("domain", "path"), [("pricing", "/v1/prices/batch"), ("loyalty", "/v1/estimates/batch")])
def test_bad_quantity(driver: Driver, domain: str, path: str, quantity: int) -> None:
    """A quantity that nobody can buy is a 400."""
    body = {**CONTEXT, "items": [{"sku": "LUM-000001-01", "quantity": quantity}]}
    assert_refused(driver.call(domain, path, body), domain, 400)


@pytest.mark.parametrize("to", [{}, {"localityId": "msk", "point": {"latitude": 0, "longitude": 0}}])
def test_bad_destination(driver: Driver, to: dict[str, Any]) -> None:
    """A destination is given in exactly one way."""
    body = {**CONTEXT, "items": [{"sku": "LUM-000001-01", "to": to}]}
    assert_refused(driver.call("delivery", "/v1/promises/batch", body), "delivery", 400)


def test_unknown_address(driver: Driver) -> None:
    """A path or a method that the contract does not have is a 404."""
    assert driver.call("stock", "/v1/nothing", {}).status_code == 404
    assert driver.call("stock", "/v1/availability/batch").status_code == 404


def test_health_needs_no_key(driver: Driver) -> None:
    """Every upstream says that it is well to anybody."""
    for domain in driver.upstreams:
        assert driver.call(domain, "/health", authorization="").json() == {"status": "ok"}


def assert_refused(response: Any, domain: str, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert contract(domain).mistakes("/components/schemas/Problem", response.json()) == []
    assert response.json()["status"] == status
