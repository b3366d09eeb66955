"""Fields that need a scope of the token, over real HTTP and from the cache as well."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.commands.checking import check_against_schema
from gateway.commands.reading import CommandFailed
from gateway.settings import Settings
from tests.identity.issuer import Issuer
from tests.journeys.publishing import ISSUER, believing
from tests.journeys.shop import Gateway, Sandbox, open_gateway

ME = "{ me { __typename } }"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """Who signs this module's tokens."""
    return Issuer()


@pytest.fixture(scope="module")
def guarded(sandbox: Sandbox, issuer: Issuer) -> Iterator[Gateway]:
    """A gateway where `me` needs the scope `profile`."""
    with (
        believing(issuer) as identity,
        open_gateway(sandbox, GATEWAY_IDENTITY__SCOPES='{"Query.me": "profile"}', **identity) as opened,
    ):
        yield opened


def ask(gateway: Gateway, query: str, token: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return gateway.client.post("/graphql", json={"query": query}, headers=headers)


def test_only_a_token_with_the_scope_opens_the_field(guarded: Gateway, issuer: Issuer) -> None:
    """Also after somebody who may see it has left the answer in every cache."""

    def token(**claims: Any) -> str:
        return issuer.sign("ES256", iss=ISSUER, sub="cust-anna", exp=int(time.time()) + 600, **claims)

    for _ in range(2):
        allowed = ask(guarded, ME, token(scope="basket profile"))
        assert allowed.json() == {"data": {"me": {"__typename": "Customer"}}}
        refused = ask(guarded, ME, token(scope="basket"))
        assert refused.status_code in (200, 403)
        assert [error["extensions"]["code"] for error in refused.json()["errors"]] == ["FORBIDDEN"]
        assert refused.json().get("data") is None
        assert "insufficient_scope" in refused.headers["www-authenticate"]
        stranger = ask(guarded, ME)
        assert [error["extensions"]["code"] for error in stranger.json()["errors"]] == ["UNAUTHENTICATED"]
    assert "errors" not in ask(guarded, "{ sources { source } }", token(scope="basket")).json()


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"identity": {"scopes": {"Query.mee": "profile"}}}, "GATEWAY_IDENTITY__SCOPES: .*Query.mee"),
        ({"documents": {"manifests": ["/nowhere.json"]}}, "GATEWAY_DOCUMENTS__MANIFESTS: /nowhere.json: No such file"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(section: dict[str, Any], said: str) -> None:
    """Before any worker starts."""
    with pytest.raises(CommandFailed, match=said) as failed:
        check_against_schema(Settings(**section))
    assert "\n" not in str(failed.value)
