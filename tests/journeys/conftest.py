"""One shop for all journeys of a module."""

from collections.abc import Iterator

import pytest

from tests.journeys.shop import Gateway, Sandbox, open_gateway, open_sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for the whole run."""
    with open_sandbox(tmp_path_factory.mktemp("sandbox")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def well_sandbox(sandbox: Sandbox) -> Iterator[None]:
    """Every journey starts with a sandbox that is well and has counted nothing."""
    sandbox.reset()
    yield
    sandbox.reset()


@pytest.fixture(scope="module")
def gateway(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway as production runs it, with its cache."""
    with open_gateway(sandbox) as opened:
        yield opened


@pytest.fixture(scope="module")
def forgetful(sandbox: Sandbox) -> Iterator[Gateway]:
    """A gateway that keeps nothing, so that every page asks every system."""
    with open_gateway(sandbox, GATEWAY_CACHE__IS_ENABLED="false") as opened:
        yield opened
