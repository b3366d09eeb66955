"""The control API: readiness, known names, tokens."""

import time

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError
from joserfc.jwk import KeySet

from tests.sandbox.driving import Driver


def token(driver: Driver, **wanted: object) -> str:
    response = driver.client.post(f"{driver.control}/token", json=wanted)
    assert response.status_code == 200, response.text
    return str(response.json()["token"])


def key_set(driver: Driver) -> KeySet:
    return KeySet.import_key_set(driver.client.get(f"{driver.control}/.well-known/jwks.json").json())


def test_ready(driver: Driver) -> None:
    """Readiness names all upstreams with their addresses."""
    assert driver.client.get(f"{driver.control}/ready").json() == {"status": "ok", "upstreams": driver.upstreams}


def test_known_products(driver: Driver) -> None:
    """Every product that is said to be known is there by id, handle and all of its skus."""
    known = driver.client.get(f"{driver.control}/known").json()
    assert len(known["products"]) == 12
    for told in known["products"]:
        for keys in ({"ids": [told["id"]]}, {"handles": [told["handle"]]}, {"skus": told["skus"][-1:]}):
            (found,) = driver.ask("catalogue", "/v1/products/batch", language="ru", **keys)["products"]
            assert [variant["sku"] for variant in found["variants"]] == told["skus"]
            assert found["categoryPath"][-1] == told["categoryId"]


def test_known_names(driver: Driver) -> None:
    """Known customers, placements, localities and places exist where they belong."""
    known = driver.client.get(f"{driver.control}/known").json()
    people = [it["id"] for it in known["customers"]]
    assert [it["id"] for it in driver.ask("customers", "/v1/customers/batch", ids=people)["customers"]] == people
    towns = [it["id"] for it in known["localities"]]
    assert len(towns) == 25
    assert len(driver.ask("geo", "/v1/localities/batch", language="en", ids=towns)["localities"]) == 25
    places = [it["id"] for it in known["locations"]]
    assert len(driver.ask("delivery", "/v1/locations/batch", language="en", ids=places)["locations"]) == 46
    assert {
        "home_personal",
        "home_popular",
        "product_similar",
        "product_together",
        "search_empty",
        "cart_addons",
    } <= set(known["placements"])


def test_token(driver: Driver) -> None:
    """A token is signed by the published key and says who and with which preferences."""
    claims = jwt.decode(
        token(driver, customerId="cust-nina", currency="KZT"), key_set(driver), algorithms=["ES256"]
    ).claims
    assert {name: claims[name] for name in ("iss", "aud", "sub", "locality", "language", "currency")} == {
        "iss": driver.control,
        "aud": "commerce-gateway",
        "sub": "cust-nina",
        "locality": "spb",
        "language": "en",
        "currency": "KZT",
    }
    assert claims["iat"] <= time.time() < claims["exp"]


def test_expired_token(driver: Driver) -> None:
    """A negative lifetime makes a token that has expired already."""
    claims = jwt.decode(
        token(driver, customerId="cust-anna", expiresInSeconds=-60), key_set(driver), algorithms=["ES256"]
    ).claims
    with pytest.raises(ExpiredTokenError):
        jwt.JWTClaimsRegistry().validate(claims)


def test_changed_token(driver: Driver) -> None:
    """A token with another customer in it does not fit its signature."""
    anna, boris = (token(driver, customerId=who).split(".") for who in ("cust-anna", "cust-boris"))
    with pytest.raises(BadSignatureError):
        jwt.decode(".".join((anna[0], boris[1], anna[2])), key_set(driver), algorithms=["ES256"])


def test_private_key_stays(driver: Driver) -> None:
    """The published key has no private part."""
    (key,) = driver.client.get(f"{driver.control}/.well-known/jwks.json").json()["keys"]
    assert "d" not in key
    assert (key["kty"], key["alg"], key["use"]) == ("EC", "ES256", "sig")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"customerId": "nobody"}', 404),
        (b"{}", 400),
        (b"", 400),
        (b"[]", 400),
        (b'{"customerId": "cust-anna", "admin": 1}', 400),
    ],
)
def test_no_token(driver: Driver, body: bytes, status: int) -> None:
    """Unknown customers and strange wishes get no token."""
    response = driver.client.post(f"{driver.control}/token", content=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
