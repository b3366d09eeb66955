"""The compiled engine and graphql-core give the same pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.pages import PAGES, Page
from tests.journeys.shop import Gateway, Sandbox, open_gateway

# They tell when the sandbox was asked, and each gateway asks it for itself.
OF_THE_MOMENT = {"observedAt", "ageSeconds", "state", "readyFrom"}


@pytest.fixture(scope="module")
def reference(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway that runs everything on graphql-core."""
    with open_gateway(sandbox, GATEWAY_EXECUTOR="reference") as opened:
        yield opened


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_both_engines_give_the_same_page(gateway: Gateway, reference: Gateway, sandbox: Sandbox, page: Page) -> None:
    """Data and errors are equal, field by field and in order, for a customer and for a stranger."""
    for token in (sandbox.token("cust-anna"), None):
        ours = gateway.ask(page.document, page.variables, token=token).json()
        theirs = reference.ask(page.document, page.variables, token=token).json()
        assert timeless(ours) == timeless(theirs)
        assert list(ours["data"]) == list(theirs["data"])


def timeless(value: Any) -> Any:
    """An answer without what depends on the moment."""
    if isinstance(value, dict):
        return [(name, timeless(item)) for name, item in value.items() if name not in OF_THE_MOMENT]
    return [timeless(item) for item in value] if isinstance(value, list) else value
